"""Population accuracy: the outputs of every (true, given) pair, and who is right.

With many instances the mean of the given labels of class k is row k of the corruption matrix C, and
what an instance gets depends only on its true and its given label: K^2 kinds of instances. The same
is exact for a finite sample if C is *its* table of shares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook.theory._arrays import Floats, Reals, corruption, of_pairs, plain
from sdbook.theory.blocks import BlockSpectrum, block_weights, shared_part

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
) -> Floats:
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
    MemoryError
        If the outputs do not fit into the memory that is free.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9)
    >>> outputs = theory.population_outputs(shrinkage, noise.symmetric(3, 0.5))
    >>> outputs[0, 1].round(3)  # a 0 that is called 1: the teacher believes the label
    array([0.233, 0.633, 0.133])
    """
    matrix, K = corruption(C)
    weights = block_weights(shrinkage, t)
    own = np.eye(K)[None] if targets is None else of_pairs("targets", targets, K)
    class_means = matrix if targets is None else np.einsum("...kj,...kjl->...kl", matrix, own)
    lead = np.broadcast_shapes(*map(np.shape, weights), class_means.shape[:-2])
    _validate.memory("the outputs of all pairs", int(np.prod(lead)) * K**3, 3 * 8)
    shared = shared_part(weights, class_means, superclasses)
    return np.asarray(weights.own)[..., None, None, None] * own + shared[..., None, :]


def recovered(outputs: ArrayLike, C: ArrayLike) -> Floats:
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
    matrix, K = corruption(C)
    values = of_pairs("outputs", outputs, K)
    occurs = (matrix > 0)[..., None]
    low = np.where(occurs, values, np.inf).min(axis=(-3, -2, -1), keepdims=True)
    high = np.where(occurs, values, -np.inf).max(axis=(-3, -2, -1), keepdims=True)
    # How near outputs must be to count as equal, as in the accuracy of a run.
    width = np.maximum(1e-6 * (high - low), 8 * np.finfo(float).eps)
    best = values >= values.max(axis=-1, keepdims=True) - width
    own = np.einsum("...kjk->...kj", best)
    return np.asarray(own / best.sum(axis=-1))


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
    matrix, K = corruption(C)
    right = recovered(outputs, matrix)
    kinds = (np.eye(K), 1 - np.eye(K), np.ones((K, K)))
    return PopulationAccuracy(*(_share(right, matrix * kind) for kind in kinds))


def _share(right: Floats, weight: Floats) -> Reals:
    """Return the mean of `right` by weight; NaN where there is no weight."""
    weight = np.broadcast_to(weight, right.shape)
    total = weight.sum(axis=(-2, -1))
    share = np.full_like(total, np.nan)
    np.divide((weight * right).sum(axis=(-2, -1)), total, out=share, where=total > 0)
    return plain(share)
