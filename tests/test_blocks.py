"""Groups of alike instances give what all instances give, in every round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import examples

from sdbook import distill, noise, refine, theory
from sdbook.blocks import distill_blocks
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy

KIND = {"c": 0.4, "d": 0.15, "e": 0.05, "superclasses": [0, 0, 1, 1]}


def features_of(true, superclasses, c, d, e):
    """Vectors with the correlations of the block model, from its Gram matrix."""
    group = np.asarray(superclasses)[true]
    gram = np.where(group[:, None] == group, d, e)
    gram[true[:, None] == true] = c
    np.fill_diagonal(gram, 1)
    values, vectors = np.linalg.eigh(gram)
    assert values[0] > -1e-12
    return vectors * np.sqrt(np.maximum(values, 0))


@st.composite
def blocks(draw):
    """Counts with classes of any sizes and absent pairs, superclasses of any sizes, lambda."""
    K = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = rng.integers(0, draw(st.sampled_from([2, 5])), (K, K))
    assume(counts.any(axis=1).all())
    c = draw(st.floats(0.1, 0.8))
    d = c * draw(st.floats(0, 0.9))
    kind = {"c": c, "d": d, "e": d * draw(st.floats(0, 1)), "superclasses": rng.integers(0, 2, K)}
    return counts, 10 ** draw(st.floats(-4, 0)), kind


def compare(counts, lam, kind, kinds=("all", "clean", "corrupted"), **options):
    """Outputs and accuracies of groups against those of `distill` on all instances."""
    K = len(counts)
    true, labels = np.repeat(np.indices((K, K)).reshape(2, -1), counts.ravel(), axis=1)
    run = distill(features_of(true, **kind), labels, lam, n_classes=K, true_labels=true, **options)
    groups = distill_blocks(counts, lam, **kind, **options)
    for step, outputs in zip(run.rounds, groups.outputs, strict=True):
        np.testing.assert_allclose(outputs[true, labels], step.outputs, rtol=0, atol=1e-8)
        assert not outputs[counts == 0].any()
    for name in kinds:
        if getattr(run.teacher.accuracy, name) is not None:
            np.testing.assert_allclose(groups.accuracies(name), run.accuracies(name), atol=1e-12)


REFINEMENTS = [refine.as_is, refine.top_k(2), refine.one_or_two(0.1)]


@pytest.mark.slow
@examples
@given(blocks(), st.sampled_from(REFINEMENTS))
def test_groups_of_any_sizes_have_the_outputs_of_all_instances(block, refinement):
    compare(*block, rounds=3, refinement=refinement, tolerance=1e-13)


@examples
@given(blocks(), st.sampled_from(REFINEMENTS))
def test_also_in_the_linearised_model(block, refinement):
    compare(*block, rounds=4, refinement=refinement, model="linearised")


@settings(examples, max_examples=15)
@given(blocks())
def test_also_with_a_loss_that_is_not_convex(block):
    """Descent from the same teacher leads to the same point. Outputs often tie."""
    how = {"rounds": 2, "refinement": refine.top_k(2), "tolerance": 1e-13}
    compare(*block, kinds=(), loss=(CrossEntropy(), GeneralisedCrossEntropy()), **how)


def test_each_student_can_be_taught_in_its_own_way():
    counts = np.array([[5, 3, 1], [0, 4, 4], [2, 1, 6]])
    kind = {"c": 0.5, "d": 0.2, "e": 0.2, "superclasses": [0, 0, 0]}
    rules = [refine.as_is, refine.top_k(2), refine.as_is]
    compare(counts, 1e-3, kind, rounds=4, refinement=rules, tolerance=1e-13)


@pytest.mark.parametrize("n", [0.7, 20, 33.3])
def test_shares_need_not_be_whole_numbers_of_instances(n):
    """Against the closed form, where classes are of equal size."""
    C, lam = noise.superclass(KIND["superclasses"], 0.45), 1e-3
    run = distill_blocks(n * C, lam, **KIND, rounds=3, model="linearised")
    p = (1 - 0.4) / (16 * n * lam + 1 - 0.4)
    classes = 1 - 0.4 + n * (0.4 - 0.15)
    eigenvalues = (1 - 0.4, classes, classes + 2 * n * (0.15 - 0.05))
    factors = theory.block_shrinkage(
        theory.BlockSpectrum(*eigenvalues, eigenvalues[-1] + 4 * n * 0.05), 16 * n * lam
    )
    assert factors.instance == pytest.approx(p)
    for t, outputs in enumerate(run.outputs, start=1):
        expected = theory.population_outputs(factors, C, t, superclasses=KIND["superclasses"])
        np.testing.assert_allclose(outputs[C > 0], expected[C > 0], atol=1e-12)


def test_it_stops_when_all_are_right():
    counts = 50 * noise.symmetric(4, 0.3)
    whole = distill_blocks(counts, 5e-4, c=0.4, d=0.1, rounds=6)
    run = distill_blocks(counts, 5e-4, c=0.4, d=0.1, rounds=6, until_right=True)
    assert run.accuracies().tolist() == [0.7, 0.7, 1.0]
    np.testing.assert_array_equal(run.outputs, whole.outputs[:3])
    never = distill_blocks(50 * noise.pair_flip(4, 0.6), 5e-4, c=0.4, d=0.1, until_right=True)
    assert len(never.outputs) == 5


def test_centred_blocks_are_accepted():
    """Their global eigenvalue is zero."""
    n, c = 10, 0.4
    d = -(1 - c + n * c) / (3 * n)
    compare(
        np.full((4, 4), 1) + np.diag([6] * 4),
        1e-3,
        {"c": c, "d": d, "e": d, "superclasses": [0] * 4},
        rounds=2,
        tolerance=1e-13,
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: distill_blocks(np.ones((2, 3)), 1, **KIND), r"counts must .*got \(2, 3\)"),
        (
            lambda: distill_blocks([[1, -1], [0, 1]], 1, c=0.4, d=0),
            r"counts must be >= 0, .*\[ 1. -1.\]",
        ),
        (
            lambda: distill_blocks([[1, 1], [0, 0]], 1, c=0.4, d=0),
            r"counts .*with some in each row, got the row \[0. 0.\]",
        ),
        (lambda: distill_blocks(np.eye(4), 0, **KIND), "lam must"),
        (lambda: distill_blocks(np.eye(4), 1, **{**KIND, "e": None}), "e must be .*got None"),
        (lambda: distill_blocks(np.eye(4), 1, **{**KIND, "e": 0.3}), "e must"),
        (lambda: distill_blocks(np.eye(3), 1, **KIND), r"superclasses must have shape \(3,\)"),
        (
            lambda: distill_blocks(9 * np.eye(4), 1, c=0.4, d=-0.9),
            "c, d and e must give a Gram matrix, got the eigenvalue -",
        ),
        (lambda: distill_blocks(np.eye(4), 1, **KIND, model="x"), "model must be .*got 'x'"),
        (
            lambda: distill_blocks(np.eye(4), 1, **KIND, model="linearised", loss=CrossEntropy()),
            "loss must be None",
        ),
        (
            lambda: distill_blocks(np.eye(4), 1, **KIND, refinement=[refine.as_is]),
            "refinement must",
        ),
        (
            lambda: distill_blocks(np.eye(4), 1, **KIND).accuracies("test"),
            "kind must be one of 'all', 'clean', got 'test'",
        ),
        (
            lambda: distill_blocks(np.eye(4), 1, **KIND).accuracies("corrupted"),
            "kind must be .*'corrupted'",
        ),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
