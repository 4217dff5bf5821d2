"""With which precision, and with which random numbers."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from operator import is_
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

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
    ``to``, does so. Tensors leave the graph of gradients that they come from: inputs are not
    trained.
    """
    found = False

    def moved(part: Any) -> Any:
        nonlocal found
        if isinstance(part, torch.Tensor):
            found = True
            return part.detach().to(device, non_blocking=True)
        if isinstance(part, PackedSequence):
            part = part._replace(data=part.data.detach())
        elif isinstance(part, Mapping):
            ours: Any = copy(part) if isinstance(part, MutableMapping) else {}
            for name, each in part.items():
                ours[name] = moved(each)  # `update` of a Counter would add
            return ours
        elif isinstance(part, list | tuple):
            parts = [moved(each) for each in part]
            if all(map(is_, parts, part)):
                return part
            return part._make(parts) if hasattr(part, "_make") else type(part)(parts)
        if callable(getattr(part, "to", None)):
            found = True
            return part.to(device)
        if dataclasses.is_dataclass(part) and not isinstance(part, type):
            ours = copy(part)
            for field in dataclasses.fields(part):
                object.__setattr__(ours, field.name, moved(getattr(part, field.name)))
            return ours  # also of a frozen class
        return part

    ours = moved(inputs)
    if not found:
        raise TypeError(
            "inputs must come in batches of tensors, or of mappings, lists or data classes with a "
            f"tensor in them, got a {type(inputs).__name__} without one."
        )
    return ours


@contextmanager
def seeded(device: torch.device, *key: int) -> Iterator[None]:
    """Draw everything inside from one key, and leave the global random states as they were.

    With a key for each epoch, a run that continues needs no saved random state.
    """
    seeds = [int(word) for word in np.random.SeedSequence(key).generate_state(3)]
    before_python, before_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    gpu = [] if device.type == "cpu" else [device]
    try:
        with torch.random.fork_rng(gpu, device_type=device.type):
            torch.default_generator.manual_seed(seeds[0])  # not of all GPUs, as `manual_seed`
            if device.type == "cuda":
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seeds[0])
            elif device.type == "mps":
                torch.mps.manual_seed(seeds[0])
            np.random.seed(seeds[1])  # noqa: NPY002  # what transforms of a data set draw from
            random.seed(seeds[2])
            yield
    finally:
        random.setstate(before_python)
        np.random.set_state(before_numpy)  # noqa: NPY002
