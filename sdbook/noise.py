"""Wrong labels: corruption matrices, and given labels drawn from them.

A corruption matrix has one row per *true* class and one column per *given* class:
``C[k, j] = P(given label j | true label k)``, so its rows sum to one. It is also called the
transition matrix. The noise matrix of cleanlab is its transpose: there, columns sum to one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate

Floats = NDArray[np.float64]
Seed = int | np.random.Generator | None
"""What every `rng` argument takes: a seed, a generator, or None for fresh randomness."""

__all__ = [
    "asymmetric",
    "class_correlations",
    "confusable_superclasses",
    "corrupt",
    "corruption_matrix",
    "pair_flip",
    "superclass",
    "symmetric",
]


def symmetric(n_classes: int, rate: float) -> Floats:
    """Return the matrix in which a wrong label is any of the other classes with equal chance.

    Parameters
    ----------
    n_classes : int
        Number of classes K, at least 2.
    rate : float
        Corruption rate in [0, 1]: the share of wrong labels.

    Returns
    -------
    ndarray of shape (K, K)
        Row-stochastic corruption matrix with diagonal ``1 - rate``.

    Raises
    ------
    TypeError, ValueError
        If `n_classes` or `rate` is out of range.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.symmetric(3, 0.5)[0]
    array([0.5 , 0.25, 0.25])
    """
    K, rate = _classes_and_rate(n_classes, rate)
    return _with_diagonal(np.full((K, K), rate / (K - 1)), 1 - rate)


def asymmetric(n_classes: int, rate: float) -> Floats:
    """Return the matrix in which a wrong label is any other class, twice as often the next one.

    The next class gets ``2 rate / K``, others ``rate / K``: the program of Jeong & Chung (2024).

    Parameters
    ----------
    n_classes, rate
        As in `symmetric`.

    Returns
    -------
    ndarray of shape (K, K)

    Raises
    ------
    TypeError, ValueError
        If `n_classes` or `rate` is out of range.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.asymmetric(4, 0.4)[0]
    array([0.6, 0.2, 0.1, 0.1])
    """
    K, rate = _classes_and_rate(n_classes, rate)
    return _with_diagonal((rate / K) * (1 + np.roll(np.eye(K), 1, axis=1)), 1 - rate)


def pair_flip(n_classes: int, rate: float) -> Floats:
    """Return the matrix in which a wrong label is always the next class, ``k + 1 mod K``.

    Parameters
    ----------
    n_classes, rate
        As in `symmetric`.

    Returns
    -------
    ndarray of shape (K, K)

    Raises
    ------
    TypeError, ValueError
        If `n_classes` or `rate` is out of range.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.pair_flip(3, 0.4)
    array([[0.6, 0.4, 0. ],
           [0. , 0.6, 0.4],
           [0.4, 0. , 0.6]])
    """
    K, rate = _classes_and_rate(n_classes, rate)
    return _with_diagonal(rate * np.roll(np.eye(K), 1, axis=1), 1 - rate)


def superclass(superclasses: ArrayLike, rate: float) -> Floats:
    """Return the matrix in which a wrong label is one of the same superclass, with equal chance.

    Parameters
    ----------
    superclasses : array_like of int, shape (K,)
        The superclass of each class.
    rate : float
        Corruption rate in [0, 1].

    Returns
    -------
    ndarray of shape (K, K)
        Zero between superclasses.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or `rate` > 0 where a superclass has one class only.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.superclass([0, 0, 1, 1], 0.3)[0]
    array([0.7, 0.3, 0. , 0. ])
    """
    groups = np.asarray(superclasses)
    if groups.ndim != 1:
        raise ValueError(f"superclasses must have shape (n_classes,), got {groups.shape}.")
    K, rate = _classes_and_rate(len(groups), rate)
    siblings = (groups[:, None] == groups) & ~np.eye(K, dtype=bool)
    number = siblings.sum(axis=1, keepdims=True)
    if rate > 0 and number.min() == 0:
        alone = f"got class {number.argmin()} alone."
        raise ValueError(f"superclasses must be of two classes or more with rate > 0, {alone}")
    return _with_diagonal(rate * siblings / np.maximum(number, 1), 1 - rate)


def confusable_superclasses(
    features: ArrayLike, labels: ArrayLike, *, height: float = 0.8
) -> NDArray[np.int64]:
    """Find classes that are easily taken for each other, from features and true labels.

    Classes are merged step by step, always the two groups whose *least* similar members are most
    similar (complete linkage on one minus the mean correlation between classes). Merges above a
    share of the height of the last one are undone. So does the public program of Jeong & Chung
    (2024), with a share of 0.8.

    Parameters
    ----------
    features, labels
        As in `class_correlations`; best centred: with a common mean, all classes are similar.
    height : float
        This share of the height, in (0, 1). The lower, the more superclasses.

    Returns
    -------
    ndarray of int, shape (K,)
        The superclass of each class, numbered by first appearance. Some may have one class only.

    Raises
    ------
    TypeError, ValueError
        As `class_correlations`, and if `height` is out of range.

    Examples
    --------
    >>> from sdbook import datasets, noise
    >>> data = datasets.block_correlated(6, 5, n_superclasses=2, c=0.5, d=0.3, e=0.0)
    >>> noise.confusable_superclasses(data.features, data.labels)
    array([0, 0, 0, 1, 1, 1])
    """
    height = _validate.real("height", height, 0, 1, open_low=True, open_high=True)
    # Here, because nothing else in this module needs SciPy, and importing it takes a while.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = squareform(1 - class_correlations(features, labels), checks=False)
    merges = linkage(distances, "complete")
    groups = fcluster(merges, height * merges[-1, 2], criterion="distance")
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]


def class_correlations(features: ArrayLike, labels: ArrayLike) -> Floats:
    """Return how similar classes are: the mean inner product between their instances.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Unit norm, so that inner products are correlations.
    labels : array_like of int, shape (N,)
        Labels 0 to K - 1, each class at least twice.

    Returns
    -------
    ndarray of shape (K, K)
        Symmetric, and of different instances on the diagonal: c in the block model, else d or e.

    Raises
    ------
    TypeError, ValueError
        If `features` are not a finite floating matrix with rows of unit norm, `labels` are not
        whole numbers, or a class has fewer than two instances.

    Examples
    --------
    >>> from sdbook import datasets, noise
    >>> data = datasets.block_correlated(4, 5, n_superclasses=2, c=0.5, d=0.3, e=0.1)
    >>> noise.class_correlations(data.features, data.labels)[0].round(6)
    array([0.5, 0.3, 0.1, 0.1])
    """
    Phi = _validate.unit_rows("features", _validate.matrix("features", np.asarray(features)))
    K = int(np.asarray(labels).max(initial=1)) + 1
    of_instance = _validate.labels("labels", np.asarray(labels), K, len(Phi))
    sizes = np.bincount(of_instance, minlength=K)
    if sizes.min() < 2:
        rare = f"got class {sizes.argmin()} {sizes.min()} times."
        raise ValueError(f"labels must have each class twice or more, {rare}")
    sums = np.zeros((K, Phi.shape[1]))
    np.add.at(sums, of_instance, Phi)
    # Without the pairs of an instance with itself.
    return (sums @ sums.T - np.diag(sizes)) / (np.outer(sizes, sizes) - np.diag(sizes))


def corruption_matrix(rows: ArrayLike) -> Floats:
    """Check a corruption matrix of your own.

    Parameters
    ----------
    rows : array_like of shape (K, K)
        Row k has the probability of each given label for true label k.

    Returns
    -------
    ndarray of shape (K, K)
        The same in float64.

    Raises
    ------
    ValueError
        If it is not square, has a negative or non-finite entry, or a row does not sum to one.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.corruption_matrix([[0.9, 0.1], [0.2, 0.8]])
    array([[0.9, 0.1],
           [0.2, 0.8]])
    """
    return _validate.row_stochastic("rows", rows)


def corrupt(
    labels: ArrayLike, C: ArrayLike, *, rng: Seed = None, exact: bool = False
) -> NDArray[np.int64]:
    """Draw given labels for true labels.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        True labels, 0 to K - 1.
    C : array_like of shape (K, K)
        Corruption matrix, ``C[true, given]``.
    rng : int, numpy.random.Generator or None
        Source of randomness. The same integer gives the same labels.
    exact : bool
        If False, each label is drawn on its own. If True, each true class has the proportions of
        its row of `C`, in random order; largest remainders are rounded up, of equal ones the first.

    Returns
    -------
    ndarray of int, shape (N,)

    Raises
    ------
    TypeError, ValueError
        If `labels` are not whole numbers in range, or `C` is not row-stochastic.

    Examples
    --------
    >>> from sdbook import noise
    >>> true = [0, 0, 0, 0, 1, 1]
    >>> noise.corrupt(true, noise.pair_flip(2, 0.5), rng=0, exact=True)
    array([1, 0, 0, 1, 1, 0])
    """
    C = _validate.row_stochastic("C", C)
    K = len(C)
    true = _validate.labels("labels", labels, K)
    rng = np.random.default_rng(rng)
    if not exact:
        edges = np.cumsum(C, axis=1)
        edges /= edges[:, -1:]  # rounding must never reach a class of probability zero
        return (rng.random(len(true))[:, None] >= edges[true]).sum(axis=1)
    given = np.empty_like(true)
    for k in range(K):
        members = np.flatnonzero(true == k)
        ideal = len(members) * C[k]
        # 60 * 0.1 is 6.000000000000001: what is whole up to rounding stays whole.
        counts = np.floor(ideal + 1e-9).astype(np.int64)
        counts[np.argsort(counts - ideal, kind="stable")[: len(members) - counts.sum()]] += 1
        given[members] = rng.permutation(np.repeat(np.arange(K), counts))
    return given


def _with_diagonal(C: Floats, value: float) -> Floats:
    np.fill_diagonal(C, value)
    return C


def _classes_and_rate(n_classes: int, rate: float) -> tuple[int, float]:
    return _validate.count("n_classes", n_classes, 2), _validate.real("rate", rate, 0, 1)
