"""The figures of chapter 7: correlated classes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from reading import bar_names, bar_shades, bars, heights, ink, line, shade, ticks, written

from sdbook.book import figures
from sdbook.book.figures.correlated_classes import (
    SHARES,
    output_by_share,
    pattern_and_product,
    remaining_differences,
    share_colours,
    share_key,
    share_stack,
    similarity_histograms,
)

ROUNDS = np.array([1.0, 10.0, 100.0])
WEIGHTS = np.array(
    [[0.5, 0.1, 0], [0.3, 0.5, 0.1], [0.1, 0.2, 0.3], [0.1, 0.1, 0.2], [0, 0.1, 0.4]]
)


@pytest.fixture(params=figures.MODES)
def figure(request):
    with figures.theme(request.param):
        yield Figure()


def test_shares_have_five_colours_and_the_own_label_is_a_given_one(figure):
    colours = share_colours()
    assert len(set(colours)) == len(SHARES)
    assert colours[0] == figures.colour("given")


@pytest.mark.parametrize(
    ("t", "expected"), [(10, WEIGHTS[:, 1]), (10**0.5, WEIGHTS[:, :2].mean(axis=1))]
)
def test_the_bar_of_a_round_is_made_of_its_weights(figure, t, expected):
    """Between two rounds, weights are interpolated on the logarithmic axis."""
    ax = figure.add_subplot()
    share_stack(ax, ROUNDS, WEIGHTS, t)
    assert [bars(ax, name) for name in SHARES] == [[pytest.approx(share)] for share in expected]
    assert [bar_shades(ax, name) for name in SHARES] == [[colour] for colour in share_colours()]
    assert bar_names(ax) == list(SHARES)
    tops = [bar.get_y() + bar.get_height() for container in ax.containers for bar in container]
    assert tops[0] == pytest.approx(1), "the own label is on top"
    assert np.all(np.diff(tops) < 0)
    for bar in (bar for container in ax.containers for bar in container):
        assert bar.get_x() < t < bar.get_x() + bar.get_width()


@pytest.mark.parametrize(
    ("weights", "t", "message"),
    [
        (WEIGHTS[:4], 1, r"weights must have shape \(5, 3\), got \(4, 3\)"),
        (WEIGHTS + 0.1, 1, "weights must be >= 0 and sum to 1"),
        (WEIGHTS * [[3], [-1], [1], [1], [1]], 1, "weights must be >= 0 and sum to 1"),
        (WEIGHTS, 101, "t must be between 1 and 100, got 101"),
    ],
)
def test_a_stack_wants_shares_and_a_round_that_is_there(weights, t, message):
    with pytest.raises(ValueError, match=message):
        share_stack(Figure().add_subplot(), ROUNDS, weights, t)


def test_the_key_names_each_share_after_its_colour(figure):
    share_key(figure, 0.5)
    squares = [to_hex(text.get_color()) for text in figure.texts if text.get_text() == "■"]
    assert squares == list(share_colours())
    assert [text for text in written(figure) if text != "■"] == list(SHARES)
    places = [text.get_position()[0] for text in figure.texts]
    assert places == sorted(places), "square, name, square, name, ..."


def test_an_output_adds_up_and_the_arrow_points_at_the_largest(figure):
    ax = figure.add_subplot()
    parts = np.array([[0, 0.3], [0.2, 0.1], [0.1, 0.1], [0.05, 0.05], [0.05, 0.05]])
    look = {"limit": 1, "title": "a cat"}
    output_by_share(ax, parts, true=0, given=1, class_names=["a", "b"], **look)
    assert np.array([bars(ax, name) for name in SHARES]) == pytest.approx(parts)
    assert [bar_shades(ax, name)[0] for name in SHARES] == list(share_colours())
    ends = {
        name: [b.get_x() + b.get_width() for b in c]
        for name, c in zip(bar_names(ax), ax.containers, strict=True)
    }
    assert ends["own label"] == pytest.approx(parts.sum(axis=0)), "at the end of the bar"
    (arrow,) = ax.texts
    assert arrow.get_position()[1] == 1, "beside the second class"
    assert ticks(ax.yaxis) == ["a", "b"]
    colours = [label.get_color() for label in ax.get_yticklabels()]
    assert colours == [figures.colour("true"), figures.colour("given")]
    with pytest.raises(ValueError, match=r"parts must have shape \(5, 1\), got \(5, 2\)"):
        output_by_share(ax, parts, true=0, given=0, class_names=["a"], **look)


def test_a_pattern_stands_above_its_product(figure):
    look = {"class_names": "ab", "titles": ("v", "Gv"), "limits": ((-1, 1), (-4, 4))}
    pattern_and_product(figure, [1, 1, -1, -1], [3, 3, -3, -3], **look)
    above, below = sorted(figure.axes, key=lambda ax: -ax.get_position().y0)
    for ax, title, values in ((above, "v", [1, 1, -1, -1]), (below, "Gv", [3, 3, -3, -3])):
        assert ax.get_title(loc="left") == title
        (shown,) = [each for each in ax.patches if each.get_label() == title]
        assert shown.get_data().values.tolist() == values
    assert ticks(below.xaxis) == ["a", "b"]
    with pytest.raises(ValueError, match=r"multiple of the 2 classes, got \(3,\) and \(3,\)"):
        pattern_and_product(figure, [1] * 3, [1] * 3, **look)


def test_what_is_left_is_a_line_of_theory_and_points_above_the_floor(figure):
    ax = figure.add_subplot()
    kinds = {"inside": [0.5, 0.25, 0.125], "between": [0.9, 0.81, 0.73]}
    found = {"inside": [0.4, 0.1, 0.01], "between": [0.9, 0.8, 0.7]}
    also = {"inside": [0.6, 0.36, 0.2]}
    remaining_differences(ax, [1, 2, 3], kinds, found, also=also, floor=0.05)
    for kind, actor in (("inside", "given"), ("between", "student")):
        assert heights(ax, f"{kind}, predicted") == kinds[kind]
        assert heights(ax, f"{kind}, measured") == [y for y in found[kind] if y > 0.05]
        assert line(ax, f"{kind}, measured").get_linestyle() == "None"
        assert shade(line(ax, f"{kind}, predicted")) == figures.colour(actor) == ink(ax)[kind]
    assert heights(ax, "inside, also") == also["inside"]
    assert line(ax, "inside, also").get_linestyle() == "--"
    assert written(ax) == ["inside", "between"]
    with pytest.raises(ValueError, match=r"must name the same kinds, got \['a'\] and \['b'\]"):
        remaining_differences(ax, [1], {"a": [1]}, {"b": [1]}, floor=0.1)


def test_histograms_mark_the_number_that_stands_for_each(figure):
    ax, samples = figure.add_subplot(), {"same": [0.4, 0.6], "other": [0, 0.1]}
    levels = {"same": 0.5, "other": 0.05}
    similarity_histograms(ax, samples, levels)
    assert {name: line(ax, name).get_xdata()[0] for name in levels} == levels
    assert ink(ax) == {"same": figures.colour("given"), "other": figures.colour("student")}
    with pytest.raises(ValueError, match="samples and levels must name the same two kinds"):
        similarity_histograms(ax, {"same": [0.4]}, {"same": 0.5})
