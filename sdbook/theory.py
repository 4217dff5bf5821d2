"""Closed forms of the block model: no data, no solver.

Instances are correlated 1 with themselves, c within a class, d within a superclass and e otherwise
(``1 > c > d >= e``); S superclasses of equal size. Everything follows from four eigenvalues.

The model is that of Jeong & Chung (2024); the formulas are derived afresh, exact for the linearised
model and for any finite number of instances unless a docstring says otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate

__all__ = ["BlockSpectrum", "block_eigenvalues", "block_shrinkage", "rounds_bound"]


class BlockSpectrum(NamedTuple):
    """One number for each kind of eigen-direction of a block Gram matrix.

    Attributes
    ----------
    instance : float
        Differences between instances of a class; multiplicity ``K (n - 1)``.
    class_ : float
        Differences between classes of a superclass; multiplicity ``K - S``.
    superclass : float
        Differences between superclasses; multiplicity ``S - 1``.
    global_ : float
        What all instances share; multiplicity 1.
    """

    instance: float
    class_: float
    superclass: float
    global_: float


def block_eigenvalues(
    classes: int,
    per_class: int,
    *,
    superclasses: int = 1,
    c: float,
    d: float,
    e: float | None = None,
) -> BlockSpectrum:
    """Return the eigenvalues of the block model's Gram matrix.

    Parameters
    ----------
    classes, per_class : int
        Number of classes K, and of instances per class n.
    superclasses : int
        Number of superclasses S; must divide K.
    c, d, e : float
        Correlations, ``1 > c > d >= e``; `e` defaults to `d`.

    Returns
    -------
    BlockSpectrum
        Eigenvalues, instance to global.

    Raises
    ------
    ValueError
        If an argument is out of range, or S does not divide K.

    Examples
    --------
    >>> from sdbook import theory
    >>> tuple(round(s, 6) for s in theory.block_eigenvalues(4, 10, c=0.5, d=0.2))
    (0.5, 3.5, 3.5, 11.5)
    """
    K = _validate.count("classes", classes, 2)
    n = _validate.count("per_class", per_class)
    S = _validate.count("superclasses", superclasses, 1, K)
    if K % S:
        raise ValueError(
            f"superclasses is {S}; accepted are divisors of the number of classes, {K}"
        )
    c = _validate.real("c", c, -1, 1, open_high=True)
    d = _validate.real("d", d, -1, c, open_high=True)
    e = d if e is None else _validate.real("e", e, -1, d)
    instance = 1 - c
    class_ = instance + n * (c - d)
    superclass = class_ + n * (K // S) * (d - e)
    return BlockSpectrum(instance, class_, superclass, superclass + n * K * e)


def block_shrinkage(eigenvalues: BlockSpectrum, ridge: float) -> BlockSpectrum:
    """Return what one round leaves of each direction: p, q, r, g (Theorem 2).

    Parameters
    ----------
    eigenvalues : BlockSpectrum
        From `block_eigenvalues`.
    ridge : float
        ``K N lambda = K^2 n lambda``, > 0.

    Returns
    -------
    BlockSpectrum
        ``s / (ridge + s)`` for each eigenvalue: the factors p, q, r, g in that order.

    Raises
    ------
    ValueError
        If `ridge` is not above zero.

    Examples
    --------
    >>> from sdbook import theory
    >>> spectrum = theory.block_eigenvalues(6, 60, superclasses=2, c=0.5, d=0.2, e=0.05)
    >>> p, q, r, g = theory.block_shrinkage(spectrum, ridge=6 * 360 * 3e-4)
    >>> round(p, 4), round(q, 4), round(r, 4), round(g, 4)
    (0.4355, 0.9662, 0.986, 0.9899)
    """
    ridge = _validate.real("ridge", ridge, 0, open_low=True)
    return BlockSpectrum(*(s / (ridge + s) for s in eigenvalues))


def rounds_bound(shrinkage: BlockSpectrum, C: ArrayLike) -> float:
    """Return the number of rounds that noise needs: more than this many (Theorem 3).

    ``log(1 + 1 / gap) / log(q / p)``, where the gap is the least margin by which the true label
    leads in the class means of given labels, ``min_k (C[k, k] - max_{j != k} C[k, j])``. Holds
    for the linearised model with many instances a class and noise that is balanced inside
    superclasses.

    Parameters
    ----------
    shrinkage : BlockSpectrum
        From `block_shrinkage`.
    C : array_like of shape (K, K)
        Corruption matrix.

    Returns
    -------
    float
        The least whole number of rounds *above* it makes every training instance right. Infinite
        where the gap is zero or negative: no number of rounds helps. Zero without noise.

    Raises
    ------
    ValueError
        If `C` is not row-stochastic.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> spectrum = theory.block_eigenvalues(6, 60, superclasses=2, c=0.5, d=0.2, e=0.05)
    >>> shrinkage = theory.block_shrinkage(spectrum, ridge=6 * 360 * 3e-4)
    >>> round(theory.rounds_bound(shrinkage, noise.superclass([0, 0, 0, 1, 1, 1], 0.5)), 2)
    2.02
    """
    matrix = _validate.row_stochastic("C", C)
    own = matrix.diagonal()
    rival = np.where(np.eye(len(matrix), dtype=bool), 0, matrix).max(axis=1)
    if rival.max() == 0:
        return 0.0
    gap = float((own - rival).min())
    if gap <= 1e-12:  # a tie up to rounding is a tie
        return math.inf
    return math.log1p(1 / gap) / math.log(shrinkage.class_ / shrinkage.instance)
