"""Population accuracy: the outputs of every (true, given) pair, and who is right.

With many instances the mean of the given labels of class k is row k of the corruption matrix C, and
what an instance gets depends only on its true and its given label: K^2 kinds of instances. The same
is exact for a finite sample if C is *its* table of shares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook.theory._arrays import Reals, of_pairs, plain
from sdbook.theory.blocks import BlockSpectrum, block_weights, superclass_means

__all__ = ["PopulationAccuracy", "population_accuracy", "population_outputs", "recovered"]


class PopulationAccuracy(NamedTuple):
    """Share of instances whose *true* label has the largest output; ties are fair coins.

    Attributes
    ----------
    clean : float or ndarray
        Among instances whose given label is true; NaN where there are none.
    corrupted : float or ndarray
        Among instances whose given label is wrong; NaN where there are none.
    all : float or ndarray
        Among all instances.
    """

    clean: Reals
    corrupted: Reals
    all: Reals


def population_outputs(
    shrinkage: BlockSpectrum,
    C: ArrayLike,
    t: ArrayLike = 1,
    *,
    superclasses: ArrayLike | None = None,
    targets: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the outputs of each kind of instance after t rounds, for any noise (Theorem 2).

    Parameters
    ----------
    shrinkage : BlockSpectrum
        Factors p, q, r, g; numbers or arrays of shape (...).
    C : array_like of shape (..., K, K)
        Corruption matrices, or the tables of shares of a finite sample.
    t : float or array_like of shape (...)
        Number of rounds, >= 0; need not be whole.
    superclasses : array_like of int, shape (K,), optional
        The superclass of each class; superclasses of equal size. One superclass by default.
    targets : array_like of shape (..., K, K, K), optional
        What instances with true class k and given label j are taught in round 1. The given
        label itself by default.

    Returns
    -------
    ndarray of shape (..., K, K, K)
        Entry ``[k, j, l]`` is the output at class l of an instance with true class k and given
        label j. Leading dimensions are those of the arguments, broadcast.

    Raises
    ------
    TypeError, ValueError
        If `C` is not row-stochastic, or an argument is out of range or of the wrong shape.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9)
    >>> outputs = theory.population_outputs(shrinkage, noise.symmetric(3, 0.5))
    >>> outputs[0, 1].round(3)  # a 0 that is called 1: the teacher believes the label
    array([0.233, 0.633, 0.133])
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    K = matrix.shape[-1]
    weights = block_weights(shrinkage, t)
    own = np.eye(K)[None] if targets is None else of_pairs("targets", targets, K)
    class_mean = matrix if targets is None else np.einsum("...kj,...kjl->...kl", matrix, own)
    lead = np.broadcast_shapes(np.shape(weights.own), class_mean.shape[:-2])
    _validate.memory("the outputs of all pairs", int(np.prod(lead)) * K**3, 3 * 8)
    class_w, super_w, global_w, rest = (np.asarray(w)[..., None, None] for w in weights[1:])
    shared = (
        class_w * class_mean
        + super_w * superclass_means(class_mean, superclasses)
        + global_w * class_mean.mean(axis=-2, keepdims=True)
        + rest / K
    )
    return np.asarray(weights.own)[..., None, None, None] * own + shared[..., None, :]


def recovered(outputs: ArrayLike, C: ArrayLike) -> NDArray[np.float64]:
    """Return which kinds of instances are classified as what they are.

    Parameters
    ----------
    outputs : array_like of shape (..., K, K, K)
        From `population_outputs`.
    C : array_like of shape (..., K, K)
        Corruption matrices. They decide which pairs occur at all, and so how near two outputs
        must be to count as equal: 1e-6 of the range of outputs that occur.

    Returns
    -------
    ndarray of shape (..., K, K)
        Entry ``[k, j]`` is 1 if true class k has the largest output at given label j, 1/m if it
        shares it with m - 1 others, else 0. Pairs that never occur are judged like the others.

    Raises
    ------
    ValueError
        If shapes do not fit or `C` is not row-stochastic.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> C = noise.symmetric(3, 0.5)
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9)
    >>> theory.recovered(theory.population_outputs(shrinkage, C, t=1), C)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    >>> theory.recovered(theory.population_outputs(shrinkage, C, t=3), C).min()
    np.float64(1.0)
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    values = of_pairs("outputs", outputs, matrix.shape[-1])
    best = values >= values.max(axis=-1, keepdims=True) - _tie_width(values, matrix)
    own = np.einsum("...kjk->...kj", best)
    return own / best.sum(axis=-1)


def population_accuracy(outputs: ArrayLike, C: ArrayLike) -> PopulationAccuracy:
    """Return the shares of clean, corrupted and all instances that are right, classes alike.

    Parameters
    ----------
    outputs : array_like of shape (..., K, K, K)
        From `population_outputs` or `partial_label_outputs`.
    C : array_like of shape (..., K, K)
        Corruption matrices: how common each pair is.

    Returns
    -------
    PopulationAccuracy
        Of numbers, or of arrays of shape (...).

    Raises
    ------
    ValueError
        If shapes do not fit or `C` is not row-stochastic.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> C = noise.symmetric(3, 0.5)
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9)
    >>> outputs = theory.population_outputs(shrinkage, C, t=[1, 2, 3])
    >>> theory.population_accuracy(outputs, C).all
    array([0.5, 0.5, 1. ])
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    right = recovered(outputs, matrix)
    K = matrix.shape[-1]
    clean = np.broadcast_to(matrix * np.eye(K), right.shape)
    corrupted = np.broadcast_to(matrix * (1 - np.eye(K)), right.shape)
    shares = [_share(right, weight) for weight in (clean, corrupted, clean + corrupted)]
    return PopulationAccuracy(*shares)


def _share(right: NDArray[np.float64], weight: NDArray[np.float64]) -> Reals:
    total = weight.sum(axis=(-2, -1))
    hits = (weight * right).sum(axis=(-2, -1))
    share = np.full_like(total, np.nan)
    np.divide(hits, total, out=share, where=total > 0)
    return plain(share)


def _tie_width(outputs: NDArray[np.float64], C: NDArray[np.float64]) -> NDArray[np.float64]:
    """How near outputs must be to count as equal, as in the accuracy of a run."""
    occurs = (C > 0)[..., None]
    low = np.where(occurs, outputs, np.inf).min(axis=(-3, -2, -1), keepdims=True)
    high = np.where(occurs, outputs, -np.inf).max(axis=(-3, -2, -1), keepdims=True)
    width: NDArray[np.float64] = np.maximum(1e-6 * (high - low), 8 * np.finfo(float).eps)
    return width
