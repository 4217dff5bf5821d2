"""Pictures of words: strips, the tree and its cut, one word looked up."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
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


def texts(parent):
    return [text.get_text() for text in parent.texts]


def test_strips_have_a_line_for_each_value_and_name_the_mean(figure):
    ax = figure.add_subplot()
    similarity_strips(ax, {"same": [0.4, 0.2, 0.3], "other": [0.0, -0.1]})
    lines = [len(collection.get_segments()) for collection in ax.collections]
    assert lines == [3, 1, 2, 1]
    assert texts(ax) == ["0.30", "same", "\N{MINUS SIGN}0.05", "other"]


@pytest.mark.parametrize(("height", "inside"), [(0.9, 2), (0.3, 1), (0.1, 0)])
def test_what_is_merged_below_the_cut_is_coloured(figure, merges, height, inside):
    ax = figure.add_subplot()
    class_tree(ax, merges, NAMES, FAMILIES, height=height)
    branches = [line for line in ax.lines if len(line.get_xdata()) == 4]
    assert len(branches) == 3
    assert sum(line.get_color() == colour("student") for line in branches) == inside
    assert any(np.allclose(line.get_xdata(), height) for line in ax.lines), "the cut"
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert sorted(labels) == ["fig · fruit", "gull · bird", "plum · fruit", "tern · bird"]


def test_a_tree_needs_a_name_for_each_class(figure, merges):
    with pytest.raises(ValueError, match="one entry for each of the 4 classes, got 3 and 4"):
        class_tree(figure.add_subplot(), merges, NAMES[:3], FAMILIES, height=0.5)


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
    assert [bar.get_width() for bar in ax.patches] == [0.4, 0.1]
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [colour("true"), colour("given")]
    shown = texts(figure)
    assert shown[0].count("\n") == 2, "three lines at most"
    assert shown[0].endswith("…")
    assert {"5.10%", "\N{MINUS SIGN}0.40%", "tern: a sea bird", "fruit"} <= set(shown)
    said = {text.get_text(): text.get_color() for text in figure.texts}
    assert (said["bird"], said["fruit"]) == (colour("clean"), colour("corrupted"))
