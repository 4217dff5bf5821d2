"""The figures of chapter 11: what is drawn is what was given, and can be read."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.agreement_map import agreement_map, brackets
from sdbook.book.figures.evaluations import eigenvalue_strips, evaluation_bars

names = {"rows": ["5", "50"], "columns": ["a", "", "c"]}
words = {"maximum": 4, "xlabel": "x", "ylabel": "y", "title": "missed"}


@pytest.mark.parametrize("mode", figures.MODES)
def test_the_map_writes_its_numbers_where_they_belong_in_ink_that_stands_out(mode):
    values = [[0, 1, 4], [9, 2, np.nan]]
    texts = [["0", "+1", "+4"], ["+9", "+2", "–"]]
    with figures.theme(mode):
        ax = Figure().add_subplot()
        agreement_map(ax, values, texts, **names, **words)
        written = {text.get_position(): text for text in ax.texts}
        assert written[0, 1].get_text() == "+9"
        assert written[2, 0].get_text() == "+4"
        # On nothing the ink of the page, on the strongest colour the page itself.
        assert written[0, 0].get_color() == figures.colour("text")
        assert written[0, 1].get_color() == figures.colour("background")
        assert written[2, 1].get_color() == figures.colour("muted")
    assert not ax.yaxis_inverted()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "c"]


def test_the_map_wants_a_text_for_each_value():
    ax = Figure().add_subplot()
    with pytest.raises(ValueError, match="values and texts must have one entry for each of 2 rows"):
        agreement_map(ax, np.zeros((2, 3)), [["0"] * 3], **names, **words)
    with pytest.raises(ValueError, match="maximum must be positive, got 0"):
        agreement_map(ax, np.zeros((2, 3)), [["0"] * 3] * 2, **names, **(words | {"maximum": 0}))


def test_brackets_are_sorted_and_what_lies_outside_is_marked():
    ax = Figure().add_subplot()
    with figures.theme():
        brackets(ax, [4, 1, 2], [3, 2, 2], [9, 2, 5], limit=30, key=False)
        colours = {
            to_hex(line.get_color()): line.get_xydata().tolist()
            for line in ax.lines
            if line.get_marker() == "o"
        }
        assert colours[figures.colour("experiment")] == [[0, 2], [1, 2]]
        assert colours[figures.colour("corrupted")] == [[2, 3]]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["1", "2", "3", "5", "10", "20"]


def test_the_key_of_the_brackets_names_their_ends():
    with figures.theme():
        ax = Figure().add_subplot()
        brackets(ax, [1], [1], [2], limit=3)
    (key,) = ax.child_axes
    assert [text.get_text() for text in key.texts] == ["optimist", "exact", "pessimist"]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (([1, 2], [1], [2, 2]), "one number for each setting"),
        (([0], [1], [1]), "at least 1 round"),
    ],
)
def test_brackets_name_what_is_wrong(numbers, words):
    with pytest.raises(ValueError, match=words):
        brackets(Figure().add_subplot(), *numbers, limit=10)


def test_strips_show_each_eigenvalue_and_the_interval_behind_the_last():
    with figures.theme():
        ax = Figure().add_subplot()
        spectra = {"before": [0.1, 10], "after": [0.5, 1, 2]}
        actors = {"before": "corrupted", "after": "student"}
        eigenvalue_strips(ax, spectra, actors, interval=(1e-9, 4), limits=(1e-2, 1e2))
    shade, *strips = sorted(ax.collections, key=lambda artist: artist.get_zorder())
    assert [len(strip.get_segments()) for strip in strips] == [2, 3]
    ends = shade.get_paths()[0].vertices[:, 0]
    assert (ends.min(), ends.max()) == (1e-2, 4)
    with pytest.raises(ValueError, match="spectra must be positive numbers"):
        eigenvalue_strips(ax, {"before": [0.0]}, actors, limits=(1, 2))


def test_bars_are_as_long_as_their_counts():
    with figures.theme():
        ax = Figure().add_subplot()
        actors = {"hidden": "corrupted", "seen": "student"}
        evaluation_bars(ax, {"hidden": 1200, "seen": 30}, actors, maximum=1200)
        assert [bar.get_width() for bar in ax.patches] == [1200, 30]
        assert [text.get_text() for text in ax.texts] == ["hidden", "1,200", "seen", "30"]
        with pytest.raises(ValueError, match="counts must be between 1 and maximum=10"):
            evaluation_bars(ax, {"hidden": 12}, actors, maximum=10)
