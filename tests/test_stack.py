"""Many problems side by side end where each would end alone."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Problem, examples, is_stationary, problems, strengths

from sdbook import datasets, distill, distill_all, noise, partial_label, refine
from sdbook.solvers import (
    CrossEntropy,
    GeneralisedCrossEntropy,
    NotConverged,
    factorise,
    solve,
    solve_all,
)

DIGITS = datasets.digits().take(range(300))
FACT = factorise(DIGITS.features)
RATES = (0.0, 0.3, 0.6, 0.9)
GIVEN = np.stack([noise.corrupt(DIGITS.labels, noise.symmetric(10, rate), rng=1) for rate in RATES])
TARGETS = np.stack([datasets.one_hot(labels, 10) for labels in GIVEN])


@examples
@given(problems(lam=strengths(1e-6, 1)), st.integers(1, 5), st.integers(0, 99))
def test_each_problem_of_a_stack_is_at_its_own_optimum(problem, size, seed):
    """Also those that arrive long before the others, with a strength and weights of their own."""
    rng = np.random.default_rng(seed)
    targets = rng.dirichlet(np.ones(problem.classes), (size, problem.instances))
    lam = 10 ** rng.uniform(-6, 0, size)
    weights = None if problem.weights is None else rng.uniform(0.1, 2, targets.shape[:2])
    solutions = solve_all(problem.features, targets, lam, sample_weight=weights)
    assert len(solutions) == size
    for b, solution in enumerate(solutions):
        own = Problem(problem.features, targets[b], lam[b], None if weights is None else weights[b])
        assert solution.certificate.converged
        assert is_stationary(own, solution.coef)


@pytest.mark.parametrize("loss", [CrossEntropy(), GeneralisedCrossEntropy()], ids=repr)
@pytest.mark.parametrize("space", ["instance", "feature"])
def test_a_stack_goes_the_way_that_each_goes_alone(space, loss):
    """The same steps, not only the same end: a generalised cross-entropy can end elsewhere."""
    fact = factorise(DIGITS.features, space=space)
    start = solve_all(fact, TARGETS, 1e-3)
    lam = np.array([1e-3, 1e-4, 1e-5, 1e-4])
    together = solve_all(fact, TARGETS, lam, loss=loss, warm_start=start)
    for b, solution in enumerate(together):
        alone = solve(fact, TARGETS[b], lam[b], loss=loss, warm_start=start[b])
        np.testing.assert_allclose(solution.outputs, alone.outputs, atol=1e-6)
        if space == "feature":  # in the other, one model alone has other coordinates
            # Wide products round otherwise than narrow ones: one step more or less at the end.
            assert abs(solution.certificate.evaluations - alone.certificate.evaluations) <= 2


def test_one_problem_that_does_not_arrive_does_not_hold_up_the_others():
    lam = np.array([1e-2, 1e-6, 1e-2, 1e-2])
    with pytest.warns(NotConverged, match=r"^lam=1e-06: NOT converged") as warned:
        solutions = solve_all(FACT, TARGETS, lam, max_evaluations=20)
    assert len(warned) == 1
    assert [s.certificate.converged for s in solutions] == [True, False, True, True]
    assert solutions[1].certificate.evaluations == 20


def test_weights_for_all_are_weights_for_each():
    weights = np.linspace(0.5, 2, len(DIGITS))
    for_all = solve_all(FACT, TARGETS, 1e-3, sample_weight=weights)
    for_each = solve_all(FACT, TARGETS, 1e-3, sample_weight=np.tile(weights, (4, 1)))
    for one, other in zip(for_all, for_each, strict=True):
        np.testing.assert_array_equal(one.coef, other.coef)
        assert not np.allclose(one.coef, solve(FACT, TARGETS[0], 1e-3).coef)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"targets": TARGETS[0]},
            r"targets must have shape \(problems, samples, n_classes\), got \(300, 10\)",
        ),
        ({"targets": TARGETS[:, :9]}, r"targets\[0\] must have one row per sample, 300, got 9"),
        ({"targets": -TARGETS}, r"targets\[0\] must be >= 0, got -1"),
        (
            {"lam": [1e-3, 1e-2]},
            r"lam must be one number or one per problem, shape \(4,\), got shape \(2,\)",
        ),
        ({"lam": [1, 1, 0, 1]}, "lam must be > 0, got 0"),
        ({"sample_weight": np.ones((2, 300))}, "one row for each of the 4, got 2 rows"),
        (
            {"sample_weight": np.ones(9)},
            r"sample_weight must have one entry per sample, shape \(300,\), got",
        ),
        ({"warm_start": []}, "warm_start must have one solution per problem, 4, got 0"),
    ],
)
def test_what_is_not_accepted(changed, message):
    arguments = {"targets": TARGETS, "lam": 1e-3} | changed
    with pytest.raises(ValueError, match=message):
        solve_all(FACT, **arguments)


# --- whole runs -----------------------------------------------------------------------------------


def same(run, other):
    assert run.lam == other.lam
    np.testing.assert_array_equal(run.given_labels, other.given_labels)
    for one, two in zip(run.rounds, other.rounds, strict=True):
        np.testing.assert_allclose(one.outputs, two.outputs, atol=1e-6)
        np.testing.assert_allclose(one.test_outputs, two.test_outputs, atol=1e-6)
        assert one.accuracy.all == pytest.approx(two.accuracy.all, abs=0.011)


@pytest.mark.parametrize("model", ["softmax", "linearised"])
def test_runs_side_by_side_are_the_runs_alone(model):
    options = {
        "rounds": 3,
        "refinement": [refine.as_is, refine.top_k(2)],
        "model": model,
        "true_labels": DIGITS.labels,
        "test": (DIGITS.features[:50], DIGITS.labels[:50]),
    }
    lam = [1e-3, 1e-2, 1e-3, 1e-4]
    runs = distill_all(FACT, GIVEN, lam, n_classes=10, **options)
    for b, run in enumerate(runs):
        same(run, distill(FACT, GIVEN[b], lam[b], n_classes=10, **options))


def test_a_run_goes_on_after_another():
    """Nothing is trained again, and the end is where one long run ends."""
    options = {"n_classes": 10, "true_labels": DIGITS.labels}
    teacher = distill(FACT, GIVEN[2], 1e-3, rounds=1, **options)
    student = partial_label(FACT, GIVEN[2], 1e-3, warm_start=teacher, **options)
    whole = partial_label(FACT, GIVEN[2], 1e-3, **options)
    assert student.teacher is teacher.teacher
    np.testing.assert_allclose(student.last.outputs, whole.last.outputs, atol=1e-7)
    runs = distill_all(FACT, GIVEN[2:3], 1e-3, rounds=3, warm_start=[student], **options)
    assert runs[0].rounds[:2] == student.rounds


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lam": 1e-2}, "warm_start must be a run of the softmax model with lam 0.01, got"),
        (
            {"model": "linearised"},
            "warm_start must be a run of the linearised model with lam 0.001, got",
        ),
        ({"given_labels": GIVEN[1]}, "warm_start must be a run on the same given_labels"),
        ({"rounds": 1}, "warm_start must have fewer rounds than 1, .* got 1"),
    ],
)
def test_after_what_a_run_cannot_go_on(changed, message):
    teacher = distill(FACT, GIVEN[2], 1e-3, rounds=1, n_classes=10)
    arguments = {"given_labels": GIVEN[2], "lam": 1e-3, "rounds": 2} | changed
    with pytest.raises(ValueError, match=message):
        distill(FACT, n_classes=10, warm_start=teacher, **arguments)


def test_soft_given_labels():
    hard = distill(FACT, GIVEN[1], 1e-3, rounds=2, n_classes=10)
    soft = distill(FACT, TARGETS[1], 1e-3, rounds=2)
    np.testing.assert_array_equal(soft.last.outputs, hard.last.outputs)
    np.testing.assert_array_equal(soft.given_labels, GIVEN[1])
    blurred = 0.9 * TARGETS[1] + 0.01
    run = distill(FACT, blurred, 1e-3, rounds=1)
    np.testing.assert_array_equal(run.teacher.targets, blurred)
    with pytest.raises(ValueError, match="given_labels must have rows that sum to 1, got 2"):
        distill(FACT, 2 * TARGETS[1], 1e-3)


def test_instance_weights_reach_every_round():
    """An instance of weight zero is not there, for teacher and student."""
    weights = (np.arange(300) < 200).astype(float)
    weighted = distill(FACT, GIVEN[1], 1e-3, rounds=3, n_classes=10, sample_weight=weights)
    without = distill(DIGITS.features[:200], GIVEN[1][:200], 1e-3, rounds=3, n_classes=10)
    for one, two in zip(weighted.rounds, without.rounds, strict=True):
        np.testing.assert_allclose(one.coef, two.coef, atol=1e-5)
    with pytest.raises(ValueError, match="sample_weight must be None for the linearised model"):
        distill(FACT, GIVEN[1], 1e-3, n_classes=10, sample_weight=weights, model="linearised")


def test_runs_of_different_numbers_of_classes_are_refused():
    few = GIVEN % 5
    few[0] = GIVEN[0]
    with pytest.raises(
        ValueError, match=r"the same number of classes, got \[5, 10\]\. Pass n_classes"
    ):
        distill_all(FACT, few, 1e-3)


def test_runs_can_be_sent_to_another_process():
    run = distill(FACT, GIVEN[1], 1e-3, rounds=2, n_classes=10, true_labels=DIGITS.labels)
    received = pickle.loads(pickle.dumps(run))
    np.testing.assert_array_equal(received.last.outputs, run.last.outputs)
    assert str(received) == str(run)
