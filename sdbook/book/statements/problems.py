"""Random problems and their solutions by plain formulas, with nothing from the library.

Small enough that a Gram matrix can be written down, and a hundred of them solved in a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def softmax(logits: Floats) -> Floats:
    """Return the softmax of each row."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def averaging_matrix(gram: Floats, ridge: float, t: int = 1) -> Floats:
    """Return ``(G (ridge I + G)^-1)^t`` by solving and multiplying."""
    once = np.linalg.solve(ridge * np.eye(len(gram)) + gram, gram)
    return np.linalg.matrix_power(once, t)


@dataclass(frozen=True, eq=False)
class Problem:
    """Features of unit norm, one instance a row, targets that sum to one, and a penalty."""

    features: Floats
    targets: Floats
    lam: float

    @property
    def N(self) -> int:
        """Instances."""
        return len(self.targets)

    @property
    def K(self) -> int:
        """Classes."""
        return self.targets.shape[1]

    @property
    def gram(self) -> Floats:
        """Inner products of the features."""
        return np.asarray(self.features @ self.features.T)

    @property
    def ridge(self) -> float:
        """``K N lambda``."""
        return self.K * self.N * self.lam

    def objective(self, theta: Floats) -> float:
        """Mean cross-entropy and penalty."""
        outputs = softmax(self.features @ theta)
        loss = -(self.targets * np.log(outputs)).sum(axis=1).mean()
        return float(loss + self.lam / 2 * (theta**2).sum())

    def gradient(self, theta: Floats) -> Floats:
        """Of the objective."""
        residual = softmax(self.features @ theta) - self.targets
        return np.asarray(self.features.T @ residual / self.N + self.lam * theta)


def problem(rng: np.random.Generator, least: float = 1e-3) -> Problem:
    """Draw features, one-hot or soft targets, and a penalty of `least` to 1."""
    N, d, K = (int(rng.integers(2, high)) for high in (16, 12, 6))
    features = rng.standard_normal((N, d))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    one_hot = np.eye(K)[rng.integers(K, size=N)]
    targets = one_hot if rng.random() < 0.5 else rng.dirichlet(np.ones(K), N)
    return Problem(features, targets, float(np.exp(rng.uniform(np.log(least), 0))))


@dataclass(frozen=True, eq=False)
class Blocks:
    """A block model, how many instances of a class get which label, and a ridge."""

    n: int
    c: float
    d: float
    e: float
    superclasses: Ints
    counts: Ints
    ridge: float

    @property
    def K(self) -> int:
        """Classes."""
        return len(self.counts)

    @property
    def S(self) -> int:
        """Superclasses."""
        return int(self.superclasses.max()) + 1

    @property
    def C(self) -> Floats:
        """The share of each class that gets each label."""
        return self.counts / self.n

    @property
    def true(self) -> Ints:
        """The class of each instance."""
        return np.repeat(np.arange(self.K), self.n)

    @property
    def given(self) -> Ints:
        """The label of each instance."""
        return np.concatenate([np.repeat(np.arange(self.K), row) for row in self.counts])

    @property
    def gram(self) -> Floats:
        """1, c, d, e, by how two instances are related."""
        group = self.superclasses[self.true]
        same_class = self.true[:, None] == self.true
        G = np.where(same_class, self.c, np.where(group[:, None] == group, self.d, self.e))
        np.fill_diagonal(G, 1.0)
        return G

    def outputs(self, t: int = 1, targets: Floats | None = None) -> Floats:
        """Outputs of the linearised model after t rounds, (N, K)."""
        T = np.eye(self.K)[self.given] if targets is None else targets
        return 1 / self.K + averaging_matrix(self.gram, self.ridge, t) @ (T - 1 / self.K)

    def resolves(self, t: int) -> bool:
        """Whether after t rounds the weight of an own label is more than a rounding error."""
        instance, most = 1 - self.c, float(np.linalg.eigvalsh(self.gram)[-1])
        ratio = instance / (self.ridge + instance) * (self.ridge + most) / most
        return (most / (self.ridge + most)) ** t > 1e-4 and ratio**t > 1e-4


def blocks(
    rng: np.random.Generator, *, balanced: bool = False, per_superclass: int | None = None
) -> Blocks:
    """Draw a block model with labels: any labels, or noise that is balanced inside superclasses."""
    S = int(rng.integers(1, 4))
    m = per_superclass or int(rng.integers(2 + (S == 1), 4))
    n, superclasses = int(rng.integers(2, 10)), np.repeat(np.arange(S), m)
    counts = np.zeros((S * m, S * m), dtype=np.int64)
    for group in range(S):
        members = np.flatnonzero(superclasses == group)
        shared = rng.multinomial(n, rng.dirichlet(np.ones(m)))
        shared = np.roll(shared, -shared.argmax()) if rng.random() < 0.7 else shared
        for place, k in enumerate(members):
            if balanced:  # the same shares for all classes, counted from the class itself
                counts[k, np.roll(members, -place)] = shared
            else:
                counts[k] = rng.multinomial(n, rng.dirichlet(np.ones(S * m)))
    c = rng.uniform(0.2, 0.9)
    d = c * rng.uniform(0, 0.95)
    e = d * rng.choice([1.0, 0.5, 0.0]) if S > 1 else d
    return Blocks(n, c, d, float(e), superclasses, counts, float(10 ** rng.uniform(-2, 1.5)))


def credit(outputs: Floats, true: Ints) -> Floats:
    """Return 1 where the true class has the largest output, 1/m where m share it, else 0."""
    width = max(1e-6 * np.ptp(outputs), 8 * np.finfo(float).eps)
    best = outputs >= outputs.max(axis=1, keepdims=True) - width
    return np.asarray(best[np.arange(len(true)), true] / best.sum(axis=1))


def top(outputs: Floats, k: int) -> Floats:
    """Return 1/k at the k largest outputs of each row; what is tied in the order of classes."""
    width = max(1e-6 * np.ptp(outputs), 8 * np.finfo(float).eps)
    targets = np.zeros_like(outputs)
    for row, target in zip(outputs, targets, strict=True):
        kth = np.sort(row)[-k]
        sure = np.flatnonzero(row > kth + width)
        tied = np.flatnonzero(np.abs(row - kth) <= width)
        target[[*sure, *tied[: k - len(sure)]]] = 1 / k
    return targets
