"""Chapter 9: check the least number of rounds that noise needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook import noise
from sdbook.book.checks._answers import Answerer, ask, is_number, read

__all__ = ["least_rounds"]


def _known(C: NDArray[Any], log_ratio: float) -> list[tuple[float, str]]:
    """The right number of rounds and those of the usual slips, each with what is to be said."""
    own = np.diag(C)
    leads = own - np.where(np.eye(len(C), dtype=bool), 0, C).max(axis=1)

    def rounds(gap: float, plus: float = 1) -> float:
        return np.inf if gap <= 1e-12 else np.floor(np.log(plus + 1 / gap) / log_ratio) + 1

    return [
        (rounds(leads.min()), ""),
        (rounds(leads.min(), plus=0), "You took log(1/gap). Where is the 1 +?"),
        (rounds(leads.mean()), "You averaged the gap over the classes; the worst class decides."),
        (rounds(leads.max()), "You took the best class; the worst decides."),
        (
            rounds(own.min()),
            "You took the share of right labels for the gap; subtract the strongest rival.",
        ),
        (
            rounds(2 * own.min() - 1),
            "You subtracted the sum of all rivals; only the strongest counts.",
        ),
    ]


def least_rounds(function: Answerer) -> str:
    """Check the least number of rounds after which everything is right.

    Parameters
    ----------
    function : callable
        From p, q and the corruption matrix (K, K) to a whole number, or infinity if no number of
        rounds is enough.

    Returns
    -------
    str
        "Right.", or what is wrong.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> from sdbook.book import checks
    >>> checks.least_rounds(lambda p, q, C: 2)
    'Without noise the teacher is enough: 1, and not 2.'
    """
    even = noise.symmetric(3, 0.5)
    uneven = noise.corruption_matrix([[0.9, 0.1, 0], [0, 0.6, 0.4], [0.1, 0.3, 0.6]])
    _, complaint = read(ask(function, 0.4, 0.8, even), (), "one number is wanted")
    if complaint:
        return complaint
    if not is_number(answer := ask(function, 0.4, 0.8, np.eye(3)), 1):
        return f"Without noise the teacher is enough: 1, and not {answer}."
    if not is_number(ask(function, 0.4, 0.8, noise.pair_flip(3, 0.6)), np.inf):
        return "With pair flips of 60% the gap is negative: no number of rounds is enough."
    for C in (even, uneven):
        answer = ask(function, 0.7, 0.8, C)
        (right, _), *slips = _known(C, np.log(0.8 / 0.7))
        if not is_number(answer, right):
            said = [sentence for number, sentence in slips if is_number(answer, number)]
            return said[0] if said else f"Not yet: {right:.0f} rounds, and you say {answer}."
    # Here 1 + 1 / gap is 4, so with q / p = 2 the bound is 2 exactly.
    if not is_number(ask(function, 0.4, 0.8, noise.superclass([0, 0], 1 / 3)), 3):
        return (
            "Where the bound is a whole number, here 2, equality is a tie: you need strictly more."
        )
    return "Right."
