"""The figures of chapter 14: choosing without clean labels."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import bar_shades, bars, errors, heights, ink, line, points, shade, ticks, written

from sdbook.book import figures
from sdbook.book.figures.recipe import (
    held_out_against_true,
    leaderboard,
    rounds_by_penalty,
    votes_with_spread,
    wrong_labels_found,
)


@pytest.fixture(params=figures.MODES)
def ax(request):
    with figures.theme(request.param):
        yield Figure(figsize=(6.4, 4)).add_subplot()


def test_the_best_mean_is_on_top_with_its_number(ax):
    scores, best = {"low": [0.5, 0.6], "high": [0.9, 0.7]}, {"low": [0.6, 0.7], "high": [0.9, 0.8]}
    leaderboard(ax, scores, best=best, actors_of={"high": "student"}, limits=(0.4, 1))
    assert ticks(ax.yaxis) == ["high", "low"]
    assert ax.yaxis_inverted(), "row 0 is the top one"
    assert ink(ax) == {"80.0%": figures.colour("student"), "55.0%": figures.colour("muted")}
    assert points(ax, "high") == [(pytest.approx(0.8), 0)]
    assert points(ax, "low") == [(pytest.approx(0.55), 1)]
    assert points(ax, "best of low") == [(pytest.approx(0.65), 1)]
    assert shade(line(ax, "best of low")) == figures.colour("background"), "hollow"
    spread = np.std([0.5, 0.6], ddof=1)
    assert line(ax, "spread of low").get_xdata() == pytest.approx([0.55 - spread, 0.55 + spread])


def test_leaderboard_wants_scores_and_the_best_of_each(ax):
    with pytest.raises(ValueError, match="scores must have at least one entry"):
        leaderboard(ax, {}, best={}, actors_of={}, limits=(0, 1))
    with pytest.raises(ValueError, match="best must have one entry per method, got none for 'a'"):
        leaderboard(ax, {"a": [0.5]}, best={}, actors_of={}, limits=(0, 1))


def test_a_line_for_each_price_ends_at_the_truth(ax):
    look = {"top": 0.65, "prices": [0.3, 0.65], "marked": [(1, "chosen", "accent")]}
    limits = ((0.3, 0.7), (0.4, 1.0))
    held_out_against_true(ax, [0.5, 0.6], [0.7, 0.8], limits=limits, **look)
    for price in look["prices"]:
        start, end = points(ax, f"price {price}")
        assert start == (pytest.approx(0.65 - price * 0.6), 0.4)
        assert end == (pytest.approx(0.65), 1.0)
    assert points(ax, "candidates") == [(0.5, 0.7), (0.6, 0.8)]
    assert points(ax, "chosen") == [(0.6, 0.8)]
    assert ink(ax) == {"chosen": figures.colour("accent")}
    with pytest.raises(ValueError, match="seen and true must have the same length, got 2 and 3"):
        held_out_against_true(ax, [0.1, 0.2], [0.1, 0.2, 0.3], limits=limits, **look)


def test_found_counts_wrong_labels_in_the_order_of_suspicion(ax):
    found = wrong_labels_found(ax, [False, True, True, False], [0.1, 0.9, 0.2, 0.5])
    assert found.tolist() == [0.5, 0.5, 1, 1]
    assert points(ax, "found") == [(0.25, 0.5), (0.5, 0.5), (0.75, 1), (1, 1)]
    assert points(ax, "perfect") == [(0, 0), (0.5, 1), (1, 1)]
    assert points(ax, "chance") == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="wrong must have at least one wrong label"):
        wrong_labels_found(ax, [False], [0.5])
    with pytest.raises(ValueError, match="wrong and suspicion must have the same length"):
        wrong_labels_found(ax, [True], [0.5, 0.6])


def test_votes_are_counts_of_the_truth_and_the_most_frequent_others(ax):
    votes_with_spread(ax, [0.5, 0.1, 0.4, 0.0], 100, shown=3)
    assert bars(ax, "votes") == pytest.approx([50, 40, 10])
    assert bar_shades(ax, "votes") == [figures.colour(who) for who in ("true", "given", "given")]
    assert ticks(ax.xaxis) == ["the truth", "wrong", "wrong"]
    assert list(errors(ax, "spread")) == [pytest.approx([10, 2 * 24**0.5, 6])]
    assert "100" in ax.get_title(loc="left")
    with pytest.raises(ValueError, match=r"row must sum to 1, got 0\.9"):
        votes_with_spread(ax, [0.5, 0.4], 10, shown=2)


@pytest.mark.parametrize(("works", "said"), [([1, 0, 0], "enough"), ([0, 0, 0], "never enough")])
def test_too_many_rounds_are_hollow_at_the_top(ax, works, said):
    rounds_by_penalty(ax, [1e-3, 1e-2, 1e-1], [np.inf, 3, 1], works, most=8)
    assert points(ax, "more") == [(1e-3, 8)]
    assert points(ax, "rounds") == [(1e-2, 3), (1e-1, 1)]
    hollow = line(ax, "more").get_markerfacecolor()
    assert hollow == figures.colour("background") != line(ax, "rounds").get_markerfacecolor()
    assert line(ax, "candidates").get_xdata().tolist() == [1e-3] * works[0]
    assert heights(ax, "candidates") == [0] * works[0]
    assert written(ax)[0].endswith(said)
    assert ticks(ax.yaxis)[-1] == "8+"
    with pytest.raises(ValueError, match="lams, rounds and candidates must have the same length"):
        rounds_by_penalty(ax, [1e-3], [1, 2], [True, False], most=8)
