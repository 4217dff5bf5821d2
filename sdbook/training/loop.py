"""Rounds: a teacher on given labels, then students on refined outputs, each a trained network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn.parameter import is_lazy
from tqdm.auto import tqdm

from sdbook import _validate, distillation
from sdbook._device import choose_device
from sdbook.accuracy import Judge
from sdbook.datasets import one_hot
from sdbook.refine import Refinement, as_is, taught
from sdbook.solvers import CrossEntropy, Loss
from sdbook.training.checkpoints import Checkpoints
from sdbook.training.data import Inputs, Instances
from sdbook.training.device import seeded
from sdbook.training.fitting import (
    HOLD_OUT,
    OUTPUTS,
    READ,
    WEIGHTS,
    Epoch,
    Fitting,
    Task,
    outputs_on,
)
from sdbook.training.identity import inputs_of, network_of, optimiser_of, order_of, schedule_of
from sdbook.training.recipe import Recipe

__all__ = ["Round", "Run", "distill"]


@dataclass(frozen=True, eq=False)
class Round(distillation.Round):
    """One round of a run: `sdbook.distillation.Round`, and what only networks have.

    ``weights`` are those of the network by their names (its ``state_dict``), tensors are on the
    processor, and there is no certificate: nobody knows how far from an optimum a network stops.

    Attributes
    ----------
    module : nn.Module
        The trained network, on the processor, ready to be asked.
    history : tuple of Epoch
        What each epoch measured.
    best_epoch : int
        The epoch whose weights these are: the last one, without early stopping.
    """

    module: nn.Module = field(repr=False)
    history: tuple[Epoch, ...] = field(repr=False)
    best_epoch: int


@dataclass(frozen=True, eq=False)
class Run(distillation.Run):
    """Teacher and students, in order: `sdbook.Run`, with ``model`` the name of the module's class.

    Attributes
    ----------
    rounds : tuple of Round
        Round 1 first.
    """

    rounds: tuple[Round, ...] = field(repr=False)

    @property
    def teacher(self) -> Round:
        """Round 1."""
        return self.rounds[0]

    @property
    def last(self) -> Round:
        """The last student, or the teacher where there was no student."""
        return self.rounds[-1]


def distill(
    make_module: Callable[[], nn.Module],
    inputs: Inputs,
    given_labels: ArrayLike,
    lam: float,
    *,
    n_classes: int | None = None,
    rounds: int = 5,
    refinement: Refinement | Sequence[Refinement] = as_is,
    loss: Loss | Sequence[Loss] | None = None,
    recipe: Recipe | None = None,
    true_labels: ArrayLike | None = None,
    test: tuple[Inputs, ArrayLike] | None = None,
    device: str | torch.device = "auto",
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    callback: Callable[[int, int, nn.Module], object] | None = None,
    progress: bool = True,
) -> Run:
    """Train a teacher network on given labels and student networks on each other's outputs.

    Parameters
    ----------
    make_module : callable
        Returns a new module each time, which maps a batch of inputs to logits (instances, K). What
        it draws follows from `seed` and the round. To start from a module that has been trained
        before, return a ``copy.deepcopy`` of it. Frozen parameters may be shared between rounds.
    inputs : tensor of shape (N, ...), Dataset or DataLoader
        Of the training instances. Items that are tuples count with their first entry: labels that
        a data set brings are left alone. A batch is a tensor, or holds tensors (a mapping, a list,
        a data class), and reaches the module as what it is, on its device.
    given_labels : array_like of int, shape (N,)
        Labels, right or wrong, 0 to K - 1, in the order of the data set.
    lam : float
        L2 strength lambda of the mean loss, >= 0: ``lam / 2`` times the sum of squares of all
        parameters that are trained is added to the mean loss, as in `sdbook.distill`.
    n_classes, rounds, refinement, loss, true_labels
        As in `sdbook.distill`.
    recipe : Recipe, optional
        Epochs, optimiser, early stopping, and where students start.
    test : tuple of (inputs, labels), optional
        Test instances with their true labels; needs `true_labels`.
    device : str or torch.device
        "auto" is a CUDA GPU, else Apple's MPS, else the processor.
    seed : int
        Decides all random numbers (NumPy's, Python's and PyTorch's), whose global states are left
        as they were.
    folder : path, optional
        Where to keep finished rounds, and each epoch of the round in progress. Called again with
        the same arguments, the run continues after the last whole epoch; on a processor it ends
        with the same bits. More rounds can be asked for later, and `true_labels`, `test`, `device`
        and `callback` may change. A folder of a run that differs in anything else is refused, and so
        are damaged files; see the notes. Other files in the folder are left alone.
    callback : callable, optional
        Called after each epoch with the round, the epoch and the module, to measure something.
        Epochs that were trained before a run continued are not repeated for it.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Run

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, `folder` holds another run or a damaged file, or
        modules of two rounds share what training changes.
    FloatingPointError
        If training diverges.

    Notes
    -----
    What makes a run another one, for `folder`:

    - Inputs, by content. They are read once, from the first to the last, and one epoch of batches
      is drawn to compare the order. Compared are tensors, arrays, numbers and texts, alone or in
      mappings, lists and data classes; of other objects, only the class. A data set has to bring
      the same items at each reading: random transforms may draw from the global random numbers of
      PyTorch, NumPy or Python, which follow from `seed`, and not from any of their own.
    - The network, by its weights as `make_module` returns it, the methods of its classes, those
      attributes of its parts that are numbers, texts, tensors or functions, hooks, and the logits
      of the first instances, which the weights that were kept have to give again (up to 1 %). A
      function counts with its code, its arguments and what it takes from the function around it.
    - The optimiser, by its class and settings, and the schedule, by the settings that it makes in
      all epochs.
    - Losses, by value and gradient, and refinements, by the targets that they make (up to 0.001).

    What has no effect on any of these is not seen: a function outside the network's classes that
    is called in training mode only, or inside an optimiser of your own. Another version of Python
    or of a library may count as another network.

    Examples
    --------
    >>> from functools import partial
    >>> import torch
    >>> from sdbook import datasets, noise, training
    >>> data = datasets.block_correlated(4, 50, c=0.4, d=0.1)
    >>> given = noise.corrupt(data.labels, noise.symmetric(4, 0.3), rng=0, exact=True)
    >>> recipe = training.Recipe(
    ...     epochs=3, batch_size=None, optimiser=partial(torch.optim.LBFGS, max_iter=50)
    ... )
    >>> inputs = torch.as_tensor(data.features, dtype=torch.float32)
    >>> run = training.distill(
    ...     partial(torch.nn.Linear, 200, 4, bias=False), inputs, given, lam=5e-4, rounds=4,
    ...     recipe=recipe, true_labels=data.labels, device="cpu", progress=False,
    ... )
    >>> print(run)
    Linear model, lambda = 0.0005
      round 1: clean 100.0%, corrupted 0.0%, all 70.0%
      round 2: clean 100.0%, corrupted 0.0%, all 70.0%
      round 3: clean 100.0%, corrupted 100.0%, all 100.0%
      round 4: clean 100.0%, corrupted 100.0%, all 100.0%
    """
    recipe = Recipe() if recipe is None else recipe
    rounds = _validate.count("rounds", rounds)
    lam = _validate.real("lam", lam, 0)
    seed = _validate.count("seed", seed, 0)
    where = choose_device(device)
    instances = Instances(inputs, recipe.batch_size)
    given, K = _validate.given_labels(given_labels, len(instances), n_classes)
    new = None if test is None else (Instances(test[0], recipe.batch_size), test[1])
    judge = _judge(given, true_labels, new, K)
    refinements = _validate.one_each("refinement", refinement, rounds - 1, "student")
    losses = _validate.one_each("loss", loss or CrossEntropy(), rounds, "round")
    kept = _kept(len(instances), recipe, seed)
    first = _made(make_module, where, seed, 1, [])
    files = None
    if folder is not None:
        options = {
            "given_labels": hashlib.sha256(given.tobytes()).hexdigest(),
            "classes": K,
            "lam": lam,
            "seed": seed,
            **_depends_on(first, instances, kept, recipe, where, seed),
        }
        files = Checkpoints(folder, options)

    steps: list[Round] = []
    with tqdm(total=rounds * recipe.epochs, unit="epoch", disable=not progress) as bar:
        for t in range(1, rounds + 1):
            bar.set_description(f"round {t} of {rounds}")
            if t == 1:
                module, targets = first, torch.as_tensor(one_hot(given, K), dtype=_dtype(first))
            else:
                module = _made(make_module, where, seed, t, [step.module for step in steps])
                targets = taught(refinements[t - 2], steps[-1].outputs)
                _validate.targets("refined outputs", targets, steps[-1].outputs, K)
                if recipe.start == "teacher":
                    module.load_state_dict(steps[-1].weights)
            task = Task(
                t=t,
                instances=instances,
                targets=targets,
                kept=kept,
                lam=lam,
                loss=losses[t - 1],
                recipe=recipe,
                device=where,
                seed=seed,
            )
            network = None if files is None else network_of(module)
            fitting = _trained(Fitting(module, task, network), files, callback, bar)
            steps.append(_round(fitting, judge, None if new is None else new[0]))
    return Run(tuple(steps), lam, type(first).__name__, given)


def _trained(
    fitting: Fitting,
    files: Checkpoints | None,
    callback: Callable[[int, int, nn.Module], object] | None,
    bar: Any,
) -> Fitting:
    """Train a round to its end, from where its file says that it stopped."""
    task = fitting.task
    state = None if files is None else files.load(task.t)
    if files is not None and state is not None:
        fitting.load_state(state, files.path(task.t))
        bar.update(len(fitting.history))
    while not fitting.done:
        fitting.epoch()
        if files is not None:
            files.save(task.t, fitting.state())
        bar.update()
        if callback is not None:
            callback(task.t, len(fitting.history), fitting.module)
    bar.update(task.recipe.epochs - len(fitting.history))
    return fitting


def _round(fitting: Fitting, judge: Judge | None, test_instances: Instances | None) -> Round:
    """Ask a trained network about all instances."""
    task, module = fitting.task, fitting.finish()
    with seeded(task.device, OUTPUTS, task.seed, task.t):
        outputs = outputs_on(module, task.instances, task.device)
        test_outputs = None
        if test_instances is not None:
            test_outputs = outputs_on(module, test_instances, task.device)
    module = module.cpu()
    return Round(
        t=task.t,
        targets=fitting.task.targets,
        outputs=outputs,
        coef=module.state_dict(),
        test_outputs=test_outputs,
        accuracy=None if judge is None else judge.accuracy(outputs, test_outputs),
        certificate=None,
        module=module,
        history=tuple(fitting.history),
        best_epoch=fitting.best_epoch,
    )


def _made(
    make_module: Callable[[], nn.Module],
    device: torch.device,
    seed: int,
    t: int,
    before: Sequence[nn.Module],
) -> nn.Module:
    if not callable(make_module) or isinstance(make_module, nn.Module):
        raise TypeError(
            f"make_module is a {type(make_module).__name__}; accepted is a function that returns "
            "a new module, because each round trains one of its own"
        )
    with seeded(device, WEIGHTS, seed, t):
        module = make_module()
    if not isinstance(module, nn.Module) or not any(p.requires_grad for p in module.parameters()):
        raise TypeError(
            f"make_module returns a {type(module).__name__}; accepted is a torch.nn.Module with "
            "parameters to train"
        )
    half = [
        (name, p.dtype)
        for name, p in module.named_parameters()
        if p.requires_grad and p.dtype in (torch.float16, torch.bfloat16)
    ]
    if half:
        raise TypeError(
            f"make_module returns a module whose {half[0][0]!r} is {half[0][1]}, too coarse for "
            "the steps of an optimiser; accepted are parameters in torch.float32 or torch.float64, "
            "and Recipe(mixed_precision=True) to multiply in bfloat16"
        )
    theirs = {place for earlier in before for place in _learning(earlier)}
    for place, name in _learning(module).items():
        if place in theirs:
            raise ValueError(
                f"make_module returns a module in round {t} that shares {name!r} with an earlier "
                "round's; accepted is a new module each time, such as copy.deepcopy(module), that "
                "shares nothing but frozen parameters"
            )
    return module.to(device)


def _learning(module: nn.Module) -> dict[int, str]:
    """Return where in memory is what training changes (buffers may be statistics), with names."""
    kept = module.state_dict()
    weights = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    buffers = [(name, buffer) for name, buffer in module.named_buffers() if name in kept]
    return {
        tensor.untyped_storage().data_ptr(): name
        for name, tensor in weights + buffers
        if not is_lazy(tensor) and tensor.numel()
    }


def _kept(n_samples: int, recipe: Recipe, seed: int) -> torch.Tensor:
    """Return the mask of the instances that are trained on."""
    kept = torch.ones(n_samples, dtype=torch.bool)
    if recipe.patience is None:
        return kept
    aside = max(round(recipe.hold_out * n_samples), 1)
    if aside == n_samples:
        raise ValueError(
            f"hold_out is {recipe.hold_out}, which is all {n_samples} instances; accepted are "
            "shares that leave one to train on"
        )
    order = np.random.default_rng([HOLD_OUT, seed]).permutation(n_samples)
    kept[order[:aside]] = False
    return kept


def _judge(
    given: NDArray[np.int64],
    true_labels: ArrayLike | None,
    test: tuple[Instances, ArrayLike] | None,
    n_classes: int,
) -> Judge | None:
    if true_labels is None:
        if test is not None:
            raise ValueError("test is given without true_labels; accepted are both or neither")
        return None
    if test is None:
        return Judge.of(given, true_labels, None, 0, n_classes)
    return Judge.of(given, true_labels, test[1], len(test[0]), n_classes)


def _depends_on(
    module: nn.Module,
    instances: Instances,
    kept: torch.Tensor,
    recipe: Recipe,
    device: torch.device,
    seed: int,
) -> dict[str, Any]:
    """Return how a run is trained, on what, as plain JSON: what a folder is known by."""
    plain = ("epochs", "batch_size", "patience", "hold_out", "start", "mixed_precision")
    optimiser = recipe.optimiser([p for p in module.parameters() if p.requires_grad])
    with seeded(device, READ, seed):
        inputs = inputs_of(instances)
    with seeded(device, READ, seed):
        order = order_of(instances, kept)
    with seeded(device, READ, seed):
        if order_of(instances, kept) != order:
            raise ValueError(
                "inputs is a DataLoader whose order does not follow from the seed: drawn twice "
                "from the same one it differs; accepted are samplers that draw from the global "
                "random numbers of PyTorch, NumPy or Python, and count nothing"
            )
    return {
        **{name: getattr(recipe, name) for name in plain},
        "inputs": inputs,
        "order of inputs": order,
        "network that make_module returns": network_of(module),
        "optimiser": optimiser_of(optimiser, module),
        "schedule": schedule_of(recipe.schedule, optimiser, recipe.epochs),
    }


def _dtype(module: nn.Module) -> torch.dtype:
    """Return the dtype in which the module computes."""
    return next(p.dtype for p in module.parameters() if p.requires_grad)
