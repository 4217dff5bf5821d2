"""The partial-label student: taught the teacher's k best guesses with equal weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook.refine import one_or_two, top_k
from sdbook.theory._arrays import Floats, corruption, of_pairs
from sdbook.theory.blocks import BlockSpectrum
from sdbook.theory.population import population_accuracy, population_outputs

__all__ = [
    "candidates",
    "one_or_two_outputs",
    "partial_label_outputs",
    "partial_label_recovers",
]


def candidates(outputs: ArrayLike, C: ArrayLike, k: int = 2) -> Floats:
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
    refinement = top_k(k)
    values = _of_pairs_that_occur(outputs, C)
    return np.stack([refinement(table) for table in _tables(values)]).reshape(values.shape)


def partial_label_outputs(
    shrinkage: BlockSpectrum,
    C: ArrayLike,
    k: int = 2,
    *,
    superclasses: ArrayLike | None = None,
) -> Floats:
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

    It does if and only if the truth is strictly ahead in the student's outputs of every (true,
    given) pair that occurs: part (c) of the theorem. The outputs are compared as they are, with the
    superclass and global means that the candidate sets really have: no balance is assumed.

    Where candidate sets hold the truth, stay inside superclasses and are balanced there, which
    `assumptions` can check, this comes to ``F_k(l) < 1`` for all ``l != k``: no other class is in
    all sets of a class. Elsewhere that is not enough. Where most classes share their second
    candidate, its superclass and global means are above those of the truth. They count against the
    truth by ``r - q`` and ``g - r``, and even a little even noise fails.

    Parameters
    ----------
    shrinkage, C, superclasses
        As in `partial_label_outputs`.
    k : int
        Number of candidates, 2 to K. (With one, the student is taught decisions and no sets.)

    Returns
    -------
    ndarray of bool, shape (...)
        False also for a tie of the student's outputs, as `recovered` counts ties. A tie among the
        teacher's outputs is settled by the order of classes, as in `candidates`.

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

    Even noise: class 0 is everybody's second candidate, and many wrong labels are easier than few.

    >>> shrinkage = theory.BlockSpectrum(0.083, 0.664, 0.664, 0.884)
    >>> C = [noise.symmetric(5, rate) for rate in (0.02, 0.1, 0.2, 0.3, 0.4)]
    >>> theory.partial_label_recovers(shrinkage, C)
    array([False, False, False,  True,  True])
    """
    k = _validate.count("k", k, 2)
    outputs = partial_label_outputs(shrinkage, C, k, superclasses=superclasses)
    # Within rounding, as in `least_rounds`: an entry of C that should be 0 may be 1e-17.
    return np.asarray(np.greater(population_accuracy(outputs, C).all, 1 - 1e-9))


def one_or_two_outputs(
    shrinkage: BlockSpectrum, C: ArrayLike, *, superclasses: ArrayLike | None = None
) -> Floats:
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
    margins = np.broadcast_to(shrinkage.instance, values.shape[:-3]).ravel()
    sets = [one_or_two(p)(table) for p, table in zip(margins, _tables(values), strict=True)]
    targets = np.stack(sets).reshape(values.shape)
    return population_outputs(shrinkage, C, superclasses=superclasses, targets=targets)


def _of_pairs_that_occur(outputs: ArrayLike, C: ArrayLike) -> Floats:
    """Replace what never occurs, lest it decide how near two outputs are to count as equal."""
    matrix, K = corruption(C)
    return np.where((matrix > 0)[..., None], of_pairs("outputs", outputs, K), 1 / K)


def _tables(values: Floats) -> Floats:
    """View (..., K, K, K) as a sequence of outputs (K K, K), one for each matrix."""
    K = values.shape[-1]
    return values.reshape(-1, K * K, K)
