"""Chapter 6: check the averaging weights of one instance."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sdbook import datasets
from sdbook.book.checks._answers import Answerer, ask, read, recognise
from sdbook.solvers import LabelAveraging, factorise

__all__ = ["averaging_weights"]


def averaging_weights(function: Answerer) -> str:
    """Check the averaging weights of one instance after some rounds.

    Parameters
    ----------
    function : callable
        From features (N, d), an index i, a number of rounds t, and by name ``lam`` and
        ``n_classes``, to the N weights of instance i.

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
    >>> from sdbook.solvers import LabelAveraging
    >>> def once(features, i, t, lam, n_classes):
    ...     return LabelAveraging(features, lam, n_classes).averaging_weights(i, 1)
    >>> checks.averaging_weights(once)
    'These are the weights of round 1: raise the filter to the power t.'
    """
    train, _ = datasets.digits().split(test_share=1 / 3, rng=0)
    K, N, i, lam = 10, len(train), 5, 1e-4
    form = f"one weight for each of the N instances is ({N},)"
    answer = ask(function, train.features, i, 3, lam=lam, n_classes=K)
    found, complaint = read(answer, (N,), form)
    if complaint:
        return complaint
    features = factorise(train.features)

    def weights(forgotten: int = 1, t: int = 3) -> NDArray[Any]:
        return LabelAveraging(features, lam / forgotten, n_classes=K).averaging_weights(i, t)

    right = weights()
    known = [
        (right, "Right."),
        (weights(t=1), "These are the weights of round 1: raise the filter to the power t."),
        (weights(K), "Your ridge is N lambda. Where is K?"),
        (weights(N), "Your ridge is K lambda. The loss is a mean: where is N?"),
        (weights(K * N), "Your ridge is lambda. It should be K N lambda."),
    ]
    off = abs(found - right).max()
    return (
        recognise(found, known) or f"Not yet: the largest difference to the library is {off:.2g}."
    )
