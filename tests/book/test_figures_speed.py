"""Figures of times: what is measured is where it is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.speed import growth_panels, residual_course, time_ratios


@pytest.fixture(params=figures.MODES)
def figure(request):
    with figures.theme(request.param):
        yield Figure(figsize=(6.4, 4))


def places(ax):
    """Points that are drawn as marks."""
    return [
        (float(x), float(y))
        for line in ax.lines
        if line.get_marker() == "o"
        for x, y in line.get_xydata()
    ]


def test_the_course_and_the_point(figure):
    ax = figure.add_subplot()
    residual_course(ax, [1, 10, 100], [1e-1, 1e-2, 1e-3], (0.05, 1e-12))
    assert places(ax) == [(1, 1e-1), (10, 1e-2), (100, 1e-3), (0.05, 1e-12)]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert {text.get_text() for text in ax.texts} == {"projected Adam", "exact solve"}
    for x, y in places(ax):
        assert ax.get_xlim()[0] < x < ax.get_xlim()[1]
        assert ax.get_ylim()[0] < y < ax.get_ylim()[1]


def test_a_mark_for_each_precision(figure):
    ax = figure.add_subplot()
    ratios = {"lbfgs": {"float64": 4.0, "float32": 6.0}, "newton": {}}
    time_ratios(ax, ratios, maximum=6.0)
    assert places(ax) == [(4, 0), (6, 0)]
    filled = [to_hex(line.get_markerfacecolor()) for line in ax.lines if line.get_marker() == "o"]
    assert filled == [figures.colour("corrupted"), figures.colour("background")]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["lbfgs", "newton"]
    assert [text.get_text() for text in ax.texts] == ["not possible"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1×", "3×"]


def test_lines_have_the_slope_that_is_written(figure):
    x = np.array([1.0, 10.0, 100.0])
    growth_panels(figure, {"N": (x, 3 * x**2, 2.0), "d": (x, [5, 5, 5], 0.0)})
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["N: slope 2.0", "d: slope 0.0"]
    fitted = figure.axes[0].lines[0].get_xydata()
    np.testing.assert_allclose(fitted[:, 1], 3 * x**2)
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    assert places(figure.axes[1]) == [(1, 5), (10, 5), (100, 5)]


def test_what_is_not_positive_is_refused(figure):
    ax = figure.add_subplot()
    with pytest.raises(ValueError, match="seconds must be positive"):
        residual_course(ax, [0, 1], [1, 1], (1, 1))
    with pytest.raises(ValueError, match="same length, got 2 and 1"):
        residual_course(ax, [1, 1], [1], (1, 1))
    with pytest.raises(ValueError, match="exact must be positive"):
        residual_course(ax, [1], [1], (1, 0))
    with pytest.raises(ValueError, match=r"ratios\['x'\] must be positive"):
        time_ratios(ax, {"x": {"float64": -1.0}}, maximum=1)
    with pytest.raises(ValueError, match="curves must have at least one entry"):
        growth_panels(figure, {})
