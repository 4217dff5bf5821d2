"""Lemma 1: class means of given labels, and when the truth has the most votes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from sdbook import datasets, noise, theory

MATRICES = {
    "symmetric": noise.symmetric(4, 0.6),
    "pair flip, lost": noise.pair_flip(4, 0.55),
    "pair flip, tie": noise.pair_flip(4, 0.5),
    "superclasses": noise.superclass([0, 0, 1, 1], 0.4),
    "one bad class": noise.corruption_matrix(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0.35, 0, 0.33, 0.32], [0, 0, 0, 1]]
    ),
}


def lead_probability(row, true, n):
    """Probability that `true` has strictly more than any other of n votes, by enumeration."""
    total = 0.0
    for votes in itertools.product(range(n + 1), repeat=len(row)):
        if sum(votes) != n or any(v >= votes[true] for k, v in enumerate(votes) if k != true):
            continue
        ways = math.factorial(n)
        for v in votes:
            ways //= math.factorial(v)
        total += ways * math.prod(p**v for p, v in zip(row, votes, strict=True))
    return total


def bound(row, true, n):
    """Part 3 of the lemma."""
    others = np.delete(np.asarray(row), true)
    return float(((1 - (np.sqrt(row[true]) - np.sqrt(others)) ** 2) ** n).sum())


@pytest.mark.parametrize("C", MATRICES.values(), ids=MATRICES)
def test_class_means_tend_to_the_rows(C):
    """Part 1, with the width that Hoeffding's inequality gives at one in 10^9."""
    n = 40_000
    true = np.repeat(np.arange(4), n)
    given = noise.corrupt(true, C, rng=0)
    targets = datasets.one_hot(given, 4)
    means = np.array([targets[true == k].mean(axis=0) for k in range(4)])
    assert np.abs(means - C).max() < math.sqrt(math.log(2e9) / (2 * n))


@pytest.mark.parametrize("C", MATRICES.values(), ids=MATRICES)
def test_the_truth_has_most_votes_exactly_if_the_gap_is_positive(C):
    """Part 2: the probability to lead everywhere goes to one, or stays at most one half."""
    n, heaps = 40_000, 200
    rng = np.random.default_rng(1)
    leads = np.ones(heaps, dtype=bool)
    for k, row in enumerate(C):
        votes = rng.multinomial(n, row, size=heaps)
        leads &= votes[:, k] > np.delete(votes, k, axis=1).max(axis=1)
    if theory.gap(C) > 0:
        assert leads.all()
    else:
        assert leads.mean() < 0.65  # 200 coins


@pytest.mark.parametrize("n", [1, 2, 5, 12])
@pytest.mark.parametrize(
    "row", [(0.6, 0.2, 0.2), (0.5, 0.45, 0.05), (0.7, 0.3, 0.0), (0.4, 0.3, 0.3)]
)
def test_the_bound_holds_for_small_heaps(row, n):
    """Part 3, against the exact probability."""
    assert 1 - lead_probability(row, 0, n) <= bound(row, 0, n) + 1e-12


def test_the_bound_has_the_right_pace():
    """With two labels it is off by no more than a polynomial in n: it cannot be improved much."""
    row, n = (0.6, 0.4), 60
    failing = 1 - lead_probability(row, 0, n)
    assert bound(row, 0, n) / (2 * n) < failing <= bound(row, 0, n)


@pytest.mark.parametrize("classes", [2, 3, 5, 10])
def test_the_gap_follows_from_the_share_of_the_favourite_lie(classes):
    """The gap is 1 - rate (1 + f), f the share of the wrong labels that goes to the favourite."""
    for rate in (0.0, 0.3, 0.5, 0.9):
        kinds = {
            1 / (classes - 1): noise.symmetric(classes, rate),
            1.0: noise.pair_flip(classes, rate),
            2 / classes: noise.asymmetric(classes, rate),
        }
        for favourite, C in kinds.items():
            assert theory.gap(C) == pytest.approx(1 - rate * (1 + favourite), abs=1e-12)
