"""Chapter 16: check how many seeds a comparison needs, in pairs and without."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook import Method, datasets, noise
from sdbook.book.checks._answers import NOTHING, Answerer, ask, numbers
from sdbook.experiments.sweeps import Sweep

__all__ = ["seeds_needed"]


@cache
def _accuracies() -> NDArray[Any]:
    """Test accuracies of teacher and student on the digits, 70% wrong: (12 seeds, 2)."""
    train, test = datasets.digits().split(test_share=1 / 3, rng=0)
    sweep = Sweep(
        train=train,
        test=test,
        noises={"symmetric": lambda rate: noise.symmetric(10, rate)},
        rates=[0.7],
        seeds=range(12),
        methods={"self-distillation": Method(rounds=2)},
        lam=1e-4,
    )
    return sweep.run(progress=False).accuracy("self-distillation")[0]


def seeds_needed(function: Answerer) -> str:
    """Check how many seeds bring the standard error of a gain below one percentage point.

    Parameters
    ----------
    function : callable
        From the accuracies of teacher and student, (seeds,) each, to two whole numbers: paired,
        unpaired.

    Returns
    -------
    str
        "Right" and both numbers, or what is wrong.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> from sdbook.book import checks
    >>> checks.seeds_needed(lambda teacher, student: (26, 2))
    'The other way round: paired first.'
    """
    accuracies = _accuracies()
    teacher, student = accuracies.T
    answer = ask(function, teacher, student)
    if answer is None:
        return NOTHING
    pair = numbers(answer)
    if pair is None or pair.shape != (2,):
        return "Return two numbers: paired, unpaired."
    said = pair.tolist()
    spread = accuracies.std(axis=0, ddof=1)
    variances = (student - teacher).var(ddof=1), (spread**2).sum()
    needed = [int(np.ceil(variance / 0.01**2)) for variance in variances]
    if said == needed:
        return f"Right: {needed[0]} seeds in pairs, {needed[1]} without."
    if said == needed[::-1]:
        return "The other way round: paired first."
    if said[1] == int(np.ceil(variances[1] / 0.01)):
        return (
            "The standard error is the deviation over the root of the seeds: square the 0.01, too."
        )
    if said[1] == int(np.ceil((spread.sum() / 0.01) ** 2)):
        return "Variances of independent numbers add up, standard deviations do not."
    return (
        f"Not these: you say {said}. Paired: the deviation of the differences. Unpaired: the two "
        "variances together."
    )
