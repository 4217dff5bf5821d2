"""What a run depends on: a folder belongs to one network, trained in one way, on one set of inputs.

Inputs are compared by content. Functions that a run is given (an optimiser, a schedule) are
compared by their effect, because two functions that do the same are the same to a run.
"""

from __future__ import annotations

import dataclasses
import dis
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sdbook.sweeps.fingerprint import fingerprint
from sdbook.training.checkpoints import plain
from sdbook.training.data import Instances
from sdbook.training.recipe import schedule_on

__all__ = ["described", "inputs_of", "network_of", "optimiser_of", "order_of", "schedule_of"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_OF_ANY = frozenset(vars(nn.Module()))
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_HOOKS_OF_WEIGHTS = ("_backward_hooks", "_post_accumulate_grad_hooks")


def inputs_of(instances: Instances) -> str:
    """Return a fingerprint of all inputs, which are read once from the first to the last."""
    return fingerprint([fingerprint(_plain(batch)) for _, batch in instances.in_order()])


def order_of(instances: Instances, kept: torch.Tensor) -> str:
    """Return a fingerprint of the batches in which an epoch meets the instances of a mask."""
    return fingerprint([np.asarray(batch) for batch in instances.drawn(kept)])


def network_of(module: nn.Module) -> str:
    """Return a fingerprint of a module: its weights, and the code and attributes of its parts.

    Attributes count that are numbers, texts, tensors, functions, or lists and dictionaries of
    them, and so do hooks.

    Examples
    --------
    >>> from torch import nn
    >>> from sdbook.training.identity import network_of
    >>> network_of(nn.Dropout(0.1)) == network_of(nn.Dropout(0.1))
    True
    >>> network_of(nn.Dropout(0.1)) == network_of(nn.Dropout(0.2))
    False
    """
    parts = [
        (
            name,
            _class(part),
            [(k, _plain(vars(part)[k])) for k in vars(part) if k not in _OF_ANY]
            + _hooks(part, _HOOKS),
        )
        for name, part in module.named_modules()
    ]
    weights = [
        (name, p.requires_grad, _plain(p), *_hooks(p, _HOOKS_OF_WEIGHTS))
        for name, p in module.named_parameters()
    ]
    buffers = [(name, _plain(buffer)) for name, buffer in module.named_buffers()]
    return fingerprint(parts, weights, buffers, _codes({type(part) for part in module.modules()}))


def optimiser_of(optimiser: Optimizer, module: nn.Module) -> str:
    """Return the settings of an optimiser, and a fingerprint of all that they apply to."""
    names = {id(p): name for name, p in module.named_parameters()}
    groups = [
        ([names.get(id(p)) for p in group["params"]], _settings(group))
        for group in optimiser.param_groups
    ]
    content = fingerprint(groups, _codes([type(optimiser)]))
    return f"{_class(optimiser)} {described(plain(optimiser.defaults))} {content}"


def schedule_of(
    schedule: Callable[[Optimizer], LRScheduler] | None, optimiser: Optimizer, epochs: int
) -> str | None:
    """Return the kind of a schedule, and a fingerprint of what it sets in all epochs."""
    if schedule is None:
        return None
    still = _Still(
        [
            {name: value if name == "params" else deepcopy(value) for name, value in group.items()}
            for group in optimiser.param_groups
        ],
        dict(optimiser.defaults),
    )
    made: Any = schedule_on(still, schedule)
    settings = []
    for _ in range(epochs):
        settings.append([_settings(group) for group in still.param_groups])
        still.step()
        made.step()
    return f"{_class(made)} {fingerprint(settings)}"


def described(thing: object) -> str:
    """Return the `repr` of a thing without the addresses that differ from process to process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


class _Still(Optimizer):  # type: ignore[misc]
    """Has the settings of an optimiser for a schedule to change, and changes no weights."""

    def step(self, closure: Any = None) -> None:
        """Do nothing."""


def _plain(thing: Any) -> Any:
    """Return the content of a thing without PyTorch's types; of unknown things, the class only."""
    if isinstance(thing, torch.Tensor):
        if is_lazy(thing):
            return _class(thing)
        tensor = thing.detach().cpu()
        whole = tensor if tensor.layout == torch.strided else tensor.to_dense()
        raw = whole.contiguous().reshape(-1).view(torch.uint8).numpy()
        return str(tensor.dtype), tuple(tensor.shape), raw
    if isinstance(thing, _PLAIN) or (
        isinstance(thing, np.ndarray | np.generic) and thing.dtype.kind in "biufcUS"
    ):
        return thing
    if isinstance(thing, Mapping):
        return {described(name): _plain(part) for name, part in thing.items()}
    if isinstance(thing, list | tuple | np.ndarray):
        return [_plain(part) for part in thing]
    if isinstance(thing, torch.dtype):
        return str(thing)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return [_plain(getattr(thing, part.name)) for part in dataclasses.fields(thing)]
    if isinstance(thing, type):
        return thing.__name__
    return _function(thing, ()) or _class(thing)


def _function(thing: Any, inside: tuple[object, ...]) -> list[Any] | None:
    """Return what a function does: its code and its arguments. None of what is no function.

    What it takes from the function around it counts where it is a number, a text, a tensor or a
    function, and stays what it is: what a hook has counted or recorded is no part of a network.
    """
    if any(thing is outer for outer in inside):
        return ["itself"]
    within = (*inside, thing)

    def part(value: Any) -> Any:
        return _function(value, within) or _plain(value)

    if isinstance(thing, partial):
        arguments = [part(each) for each in thing.args]
        named = [(name, part(each)) for name, each in sorted(thing.keywords.items())]
        return ["partial", part(thing.func), arguments, named]
    if isinstance(thing, MethodType):
        return ["method", part(thing.__func__), _plain(thing.__self__)]
    if isinstance(thing, BuiltinFunctionType):
        try:
            return ["built in", fingerprint(thing)]
        except TypeError:
            return None
    if not isinstance(thing, FunctionType):
        return None
    code, taken = thing.__code__, []
    bound = {step.argval for step in dis.get_instructions(code) if step.opname == "STORE_DEREF"}
    for name, cell in zip(code.co_freevars, thing.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not yet, or no longer, there
            continue
        if name not in bound and not isinstance(value, Mapping | list | np.ndarray):
            taken.append((name, part(value)))
    defaults = [part(value) for value in thing.__defaults__ or ()]
    named = [(name, part(value)) for name, value in (thing.__kwdefaults__ or {}).items()]
    return ["function", fingerprint(code), defaults, named, taken]


def _hooks(owner: Any, kinds: Iterable[str]) -> list[Any]:
    """Return the hooks of a module or a weight, in the order in which they are called."""
    hooks = [(kind, getattr(owner, kind, None)) for kind in kinds]
    return [(kind, [_plain(each) for each in those.values()]) for kind, those in hooks if those]


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    return {k: _plain(plain(value)) for k, value in sorted(group.items()) if k != "params"}


def _class(thing: object) -> str:
    return type(thing).__name__


def _codes(classes: Iterable[type]) -> list[Any]:
    """Return the methods of classes and of those that they inherit from, without PyTorch's."""
    all_of_them = {cls for inheriting in classes for cls in inheriting.__mro__}
    return sorted(
        (cls.__name__, name, fingerprint(inspect.unwrap(method).__code__))
        for cls in all_of_them
        if cls.__module__.partition(".")[0] not in ("torch", "builtins")
        for name, method in vars(cls).items()
        if isinstance(method, FunctionType)
    )
