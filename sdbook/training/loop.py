"""Rounds: a teacher on given labels, then students on refined outputs, each a trained network."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn
from torch.nn.parameter import is_lazy
from tqdm.auto import tqdm

from sdbook import _validate, distillation
from sdbook._device import choose_device
from sdbook.accuracy import Evaluator
from sdbook.datasets import one_hot
from sdbook.method import Method
from sdbook.refine import Refinement, as_is, refined
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
    outputs_of,
    outputs_on,
)
from sdbook.training.identity import content, inputs_of, network_of, optimiser_of, schedule_of
from sdbook.training.recipe import Recipe

__all__ = ["Round", "Run", "distill"]


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network, in the place of a `sdbook.solvers.Solution`."""

    module: nn.Module
    outputs: torch.Tensor
    coef: None = None
    certificate: None = None

    def predict(self, inputs: Inputs) -> torch.Tensor:
        """Return the outputs on new inputs, computed where the module is."""
        where = next((each.device for each in self.module.parameters()), "cpu")
        return outputs_of(self.module, inputs, device=where)


@dataclass(frozen=True, eq=False)
class Round(distillation.Round):
    """One round of a run: `sdbook.distillation.Round`, and what only networks have.

    Tensors are on the processor. ``predict`` takes inputs as `distill` does. ``coef`` and
    ``certificate`` are None: nobody knows how far from an optimum a network stops.

    Attributes
    ----------
    history : tuple of Epoch
        What each epoch measured.
    best_epoch : int
        The epoch whose weights these are: the last one, without early stopping.
    """

    solution: Network = field(repr=False)  # type: ignore[assignment]  # in place of one
    test: torch.Tensor | None = field(repr=False)  # what it answers on them, which is kept
    history: tuple[Epoch, ...] = field(repr=False)
    best_epoch: int

    @property
    def test_outputs(self) -> torch.Tensor | None:
        """Outputs on the test instances, of shape (M, K), or None."""
        return self.test

    @property
    def module(self) -> nn.Module:
        """The trained network, on the processor, ready to be asked."""
        return self.solution.module


