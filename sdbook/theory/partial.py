"""The partial-label student: taught the teacher's k best guesses with equal weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook.refine import one_or_two, top_k
from sdbook.theory._arrays import of_pairs
from sdbook.theory.blocks import BlockSpectrum
from sdbook.theory.population import population_outputs

__all__ = [
    "candidate_shares",
    "candidates",
    "one_or_two_outputs",
    "partial_label_outputs",
    "partial_label_recovers",
]


def candidates(outputs: ArrayLike, C: ArrayLike, k: int = 2) -> NDArray[np.float64]:
    """Return the candidate sets that a partial-label student is taught.

    Parameters
    ----------
    outputs : array_like of shape (..., K, K, K)
        Of the teacher, from `population_outputs`.
    C : array_like of shape (..., K, K)
        Corruption matrices, which say what pairs occur.
    k : int
        Number of candidates, 1 to K.

    Returns
    -------
    ndarray of shape (..., K, K, K)
        Entry ``[k, j, l]`` is ``1/k`` if l is a candidate of an instance with true class k and
        given label j, else 0. What is tied is taken in the order of classes, as by
        `sdbook.refine.top_k`. Where a pair never occurs, the first k classes.

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, `C` is not row-stochastic, or `k` is out of range.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> C = noise.symmetric(3, 0.5)
    >>> teacher = theory.population_outputs(theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9), C)
    >>> theory.candidates(teacher, C)[0]
    array([[0.5, 0.5, 0. ],
           [0.5, 0.5, 0. ],
           [0.5, 0. , 0.5]])
    """
    values = _of_pairs_that_occur(outputs, C)
    refinement = top_k(k)
    return np.stack([refinement(table) for table in _tables(values)]).reshape(values.shape)


def candidate_shares(C: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """Return in how many candidate sets each class is, F_k(l) of Theorem 4.

    Parameters
    ----------
    C : array_like of shape (..., K, K)
        Corruption matrices.
    targets : array_like of shape (..., K, K, K)
        Candidate sets, from `candidates`.

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
    >>> C = noise.pair_flip(3, 0.4)
    >>> teacher = theory.population_outputs(theory.BlockSpectrum(0.5, 0.9, 0.9, 0.9), C)
    >>> theory.candidate_shares(C, theory.candidates(teacher, C))
    array([[1., 1., 0.],
           [0., 1., 1.],
           [1., 0., 1.]])
    """
    matrix = _validate.row_stochastic("C", C, stack=True)
    K = matrix.shape[-1]
    sets = of_pairs("targets", targets, K)
    return np.einsum("...kj,...kjl->...kl", matrix, (sets > 0).astype(float))


def partial_label_outputs(
    shrinkage: BlockSpectrum,
    C: ArrayLike,
    k: int = 2,
    *,
    superclasses: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the outputs of one student that is taught its teacher's top k (Theorem 4).

    Parameters
    ----------
    shrinkage : BlockSpectrum
        Factors p, q, r, g; numbers or arrays of shape (...).
    C : array_like of shape (..., K, K)
        Corruption matrices.
    k : int
        Number of candidates, 1 to K.
    superclasses : array_like of int, shape (K,), optional
        The superclass of each class; superclasses of equal size. One superclass by default.

    Returns
    -------
    ndarray of shape (..., K, K, K)
        As from `population_outputs`.

    Raises
    ------
    TypeError, ValueError
        If `C` is not row-stochastic, or an argument is out of range or of the wrong shape.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> C = noise.symmetric(4, 0.6)
    >>> shrinkage = theory.BlockSpectrum(0.7, 0.9, 0.9, 0.9)
    >>> teacher = theory.population_outputs(shrinkage, C)
    >>> student = theory.partial_label_outputs(shrinkage, C)
    >>> [round(theory.population_accuracy(round_, C).all, 2) for round_ in (teacher, student)]
    [0.4, 1.0]
    """
    teacher = population_outputs(shrinkage, C, superclasses=superclasses)
    sets = candidates(teacher, C, k)
    return population_outputs(shrinkage, C, superclasses=superclasses, targets=sets)


