"""What a run depends on: a folder belongs to one network, trained in one way, on one set of inputs.

Inputs and networks are compared by content. Functions that a run is given (an optimiser, a
schedule) are compared by their effect, because two functions that do the same are the same to a
run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import dis
import re
from collections.abc import Callable, Mapping
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from sdbook._fingerprint import Codes, Contents, Names, Parts, Values, nested
from sdbook.training.data import Instances
from sdbook.training.recipe import schedule_on, step_schedule

__all__ = ["content", "described", "inputs_of", "network_of", "optimiser_of", "schedule_of"]

_OF_ANY = frozenset(vars(nn.Module()))
_REBINDING = ("STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR")


def content(*things: Any) -> str:
    """Return a `fingerprint` that leaves out what a network records while it is used.

    Of objects other than modules, tensors, containers and data classes, only the class counts.
    What functions and classes find around them counts unless it is a list, a mapping, a set or an
    array, or they rebind its name: so may a hook count, or keep, what it has seen.
    """
    return _Lasting().fingerprint(things)


def inputs_of(instances: Instances) -> str:
    """Return the content of all inputs, which are read once from the first to the last."""
    return content([content(batch) for _, batch in instances.in_order()])


def network_of(module: nn.Module) -> str:
    """Return the content of a module: weights, attributes, hooks and code of its parts."""
    return content(module, [name for name, _ in module.named_parameters()])  # tied ones once


def optimiser_of(optimiser: Optimizer, module: nn.Module) -> str:
    """Return the settings of an optimiser, and the content of all that they apply to."""
    names = {id(p): name for name, p in module.named_parameters()}
    groups = [[names.get(id(p)) for p in group["params"]] for group in optimiser.param_groups]
    all_of_it = content(type(optimiser), groups, _settings(optimiser))
    return f"{type(optimiser).__name__} {described(number(optimiser.defaults))} {all_of_it}"


def schedule_of(
    schedule: Callable[[Optimizer], LRScheduler] | None, optimiser: Optimizer, epochs: int
) -> str | None:
    """Return the kind of a schedule, and the content of what it sets in all epochs.

    The optimiser is of no use afterwards.
    """
    made = schedule_on(optimiser, schedule)
    if made is None:
        return None
    settings = []
    for _ in range(epochs):
        settings.append(content(_settings(optimiser)))
        step_schedule(made)
    return f"{type(made).__name__} {content(settings)}"


def described(thing: object) -> str:
    """Return the `repr` of a thing without the addresses that differ from process to process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def number(setting: Any) -> Any:
    """Return settings with Python's numbers in place of NumPy's."""
    if isinstance(setting, dict):
        return {name: number(part) for name, part in setting.items()}
    if type(setting) in (list, tuple):
        return type(setting)(number(part) for part in setting)
    return setting.item() if isinstance(setting, np.generic) else setting


def _settings(optimiser: Optimizer) -> list[Any]:
    return [
        [(k, number(value)) for k, value in sorted(group.items()) if k != "params"]
        for group in optimiser.param_groups
    ]


class _Lasting(Contents):
    """What things are made of, without what changes while they are used."""

    def found(self, values: Values, owner: str, names: Names = None, codes: Codes = ()) -> Parts:
        methods = [each for each in values.values() if isinstance(each, FunctionType)]
        codes = [*codes, *(code for method in methods for code in nested(method.__code__))]
        steps = (step for code in codes for step in dis.get_instructions(code))
        rebound = {step.argval for step in steps if step.opname in _REBINDING}
        kept = {
            name: value
            for name, value in values.items()
            if name not in rebound and not isinstance(value, Mapping | list | set | np.ndarray)
        }
        return super().found(kept, owner, names)

    def tensor(self, tensor: Any) -> Parts:
        parts: Parts = [type(tensor).__name__] if is_lazy(tensor) else super().tensor(tensor)
        if isinstance(tensor, nn.Parameter):
            hooks = tensor._backward_hooks, tensor._post_accumulate_grad_hooks
            parts += [tensor.requires_grad, *([*(those or {}).values()] for those in hooks)]
        return parts

    def object(self, thing: Any, where: str) -> Parts:
        if isinstance(thing, nn.Module):
            changing = ("training", "_torchdynamo_wrapper_id")  # which is an address
            parts = {k: vars(thing)[k] for k in sorted(vars(thing)) if k not in changing}
            hooks = {name for name in parts if name in _OF_ANY and "hooks" in name}
            parts |= {name: [*parts[name].values()] for name in hooks}  # keys count all hooks
            return ["module", type(thing), parts]
        if isinstance(thing, Mapping):
            return ["mapping", *thing.items()]
        if isinstance(thing, list | tuple | np.ndarray):
            return ["sequence", *thing]
        if dataclasses.is_dataclass(thing):
            return ["data", *(getattr(thing, field.name) for field in dataclasses.fields(thing))]
        if isinstance(thing, partial | BuiltinFunctionType | torch.dtype):
            with contextlib.suppress(TypeError):
                return super().object(thing, where)
        return ["of", type(thing)]
