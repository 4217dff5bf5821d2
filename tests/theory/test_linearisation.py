"""The linearised softmax: Propositions 1 to 3, against the exact solver and plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, problems

from sdbook import datasets, noise, theory
from sdbook.book import tangent
from sdbook.solvers import LabelAveraging, solve

# Where the solver's answer is exact enough to be put into an equation that divides by N lambda.
moderate = problems(lam=strategies.strengths(1e-3, 10.0), weighted=False)
logits = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(2, 12), st.floats(-3, 2))
)


def exact(problem):
    """Gram matrix, outputs and logits of the exact optimum."""
    solution = solve(problem.features, problem.targets, problem.lam, tolerance=1e-12)
    gram = problem.features @ problem.features.T
    Z = gram @ (problem.targets - solution.outputs) / (problem.instances * problem.lam)
    return gram, solution.outputs, Z


# --- Proposition 1 --------------------------------------------------------------------------------


@examples
@given(moderate)
def test_the_optimum_solves_its_equation(problem):
    gram, Y, _ = exact(problem)
    returned = theory.fixed_point(gram, problem.targets, Y, problem.lam)
    np.testing.assert_allclose(returned, Y, atol=1e-7)


@examples
@given(moderate, st.integers(0, 2**32 - 1))
def test_only_the_optimum_solves_the_equation(problem, seed):
    """A guess is moved unless it is the optimum already."""
    gram, Y, _ = exact(problem)
    guess = np.random.default_rng(seed).dirichlet(np.ones(problem.classes), problem.instances)
    moved = theory.fixed_point(gram, problem.targets, guess, problem.lam) - guess
    assert abs(guess - Y).max() > 1e-3
    assert abs(moved).max() > 1e-4


# --- Proposition 2 --------------------------------------------------------------------------------


@examples
@given(problems(weighted=False))
def test_linearised_solves_the_equation_with_a_linearised_softmax(problem):
    gram = problem.features @ problem.features.T
    Y = theory.linearised(gram, problem.targets, problem.lam)
    # a (Y - U) = G (T - Y), multiplied out so that nothing is divided by lambda.
    a, U = problem.ridge, 1 / problem.classes
    np.testing.assert_allclose(a * (Y - U), gram @ (problem.targets - Y), atol=1e-10)
    np.testing.assert_allclose(Y.sum(axis=1), 1, atol=1e-9)


@examples
@given(problems(weighted=False))
def test_linearised_is_one_round_of_label_averaging(problem):
    gram = problem.features @ problem.features.T
    Y = theory.linearised(gram, problem.targets, problem.lam)
    averaged = LabelAveraging(problem.features, problem.lam, problem.classes)
    np.testing.assert_allclose(Y, averaged.outputs(problem.targets), atol=1e-8)


# --- Proposition 3 --------------------------------------------------------------------------------


def test_the_tangent_has_the_softmaxs_derivative():
    """By an imaginary step, for which no digits cancel."""
    z = np.random.default_rng(0).standard_normal(5)
    shares = np.exp(1e-20j * z)
    derivative = (shares / shares.sum()).imag / 1e-20
    np.testing.assert_allclose(tangent.tangent(z) - tangent.tangent(0 * z), derivative, atol=1e-15)


@examples
@given(logits)
def test_the_tangent_keeps_the_order_and_errs_within_the_bound(drawn):
    seed, K, size = drawn
    Z = np.random.default_rng(seed).standard_normal((20, K)) * 10**size
    assert (tangent.tangent(Z).argsort(axis=1) == Z.argsort(axis=1)).all()
    E, bound = tangent.tangent_error(Z), tangent.tangent_error_bound(Z)
    np.testing.assert_allclose(E, strategies.softmax(Z) - tangent.tangent(Z), atol=1e-12)
    assert (abs(E).sum(axis=1) <= bound + 1e-14).all()


def test_the_bound_is_within_a_factor_of_three_for_one_class_in_five():
    """So that it cannot be replaced by a third of it."""
    z = np.r_[0.1, np.zeros(4)]
    share = abs(tangent.tangent_error(z)).sum() / tangent.tangent_error_bound(z)
    assert 1 / 3 < share < 0.4


@examples
@given(moderate)
def test_the_error_splits_into_values_and_answers(problem):
    gram, Y, Z = exact(problem)
    straight = theory.linearised(gram, problem.targets, problem.lam)
    E = tangent.tangent_error(Z)
    HE = strategies.averaging_matrix(problem) @ E
    np.testing.assert_allclose(straight, Y - (E - HE), atol=1e-6)
    np.testing.assert_allclose(straight, 1 / problem.classes + Z / problem.classes + HE, atol=1e-6)


@examples
@given(moderate)
def test_the_error_is_within_what_the_exact_logits_say(problem):
    gram, Y, Z = exact(problem)
    straight = theory.linearised(gram, problem.targets, problem.lam)
    off, missed = np.linalg.norm(Y - straight), np.linalg.norm(tangent.tangent_error(Z))
    bound = np.linalg.norm(tangent.tangent_error_bound(Z)) / np.sqrt(2)
    assert off <= missed + 1e-7
    assert missed <= bound + 1e-12
    assert bound == pytest.approx(np.sqrt((np.ptp(Z, axis=1) ** 4).sum() / 32))


@examples
@given(moderate)
def test_no_answer_changes_where_the_proposition_vouches_for_it(problem):
    gram, Y, Z = exact(problem)
    straight = theory.linearised(gram, problem.targets, problem.lam)
    safe = tangent.same_argmax(gram, Z, problem.lam)
    second, first = np.sort(Z, axis=1)[:, -2:].T
    clear = safe & (first - second > 1e-6)  # a lead that is more than rounding
    assert (Y.argmax(axis=1) == straight.argmax(axis=1))[clear].all()


def test_answers_change_and_only_where_nobody_vouches():
    """Both kinds occur, so that neither all True nor all False would pass."""
    data = datasets.digits()
    data = data.take(data.labels < 3)
    labels = noise.corrupt(data.labels, noise.symmetric(3, 0.4), rng=0)
    problem = strategies.Problem(data.features, np.eye(3)[labels], 1e-4)
    gram, Y, Z = exact(problem)
    straight = theory.linearised(gram, problem.targets, problem.lam)
    changed = Y.argmax(axis=1) != straight.argmax(axis=1)
    safe = tangent.same_argmax(gram, Z, problem.lam)
    assert 0.02 < changed.mean() < 0.08
    assert 0.6 < safe.mean() < 0.9
    assert not (changed & safe).any()


def test_a_tie_is_never_vouched_for():
    assert not tangent.same_argmax(np.eye(2), np.zeros((2, 3)), 1.0).any()


# --- mistakes -------------------------------------------------------------------------------------

G, T = np.eye(2), np.eye(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.linearised(np.ones((2, 3)), T, 1),
            r"gram must be .*symmetric, got shape \(2, 3\)",
        ),
        (lambda: theory.linearised([[1, 2], [0, 1]], T, 1), "gram .*symmetric"),
        (lambda: theory.linearised(G, 2 * T, 1), "targets must .* 2"),
        (lambda: theory.linearised(G, np.eye(3), 1), "targets must .* 3"),
        (lambda: theory.linearised(G, T, 0), "lam must .*0"),
        (
            lambda: theory.fixed_point(G, T, np.full((2, 4), 0.25), 1),
            "outputs must have the shape of targets",
        ),
        (lambda: theory.fixed_point(G, T, T, -1), "lam must .*-1"),
        (
            lambda: tangent.tangent([1.0]),
            r"logits must have at least two classes, got shape \(1,\)",
        ),
        (lambda: tangent.tangent_error([1.0, np.nan]), "logits must be finite"),
        (lambda: tangent.tangent_error_bound(3.0), "logits must have"),
        (
            lambda: tangent.same_argmax(G, np.zeros((3, 2)), 1),
            r"logits must have shape \(2, n_classes\), got \(3, 2\)",
        ),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
