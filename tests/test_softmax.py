"""The softmax solver: the exact optimum, and a certificate that can be believed."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    Problem,
    examples,
    gradient,
    is_stationary,
    objective,
    problems,
    relative_gradient_norm,
    softmax,
    strengths,
)

from sdbook import datasets, noise
from sdbook.solvers import NotConverged, factorise, solve
from sdbook.solvers import softmax as library_softmax

BLOCKS = datasets.block_correlated(6, 40, n_superclasses=2, c=0.5, d=0.2, e=0.05)
DIGITS = datasets.digits().take(range(600))
equally_weighted = problems(weighted=False)
# Where curvature is not tiny, a small gradient means a small distance to the optimum.
well_conditioned = problems(lam=strengths(1e-4, 1))


def optimum(problem, **options):
    return solve(
        problem.features, problem.targets, problem.lam, sample_weight=problem.weights, **options
    )


# --- what an optimum is ---------------------------------------------------------------------------


@examples
@given(problems())
def test_gradient_vanishes(problem):
    solution = optimum(problem)
    assert solution.certificate.converged
    assert is_stationary(problem, solution.coef)


@examples
@given(problems(lam=strengths(1e-4, 1), weighted=False))
def test_outputs_solve_the_fixed_point_equation(problem):
    """Y = softmax(G (T - Y) / (N lambda)): Proposition 1."""
    outputs = optimum(problem, tolerance=1e-10).outputs
    gram = problem.features @ problem.features.T
    logits = gram @ (problem.targets - outputs) / (problem.instances * problem.lam)
    np.testing.assert_allclose(softmax(logits), outputs, atol=1e-5)


@examples
@given(equally_weighted)
def test_fixed_point_residual_is_bounded_by_the_gradient(problem):
    """The two logits differ by Phi grad / lambda, and the softmax halves differences."""
    solution = optimum(problem)
    gram = problem.features @ problem.features.T
    residual = problem.targets - solution.outputs
    fixed_point = softmax(gram @ residual / (problem.instances * problem.lam))
    norm = np.linalg.norm(gradient(problem, solution.coef))
    bound = np.linalg.norm(problem.features, 2) * norm / (2 * problem.lam)
    rounding = 1e-13 * np.linalg.norm(gram, 2) / (problem.instances * problem.lam)
    assert np.linalg.norm(fixed_point - solution.outputs) <= bound + rounding + 1e-12


@examples
@given(problems())
def test_rows_sum_to_one_and_are_positive(problem):
    outputs = optimum(problem).outputs
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-12)
    assert (outputs >= 0).all()


@examples
@given(problems())
def test_parameters_sum_to_zero_over_the_classes(problem):
    theta = optimum(problem).coef
    np.testing.assert_allclose(theta.sum(axis=1), 0, atol=1e-9 * (1 + np.abs(theta).max()))


@pytest.mark.slow
@examples
@given(problems())
def test_predictions_on_training_instances_are_the_outputs(problem):
    solution = optimum(problem)
    np.testing.assert_allclose(
        solution.predict(problem.features), solution.outputs, atol=1e-12 / problem.lam
    )


@examples
@given(problems())
def test_outputs_belong_to_the_parameters(problem):
    solution = optimum(problem)
    np.testing.assert_allclose(
        softmax(problem.features @ solution.coef), solution.outputs, atol=1e-6
    )


def test_targets_that_are_uniform_are_learned_at_once():
    solution = solve(np.eye(3), np.full((3, 2), 0.5), 1e-3)
    assert solution.certificate.converged
    np.testing.assert_array_equal(solution.coef, 0)


@pytest.mark.parametrize("classes", [2, 3, 6, 7])
def test_instances_that_contradict_each_other_evenly_leave_the_outputs_uniform(classes):
    """The gradient at zero is zero up to rounding: nothing is left to descend."""
    same = np.tile([[0.6, 0.8]], (classes, 1))
    solution = solve(same, np.eye(classes), 1e-3)
    assert solution.certificate.converged
    np.testing.assert_allclose(solution.outputs, 1 / classes, atol=1e-12)


@pytest.mark.parametrize("deviation", [1e-6, 1e-10, 1e-14])
def test_targets_that_are_nearly_uniform_are_learned_as_far_as_rounding_allows(deviation):
    """What is taught after many rounds at strong regularisation."""
    one_hot = datasets.one_hot(BLOCKS.labels, 6)
    problem = Problem(BLOCKS.features, 1 / 6 + deviation * (one_hot - 1 / 6), 1e-2)
    solution = optimum(problem)
    assert solution.certificate.converged
    assert is_stationary(problem, solution.coef)


def test_softmax_survives_large_logits():
    shares = library_softmax(np.array([[1e4, 0.0, -1e4], [-1e4, -1e4, -1e4]]))
    np.testing.assert_allclose(shares, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], atol=1e-15)


# --- symmetries -----------------------------------------------------------------------------------


@examples
@given(well_conditioned, st.randoms(use_true_random=False))
def test_order_of_instances_and_classes_does_not_matter(problem, random):
    rows = random.sample(range(problem.instances), problem.instances)
    columns = random.sample(range(problem.classes), problem.classes)
    shuffled = Problem(
        problem.features[rows],
        problem.targets[rows][:, columns],
        problem.lam,
        None if problem.weights is None else problem.weights[rows],
    )
    before = optimum(problem, tolerance=1e-10).outputs
    after = optimum(shuffled, tolerance=1e-10).outputs
    np.testing.assert_allclose(after, before[rows][:, columns], atol=1e-5)


@examples
@given(well_conditioned)
def test_both_spaces_agree(problem):
    instance, feature = (
        solve(
            factorise(problem.features, space=space),
            problem.targets,
            problem.lam,
            sample_weight=problem.weights,
            tolerance=1e-10,
        )
        for space in ("instance", "feature")
    )
    np.testing.assert_allclose(instance.outputs, feature.outputs, atol=1e-5)
    np.testing.assert_allclose(instance.coef, feature.coef, atol=1e-4)


@examples
@given(problems())
def test_both_spaces_are_stationary(problem):
    for space in ("instance", "feature"):
        fact = factorise(problem.features, space=space)
        solution = solve(fact, problem.targets, problem.lam, sample_weight=problem.weights)
        assert is_stationary(problem, solution.coef)


@examples
@given(problems(lam=strengths(1e-4, 1), weighted=False), st.data())
def test_a_double_weight_is_a_second_copy(problem, data):
    N = problem.instances
    copies = np.array(data.draw(st.lists(st.integers(1, 3), min_size=N, max_size=N)))
    weighted = optimum(replace(problem, weights=copies.astype(float)), tolerance=1e-10)
    repeated = solve(
        np.repeat(problem.features, copies, axis=0),
        np.repeat(problem.targets, copies, axis=0),
        problem.lam,  # of the mean loss: the same with more instances
        tolerance=1e-10,
    )
    np.testing.assert_allclose(weighted.coef, repeated.coef, atol=1e-4)


@examples
@given(well_conditioned, st.floats(0.01, 100))
def test_only_proportions_of_weights_matter(problem, factor):
    ones = np.ones(problem.instances)
    weights = ones if problem.weights is None else problem.weights
    scaled = optimum(replace(problem, weights=factor * weights), tolerance=1e-10)
    np.testing.assert_allclose(optimum(problem, tolerance=1e-10).outputs, scaled.outputs, atol=1e-5)


def test_an_instance_of_weight_zero_is_not_there():
    data = datasets.digits().take(range(80))
    targets = datasets.one_hot(data.labels, 10)
    weights = (np.arange(80) < 60).astype(float)
    without = solve(data.features[:60], targets[:60], 1e-3, tolerance=1e-10)
    ignored = solve(data.features, targets, 1e-3, sample_weight=weights, tolerance=1e-10)
    np.testing.assert_allclose(ignored.coef, without.coef, atol=1e-6)


@pytest.mark.slow
@examples
@given(well_conditioned, st.integers(0, 99))
def test_where_the_solver_starts_does_not_matter(problem, seed):
    cold = optimum(problem, tolerance=1e-10)
    other = np.random.default_rng(seed).dirichlet(np.ones(problem.classes), problem.instances)
    elsewhere = optimum(replace(problem, targets=other))
    warm = optimum(problem, tolerance=1e-10, warm_start=elsewhere)
    np.testing.assert_allclose(warm.outputs, cold.outputs, atol=1e-5)


def test_starting_at_the_optimum_costs_no_step():
    data = datasets.digits().take(range(200))
    targets = datasets.one_hot(data.labels, 10)
    cold = solve(data.features, targets, 1e-4)
    warm = solve(data.features, targets, 1e-4, warm_start=cold)
    assert warm.certificate.evaluations == 3  # at zero, for the scale, and twice at the start
    np.testing.assert_allclose(warm.coef, cold.coef, atol=1e-13)


# --- convergence, from strong to weak regularisation ----------------------------------------------


@pytest.fixture(scope="module", params=[BLOCKS, DIGITS], ids=["blocks", "digits"])
def factorised(request):
    return request.param, factorise(request.param.features)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", range(-7, 0), ids="lam=1e{}".format)
@pytest.mark.parametrize("rate", [0, 0.5], ids=["clean", "noisy"])
def test_gradient_falls_by_eight_digits(factorised, rate, exponent):
    data, fact = factorised
    given_labels = noise.corrupt(data.labels, noise.symmetric(data.n_classes, rate), rng=0)
    problem = Problem(data.features, datasets.one_hot(given_labels, data.n_classes), 10.0**exponent)
    solution = solve(fact, problem.targets, problem.lam)
    assert solution.certificate.converged
    assert is_stationary(problem, solution.coef)
    np.testing.assert_allclose(
        solution.certificate.relative_gradient_norm,
        relative_gradient_norm(problem, solution.coef),
        rtol=1e-3,
    )


@pytest.mark.slow
@pytest.mark.parametrize("exponent", range(-7, 0, 2), ids="lam=1e{}".format)
def test_float32_reaches_its_tolerance_and_agrees_with_float64(factorised, exponent):
    data, fact = factorised
    given_labels = noise.corrupt(data.labels, noise.symmetric(data.n_classes, 0.5), rng=0)
    targets, lam = datasets.one_hot(given_labels, data.n_classes), 10.0**exponent
    single = solve(data.features.astype(np.float32), targets.astype(np.float32), lam)
    double = solve(fact, targets, lam)
    assert single.outputs.dtype == single.coef.dtype == np.float32
    assert single.certificate.converged
    assert single.certificate.relative_gradient_norm <= 1e-4
    # Strong convexity: the gap is at most |grad|^2 / (2 lambda), plus the rounding of the value.
    gap = single.certificate.objective - double.certificate.objective
    assert abs(gap) <= single.certificate.gap_bound + 1e-6
    np.testing.assert_allclose(single.outputs, double.outputs, atol=2e-2)
    if exponent >= -3:
        np.testing.assert_allclose(single.outputs, double.outputs, atol=1e-3)


def newton(problem, theta):
    """Go to the optimum by dense Newton steps: no gradient method, no library."""
    N, (d, K) = problem.instances, theta.shape
    for _ in range(30):
        slope = gradient(problem, theta)
        outputs = softmax(problem.features @ theta)
        curvature = np.einsum("nk,kl->nkl", outputs, np.eye(K)) - np.einsum(
            "nk,nl->nkl", outputs, outputs
        )
        hessian = np.einsum("ni,nj,nkl->ikjl", problem.features, problem.features, curvature) / N
        hessian = hessian.reshape(d * K, d * K) + problem.lam * np.eye(d * K)
        step = np.linalg.solve(hessian, -slope.ravel()).reshape(d, K)
        size = 1.0
        while objective(problem, theta + size * step) > objective(problem, theta) + 1e-14:
            size /= 2
            if size < 1e-6:
                return theta
        theta = theta + size * step
        if np.linalg.norm(step) < 1e-12 * (1 + np.linalg.norm(theta)):
            break
    return theta


@pytest.mark.slow
@pytest.mark.parametrize("float32_first", [True, False])
@pytest.mark.parametrize("exponent", range(-7, 0), ids="lam=1e{}".format)
@pytest.mark.parametrize("name", ["blocks", "digits"])
def test_the_optimum_is_that_of_dense_newton(name, exponent, float32_first):
    if name == "blocks":
        data = datasets.block_correlated(3, 12, c=0.5, d=0.1)
        data = replace(data, features=data.features[:, :36])
    else:
        data = datasets.digits().take(range(250))
        data = replace(data, features=data.features[:, 16:40], labels=data.labels % 4)
    features = datasets.normalise(data.features + 1e-3)
    given_labels = noise.corrupt(data.labels % 4, noise.symmetric(4, 0.3), rng=0)
    problem = Problem(features, np.eye(4)[given_labels], 10.0**exponent)
    found = solve(features, problem.targets, problem.lam, float32_first=float32_first)
    assert found.certificate.converged
    assert found.certificate.relative_gradient_norm <= 1e-8
    best = newton(problem, np.zeros_like(found.coef))
    assert relative_gradient_norm(problem, best) < 1e-9  # so Newton has arrived
    gap = objective(problem, found.coef) - objective(problem, best)
    assert gap <= found.certificate.gap_bound + 1e-13
    np.testing.assert_allclose(found.outputs, softmax(features @ best), atol=3e-5)


def test_float32_first_changes_nothing_but_the_way():
    targets = datasets.one_hot(DIGITS.labels, 10)
    first, not_first = (
        solve(DIGITS.features, targets, 1e-4, tolerance=1e-11, float32_first=which)
        for which in (True, False)
    )
    assert first.coef.dtype == np.float64
    np.testing.assert_allclose(first.coef, not_first.coef, atol=1e-7)
    assert first.certificate.relative_gradient_norm <= 1e-11


@pytest.mark.parametrize("gap", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("lam", [1e-3, 1e-5])
def test_the_gap_that_is_expected_is_the_gap(gap, lam):
    targets = datasets.one_hot(noise.corrupt(DIGITS.labels, noise.symmetric(10, 0.4), rng=0), 10)
    fact = factorise(DIGITS.features)
    rough, exact = solve(fact, targets, lam, gap=gap), solve(fact, targets, lam, tolerance=1e-11)
    assert rough.certificate.converged
    assert rough.certificate.evaluations < exact.certificate.evaluations
    left = rough.certificate.objective / exact.certificate.objective - 1
    assert 0 <= left <= 3 * gap


# --- the certificate ------------------------------------------------------------------------------


@examples
@given(equally_weighted, st.floats(1e-6, 1e-1))
def test_gap_bound_bounds_the_gap(problem, tolerance):
    rough = optimum(problem, tolerance=tolerance)
    best = objective(problem, optimum(problem).coef)
    gap = objective(problem, rough.coef) - best
    assert gap <= rough.certificate.gap_bound + 1e-12


@examples
@given(equally_weighted)
def test_certificate_says_what_can_be_recomputed(problem):
    solution = optimum(problem)
    certificate = solution.certificate
    norm = np.linalg.norm(gradient(problem, solution.coef))
    # A singular Gram matrix has a Cholesky factor up to rounding alone: that much is missed.
    rounding = 1e-9 * np.linalg.norm(gradient(problem, np.zeros_like(solution.coef)))
    assert certificate.gradient_norm == pytest.approx(norm, rel=1e-3, abs=rounding + 1e-15)
    assert certificate.objective == pytest.approx(objective(problem, solution.coef), abs=1e-10)
    assert certificate.gap_bound == certificate.gradient_norm**2 / (2 * problem.lam)
    assert certificate.relative_gradient_norm <= 1e-8


def test_stopping_too_early_is_said_aloud():
    targets = datasets.one_hot(DIGITS.labels, 10)
    with pytest.warns(NotConverged, match=r"lam=1e-05: NOT converged: relative gradient norm"):
        solution = solve(DIGITS.features, targets, 1e-5, max_evaluations=5)
    assert not solution.certificate.converged
    assert solution.certificate.evaluations == 5
    problem = Problem(DIGITS.features, targets, 1e-5)
    recomputed = relative_gradient_norm(problem, solution.coef)
    assert recomputed > 1e-8
    assert solution.certificate.relative_gradient_norm == pytest.approx(recomputed)


def test_an_unreachable_tolerance_ends_where_rounding_does():
    targets = datasets.one_hot(BLOCKS.labels, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)
        certificate = solve(BLOCKS.features, targets, 1e-3, tolerance=1e-30).certificate
    assert certificate.relative_gradient_norm < 1e-12
    assert certificate.evaluations < 1000


def test_converged_solutions_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        certificate = solve(np.eye(3), np.eye(3), 1e-2).certificate
    assert str(certificate).startswith("converged: relative gradient norm")


def test_a_looser_tolerance_costs_less():
    targets = datasets.one_hot(DIGITS.labels, 10)
    fact = factorise(DIGITS.features)
    rough, fine = (solve(fact, targets, 1e-5, tolerance=tol).certificate for tol in (1e-3, 1e-8))
    assert rough.evaluations < fine.evaluations
    assert rough.relative_gradient_norm <= 1e-3


def test_inputs_stay_untouched():
    features, targets = BLOCKS.features.copy(), datasets.one_hot(BLOCKS.labels, 6)
    weights = np.linspace(0.5, 2, len(targets))
    before = features.copy(), targets.copy(), weights.copy()
    solve(features, targets, 1e-3, sample_weight=weights)
    for array, copy in zip((features, targets, weights), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_features_of_other_norms_when_asked():
    features = 3 * np.random.default_rng(0).standard_normal((30, 5))
    problem = Problem(features, np.eye(3)[np.arange(30) % 3], 1e-3)
    solution = solve(factorise(features, unit_norm=False), problem.targets, problem.lam)
    assert is_stationary(problem, solution.coef)


@pytest.mark.parametrize("shape", [(30, 5), (5, 30)])
@pytest.mark.parametrize("scale", [0, 1e-200])
def test_features_that_are_nothing_leave_the_outputs_uniform(shape, scale):
    features = scale * np.random.default_rng(0).standard_normal(shape)
    targets = np.eye(3)[np.arange(shape[0]) % 3]
    solution = solve(factorise(features, unit_norm=False), targets, 1e-3)
    np.testing.assert_allclose(solution.outputs, 1 / 3)
    assert solution.certificate.converged
    assert solution.certificate.relative_gradient_norm == 0


def test_stopping_too_early_is_said_in_the_certificate_alone_when_asked():
    targets = datasets.one_hot(DIGITS.labels, 10)
    solution = solve(DIGITS.features, targets, 1e-5, max_evaluations=5, warn=False)
    assert not solution.certificate.converged
