"""Chapter 13: check how well luck finds superclasses."""

from __future__ import annotations

from functools import cache
from typing import Any

from numpy.typing import NDArray

from sdbook import datasets, noise
from sdbook.book.checks._answers import Answerer, ask, read

__all__ = ["index_by_luck"]


@cache
def _superclasses() -> tuple[NDArray[Any], NDArray[Any]]:
    """Superclasses of kinds of things: the dictionary's, and those found from features."""
    words = datasets.words()
    assert words.superclasses is not None
    train, _ = words.split(test_share=4 / 15, rng=0)
    found = noise.confusable_superclasses(train.features, train.labels, height=0.9)
    return words.superclasses, found


def index_by_luck(function: Answerer) -> str:
    """Check the largest adjusted Rand index of a thousand shuffles.

    Parameters
    ----------
    function : callable
        From two groupings, (K,) each, to one number.

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
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from sdbook.book import checks
    >>> checks.index_by_luck(adjusted_rand_score)
    'Too large: was the order of one of the two really shuffled?'
    """
    answer, complaint = read(ask(function, *_superclasses()), (), "one number is wanted")
    if complaint:
        return complaint
    if answer > 0.5:
        return "Too large: was the order of one of the two really shuffled?"
    return "Right." if 0.05 < answer < 0.4 else "That is not the largest of a thousand: a mean?"
