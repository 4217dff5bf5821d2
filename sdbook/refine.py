"""Refinements: functions that turn the outputs of one round into the targets of the next.

Any function from outputs (N, K) to targets (N, K) whose rows sum to one will do. It may work in
place: it gets a copy of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import is_array_api_obj

from sdbook import _validate
from sdbook._validate import Array

__all__ = ["Refinement", "as_is", "hard", "one_or_two", "top_k"]

Refinement = Callable[[Array], Array]


def as_is(outputs: Array) -> Array:
    """Teach the teacher's outputs unchanged: self-distillation.

    Parameters
    ----------
    outputs : array of shape (N, K)

    Returns
    -------
    array of shape (N, K)
        The same array.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import refine
    >>> refine.as_is(np.array([[0.5, 0.3, 0.2]]))
    array([[0.5, 0.3, 0.2]])
    """
    return outputs


def hard(outputs: Array) -> Array:
    """Teach the most likely class alone: hard labels, as in pseudo-labelling.

    Parameters
    ----------
    outputs : array of shape (N, K)

    Returns
    -------
    array of shape (N, K)
        1 at the largest output of each row, as by ``top_k(1)``.

    Raises
    ------
    TypeError, ValueError
        If `outputs` is not a finite floating matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import refine
    >>> refine.hard(np.array([[0.5, 0.3, 0.2]]))
    array([[1., 0., 0.]])
    """
    return _TopK(1)(outputs)


def top_k(k: int = 2) -> Refinement:
    """Teach the k most likely classes with equal weights: partial-label learning.

    Parameters
    ----------
    k : int
        Number of candidates, 1 to K.

    Returns
    -------
    callable
        From outputs (N, K) to targets (N, K), ``1/k`` at the k largest outputs of each row.
        Outputs that equal the k-th largest up to rounding (1e-6 of their range in float64)
        are taken in the order of their class, so that rounding errors decide nothing.

    Raises
    ------
    TypeError, ValueError
        If `k` is not a whole number of at least 1, or (when called) larger than K.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import refine
    >>> refine.top_k(2)(np.array([[0.5, 0.3, 0.2], [0.1, 0.4, 0.5]]))
    array([[0.5, 0.5, 0. ],
           [0. , 0.5, 0.5]])
    """
    return _TopK(_validate.count("k", k))


@dataclass(frozen=True)
class _TopK:
    """What `top_k` returns: refinements can be compared, pickled and sent to other computers."""

    k: int

    def __repr__(self) -> str:
        return f"top_k({self.k})"

    def __call__(self, outputs: Array) -> Array:
        _validate.matrix("outputs", outputs, "classes")
        classes = outputs.shape[1]
        if self.k > classes:
            raise ValueError(f"k must be <= the number of classes, {classes}, got {self.k}.")
        xp = _validate.namespace("outputs", outputs)
        width = _validate.tie_width(outputs)
        least = xp.sort(outputs, axis=1, descending=True)[:, self.k - 1 : self.k]
        above = outputs > least + width
        tied = (outputs >= least - width) & ~above
        # What is tied with the last candidate fills the places that are left, lower classes first.
        places = self.k - xp.sum(above, axis=1, keepdims=True)
        filled = tied & (xp.cumulative_sum(xp.astype(tied, xp.int64), axis=1) <= places)
        return xp.astype(above | filled, outputs.dtype) / self.k


def one_or_two(margin: float) -> Refinement:
    """Teach the largest output alone where it leads by enough, and the two largest elsewhere.

    Two candidates for everybody can be the same two for a whole class, and then say nothing.
    Instances that are sure keep one, and so break the tie (chapter 10).

    Parameters
    ----------
    margin : float
        By how much the largest output must exceed the second to stand alone, >= 0. In the block
        model the right number is p, what a round leaves of an own label.

    Returns
    -------
    callable
        From outputs (N, K) to targets (N, K): 1 at the largest output of a row that leads by more
        than `margin`, up to rounding, else ``1/2`` at the two that `top_k` takes.

    Raises
    ------
    TypeError, ValueError
        If `margin` is not a number of at least 0, or (when called) K is 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import refine
    >>> refine.one_or_two(0.3)(np.array([[0.7, 0.2, 0.1], [0.1, 0.4, 0.5]]))
    array([[1. , 0. , 0. ],
           [0. , 0.5, 0.5]])
    """
    return _OneOrTwo(_validate.real("margin", margin, 0))


@dataclass(frozen=True)
class _OneOrTwo:
    """What `one_or_two` returns."""

    margin: float

    def __repr__(self) -> str:
        return f"one_or_two({self.margin:g})"

    def __call__(self, outputs: Array) -> Array:
        targets = _TopK(2)(outputs)
        xp = _validate.namespace("outputs", outputs)
        ordered = xp.sort(outputs, axis=1, descending=True)
        sure = ordered[:, :1] - ordered[:, 1:2] > self.margin + _validate.tie_width(outputs)
        return xp.where(sure, _TopK(1)(outputs), targets)


def refined(refinement: Refinement, outputs: Array) -> Array:
    """Return what a refinement makes of outputs, in an array that only the caller has.

    The refinement gets a copy of the outputs, and what it returns is copied: so it may change what
    it gets, keep it, and return the same array each time. Only `as_is`, which does none of this,
    hands on the outputs themselves. What comes back is not checked.
    """
    if refinement is as_is:
        return outputs
    returned = refinement(_copy(outputs))
    return _copy(returned) if is_array_api_obj(returned) else returned


def _copy(array: Array) -> Array:
    return _validate.namespace("outputs", array).asarray(array, copy=True)
