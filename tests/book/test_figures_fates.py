"""Fates of single labels: the right heights, frames, counts and points in the right places."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.fates import (
    answer_table,
    forecast_points,
    rounds_and_candidates,
    stacked_rounds,
    story,
)

PARTS = {"company": [0.1, 0.2], "luck": [0.3, 0.1]}


def axes():
    return Figure(figsize=(6.4, 4)).add_subplot()


@pytest.mark.parametrize("mode", figures.MODES)
def test_parts_stand_on_each_other(mode):
    with figures.theme(mode):
        ax = axes()
        stacked_rounds(ax, PARTS, ["corrupted", "muted*"], limits=(0, 1), ylabel="share")
        colours = figures.colour("corrupted"), figures.colour("muted")
    bars = [(bar.get_x() + 0.39, bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert np.allclose(bars, [(1, 0, 0.1), (2, 0, 0.2), (1, 0.1, 0.3), (2, 0.2, 0.1)])
    faces = [to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert faces[0] == colours[0]
    assert faces[2] != colours[1], "a star asks for a pale colour"
    names = {text.get_text(): text.get_color() for text in ax.texts}
    assert names == dict(zip(PARTS, colours, strict=True))


def drawn_story(**change):
    outputs = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]])
    good = {"outputs": outputs, "weights": [0.5, -0.1, 0.2], "true": 0, "given": 1, "marked": 2}
    figure = Figure(figsize=(6.4, 6))
    story(figure, np.eye(8), **(good | change))
    return figure


@pytest.mark.parametrize("mode", figures.MODES)
def test_a_story_frames_the_answer_of_each_round(mode):
    with figures.theme(mode):
        picture, table, bars = drawn_story().axes
        shades = figures.colour("true"), figures.colour("given")
    frames = {(round(f.get_y() + 0.5), round(f.get_x() + 0.5)) for f in table.patches}
    assert frames == {(0, 1), (1, 0)}, "row and column of the largest output"
    assert [tick.get_text() for tick in table.get_yticklabels()] == ["1", "▶ 2"]
    assert [bar.get_height() for bar in bars.patches] == [0.5, -0.1, 0.2]
    assert tuple(to_hex(bar.get_facecolor()) for bar in bars.patches[:2]) == shades
    assert picture.get_title() == "shows 0"
    assert picture.get_xlabel() == "called 1 ✗"


def test_a_story_of_a_right_label_is_ticked():
    assert drawn_story(given=0).axes[0].get_xlabel() == "called 0 ✓"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1, 2]}, "weights"),
        ({"outputs": [0.5, 0.5]}, "outputs"),
        ({"marked": 3}, "marked must be a round from 1 to 2, got 3"),
    ],
)
def test_a_story_names_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        drawn_story(**change)


@pytest.mark.parametrize("mode", figures.MODES)
def test_large_counts_are_written_and_the_diagonal_is_not(mode):
    counts = np.array([[99, 6, 1], [4, 99, 0], [1, 3, 99]])
    with figures.theme(mode):
        ax = axes()
        answer_table(ax, counts)
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(1, 0): "6", (0, 1): "4", (1, 2): "3"}, "(column, row) of a third or more"
    assert np.ma.getmaskarray(ax.images[0].get_array()).diagonal().all()
    assert ax.images[0].get_clim() == (0, 6)


def test_two_tables_can_share_a_scale():
    ax = axes()
    answer_table(ax, [[0, 2], [1, 0]], maximum=8)
    assert ax.images[0].get_clim() == (0, 8)
    assert not ax.texts, "2 is less than a third of 8"


@pytest.mark.parametrize("mode", figures.MODES)
def test_marked_instances_stand_out(mode):
    with figures.theme(mode):
        ax = axes()
        forecast_points(
            ax,
            [0.1, 0.5, 0.9],
            [0.2, 0.4, 1.0],
            [False, False, True],
            name="special",
            xlabel="foretold",
            ylabel="measured",
        )
        special = figures.colour("corrupted")
    diagonal, others, marked = ax.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert list(others.get_ydata()) == [0.2, 0.4]
    assert list(marked.get_xdata()) == [0.9]
    assert to_hex(marked.get_color()) == special
    assert [text.get_text() for text in ax.texts] == ["special"]


def test_candidates_begin_in_round_two():
    ax = axes()
    rounds_and_candidates(ax, [0.5, 0.6, 0.7], {"CE": 0.4}, ["pll"], limits=(0, 1))
    rounds, candidates = (line.get_ydata() for line in ax.lines[:2])
    assert list(rounds) == [0.5, 0.6, 0.7]
    assert np.isnan(candidates[0])
    assert list(candidates[1:]) == [0.4, 0.4]
    assert {text.get_text() for text in ax.texts} == {"rounds", "CE"}


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="actors must be one for each of the 2 parts, got 1"):
        stacked_rounds(axes(), PARTS, ["muted"], limits=(0, 1), ylabel="")
    uneven = {"a": [1], "b": [1, 2]}
    with pytest.raises(ValueError, match="parts must have the same length"):
        stacked_rounds(axes(), uneven, ["muted", "true"], limits=(0, 1), ylabel="")
    with pytest.raises(ValueError, match=r"counts must have shape \(K, K\), got \(2, 3\)"):
        answer_table(axes(), np.ones((2, 3)))
    with pytest.raises(ValueError, match="must have the same length, got 1, 2 and 1"):
        forecast_points(axes(), [0], [0, 1], [True], name="", xlabel="", ylabel="")
    with pytest.raises(ValueError, match="actors must be one for each of the 1 candidates, got 0"):
        rounds_and_candidates(axes(), [0.5, 0.6], {"CE": 0.4}, [], limits=(0, 1))
