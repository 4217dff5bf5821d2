"""The figures of the chapter on clean labels: the right heights in the right places."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.clean import falling, filter_match, over_penalty, over_rounds
from sdbook.book.filters import matching_ridge
from sdbook.theory import equivalent_ridge


def heights(line):
    return list(line.get_ydata())


@pytest.mark.parametrize("mode", figures.MODES)
def test_over_rounds_puts_lines_at_real_and_points_at_whole_rounds(mode):
    with figures.theme(mode):
        ax = Figure().add_subplot()
        actors = ["theory", "experiment"]
        over_rounds(ax, [1, 2.5, 10], {"a": [0.1, 0.3, 0.2]}, actors, points={"b": [0.5, 0.4]})
        line, dots = ax.lines
        assert heights(line) == [0.1, 0.3, 0.2]
        assert heights(dots) == [0.5, 0.4]
        assert list(dots.get_xdata()) == [1, 2]
        assert [to_hex(x.get_color()) for x in ax.lines] == [figures.colour(a) for a in actors]
        assert [text.get_text() for text in ax.texts] == ["a", "b"]
        assert ax.get_xscale() == "log"
        assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "5", "10"]


def test_over_rounds_labels_powers_of_ten_only_on_long_axes():
    ax = Figure().add_subplot()
    over_rounds(ax, [1, 1000], {"a": [0.1, 0.3]}, ["theory"])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "10", "100", "1000"]


def test_over_rounds_marks_a_round_behind_the_lines():
    ax = Figure().add_subplot()
    over_rounds(ax, [1, 10], {"a": [0.1, 0.3]}, ["theory"], marked=4)
    assert list(ax.lines[0].get_xdata()) == [4, 4]
    assert ax.lines[0].get_zorder() < ax.lines[1].get_zorder()


def test_over_rounds_wants_an_actor_for_each():
    with pytest.raises(ValueError, match="actors must name one for each of the 1 curves and 1 row"):
        over_rounds(Figure().add_subplot(), [1, 2], {"a": [0, 1]}, ["theory"], points={"b": [1]})


def test_filter_match_draws_the_filters_and_the_ridges_that_they_ask_for():
    figure = Figure()
    eigenvalues, ridge, t = [0.5, 5.0, 500.0], 2.0, 3
    match = matching_ridge(eigenvalues, ridge, t)
    filter_match(figure, eigenvalues, ridge, t, match[:2], limits=(0.1, 100))
    top, low = figure.axes
    one, many = top.lines
    s = np.asarray(many.get_xdata())
    assert np.asarray(many.get_ydata()) == pytest.approx((s / (ridge + s)) ** t)
    assert np.asarray(one.get_ydata()) == pytest.approx(match.scale * s / (match.ridge + s))
    shared, wanted = low.lines
    assert np.asarray(wanted.get_ydata()) * t * ridge == pytest.approx(
        equivalent_ridge(s, ridge, t)
    )
    assert heights(shared)[0] == pytest.approx(match.ridge / (t * ridge))
    assert len(top.collections[-1].get_segments()) == 2  # 500 is outside
    assert [text.get_text() for text in top.texts] == ["3 rounds", "- - best one round"]
    single = Figure()
    filter_match(single, eigenvalues, ridge, 1, (ridge, 1.0), limits=(0.1, 100))
    assert single.axes[0].texts[0].get_text() == "1 round"


def test_filter_match_wants_a_depth_below_one():
    with pytest.raises(ValueError, match="depth must be between 0 and 1, got 2"):
        filter_match(Figure(), [1.0], 1.0, 2, (1.0, 1.0), limits=(0.1, 10), depth=2)


def test_over_penalty_marks_the_highest_point_of_each_curve():
    ax = Figure().add_subplot()
    over_penalty(ax, [0.1, 1, 10], {"a": ([0.1, 0.5, 0.2], "#112233")}, limits=(0, 1))
    curve, dot = ax.lines
    assert heights(curve) == [0.1, 0.5, 0.2]
    assert (list(dot.get_xdata()), heights(dot)) == ([1], [0.5])
    bare = Figure().add_subplot()
    curves = {"a": ([0.1, 0.5, 0.2], "#112233")}
    over_penalty(bare, [0.1, 1, 10], curves, limits=(0, 1), highest=False)
    assert len(bare.lines) == 1


def test_over_penalty_wants_a_height_for_each_penalty():
    with pytest.raises(ValueError, match=r"curves\['a'\] must have shape \(2,\), got \(3,\)"):
        over_penalty(Figure().add_subplot(), [1, 2], {"a": ([1, 2, 3], "k")}, limits=(0, 1))


def test_falling_draws_theory_as_lines_and_experiment_as_points():
    ax = Figure().add_subplot()
    theory = {"a": [1, 0.1], "b": [0.5, 0.01]}
    measured = ([1, 2], [[0.9, 0.2], [0.4, 0.02]])
    falling(ax, [1, 2], theory, measured, ["true", "muted"], limits=(1e-3, 1))
    assert [heights(line) for line in ax.lines] == [[1, 0.1], [0.9, 0.2], [0.5, 0.01], [0.4, 0.02]]
    assert ax.get_yscale() == "log"
    assert ax.lines[1].get_linestyle() == "None"
    assert [text.get_text() for text in ax.texts] == ["a", "b"]
