"""The figures on correlated classes: lengths are the numbers, errors name the argument."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.correlated import (
    SHARES,
    left_over,
    output_parts,
    pattern,
    share_colours,
    share_key,
    two_histograms,
    weight_stack,
)

ROUNDS = np.array([1.0, 10.0, 100.0])
WEIGHTS = np.array(
    [[0.5, 0.1, 0], [0.3, 0.5, 0.1], [0.1, 0.2, 0.3], [0.1, 0.1, 0.2], [0, 0.1, 0.4]]
)


@pytest.mark.parametrize("mode", figures.MODES)
def test_shares_have_five_colours_and_the_own_label_is_a_given_one(mode):
    with figures.theme(mode):
        colours = share_colours()
        assert len(set(colours)) == len(SHARES)
        assert colours[0] == figures.colour("given")


def test_the_bar_of_a_round_is_made_of_its_weights_the_own_label_on_top():
    ax = Figure().add_subplot()
    weight_stack(ax, ROUNDS, WEIGHTS, 10)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(WEIGHTS[:, 1])
    tops = [bar.get_y() + bar.get_height() for bar in ax.patches]
    assert tops == pytest.approx(1 - np.concatenate([[0], np.cumsum(WEIGHTS[:-1, 1])]))
    assert all(bar.get_x() < 10 < bar.get_x() + bar.get_width() for bar in ax.patches)


def test_a_bar_between_two_rounds_is_interpolated_on_the_logarithmic_axis():
    ax = Figure().add_subplot()
    weight_stack(ax, ROUNDS, WEIGHTS, 10**0.5)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(WEIGHTS[:, :2].mean(axis=1))


@pytest.mark.parametrize(
    ("weights", "t", "message"),
    [
        (WEIGHTS[:4], 1, r"weights must have shape \(5, 3\), got \(4, 3\)"),
        (WEIGHTS + 0.1, 1, "weights must be shares"),
        (WEIGHTS * [[3], [-1], [1], [1], [1]], 1, "weights must be shares"),
        (WEIGHTS, 101, "t must be between 1 and 100, got 101"),
    ],
)
def test_a_stack_wants_shares_and_a_round_that_is_there(weights, t, message):
    with pytest.raises(ValueError, match=message):
        weight_stack(Figure().add_subplot(), ROUNDS, weights, t)


def test_the_key_names_each_share_beside_its_colour():
    figure = Figure()
    share_key(figure, 0.5)
    squares, names = figure.texts[::2], figure.texts[1::2]
    assert [text.get_text() for text in names] == list(SHARES)
    assert [to_hex(text.get_color()) for text in squares] == list(share_colours())
    with pytest.raises(ValueError, match="names must be 5, one for each share, got 1"):
        share_key(figure, 0.5, names=["own"])


def test_output_parts_add_up_and_the_arrow_points_at_the_largest():
    ax = Figure().add_subplot()
    parts = np.array([[0, 0.3], [0.2, 0.1], [0.1, 0.1], [0.05, 0.05], [0.05, 0.05]])
    output_parts(ax, parts, true=0, given=1, class_names=["a", "b"])
    ends = [max(b.get_x() + b.get_width() for b in ax.patches[k::2]) for k in (0, 1)]
    assert ends == pytest.approx(parts.sum(axis=0))
    (arrow,) = ax.texts
    assert arrow.get_position() == pytest.approx((0.62, 1))
    colours = [to_hex(label.get_color()) for label in ax.get_yticklabels()]
    assert colours == [figures.colour("true"), figures.colour("given")]
    with pytest.raises(ValueError, match=r"parts must have shape \(5, 1\), got \(5, 2\)"):
        output_parts(ax, parts, true=0, given=0, class_names=["a"])


def test_a_pattern_stands_above_its_product():
    figure = Figure()
    limits = ((-1, 1), (-4, 4))
    pattern(
        figure, [1, 1, -1, -1], [3, 3, -3, -3], class_names="ab", titles=("v", "Gv"), limits=limits
    )
    shown = [ax.patches[0].get_data().values.tolist() for ax in figure.axes]
    assert shown == [[1, 1, -1, -1], [3, 3, -3, -3]]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["a", "b"]
    with pytest.raises(ValueError, match=r"multiple of the 2 classes; got \(3,\) and \(3,\)"):
        pattern(figure, [1] * 3, [1] * 3, class_names="ab", titles=("", ""), limits=limits)


def test_left_over_draws_theory_as_lines_and_experiment_as_points_above_the_floor():
    ax = Figure().add_subplot()
    kinds = {"inside": [0.5, 0.25, 0.125], "between": [0.9, 0.81, 0.73]}
    found = {"inside": [0.4, 0.1, 0.01], "between": [0.9, 0.8, 0.7]}
    left_over(ax, [1, 2, 3], kinds, found, also={"inside": [0.6, 0.36, 0.2]}, floor=0.05)
    line, dashed, points, *_ = ax.lines
    assert list(line.get_ydata()) == kinds["inside"]
    assert (dashed.get_linestyle(), list(dashed.get_ydata())) == ("--", [0.6, 0.36, 0.2])
    assert (points.get_linestyle(), list(points.get_ydata())) == ("None", [0.4, 0.1])
    assert [text.get_text() for text in ax.texts] == ["inside", "between"]
    with pytest.raises(ValueError, match=r"must name the same kinds, got \['a'\] and \['b'\]"):
        left_over(ax, [1], {"a": [1]}, {"b": [1]})


def test_two_histograms_mark_the_number_that_stands_for_each():
    ax = Figure().add_subplot()
    two_histograms(ax, {"same": [0.4, 0.6], "other": [0, 0.1]}, {"same": 0.5, "other": 0.05})
    assert [line.get_xdata()[0] for line in ax.lines] == [0.5, 0.05]
    assert [text.get_text() for text in ax.texts] == ["same", "other"]
    with pytest.raises(ValueError, match="samples and levels must name the same two kinds"):
        two_histograms(ax, {"same": [0.4]}, {"same": 0.5})
