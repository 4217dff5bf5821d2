"""Wrong labels: corruption matrices, and given labels drawn from them.

A corruption matrix has one row per *true* class and one column per *given* class:
``C[k, j] = P(given label j | true label k)``, so its rows sum to one. (Some programs, cleanlab's
among them, hold the transpose.) Nothing here touches a global random state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate

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


def symmetric(n_classes: int, rate: float) -> NDArray[np.float64]:
    """A wrong label is any of the other classes with equal chance.

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
    ValueError
        If `n_classes` or `rate` is out of range.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.symmetric(3, 0.5)
    array([[0.5 , 0.25, 0.25],
           [0.25, 0.5 , 0.25],
           [0.25, 0.25, 0.5 ]])
    """
    n_classes, rate = _classes_and_rate(n_classes, rate)
    C = np.full((n_classes, n_classes), rate / (n_classes - 1))
    np.fill_diagonal(C, 1 - rate)
    return C


def asymmetric(n_classes: int, rate: float) -> NDArray[np.float64]:
    """A wrong label is any other class, twice as often the next one.

    Every off-diagonal entry is ``rate / K`` and the one for class ``k + 1 mod K`` is twice that, as
    in the public program of Jeong & Chung (2024).

    Parameters
    ----------
    n_classes : int
        Number of classes K, at least 2.
    rate : float
        Corruption rate in [0, 1].

    Returns
    -------
    ndarray of shape (K, K)
        Row-stochastic corruption matrix.

    Raises
    ------
    ValueError
        If `n_classes` or `rate` is out of range.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.asymmetric(4, 0.4)[0]
    array([0.6, 0.2, 0.1, 0.1])
    """
    n_classes, rate = _classes_and_rate(n_classes, rate)
    C = np.full((n_classes, n_classes), rate / n_classes)
    np.fill_diagonal(C, 1 - rate)
    C += (rate / n_classes) * _next_class(n_classes)
    return C


def pair_flip(n_classes: int, rate: float) -> NDArray[np.float64]:
    """A wrong label is always the next class, ``k + 1 mod K``.

    Parameters
    ----------
    n_classes : int
        Number of classes K, at least 2.
    rate : float
        Corruption rate in [0, 1].

    Returns
    -------
    ndarray of shape (K, K)
        Row-stochastic corruption matrix.

    Raises
    ------
    ValueError
        If `n_classes` or `rate` is out of range.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.pair_flip(3, 0.4)
    array([[0.6, 0.4, 0. ],
           [0. , 0.6, 0.4],
           [0.4, 0. , 0.6]])
    """
    n_classes, rate = _classes_and_rate(n_classes, rate)
    return (1 - rate) * np.eye(n_classes) + rate * _next_class(n_classes)


def superclass(superclasses: ArrayLike, rate: float) -> NDArray[np.float64]:
    """A wrong label is any other class of the same superclass with equal chance.

    Parameters
    ----------
    superclasses : array_like of int, shape (K,)
        The superclass of each class.
    rate : float
        Corruption rate in [0, 1].

    Returns
    -------
    ndarray of shape (K, K)
        Row-stochastic corruption matrix, zero between superclasses.

    Raises
    ------
    ValueError
        If `rate` is out of range, or a superclass has one class only (which could not be
        mislabelled) while `rate` is above 0.

    Examples
    --------
    >>> from sdbook import noise
    >>> noise.superclass([0, 0, 1, 1], 0.3)
    array([[0.7, 0.3, 0. , 0. ],
           [0.3, 0.7, 0. , 0. ],
           [0. , 0. , 0.7, 0.3],
           [0. , 0. , 0.3, 0.7]])
    """
    groups = np.asarray(superclasses)
    if groups.ndim != 1:
        raise ValueError(
            f"superclasses has shape {groups.shape}; accepted is one per class, (classes,)"
        )
    classes, rate = _classes_and_rate(len(groups), rate)
    siblings = (groups[:, None] == groups[None, :]) & ~np.eye(classes, dtype=bool)
    lonely = np.flatnonzero(siblings.sum(axis=1) == 0)
    if rate > 0 and lonely.size:
        raise ValueError(
            f"superclasses leaves class {lonely[0]} alone in its superclass, where no label can be "
            "wrong; accepted are superclasses of two classes or more, or rate=0"
        )
    C = rate * siblings / np.maximum(siblings.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(C, 1 - rate)
    return C


def confusable_superclasses(
    features: ArrayLike, labels: ArrayLike, *, height: float = 0.8
) -> NDArray[np.int64]:
    """Find classes that are easily taken for each other, from features alone.

    Classes are merged step by step, always the two groups whose *least* similar members are most
    similar (complete linkage on one minus the mean correlation between classes). Merges above a
    share of the height of the last one are undone.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Unit norm, best centred: with a common mean, all classes are similar.
    labels : array_like of int, shape (N,)
        True labels 0 to K - 1, each class at least twice.
    height : float
        Share of the largest merge height at which the tree is cut, in (0, 1). The lower, the more
        superclasses.

    Returns
    -------
    ndarray of int, shape (K,)
        The superclass of each class, numbered by first appearance. Some may have one class only,
        which `superclass` refuses.

    Raises
    ------
    TypeError, ValueError
        If `features` are not a finite floating matrix with rows of unit norm, `labels` are not
        whole numbers, a class has fewer than two instances, or `height` is out of range.

    See Also
    --------
    superclass : The noise that stays inside superclasses.

    Notes
    -----
    Source: the authors' public program for Jeong & Chung (2024), which cuts at 0.8.

    Examples
    --------
    >>> from sdbook import datasets, noise
    >>> data = datasets.block_correlated(6, 5, n_superclasses=2, c=0.5, d=0.3, e=0.0)
    >>> noise.confusable_superclasses(data.features, data.labels)
    array([0, 0, 0, 1, 1, 1])
    """
    height = _validate.real("height", height, 0, 1, open_low=True, open_high=True)
    # Here, not above: nothing else in this module needs SciPy, and importing it takes a while.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = 1 - class_correlations(features, labels)
    np.fill_diagonal(distances, 0)
    merges = linkage(squareform(distances, checks=False), "complete")
    groups = fcluster(merges, height * merges[-1, 2], criterion="distance")
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]


def class_correlations(features: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Measure how similar classes are: the mean inner product between their instances.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Unit norm, so that inner products are correlations.
    labels : array_like of int, shape (N,)
        Labels 0 to K - 1, each class at least twice.

    Returns
    -------
    ndarray of shape (K, K)
        Symmetric. The diagonal is about pairs of different instances of a class. In the block
        model, it is c, and everything else is d or e.

    Raises
    ------
    TypeError, ValueError
        If `features` are not a finite floating matrix with rows of unit norm, `labels` are not
        whole numbers, or a class has fewer than two instances.

    Examples
    --------
    >>> from sdbook import datasets, noise
    >>> data = datasets.block_correlated(4, 5, n_superclasses=2, c=0.5, d=0.3, e=0.1)
    >>> noise.class_correlations(data.features, data.labels).round(6)
    array([[0.5, 0.3, 0.1, 0.1],
           [0.3, 0.5, 0.1, 0.1],
           [0.1, 0.1, 0.5, 0.3],
           [0.1, 0.1, 0.3, 0.5]])
    """
    Phi = _validate.unit_rows("features", _validate.matrix("features", np.asarray(features)))
    labels = np.asarray(labels)
    classes = int(labels.max(initial=1)) + 1
    of_instance = _validate.labels("labels", labels, classes, len(Phi))
    sizes = np.bincount(of_instance, minlength=classes)
    if sizes.min() < 2:
        raise ValueError(
            f"labels has class {sizes.argmin()} {sizes.min()} times; "
            "accepted are classes with two instances or more"
        )
    sums = np.zeros((classes, Phi.shape[1]))
    np.add.at(sums, of_instance, Phi)
    totals = sums @ sums.T
    totals[np.diag_indices(classes)] -= sizes  # each instance with itself
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    return totals / pairs


