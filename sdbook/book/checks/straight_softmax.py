"""Chapter 5: check which answers straightening the softmax cannot change."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook import datasets, noise, theory
from sdbook.book.checks._answers import Answerer, ask, read
from sdbook.book.tangent import same_argmax, tangent_error
from sdbook.solvers import solve

__all__ = ["safe_answers"]


@cache
def _digits() -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]:
    """Logits Z, HE, whose answer is safe, and whose changes: the zeros, ones and twos."""
    data = datasets.digits()
    data = data.take(data.labels < 3)
    K, N, lam = 3, len(data), 1e-4
    T = datasets.one_hot(noise.corrupt(data.labels, noise.symmetric(K, 0.4), rng=0), K)
    G = data.gram()
    outputs = solve(data.features, T, lam, tolerance=1e-12).outputs
    Z = G @ (T - outputs) / (N * lam)
    HE = theory.linearised(G, 1 / K + tangent_error(Z), lam) - 1 / K
    changed = outputs.argmax(axis=1) != theory.linearised(G, T, lam).argmax(axis=1)
    return Z, HE, same_argmax(G, Z, lam), changed


def safe_answers(function: Answerer) -> str:
    """Check the mask of the images whose answer cannot change.

    Parameters
    ----------
    function : callable
        From the exact logits Z and the matrix HE, both (N, K), to N truth values.

    Returns
    -------
    str
        "Right" and how many are safe, or what is wrong.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.book import checks
    >>> def of_range(Z, HE):
    ...     return np.ptp(Z, axis=1) / Z.shape[1] > np.ptp(HE, axis=1)
    >>> checks.safe_answers(of_range)
    'That is the range of the logits. Wanted is the lead: first minus second.'
    """
    Z, HE, safe, changed = _digits()
    N, K = Z.shape
    form = f"one truth value for each image is ({N},)"
    answer, complaint = read(ask(function, Z, HE), (N,), form)
    if complaint:
        return complaint
    lead, spread = np.diff(np.sort(Z, axis=1)[:, -2:], axis=1)[:, 0], np.ptp(HE, axis=1)
    known = [
        (safe, f"Right: {safe.sum()} of {N} images are safe."),
        (lead > spread, "Logits are K times as large as what they do to outputs: where is K?"),
        (
            np.ptp(Z, axis=1) > K * spread,
            "That is the range of the logits. Wanted is the lead: first minus second.",
        ),
        (
            lead > K * abs(HE).max(axis=1),
            "Two entries of HE can move in opposite directions: take the range, not the largest.",
        ),
    ]
    for mask, sentence in known:
        if (answer == mask).all():
            return sentence
    vouched = answer.astype(bool)
    broken = (vouched & changed).sum()
    return (
        f"Not yet: you vouch for {vouched.sum()} images, and {broken} of them get another answer."
    )
