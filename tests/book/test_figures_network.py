"""The figures of the chapter on networks: means, errors and bars at the right heights."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.network import agreement_bars, over_epochs, rounds_with_errors


@pytest.mark.parametrize("mode", figures.MODES)
def test_over_epochs_draws_each_seed_and_the_mean(mode):
    with figures.theme(mode):
        ax = Figure().add_subplot()
        curves = {"a": [[0.1, 0.2, 0.5], [0.3, 0.4, 0.1]]}
        over_epochs(ax, curves, ["student"], marked=(2, "stop"), limits=(0, 1))
        first, second, mean, mark = ax.lines
        assert list(first.get_ydata()) == [0.1, 0.2, 0.5]
        assert list(second.get_ydata()) == [0.3, 0.4, 0.1]
        assert list(mean.get_ydata()) == pytest.approx([0.2, 0.3, 0.3])
        assert list(mean.get_xdata()) == [1, 2, 3]
        assert to_hex(mean.get_color()) == figures.colour("student")
        assert list(mark.get_xdata()) == [2, 2]
        assert [text.get_text() for text in ax.texts] == ["stop", "a"]


def test_rounds_with_errors_draws_standard_errors_of_the_mean():
    ax = Figure().add_subplot()
    rounds_with_errors(ax, {"a": [[0.1, 0.2], [0.3, 0.6]]}, ["student"], limits=(0, 1))
    line, _, (bars,) = ax.containers[0]
    assert list(line.get_ydata()) == pytest.approx([0.2, 0.4])
    heights = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    assert heights == pytest.approx([2 * 0.1, 2 * 0.2])
    assert list(ax.get_xticks()) == [1, 2]


def test_agreement_bars_reach_the_mean_and_show_each_seed():
    ax = Figure().add_subplot()
    groups = {"30%": {"a": [0.8, 1.0], "b": [0.6]}, "50%": {"a": [0.7], "b": [0.5]}}
    agreement_bars(ax, groups, ["theory", "student"], limits=(0.4, 1), xlabel="agree")
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    assert ends == pytest.approx([0.9, 0.6, 0.7, 0.5])
    assert list(ax.lines[0].get_xdata()) == [0.8, 1.0]
    assert [text.get_text() for text in ax.texts] == ["30%", "50%"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "a", "b"]
    low, high = ax.get_ylim()
    assert low > high  # from top to bottom


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ax: over_epochs(ax, {"a": [[0.1]]}, []), "actors has 0 entries"),
        (lambda ax: over_epochs(ax, {"a": [0.1]}, ["true"]), r"curves\['a'\] has shape \(1,\)"),
        (
            lambda ax: rounds_with_errors(ax, {"a": [[0.1]]}, [], limits=(0, 1)),
            "actors has 0 entries",
        ),
        (
            lambda ax: rounds_with_errors(ax, {"a": np.ones((1, 3))}, ["true"], limits=(0, 1)),
            "two seeds or more",
        ),
        (
            lambda ax: agreement_bars(ax, {"g": {}}, ["true"], limits=(0, 1), xlabel="x"),
            r"groups\['g'\] has 0 bars",
        ),
    ],
)
def test_what_is_not_accepted_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(Figure().add_subplot())
