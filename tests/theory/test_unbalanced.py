"""Candidates where a class is everybody's second: theory's Yes and No against models that are run.

Tables of counts have exact shares, so that the population of the theory is the sample.
"""

from __future__ import annotations

import numpy as np
import pytest
from blocks import Block
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import examples

from sdbook import datasets, distill, noise, partial_label, refine, theory
from sdbook.book import pairs
from sdbook.book.statements.problems import top

many = settings(examples, max_examples=150)
SHAPES = [(3, 1), (4, 1), (5, 1), (6, 1), (4, 2), (6, 2), (6, 3)]
FIVE = {"c": 0.4, "d": 0.15}


def factors_of(block):
    sizes = {"n_superclasses": block.S, "c": block.c, "d": block.d, "e": block.e}
    return theory.block_shrinkage(theory.block_eigenvalues(block.K, block.n, **sizes), block.ridge)


def table(kind, superclasses, wrong, most, rng):
    """How many of a class get which wrong label; what is left of a class has the right one."""
    K = len(superclasses)
    kindred = superclasses[:, None] == superclasses
    if kind == "random":
        counts = rng.integers(0, wrong + 1, (K, K))
    elif kind == "pair":
        counts = wrong * np.roll(np.eye(K, dtype=int), 1, axis=1)
    else:
        counts = wrong * (np.ones((K, K), dtype=int) if kind != "superclass" else 1 * kindred)
    if kind == "tilted":  # everybody leans to the same class, which leans to another
        favourite, other = rng.permutation(K)[:2]
        counts[:, favourite] += int(rng.integers(1, 3))
        counts[favourite, other] += 1
    np.fill_diagonal(counts, 0)
    rates = counts.sum(axis=1)
    np.fill_diagonal(counts, rates.max() + most - rates)
    return counts


