"""Numbered batches: a student needs to know which instance it sees, to look up its target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate

__all__ = ["Inputs", "Instances"]

Inputs: TypeAlias = "torch.Tensor | Dataset[Any] | DataLoader[Any]"
"""All inputs (N, ...) as one tensor, a data set with a length, or a loader of one."""


class Instances:
    """The inputs of N instances, in numbered batches.

    Parameters
    ----------
    inputs : tensor of shape (N, ...), Dataset or DataLoader
        Of a data set's items that are tuples or lists, the first entry is the input, and the
        others (a label, say) are left alone. Of a loader, the data set, the order, the size of
        batches, the collation and the worker processes are kept.
    batch_size : int or None
        For a tensor and a data set; None for all in one batch.

    Raises
    ------
    TypeError, ValueError
        If `inputs` is something else, has no length, or brings random numbers of its own.

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
        if isinstance(self._set, IterableDataset) or not hasattr(self._set, "__len__"):
            raise TypeError(
                f"inputs is a {type(inputs).__name__} without numbered instances; accepted are a "
                "tensor, a Dataset with a length, or a DataLoader of one"
            )
        if len(self) == 0:
            raise ValueError("inputs has no instance; accepted is one or more")
        self._batch_size = batch_size or len(self)

    def __len__(self) -> int:
        return len(self._set)

    def shuffled(self, kept: torch.Tensor) -> Iterator[tuple[torch.Tensor, Any]]:
        """Give all instances of the mask `kept` once, in the order of the global random numbers."""
        sampler = None if self._loader is None else self._loader.batch_sampler
        if sampler is not None:
            own = ([i for i in batch if kept[i]] for batch in sampler)
            return self._batches(batch for batch in own if batch)
        numbers = kept.nonzero()[:, 0]
        return self._batches(torch.split(numbers[torch.randperm(len(numbers))], self._batch_size))

    def in_order(self, kept: torch.Tensor | None = None) -> Iterator[tuple[torch.Tensor, Any]]:
        """Give all instances (of the mask `kept`) once, from the first to the last."""
        numbers = torch.arange(len(self)) if kept is None else kept.nonzero()[:, 0]
        size = self._batch_size
        if self._loader is not None and self._loader.batch_size is not None:
            size = self._loader.batch_size
        return self._batches(torch.split(numbers, size))

    def _batches(
        self, batches: Iterable[torch.Tensor | list[int]]
    ) -> Iterator[tuple[torch.Tensor, Any]]:
        if self._tensor is not None:
            for batch in batches:
                yield torch.as_tensor(batch), self._tensor[batch]
            return
        loader = self._loader
        numbered: Any = _Numbered(self._set)
        yield from DataLoader(
            numbered,
            batch_sampler=[[int(i) for i in batch] for batch in batches],
            collate_fn=_Collate(default_collate if loader is None else loader.collate_fn),
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
        return numbers, batch[0] if isinstance(batch, tuple | list) else batch


def _refuse_own_randomness(loader: DataLoader[Any]) -> None:
    for owner in (loader, loader.sampler):
        if getattr(owner, "generator", None) is not None:
            raise ValueError(
                "inputs is a DataLoader with a generator; accepted is one without: the order "
                "follows from seed, round and epoch, so that a run can continue where it stopped"
            )
    if loader.batch_sampler is None:
        raise ValueError(
            "inputs is a DataLoader with batch_size=None; accepted are loaders that make batches"
        )
