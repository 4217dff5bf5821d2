"""Chapter 10: check the targets of a student with two candidates."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook import datasets, distill, noise
from sdbook.book.checks._answers import Answerer, ask, read, recognise
from sdbook.refine import top_k

__all__ = ["two_hot_targets"]


@cache
def _outputs() -> NDArray[Any]:
    """Outputs of a teacher, some with ties: ten classes in two superclasses, 72% wrong labels."""
    blocks = datasets.block_correlated(10, 50, n_superclasses=2, c=0.4, d=0.15, e=0.0)
    C = noise.superclass(np.repeat([0, 1], 5), 0.72)
    given = noise.corrupt(blocks.labels, C, rng=0, exact=True)
    return distill(blocks.features, given, 2e-4, rounds=1).teacher.outputs[:40]


def two_hot_targets(function: Answerer) -> str:
    """Check targets of one half at the two largest outputs.

    Parameters
    ----------
    function : callable
        From outputs (N, K) to targets (N, K).

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
    >>> from sdbook import refine
    >>> from sdbook.book import checks
    >>> checks.two_hot_targets(refine.hard)
    "One candidate is not enough: this is the teacher's decision."
    """
    outputs = _outputs()
    form = f"one row for each instance and one column for each class is {outputs.shape}"
    targets, complaint = read(ask(function, outputs), outputs.shape, form)
    if complaint:
        return complaint
    best = top_k(2)(outputs)
    kept = best * outputs
    known = [
        (best, "Right."),
        (2 * best, "Your rows sum to two: the candidates share one, a half each."),
        (
            kept / kept.sum(axis=1, keepdims=True),
            "You kept the teacher's weights. Forget them: a half each.",
        ),
        (
            2 * kept,
            "You kept the outputs as they were, and set the rest to zero. Rows must sum to one, "
            "with equal halves.",
        ),
        (
            top_k(2)(-outputs),
            "These are the two smallest outputs: which way does your sort go?",
        ),
        (top_k(1)(outputs), "One candidate is not enough: this is the teacher's decision."),
    ]
    if sentence := recognise(targets, known, atol=1e-9):
        return sentence
    sums = targets.sum(axis=1)
    if not np.allclose(sums, 1):
        return f"Rows must sum to one; yours sum to {sums.min():.2g} to {sums.max():.2g}."
    candidates = (targets > 0).sum(axis=1)
    if (candidates != 2).any():
        row = int(np.argmax(candidates != 2))
        return f"Row {row} has {candidates[row]} candidates: what do you do with ties?"
    row = int(np.argmax(abs(targets - best).max(axis=1) > 1e-9))
    return (
        f"Row {row} has the candidates {np.flatnonzero(targets[row])}; its largest outputs are at "
        f"{np.flatnonzero(best[row])}."
    )
