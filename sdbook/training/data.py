"""Numbered batches: a student needs to know which instance it sees, to look up its target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

__all__ = ["Inputs", "Instances"]

Inputs: TypeAlias = "torch.Tensor | Dataset[Any] | DataLoader[Any]"
"""All inputs (N, ...) as one tensor, a data set with a length, or a loader of one."""

_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, Random)


class Instances:
    """The inputs of N instances, in numbered batches.

    Of a data set's items that are tuples or lists, the first entry is the input, and the others (a
    label, say) are left alone. Of a loader, the data set, the order, the size of batches, the
    collation and the worker processes are kept. A pandas Series is read by position, whatever its
    index. A `batch_size` of None is one batch; a loader brings its own.

    Batch normalisation cannot train on a batch of one instance. Where one instance is left over
    (129 instances in batches of 128, or a loader's batch of which all others are held out), it
    joins a batch beside it, and none is dropped. Batches of one that were asked for, by a
    ``batch_size`` of 1 or a loader's own batch sampler, are kept.
    """

    def __init__(self, inputs: Inputs, batch_size: int | None) -> None:
        self._tensor = inputs if isinstance(inputs, torch.Tensor) else None
        self._loader = inputs if isinstance(inputs, DataLoader) else None
        self._set: Any = inputs if self._loader is None else self._loader.dataset
        if self._loader is not None:
            _refuse_own_randomness(self._loader)
        kind = f"a {type(self._set).__name__}"
        kind = kind if self._loader is None else f"a DataLoader of {kind}"
        if isinstance(self._set, IterableDataset | Mapping) or not (
            hasattr(self._set, "__len__") and hasattr(self._set, "__getitem__")
        ):
            raise TypeError(
                "inputs must be a tensor, a Dataset with a length, or a DataLoader of one, got "
                f"{kind} without numbered instances."
            )
        if hasattr(self._set, "columns") and not isinstance(self._set, Dataset):
            raise TypeError(
                f"inputs must be numbers, got {kind}, a table. Use its numbers: "
                "torch.as_tensor(table.to_numpy(), dtype=torch.float32)."
            )
        if len(self) == 0:
            raise ValueError("inputs must have one instance or more, got none.")
        self._batch_size = batch_size or len(self)
        if self._loader is not None and self._loader.batch_size is not None:
            self._batch_size = self._loader.batch_size
        self._items = getattr(self._set, "iloc", self._set)  # of pandas: by position, not by label

    def __len__(self) -> int:
        return len(self._set)

    def shuffled(self, kept: torch.Tensor) -> Iterator[tuple[torch.Tensor, Any]]:
        """Give all instances of the mask `kept` once, in the order of the global random numbers."""
        return self._batches(self.drawn(kept))

    def drawn(self, kept: torch.Tensor) -> list[list[int]]:
        """Draw the numbers of the batches that `shuffled` gives."""
        if self._loader is None or self._loader.batch_sampler is None:
            numbers = kept.nonzero()[:, 0]
            order = numbers[torch.randperm(len(numbers))]
            batches = [part.tolist() for part in order.split(self._batch_size)]
            return _joined(batches, [self._batch_size == 1] * len(batches))
        batches = [[int(i) for i in batch] for batch in self._loader.batch_sampler]
        asked_for = self._loader.batch_size in (None, 1)
        alone = [len(batch) == 1 and asked_for for batch in batches]
        return _joined([[i for i in batch if kept[i]] for batch in batches], alone)

    def in_order(self, kept: torch.Tensor | None = None) -> Iterator[tuple[torch.Tensor, Any]]:
        """Give all instances (of the mask `kept`) once, from the first to the last."""
        numbers = torch.arange(len(self)) if kept is None else kept.nonzero()[:, 0]
        return self._batches([part.tolist() for part in numbers.split(self._batch_size)])

    def _batches(self, batches: list[list[int]]) -> Iterator[tuple[torch.Tensor, Any]]:
        if self._tensor is not None:
            for numbers in batches:
                yield torch.tensor(numbers), self._tensor[numbers]
            return
        kept = ("collate_fn", "num_workers", "pin_memory") if self._loader is not None else ()
        options: Any = {name: getattr(self._loader, name) for name in kept}
        read = DataLoader(self._items, batch_sampler=batches, **options)
        for numbers, batch in zip(batches, read, strict=True):
            # A packed sequence is a tuple too, but it is one input with all of its entries.
            several = isinstance(batch, tuple | list) and not isinstance(batch, PackedSequence)
            yield torch.tensor(numbers), batch[0] if several else batch


def _joined(batches: Sequence[list[int]], alone: Iterable[bool]) -> list[list[int]]:
    """Join a batch of one to the next (the last to one before), unless it was to be `alone`."""
    joined: list[list[int]] = []
    open_to_more: list[int] | None = None
    left: list[int] = []
    for batch, asked_for in zip(batches, alone, strict=True):
        if asked_for and batch:
            joined.append(batch)
            continue
        left = left + batch
        if len(left) > 1:
            open_to_more = left
            joined.append(left)
            left = []
    if open_to_more is not None:
        open_to_more += left
    elif left:
        joined.append(left)
    return joined


def _refuse_own_randomness(loader: DataLoader[Any]) -> None:
    owners: list[Any] = [loader, loader.sampler, loader.batch_sampler]
    for owner in owners:  # grows by the samplers inside samplers
        parts = getattr(owner, "__dict__", {}).values()
        if any(isinstance(part, _GENERATORS) for part in parts):
            raise ValueError(
                "inputs must follow from rng, round and epoch, so that a run can continue where it "
                "stopped, got a DataLoader with a generator. Use one without."
            )
        known = {id(each) for each in owners}
        owners += [part for part in parts if isinstance(part, Sampler) and id(part) not in known]
    if loader.batch_sampler is None:
        raise ValueError("inputs must come in batches, got a DataLoader with batch_size=None.")
