"""The paper's experiment as a sweep, and its settings beside those of the authors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import noise
from sdbook.datasets import Dataset
from sdbook.experiments.sweeps import Sweep
from sdbook.method import Method
from sdbook.refine import top_k
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy

__all__ = ["NOISES", "PROTOCOL", "RATES", "Setting", "corruptions", "experiment"]

RATES = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Corruption rates of the authors' training script."""

NOISES = ("superclass", "symmetric", "asymmetric")
"""Kinds of noise of the paper."""


@dataclass(frozen=True)
class Setting:
    """One setting of the experiment: the authors' and ours.

    Attributes
    ----------
    what : str
        What is set, such as "network".
    authors : str
        As in their public programs (the README, recipe and scripts of their repository).
    here : str
        In this package; "the same" where nothing is to be added.
    same : bool
        Whether both are the same, up to what `here` says.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> [setting.what for setting in paper.PROTOCOL if not setting.same][:3]
    ['network', 'image size', 'features']
    """

    what: str
    authors: str
    here: str
    same: bool = True


PROTOCOL = (
    Setting(
        "data sets",
        "CIFAR-100, Caltech-101, Caltech-256, Flowers-102, Food-101, StanfordCars",
        "copies of the same on the Hugging Face hub",
    ),
    Setting(
        "training and test parts",
        "official splits, those of Flowers-102 exchanged; a random "
        "fifth of both Caltechs for testing",
        "the same rule; the random fifth is another one",
    ),
    Setting(
        "network",
        "ResNet-34 trained on ImageNet, last layer taken off",
        "the same kind, other weights (microsoft/resnet-34)",
        same=False,
    ),
    Setting(
        "image size",
        "224 × 224, aspect ratio not kept",
        "as the network's image processor has it",
        same=False,
    ),
    Setting("features", "as they come", "centred, unit norm: what the theory assumes", same=False),
    Setting("probe", "linear softmax without a bias", "the same"),
    Setting(
        "training",
        "200 epochs of SGD; the epoch that is best on the test set counts",
        "the exact optimum; the test set decides nothing",
        same=False,
    ),
    Setting(
        "regularisation",
        "weight decay 5e-5 or 5e-4, by data set",
        "λ of teacher and of each student, for each kind and rate of noise: the best of a grid on "
        "held-out given labels, mean over the seeds (or one for all that you fix)",
        same=False,
    ),
    Setting("rounds", "teacher and four students", "the same"),
    Setting(
        "partial-label student",
        "two best classes, mean of generalised cross-entropy (q = 0.7) "
        "over both, started at the teacher",
        "the same",
    ),
    Setting(
        "symmetric, asymmetric noise",
        "any other class; any other, the next one twice as often",
        "the same",
    ),
    Setting(
        "superclass noise",
        "inside clusters of classes with similar features: complete "
        "linkage, cut at 0.8 of its height, rows of the correlation matrix taken as points",
        "the same rule with one minus the correlation as the distance; a class that stays "
        "alone keeps its labels",
        same=False,
    ),
    Setting("rates", "0, 10, 30, 50, 60, 70, 80 and 90%", "the same"),
    Setting("seeds", "three, 0 to 2", "three, 0 to 2; other random numbers"),
)
"""From the authors' public programs, where the paper's abstract does not say."""


def corruptions(
    train: Dataset, noises: Iterable[str] = NOISES
) -> dict[str, Callable[[float], ArrayLike]]:
    """Return functions from a rate to a corruption matrix, by the name of the noise."""
    K, superclasses = train.n_classes, train.superclasses
    known: dict[str, Callable[[float], ArrayLike]] = {
        "superclass": lambda rate: _inside(superclasses, rate),
        "symmetric": lambda rate: noise.symmetric(K, rate),
        "asymmetric": lambda rate: noise.asymmetric(K, rate),
    }
    chosen = list(noises)
    for name in chosen:
        if name not in known:
            raise ValueError(f"noises must be among {', '.join(NOISES)}, got {name!r}.")
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