def corruption_matrix(rows: Sequence[Sequence[float]] | ArrayLike) -> NDArray[np.float64]:
    """Check a corruption matrix of your own.

    Parameters
    ----------
    rows : array_like of shape (K, K)
        ``rows[k, j]`` is the probability of given label j for true label k.

    Returns
    -------
    ndarray of shape (K, K)
        The same matrix as float64.

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
        Source of randomness. The same seed gives the same labels.
    exact : bool
        If False, each label is drawn on its own. If True, the labels of each true class have the
        proportions of its row of `C` exactly (to within one instance where ``n * C[k]`` is not
        whole: largest remainders are rounded up, ties to the lower class), in random order.

    Returns
    -------
    ndarray of int, shape (N,)
        Given labels.

    Raises
    ------
    TypeError, ValueError
        If `labels` are not whole numbers in range, or `C` is not row-stochastic.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import noise
    >>> true = np.repeat([0, 1, 2], 4)
    >>> given = noise.corrupt(true, noise.symmetric(3, 0.5), rng=0, exact=True)
    >>> [int((given[true == k] == k).sum()) for k in range(3)]
    [2, 2, 2]
    """
    C = _validate.row_stochastic("C", C)
    classes = len(C)
    true = _validate.labels("labels", labels, classes)
    rng = np.random.default_rng(rng)
    if not exact:
        edges = np.cumsum(C, axis=1)
        edges /= edges[:, -1:]  # rounding must never reach a class of probability zero
        return (rng.random(len(true))[:, None] >= edges[true]).sum(axis=1)
    given = np.empty_like(true)
    for k in range(classes):
        members = np.flatnonzero(true == k)
        given[members] = rng.permutation(np.repeat(np.arange(classes), _shares(len(members), C[k])))
    return given


def _shares(total: int, row: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers that sum to `total` in the proportions of `row` (largest remainders)."""
    ideal = total * row
    # 60 * 0.1 is 6.000000000000001: what is whole up to rounding stays whole.
    counts = np.floor(ideal + 1e-9).astype(np.int64)
    first = np.argsort(-(ideal - counts), kind="stable")[: total - counts.sum()]
    counts[first] += 1
    return counts


def _next_class(n_classes: int) -> NDArray[np.float64]:
    return np.roll(np.eye(n_classes), 1, axis=1)


def _classes_and_rate(n_classes: Any, rate: Any) -> tuple[int, float]:
    return _validate.count("n_classes", n_classes, 2), _validate.real("rate", rate, 0, 1)
