"""The figures of chapter 12: what becomes of single labels over the rounds."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import bar_shades, bars, heights, ink, line, points, shade, ticks, written

from sdbook.book import figures
from sdbook.book.figures.label_history import (
    confusion_table,
    forecast_points,
    label_history,
    rounds_and_candidates,
    stacked_rounds,
)

PARTS = {"company": [0.1, 0.2], "luck": [0.3, 0.1]}


@pytest.fixture(params=figures.MODES)
def figure(request):
    with figures.theme(request.param):
        yield Figure((6.4, 6))


def test_parts_stand_on_each_other(figure):
    ax = figure.add_subplot()
    look = {"limits": (0, 1), "ylabel": "share", "percent": True}
    stacked_rounds(ax, PARTS, ["corrupted", "muted*"], **look)
    assert [bars(ax, name) for name in PARTS] == [pytest.approx(part) for part in PARTS.values()]
    upper = ax.containers[list(PARTS).index("luck")]
    assert [bar.get_y() for bar in upper] == PARTS["company"]
    assert set(bar_shades(ax, "company")) == {figures.colour("corrupted")}
    assert figures.colour("muted") not in bar_shades(ax, "luck"), "a star asks for a pale colour"
    assert ink(ax) == {"company": figures.colour("corrupted"), "luck": figures.colour("muted")}
    assert ticks(ax.xaxis) == ["1", "2"]
    assert ticks(ax.yaxis)[-1] == "100%"


def drawn_history(figure, **change):
    outputs = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    good = {"outputs": outputs, "weights": [0.5, -0.1, 0.2], "true": 0, "given": 1, "marked": 2}
    label_history(figure, np.eye(8), **(good | change))
    return figure.axes


def test_a_history_frames_the_answer_of_each_round(figure):
    picture, table, weights = drawn_history(figure)
    frames = {(round(f.get_y() + 0.5), round(f.get_x() + 0.5)) for f in table.patches}
    assert frames == {(0, 1), (1, 0)}, "row and column of the largest output"
    shown = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    assert np.asarray(table.images[0].get_array()) == pytest.approx(shown / 0.6)
    assert ticks(table.yaxis) == ["1", "▶ 2"]
    assert bars(weights, "weights") == [0.5, -0.1, 0.2]
    marked = [figures.colour("true"), figures.colour("given")]
    assert bar_shades(weights, "weights")[:2] == marked
    assert [label.get_color() for label in weights.get_xticklabels()][:2] == marked
    assert "round 2" in weights.get_title(loc="left")
    assert picture.get_title() == "shows 0"
    assert picture.get_xlabel() == "called 1 ✗"


def test_a_right_label_is_ticked(figure):
    assert drawn_history(figure, given=0)[0].get_xlabel() == "called 0 ✓"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1, 2]}, r"weights \(K,\), got \(2, 3\) and \(2,\)"),
        ({"outputs": [0.5, 0.5]}, r"outputs must have shape \(rounds, K\)"),
        ({"marked": 3}, "marked must be a round from 1 to 2, got 3"),
    ],
)
def test_a_history_names_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        drawn_history(Figure(), **change)


def test_large_counts_are_written_and_the_diagonal_is_not(figure):
    ax, counts = figure.add_subplot(), np.array([[99, 6, 1], [4, 99, 0], [1, 3, 99]])
    confusion_table(ax, counts, maximum=6)
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places == {"6": (1, 0), "4": (0, 1), "3": (1, 2)}, "(column, row) of a third or more"
    colours = ink(ax)
    assert (colours["6"], colours["3"]) == (figures.colour("background"), figures.colour("text"))
    image = ax.images[0]
    assert np.ma.getmaskarray(image.get_array()).diagonal().all()
    assert image.get_clim() == (0, 6)
    assert ticks(ax.xaxis) == ticks(ax.yaxis) == ["0", "1", "2"]


def test_marked_instances_stand_out(figure):
    ax, text = figure.add_subplot(), {"xlabel": "predicted", "ylabel": "measured"}
    marked = [False, False, True]
    forecast_points(ax, [0.1, 0.5, 0.9], [0.2, 0.4, 1.0], marked, name="special", **text)
    assert points(ax, "others") == [(0.1, 0.2), (0.5, 0.4)]
    assert points(ax, "special") == [(0.9, 1.0)]
    assert shade(line(ax, "special")) == figures.colour("corrupted") == ink(ax)["special"]
    assert shade(line(ax, "others")) == figures.colour("student")
    assert (ax.get_xlabel(), ax.get_title(loc="left")) == ("predicted", "measured")
    assert ticks(ax.xaxis) == ticks(ax.yaxis) == ["0%", "25%", "50%", "75%", "100%"]


def test_candidates_begin_in_round_two(figure):
    ax = figure.add_subplot()
    rounds_and_candidates(ax, [0.5, 0.6, 0.7], {"CE": 0.4}, ["pll"], limits=(0, 1))
    assert heights(ax, "rounds") == [0.5, 0.6, 0.7]
    assert heights(ax, "CE")[1:] == [0.4, 0.4]
    assert np.isnan(heights(ax, "CE")[0])
    assert shade(line(ax, "CE")) == figures.colour("pll")
    assert written(ax) == ["rounds", "CE"]


def test_errors_name_the_argument(figure):
    ax, look = figure.add_subplot(), {"limits": (0, 1), "ylabel": ""}
    with pytest.raises(ValueError, match="actors must have one entry per part, got 1 for 2 parts"):
        stacked_rounds(ax, PARTS, ["muted"], **look)
    with pytest.raises(
        ValueError, match=r"parts must have the same shape .*, got \[\(1,\), \(2,\)\]"
    ):
        stacked_rounds(ax, {"a": [1], "b": [1, 2]}, ["muted", "true"], **look)
    with pytest.raises(ValueError, match=r"counts must have shape \(K, K\), got \(2, 3\)"):
        confusion_table(ax, np.ones((2, 3)), maximum=1)
    with pytest.raises(ValueError, match="must have the same length, got 1, 2 and 1"):
        forecast_points(ax, [0], [0, 1], [True], name="", xlabel="", ylabel="")
    with pytest.raises(
        ValueError, match="actors must have one entry per student, got 0 for 1 stud"
    ):
        rounds_and_candidates(ax, [0.5, 0.6], {"CE": 0.4}, [], limits=(0, 1))
