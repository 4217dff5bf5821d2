"""The figures of chapter 13: strips, the tree and its cut, one word looked up."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import bar_shades, bars, ink, line, strokes, ticks, written
from scipy.cluster.hierarchy import linkage

from sdbook.book.figures import colour, theme
from sdbook.book.figures.words import class_tree, similarity_strips, word_card

NAMES, FAMILIES = ["gull", "tern", "fig", "plum"], ["bird", "bird", "fruit", "fruit"]


@pytest.fixture(params=["light", "dark"])
def figure(request):
    with theme(request.param):
        yield Figure(figsize=(6.4, 6.6))


@pytest.fixture
def merges():
    pairs = [0.2, 0.9, 1, 0.8, 0.9, 0.4]  # 0-1, 0-2, 0-3, 1-2, 1-3, 2-3
    return linkage(pairs, "complete")


def test_strips_have_a_line_for_each_value_and_name_the_mean(figure):
    ax = figure.add_subplot()
    similarity_strips(ax, {"same": [0.4, 0.2, 0.3], "other": [0.0, -0.1]})
    assert (strokes(ax, "same"), strokes(ax, "other")) == (3, 2)
    assert written(ax) == ["0.30", "same", "−0.05", "other"]
    means = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert means["−0.05"] == pytest.approx(-0.05), "at the mean"
    assert ink(ax)["same"] != ink(ax)["other"]
    assert ax.yaxis_inverted(), "the first on top"


@pytest.mark.parametrize(("height", "inside"), [(0.9, 2), (0.3, 1), (0.1, 0)])
def test_what_is_merged_below_the_cut_is_coloured(figure, merges, height, inside):
    ax = figure.add_subplot()
    class_tree(ax, merges, NAMES, FAMILIES, height=height)
    branches = [each for each in ax.lines if "merge" in each.get_label()]
    assert len(branches) == 3
    for branch in branches:
        below = max(branch.get_xdata()) < height
        assert branch.get_color() == colour("student" if below else "muted")
    assert sum(branch.get_label() == "merge below the cut" for branch in branches) == inside
    assert set(line(ax, "cut").get_xdata()) == {height}
    assert sorted(ticks(ax.yaxis)) == ["fig · fruit", "gull · bird", "plum · fruit", "tern · bird"]
    places = dict(zip(ticks(ax.yaxis), ax.get_yticks(), strict=True))
    first = min(branches, key=lambda branch: max(branch.get_xdata()))
    ends = {min(first.get_ydata()), max(first.get_ydata())}
    assert ends == {places["gull · bird"], places["tern · bird"]}, "what is merged first"


def test_a_tree_needs_a_name_and_a_family_for_each_class(figure, merges):
    with pytest.raises(
        ValueError, match="names must have one entry per class, got 3 for 4 classes"
    ):
        class_tree(figure.add_subplot(), merges, NAMES[:3], FAMILIES, height=0.5)
    with pytest.raises(ValueError, match="families must have one entry per class, got 1 for 4"):
        class_tree(figure.add_subplot(), merges, NAMES, FAMILIES[:1], height=0.5)


def test_a_word_is_shown_with_its_outputs_and_neighbours(figure):
    long = "gull: " + "a bird that steals from other birds and from people " * 6
    word_card(
        figure,
        long,
        {"bird": (0.4, "true"), "fruit": (0.1, "given")},
        [(0.051, "tern: a sea bird", "bird", True), (-0.004, "plum: blue", "fruit", False)],
        largest=0.5,
    )
    (ax,) = figure.axes
    assert bars(ax, "outputs") == [0.4, 0.1]
    assert bar_shades(ax, "outputs") == [colour("true"), colour("given")]
    assert ticks(ax.yaxis) == ["bird", "fruit"]
    assert [label.get_color() for label in ax.get_yticklabels()] == [
        colour("true"),
        colour("given"),
    ]
    assert written(ax) == ["40%", "10%"]
    shown = written(figure)
    assert shown[0].count("\n") == 2, "three lines at most"
    assert shown[0].endswith("…")
    rows = {}
    for text in figure.texts[2:]:
        rows.setdefault(text.get_position()[1], []).append(text.get_text())
    assert list(rows.values()) == [
        ["5.10%", "tern: a sea bird", "bird"],
        ["−0.40%", "plum: blue", "fruit"],
    ]
    assert (ink(figure)["bird"], ink(figure)["fruit"]) == (colour("clean"), colour("corrupted"))
    assert np.all(np.diff(list(rows)) < 0), "from top to bottom"
