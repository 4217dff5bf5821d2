"""Choosing a configuration by its held-out scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

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
    keys = []
    for name, numbers, least in (("rounds", rounds, 1), ("lams", lams, 0)):
        key = _validate.reals(name, 1 if numbers is None else numbers, least, open_low=least == 0)
        try:
            keys.append(np.broadcast_to(key, values.shape))
        except ValueError:
            raise ValueError(
                f"{name} must have a shape that broadcasts to that of scores, {values.shape}, got "
                f"{key.shape}."
            ) from None
    fewest, largest = keys
    tied = map(tuple, np.argwhere(values >= values.max() - ROUNDING).tolist())
    return min(tied, key=lambda index: (fewest[index], -largest[index], index))
