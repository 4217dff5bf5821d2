"""How many rounds noise needs: the gap, the theorem's condition, the least number of rounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook.theory._arrays import Reals, plain
from sdbook.theory.blocks import BlockSpectrum, powers
from sdbook.theory.population import population_accuracy, population_outputs

__all__ = ["gap", "least_rounds", "pair_recovers", "rounds_bound"]


def gap(C: ArrayLike) -> Reals:
    """Return by how much the truth leads the given labels of its class, at worst (Theorem 3).

    Parameters
    ----------
    C : array_like of shape (..., K, K)
        Corruption matrices.

    Returns
    -------
    float or ndarray of shape (...)
        ``min_k (C[k, k] - max_{j != k} C[k, j])``, between -1 and 1. Zero up to rounding is zero.

    Raises
    ------
    ValueError
        If `C` is not row-stochastic.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> round(theory.gap(noise.symmetric(10, 0.7)), 4)
    0.2222
    >>> theory.gap(noise.symmetric(10, 0.9))
    0.0
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    diagonal = np.eye(matrix.shape[-1], dtype=bool)
    own = np.einsum("...kk->...k", matrix)
    least = (own - np.where(diagonal, 0, matrix).max(axis=-1)).min(axis=-1)
    least = np.where(np.abs(least) < 1e-12, 0, least)
    return plain(least)


def pair_recovers(shrinkage: BlockSpectrum, C: ArrayLike, t: ArrayLike) -> NDArray[np.bool_]:
    """Return for which (true, given) pairs the truth has the largest output (Theorem 3).

    After t rounds an instance of true class k with given label j is right if and only if for every
    other class l

        ``(q^t - p^t) (C[k, k] - C[k, l])  >  p^t ([l = j] - [k = j])``,

    that is, if its class leans to the truth by more than its own label leans away. For a wrong
    label, ``l = j``: ``C[k, k] - C[k, j] > 1 / ((q/p)^t - 1)``. Holds under `assumptions` "noise
    stays inside superclasses" and "noise is balanced inside superclasses"; without them compare
    outputs (`recovered`).

    Parameters
    ----------
    shrinkage : BlockSpectrum
        Factors p, q (and r, g, which cancel); numbers or arrays of shape (...).
    C : array_like of shape (..., K, K)
        Corruption matrices.
    t : float or array_like of shape (...)
        Number of rounds, >= 0.

    Returns
    -------
    ndarray of bool, shape (..., K, K)
        False for a tie.

    Raises
    ------
    TypeError, ValueError
        If `C` is not row-stochastic or a number is out of range.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9)
    >>> theory.pair_recovers(shrinkage, noise.symmetric(3, 0.5), t=[1, 2, 3])[:, 0, 1]
    array([False, False,  True])
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    K = matrix.shape[-1]
    p, q, _, _ = powers(shrinkage, t)
    own = np.einsum("...kk->...k", matrix)
    lead = own[..., :, None] - matrix  # [k, l]
    identity = np.eye(K)
    pull = identity[None, :, :] - identity[:, :, None]  # [k, j, l]: [l = j] - [k = j]
    p, q = p[..., None, None, None], q[..., None, None, None]
    margin = (q - p) * lead[..., :, None, :] - p * pull
    # Relative to the largest term, and so for any t; equal up to rounding is a tie.
    others = ~np.eye(K, dtype=bool)[:, None, :]
    right: NDArray[np.bool_] = np.all((margin > 1e-9 * q) | ~others, axis=-1)
    return right


def rounds_bound(shrinkage: BlockSpectrum, C: ArrayLike) -> Reals:
    """Return the number of rounds that noise needs: more than this many (Theorem 3).

    ``log(1 + 1 / gap) / log(q / p)``, where the gap is the least margin by which the true label
    leads in the class means of given labels, ``min_k (C[k, k] - max_{j != k} C[k, j])``. Holds
    for the linearised model under `assumptions`; `least_rounds` needs none.

    Parameters
    ----------
    shrinkage : BlockSpectrum
        From `block_shrinkage`; numbers or arrays of shape (...).
    C : array_like of shape (..., K, K)
        Corruption matrices.

    Returns
    -------
    float or ndarray of shape (...)
        The least whole number of rounds *above* it makes every training instance right. Infinite
        where the gap is zero or negative: no number of rounds helps. Zero without noise.

    Raises
    ------
    ValueError
        If `C` is not row-stochastic, or a shrinkage factor p is not above 0 and below q.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> spectrum = theory.block_eigenvalues(6, 60, n_superclasses=2, c=0.5, d=0.2, e=0.05)
    >>> shrinkage = theory.block_shrinkage(spectrum, ridge=6 * 360 * 3e-4)
    >>> round(theory.rounds_bound(shrinkage, noise.superclass([0, 0, 0, 1, 1, 1], 0.5)), 2)
    2.02
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    p, q, _, _ = powers(shrinkage, 1)
    if not np.all((p > 0) & (p < q)):
        raise ValueError(
            f"shrinkage has p = {shrinkage.instance} and q = {shrinkage.class_}; "
            "accepted are factors with 0 < p < q"
        )
    margin = np.asarray(gap(matrix))
    clean = (np.einsum("...kk->...k", matrix) == 1).all(axis=-1)
    needed = np.log1p(1 / np.where(margin > 0, margin, np.nan))
    bound = np.where(margin > 0, needed, np.inf) / np.log(q / p)
    bound = np.where(clean, 0.0, bound)
    return plain(bound)


