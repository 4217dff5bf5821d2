"""Choosing a configuration by its held-out scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate

__all__ = ["ROUNDING", "select_best"]

ROUNDING = 1e-12
"""How far means of scores that are equal may be apart."""


def select_best(
    scores: ArrayLike, *, lams: ArrayLike | None = None, rounds: ArrayLike | None = None
) -> tuple[int, ...]:
    """Return the index of the configuration with the best score, and of tied ones the simplest.

    Held-out scores are counts of few labels, so that ties are common. Scores that differ by at
    most 1e-12, which is what the order of a sum can change, are tied. Of tied configurations, the
    one with the fewest rounds is taken, because each round is one more model to train. Of those,
    the one with the largest lambda, which penalises parameters most. Of those, the first.

    Parameters
    ----------
    scores : array_like of any shape
        A score for each configuration, the larger the better.
    lams : array_like, optional
        L2 strength of each configuration, > 0, of a shape that broadcasts to that of `scores`.
        Without it, lambda decides no tie.
    rounds : array_like, optional
        The same for the number of rounds, >= 1.

    Returns
    -------
    tuple of int
        An index into `scores`, one entry for each of its axes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or there are no scores or one is not finite.

    Examples
    --------
    Two values of lambda (rows), each with one and two rounds:

    >>> from sdbook.estimator import select_best
    >>> select_best([[0.7, 0.8], [0.8, 0.6]], lams=[[1e-3], [1e-2]], rounds=[1, 2])
    (1, 0)
    >>> select_best([0.7, 0.8, 0.8, 0.6], lams=[1e-4, 1e-3, 1e-2, 1e-1])
    (2,)
    """
    values = _validate.reals("scores", scores)
    if values.size == 0:
        raise ValueError(f"scores must have at least one entry, got shape {values.shape}.")
    strength = _like("lams", lams, values, least=0, open_low=True)
    length = _like("rounds", rounds, values, least=1)
    tied = map(tuple, np.argwhere(values >= values.max() - ROUNDING).tolist())
    return min(tied, key=lambda index: (length[index], -strength[index], index))


def _like(
    name: str, values: Any, scores: NDArray[np.float64], *, least: float, open_low: bool = False
) -> NDArray[np.float64]:
    """Return a number for each score; all the same where none are given."""
    if values is None:
        return np.ones_like(scores)
    numbers = _validate.reals(name, values, least, open_low=open_low)
    try:
        return np.broadcast_to(numbers, scores.shape)
    except ValueError:
        raise ValueError(
            f"{name} must have a shape that broadcasts to that of scores, {scores.shape}, "
            f"got {numbers.shape}."
        ) from None
