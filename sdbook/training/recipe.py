"""How one round is trained: optimiser, epochs, and when to stop."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sdbook import _validate

__all__ = ["Recipe", "schedule_on", "step_schedule"]


ADAM = partial(torch.optim.Adam, lr=1e-3)


@dataclass(frozen=True)
class Recipe:
    """How each round is trained.

    Early stopping sets a share of the instances aside, the same in all rounds, and never trains on
    them. After each epoch it measures the round's mean loss on them, against what the round is
    taught: for the teacher their *given* labels, right or wrong, so that no clean label is needed.
    When `patience` epochs in a row bring no new minimum, or `epochs` have passed, the round ends
    with the weights of its best epoch.

    Attributes
    ----------
    epochs : int
        Epochs of each round, at most.
    batch_size : int or None
        Instances per step; None for all at once. A data loader brings its own. An instance that is
        left over alone joins a batch beside it: batch normalisation cannot train on one.
    optimiser : callable
        From parameters to an optimiser without weight decay (lambda is part of the loss); Adam
        with learning rate 0.001 by default. Optimisers that evaluate the loss several times per
        step, such as LBFGS, work too.
    schedule : callable, optional
        From the optimiser to a learning rate scheduler, stepped after each epoch without a metric.
    patience : int, optional
        Stop early after so many epochs without a new minimum; None never to stop early.
    hold_out : float
        Share of the instances that early stopping sets aside, in (0, 1). Without `patience`
        nothing is set aside.
    warm_start : bool
        Whether students start where the round before ended, and not from a new draw of the weights.
    mixed_precision : bool
        Multiply in bfloat16 on CUDA GPUs that can; no effect elsewhere.

    Raises
    ------
    TypeError, ValueError
        If an attribute is not as described.

    Examples
    --------
    >>> from sdbook.training import Recipe
    >>> Recipe(epochs=20, patience=5).hold_out
    0.1
    """

    epochs: int = 30
    batch_size: int | None = 128
    optimiser: Callable[[Iterable[Parameter]], Optimizer] = ADAM
    schedule: Callable[[Optimizer], LRScheduler] | None = None
    patience: int | None = None
    hold_out: float = 0.1
    warm_start: bool = False
    mixed_precision: bool = True

    def __post_init__(self) -> None:
        # Python's own numbers in place of NumPy's, which PyTorch does not take everywhere.
        plain: dict[str, Any] = {}
        for name in ("epochs", "batch_size", "patience"):
            if name == "epochs" or getattr(self, name) is not None:
                plain[name] = _validate.count(name, getattr(self, name))
        share = _validate.real("hold_out", self.hold_out, 0, 1, open_low=True, open_high=True)
        plain["hold_out"] = share
        for name in ("optimiser", "schedule"):
            made_by = getattr(self, name)
            if not callable(made_by) and not (name == "schedule" and made_by is None):
                raise TypeError(f"{name} must be a callable that makes one, got {made_by!r}.")
        for name in ("warm_start", "mixed_precision"):
            switch = getattr(self, name)
            if not isinstance(switch, bool | np.bool_):
                raise TypeError(f"{name} must be True or False, got {switch!r}.")
            plain[name] = bool(switch)
        for name, value in plain.items():
            object.__setattr__(self, name, value)


def schedule_on(
    optimiser: Optimizer, schedule: Callable[[Optimizer], LRScheduler] | None
) -> LRScheduler | None:
    """Return the schedule of an optimiser, or None without one; it must need no metric."""
    made = None if schedule is None else schedule(optimiser)
    if made is not None:
        try:
            inspect.signature(made.step).bind()
        except TypeError as error:
            raise TypeError(
                "schedule must make one that is stepped without a metric, got a "
                f"{type(made).__name__}, whose step needs an argument."
            ) from error
    return made


def step_schedule(schedule: LRScheduler) -> None:
    """Step a schedule, and do not warn of an optimiser that has trained nothing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
        schedule.step()
