"""Chapter 14: check an accuracy that was inferred from wrong labels."""

from __future__ import annotations

import numpy as np

from sdbook.book.checks._answers import NOTHING, Answerer, ask, numbers

__all__ = ["inferred_accuracy"]


def inferred_accuracy(function: Answerer) -> str:
    """Check an accuracy and its standard error, inferred from held-out given labels.

    Parameters
    ----------
    function : callable
        From the share of held-out given labels that was predicted, the rate of symmetric noise,
        the number of classes and the number of held-out labels to (accuracy, standard error).

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
    >>> checks.inferred_accuracy(lambda seen, rate, n_classes, n_held_out: (seen / (1 - rate), 0))
    '1 − η is what a perfect classifier finds, but nobody starts at zero.'
    """
    seen, rate, K, held_out = 0.26, 0.7, 10, 240
    answer = ask(function, seen, rate, K, held_out)
    if answer is None:
        return NOTHING
    pair = numbers(answer)
    if pair is None or pair.shape != (2,):
        return "Return two numbers: the accuracy, and its standard error."
    found, error = pair
    floor = rate / (K - 1)
    slope, spread = 1 - rate - floor, np.sqrt(seen * (1 - seen) / held_out)
    if np.isclose(found, seen / slope):
        return "You forgot what wrong answers find: subtract η/(K − 1) first."
    if np.isclose(found, (seen - rate / K) / (1 - rate - rate / K)):
        return "There are K − 1 wrong classes, not K."
    if np.isclose(found, seen / (1 - rate)):
        return "1 − η is what a perfect classifier finds, but nobody starts at zero."
    if not np.isclose(found, (seen - floor) / slope):
        return (
            f"For 26% of 240, ten classes and 70% wrong the accuracy is not {found:.3f}. "
            "Solve the line for a."
        )
    if np.isclose(error, spread):
        return "The accuracy is right. Its error is that of the share, divided by the slope."
    if np.isclose(error, spread**2 / slope) or np.isclose(error, spread**2 / slope**2):
        return "The accuracy is right. You returned a variance: take the root."
    if not np.isclose(error, spread / slope):
        return f"The accuracy is right; the standard error is not {error:.3f}."
    return "Right."
