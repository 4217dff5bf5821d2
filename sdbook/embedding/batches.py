"""The loop that both kinds of inputs share: what is not there yet, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from sdbook import _validate
from sdbook.embedding.store import Store

Vectors = NDArray[np.float32]


def in_order(what: str, items: Any, accepted: str) -> Any:
    """Return inputs that answer to their position: ``items[i]`` is the i-th of them.

    Parameters
    ----------
    what : str
        Name of the argument.
    items : sequence
        A column of pandas is asked for its index by ``items[i]``, so it becomes a list. All else
        stays as it is: whatever decodes its items one by one goes on doing so.
    accepted : str
        For messages.

    Returns
    -------
    sequence

    Raises
    ------
    TypeError
        If `items` has no order, or is a table: its columns would be taken for its rows.
    """
    if isinstance(items, (Mapping, set, frozenset)) or hasattr(items, "columns"):
        raise TypeError(
            f"{what} is a {type(items).__name__}; accepted is a sequence of {accepted}, such as a "
            "list or one column of a data frame"
        )
    return list(items) if hasattr(items, "iloc") else items


def in_batches(
    encode: Callable[[Sequence[int]], Vectors],
    order: Sequence[int],
    *,
    what: str,
    batch_size: int,
    normalise: bool,
    store: Store | None,
    progress: bool,
) -> Vectors:
    """Encode all instances, except those that a store already holds.

    Parameters
    ----------
    encode : callable
        From indices of instances to their vectors.
    order : sequence of int
        All indices, in the order in which they are encoded; rows of the store follow it.
    what : str
        Name of the inputs, for messages.
    batch_size : int
        Instances a batch.
    normalise : bool
        Scale each vector to unit norm.
    store : Store or None
        Where finished batches are kept.
    progress : bool
        Show a bar.

    Returns
    -------
    ndarray of shape (N, d), float32
        In the order of the instances.
    """
    count = len(order)
    parts = [] if store is None else list(store.read(count))
    missing = list(_missing([(start, stop) for start, stop, _ in parts], count, batch_size))
    done = count - sum(stop - start for start, stop in missing)
    with tqdm(total=count, initial=done, desc=what, disable=not progress) as bar:
        for start, stop in missing:
            indices = order[start:stop]
            rows = _finished(encode(indices), indices, what, normalise)
            if store is not None:
                store.write(start, rows)
            parts.append((start, stop, rows))
            bar.update(stop - start)
    width = parts[0][2].shape[1]
    _validate.memory(f"{count} vectors of {what}", count * width, 4)
    features = np.empty((count, width), dtype=np.float32)
    for start, stop, rows in parts:
        features[np.asarray(order[start:stop])] = rows
    return features


def _missing(
    kept: Sequence[tuple[int, int]], count: int, batch_size: int
) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most `batch_size` rows that fill the gaps between those that are kept.

    The batch size may have changed since: what counts are rows.
    """
    begin = 0
    for start, stop in [*sorted(kept), (count, count)]:
        for low in range(begin, start, batch_size):
            yield low, min(low + batch_size, start)
        begin = max(begin, stop)


def _finished(rows: Vectors, indices: Sequence[int], what: str, normalise: bool) -> Vectors:
    """Check that each vector is one, and scale it."""
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    usable = np.isfinite(norms) & ((norms > 0) | (not normalise))
    if not usable.all():
        bad = int(np.argmin(usable))
        raise ValueError(
            f"{what}[{indices[bad]}] has an embedding of norm {norms[bad]:.4g}; accepted are "
            "finite vectors that are not zero: is it a sensible input for this model?"
        )
    if normalise:
        rows = rows / norms[:, None]
    return rows.astype(np.float32)
