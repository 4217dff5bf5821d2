"""Label averaging: every round of the linearised model from one factorisation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import averaging_matrix, examples, problems

from sdbook import datasets
from sdbook.solvers import LabelAveraging, factorise

SPACES = ("instance", "feature")
instances_known = problems(weighted=False)
rounds = st.floats(0, 12)


def averaging(problem, space="auto"):
    fact = factorise(problem.features, space=space)
    return LabelAveraging(fact, problem.lam, problem.classes)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("t", [1, 2, 5])
@examples
@given(problem=problems(lam=st.floats(1e-4, 10)))
def test_round_t_is_the_matrix_power(space, t, problem):
    deviation = problem.targets - 1 / problem.classes
    expected = 1 / problem.classes + averaging_matrix(problem, t) @ deviation
    np.testing.assert_allclose(
        averaging(problem, space).outputs(problem.targets, t), expected, atol=1e-9
    )


@examples
@given(instances_known)
def test_teacher_solves_the_linearised_fixed_point(problem):
    """(I + G/(K N lambda)) (Y - U) = G/(K N lambda) (T - U): Proposition 2."""
    outputs = averaging(problem).outputs(problem.targets)
    scaled = problem.features @ problem.features.T / problem.ridge
    uniform = 1 / problem.classes
    left = outputs - uniform + scaled @ (outputs - uniform)
    right = scaled @ (problem.targets - uniform)
    # The equation is scaled by 1/(K N lambda), and rounding errors with it.
    np.testing.assert_allclose(left, right, atol=1e-12 * (1 + 1 / problem.ridge))


@examples
@given(instances_known, st.integers(1, 6))
def test_t_rounds_at_once_are_t_times_one_round(problem, t):
    model = averaging(problem)
    step_by_step = problem.targets
    for _ in range(t):
        step_by_step = model.outputs(step_by_step)
    np.testing.assert_allclose(model.outputs(problem.targets, t), step_by_step, atol=1e-10)


@examples
@given(instances_known, st.floats(0.25, 5), st.floats(0.25, 5))
def test_real_numbers_of_rounds_add_up(problem, first, second):
    model = averaging(problem)
    composed = model.outputs(model.outputs(problem.targets, first), second)
    np.testing.assert_allclose(model.outputs(problem.targets, first + second), composed, atol=1e-10)


@examples
@given(instances_known, rounds)
def test_rows_sum_to_one(problem, t):
    outputs = averaging(problem).outputs(problem.targets, t)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-12)


@examples
@given(instances_known, rounds)
def test_both_spaces_agree(problem, t):
    instance, feature = (averaging(problem, space) for space in SPACES)
    np.testing.assert_allclose(
        instance.outputs(problem.targets, t), feature.outputs(problem.targets, t), atol=1e-8
    )
    np.testing.assert_allclose(
        instance.coef(problem.targets, t + 1), feature.coef(problem.targets, t + 1), atol=1e-5
    )


@examples
@given(instances_known, rounds, st.randoms(use_true_random=False))
def test_order_of_instances_and_classes_does_not_matter(problem, t, random):
    rows = random.sample(range(problem.instances), problem.instances)
    columns = random.sample(range(problem.classes), problem.classes)
    before = averaging(problem).outputs(problem.targets, t)
    shuffled = LabelAveraging(problem.features[rows], problem.lam, problem.classes)
    after = shuffled.outputs(problem.targets[rows][:, columns], t)
    np.testing.assert_allclose(after, before[rows][:, columns], atol=1e-8)


@examples
@given(instances_known, rounds, st.data())
def test_averaging_weights_give_the_output(problem, t, data):
    model = averaging(problem)
    i = data.draw(st.integers(0, problem.instances - 1))
    weights = model.averaging_weights(i, t)
    assert weights.shape == (problem.instances,)
    average = weights @ problem.targets + (1 - weights.sum()) / problem.classes
    np.testing.assert_allclose(average, model.outputs(problem.targets, t)[i], atol=1e-10)


@examples
@given(instances_known, st.floats(1, 12))
def test_predictions_on_training_instances_are_the_outputs(problem, t):
    model = averaging(problem)
    np.testing.assert_allclose(
        model.solution(problem.targets, t).predict(problem.features),
        model.outputs(problem.targets, t),
        atol=1e-8,
    )


@examples
@given(instances_known, st.floats(1, 12))
def test_parameters_sum_to_zero_over_the_classes(problem, t):
    theta = averaging(problem).coef(problem.targets, t)
    np.testing.assert_allclose(theta.sum(axis=1), 0, atol=1e-10 * (1 + np.abs(theta).max()))


def test_prediction_of_a_new_instance_follows_the_kernel_formula():
    """y(x) = 1/K + g^T (K N lambda I + G)^-1 (T - U), g the similarities to training instances."""
    data = datasets.digits()
    train, test = data.take(range(60)), data.take(range(60, 90))
    targets = datasets.one_hot(train.labels, 10)
    model = LabelAveraging(train.features, 1e-3, 10)
    for t in (1, 3):
        taught = model.outputs(targets, t - 1)
        inverse = np.linalg.inv(model.ridge * np.eye(60) + train.gram())
        expected = 0.1 + test.features @ train.features.T @ inverse @ (taught - 0.1)
        np.testing.assert_allclose(
            model.solution(targets, t).predict(test.features), expected, atol=1e-10
        )


def test_shrinkage_is_a_low_pass_filter():
    model = LabelAveraging(datasets.digits().features, 1e-4, 10)
    assert model.ridge == pytest.approx(10 * 1797 * 1e-4)
    assert (np.diff(model.shrinkage) >= 0).all()
    assert model.shrinkage[0] >= 0
    assert model.shrinkage[-1] < 1


def test_round_zero_is_what_was_given_and_infinitely_many_rounds_forget_it():
    data = datasets.block_correlated(3, 5, c=0.5, d=0.1)
    targets = datasets.one_hot(data.labels, 3)
    model = LabelAveraging(data.features, 1e-2, 3)
    np.testing.assert_array_equal(model.outputs(targets, 0), targets)
    np.testing.assert_allclose(model.outputs(targets, 1e6), 1 / 3, atol=1e-12)


def test_one_factorisation_serves_every_strength():
    data = datasets.digits().take(range(100))
    targets, fact = datasets.one_hot(data.labels, 10), factorise(data.features)
    for lam in (1e-5, 1e-1):
        shared = LabelAveraging(fact, lam, 10)
        assert shared.factorisation is fact
        np.testing.assert_array_equal(
            shared.outputs(targets, 2), LabelAveraging(data.features, lam, 10).outputs(targets, 2)
        )


def test_float32_stays_float32():
    data = datasets.digits().take(range(100))
    features = data.features.astype(np.float32)
    targets = datasets.one_hot(data.labels, 10)
    outputs = LabelAveraging(features, 1e-3, 10).outputs(targets.astype(np.float32), 2.5)
    assert outputs.dtype == np.float32
    exact = LabelAveraging(data.features, 1e-3, 10).outputs(targets, 2.5)
    np.testing.assert_allclose(outputs, exact, atol=1e-4)
