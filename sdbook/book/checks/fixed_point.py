"""Chapter 4: check a solver of the fixed-point equation in its smallest case."""

from __future__ import annotations

from scipy.special import expit

from sdbook.book.checks._answers import Answerer, ask, read

__all__ = ["smallest_case"]


def smallest_case(function: Answerer) -> str:
    """Check a solver of ``y = 1 / (1 + exp(-2 (1 - y) / lam))``.

    Parameters
    ----------
    function : callable
        From lambda to y.

    Returns
    -------
    str
        Whether both sides agree for three lambda, and if not, for which they do not.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> from sdbook.book import checks
    >>> checks.smallest_case(lambda lam: 0.5)
    'λ = 0.05: 0.500 is not 1.000.'
    """
    for lam in (0.05, 0.5, 5):
        y, complaint = read(ask(function, lam), (), "one number is wanted")
        if complaint:
            return complaint
        right = expit(2 * (1 - y) / lam)
        if not abs(y - right) <= 1e-9:  # so that NaN is wrong
            return f"λ = {lam:g}: {y:.3f} is not {right:.3f}."
    return "The two sides agree for each λ."
