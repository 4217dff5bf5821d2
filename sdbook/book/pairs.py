"""The conditions of two theorems, (true, given) pair by pair (chapters 9 and 10)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import theory
from sdbook.theory._arrays import Floats, corruption, of_pairs

__all__ = ["candidate_shares", "pair_recovers"]


def candidate_shares(C: ArrayLike, targets: ArrayLike) -> Floats:
    """Return in how many candidate sets each class is, F_k(l) of Theorem 4.

    Parameters
    ----------
    C : array_like of shape (..., K, K)
        Corruption matrices.
    targets : array_like of shape (..., K, K, K)
        Candidate sets, from `sdbook.theory.candidates`.

    Returns
    -------
    ndarray of shape (..., K, K)
        Entry ``[k, l]`` is the share of class k that has l among its candidates. Rows sum to the
        number of candidates.

    Raises
    ------
    ValueError
        If shapes do not fit or `C` is not row-stochastic.

    Examples
    --------
    Pair flips: everybody has the same two candidates, which say nothing.

    >>> from sdbook import noise, theory
    >>> from sdbook.book.pairs import candidate_shares
    >>> C = noise.pair_flip(3, 0.4)
    >>> teacher = theory.population_outputs(theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9), C)
    >>> candidate_shares(C, theory.candidates(teacher, C))
    array([[1., 1., 0.],
           [0., 1., 1.],
           [1., 0., 1.]])
    """
    matrix, K = corruption(C)
    sets = of_pairs("targets", targets, K)
    return np.einsum("...kj,...kjl->...kl", matrix, (sets > 0).astype(float))


def pair_recovers(shrinkage: theory.BlockSpectrum, C: ArrayLike, t: ArrayLike) -> NDArray[np.bool_]:
    """Return for which (true, given) pairs the truth has the largest output (Theorem 3).

    After t rounds an instance of true class k with given label j is right if and only if for every
    other class l

        ``(q^t - p^t) (C[k, k] - C[k, l])  >  p^t ([l = j] - [k = j])``,

    that is, if its class leans to the truth by more than its own label leans away. For a wrong
    label, ``l = j``: ``C[k, k] - C[k, j] > 1 / ((q/p)^t - 1)``. This holds where noise stays inside
    superclasses and is balanced there (`sdbook.theory.assumptions`). Without that, compare outputs
    (`sdbook.theory.recovered`).

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
    >>> from sdbook.book.pairs import pair_recovers
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9)
    >>> pair_recovers(shrinkage, noise.symmetric(3, 0.5), t=[1, 2, 3])[:, 0, 1]
    array([False, False,  True])
    """
    matrix, K = corruption(C)
    weights = theory.block_weights(shrinkage, t)
    p, class_ = (np.asarray(w)[..., None, None, None] for w in (weights.own, weights.class_))
    identity = np.eye(K)
    lead = np.einsum("...kk->...k", matrix)[..., None] - matrix  # [k, l]
    pull = identity - identity[:, :, None]  # [k, j, l]: [l = j] - [k = j]
    margin = class_ * lead[..., :, None, :] - p * pull
    # Relative to the largest term, and so for any t; equal up to rounding is a tie.
    itself = identity.astype(bool)[:, None, :]  # l = k
    return np.asarray(np.all((margin > 1e-9 * (class_ + p)) | itself, axis=-1))
