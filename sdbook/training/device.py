"""With which precision, and with which random numbers."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from sdbook import _validate

__all__ = ["autocast", "seeded", "to_device"]


def autocast(device: torch.device, mixed_precision: bool) -> AbstractContextManager[None]:
    """Return a context in which a GPU multiplies in bfloat16 where it can.

    bfloat16 has the range of float32, so that no gradient underflows and no scaling is needed.
    Elsewhere (processor, MPS, older GPUs) the context changes nothing.
    """
    able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=mixed_precision and able)


def to_device(inputs: Any, device: torch.device) -> Any:
    """Move a batch to a device: a tensor, or whatever holds tensors, to any depth.

    Mappings (also those that are no dictionaries, as what a Hugging Face tokenizer returns), lists,
    tuples, named tuples and data classes stay what they are. What moves by itself, by a method
    ``to``, does so. What is no tensor, such as a text, is left as it is. Tensors leave the graph
    of gradients that they come from: inputs are not trained.

    Raises
    ------
    TypeError
        If there is no tensor in it.

    Examples
    --------
    >>> import torch
    >>> from sdbook.training.device import to_device
    >>> to_device({"x": [torch.zeros(1)], "name": "a"}, torch.device("cpu"))
    {'x': [tensor([0.])], 'name': 'a'}
    """
    moved, tensors = _moved(inputs, device)
    if not tensors:
        raise TypeError(
            f"inputs come in batches of {type(inputs).__name__}; accepted are tensors, and "
            "mappings, lists or data classes with a tensor in them, alone or as the first entry "
            "of a tuple"
        )
    return moved


def _moved(part: Any, device: torch.device) -> tuple[Any, bool]:
    """Return a part of a batch on a device, and whether there is a tensor in it."""
    if isinstance(part, torch.Tensor):
        return part.detach().to(device, non_blocking=True), True
    if isinstance(part, PackedSequence):
        part = part._replace(data=part.data.detach())
    if isinstance(part, Mapping):
        names, parts = list(part), list(part.values())
    elif isinstance(part, list | tuple):
        names, parts = [], list(part)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        names = [each.name for each in dataclasses.fields(part)]
        parts = [getattr(part, name) for name in names]
    else:
        names, parts = [], []
    pairs = [_moved(each, device) for each in parts]
    moved, tensors = [each for each, _ in pairs], any(found for _, found in pairs)
    if callable(getattr(part, "to", None)):
        return part.to(device), tensors or not parts
    if not tensors:
        return part, False
    if isinstance(part, tuple):
        return (part._make(moved) if hasattr(part, "_make") else type(part)(moved)), True
    if isinstance(part, list):
        return moved, True
    if isinstance(part, Mapping) and not isinstance(part, MutableMapping):
        return dict(zip(names, moved, strict=True)), True
    ours = copy(part)
    for name, each in zip(names, moved, strict=True):
        if isinstance(ours, MutableMapping):
            ours[name] = each
        else:
            object.__setattr__(ours, name, each)  # of frozen data classes as well
    return ours, True


@contextmanager
def seeded(device: torch.device, *key: int) -> Iterator[None]:
    """Draw everything inside from one key, and leave the global random states as they were.

    A fresh key for each epoch makes an epoch repeatable on its own: a run that continues needs no
    saved random state.

    Parameters
    ----------
    device : torch.device
        Whose random numbers to seed, beside those of the processor, NumPy and Python.
    *key : int
        Whole numbers >= 0, such as seed, round and epoch.

    Examples
    --------
    >>> import torch
    >>> from sdbook.training.device import seeded
    >>> cpu = torch.device("cpu")
    >>> with seeded(cpu, 0, 1):
    ...     first = torch.rand(2)
    >>> with seeded(cpu, 0, 1):
    ...     print(torch.equal(first, torch.rand(2)))
    True
    """
    for part in key:
        _validate.count("seed", part, 0)
    seeds = [int(word) for word in np.random.SeedSequence(key).generate_state(3)]
    generators = [torch.default_generator]
    if device.type == "cuda":
        cuda: Any = torch.cuda
        cuda.init()
        generators.append(cuda.default_generators[device.index or 0])
    elif device.type == "mps":
        generators.append(torch.mps._get_default_mps_generator())
    before = [generator.get_state() for generator in generators]
    before_python, before_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        for generator in generators:
            generator.manual_seed(seeds[0])
        np.random.seed(seeds[1])  # noqa: NPY002  # what transforms of a data set draw from
        random.seed(seeds[2])
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)
        random.setstate(before_python)
        np.random.set_state(before_numpy)  # noqa: NPY002
