"""The corollaries of Theorem 4: one partner, more than two candidates, one or two."""

from __future__ import annotations

import numpy as np
import pytest

from sdbook import theory
from sdbook.book import pairs

SIZE = 5


def rotations(row):
    return np.array([np.roll(row, k) for k in range(len(row))])


def draws(seed, number, *, leads=True):
    """Balanced noises without ties, and factors."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        row = np.sort(rng.dirichlet([0.7] * SIZE))[::-1] if leads else rng.dirichlet([0.7] * SIZE)
        row = np.r_[row[0], rng.permutation(row[1:])] if leads else row
        factors = theory.BlockSpectrum(*np.sort(rng.uniform(0.05, 0.99, 4)))
        yield rotations(row), factors


def all_right(outputs, C):
    return theory.population_accuracy(outputs, C).all > 1 - 1e-12


def test_one_partner_says_exactly_when_two_candidates_succeed():
    seen = set()
    for C, factors in draws(0, 400):
        lies = np.sort(C[0, 1:])[::-1]
        needed = 1 / (factors.class_ / factors.instance - 1)
        distance = lies[0] - lies[1:]
        if abs(distance - needed).min() < 1e-4 or theory.gap(C) < 1e-4 or lies[-1] < 1e-4:
            continue
        expected = bool((distance < needed).any())
        assert all_right(theory.partial_label_outputs(factors, C), C) == expected
        assert bool(theory.partial_label_recovers(factors, C)) == expected
        seen.add(expected)
    assert seen == {True, False}


def test_with_one_partner_a_coin_decides():
    C = rotations([0.55, 0.39, 0.02, 0.02, 0.02])
    factors = theory.BlockSpectrum(0.1, 0.8, 0.9, 0.9)  # q/p = 8
    assert theory.population_accuracy(theory.population_outputs(factors, C, 3), C).all == 1
    student = theory.population_accuracy(theory.partial_label_outputs(factors, C), C)
    assert student.all == student.clean == student.corrupted == 0.5


@pytest.mark.parametrize("k", [3, 4])
def test_more_than_two_candidates_always_share_the_favourite(k):
    for C, factors in draws(1, 100):
        teacher = theory.population_outputs(factors, C)
        shares = pairs.candidate_shares(C, theory.candidates(teacher, C, k))
        favourite = 1 + C[0, 1:].argmax()
        assert shares[0, favourite] == pytest.approx(1)
        assert not all_right(theory.partial_label_outputs(factors, C, k), C)


@pytest.mark.parametrize("k", [3, 4])
def test_more_than_two_candidates_fail_with_ties_and_unbalanced_sets_too(k):
    """Ties go by the order of classes, so that the sets favour the first ones."""
    rng, unbalanced = np.random.default_rng(4), 0
    for _ in range(200):
        C = rotations(rng.multinomial(8, np.ones(SIZE) / SIZE) / 8 + [2, 0, 0, 0, 0]) / 3
        factors = theory.BlockSpectrum(*np.sort(rng.uniform(0.05, 0.99, 4)))
        sets = theory.candidates(theory.population_outputs(factors, C), C, k)
        favourites = np.where(np.eye(SIZE, dtype=bool), 0, C).argmax(axis=1)
        shares = pairs.candidate_shares(C, sets)[np.arange(SIZE), favourites]
        assert shares == pytest.approx(1)
        assert not all_right(theory.partial_label_outputs(factors, C, k), C)
        unbalanced += not theory.assumptions(C, targets=sets).hold
    assert 20 < unbalanced < 200


def test_one_or_two_candidates_need_nothing_but_a_gap():
    rescued = 0
    for C, drawn in draws(2, 300):
        if theory.gap(C) < 1e-4:
            continue
        # A small p: own labels are hardly heard, and many classes have one partner only.
        factors = drawn._replace(instance=0.2 * drawn.instance)
        assert all_right(theory.one_or_two_outputs(factors, C), C)
        rescued += not theory.partial_label_recovers(factors, C)
    assert rescued > 20


def test_pair_flips_are_rescued():
    C = rotations([0.55, 0.45, 0, 0, 0])
    factors = theory.BlockSpectrum(0.5, 0.9, 0.9, 0.95)
    assert theory.population_accuracy(theory.partial_label_outputs(factors, C), C).all == 0.5
    assert all_right(theory.one_or_two_outputs(factors, C), C)
    assert theory.population_accuracy(theory.population_outputs(factors, C), C).all == 0.55


def test_below_the_gap_nobody_succeeds():
    for C, factors in draws(3, 200, leads=False):
        if theory.gap(C) > -1e-4:
            continue
        for k in (2, 3):
            assert not all_right(theory.partial_label_outputs(factors, C, k), C)
