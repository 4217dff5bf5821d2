"""One round: epochs of an optimiser on fixed targets, until they are over or stopped early."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from sdbook import _validate
from sdbook._device import choose_device
from sdbook.solvers import Loss
from sdbook.training.data import Inputs, Instances
from sdbook.training.device import autocast, seeded, to_device
from sdbook.training.recipe import Recipe

__all__ = ["Epoch", "Fitting", "Task", "outputs_of", "outputs_on"]

# First numbers of the keys of random draws: no two purposes share their numbers.
ORDER, WEIGHTS, OUTPUTS, HOLD_OUT = range(4)


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


@dataclass(frozen=True, eq=False)
class Task:
    """What a round is to learn, and with what.

    Attributes
    ----------
    t : int
        The round.
    instances : Instances
        Inputs of all instances.
    targets : tensor of shape (N, K)
        What the round is taught.
    kept : tensor of bool, shape (N,)
        Which instances to train on; the others are held out.
    lam : float
        L2 strength of the mean loss.
    loss : Loss
        From `sdbook.solvers`.
    recipe : Recipe
        How to train.
    device : torch.device
        Where to train.
    seed : int
        First part of the key of all random numbers.
    """

    t: int
    instances: Instances
    targets: torch.Tensor
    kept: torch.Tensor
    lam: float
    loss: Loss
    recipe: Recipe
    device: torch.device
    seed: int


@dataclass(eq=False)
class Fitting:
    """A round in progress: everything that changes from epoch to epoch.

    Attributes
    ----------
    module : nn.Module
        The network, on the device of the task.
    task : Task
        What it learns.
    history : list of Epoch
        One entry per epoch so far.
    """

    module: nn.Module
    task: Task
    history: list[Epoch] = field(default_factory=list)

    def __post_init__(self) -> None:
        recipe = self.task.recipe
        self._parameters = [p for p in self.module.parameters() if p.requires_grad]
        self._optimiser = recipe.optimiser(self._parameters)
        decaying = [g for g in self._optimiser.param_groups if g.get("weight_decay", 0)]
        if decaying:
            raise ValueError(
                f"optimiser has weight_decay {decaying[0]['weight_decay']}; accepted is 0: the "
                "penalty is lam, which is part of the loss"
            )
        self._schedule = None if recipe.schedule is None else recipe.schedule(self._optimiser)
        self._best: dict[str, Any] | None = None

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights count: of least held-out loss, or the last; 0 before any."""
        losses = [epoch.held_out for epoch in self.history]
        if self.task.recipe.patience is None or not losses:
            return len(losses)
        return losses.index(min(losses, key=_or_infinite)) + 1

    @property
    def done(self) -> bool:
        """Whether epochs are over, or early stopping has lost patience."""
        recipe, epochs = self.task.recipe, len(self.history)
        return epochs >= recipe.epochs or (
            recipe.patience is not None and epochs - self.best_epoch >= recipe.patience
        )

    def epoch(self) -> None:
        """Train one more epoch.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite.
        ValueError
            If the module does not return logits of shape (instances, K).
        """
        task, number = self.task, len(self.history) + 1
        with seeded(task.device, ORDER, task.seed, task.t, number):
            self.module.train()
            total = torch.zeros((), device=task.device)
            for numbers, inputs in task.instances.shuffled(task.kept):
                total = total + len(numbers) * self._step(numbers, inputs)
            if self._schedule is not None:
                self._schedule.step()
            loss = float(total) / int(task.kept.sum())
            held_out = None if task.recipe.patience is None else self._held_out_loss()
        if not math.isfinite(loss) or (held_out is not None and not math.isfinite(held_out)):
            raise FloatingPointError(
                f"the loss is {loss} in epoch {number} of round {task.t}; a smaller learning rate "
                "in recipe.optimiser may help"
            )
        self.history.append(Epoch(loss, held_out))
        if task.recipe.patience is not None and self.best_epoch == number:
            self._best = deepcopy(self.module.state_dict())

    def finish(self) -> nn.Module:
        """Return the module with the weights of its best epoch, ready to be asked."""
        if self._best is not None:
            self.module.load_state_dict(self._best)
        return self.module.eval()

    def state(self) -> dict[str, Any]:
        """Return all that changes, as tensors and plain containers."""
        return {
            "targets": self.task.targets,
            "loss": repr(self.task.loss),
            "module": self.module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": None if self._schedule is None else self._schedule.state_dict(),
            "best": self._best,
            "history": [(epoch.loss, epoch.held_out) for epoch in self.history],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state` returned.

        Raises
        ------
        ValueError
            If it is of a round with another loss or other targets.
        """
        t, loss = self.task.t, repr(self.task.loss)
        if state["loss"] != loss:
            raise ValueError(
                f"folder holds a round {t} with loss {state['loss']}; accepted here is {loss}, or "
                "another folder"
            )
        ours, theirs = self.task.targets, state["targets"]
        # The outputs that targets were made of are computed anew, on a GPU not to the last bit.
        if ours.shape != theirs.shape or not torch.allclose(ours, theirs, atol=1e-3):
            raise ValueError(
                f"folder holds a round {t} that was taught other targets; accepted are the same "
                "refinement and inputs, or another folder"
            )
        self.module.load_state_dict(state["module"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self._schedule is not None:
            self._schedule.load_state_dict(state["schedule"])
        self._best = state["best"]
        self.history = [Epoch(*measured) for measured in state["history"]]

    def _step(self, numbers: torch.Tensor, inputs: Any) -> torch.Tensor:
        """Take one step on one batch and return the loss before it."""
        task = self.task
        inputs = to_device(inputs, task.device)
        targets = task.targets[numbers].to(task.device)

        def closure() -> torch.Tensor:
            self._optimiser.zero_grad()
            with autocast(task.device, task.recipe.mixed_precision):
                logits = _logits(self.module, inputs, targets.shape[1])
            mean = _mean_loss(task.loss, logits.to(targets.dtype), targets)
            loss = mean + task.lam / 2 * sum(p.square().sum() for p in self._parameters)
            torch.autograd.backward(loss)
            return loss

        step: Any = self._optimiser.step  # annotated for closures that return a float
        return step(closure).detach()

    def _held_out_loss(self) -> float:
        task = self.task
        logits = _logits_on(self.module, task.instances, task.device, ~task.kept)
        return float(_mean_loss(task.loss, logits, task.targets[~task.kept]))


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
        _validate.count("batch_size", batch_size)
    where = choose_device(device)
    return outputs_on(module.to(where), Instances(inputs, batch_size), where)


def outputs_on(
    module: nn.Module,
    instances: Instances,
    device: torch.device,
    kept: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the outputs on the instances of a mask, from a module that is on its device."""
    return torch.softmax(_logits_on(module, instances, device, kept), dim=1)


def _logits_on(
    module: nn.Module,
    instances: Instances,
    device: torch.device,
    kept: torch.Tensor | None,
) -> torch.Tensor:
    was_training = module.training
    module.eval()
    with torch.no_grad():
        parts = [
            _logits(module, to_device(inputs, device)).cpu()
            for _, inputs in instances.in_order(kept)
        ]
    module.train(was_training)
    return torch.cat(parts)


def _mean_loss(loss: Loss, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean of the solvers' own loss, which PyTorch differentiates."""
    log_norm = torch.logsumexp(logits, dim=1)
    outputs = torch.exp(logits - log_norm[:, None])
    return loss.value(logits, log_norm, outputs, targets).mean()


def _logits(module: nn.Module, inputs: Any, classes: int | None = None) -> torch.Tensor:
    logits = module(inputs)
    expected = "(instances, classes)" if classes is None else f"(instances, {classes})"
    fits = isinstance(logits, torch.Tensor) and logits.ndim == 2
    if not fits or (classes is not None and logits.shape[1] != classes):
        found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise ValueError(f"the module returns {found}; accepted are logits of shape {expected}")
    return logits


def _or_infinite(loss: float | None) -> float:
    return math.inf if loss is None else loss
