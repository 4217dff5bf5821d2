"""What the closed forms accept: arrays that broadcast, and clear errors for everything else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdbook import noise, theory
from sdbook.book import pairs

FACTORS = theory.BlockSpectrum(0.5, 0.8, 0.9, 0.95)
C = noise.symmetric(4, 0.5)
PAIRS = [0, 0, 1, 1]


def test_a_phase_diagram_is_one_call():
    """Entry by entry what single calls say: rates down, lambdas across."""
    rates, lams = np.array([0.0, 0.3, 0.6, 0.8]), np.array([1e-5, 1e-4, 1e-3])
    matrices = np.stack([noise.asymmetric(4, rate) for rate in rates])[:, None]
    spectrum = theory.block_eigenvalues(4, 20, n_superclasses=2, c=0.5, d=0.2, e=0.1)
    grid = theory.block_shrinkage(spectrum, 4 * 4 * 20 * lams)
    kind = {"superclasses": PAIRS}
    maps = {
        "rounds": theory.least_rounds(grid, matrices, **kind, most=50),
        "bound": theory.rounds_bound(grid, matrices),
        "two": theory.population_accuracy(
            theory.population_outputs(grid, matrices, 2, **kind), matrices
        ).all,
        "student": theory.population_accuracy(
            theory.partial_label_outputs(grid, matrices, **kind), matrices
        ).all,
        "yes": theory.partial_label_recovers(grid, matrices, **kind),
    }
    assert all(map_.shape == (4, 3) for map_ in maps.values())
    for i, rate in enumerate(rates):
        for j, lam in enumerate(lams):
            one = noise.asymmetric(4, rate)
            factors = theory.block_shrinkage(spectrum, 4 * 4 * 20 * lam)
            two = theory.population_outputs(factors, one, 2, **kind)
            student = theory.partial_label_outputs(factors, one, **kind)
            expected = {
                "rounds": theory.least_rounds(factors, one, **kind, most=50),
                "bound": theory.rounds_bound(factors, one),
                "two": theory.population_accuracy(two, one).all,
                "student": theory.population_accuracy(student, one).all,
                "yes": theory.partial_label_recovers(factors, one, **kind),
            }
            for name, value in expected.items():
                assert np.ndim(value) == 0
                assert maps[name][i, j] == pytest.approx(value), name
    # Not a constant map: the test would not see a broadcast along the wrong axis.
    assert len(np.unique(maps["rounds"])) > 4


def test_block_eigenvalues_of_arrays():
    c = np.array([0.3, 0.5])
    both = theory.block_eigenvalues(4, 10, n_superclasses=2, c=c, d=0.2, e=0.1)
    for i, one in enumerate(c):
        single = theory.block_eigenvalues(4, 10, n_superclasses=2, c=one, d=0.2, e=0.1)
        assert [np.broadcast_to(s, 2)[i] for s in both] == pytest.approx(list(single))


def test_rounds_may_be_real_and_zero():
    assert list(theory.block_weights(FACTORS, 0)) == [1, 0, 0, 0, 0]
    half = theory.block_weights(FACTORS, [0.5, 1.0])
    assert half.own == pytest.approx([math.sqrt(0.5), 0.5])


def test_shares_of_who_does_not_occur_are_not_a_number():
    clean = theory.population_accuracy(theory.population_outputs(FACTORS, np.eye(3)), np.eye(3))
    assert (clean.clean, clean.all) == (1, 1)
    assert math.isnan(clean.corrupted)


def test_assumptions_name_what_is_violated():
    def violated(*arguments, **options):
        return theory.assumptions(*arguments, **options).violated

    assert violated(noise.superclass(PAIRS, 0.3), PAIRS) == ()
    assert theory.assumptions(C).hold
    assert violated(C, [0, 0, 0, 1]) == (
        "superclasses have equal size",
        "noise stays inside superclasses",
    )
    assert violated(C, PAIRS) == ("noise stays inside superclasses",)
    assert violated(noise.superclass(PAIRS, 0.5), PAIRS) == ("the true label leads",)
    popular = [[0.6, 0.4, 0], [0, 1, 0], [0, 0.4, 0.6]]
    found = theory.assumptions(popular)
    assert found.violated == ("noise is balanced inside superclasses",)
    assert "class 1 gets 0.267 more than its share" in str(found)


def test_assumptions_of_candidate_sets():
    """Ties are taken in class order, so that under symmetric noise low classes are favoured."""
    teacher = theory.population_outputs(FACTORS, C)
    found = theory.assumptions(C, targets=theory.candidates(teacher, C))
    assert found.violated == ("noise is balanced inside superclasses",)
    flips = noise.pair_flip(4, 0.3)
    teacher = theory.population_outputs(FACTORS, flips)
    assert theory.assumptions(flips, targets=theory.candidates(teacher, flips)).hold


ERRORS = {
    "e too negative": (
        lambda: theory.block_eigenvalues(4, 10, n_superclasses=2, c=0.5, d=0.2, e=-0.5),
        r"c, d and e must leave the global eigenvalue at or above 0, got -",
    ),
    "c in an array": (
        lambda: theory.block_eigenvalues(4, 10, c=[0.5, 1.0], d=0.2),
        "^c .*1.0",
    ),
    "multiplicities": (
        lambda: theory.block_multiplicities(4, 10, n_superclasses=3),
        "n_superclasses must divide n_classes, 4, got 3",
    ),
    "factor above one": (
        lambda: theory.block_weights(theory.BlockSpectrum(0.5, 1.2, 1.3, 1.4)),
        "^shrinkage factor q .*1.2",
    ),
    "negative rounds": (
        lambda: theory.block_weights(FACTORS, [-1, 2]),
        "^t .*-1",
    ),
    "p as large as q": (
        lambda: theory.rounds_bound(theory.BlockSpectrum(0.8, 0.8, 0.9, 0.9), C),
        "shrinkage must have factors 0 < p < q, got p = 0.8 and q = 0.8",
    ),
    "superclasses of the wrong length": (
        lambda: theory.population_outputs(FACTORS, C, superclasses=[0, 0, 1]),
        r"superclasses must have shape \(4,\), one for each class, got \(3,\)",
    ),
    "superclasses of other sizes": (
        lambda: theory.population_outputs(FACTORS, C, superclasses=[0, 0, 0, 1]),
        "superclasses must be of equal size, got 1 to 3 classes",
    ),
    "C of one class": (lambda: theory.gap([[1.0]]), r"C must .*\(1, 1\)"),
    "C in a stack": (
        lambda: theory.gap([np.eye(2), [[0.5, 0.6], [0, 1]]]),
        r"C must .*1\.1",
    ),
    "targets": (
        lambda: theory.population_outputs(FACTORS, C, targets=np.eye(4)),
        r"targets must have shape \(\.\.\., 4, 4, 4\) .*got \(4, 4\)",
    ),
    "outputs with a NaN": (
        lambda: theory.recovered(np.full((4, 4, 4), np.nan), C),
        "outputs must be finite, got a NaN or infinity",
    ),
    "outputs for candidates": (
        lambda: theory.candidates(np.eye(4), C),
        r"outputs must have shape \(\.\.\., 4, 4, 4\) .*got \(4, 4\)",
    ),
    "sets for shares": (
        lambda: pairs.candidate_shares(C, np.eye(4)),
        r"targets must have shape \(\.\.\., 4, 4, 4\) .*got \(4, 4\)",
    ),
    "sets for assumptions": (
        lambda: theory.assumptions(C, targets=np.eye(4)),
        r"targets must have shape \(4, 4, 4\), got \(4, 4\)",
    ),
    "superclasses for assumptions": (
        lambda: theory.assumptions(C, [0, 1]),
        r"superclasses must have shape \(4,\), one for each class, got \(2,\)",
    ),
    "more candidates than classes": (
        lambda: theory.partial_label_outputs(FACTORS, C, 5),
        "^k .*5",
    ),
    "classes of other sizes": (
        lambda: theory.block_outputs(FACTORS, np.eye(2)[[0, 1, 1]], [0, 1, 1]),
        "labels must have as many instances of each class, got 1 to 2",
    ),
    "targets that do not sum to one": (
        lambda: theory.block_outputs(FACTORS, [[0.5, 0.4], [0.5, 0.5]], [0, 1]),
        "^targets .*0.9",
    ),
    "most": (
        lambda: theory.least_rounds(FACTORS, C, most=0),
        "^most .*0",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_name_the_argument_what_was_given_and_what_is_accepted(case):
    call, message = ERRORS[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_text_is_not_a_number():
    with pytest.raises(TypeError, match=r"t must .*'two'"):
        theory.block_weights(FACTORS, "two")
