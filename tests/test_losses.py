"""Cross-entropy and its sceptical generalisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, gradient, problems, softmax, strengths

from sdbook import datasets, noise, refine
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy, factorise, solve

LOSSES = [CrossEntropy(), GeneralisedCrossEntropy(0.7), GeneralisedCrossEntropy(1.0)]


def random_rows(seed, instances=5, classes=4):
    """Logits, and soft targets of which some entries are zero."""
    rng = np.random.default_rng(seed)
    targets = rng.dirichlet(np.ones(classes), instances)
    targets[0] = np.eye(classes)[0]
    return 2 * rng.standard_normal((instances, classes)), targets


def value(loss, logits, targets):
    return loss.value(np.log(softmax(logits)), targets)


def residual(loss, logits, targets):
    """The derivative by the logits, as a solver makes it from the weights."""
    outputs = softmax(logits)
    weights = loss.weights(np.log(outputs), targets)
    return weights.sum(axis=1, keepdims=True) * outputs - weights


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@examples
@given(seed=st.integers(0, 10_000))
def test_residual_is_the_derivative_by_finite_differences(loss, seed):
    logits, targets = random_rows(seed)
    found = residual(loss, logits, targets)
    step = 1e-5
    for k in range(logits.shape[1]):
        along = np.zeros_like(logits)
        along[:, k] = step
        slope = value(loss, logits + along, targets) - value(loss, logits - along, targets)
        np.testing.assert_allclose(found[:, k], slope / (2 * step), atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_residual_has_rows_that_sum_to_zero(loss):
    logits, targets = random_rows(0)
    np.testing.assert_allclose(residual(loss, logits, targets).sum(axis=1), 0, atol=1e-15)


def test_cross_entropy_is_minus_the_log_of_what_the_target_got():
    logits, targets = random_rows(0)
    expected = -(targets * np.log(softmax(logits))).sum(axis=1)
    np.testing.assert_allclose(value(CrossEntropy(), logits, targets), expected)


def test_generalised_cross_entropy_is_a_mean_over_the_candidates():
    logits = random_rows(0)[0]
    outputs = softmax(logits)
    candidates = refine.top_k(2)(outputs)
    expected = [
        np.mean([(1 - y**0.7) / 0.7 for y in row[chosen > 0]])
        for row, chosen in zip(outputs, candidates, strict=True)
    ]
    np.testing.assert_allclose(value(GeneralisedCrossEntropy(0.7), logits, candidates), expected)


def test_generalised_cross_entropy_with_q_one_is_half_the_absolute_error():
    logits = random_rows(0)[0]
    one_hot = np.eye(4)[[0, 1, 2, 3, 0]]
    half_error = np.abs(one_hot - softmax(logits)).sum(axis=1) / 2
    np.testing.assert_allclose(value(GeneralisedCrossEntropy(1.0), logits, one_hot), half_error)


def test_generalised_cross_entropy_becomes_cross_entropy_as_q_vanishes():
    logits, targets = random_rows(0)
    log_outputs, nearly = np.log(softmax(logits)), GeneralisedCrossEntropy(1e-7)
    np.testing.assert_allclose(
        value(nearly, logits, targets), value(CrossEntropy(), logits, targets), rtol=1e-5
    )
    np.testing.assert_allclose(nearly.weights(log_outputs, targets), targets, atol=1e-5)


def test_optimum_under_vanishing_q_is_that_of_cross_entropy():
    data = datasets.digits().take(range(200))
    targets = datasets.one_hot(data.labels, 10)
    exact = solve(data.features, targets, 1e-3)
    nearly = solve(data.features, targets, 1e-3, loss=GeneralisedCrossEntropy(1e-6))
    np.testing.assert_allclose(nearly.outputs, exact.outputs, atol=1e-4)


@examples
@given(problems(lam=strengths(1e-4, 1), weighted=False), st.floats(0.1, 1))
def test_generalised_cross_entropy_reaches_a_stationary_point(problem, q):
    solution = solve(
        problem.features, problem.targets, problem.lam, loss=GeneralisedCrossEntropy(q)
    )
    outputs = softmax(problem.features @ solution.coef)
    belief = problem.targets * outputs**q
    residual = belief.sum(axis=1, keepdims=True) * outputs - belief
    recomputed = problem.features.T @ residual / problem.instances
    recomputed += problem.lam * solution.coef
    assert (
        np.linalg.norm(recomputed)
        <= 1e-7 * np.linalg.norm(gradient(problem, np.zeros_like(solution.coef))) + 1e-15
    )


def partial_labels():
    """Two candidates an instance, from the teacher that was trained on wrong labels."""
    data = datasets.digits().take(range(500))
    given_labels = noise.corrupt(data.labels, noise.symmetric(10, 0.6), rng=0)
    fact = factorise(data.features)
    teacher = solve(fact, datasets.one_hot(given_labels, 10), 1e-4)
    return fact, refine.top_k(2)(teacher.outputs), teacher


def test_generalised_cross_entropy_descends_from_the_teacher():
    fact, candidates, teacher = partial_labels()
    loss = GeneralisedCrossEntropy()
    student = solve(fact, candidates, 1e-4, loss=loss, warm_start=teacher)

    def total(solution):
        logits = fact.features @ solution.coef
        return value(loss, logits, candidates).mean() + 5e-5 * np.sum(solution.coef**2)

    assert total(student) < total(teacher)
    assert student.certificate.objective == pytest.approx(total(student))


def test_only_a_convex_loss_has_a_gap_bound():
    fact, candidates, teacher = partial_labels()
    student = solve(fact, candidates, 1e-4, loss=GeneralisedCrossEntropy(), warm_start=teacher)
    assert teacher.certificate.gap_bound < 1e-10
    assert student.certificate.gap_bound is None
    assert "not convex" in str(student.certificate)
