"""The block model: four eigenvalues, what a round leaves of them, and whose labels are averaged."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook.theory._arrays import Floats, Reals, members, plain

__all__ = [
    "BlockSpectrum",
    "BlockWeights",
    "block_eigenvalues",
    "block_multiplicities",
    "block_outputs",
    "block_shrinkage",
    "block_weights",
]


class BlockSpectrum(NamedTuple):
    """One number, or one array, for each kind of eigen-direction of a block Gram matrix.

    Attributes
    ----------
    instance : float or ndarray
        Differences between instances of a class; multiplicity ``K (n - 1)``.
    class_ : float or ndarray
        Differences between classes of a superclass; multiplicity ``K - S``.
    superclass : float or ndarray
        Differences between superclasses; multiplicity ``S - 1``.
    global_ : float or ndarray
        What all instances share; multiplicity 1.
    """

    instance: Reals
    class_: Reals
    superclass: Reals
    global_: Reals


class BlockWeights(NamedTuple):
    """How much of an output comes from where; the five parts sum to 1 (Theorem 2).

    Attributes
    ----------
    own : float or ndarray
        From the instance's own label, ``p^t``.
    class_ : float or ndarray
        From the mean label of its class (itself included), ``q^t - p^t``.
    superclass : float or ndarray
        From the mean label of its superclass, ``r^t - q^t``.
    global_ : float or ndarray
        From the mean label of all instances, ``g^t - r^t``. Negative where ``e < 0``.
    uniform : float or ndarray
        From no label at all, ``1 - g^t``.
    """

    own: Reals
    class_: Reals
    superclass: Reals
    global_: Reals
    uniform: Reals


def block_eigenvalues(
    n_classes: int,
    n_per_class: int,
    *,
    n_superclasses: int = 1,
    c: ArrayLike,
    d: ArrayLike,
    e: ArrayLike | None = None,
) -> BlockSpectrum:
    """Return the eigenvalues of the block model's Gram matrix (Proposition 4).

    Parameters
    ----------
    n_classes, n_per_class : int
        Number of classes K, at least 2, and of instances per class n.
    n_superclasses : int
        Number of superclasses S; must divide K.
    c, d, e : float or array_like
        Correlations, ``1 > c > d >= e``; `e` defaults to `d`.

    Returns
    -------
    BlockSpectrum
        Eigenvalues, instance to global.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, S does not divide K, or e is so negative that the matrix
        would have a negative eigenvalue and so would not be a Gram matrix.

    Examples
    --------
    >>> from sdbook import theory
    >>> tuple(round(s, 6) for s in theory.block_eigenvalues(4, 10, c=0.5, d=0.2))
    (0.5, 3.5, 3.5, 11.5)
    """
    K, n, S = _sizes(n_classes, n_per_class, n_superclasses)
    c_ = _validate.reals("c", c, -1, 1, open_high=True)
    d_ = _validate.reals("d", d, -1, 1)
    e_ = d_ if e is None else _validate.reals("e", e, -1, 1)
    if not np.all(d_ < c_):
        raise ValueError(f"d must be < c, got d = {d_} and c = {c_}.")
    if not np.all(e_ <= d_):
        raise ValueError(f"e must be <= d, got e = {e_} and d = {d_}.")
    instance = 1 - c_
    class_ = instance + n * (c_ - d_)
    superclass = class_ + n * (K // S) * (d_ - e_)
    global_ = superclass + n * K * e_
    # An eigenvalue of zero (centred data) may come out a little below it.
    if np.any(global_ < -1e-9 * superclass):
        raise ValueError(
            f"c, d and e must leave the global eigenvalue at or above 0, got {np.min(global_):.4g} "
            f"with c = {c_}, d = {d_}, e = {e_}."
        )
    return BlockSpectrum(*map(plain, (instance, class_, superclass, np.maximum(global_, 0))))


def block_multiplicities(
    n_classes: int, n_per_class: int, *, n_superclasses: int = 1
) -> BlockSpectrum:
    """Return how often each eigenvalue of `block_eigenvalues` occurs (Proposition 4).

    Parameters
    ----------
    n_classes, n_per_class, n_superclasses : int
        K, n and S, as in `block_eigenvalues`.

    Returns
    -------
    BlockSpectrum
        Whole numbers ``K (n - 1)``, ``K - S``, ``S - 1`` and 1, which sum to ``K n``.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range, or S does not divide K.

    Examples
    --------
    >>> from sdbook import theory
    >>> theory.block_multiplicities(6, 60, n_superclasses=2)
    BlockSpectrum(instance=354, class_=4, superclass=1, global_=1)
    """
    K, n, S = _sizes(n_classes, n_per_class, n_superclasses)
    return BlockSpectrum(K * (n - 1), K - S, S - 1, 1)


def block_shrinkage(eigenvalues: BlockSpectrum, ridge: ArrayLike) -> BlockSpectrum:
    """Return what one round leaves of each direction: p, q, r, g (Theorem 2).

    Parameters
    ----------
    eigenvalues : BlockSpectrum
        From `block_eigenvalues`.
    ridge : float or array_like
        ``K N lambda = K^2 n lambda``, > 0.

    Returns
    -------
    BlockSpectrum
        ``s / (ridge + s)`` for each eigenvalue: the factors p, q, r, g in that order.

    Raises
    ------
    TypeError, ValueError
        If `ridge` is not above zero.

    Examples
    --------
    >>> from sdbook import theory
    >>> spectrum = theory.block_eigenvalues(6, 60, n_superclasses=2, c=0.5, d=0.2, e=0.05)
    >>> p, q, r, g = theory.block_shrinkage(spectrum, ridge=6 * 360 * 3e-4)
    >>> round(p, 4), round(q, 4), round(r, 4), round(g, 4)
    (0.4355, 0.9662, 0.986, 0.9899)
    """
    a = _validate.reals("ridge", ridge, 0, open_low=True)
    return BlockSpectrum(*(plain(np.asarray(s) / (a + s)) for s in eigenvalues))


def block_weights(shrinkage: BlockSpectrum, t: ArrayLike = 1) -> BlockWeights:
    """Return the averaging weights after t rounds (Theorem 2).

    Parameters
    ----------
    shrinkage : BlockSpectrum
        Factors p, q, r, g in [0, 1], from `block_shrinkage` or your own.
    t : float or array_like
        Number of rounds, >= 0; need not be whole.

    Returns
    -------
    BlockWeights
        Total weight of the own label, the class, the superclass and the global mean of the
        targets, and of the uniform distribution; they sum to 1.

    Raises
    ------
    TypeError, ValueError
        If a factor is not in [0, 1], or `t` is negative.

    Examples
    --------
    >>> from sdbook import theory
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.8, 0.9, 1.0)
    >>> [round(weight, 2) for weight in theory.block_weights(shrinkage, t=2)]
    [0.25, 0.39, 0.17, 0.19, 0.0]
    """
    p, q, r, g = powers(shrinkage, t)
    return BlockWeights(*map(plain, (p, q - p, r - q, g - r, 1 - g)))


def block_outputs(
    shrinkage: BlockSpectrum,
    targets: ArrayLike,
    labels: ArrayLike,
    t: float = 1,
    *,
    superclasses: ArrayLike | None = None,
) -> Floats:
    """Return the outputs of round t for any targets of round 1 and any finite n (Theorem 2).

    Parameters
    ----------
    shrinkage : BlockSpectrum
        Factors p, q, r, g, from `block_shrinkage`.
    targets : array_like of shape (N, K)
        Targets of round 1: one-hot given labels, or any rows that sum to one.
    labels : array_like of int, shape (N,)
        True labels: the classes that features correlate by. As many instances of each class.
    t : float
        Number of rounds, >= 0; need not be whole.
    superclasses : array_like of int, shape (K,), optional
        The superclass of each class; superclasses of equal size. One superclass by default.

    Returns
    -------
    ndarray of shape (N, K)
        Outputs of the linearised model.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, classes or superclasses are not of equal size, or a number is out
        of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import theory
    >>> shrinkage = theory.block_shrinkage(theory.block_eigenvalues(2, 2, c=0.5, d=0.0), ridge=1.0)
    >>> given = np.eye(2)[[0, 1, 1, 1]]
    >>> theory.block_outputs(shrinkage, given, labels=[0, 0, 1, 1]).round(3)
    array([[0.667, 0.333],
           [0.333, 0.667],
           [0.2  , 0.8  ],
           [0.2  , 0.8  ]])
    """
    own = np.asarray(targets, dtype=float)
    _validate.targets("targets", own, own, signed=True)
    N, K = own.shape
    true = _validate.labels("labels", labels, K, N)
    sizes = np.bincount(true, minlength=K)
    if sizes.min() != sizes.max():
        raise ValueError(
            "labels must have as many instances of each class, "
            f"got {sizes.min()} to {sizes.max()} of a class."
        )
    class_means = np.zeros((K, K))
    np.add.at(class_means, true, own / sizes[0])
    weights = block_weights(shrinkage, _validate.real("t", t, 0))
    return weights.own * own + shared_part(weights, class_means, superclasses)[true]


def shared_part(
    weights: BlockWeights, class_means: Floats, superclasses: ArrayLike | None
) -> Floats:
    """Return what all instances of a class share in their outputs, (..., K, K)."""
    K = class_means.shape[-1]
    same = members(K, superclasses)
    class_, superclass, global_, uniform = (np.asarray(w)[..., None, None] for w in weights[1:])
    return np.asarray(
        class_ * class_means
        + superclass * ((same / same.sum(axis=1)) @ class_means)
        + global_ * class_means.mean(axis=-2, keepdims=True)
        + uniform / K
    )


def powers(shrinkage: BlockSpectrum, t: ArrayLike) -> tuple[Floats, ...]:
    """Return ``p^t, q^t, r^t, g^t``."""
    rounds = _validate.reals("t", t, 0)
    factors = (
        _validate.reals(f"shrinkage factor {name}", factor, 0, 1)
        for name, factor in zip("pqrg", shrinkage, strict=True)
    )
    return tuple(factor**rounds for factor in factors)


def _sizes(n_classes: Any, n_per_class: Any, n_superclasses: Any) -> tuple[int, int, int]:
    K = _validate.count("n_classes", n_classes, 2)
    n = _validate.count("n_per_class", n_per_class)
    S = _validate.count("n_superclasses", n_superclasses, 1, K)
    if K % S:
        raise ValueError(f"n_superclasses must divide n_classes, {K}, got {S}.")
    return K, n, S