def least_rounds(
    shrinkage: BlockSpectrum,
    C: ArrayLike,
    *,
    superclasses: ArrayLike | None = None,
    most: int = 1000,
) -> Reals:
    """Return the least number of rounds after which every instance is right, for any noise.

    Compares the outputs of Theorem 2 round by round, and so needs no assumption on the noise.
    Where the assumptions of Theorem 3 hold it is the first whole number above `rounds_bound`, and
    all later rounds are right as well. Outputs nearer than 1e-6 of their range count as tied, so
    that with very many rounds, when only superclasses are left to see, nobody is right any more:
    `rounds_bound` and `pair_recovers` go on, because they compare without rounding.

    Parameters
    ----------
    shrinkage : BlockSpectrum
        From `block_shrinkage`; numbers or arrays of shape (...).
    C : array_like of shape (..., K, K)
        Corruption matrices.
    superclasses : array_like of int, shape (K,), optional
        The superclass of each class; superclasses of equal size. One superclass by default.
    most : int
        How many rounds to try.

    Returns
    -------
    float or ndarray of shape (...)
        A whole number, 1 or more; infinite where `most` rounds are not enough.

    Raises
    ------
    TypeError, ValueError
        If `C` is not row-stochastic, or an argument is out of range.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> superclasses = [0, 0, 0, 1, 1, 1]
    >>> spectrum = theory.block_eigenvalues(6, 60, n_superclasses=2, c=0.5, d=0.2, e=0.05)
    >>> shrinkage = theory.block_shrinkage(spectrum, ridge=6 * 360 * 3e-4)
    >>> C = noise.superclass(superclasses, 0.5)
    >>> theory.least_rounds(shrinkage, C, superclasses=superclasses)
    3.0
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    most = _validate.count("most", most)
    K = matrix.shape[-1]
    lead = np.broadcast_shapes(*map(np.shape, shrinkage), matrix.shape[:-2])
    matrices = np.broadcast_to(matrix, (*lead, K, K)).reshape(-1, K, K)
    factors = np.array([np.broadcast_to(factor, lead).ravel() for factor in shrinkage])
    # All factors times the same number change no argmax. With one at 1, outputs never get so near
    # to uniform that rounding hides what is left.
    factors /= np.maximum(factors.max(axis=0), np.finfo(float).tiny)
    least = np.full(len(matrices), np.inf)
    waiting = np.arange(len(matrices))
    for t in range(1, most + 1):
        still = BlockSpectrum(*(factor[waiting] for factor in factors))
        outputs = population_outputs(still, matrices[waiting], t, superclasses=superclasses)
        done = np.asarray(population_accuracy(outputs, matrices[waiting]).all) > 1 - 1e-9
        least[waiting[done]] = t
        waiting = waiting[~done]
        if not waiting.size:
            break
    return plain(least.reshape(lead))
