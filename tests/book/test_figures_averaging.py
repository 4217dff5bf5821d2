"""The figures on label averaging: bars at the right heights, errors that name the argument."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.averaging import (
    agreement,
    class_bars,
    energy_bars,
    neighbours,
    over_averaging,
)


def heights(ax):
    return [bar.get_height() for bar in ax.patches]


@pytest.mark.parametrize("mode", figures.MODES)
def test_class_bars_show_the_values_and_mark_the_true_and_the_given_class(mode):
    with figures.theme(mode):
        ax = Figure().add_subplot()
        class_bars(ax, [0.2, 0.5, -0.1], true=1, given=2, points=[0.1, 0.6, 0.0])
        assert heights(ax) == pytest.approx([0.2, 0.5, -0.1])
        colours = [to_hex(bar.get_facecolor()) for bar in ax.patches]
        assert colours[1:] == [figures.colour("true"), figures.colour("given")]
        assert list(ax.lines[-1].get_ydata()) == [0.1, 0.6, 0.0]


def test_a_right_label_has_the_colour_of_the_truth():
    ax = Figure().add_subplot()
    class_bars(ax, [0.2, 0.5], true=1, given=1)
    assert to_hex(ax.patches[1].get_facecolor()) == figures.colour("true")


def test_class_bars_want_one_value_for_each_class():
    with pytest.raises(ValueError, match=r"values must have shape \(K,\), got \(2, 2\)"):
        class_bars(Figure().add_subplot(), np.ones((2, 2)), true=0, given=1)


def test_energy_bars_lie_inside_their_bins_and_are_pale_before_solid():
    ax = Figure().add_subplot()
    edges = [1, 10, 100]
    energy_bars(ax, edges, [[4, 3], [2, 1]], [[1, 2], [0, 1]], ["true", "given"], names=["a", "b"])
    assert heights(ax) == [4, 3, 1, 2, 2, 1, 0, 1]
    for k, bar in enumerate(ax.patches):
        assert edges[k % 2] < bar.get_x() < bar.get_x() + bar.get_width() < edges[k % 2 + 1]
    assert [text.get_text() for text in ax.texts] == ["a", "b"]


def test_energy_bars_want_as_much_after_as_before():
    with pytest.raises(ValueError, match=r"must have the same length, got 2, 1 and 2"):
        energy_bars(Figure().add_subplot(), [1, 2], [[1], [1]], [[1]], ["true", "given"])


def test_neighbours_tick_the_labels_that_say_the_true_class():
    figure = Figure()
    neighbours(figure, np.zeros((4, 8, 8)), [7, 1, 2, 7], [0.4, 0.3, 0.2, 0.1], [1, 3], 0, true=7)
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert labels == ["itself: 7 ✓\n40.0%", "1 ✗\n30.0%", "7 ✓\n10.0%"]


def test_agreement_draws_theory_as_a_line_and_the_exact_model_as_points():
    figure = Figure()
    agreement(figure, ([0.1, 0.2], [0.15, 0.3]), ([0.6, 0.7], [0.5, 0.65]), 2)
    left, right = figure.axes
    assert list(left.lines[1].get_ydata()) == [0.15, 0.3]
    marked, theory, exact = right.lines
    assert list(marked.get_xdata()) == [2, 2]
    assert (theory.get_marker(), exact.get_linestyle()) == ("None", "None")
    assert (list(theory.get_ydata()), list(exact.get_ydata())) == ([0.6, 0.7], [0.5, 0.65])


def test_over_averaging_names_its_curves():
    figure = Figure()
    curves = {"few": [0.8, 0.6, 0.2], "many": [0.7, 0.8, 0.2]}
    used = {"few": [10, 5, 2], "many": [10, 10, 2]}
    over_averaging(figure, [1, 10, 100], curves, used, ["muted", "student"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["few", "many"]
    assert [list(line.get_ydata()) for line in figure.axes[1].lines] == list(used.values())
