"""What is done with each data set, and what is known of what the authors did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import noise
from sdbook.datasets import Dataset
from sdbook.method import Method
from sdbook.refine import top_k
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy
from sdbook.sweeps import Sweep

__all__ = ["NOISES", "PROTOCOL", "RATES", "Choice", "corruptions", "experiment"]

RATES = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Corruption rates of the authors' training script."""

NOISES = ("superclass", "symmetric", "asymmetric")
"""Kinds of noise of the paper."""


@dataclass(frozen=True)
class Choice:
    """One part of the set-up: the authors' and ours.

    Attributes
    ----------
    what : str
    authors : str
        As in their public programs (the README, recipe and scripts of their repository).
    here : str
    same : bool

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> [choice.what for choice in paper.PROTOCOL if not choice.same][:3]
    ['network', 'image size', 'features']
    """

    what: str
    authors: str
    here: str
    same: bool = True


PROTOCOL = (
    Choice(
        "data sets",
        "CIFAR-100, Caltech-101, Caltech-256, Flowers-102, Food-101, StanfordCars",
        "copies of the same on the Hugging Face hub",
    ),
    Choice(
        "training and test parts",
        "official splits, those of Flowers-102 exchanged; a random "
        "fifth of both Caltechs for testing",
        "the same rule; the random fifth is another one",
    ),
    Choice(
        "network",
        "ResNet-34 trained on ImageNet, last layer taken off",
        "the same kind, other weights (microsoft/resnet-34)",
        same=False,
    ),
    Choice(
        "image size",
        "224 × 224, aspect ratio not kept",
        "as the network's image processor has it",
        same=False,
    ),
    Choice("features", "as they come", "centred, unit norm: what the theory assumes", same=False),
    Choice("probe", "linear softmax without a bias", "the same"),
    Choice(
        "training",
        "200 epochs of SGD; the epoch that is best on the test set counts",
        "the exact optimum; the test set decides nothing",
        same=False,
    ),
    Choice(
        "regularisation",
        "weight decay 5e-5 or 5e-4, by data set",
        "λ of teacher and of each student, for each kind and rate of noise: the best of a grid on "
        "held-out given labels, mean over the seeds (or one for all that you fix)",
        same=False,
    ),
    Choice("rounds", "teacher and four students", "the same"),
    Choice(
        "partial-label student",
        "two best classes, mean of generalised cross-entropy (q = 0.7) "
        "over both, started at the teacher",
        "the same",
    ),
    Choice(
        "symmetric, asymmetric noise",
        "any other class; any other, the next one twice as often",
        "the same",
    ),
    Choice(
        "superclass noise",
        "inside clusters of classes with similar features: complete "
        "linkage, cut at 0.8 of its height, rows of the correlation matrix taken as points",
        "the same rule with one minus the correlation as the distance; a class that stays "
        "alone keeps its labels",
        same=False,
    ),
    Choice("rates", "0, 10, 30, 50, 60, 70, 80 and 90%", "the same"),
    Choice("seeds", "three, 0 to 2", "three, 0 to 2; other random numbers"),
)
"""From the authors' public programs, where the paper's abstract does not say."""


def corruptions(
    train: Dataset, noises: Iterable[str] = NOISES
) -> dict[str, Callable[[float], ArrayLike]]:
    """Return kinds of noise by name: functions from a rate to a corruption matrix.

    Parameters
    ----------
    train : Dataset
        Its classes, and their superclasses, inside which superclass noise stays; a class without a
        sibling keeps its labels.
    noises : iterable of str
        Among `NOISES`.

    Returns
    -------
    dict of str to callable

    Raises
    ------
    ValueError
        If a noise is unknown.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> from sdbook.experiments.paper.protocol import corruptions
    >>> train, _ = paper.load("digits")
    >>> list(corruptions(train, ["symmetric"]))
    ['symmetric']
    """
    K, superclasses = train.n_classes, train.superclasses
    known: dict[str, Callable[[float], ArrayLike]] = {
        "superclass": lambda rate: _inside(superclasses, rate),
        "symmetric": lambda rate: noise.symmetric(K, rate),
        "asymmetric": lambda rate: noise.asymmetric(K, rate),
    }
    chosen = list(noises)
    for name in chosen:
        if name not in known:
            raise ValueError(f"noises has {name!r}; accepted are {', '.join(NOISES)}")
    return {name: known[name] for name in chosen}


def experiment(
    train: Dataset,
    test: Dataset,
    *,
    lam: float,
    noises: Iterable[str] = NOISES,
    rates: Sequence[float] = RATES,
    seeds: int = 3,
    rounds: int = 5,
) -> Sweep:
    """Return the paper's experiment on one data set with one L2 strength, ready to run.

    Parameters
    ----------
    train, test : Dataset
        Of `load`, or your own: unit norm, with superclasses.
    lam : float
        L2 strength, > 0; see `choose` for how to find one, and `run` for several.
    noises : iterable of str
        Among `NOISES`.
    rates : sequence of float
        Corruption rates.
    seeds : int
        Number of draws of given labels.
    rounds : int
        Of self-distillation, the teacher among them.

    Returns
    -------
    Sweep
        With the methods "self-distillation" and "partial labels", which share their teachers.

    Raises
    ------
    TypeError, ValueError
        If a noise is unknown, or as in `Sweep`.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, test = paper.load("digits")
    >>> options = {"noises": ["symmetric"], "rates": [0.7], "seeds": 1, "rounds": 3}
    >>> results = paper.experiment(train, test, lam=1e-4, **options).run(progress=False)
    >>> bool(results.gain("self-distillation").ravel()[2] > 0.03)
    True
    """
    candidates = Method(
        rounds=2, refinement=top_k(2), loss=(CrossEntropy(), GeneralisedCrossEntropy(0.7))
    )
    return Sweep(
        train=train,
        test=test,
        noises=corruptions(train, noises),
        rates=rates,
        seeds=range(seeds),
        methods={"self-distillation": Method(rounds=rounds), "partial labels": candidates},
        lam=lam,
    )


def _inside(superclasses: NDArray[np.int64], rate: float) -> NDArray[Any]:
    """Superclass noise in which a class without a sibling keeps its labels."""
    C = np.eye(len(superclasses))
    members = np.bincount(superclasses)[superclasses]
    shared = np.flatnonzero(members > 1)
    if len(shared):
        C[np.ix_(shared, shared)] = noise.superclass(superclasses[shared], rate)
    return C
