"""How many rounds noise needs: the gap, the bound, and the least number of rounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook.theory._arrays import Reals, corruption, plain
from sdbook.theory.blocks import BlockSpectrum, powers
from sdbook.theory.population import population_accuracy, population_outputs

__all__ = ["gap", "least_rounds", "rounds_bound"]


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
    matrix, K = corruption(C)
    own = np.einsum("...kk->...k", matrix)
    least = (own - np.where(np.eye(K), 0, matrix).max(axis=-1)).min(axis=-1)
    return plain(np.where(np.abs(least) < 1e-12, 0, least))


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
    TypeError, ValueError
        If `C` is not row-stochastic, or not ``0 < p < q``, or a factor is above 1.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> spectrum = theory.block_eigenvalues(6, 60, n_superclasses=2, c=0.5, d=0.2, e=0.05)
    >>> shrinkage = theory.block_shrinkage(spectrum, ridge=6 * 360 * 3e-4)
    >>> round(theory.rounds_bound(shrinkage, noise.superclass([0, 0, 0, 1, 1, 1], 0.5)), 2)
    2.02
    """
    matrix, _ = corruption(C)
    p, q, _, _ = powers(shrinkage, 1)
    if not np.all((p > 0) & (p < q)):
        raise ValueError(
            "shrinkage must have factors 0 < p < q, "
            f"got p = {shrinkage.instance} and q = {shrinkage.class_}."
        )
    margin = np.asarray(gap(matrix))
    clean = (np.einsum("...kk->...k", matrix) == 1).all(axis=-1)
    needed = np.log1p(1 / np.where(margin > 0, margin, np.nan))
    bound = np.where(margin > 0, needed, np.inf) / np.log(q / p)
    return plain(np.where(clean, 0.0, bound))


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
    `rounds_bound` goes on, because it compares without rounding.

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
    matrix, K = corruption(C)
    most = _validate.count("most", most)
    lead = np.broadcast_shapes(*map(np.shape, shrinkage), matrix.shape[:-2])
    matrices = np.broadcast_to(matrix, (*lead, K, K)).reshape(-1, K, K)
    factors = np.array([np.broadcast_to(factor, lead).ravel() for factor in shrinkage])
    # All factors times the same number change no argmax. With one at 1, outputs never get so near
    # to uniform that rounding hides what is left.
    factors /= np.maximum(factors.max(axis=0), np.finfo(float).tiny)
    least = np.full(len(matrices), np.inf)
    waiting = np.arange(len(matrices))
    for t in range(1, most + 1):
        still = BlockSpectrum(*factors[:, waiting])
        outputs = population_outputs(still, matrices[waiting], t, superclasses=superclasses)
        done = np.asarray(population_accuracy(outputs, matrices[waiting]).all) > 1 - 1e-9
        least[waiting[done]] = t
        waiting = waiting[~done]
        if not waiting.size:
            break
    return plain(least.reshape(lead))
