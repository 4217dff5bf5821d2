"""The theorem's matrix as preconditioner (Proposition 6), judged by finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdbook import datasets, noise
from sdbook.book.curvature import (
    eigenvalue_interval,
    hessian,
    linearised_hessian,
    preconditioned_eigenvalues,
)
from sdbook.solvers import LabelAveraging, factorise, solve

examples = settings(max_examples=40, deadline=None, derandomize=True)


def softmax(Z):
    shares = np.exp(Z - Z.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def rounding(M):
    """What whitening with M can lose of a number near one."""
    return 1e-10 + 1e-14 * np.linalg.cond(M)


@st.composite
def problems(draw):
    """Features with a spectrum of any spread, zero-sum parameters of any size, lambda."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    N, d, K = draw(st.integers(1, 8)), draw(st.integers(1, 5)), draw(st.integers(2, 6))
    spread = draw(st.sampled_from([0.0, 1.0, 3.0]))
    Phi = rng.standard_normal((N, d)) * np.exp(spread * rng.standard_normal(d))
    theta = draw(st.sampled_from([0.0, 0.3, 3.0])) * rng.standard_normal((d, K))
    theta -= theta.mean(axis=1, keepdims=True)
    return Phi, theta, 10.0 ** draw(st.integers(-4, 0))


@examples
@given(problems())
def test_the_hessian_is_the_derivative_of_the_gradient(problem):
    Phi, theta, lam = problem
    (N, d), K = Phi.shape, theta.shape[1]
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((d, K))
    direction -= direction.mean(axis=1, keepdims=True)

    def gradient(theta):
        return Phi.T @ softmax(Phi @ theta) / N + lam * theta  # the targets drop out

    step = 1e-5 / max(1, np.abs(Phi).max())
    there, back = gradient(theta + step * direction), gradient(theta - step * direction)
    slope = np.sum(direction * (there - back)) / (2 * step)
    # The same direction in contrasts of the classes, any orthonormal ones: only the eigenvalues
    # and this quadratic form are compared, and both do not depend on the choice.
    contrasts = np.linalg.qr(np.c_[np.ones(K), np.eye(K)[:, 1:]])[0][:, 1:]
    flat = (direction @ contrasts).T.ravel()
    H = hessian(Phi, softmax(Phi @ theta), lam)
    assert flat @ H @ flat == pytest.approx(slope, rel=1e-5, abs=1e-8)
    assert pytest.approx(H.T, abs=1e-14 * np.abs(H).max()) == H


@examples
@given(problems())
def test_at_uniform_outputs_the_hessian_is_the_theorems_matrix(problem):
    Phi, theta, lam = problem
    K = theta.shape[1]
    M = linearised_hessian(Phi, K, lam)
    H = hessian(Phi, np.full((len(Phi), K), 1 / K), lam)
    assert pytest.approx(np.kron(np.eye(K - 1), M), abs=1e-12 * np.abs(M).max()) == H
    eigenvalues = preconditioned_eigenvalues(Phi, np.full((len(Phi), K), 1 / K), lam)
    assert eigenvalues == pytest.approx(np.ones(len(eigenvalues)), abs=rounding(M))


@examples
@given(problems())
def test_preconditioned_eigenvalues_lie_in_the_interval(problem):
    Phi, theta, lam = problem
    Z = Phi @ theta
    Y = softmax(Z)
    low, high = eigenvalue_interval(Y)
    eigenvalues = preconditioned_eigenvalues(Phi, Y, lam)
    slack = rounding(linearised_hessian(Phi, theta.shape[1], lam))
    assert low - slack <= eigenvalues[0] <= eigenvalues[-1] <= high + slack
    R = np.ptp(Z, axis=1).max()
    assert np.exp(-R) - 1e-9 <= low <= 1 <= high <= min(np.exp(R), theta.shape[1] / 2) + 1e-9


def test_both_ends_of_the_interval_are_reached():
    # Without a penalty to speak of, three classes: (1/2, 1/2, 0) has curvatures 1/2 and 0.
    eigenvalues = preconditioned_eigenvalues([[1.0]], [[0.5, 0.5, 0.0]], 1e-12)
    assert eigenvalue_interval([[0.5, 0.5, 0.0]]) == (0.0, 1.5)
    assert eigenvalues == pytest.approx([0.0, 1.5], abs=1e-9)


def test_one_step_from_zero_is_label_averaging():
    data = datasets.block_correlated(3, 4, c=0.5, d=0.1)
    T = datasets.one_hot(np.roll(data.labels, 1), 3)
    lam = 0.01
    gradient = data.features.T @ (1 / 3 - T) / len(T)
    theta = -np.linalg.solve(linearised_hessian(data.features, 3, lam), gradient)
    first = 1 / 3 + data.features @ theta / 3  # the tangent of the softmax
    assert first == pytest.approx(LabelAveraging(data.features, lam, 3).outputs(T), abs=1e-12)


def test_the_spectrum_is_what_saves_evaluations():
    data = datasets.digits().take(range(0, 1797, 3))
    given_labels = noise.corrupt(data.labels, noise.symmetric(10, 0.7), rng=0)
    T = datasets.one_hot(given_labels, 10)
    fact = factorise(data.features)
    blind = replace(fact, matrix=fact.eigenvalues.mean() * np.eye(64))
    seeing, not_seeing = (solve(f, T, 1e-4) for f in (fact, blind))
    assert np.abs(seeing.outputs - not_seeing.outputs).max() < 1e-5
    assert 3 * seeing.certificate.evaluations < not_seeing.certificate.evaluations


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: linearised_hessian([[1.0]], 1, 0.1), "n_classes must"),
        (lambda: linearised_hessian([[1.0]], 2, 0.0), "lam"),
        (lambda: hessian([[1.0]], [[0.5, 0.6]], 0.1), "outputs must .*1.1"),
        (lambda: hessian([[1.0], [1.0]], [[0.5, 0.5]], 0.1), "outputs must .* 1"),
        (lambda: preconditioned_eigenvalues([1.0], [[0.5, 0.5]], 0.1), "features must"),
        (lambda: eigenvalue_interval([[1.2, -0.2]]), "outputs must .*-0.2"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
