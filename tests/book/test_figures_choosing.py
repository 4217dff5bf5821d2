"""Choosing without clean labels: what the figures of chapter 14 show."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.choosing import (
    found_in_order,
    leaderboard,
    rounds_by_penalty,
    seen_against_true,
    votes_with_luck,
)


@pytest.fixture(params=figures.MODES)
def ax(request):
    with figures.theme(request.param):
        yield Figure(figsize=(6.4, 4)).add_subplot()


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_the_best_mean_is_on_top_with_its_number(ax):
    leaderboard(ax, {"low": [0.5, 0.6], "high": [0.9, 0.7]}, limits=(0.4, 1))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["high", "low"]
    assert texts(ax) == ["80.0%", "55.0%"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # row 0 is the top one


def test_bars_are_one_standard_deviation_and_the_oracle_is_hollow(ax):
    leaderboard(
        ax, {"a": [0.5, 0.6]}, best={"a": [0.7, 0.8]}, actors_of={"a": "student"}, limits=(0, 1)
    )
    spread = np.std([0.5, 0.6], ddof=1)
    bars = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 3]
    np.testing.assert_allclose(bars[0], [0.55 - spread, 0.55 + spread])
    hollow = [line for line in ax.lines if to_hex(line.get_color()) == figures.colour("background")]
    np.testing.assert_allclose([line.get_xdata()[0] for line in hollow], [0.75])


def test_leaderboard_wants_scores_and_the_best_of_each(ax):
    with pytest.raises(ValueError, match="scores is empty"):
        leaderboard(ax, {}, limits=(0, 1))
    with pytest.raises(ValueError, match="best has no entry for 'a'"):
        leaderboard(ax, {"a": [0.5]}, best={}, limits=(0, 1))


def test_a_line_for_each_price_ends_at_the_truth(ax):
    seen_against_true(
        ax,
        [0.5, 0.6],
        [0.7, 0.8],
        top=0.65,
        prices=[0.3, 0.65],
        marked=[(1, "chosen", "accent")],
        limits=((0.3, 0.7), (0.4, 1.0)),
    )
    lines = [
        line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 2
    ]
    starts = sorted(line.get_xdata()[0] for line in lines if line.get_marker() == "None")
    np.testing.assert_allclose(starts, [0.65 - 0.65 * 0.6, 0.65 - 0.3 * 0.6])
    assert all(
        np.isclose(line.get_xdata()[1], 0.65) for line in lines if line.get_marker() == "None"
    )
    assert texts(ax) == ["chosen"]


def test_seen_and_true_belong_together(ax):
    with pytest.raises(ValueError, match=r"seen has shape \(2,\) and true \(3,\)"):
        seen_against_true(
            ax, [0.1, 0.2], [0.1, 0.2, 0.3], top=1, prices=[1], limits=((0, 1), (0, 1))
        )


def test_found_counts_wrong_labels_in_the_order_of_suspicion(ax):
    found = found_in_order(ax, [False, True, True, False], [0.1, 0.9, 0.2, 0.5])
    np.testing.assert_allclose(found, [0.5, 0.5, 1, 1])
    with pytest.raises(ValueError, match="wrong has no wrong label"):
        found_in_order(ax, [False], [0.5])


def test_votes_are_counts_of_the_truth_and_the_most_frequent_others(ax):
    votes_with_luck(ax, [0.5, 0.1, 0.4, 0.0], 100, shown=3)
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], [50, 40, 10])
    assert to_hex(ax.patches[0].get_facecolor()) == figures.colour("true")
    with pytest.raises(ValueError, match=r"row sums to 0\.9"):
        votes_with_luck(ax, [0.5, 0.4], 10)


def test_too_many_rounds_are_hollow_at_the_top(ax):
    rounds_by_penalty(ax, [1e-3, 1e-2, 1e-1], [np.inf, 3, 1], [True, False, False], most=8)
    hollow = [line for line in ax.lines if to_hex(line.get_color()) == figures.colour("background")]
    assert [list(line.get_ydata()) for line in hollow] == [[8]]
    squares = [line for line in ax.lines if line.get_marker() == "s"]
    assert [list(line.get_xdata()) for line in squares] == [[1e-3]]
    with pytest.raises(ValueError, match="accepted are equal ones"):
        rounds_by_penalty(ax, [1e-3], [1, 2], [True, False])
