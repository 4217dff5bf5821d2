"""Feature vectors with the correlations of the block model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook import _validate
from sdbook.datasets.dataset import Dataset
from sdbook.datasets.prepare import normalise
from sdbook.noise import Seed


def block_correlated(
    n_classes: int,
    n_per_class: int,
    *,
    n_superclasses: int = 1,
    c: float,
    d: float,
    e: float | None = None,
    jitter: float = 0.0,
    rng: Seed = None,
) -> Dataset:
    """Return unit vectors with the correlations of the block model (Definition 7).

    The inner product is 1 for an instance with itself, `c` within a class, `d` between classes of
    a superclass and `e` between superclasses. Classes are dealt to superclasses in order, as
    evenly as possible.

    Parameters
    ----------
    n_classes, n_per_class : int
        Number of classes K (at least 2), and of instances per class n; N = K n.
    n_superclasses : int
        Number of superclasses S, 1 to K.
    c, d, e : float
        Correlations with ``1 > c > d >= e``. `e` is needed with two superclasses or more, and may
        be slightly negative, as in centred data.
    jitter : float
        Length of a random vector that is added to each instance before it is normalised again,
        >= 0. Correlations then scatter around ``value / (1 + jitter**2)``; without, they are exact.
    rng : int, numpy.random.Generator or None
        Source of the jitter.

    Returns
    -------
    Dataset
        N instances in N dimensions, sorted by class.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range or out of order, or if no vectors have these correlations
        (the Gram matrix would have a negative eigenvalue).
    MemoryError
        If the features do not fit into the memory that is free.

    Examples
    --------
    >>> from sdbook import datasets
    >>> data = datasets.block_correlated(4, 2, n_superclasses=2, c=0.5, d=0.2, e=0.1)
    >>> data.gram()[0].round(6)
    array([1. , 0.5, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1])
    """
    K = _validate.count("n_classes", n_classes, 2)
    n = _validate.count("n_per_class", n_per_class)
    S = _validate.count("n_superclasses", n_superclasses, 1, K)
    jitter = _validate.real("jitter", jitter, 0)
    _validate.memory(f"block-correlated features of {K * n} instances", (K * n) ** 2, 8)

    groups = np.arange(K) * S // K
    between = between_classes(groups, c, d, e)
    # Two orthogonal parts. The mean direction of each class carries all correlations: n times this
    # K x K matrix is the Gram matrix of the class sums. What differs inside a class carries 1 - c.
    means = n * between + (1 - c) * np.eye(K)
    values, vectors = np.linalg.eigh(means)
    if values[0] < -1e-10 * values[-1]:
        raise ValueError(f"c, d and e must give a Gram matrix, got the eigenvalue {values[0]:.4g}.")
    features = np.zeros((K * n, K * n))
    features[:, :K] = np.repeat(vectors * np.sqrt(np.maximum(values, 0) / n), n, axis=0)
    inside = np.sqrt(1 - c) * _contrasts(n)
    for k in range(K):
        features[k * n : (k + 1) * n, K + k * (n - 1) : K + (k + 1) * (n - 1)] = inside
    if jitter > 0:
        noise = np.random.default_rng(rng).standard_normal(features.shape)
        features = normalise(features + jitter * normalise(noise))
    return Dataset(
        name="blocks",
        features=features,
        labels=np.repeat(np.arange(K), n),
        superclasses=groups,
        class_names=tuple(f"class {k}" for k in range(K)),
    )


def between_classes(
    groups: NDArray[Any], c: float, d: float, e: float | None
) -> NDArray[np.float64]:
    """Return how two different instances correlate, by their classes: c, d or e, (K, K)."""
    same = groups[:, None] == groups
    c = _validate.real("c", c, -1, 1, open_high=True)
    d = _validate.real("d", d, -1, c, open_high=True)
    if e is None and not same.all():
        raise ValueError("e must be a number <= d with two superclasses or more, got None.")
    e = d if e is None else _validate.real("e", e, -1, d)
    return np.where(np.eye(len(groups)), c, np.where(same, d, e))


def _contrasts(n: int) -> NDArray[np.float64]:
    """Return an (n, n-1) orthonormal basis of vectors whose entries sum to zero (Helmert)."""
    i, j = np.arange(n)[:, None], np.arange(1, n)
    return np.where(i < j, 1.0, np.where(i == j, -j, 0.0)) / np.sqrt(j * (j + 1))
