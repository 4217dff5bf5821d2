"""Choosing the L2 strength as somebody must who has no clean label: on given ones, held out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate, noise
from sdbook._fingerprint import fingerprint
from sdbook.datasets import Dataset
from sdbook.estimator import SelfDistilledClassifierCV, select_best
from sdbook.experiments.paper.protocol import NOISES, RATES, corruptions
from sdbook.experiments.sweeps import resume

__all__ = ["EndOfGrid", "Strength", "choose", "fixed", "grid"]

FOLDS = 5
"""A teacher that is judged has seen four fifths of the instances."""

JUDGED = 2500
"""Held-out instances that are enough for one draw: of large data sets not all folds are tried."""

TOLERANCE = 1e-3
"""Enough to see which class an answer is; the numbers of the experiment are solved to the end."""


class EndOfGrid(UserWarning):
    """The best L2 strength is the first or the last that was tried.

    Examples
    --------
    >>> import warnings
    >>> from sdbook.experiments import paper
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", paper.EndOfGrid)  # for those who prefer to stop
    """


@dataclass(frozen=True, eq=False)
class Strength:
    """The L2 strength of one model under one kind and rate of noise; by `choose` or `fixed`.

    Attributes
    ----------
    noise : str
    rate : float
    model : str
        "teacher", "round 2", ..., or "partial labels".
    lam : float
        The strength, that of a student being its teachers' as well.
    lams : tuple of float
        What was tried, in rising order; only `lam` where it was fixed.
    scores : ndarray of shape (seeds, L)
        Share of held-out instances whose given label the model answers; no row where it was fixed.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, _ = paper.load("digits")
    >>> options = {"noises": ["symmetric"], "rates": [0.7], "seeds": 2, "rounds": 2}
    >>> found = paper.choose(train, **options, lams=[1e-4, 1e-2, 1], progress=False)
    >>> [strength.model for strength in found]
    ['teacher', 'round 2', 'partial labels']
    >>> found[0].scores.shape
    (2, 3)
    """

    noise: str
    rate: float
    model: str
    lam: float
    lams: tuple[float, ...]
    scores: NDArray[np.float64]

    @property
    def alone(self) -> tuple[float, ...]:
        """What the draw of each seed would have chosen alone."""
        return tuple(self.lams[select_best(row, lams=self.lams)[0]] for row in self.scores)

    @property
    def end(self) -> str:
        """Where in the grid `lam` is: "lowest", "highest", or "" for inside, or a fixed one."""
        if not self.scores.size:
            return ""
        return {self.lams[0]: "lowest", self.lams[-1]: "highest"}.get(self.lam, "")

    @property
    def warning(self) -> str:
        """What is to be said where a strength outside the grid may be better, else ""."""
        if not self.end or len(self.lams) == 1:
            return ""
        return (
            f"{self.noise} noise at {self.rate:.0%}, {self.model}: λ = {self.lam:g} is the "
            f"{self.end} that was tried, and one beyond it may be better"
        )


def grid(train: Dataset) -> tuple[float, ...]:
    """Return powers of ten around where the penalty weighs as much as the features.

    The ridge K N lambda is K d lambda times the mean eigenvalue of the Gram matrix, which is N / d
    for features of unit norm. The grid goes from about a thousandth to 100 times that: from a
    teacher that learns labels by heart to one that compares class means.

    Parameters
    ----------
    train : Dataset
        Features of unit norm.

    Returns
    -------
    tuple of float

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, _ = paper.load("digits")
    >>> paper.grid(train)
    (1e-06, 1e-05, 0.0001, 0.001, 0.01, 0.1)
    """
    middle = -round(float(np.log10(train.n_classes * train.features.shape[1])))
    return tuple(float(f"1e{power}") for power in range(middle - 3, middle + 3))


def models(rounds: int) -> tuple[str, ...]:
    """Return the names of teacher and students.

    Parameters
    ----------
    rounds : int
        Of self-distillation, the teacher among them.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from sdbook.experiments.paper.strength import models
    >>> models(3)
    ('teacher', 'round 2', 'round 3', 'partial labels')
    """
    rounds = _validate.count("rounds", rounds)
    return ("teacher", *(f"round {t}" for t in range(2, rounds + 1)), "partial labels")


def fixed(
    lam: float,
    *,
    noises: Sequence[str] = NOISES,
    rates: Sequence[float] = RATES,
    rounds: int = 5,
) -> list[Strength]:
    """Return the same L2 strength for every model under every kind and rate of noise.

    Parameters
    ----------
    lam : float
        > 0.
    noises : sequence of str
        Among `NOISES`.
    rates : sequence of float
        Corruption rates.
    rounds : int
        Of self-distillation, the teacher among them.

    Returns
    -------
    list of Strength

    Raises
    ------
    TypeError, ValueError
        If `lam` is not positive, or `rounds` not a number of rounds.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> found = paper.fixed(1e-5, noises=["symmetric"], rates=[0.7], rounds=2)
    >>> [(strength.model, strength.lam) for strength in found]
    [('teacher', 1e-05), ('round 2', 1e-05), ('partial labels', 1e-05)]
    """
    lam = _validate.regularisation(lam)
    none = np.empty((0, 1))
    return [
        Strength(name, rate, model, lam, (lam,), none)
        for name, rate, model in product(noises, rates, models(rounds))
    ]


def choose(
    train: Dataset,
    *,
    noises: Sequence[str] = NOISES,
    rates: Sequence[float] = RATES,
    seeds: int = 3,
    rounds: int = 5,
    lams: ArrayLike | None = None,
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int | None = 1,
    progress: bool = True,
) -> list[Strength]:
    """Choose the L2 strength of each model for each kind and rate of noise, without a clean label.

    For each draw of given labels, `SelfDistilledClassifierCV` trains teachers and
    students on four fifths of the instances, and counts how often their answers on the rest agree
    with *its* given labels, right or wrong (why these can judge, and when they mislead, is in its
    notes). The best mean over the draws is chosen, on a tie the largest strength
    (`sdbook.estimator.select_best`).

    *For each kind and rate*, because clean labels want a strength that is orders of magnitude
    below what wrong ones want. *Not for each draw*, because the scores of one draw are noisy: the
    spread over seeds would be the choice's and not the labels'; `Strength.alone` says what each
    would have chosen. *For each model*, because a student that inherits what is best for its
    teacher averages too much, and a teacher that has what is best for its student too little:
    either comparison would show whom it was made for.

    Parameters
    ----------
    train : Dataset
        Features of unit norm. True labels serve to draw the given ones of `experiment`, and for
        nothing else.
    noises : sequence of str
        Among `NOISES`.
    rates : sequence of float
        Corruption rates.
    seeds : int
        Number of draws of given labels.
    rounds : int
        Of self-distillation, the teacher among them.
    lams : array_like of shape (L,), optional
        What to try, > 0; `grid` by default.
    folder : path, optional
        Where the scores of each draw are kept, as in `sdbook.experiments.sweeps.Sweep.run`.
    n_jobs : int, optional
        Draws to work on at once, in processes of their own; -1 for as many as processors.
    progress : bool
        Show a progress bar.

    Returns
    -------
    list of Strength
        One for each kind, rate and model.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or a file in the folder is not what was written.

    Warns
    -----
    EndOfGrid
        Where the first or the last of several strengths wins, so that one outside may be better.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, _ = paper.load("digits")
    >>> options = {"noises": ["symmetric"], "rates": [0.0, 0.5], "seeds": 1, "rounds": 2}
    >>> found = paper.choose(train, **options, progress=False)
    >>> clean, wrong = (strength.lam for strength in found if strength.model == "teacher")
    >>> clean < wrong
    True
    """
    wanted = _validate.reals("lams", grid(train) if lams is None else lams, 0, open_low=True)
    tried: tuple[float, ...] = tuple(np.unique(wanted).tolist())
    if not tried:
        raise ValueError("lams must have at least one entry, got none.")
    draws = {
        (name, rate, seed): noise.corrupt(train.labels, np.asarray(make(rate)), rng=seed)
        for (name, make), rate, seed in product(
            corruptions(train, noises).items(),
            [_validate.real("rates", rate, 0, 1) for rate in rates],
            range(_validate.count("seeds", seeds)),
        )
    }
    folds = _folds(len(train))
    names = models(rounds)
    whole = fingerprint("strength, 1", train.features, names, tried, folds, TOLERANCE)
    keys = {place: fingerprint(whole, given) for place, given in draws.items()}
    place_of: dict[str, tuple[str, float, int]] = {}
    for place, key in keys.items():  # without noise all kinds and seeds are one draw
        place_of.setdefault(key, place)
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
    found = resume(
        {
            key: dict(zip(("noise", "rate", "seed"), place, strict=True), lams=tried, models=names)
            for key, place in place_of.items()
        },
        lambda missing: parallel(
            joblib.delayed(_judge)(key, train.features, draws[place_of[key]], tried, folds, rounds)
            for key in missing
        ),
        folder,
        name="choosing λ",
        unit="draw",
        progress=progress,
    )
    chosen = []
    for name, rate in dict.fromkeys(place[:2] for place in draws):
        judged = np.array([found[keys[name, rate, s]]["held_out"] for s in range(seeds)])
        for model, by_seed in zip(names, judged.swapaxes(0, 1), strict=True):
            (best,) = select_best(by_seed.mean(axis=0), lams=tried)
            lam = tried[best]
            strength = Strength(name, rate, model, lam, tried, by_seed)
            if strength.warning:
                warnings.warn(strength.warning, EndOfGrid, stacklevel=2)
            chosen.append(strength)
    return chosen


def _folds(n_samples: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return what to train on and what to judge by: the same for every draw and strength."""
    parts = np.array_split(np.random.default_rng(0).permutation(n_samples), FOLDS)
    enough = min(FOLDS, -(-JUDGED // len(parts[-1])))
    return [
        (np.sort(np.concatenate(parts[:i] + parts[i + 1 :])), np.sort(parts[i]))
        for i in range(enough)
    ]


def _judge(
    key: str,
    features: NDArray[Any],
    given: NDArray[np.int64],
    lams: Sequence[float],
    folds: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    rounds: int,
) -> tuple[str, dict[str, Any]]:
    """Return, model by model, the agreement with given labels of instances not trained on."""
    candidates = {"refinement": "top_k", "k": 2, "student_loss": "generalised_cross_entropy"}
    scores = []
    for method, most in (({"refinement": "as_is"}, rounds), (candidates, 2)):
        chooser = SelfDistilledClassifierCV(
            rounds=most,
            lams=lams,
            methods=method,
            centre=False,
            normalise=False,
            fit_intercept=False,
            cv=folds,
            tolerance=TOLERANCE,
        )
        scores.append(chooser.fit(features, given).scores_[0].T.tolist())
    return key, {"held_out": [*scores[0], scores[1][1]]}
