"""The figures of chapter 8: clean labels."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import heights, ink, line, points, shade, strokes, ticks, written

from sdbook.book import figures
from sdbook.book.figures.clean_labels import (
    accuracy_over_penalty,
    margins_over_rounds,
    rounds_as_one_round,
    shares_over_rounds,
)
from sdbook.book.filters import matching_ridge
from sdbook.theory import equivalent_ridge


@pytest.fixture(params=figures.MODES)
def ax(request):
    with figures.theme(request.param):
        yield Figure().add_subplot()


def test_lines_are_at_real_and_points_at_whole_rounds(ax):
    actors, exact = ["theory", "experiment"], {"exact": [0.5, 0.4]}
    curves = {"line": [0.1, 0.3, 0.2]}
    shares_over_rounds(ax, [1, 2.5, 10], curves, actors, points=exact, limits=(0, 1), marked=4)
    assert points(ax, "line") == [(1, 0.1), (2.5, 0.3), (10, 0.2)]
    assert points(ax, "exact") == [(1, 0.5), (2, 0.4)]
    assert [shade(line(ax, name)) for name in ("line", "exact")] == [
        figures.colour(actor) for actor in actors
    ]
    assert written(ax) == ["line", "exact"]
    assert ticks(ax.xaxis) == ["1", "2", "5", "10"]
    mark = line(ax, "marked")
    assert set(mark.get_xdata()) == {4}
    assert mark.get_zorder() < line(ax, "line").get_zorder(), "behind the lines"
    with pytest.raises(
        ValueError, match="actors must have one entry per curve, got 1 for 2 curves"
    ):
        shares_over_rounds(ax, [1, 2], curves, ["theory"], points=exact, limits=(0, 1))


def test_long_axes_have_powers_of_ten_only(ax):
    shares_over_rounds(ax, [1, 1000], {"a": [0.1, 0.3]}, ["theory"], points={}, limits=(0, 1))
    assert ticks(ax.xaxis) == ["1", "10", "100", "1000"]
    assert "marked" not in [each.get_label() for each in ax.lines]


def test_rounds_and_one_round_are_the_filters_and_ridges_of_the_theory():
    figure, eigenvalues, ridge, t = Figure(), [0.5, 5.0, 500.0], 2.0, 3
    match = matching_ridge(eigenvalues, ridge, t)
    rounds_as_one_round(figure, eigenvalues, ridge, t, match[:2], limits=(0.1, 100))
    kept, asked = figure.axes
    s = line(kept, "t rounds").get_xdata()
    assert heights(kept, "t rounds") == pytest.approx((s / (ridge + s)) ** t)
    assert heights(kept, "one round") == pytest.approx(match.scale * s / (match.ridge + s))
    wanted = np.array(heights(asked, "t rounds")) * t * ridge
    assert wanted == pytest.approx(equivalent_ridge(s, ridge, t))
    assert heights(asked, "one round") == pytest.approx([match.ridge / (t * ridge)] * 2)
    assert strokes(kept, "eigenvalues") == 2, "500 is outside"
    assert ink(kept) == {
        "3 rounds": figures.colour("student"),
        "- - best one round": figures.colour("teacher"),
    }
    single = Figure()
    rounds_as_one_round(single, eigenvalues, ridge, 1, (ridge, 1.0), limits=(0.1, 100))
    assert written(single.axes[0])[0] == "1 round"


@pytest.mark.parametrize("highest", [True, False])
def test_the_highest_accuracy_of_a_curve_is_marked_if_asked_for(ax, highest):
    curves = {"a": ([0.1, 0.5, 0.2], "#112233")}
    accuracy_over_penalty(ax, [0.1, 1, 10], curves, limits=(0, 1), highest=highest)
    assert heights(ax, "a") == [0.1, 0.5, 0.2]
    if highest:
        assert points(ax, "highest of a") == [(1, 0.5)]
    else:
        assert len(ax.lines) == 1
    assert ink(ax) == {"a": "#112233"}
    with pytest.raises(ValueError, match=r"curves\['a'\] must have shape \(2,\), got \(3,\)"):
        accuracy_over_penalty(ax, [1, 2], curves, limits=(0, 1))


def test_margins_are_lines_of_theory_and_points_of_experiment(ax):
    theory, actors = {"a": [1, 0.1], "b": [0.5, 0.01]}, {"a": "true", "b": "muted"}
    measured = ([1, 2], [[0.9, 0.2], [0.4, 0.02]])
    look = {"limits": (1e-3, 1), "ylabel": "margin"}
    margins_over_rounds(ax, [1, 2], theory, measured, list(actors.values()), **look)
    for name, dots in zip(theory, measured[1], strict=True):
        assert heights(ax, name) == theory[name]
        assert heights(ax, f"{name}, measured") == dots
        assert line(ax, f"{name}, measured").get_linestyle() == "None"
        both = {shade(line(ax, label)) for label in (name, f"{name}, measured")}
        assert both == {figures.colour(actors[name])} == {ink(ax)[name]}
    assert ax.get_yscale() == "log"
    with pytest.raises(
        ValueError, match=r"experiment\[1\] must have one entry per line, got 1 for 2"
    ):
        margins_over_rounds(ax, [1, 2], theory, ([1], [[1]]), ["true", "muted"], **look)
