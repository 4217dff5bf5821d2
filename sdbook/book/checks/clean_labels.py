"""Chapter 8: check the filter that many weak rounds approach."""

from __future__ import annotations

import numpy as np

from sdbook.book.checks._answers import Answerer, ask, read, recognise

__all__ = ["limit_filter"]


def limit_filter(function: Answerer) -> str:
    """Check the filter of t rounds at ridge c / t, for large t.

    Parameters
    ----------
    function : callable
        From eigenvalues (an array) and c to the share that is kept of each.

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
    >>> print(checks.limit_filter(lambda s, c: s / (c + s)))
    That is one round at ridge c. Rounds are steeper: see how small it must get at s = 0.1.
    """
    s, c, t = np.geomspace(0.1, 100, 40), 3.0, 1e6
    form = f"one share for each eigenvalue is {s.shape}"
    answer, complaint = read(ask(function, s, c), s.shape, form)
    if complaint:
        return complaint
    known = [
        (
            s / (c + s),
            "That is one round at ridge c. Rounds are steeper: see how small it must get at "
            "s = 0.1.",
        ),
        (
            1 - np.exp(-s / c),
            "That is what gradient descent from zero keeps, with the roles turned round. Take the "
            "logarithm of (s / (a + s))^t.",
        ),
    ]
    if sentence := recognise(answer, known):
        return sentence
    error = abs(answer - (s / (c / t + s)) ** t).max()
    return "Right." if error < 1e-4 else f"Not yet: off by up to {error:.2g}."