@st.composite
def unbalanced(draw, kind):
    """Blocks of any structure with noise of this kind, from one wrong label to most of them."""
    K, S = draw(st.sampled_from(SHAPES))
    superclasses = np.repeat(np.arange(S), K // S)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    wrong, most = draw(st.integers(1, 3)), draw(st.sampled_from([1, 3, 5, 8, 16, 32]))
    counts = table(kind, superclasses, wrong, most, rng)
    assume((counts >= 0).all())
    n = int(counts[0].sum())
    c = draw(st.floats(0.3, 0.7))
    d = c * draw(st.sampled_from([0.0, 0.1, 0.4, 0.8]))
    e = d * draw(st.sampled_from([1.0, 0.5, 0.0]))
    # q/p between hardly more than 1 and hardly less than all that the classes allow.
    small, large = 1 - c, 1 - c + n * (c - d)
    ratio = (large / small) ** draw(st.sampled_from([0.2, 0.5, 0.8, 0.9]))
    ridge = small * large * (ratio - 1) / (large - small * ratio)
    return Block(n, c, d, e, superclasses, counts, ridge)


def lead(outputs, true):
    """The truth's least lead over another class, and what counts as a tie."""
    values = outputs.copy()
    own = values[np.arange(len(true)), true]
    values[np.arange(len(true)), true] = -np.inf
    return (own - values.max(axis=1)).min(), max(1e-6 * np.ptp(outputs), 8 * np.finfo(float).eps)


def says(block, k):
    return bool(
        theory.partial_label_recovers(
            factors_of(block), block.C, k, superclasses=block.superclasses
        )
    )


def runs(block, k):
    """Share that is right when a teacher and a student are trained, with label averaging."""
    spread = {"n_superclasses": block.S, "c": block.c, "d": block.d, "e": block.e}
    data = datasets.block_correlated(block.K, block.n, **spread)
    lam = block.ridge / (block.K**2 * block.n)
    run = partial_label(
        data.features, block.given, lam, k=k, model="linearised", true_labels=block.true
    )
    return run.accuracies("all")[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["symmetric", "tilted", "pair", "superclass", "random"])
def test_theory_says_yes_exactly_where_a_student_is_all_right(kind):
    """Without balance, with ties. A tie of the student's outputs is a No, as it is documented."""
    answers = []

    @many
    @given(unbalanced(kind), st.sampled_from([2, 2, 2, 3]))
    def holds(block, k):
        student = block.outputs(targets=top(block.outputs(), k))
        margin, tie = lead(student, block.true)
        yes = says(block, k)
        assert yes == (margin > tie)
        assert yes == (runs(block, k) == 1)
        answers.append((yes, abs(margin) <= tie))

    holds()
    if kind != "pair":  # where the answer is always No
        assert {yes for yes, _ in answers} == {True, False}
    assert any(tied for _, tied in answers)


def test_no_other_class_in_all_sets_is_not_enough_without_balance():
    """The short condition of Theorem 4 passes problems in which the student fails."""
    misled = []

    @many
    @given(unbalanced("symmetric"))
    def look(block):
        how = {"superclasses": block.superclasses}
        teacher = theory.population_outputs(factors_of(block), block.C, **how)
        sets = theory.candidates(teacher, block.C)
        short = pairs.candidate_shares(block.C, sets) > 1 - 1e-12
        if np.array_equal(short, np.eye(block.K, dtype=bool)) and not says(block, 2):
            met = theory.assumptions(block.C, block.superclasses, targets=sets)
            assert {*met.violated} - {"the true label leads"}
            misled.append(block)

    look()
    assert misled


@pytest.mark.parametrize("rate", [0.02, 0.06, 0.1, 0.14])
@pytest.mark.parametrize("model", ["linearised", "softmax"])
def test_little_even_noise_defeats_candidates_and_not_rounds(rate, model):
    """Five classes, q/p = 8, fewer wrong labels than 1/7."""
    s, large, *_ = theory.block_eigenvalues(5, 50, **FIVE)
    ridge = 7 * s * large / (large - 8 * s)
    factors = theory.block_shrinkage(theory.block_eigenvalues(5, 50, **FIVE), ridge)
    assert factors.class_ / factors.instance == pytest.approx(8)
    C = noise.symmetric(5, rate)
    assert not theory.partial_label_recovers(factors, C)
    data = datasets.block_correlated(5, 50, **FIVE)
    given = noise.corrupt(data.labels, C, rng=0, exact=True)
    box = data.features, given, ridge / (25 * 50)
    how = {"model": model, "true_labels": data.labels}
    assert distill(*box, rounds=3, **how).accuracies("all").tolist() == [1, 1, 1]
    assert partial_label(*box, **how).accuracies("all")[-1] < 0.3


def five(ratio, n=50, **changes):
    spectrum = theory.block_eigenvalues(5, n, **{**FIVE, **changes})
    s, large, *_ = spectrum
    return theory.block_shrinkage(spectrum, s * large * (ratio - 1) / (large - s * ratio))


@pytest.mark.parametrize("ratio", [2.5, 8])
def test_even_noise_needs_enough_wrong_labels_where_classes_have_something_in_common(ratio):
    """The margin in closed form, against class 0; and none is needed where d = 0."""
    p, q, _, g = five(ratio)
    common = (g - q) * 4 / 5
    limit = common / (common + (q - p) * 3 / 4)
    rates = np.array([1e-3, 0.5 * limit, 0.99 * limit, 1.01 * limit, 0.5, 0.75])
    found = theory.partial_label_recovers(five(ratio), [noise.symmetric(5, r) for r in rates])
    assert found.tolist() == [False] * 3 + [True] * 3
    alone = theory.partial_label_recovers(
        five(ratio, d=0.0), [noise.symmetric(5, r) for r in rates]
    )
    assert alone.all()


def test_leaning_decides_whether_all_lean_to_the_same_class():
    own = np.array([np.roll([0.9, 0.028, 0.024, 0.024, 0.024], k) for k in range(5)])
    same = np.full((5, 5), 0.024)
    np.fill_diagonal(same, 0.9)
    same[:, 0] += 0.004
    same[0, :2] = 0.9, 0.028
    assert theory.partial_label_recovers(five(8), own)
    assert not theory.partial_label_recovers(five(8), same)
    for C in (own, same):  # one for those who are sure: nobody reaches for a second
        outputs = theory.one_or_two_outputs(five(8), C)
        assert theory.population_accuracy(outputs, C).all == pytest.approx(1)


def test_a_class_of_more_instances_is_everybodys_second_without_any_tie():
    """Every class has a favourite wrong label of its own, and class 0 twice as many instances."""
    data = datasets.block_correlated(5, 100, **FIVE)
    sizes = np.array([100, 50, 50, 50, 50])
    kept = np.concatenate([np.flatnonzero(data.labels == k)[:size] for k, size in enumerate(sizes)])
    true = data.labels[kept]
    given = true.copy()
    for k in range(5):
        lies = (k + np.array([1, 1, 1, 2, 2, 3, 3, 4, 4])) % 5
        given[np.flatnonzero(true == k)[: len(lies)]] = lies
    s, large, *_ = theory.block_eigenvalues(5, 50, **FIVE)
    box = data.features[kept], given, 7 * s * large / (large - 8 * s) / (5 * len(true))
    how = {"model": "linearised", "true_labels": true}
    assert distill(*box, rounds=2, **how).accuracies("all").tolist() == [1, 1]
    run = partial_label(*box, **how)
    assert run.accuracies("all")[-1] < 0.5
    hesitant = distill(*box, rounds=2, refinement=refine.one_or_two(0.083), **how)
    assert hesitant.accuracies("all")[-1] == 1
    with_zero = [(run.last.targets[true == k, 0] > 0).mean() for k in range(1, 5)]
    assert min(with_zero) > 0.8
