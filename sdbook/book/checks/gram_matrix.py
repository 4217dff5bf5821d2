"""Chapter 2: check a Gram matrix that was centred without features."""

from __future__ import annotations

from sdbook import datasets
from sdbook.book.checks._answers import Answerer, ask, read, recognise

__all__ = ["centred_gram"]


def centred_gram(function: Answerer) -> str:
    """Check the Gram matrix of centred features.

    Parameters
    ----------
    function : callable
        From the Gram matrix of features, shape (N, N), to that of the centred features.

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
    >>> checks.centred_gram(lambda G: G - G.mean(axis=1, keepdims=True))
    'Rows are centred, columns are not: a Gram matrix is symmetric.'
    """
    raw, _ = datasets.digits(centred=False, normalised=False).split(test_share=1 / 3, rng=0)
    features = raw.features[:200] / 40
    gram = features @ features.T
    centred = datasets.centre(features)
    wanted = centred @ centred.T
    form = "a Gram matrix of 200 instances is (200, 200)"
    answer, complaint = read(ask(function, gram), gram.shape, form)
    if complaint:
        return complaint
    rows = gram.mean(axis=1, keepdims=True)
    known = [
        (wanted, "Right."),
        (
            gram - gram.mean(),
            "You subtracted one number from all entries. Instances differ in how much they share "
            "with the mean.",
        ),
        (gram - rows, "Rows are centred, columns are not: a Gram matrix is symmetric."),
        (gram - rows.T, "Columns are centred, rows are not: a Gram matrix is symmetric."),
        (
            gram - rows - rows.T,
            "You took the mean image off twice where both meet. Add the overall mean once.",
        ),
    ]
    off = abs(answer - wanted).max()
    return recognise(answer, known) or f"Not yet: the largest difference is {off:.2g}."