@dataclass(frozen=True, eq=False)
class Run(distillation.Run):
    """Teacher and students, in order: `sdbook.Run`, with ``model`` the name of the module's class.

    ``predict`` takes inputs as `distill` does.

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
    rng: int = 0,
    folder: str | os.PathLike[str] | None = None,
    callback: Callable[[int, int, nn.Module], object] | None = None,
    progress: bool = True,
) -> Run:
    """Train a teacher network on given labels and student networks on each other's outputs.

    Parameters
    ----------
    make_module : callable
        Returns a new module each time, which maps a batch of inputs to logits (instances, K). What
        it draws follows from `rng` and the round. To start from a module that has been trained
        before, return a ``copy.deepcopy`` of it. Frozen parameters may be shared between rounds.
    inputs : tensor of shape (N, ...), Dataset or DataLoader
        Of the training instances. Of items that are tuples or lists, the first entry counts: labels
        that a data set brings are left alone. A batch is a tensor, or holds tensors (a mapping, a
        list, a data class), and reaches the module as what it is, on its device.
    given_labels : array_like of int, shape (N,)
        Labels, right or wrong, 0 to K - 1, in the order of the data set.
    lam : float
        L2 strength lambda of the mean loss, >= 0: ``lam / 2`` times the sum of squares of all
        parameters that are trained is added to the mean loss, as in `sdbook.distill`.
    n_classes, true_labels
        As in `sdbook.distill`.
    rounds, refinement, loss
        As in `sdbook.Method`; of a loss, its ``value`` is used, which PyTorch differentiates.
    recipe : Recipe, optional
        Epochs, optimiser, early stopping, and where students start.
    test : tuple of (inputs, labels), optional
        Test instances with their true labels; needs `true_labels`.
    device : str or torch.device
        "auto" is a CUDA GPU, else Apple's MPS, else the processor.
    rng : int
        Decides all random numbers (NumPy's, Python's and PyTorch's), whose global states are left
        as they were. An int only: each epoch draws from it anew, so that a run can continue.
    folder : path, optional
        Where to keep finished rounds, and each epoch of the round in progress. Called again with
        the same arguments, the run continues after the last whole epoch; on a processor it ends
        with the same bits. More rounds can be asked for later, and `true_labels`, `test`, `device`
        and `callback` may change. A folder of a run that differs in anything else is refused, and
        so are damaged files; see the notes. Other files in the folder are left alone.
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

    - Inputs, by content. They are read once, and one epoch of batches is drawn to compare the
      order. A data set has to bring the same items at each reading: random transforms may draw from
      the global random numbers of PyTorch, NumPy or Python, which follow from `rng`.
    - The network, by its weights as `make_module` returns it, the attributes and hooks of its
      parts, the code of their classes with what it calls and reads around it, and the logits of
      the first instances, which the weights that were kept have to give again (up to 1 %).
    - The optimiser, by its class and settings, and the schedule, by the settings that it makes in
      all epochs.
    - Losses, by content, and refinements, by the targets that they make (up to 0.001).

    What networks record while they are used does not count: of objects that are no numbers, texts,
    tensors, functions, modules, containers or data classes, only the class is seen; of what code
    finds around it, no lists, mappings, sets and arrays, and no names that it binds anew. What is
    called inside an optimiser of your own is not seen. Another version of Python or of a library
    may count as another network.

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
    method = Method(rounds, refinement)
    losses = _validate.one_each("loss", loss or CrossEntropy(), rounds, "round")
    lam = _validate.real("lam", lam, 0)
    rng = _validate.count("rng", rng, 0)
    where = choose_device(device)
    instances = Instances(inputs, recipe.batch_size)
    given, K = _validate.given_labels(given_labels, len(instances), n_classes)
    new = None if test is None else Instances(test[0], recipe.batch_size)
    evaluator = None
    if true_labels is not None:
        test_labels = None if test is None else test[1]
        n_test = 0 if new is None else len(new)
        evaluator = Evaluator.of(given, K, true_labels, test_labels, n_test)
    elif test is not None:
        raise ValueError("true_labels must be given with test, got None.")
    kept = _kept(len(instances), recipe, rng)
    files = None
    steps: list[Round] = []
    with tqdm(total=rounds * recipe.epochs, unit="epoch", disable=not progress) as bar:
        for t in range(1, rounds + 1):
            bar.set_description(f"round {t} of {rounds}")
            module = _made(make_module, where, rng, t, [step.module for step in steps])
            if t == 1:
                dtype = next(p.dtype for p in module.parameters() if p.requires_grad)
                targets = torch.as_tensor(one_hot(given, K), dtype=dtype)
            else:
                targets = refined(method.refinements[t - 2], steps[-1].outputs)
                name = f"what the refinement returned for round {t}"
                _validate.targets(name, targets, steps[-1].outputs, K)
                if recipe.warm_start:
                    module.load_state_dict(steps[-1].module.state_dict())
            fitting = Fitting(
                module, t, instances, targets, kept, lam, losses[t - 1], recipe, where, rng
            )
            if t == 1 and folder is not None:
                files = Checkpoints(folder, {"given_labels": content(given), **_options(fitting)})
            _train(fitting, files, callback, bar)
            steps.append(_round(fitting, evaluator, new))
    return Run(tuple(steps), lam, type(steps[0].module).__name__, given)


def _train(
    fitting: Fitting,
    files: Checkpoints | None,
    callback: Callable[[int, int, nn.Module], object] | None,
    bar: Any,
) -> None:
    """Train a round to its end, from where its file says that it stopped."""
    if files is not None:
        fitting.load(files)
        bar.update(len(fitting.history))
    while not fitting.done:
        fitting.epoch()
        if files is not None:
            fitting.save(files)
        bar.update()
        if callback is not None:
            callback(fitting.t, len(fitting.history), fitting.module)
    bar.update(fitting.recipe.epochs - len(fitting.history))


def _round(fitting: Fitting, evaluator: Evaluator | None, new: Instances | None) -> Round:
    """Ask a trained network about all instances."""
    module, where = fitting.finish(), fitting.device
    with seeded(where, OUTPUTS, fitting.rng, fitting.t):
        outputs = outputs_on(module, fitting.instances, where)
        test_outputs = None if new is None else outputs_on(module, new, where)
    return Round(
        t=fitting.t,
        solution=Network(module.cpu(), outputs),
        accuracy=None if evaluator is None else evaluator.accuracy(outputs, test_outputs),
        taught=fitting.targets,
        test=test_outputs,
        history=tuple(fitting.history),
        best_epoch=fitting.best_epoch,
    )


def _made(
    make_module: Callable[[], nn.Module],
    device: torch.device,
    rng: int,
    t: int,
    before: Sequence[nn.Module],
) -> nn.Module:
    """Return the module of a round, checked."""
    if not callable(make_module) or isinstance(make_module, nn.Module):
        raise TypeError(
            "make_module must be a function that returns a new module, because each round trains "
            f"one of its own, got a {type(make_module).__name__}."
        )
    with seeded(device, WEIGHTS, rng, t):
        module = make_module()
    if not isinstance(module, nn.Module) or not any(p.requires_grad for p in module.parameters()):
        raise TypeError(
            "make_module must return a torch.nn.Module with parameters to train, got a "
            f"{type(module).__name__}."
        )
    for name, p in module.named_parameters():
        if p.requires_grad and p.dtype in (torch.float16, torch.bfloat16):
            raise TypeError(
                "make_module must return parameters in torch.float32 or torch.float64 for the "
                f"steps of an optimiser, got {name!r} in {p.dtype}. "
                "Use Recipe(mixed_precision=True) to multiply in bfloat16."
            )
    theirs = {place for earlier in before for place in _learning(earlier)}
    for place, name in _learning(module).items():
        if place in theirs:
            raise ValueError(
                "make_module must return a new module each time that shares nothing but frozen "
                f"parameters, got one in round {t} that shares {name!r} with an earlier round's. "
                "Use copy.deepcopy(module), for example."
            )
    return module.to(device)


def _learning(module: nn.Module) -> dict[int, str]:
    """Return where in memory is what training changes (buffers may be statistics), with names."""
    return {
        tensor.untyped_storage().data_ptr(): name
        for name, tensor in module.state_dict(keep_vars=True).items()
        if isinstance(tensor, torch.Tensor) and not is_lazy(tensor) and tensor.numel()
        if tensor.requires_grad or not isinstance(tensor, nn.Parameter)
    }


def _kept(n_samples: int, recipe: Recipe, rng: int) -> torch.Tensor:
    """Return the mask of the instances that are trained on."""
    kept = torch.ones(n_samples, dtype=torch.bool)
    if recipe.patience is None:
        return kept
    aside = max(round(recipe.hold_out * n_samples), 1)
    if aside == n_samples:
        raise ValueError(
            f"hold_out must leave an instance to train on, got {recipe.hold_out}, which is all "
            f"{n_samples}."
        )
    kept[np.random.default_rng([HOLD_OUT, rng]).permutation(n_samples)[:aside]] = False
    return kept


def _options(fitting: Fitting) -> dict[str, Any]:
    """Return how a run is trained, on what, as plain JSON: what a folder is known by."""
    recipe, module, instances = fitting.recipe, fitting.module, fitting.instances
    plain = ("epochs", "batch_size", "patience", "hold_out", "warm_start", "mixed_precision")
    with seeded(fitting.device, READ, fitting.rng):
        read = inputs_of(instances)
    orders = []
    for _ in range(2):
        with seeded(fitting.device, READ, fitting.rng):
            orders.append(content(instances.drawn(fitting.kept)))
    if orders[0] != orders[1]:
        raise ValueError(
            "inputs must have an order that follows from rng, got a DataLoader that differs when "
            "drawn twice from the same. Use samplers that draw from the global random numbers of "
            "PyTorch, NumPy or Python, and count nothing."
        )
    optimiser = recipe.optimiser([p for p in module.parameters() if p.requires_grad])
    return {
        "n_classes": fitting.targets.shape[1],
        "lam": fitting.lam,
        "rng": fitting.rng,
        **{name: getattr(recipe, name) for name in plain},
        "inputs": read,
        "order of inputs": orders[0],
        "network that make_module returns": network_of(module),
        "optimiser": optimiser_of(optimiser, module),
        "schedule": schedule_of(recipe.schedule, optimiser, recipe.epochs),
    }
