"""The figures of chapter 11: what is drawn is what was given, and can be read."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import bar_shades, bars, ink, line, points, shade, strokes, ticks, written

from sdbook.book import figures
from sdbook.book.figures.agreement import (
    agreement_map,
    eigenvalue_strips,
    gradient_counts,
    round_brackets,
)

NAMES = {"rows": ["5", "50"], "columns": ["a", "", "c"]}
WORDS = {"maximum": 4, "xlabel": "x", "ylabel": "y", "title": "missed"}
ACTORS = {"before": "corrupted", "after": "student"}


@pytest.fixture(params=figures.MODES)
def ax(request):
    with figures.theme(request.param):
        yield Figure().add_subplot()


def test_the_map_writes_its_numbers_where_they_belong_in_ink_that_stands_out(ax):
    agreement_map(
        ax, [[0, 1, 4], [9, 2, np.nan]], [["0", "+1", "+4"], ["+9", "+2", "–"]], **NAMES, **WORDS
    )
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places["+9"] == (0, 1), "first column, second row"
    assert places["+4"] == (2, 0)
    # On nothing the ink of the page, on the strongest colour the page itself.
    assert ink(ax)["0"] == figures.colour("text")
    assert ink(ax)["+9"] == figures.colour("background")
    assert ink(ax)["–"] == figures.colour("muted")
    assert not ax.yaxis_inverted()
    assert ticks(ax.xaxis) == ["a", "c"]
    assert ticks(ax.yaxis) == ["5", "50"]
    assert ax.images[0].get_array()[0].tolist() == [0, 0.25, 1]


def test_the_map_wants_a_text_for_each_value(ax):
    texts = [["0"] * 3] * 2
    with pytest.raises(ValueError, match="values and texts must have one entry for each of 2 rows"):
        agreement_map(ax, np.zeros((2, 3)), texts[:1], **NAMES, **WORDS)
    with pytest.raises(ValueError, match="maximum must be > 0"):
        agreement_map(ax, np.zeros((2, 3)), texts, **NAMES, **(WORDS | {"maximum": 0}))


def test_brackets_are_sorted_and_what_lies_outside_is_marked(ax):
    round_brackets(ax, [4, 1, 2], [3, 2, 2], [9, 2, 5], limit=30, key=False, title="rounds")
    assert points(ax, "inside") == [(0, 2), (1, 2)]
    assert points(ax, "outside") == [(2, 3)]
    assert shade(line(ax, "inside")) == figures.colour("experiment")
    assert shade(line(ax, "outside")) == figures.colour("corrupted")
    (brackets,) = [each for each in ax.collections if each.get_label() == "brackets"]
    ends = [segment[:, 1].tolist() for segment in brackets.get_segments()]
    assert ends == [[1, 2], [2, 5], [4, 9]]
    assert ticks(ax.yaxis) == ["1", "2", "3", "5", "10", "20"]
    assert ax.child_axes == []


def test_the_key_of_the_brackets_names_their_ends(ax):
    round_brackets(ax, [1], [1], [2], limit=3, key=True, title="")
    (key,) = ax.child_axes
    heights = {text.get_text(): text.xy[1] for text in key.texts}
    assert sorted(heights, key=heights.get) == ["optimist", "exact", "pessimist"]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (([1, 2], [1], [2, 2]), "one number for each setting"),
        (([0], [1], [1]), "low, exact and high must be >= 1 round, got 0"),
    ],
)
def test_brackets_name_what_is_wrong(numbers, words):
    with pytest.raises(ValueError, match=words):
        round_brackets(Figure().add_subplot(), *numbers, limit=10, key=False, title="")


def test_strips_show_each_eigenvalue_and_the_interval_on_the_axis(ax):
    spectra, look = {"before": [0.1, 10], "after": [0.5, 1, 2]}, {"title": "eigenvalues"}
    eigenvalue_strips(ax, spectra, ACTORS, interval=(1e-9, 4), limits=(1e-2, 1e2), **look)
    assert [strokes(ax, name) for name in spectra] == [2, 3]
    (shaded,) = [each for each in ax.collections if each.get_label() == "interval"]
    ends = shaded.get_paths()[0].vertices[:, 0]
    assert (ends.min(), ends.max()) == (1e-2, 4)
    assert ink(ax) == {name: figures.colour(actor) for name, actor in ACTORS.items()}
    assert ticks(ax.xaxis) == ["10⁻²", "10⁻¹", "1", "10¹", "10²"]
    with pytest.raises(ValueError, match=r"spectra\['before'\] must be > 0"):
        eigenvalue_strips(ax, {"before": [0.0]}, ACTORS, interval=(1, 2), limits=(1, 2), **look)


def test_counts_are_bars_with_their_numbers(ax):
    gradient_counts(ax, {"before": 1200, "after": 30}, ACTORS, maximum=1200)
    assert bars(ax, "counts") == [1200, 30]
    assert bar_shades(ax, "counts") == [figures.colour(actor) for actor in ACTORS.values()]
    assert written(ax) == ["before", "1,200", "after", "30"]
    assert ax.yaxis_inverted(), "the first on top"
    with pytest.raises(ValueError, match="counts must be between 1 and maximum=10"):
        gradient_counts(ax, {"before": 12}, ACTORS, maximum=10)
