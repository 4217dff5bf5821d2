"""One round: epochs of an optimiser on fixed targets, until they are over or stopped early."""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import copy, deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from sdbook import _validate
from sdbook._device import choose_device
from sdbook.solvers import Loss
from sdbook.training.checkpoints import damaged, plain
from sdbook.training.data import Inputs, Instances
from sdbook.training.device import autocast, seeded, to_device
from sdbook.training.identity import described
from sdbook.training.recipe import Recipe, schedule_on

__all__ = ["Epoch", "Fitting", "Task", "outputs_of", "outputs_on"]

# First numbers of the keys of random draws: no two purposes share their numbers.
ORDER, WEIGHTS, OUTPUTS, HOLD_OUT, ASKED, READ = range(6)
_ASKED = 8  # instances by which a network is known again


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
    network : str or None
        Fingerprint of the module as it was made, for rounds that are kept.
    history : list of Epoch
        One entry per epoch so far.
    """

    module: nn.Module
    task: Task
    network: str | None = None
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
        self._schedule: LRScheduler | None = None
        self._make_plain()
        self._schedule = schedule_on(self._optimiser, recipe.schedule)
        self._make_plain()
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
            If the module does not return logits of shape (instances, K), or there is no batch.
        """
        task, number = self.task, len(self.history) + 1
        with seeded(task.device, ORDER, task.seed, task.t, number):
            self.module.train()
            total, seen = torch.zeros((), device=task.device), 0
            for numbers, inputs in task.instances.shuffled(task.kept):
                total = total + len(numbers) * self._step(numbers, inputs)
                seen += len(numbers)
            if seen == 0:
                raise ValueError(
                    "inputs is a DataLoader that gives no batch of the instances to train on; "
                    "accepted is one that gives one or more, such as without drop_last"
                )
            if self._schedule is not None:
                self._schedule.step()
                self._make_plain()
            loss = float(total) / seen
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
        """Return all that changes, and by what to know it again: tensors and plain containers."""
        return {
            "targets": self.task.targets,
            "loss": described(self.task.loss),
            "effect of the loss": self._effect_of_loss(),
            "network": self.network,
            "module": self.module.state_dict(),
            "logits": self._first_logits(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": None if self._schedule is None else self._schedule.state_dict(),
            "best": self._best,
            "history": [(epoch.loss, epoch.held_out) for epoch in self.history],
        }

    def load_state(self, state: Any, path: Path) -> None:
        """Go on from a state that `state` returned, and that the file at `path` holds.

        Raises
        ------
        ValueError
            If it is of a round with another loss, other targets or another network, or no state.
        """
        effect = self._effect_of_loss()
        try:
            another = self._another(state, effect)
            if another is None:
                weights = self.module.state_dict()
                self.module.load_state_dict(_as_in(weights, state["module"]))
                settings = self._optimiser.state_dict()
                self._optimiser.load_state_dict(_as_in(settings, state["optimiser"]))
                if self._schedule is not None:
                    now = self._schedule.state_dict()
                    self._schedule.load_state_dict(_as_in(now, state["schedule"]))
                self._best = _as_in(weights, state["best"])
                self.history = [Epoch(*measured) for measured in state["history"]]
                theirs = torch.as_tensor(state["logits"])
        except Exception as error:  # of many kinds: each part of a state may be anything
            raise damaged(path) from error
        if another is None:
            ours = self._first_logits()
            if not _near(ours, theirs, 1e-2):
                another = "network, or inputs, so that the same weights give other logits"
        if another is not None:
            raise ValueError(
                f"{str(path)!r} holds a round {self.task.t} with another {another}; accepted are "
                "the same make_module, inputs, loss and refinement, or another folder"
            )

    def _another(self, state: Any, effect: torch.Tensor) -> str | None:
        """Say in what a state is of another round than this one."""
        if not _near(effect, state["effect of the loss"], 1e-5):
            return f"loss: {state['loss']} there, {described(self.task.loss)} here"
        # The outputs that targets were made of are computed anew, on a GPU not to the last bit.
        off = (self.task.targets - state["targets"]).abs().sum(dim=1) / 2
        if float(off.max()) > 1e-3:
            return "refinement, or inputs, so that it was taught other targets"
        return None if state["network"] == self.network else "network"

    def _make_plain(self) -> None:
        """Train with Python's numbers in place of NumPy's, as a run that continues does."""
        for group in self._optimiser.param_groups:
            group.update({k: _number(v) for k, v in group.items() if k != "params"})
        for schedule in [self._schedule, *getattr(self._schedule, "_schedulers", [])]:
            if schedule is not None:
                vars(schedule).update({k: _number(v) for k, v in vars(schedule).items()})

    def _first_logits(self) -> torch.Tensor:
        """Return what the module says, as it is now, of a few instances."""
        task = self.task
        with seeded(task.device, ASKED, task.seed, task.t):
            return _asked(self.module, [task.instances.first(_ASKED)], task.device)

    def _effect_of_loss(self) -> torch.Tensor:
        """Return the value of the loss, and its gradient, at logits and targets of many sizes."""
        shape = (6, self.task.targets.shape[1])
        dtype = torch.promote_types(self.task.targets.dtype, torch.float32)
        numbers = torch.arange(math.prod(shape), dtype=dtype)
        logits = (4 * torch.sin(numbers)).reshape(shape).to(self.task.device).requires_grad_()
        targets = torch.softmax((4 * torch.cos(numbers)).reshape(shape), dim=1)
        value = _mean_loss(self.task.loss, logits, targets.to(self.task.device))
        (gradient,) = torch.autograd.grad(value, logits)
        return torch.cat([value.detach()[None], gradient.flatten()]).cpu()

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
        batch_size = _validate.count("batch_size", batch_size)
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
    return _asked(module, (inputs for _, inputs in instances.in_order(kept)), device)


def _asked(module: nn.Module, batches: Iterable[Any], device: torch.device) -> torch.Tensor:
    """Return the logits of batches, on the processor, and leave the module as it was."""
    was_training = module.training
    module.eval()
    with torch.no_grad():
        parts = [_logits(module, to_device(inputs, device)).cpu() for inputs in batches]
    module.train(was_training)
    return torch.cat(parts)


def _near(ours: torch.Tensor, theirs: torch.Tensor, share: float) -> bool:
    """Whether numbers are the same up to a share of the largest."""
    tolerance = share * float(ours.abs().max())
    return ours.shape == theirs.shape and torch.allclose(
        ours, theirs, rtol=0, atol=tolerance, equal_nan=True
    )


def _mean_loss(loss: Loss, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean of the solvers' own loss, which PyTorch differentiates."""
    log_norm = torch.logsumexp(logits, dim=1)
    outputs = torch.exp(logits - log_norm[:, None])
    return loss.value(logits, log_norm, outputs, targets).mean()


def _logits(module: nn.Module, inputs: Any, n_classes: int | None = None) -> torch.Tensor:
    logits = module(inputs)
    expected = "(instances, classes)" if n_classes is None else f"(instances, {n_classes})"
    fits = isinstance(logits, torch.Tensor) and logits.ndim == 2
    if not fits or (n_classes is not None and logits.shape[1] != n_classes):
        found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise ValueError(f"the module returns {found}; accepted are logits of shape {expected}")
    return logits


def _number(setting: Any) -> Any:
    if type(setting) in (list, tuple):
        return type(setting)(_number(part) for part in setting)
    return plain(setting) if isinstance(setting, np.generic) else setting


def _as_in(now: Any, kept: Any) -> Any:
    """Return what was kept, with arrays where there are arrays now, and not tensors."""
    if isinstance(now, np.ndarray) and isinstance(kept, torch.Tensor):
        return kept.numpy()
    if isinstance(now, dict) and isinstance(kept, dict):
        ours = copy(kept)
        for name in kept.keys() & now.keys():
            ours[name] = _as_in(now[name], kept[name])  # `update` of a Counter would add
        return ours
    if isinstance(now, list) and isinstance(kept, list) and len(now) == len(kept):
        return [_as_in(*pair) for pair in zip(now, kept, strict=True)]
    return kept


def _or_infinite(loss: float | None) -> float:
    return math.inf if loss is None else loss
