"""Numbered batches: a student needs to know which instance it sees, to look up its target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Any, TypeAlias

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, default_collate

__all__ = ["Inputs", "Instances"]

Inputs: TypeAlias = "torch.Tensor | Dataset[Any] | DataLoader[Any]"
"""All inputs (N, ...) as one tensor, a data set with a length, or a loader of one."""

_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, Random)


class Instances:
    """The inputs of N instances, in numbered batches.

    Parameters
    ----------
    inputs : tensor of shape (N, ...), Dataset or DataLoader
        Of a data set's items that are tuples or lists, the first entry is the input, and the
        others (a label, say) are left alone. Of a loader, the data set, the order, the size of
        batches, the collation and the worker processes are kept. A pandas Series is read by
        position, whatever its index.
    batch_size : int or None
        For a tensor and a data set; None for all in one batch.

    Raises
    ------
    TypeError, ValueError
        If `inputs` is something else, has no length, or brings random numbers of its own.

    Notes
    -----
    Batch normalisation cannot train on a batch of one instance. Where one instance is left over
    (129 instances in batches of 128, or a loader's batch of which all others are held out), it
    joins a batch beside it, and none is dropped. Batches of one that were asked for, by a
    ``batch_size`` of 1 or a loader's own batch sampler, are kept.

    Examples
    --------
    >>> import torch
    >>> from sdbook.training.data import Instances
    >>> instances = Instances(torch.tensor([[1.0], [2.0], [3.0]]), batch_size=2)
    >>> [numbers.tolist() for numbers, _ in instances.in_order()]
    [[0, 1], [2]]
    """

    def __init__(self, inputs: Inputs, batch_size: int | None) -> None:
        self._tensor = inputs if isinstance(inputs, torch.Tensor) else None
        self._loader = inputs if isinstance(inputs, DataLoader) else None
        self._set: Any = inputs if self._loader is None else self._loader.dataset
        if self._loader is not None:
            _refuse_own_randomness(self._loader)
        if isinstance(self._set, IterableDataset | Mapping) or not all(
            hasattr(self._set, name) for name in ("__len__", "__getitem__")
        ):
            raise TypeError(
                f"inputs is a {_kind(inputs)} without numbered instances; accepted are a "
                "tensor, a Dataset with a length, or a DataLoader of one"
            )
        if hasattr(self._set, "columns") and not isinstance(self._set, Dataset):
            raise TypeError(
                f"inputs is a {_kind(inputs)}, a table; accepted is a tensor of its numbers, such "
                "as torch.as_tensor(table.to_numpy(), dtype=torch.float32)"
            )
        if len(self) == 0:
            raise ValueError("inputs has no instance; accepted is one or more")
        self._batch_size = batch_size or len(self)
        self._items = getattr(self._set, "iloc", self._set)  # of pandas: by position, not by label

    def __len__(self) -> int:
        return len(self._set)

    def shuffled(self, kept: torch.Tensor) -> Iterator[tuple[torch.Tensor, Any]]:
        """Give all instances of the mask `kept` once, in the order of the global random numbers."""
        return self._batches(self.drawn(kept))

    def drawn(self, kept: torch.Tensor) -> Iterator[list[int]]:
        """Draw the numbers of the batches that `shuffled` gives."""
        loader = self._loader
        if loader is None or loader.batch_sampler is None:
            numbers = kept.nonzero()[:, 0]
            order = numbers[torch.randperm(len(numbers))]
            batches = ((part.tolist(), False) for part in torch.split(order, self._batch_size))
            return _joined(batches, self._batch_size == 1)
        chosen = (
            ([int(i) for i in batch if kept[i]], len(batch) == 1 and loader.batch_size is None)
            for batch in map(list, loader.batch_sampler)
        )
        return _joined(chosen, loader.batch_size == 1)

    def in_order(self, kept: torch.Tensor | None = None) -> Iterator[tuple[torch.Tensor, Any]]:
        """Give all instances (of the mask `kept`) once, from the first to the last."""
        numbers = torch.arange(len(self)) if kept is None else kept.nonzero()[:, 0]
        size = self._batch_size
        if self._loader is not None and self._loader.batch_size is not None:
            size = self._loader.batch_size
        return self._batches(torch.split(numbers, size))

    def first(self, number: int) -> Any:
        """Give the inputs of the first instances, at most `number`, as one batch."""
        numbers = range(min(number, len(self)))
        if self._tensor is not None:
            return self._tensor[list(numbers)]
        return _Collate(self._collate)([(i, self._items[i]) for i in numbers])[1]

    @property
    def _collate(self) -> Callable[[list[Any]], Any]:
        return default_collate if self._loader is None else self._loader.collate_fn

    def _batches(
        self, batches: Iterable[torch.Tensor | list[int]]
    ) -> Iterator[tuple[torch.Tensor, Any]]:
        if self._tensor is not None:
            for batch in batches:
                yield torch.as_tensor(batch), self._tensor[batch]
            return
        loader = self._loader
        numbered: Any = _Numbered(self._items)
        yield from DataLoader(
            numbered,
            batch_sampler=[[int(i) for i in batch] for batch in batches],
            collate_fn=_Collate(self._collate),
            num_workers=0 if loader is None else loader.num_workers,
            pin_memory=False if loader is None else loader.pin_memory,
        )


class _Numbered:
    """A data set whose items know their number."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getitem__(self, number: int) -> tuple[int, Any]:
        return number, self._inner[number]


class _Collate:
    """Collate items as the loader would, and keep their numbers and inputs only."""

    def __init__(self, collate: Callable[[list[Any]], Any]) -> None:
        self._collate = collate

    def __call__(self, numbered: list[tuple[int, Any]]) -> tuple[torch.Tensor, Any]:
        numbers = torch.tensor([number for number, _ in numbered])
        batch = self._collate([item for _, item in numbered])
        # A packed sequence is a tuple too, but it is one input with all of its entries.
        several = isinstance(batch, tuple | list) and not isinstance(batch, PackedSequence)
        return numbers, batch[0] if several else batch


def _joined(batches: Iterable[tuple[list[int], bool]], ones: bool) -> Iterator[list[int]]:
    """Join each batch of one to the next (the last to the one before), unless it was asked for.

    Of each batch comes whether it was asked for although it has one instance; `ones` says so of
    all of them.
    """
    ready: list[int] = []
    left: list[int] = []
    for batch, asked_for in batches:
        if batch and (asked_for or ones):
            if ready:
                yield ready
            ready = []
            yield batch
            continue
        now = left + batch
        left = now if len(now) == 1 else []
        if len(now) > 1:
            if ready:
                yield ready
            ready = now
    if ready or left:
        yield ready + left


def _kind(inputs: Any) -> str:
    if isinstance(inputs, DataLoader):
        return f"DataLoader of a {type(inputs.dataset).__name__}"
    return type(inputs).__name__


def _refuse_own_randomness(loader: DataLoader[Any]) -> None:
    owners: list[Any] = [loader, loader.sampler, loader.batch_sampler]
    for owner in owners:  # grows by the samplers inside samplers
        parts = getattr(owner, "__dict__", {}).values()
        if any(isinstance(part, _GENERATORS) for part in parts):
            raise ValueError(
                "inputs is a DataLoader with a generator; accepted is one without: the order "
                "follows from seed, round and epoch, so that a run can continue where it stopped"
            )
        known = {id(each) for each in owners}
        owners += [part for part in parts if isinstance(part, Sampler) and id(part) not in known]
    if loader.batch_sampler is None:
        raise ValueError(
            "inputs is a DataLoader with batch_size=None; accepted are loaders that make batches"
        )
