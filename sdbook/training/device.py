"""With which precision, and with which random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch

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
    """Move a tensor, or a mapping of tensors, to a device.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(inputs, torch.Tensor):
        return inputs.to(device, non_blocking=True)
    if isinstance(inputs, dict):
        return {name: to_device(part, device) for name, part in inputs.items()}
    raise TypeError(
        f"inputs come in batches of {type(inputs).__name__}; accepted are tensors and "
        "dictionaries of tensors, alone or as the first entry of a tuple"
    )


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
