"""Random small problems for property tests, and the independent arithmetic they are judged by.

Everything here is plain NumPy written from the formulas, so that the library is never judged by
its own code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sdbook import datasets

# No deadline: a slow machine is not a bug. Always the same examples: a red test stays red.
# To search for new ones set derandomize=False and raise max_examples.
# Which numbers are tried depends on those in the source code, so that any change of it can make an
# assumption fail oftener at the beginning: that is no news.
examples = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much],
)


@dataclass(frozen=True, eq=False)
class Problem:
    """Features, targets and a regularisation strength; instance weights or None."""

    features: np.ndarray
    targets: np.ndarray
    lam: float
    weights: np.ndarray | None = None

    @property
    def instances(self):
        return self.features.shape[0]

    @property
    def classes(self):
        return self.targets.shape[1]

    @property
    def ridge(self):
        return self.classes * self.instances * self.lam

    def __repr__(self):
        (N, d), K = self.features.shape, self.classes
        weighted = "" if self.weights is None else ", weighted"
        return f"Problem(N={N}, d={d}, K={K}, lam={self.lam:.3g}{weighted})"


def strengths(low=1e-7, high=1.0):
    """Regularisation strengths, log-uniform."""
    return st.floats(np.log10(low), np.log10(high)).map(lambda exponent: 10.0**exponent)


@st.composite
def problems(draw, *, lam=None, weighted=None):
    """Problems with N < d, N = d or N > d, N = K, repeated rows, absent classes, soft targets."""
    K = draw(st.integers(2, 6))
    N = draw(st.one_of(st.just(K), st.integers(1, 24)))
    d = draw(st.integers(1, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features = datasets.normalise(rng.standard_normal((N, d)))
    if draw(st.booleans()):  # repeated rows
        features = features[rng.integers(0, max(N // 2, 1), N)]
    if draw(st.booleans()):  # one-hot, the last class perhaps absent
        present = K - draw(st.integers(0, 1))
        targets = np.eye(K)[rng.integers(0, present, N)]
    else:
        targets = rng.dirichlet(np.ones(K), N)
    if weighted is None:
        weighted = draw(st.booleans())
    weights = rng.uniform(0.1, 2, N) if weighted else None
    return Problem(features, targets, draw(strengths() if lam is None else lam), weights)


def softmax(logits):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def gradient(problem, theta):
    """Gradient of the weighted mean cross-entropy with L2 regularisation, from its formula."""
    N = problem.instances
    shares = np.full(N, 1 / N)
    if problem.weights is not None:
        shares = problem.weights / problem.weights.sum()
    residual = softmax(problem.features @ theta) - problem.targets
    return problem.features.T @ (shares[:, None] * residual) + problem.lam * theta


def relative_gradient_norm(problem, theta):
    """Norm of the gradient divided by that at zero."""
    at_zero = np.linalg.norm(gradient(problem, np.zeros_like(theta)))
    return np.linalg.norm(gradient(problem, theta)) / at_zero


def is_stationary(problem, theta, tolerance=1e-8):
    """Whether the gradient is that small relative to the one at zero, but for rounding."""
    at_zero = np.linalg.norm(gradient(problem, np.zeros_like(theta)))
    rounding = 4 * np.finfo(float).eps
    return np.linalg.norm(gradient(problem, theta)) <= tolerance * (1 + 1e-4) * at_zero + rounding


def objective(problem, theta):
    """Mean cross-entropy with L2 regularisation (equal instance weights)."""
    outputs = softmax(problem.features @ theta)
    cross_entropy = -np.mean(np.sum(problem.targets * np.log(outputs), axis=1))
    return cross_entropy + problem.lam / 2 * np.sum(theta**2)


def averaging_matrix(problem, t=1):
    """The t-th power of G (K N lambda I + G)^-1, without an eigendecomposition (whole t)."""
    G = problem.features @ problem.features.T
    once = np.linalg.solve(problem.ridge * np.eye(problem.instances) + G, G)
    return np.linalg.matrix_power(once, t)
