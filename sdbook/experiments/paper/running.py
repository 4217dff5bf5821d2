"""Run the experiment, each model with the L2 strength chosen for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import product
from typing import Any

from tqdm.auto import tqdm

from sdbook.datasets import Dataset
from sdbook.experiments.paper.protocol import experiment
from sdbook.experiments.paper.strength import Strength, models
from sdbook.experiments.sweeps import Results

__all__ = ["run"]


def run(
    train: Dataset,
    test: Dataset,
    strengths: Sequence[Strength],
    *,
    seeds: int = 3,
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int | None = 1,
    progress: bool = True,
) -> Results:
    """Train teachers, students and partial-label students, and measure them on the test set.

    Parameters
    ----------
    train, test : Dataset
        Of `load`, or your own: unit norm, with superclasses.
    strengths : sequence of Strength
        Of `choose` or `fixed`, one for each kind and rate of noise and each model.
    seeds : int
        As in `experiment`.
    folder, n_jobs
        As in `sdbook.experiments.sweeps.Sweep.run`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Results
        With the methods "self-distillation" and "partial labels". Round 1 of both is the teacher
        with the strength of its own, so that gains are over that; each later round ends a run of
        which all rounds have the strength of this one.

    Raises
    ------
    TypeError, ValueError
        If `strengths` is not one for each kind, rate and model, or as in `experiment` and
        `sdbook.experiments.sweeps.Sweep.run`.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, test = paper.load("digits")
    >>> strengths = paper.fixed(1e-3, noises=["symmetric"], rates=[0.0, 0.7], rounds=3)
    >>> paper.run(train, test, strengths, seeds=1, progress=False)
    Results(1 noise x 2 rates x 1 seed x 2 methods)
    """
    noises = tuple(dict.fromkeys(strength.noise for strength in strengths))
    rates = tuple(dict.fromkeys(strength.rate for strength in strengths))
    rounds = max(len({strength.model for strength in strengths}) - 1, 1)
    students = models(rounds)
    lams = {(each.noise, each.rate, each.model): each.lam for each in strengths}
    if set(lams) != set(product(noises, rates, students)) or len(lams) < len(strengths) or not lams:
        raise ValueError(
            "strengths must be one for each noise, rate and model, as `choose` and `fixed` return "
            f"them, got {len(strengths)} for the noises {noises}, the rates {rates} and "
            f"{len({each.model for each in strengths})} models."
        )
    # Runs of one strength and one kind of noise are trained side by side.
    alike: dict[tuple[float, str], list[float]] = {}
    for (name, rate, _), lam in lams.items():
        together = alike.setdefault((lam, name), [])
        if rate not in together:
            together.append(rate)
    found: dict[float, dict[Any, Any]] = {lam: {} for lam, _ in alike}
    total = sum(map(len, alike.values()))
    with tqdm(desc="training", unit="setting", total=total, disable=not progress) as bar:
        for (lam, name), together in alike.items():
            sweep = experiment(
                train, test, lam=lam, noises=[name], rates=together, seeds=seeds, rounds=rounds
            )
            found[lam] |= sweep.run(folder, n_jobs=n_jobs, progress=False).outcomes
            bar.update(len(together))
    methods = {
        "self-distillation": students[:rounds],
        "partial labels": (students[0], students[-1]),
    }
    outcomes = {}
    for name, rate, seed, method in product(noises, rates, range(seeds), methods):
        runs = [
            found[lams[name, rate, model]][name, rate, seed, method] for model in methods[method]
        ]
        outcomes[name, rate, seed, method] = {
            fact: [run[fact][t] for t, run in enumerate(runs)] for fact in runs[0]
        }
    return Results(noises, rates, tuple(range(seeds)), tuple(methods), outcomes)
