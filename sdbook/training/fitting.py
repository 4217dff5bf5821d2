"""One round: epochs of an optimiser on fixed targets, until they are over or stopped early."""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from sdbook import _validate
from sdbook._device import choose_device
from sdbook._fingerprint import fingerprint
from sdbook.solvers import Loss
from sdbook.training.checkpoints import Checkpoints
from sdbook.training.data import Inputs, Instances
from sdbook.training.device import autocast, seeded, to_device
from sdbook.training.identity import described, network_of, number
from sdbook.training.recipe import Recipe, schedule_on, step_schedule

__all__ = ["Epoch", "Fitting", "outputs_of", "outputs_on"]

# First numbers of the keys of random draws: no two purposes share their numbers.
ORDER, WEIGHTS, OUTPUTS, HOLD_OUT, ASKED, READ = range(6)


@dataclass(frozen=True)
class Epoch:
    """What one epoch measured.

    Attributes
    ----------
    loss : float
        Mean objective (penalty included) of the batches, each before its step.
    held_out : float or None
        Mean loss (without the penalty) on held-out instances after the epoch, against what the
        round is taught. None without early stopping.
    """

    loss: float
    held_out: float | None


@dataclass(eq=False)
class Fitting:
    """A round in progress: what a network learns, and all that changes from epoch to epoch."""

    module: nn.Module  # on the device
    t: int
    instances: Instances
    targets: torch.Tensor
    kept: torch.Tensor  # which instances to train on; the others are held out
    lam: float
    loss: Loss
    recipe: Recipe
    device: torch.device
    rng: int  # first part of the keys of all random numbers

    def __post_init__(self) -> None:
        self.history: list[Epoch] = []
        self._parameters = [p for p in self.module.parameters() if p.requires_grad]
        self._optimiser = self.recipe.optimiser(self._parameters)
        for group in self._optimiser.param_groups:
            if group.get("weight_decay", 0):
                raise ValueError(
                    f"optimiser must have weight_decay 0, got {group['weight_decay']}. The penalty "
                    "is lam, which is part of the loss."
                )
        self._keep_plain()
        self._schedule = schedule_on(self._optimiser, self.recipe.schedule)
        self._keep_plain()
        self._best: dict[str, Any] | None = None
        self._known: dict[str, Any] = {}

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights count: of least held-out loss, or the last; 0 before any."""
        if self.recipe.patience is None or not self.history:
            return len(self.history)
        return int(np.argmin([epoch.held_out or 0.0 for epoch in self.history])) + 1

    @property
    def done(self) -> bool:
        """Whether epochs are over, or early stopping has lost patience."""
        epochs, patience = len(self.history), self.recipe.patience
        return epochs >= self.recipe.epochs or (
            patience is not None and epochs - self.best_epoch >= patience
        )

    def epoch(self) -> None:
        """Train one more epoch."""
        now = len(self.history) + 1
        with seeded(self.device, ORDER, self.rng, self.t, now):
            self.module.train()
            total, seen = torch.zeros((), device=self.device), 0
            for numbers, inputs in self.instances.shuffled(self.kept):
                total = total + len(numbers) * self._step(numbers, inputs)
                seen += len(numbers)
            if seen == 0:
                raise ValueError(
                    "inputs must give a batch of the instances to train on, got a DataLoader that "
                    "gives none. Leave out drop_last, for example."
                )
            self._step_schedule()
            loss = float(total) / seen
            held_out = None if self.recipe.patience is None else self._held_out_loss()
        if not math.isfinite(loss) or (held_out is not None and not math.isfinite(held_out)):
            raise FloatingPointError(
                f"the loss is {loss} in epoch {now} of round {self.t}; a smaller learning rate in "
                "recipe.optimiser may help"
            )
        self.history.append(Epoch(loss, held_out))
        if self.recipe.patience is not None and self.best_epoch == now:
            self._best = deepcopy(self.module.state_dict())

    def finish(self) -> nn.Module:
        """Return the module with the weights of its best epoch, ready to be asked."""
        if self._best is not None:
            self.module.load_state_dict(self._best)
        return self.module.eval()

    def save(self, files: Checkpoints) -> None:
        """Keep all that changes, and by what to know it again."""
        state = {
            "module": self.module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "best": self._best,
            "history": [(epoch.loss, epoch.held_out) for epoch in self.history],
            "logits": self._first_logits(),
        }
        files.save(self.t, self._known | state)

    def load(self, files: Checkpoints) -> None:
        """Go on from where an earlier call stopped, if it has begun this round."""
        self._known = {
            "targets": self.targets,
            "loss": described(self.loss),
            "content of the loss": fingerprint(self.loss),
            "network": network_of(self.module),
        }
        state = files.load(self.t)
        if state is None:
            return
        try:
            another = self._another(state)
            if another is None:
                self.module.load_state_dict(state["module"])
                self.history = [Epoch(*measured) for measured in state["history"]]
                for _ in self.history:
                    self._step_schedule()
                self._optimiser.load_state_dict(state["optimiser"])
                self._best = state["best"]
                kept = torch.as_tensor(state["logits"])
        except Exception as error:  # of many kinds: each part of a state may be anything
            raise files.damaged(self.t) from error
        if another is None:
            ours = self._first_logits()
            near = {"rtol": 0, "atol": 0.01 * float(ours.abs().max()), "equal_nan": True}
            if ours.shape != kept.shape or not torch.allclose(ours, kept, **near):
                another = "network, or inputs, so that the same weights give other logits"
        if another is not None:
            raise files.refused(self.t, another)

    def _another(self, state: Any) -> str | None:
        """Say in what a state is of another round than this one."""
        if state["content of the loss"] != self._known["content of the loss"]:
            return f"loss ({state['loss']} there, {self._known['loss']} here)"
        # The outputs that targets were made of are computed anew, on a GPU not to the last bit.
        off = (self.targets - state["targets"]).abs().sum(dim=1) / 2
        if float(off.max()) > 1e-3:
            return "refinement, or inputs, so that it was taught other targets"
        return None if state["network"] == self._known["network"] else "network"

    def _step_schedule(self) -> None:
        if self._schedule is not None:
            step_schedule(self._schedule)
            self._keep_plain()

    def _keep_plain(self) -> None:
        """Put Python's numbers in place of NumPy's, which would not be loaded again."""
        for group in self._optimiser.param_groups:
            group.update({k: number(v) for k, v in group.items() if k != "params"})

    @cached_property
    def _first(self) -> list[tuple[torch.Tensor, Any]]:
        """A few instances, by which a network is known again."""
        with seeded(self.device, ASKED, self.rng, self.t):
            return [*self.instances.in_order(torch.arange(len(self.instances)) < 8)]

    def _first_logits(self) -> torch.Tensor:
        with seeded(self.device, ASKED, self.rng, self.t):
            return _logits_on(self.module, self._first, self.device)

    def _step(self, numbers: torch.Tensor, inputs: Any) -> torch.Tensor:
        """Take one step on one batch and return the loss before it."""
        inputs = to_device(inputs, self.device)
        targets = self.targets[numbers].to(self.device)

        def closure() -> torch.Tensor:
            self._optimiser.zero_grad()
            with autocast(self.device, self.recipe.mixed_precision):
                logits = _logits(self.module, inputs, targets.shape[1])
            mean = _mean_loss(self.loss, logits.to(targets.dtype), targets)
            loss = mean + self.lam / 2 * sum(p.square().sum() for p in self._parameters)
            torch.autograd.backward(loss)
            return loss

        step: Any = self._optimiser.step  # annotated for closures that return a float
        return step(closure).detach()

    def _held_out_loss(self) -> float:
        held_out = self.instances.in_order(~self.kept)
        logits = _logits_on(self.module, held_out, self.device)
        return float(_mean_loss(self.loss, logits, self.targets[~self.kept]))


def outputs_of(
    module: nn.Module,
    inputs: Inputs,
    *,
    batch_size: int | None = 1024,
    device: str | torch.device = "auto",
) -> torch.Tensor:
    """Return the softmax of a module's logits on any inputs.

    Parameters
    ----------
    module : nn.Module
        Returns logits of shape (instances, K). It is moved to `device`.
    inputs : tensor of shape (N, ...), Dataset or DataLoader
        As in `sdbook.training.distill`.
    batch_size : int or None
        Instances at a time; None for all at once. A data loader brings its own.
    device : str or torch.device
        "auto" is a CUDA GPU, else Apple's MPS, else the processor.

    Returns
    -------
    tensor of shape (N, K)
        On the processor. Rows sum to one.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import torch
    >>> from sdbook import training
    >>> training.outputs_of(torch.nn.Identity(), torch.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    if batch_size is not None:
        batch_size = _validate.count("batch_size", batch_size)
    where = choose_device(device)
    return outputs_on(module.to(where), Instances(inputs, batch_size), where)


def outputs_on(module: nn.Module, instances: Instances, device: torch.device) -> torch.Tensor:
    """Return the outputs on instances, from a module that is on its device."""
    return torch.softmax(_logits_on(module, instances.in_order(), device), dim=1)


def _logits_on(
    module: nn.Module, batches: Iterable[tuple[torch.Tensor, Any]], device: torch.device
) -> torch.Tensor:
    """Return the logits of batches, on the processor, and leave the module as it was."""
    was_training = module.training
    module.eval()
    with torch.no_grad():
        parts = [_logits(module, to_device(inputs, device)).cpu() for _, inputs in batches]
    module.train(was_training)
    return torch.cat(parts)


def _mean_loss(loss: Loss, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean of the solvers' own loss, which PyTorch differentiates."""
    return loss.value(torch.log_softmax(logits, dim=1), targets).mean()


def _logits(module: nn.Module, inputs: Any, n_classes: int | None = None) -> torch.Tensor:
    logits = module(inputs)
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else ()
    if len(shape) != 2 or n_classes not in (None, shape[1]):
        expected = f"(instances, {'classes' if n_classes is None else n_classes})"
        raise ValueError(
            f"the module must return logits of shape {expected}, got "
            f"{shape if isinstance(logits, torch.Tensor) else type(logits).__name__}."
        )
    return logits
