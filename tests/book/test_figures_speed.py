"""The figures of the page on speed: what is measured is where it is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import heights, ink, line, points, shade, ticks, written

from sdbook.book import figures
from sdbook.book.figures.speed import residual_over_time, time_over_size, time_ratios


@pytest.fixture(params=figures.MODES)
def figure(request):
    with figures.theme(request.param):
        yield Figure(figsize=(6.4, 4))


def test_the_course_of_adam_and_the_point_of_the_exact_solve(figure):
    ax = figure.add_subplot()
    residual_over_time(ax, [1, 10, 100], [1e-1, 1e-2, 1e-3], (0.05, 1e-12))
    assert points(ax, "projected Adam") == [(1, 1e-1), (10, 1e-2), (100, 1e-3)]
    assert points(ax, "exact solve") == [(0.05, 1e-12)]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    for name in ("projected Adam", "exact solve"):
        assert ink(ax)[name] == shade(line(ax, name))
        for x, y in points(ax, name):
            assert ax.get_xlim()[0] < x < ax.get_xlim()[1]
            assert ax.get_ylim()[0] < y < ax.get_ylim()[1]


def test_a_mark_for_each_precision(figure):
    ax = figure.add_subplot()
    ratios = {"lbfgs": {"float64": 4.0, "float32": 6.0}, "newton": {}}
    time_ratios(ax, ratios, maximum=6.0, title="time")
    assert points(ax, "lbfgs, float64") == [(4, 0)]
    assert points(ax, "lbfgs, float32") == [(6, 0)]
    filled, open_ = (
        line(ax, f"lbfgs, {kind}").get_markerfacecolor() for kind in ("float64", "float32")
    )
    assert (filled, open_) == (figures.colour("corrupted"), figures.colour("background"))
    assert ticks(ax.yaxis) == ["lbfgs", "newton"]
    assert written(ax) == ["not possible"]
    assert ax.texts[0].get_position()[1] == 1, "beside the second"
    assert ticks(ax.xaxis) == ["1×", "3×"]


def test_a_solver_that_is_faster_is_left_of_the_line(figure):
    ax = figure.add_subplot()
    time_ratios(ax, {"lbfgs": {"float64": 0.2, "float32": 3.0}}, maximum=3.0, title="time")
    assert points(ax, "lbfgs, float64") == [(0.2, 0)]
    assert ax.get_xlim()[0] < 0.2


def test_lines_have_the_slope_that_is_written(figure):
    x = np.array([1.0, 10.0, 100.0])
    time_over_size(figure, {"N": (x, 3 * x**2, 2.0), "d": (x, [5, 5, 5], 0.0)})
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["N: slope 2.0", "d: slope 0.0"]
    assert heights(figure.axes[0], "fitted") == pytest.approx(list(3 * x**2))
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    assert points(figure.axes[1], "measured") == [(1, 5), (10, 5), (100, 5)]


def test_what_is_not_positive_is_refused(figure):
    ax = figure.add_subplot()
    with pytest.raises(ValueError, match="seconds must be > 0"):
        residual_over_time(ax, [0, 1], [1, 1], (1, 1))
    with pytest.raises(ValueError, match=r"seconds and residuals must .* same length, got 2 and 1"):
        residual_over_time(ax, [1, 1], [1], (1, 1))
    with pytest.raises(ValueError, match="exact must be > 0"):
        residual_over_time(ax, [1], [1], (1, 0))
    with pytest.raises(ValueError, match=r"ratios\['x'\] must be > 0"):
        time_ratios(ax, {"x": {"float64": -1.0}}, maximum=1, title="")
    with pytest.raises(ValueError, match="curves must have at least one entry"):
        time_over_size(figure, {})
