"""Feature vectors with the correlations of the block model."""

from __future__ import annotations

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
    """Unit vectors whose correlations depend only on how two instances are related.

    The inner product is 1 for an instance with itself, `c` within a class, `d` between classes of
    a superclass and `e` between superclasses: the block model of Theorem 2. They are vectors, so
    their Gram matrix is one by construction. Classes are dealt to superclasses in order, as
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
        Length of a random vector added to each instance before it is normalised again, >= 0. With
        jitter, correlations scatter around ``value / (1 + jitter**2)``; without, they are exact.
    rng : int, numpy.random.Generator or None
        Source of the jitter.

    Returns
    -------
    Dataset
        N instances in N dimensions, sorted by class.

    Raises
    ------
    ValueError
        If an argument is out of range or out of order, or if no vectors have these correlations
        (the Gram matrix would have a negative eigenvalue).

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
    c = _validate.real("c", c, -1, 1, open_high=True)
    d = _validate.real("d", d, -1, c, open_high=True)
    if e is None and S > 1:
        raise ValueError(f"e is missing; accepted with {S} superclasses is a number of at most d")
    e = d if e is None else _validate.real("e", e, -1, d)
    jitter = _validate.real("jitter", jitter, 0)
    _validate.memory(f"block-correlated features of {K * n} instances", (K * n) ** 2, 8)

    groups = np.arange(K) * S // K
    between = np.where(groups[:, None] == groups[None, :], d, e)
    np.fill_diagonal(between, c)
    # Two orthogonal parts. The mean direction of each class carries all correlations: n times this
    # K x K matrix is the Gram matrix of the class sums. What differs inside a class carries 1 - c.
    means = n * between + (1 - c) * np.eye(K)
    values, vectors = np.linalg.eigh(means)
    if values[0] < -1e-10 * values[-1]:
        raise ValueError(
            f"no vectors have correlations c={c}, d={d}, e={e} with {n} instances in each of {K} "
            f"classes: their Gram matrix would have the eigenvalue {values[0]:.4g}; accepted are "
            "values that leave all eigenvalues at or above zero"
        )
    class_part = vectors * np.sqrt(np.maximum(values, 0) / n)
    features = np.zeros((K * n, K * n))
    features[:, :K] = np.repeat(class_part, n, axis=0)
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


def _contrasts(n: int) -> NDArray[np.float64]:
    """Return an (n, n-1) basis of the vectors of length n whose entries sum to zero (Helmert)."""
    basis = np.zeros((n, n - 1))
    for j in range(1, n):
        basis[:j, j - 1] = 1
        basis[j, j - 1] = -j
        basis[:, j - 1] /= np.sqrt(j * (j + 1))
    return basis
