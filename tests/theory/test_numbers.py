"""Closed forms of the block model, and the numbers that an independent program found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from strategies import Problem, averaging_matrix

from sdbook import datasets, distill, noise, partial_label, theory
from sdbook.solvers import LabelAveraging

SIX = {"n_classes": 6, "n_per_class": 60, "n_superclasses": 2, "c": 0.5, "d": 0.2, "e": 0.05}
TEN = {"n_classes": 10, "n_per_class": 50, "n_superclasses": 2, "c": 0.4, "d": 0.15, "e": 0.0}
EIGHT = {"n_classes": 8, "n_per_class": 50, "n_superclasses": 4, "c": 0.4, "d": 0.15, "e": 0.0}
PAIRS = {"n_classes": 6, "n_per_class": 50, "c": 0.4, "d": 0.15}


def spectrum(n_classes, n_per_class, **correlations):
    return theory.block_eigenvalues(n_classes, n_per_class, **correlations)


def shrinkage(block, lam):
    K, n = block["n_classes"], block["n_per_class"]
    return theory.block_shrinkage(spectrum(**block), ridge=K * K * n * lam)


def blocks_and_wrong_labels(block, C):
    K, n = block["n_classes"], block["n_per_class"]
    rest = {
        name: value for name, value in block.items() if name not in ("n_classes", "n_per_class")
    }
    data = datasets.block_correlated(K, n, **rest)
    return data, noise.corrupt(data.labels, C, rng=0, exact=True)


def accuracies(block, C, lam, rounds, model):
    data, given = blocks_and_wrong_labels(block, C)
    run = distill(data.features, given, lam, rounds=rounds, model=model, true_labels=data.labels)
    return run.accuracies("all").tolist()


def first_all_right(shares):
    """The first round from which on every label is right."""
    return next(t for t in range(1, len(shares) + 1) if min(shares[t - 1 :]) == 1)


def superclasses(block):
    return np.arange(block["n_classes"]) * block["n_superclasses"] // block["n_classes"]


# --- closed forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [SIX, EIGHT, PAIRS, {**SIX, "e": -0.01}], ids=str)
def test_block_eigenvalues_are_those_of_the_gram_matrix(block):
    data, _ = blocks_and_wrong_labels(block, np.eye(block["n_classes"]))
    found = np.linalg.eigvalsh(data.gram())
    K, n, S = block["n_classes"], block["n_per_class"], block.get("n_superclasses", 1)
    expected = np.repeat(spectrum(**block), [K * (n - 1), K - S, S - 1, 1])
    np.testing.assert_allclose(found, np.sort(expected), atol=1e-11)


def test_shrinkage_of_six_classes_to_eight_digits():
    p, q, r, g = shrinkage(SIX, 3e-4)
    assert (round(p, 8), round(q, 8)) == (0.43554007, 0.96615835)
    assert (round(r, 8), round(g, 8)) == (0.98595822, 0.98989836)


def test_shrinkage_ratio_of_ten_classes():
    p, q, _, _ = shrinkage(TEN, 2e-4)
    assert q / p == pytest.approx(2.478, abs=5e-4)


def theorem_2(block, lam, given, t):
    """Outputs as own label, class mean, superclass mean, global mean and uniform."""
    K, n = block["n_classes"], block["n_per_class"]
    p, q, r, g = (factor**t for factor in shrinkage(block, lam))
    own = np.eye(K)[given]
    class_of = np.repeat(np.arange(K), n)
    class_mean = np.stack([own[class_of == k].mean(axis=0) for k in range(K)])
    group = superclasses(block)
    super_mean = np.stack([class_mean[group == s].mean(axis=0) for s in group])
    return (
        p * own
        + (q - p) * class_mean[class_of]
        + (r - q) * super_mean[class_of]
        + (g - r) * class_mean.mean(axis=0)
        + (1 - g) / K
    )


@pytest.mark.parametrize("t", range(1, 16))
def test_theorem_2_is_label_averaging(t):
    """Any labels, any finite n: no balance is assumed."""
    C = noise.asymmetric(6, 0.6)
    data, _ = blocks_and_wrong_labels(SIX, C)
    given = noise.corrupt(data.labels, C, rng=0)
    targets = np.eye(6)[given]
    expected = theorem_2(SIX, 3e-4, given, t)
    averaged = LabelAveraging(data.features, 3e-4, 6).outputs(targets, t)
    np.testing.assert_allclose(averaged, expected, atol=1e-12)
    power = averaging_matrix(Problem(data.features, targets, 3e-4), t)
    np.testing.assert_allclose(1 / 6 + power @ (targets - 1 / 6), expected, atol=1e-12)


# --- how many rounds ------------------------------------------------------------------------------


def test_rounds_bound_of_six_classes():
    C = noise.superclass(superclasses(SIX), 0.5)
    assert round(theory.rounds_bound(shrinkage(SIX, 3e-4), C), 4) == 2.0200


def test_six_classes_three_linearised_rounds_four_exact_ones():
    C = noise.superclass(superclasses(SIX), 0.5)
    assert accuracies(SIX, C, 3e-4, 5, "linearised") == [0.5, 0.5, 1, 1, 1]
    assert accuracies(SIX, C, 3e-4, 5, "softmax") == [0.5, 0.5, 0.5, 1, 1]


def test_ten_classes_three_linearised_rounds_five_exact_ones_or_one_partial_label_student():
    C = noise.superclass(superclasses(TEN), 0.72)
    assert theory.rounds_bound(shrinkage(TEN, 2e-4), C) == pytest.approx(2.64, abs=5e-3)
    assert first_all_right(accuracies(TEN, C, 2e-4, 5, "linearised")) == 3
    assert first_all_right(accuracies(TEN, C, 2e-4, 6, "softmax")) == 5
    data, given = blocks_and_wrong_labels(TEN, C)
    run = partial_label(data.features, given, 2e-4, true_labels=data.labels)
    assert run.accuracies("all").tolist() == pytest.approx([0.28, 1])


def test_two_classes_need_fewer_exact_rounds_than_linearised_ones():
    """No softmax of two classes is steeper than its tangent at uniform outputs."""
    block, C = {"n_classes": 2, "n_per_class": 60, "c": 0.5, "d": 0.2}, noise.symmetric(2, 0.25)
    assert 8 < theory.rounds_bound(shrinkage(block, 3e-4), C) < 9
    assert first_all_right(accuracies(block, C, 3e-4, 12, "linearised")) == 9
    assert first_all_right(accuracies(block, C, 3e-4, 12, "softmax")) == 7


def test_lopsided_noise_repaired_and_spoiled_by_exact_rounds():
    """A gap of 0.01 and every assumption of Theorem 3: the exact softmax loses it all again."""
    block = {
        "n_classes": 6,
        "n_per_class": 100,
        "n_superclasses": 2,
        "c": 0.43,
        "d": 0.411,
        "e": 0.389,
    }
    C = np.kron(np.eye(2), [[0.49, 0.03, 0.48], [0.40, 0.56, 0.04], [0.11, 0.41, 0.48]])
    assert theory.assumptions(C, superclasses(block)).hold
    assert 4 < theory.rounds_bound(shrinkage(block, 7e-4), C) < 5
    linear = accuracies(block, C, 7e-4, 20, "linearised")
    assert first_all_right(linear) == 5
    exact = np.array(accuracies(block, C, 7e-4, 20, "softmax"))
    assert (np.flatnonzero(exact == 1) + 1).tolist() == [5, 6, 7, 8]
    assert exact[-1] == pytest.approx(1 / 3)


def test_ten_classes_without_a_gap_nothing_helps():
    C = noise.superclass(superclasses(TEN), 0.8)  # as many labels of each class in a superclass
    assert math.isinf(theory.rounds_bound(shrinkage(TEN, 2e-4), C))
    for model in ("linearised", "softmax"):
        assert accuracies(TEN, C, 2e-4, 8, model) == pytest.approx([0.2] * 8)
    data, given = blocks_and_wrong_labels(TEN, C)
    run = partial_label(data.features, given, 2e-4, true_labels=data.labels)
    assert run.accuracies("all").tolist() == pytest.approx([0.2, 0.2])


def test_superclasses_of_two_classes_rounds_help_but_the_partial_label_student_falls():
    C = noise.superclass(superclasses(EIGHT), 0.3)
    assert first_all_right(accuracies(EIGHT, C, 2e-4, 4, "linearised")) == 2
    assert first_all_right(accuracies(EIGHT, C, 2e-4, 6, "softmax")) == 5
    data, given = blocks_and_wrong_labels(EIGHT, C)
    run = partial_label(data.features, given, 2e-4, true_labels=data.labels)
    assert run.accuracies("all").tolist() == pytest.approx([0.7, 0.5])


def test_pair_flip_rounds_help_but_the_partial_label_student_falls():
    """Every two-hot target is a tie between true and given label; a tie counts as a fair coin."""
    C = noise.pair_flip(6, 0.4)
    assert first_all_right(accuracies(PAIRS, C, 2e-4, 6, "linearised")) == 5
    assert first_all_right(accuracies(PAIRS, C, 2e-4, 10, "softmax")) == 9
    data, given = blocks_and_wrong_labels(PAIRS, C)
    run = partial_label(data.features, given, 2e-4, true_labels=data.labels)
    assert run.accuracies("all").tolist() == pytest.approx([0.6, 0.5])


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.6, 0.7])
def test_rounds_bound_is_where_the_linear_model_gets_everything_right(rate):
    block = {**SIX, "n_superclasses": 1, "d": 0.2, "e": 0.2}
    C = noise.symmetric(6, rate)
    bound = theory.rounds_bound(shrinkage(block, 3e-4), C)
    shares = accuracies(block, C, 3e-4, math.floor(bound) + 2, "linearised")
    assert first_all_right(shares) == math.floor(bound) + 1


def test_least_rounds_of_outputs_that_are_all_but_uniform():
    """After eight rounds at such a penalty outputs differ by less than rounding at 1/K."""
    factors = theory.block_shrinkage(theory.block_eigenvalues(10, 2, c=0.51, d=0.32), ridge=34.4)
    C = noise.symmetric(10, 0.887)
    assert 7 < theory.rounds_bound(factors, C) < 8
    assert theory.least_rounds(factors, C) == 8


def test_rounds_bound_of_clean_and_of_hopeless_labels():
    factors = shrinkage(SIX, 3e-4)
    assert theory.rounds_bound(factors, np.eye(6)) == 0
    assert theory.rounds_bound(factors, noise.pair_flip(6, 0.5)) == math.inf
    assert theory.rounds_bound(factors, noise.pair_flip(6, 0.9)) == math.inf


def test_rounds_bound_counts_the_hardest_class():
    """Class 1 leads by 0.2 only, class 0 by 0.8."""
    p, q, _, _ = factors = shrinkage(SIX, 3e-4)
    C = np.array([[0.9, 0.1], [0.4, 0.6]])
    assert theory.rounds_bound(factors, C) == pytest.approx(math.log(6) / math.log(q / p))