def partial_label_recovers(
    shrinkage: BlockSpectrum,
    C: ArrayLike,
    k: int = 2,
    *,
    superclasses: ArrayLike | None = None,
) -> NDArray[np.bool_]:
    """Return whether one partial-label student gets every instance right (Theorem 4).

    It does if and only if the truth is in every candidate set, and no other class is in all those
    of a class: ``F_k(k) = 1`` and ``F_k(l) < 1`` for all ``l != k``. The factors matter, because
    they decide who is a candidate: where q/p is large everybody's second candidate is the most
    frequent wrong label of the class. Holds where the candidate sets
    stay inside superclasses and are balanced there, which `assumptions` can check; without that
    compare outputs (`partial_label_outputs`).

    Parameters
    ----------
    shrinkage, C, superclasses
        As in `partial_label_outputs`.
    k : int
        Number of candidates, 2 to K. (A student that is taught a single class can also correct
        what its teacher got wrong.)

    Returns
    -------
    ndarray of bool, shape (...)

    Raises
    ------
    TypeError, ValueError
        As `partial_label_outputs`, and if `k` is 1.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> shrinkage = theory.BlockSpectrum(0.7, 0.9, 0.9, 0.9)
    >>> bool(theory.partial_label_recovers(shrinkage, noise.symmetric(4, 0.6)))
    True
    >>> bool(theory.partial_label_recovers(shrinkage, noise.pair_flip(4, 0.4)))
    False
    """
    k = _validate.count("k", k, 2)
    teacher = population_outputs(shrinkage, C, superclasses=superclasses)
    shares = candidate_shares(C, candidates(teacher, C, k))
    certain = shares > 1 - 1e-12
    wanted = np.eye(shares.shape[-1], dtype=bool)
    return np.asarray((certain == wanted).all(axis=(-2, -1)))


def one_or_two_outputs(
    shrinkage: BlockSpectrum, C: ArrayLike, *, superclasses: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the outputs of a student whose sets hold one class where its teacher is sure.

    An instance keeps its teacher's largest output alone where this leads by more than p, the own
    label's share, and the two largest elsewhere (`sdbook.refine.one_or_two`). Where the noise stays
    inside superclasses and noise and mean targets are balanced there, every instance is right as
    soon as the gap is above zero, whatever the factors (corollary to Theorem 4, chapter 10).

    Parameters
    ----------
    shrinkage, C, superclasses
        As in `partial_label_outputs`.

    Returns
    -------
    ndarray of shape (..., K, K, K)
        As from `population_outputs`.

    Raises
    ------
    TypeError, ValueError
        As `partial_label_outputs`.

    Examples
    --------
    Pair flips, where two candidates for everybody are a coin.

    >>> from sdbook import noise, theory
    >>> shrinkage, C = theory.BlockSpectrum(0.7, 0.9, 0.9, 0.9), noise.pair_flip(4, 0.4)
    >>> students = (theory.partial_label_outputs, theory.one_or_two_outputs)
    >>> [theory.population_accuracy(student(shrinkage, C), C).all for student in students]
    [0.5, 1.0]
    """
    teacher = population_outputs(shrinkage, C, superclasses=superclasses)
    values = _of_pairs_that_occur(teacher, C)
    leads = np.broadcast_to(shrinkage.instance, values.shape[:-3]).ravel()
    sets = [one_or_two(lead)(table) for lead, table in zip(leads, _tables(values), strict=True)]
    targets = np.stack(sets).reshape(values.shape)
    return population_outputs(shrinkage, C, superclasses=superclasses, targets=targets)


def _of_pairs_that_occur(outputs: ArrayLike, C: ArrayLike) -> NDArray[np.float64]:
    """Replace what never occurs, lest it decide how near two outputs are to count as equal."""
    matrix = _validate.row_stochastic("C", C, stack=True)
    K = matrix.shape[-1]
    values = of_pairs("outputs", outputs, K)
    return np.where((matrix > 0)[..., None], values, 1 / K)


def _tables(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """View (..., K, K, K) as a sequence of outputs (K K, K), one for each matrix."""
    K = values.shape[-1]
    return values.reshape(-1, K * K, K)
