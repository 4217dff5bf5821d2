"""Checks of what a figure is given, in one voice."""

from __future__ import annotations

from collections.abc import Sized

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def one_each(name: str, entries: Sized, thing: str, count: int) -> None:
    """Raise an error unless there are `count` entries, one for each thing."""
    if len(entries) != count:
        things = thing + ("es" if thing.endswith("s") else "s") * (count != 1)
        raise ValueError(
            f"{name} must have one entry per {thing}, got {len(entries)} for {count} {things}."
        )


def same_length(**arrays: Sized) -> None:
    """Raise an error unless all arguments have the same length."""
    lengths = [len(values) for values in arrays.values()]
    if len(set(lengths)) > 1:
        raise ValueError(f"{_and(arrays)} must have the same length, got {_and(lengths)}.")


def square(name: str, values: ArrayLike) -> Floats:
    """Return a square matrix as an array of floats."""
    matrix = np.asarray(values, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must have shape (K, K), got {matrix.shape}.")
    return matrix


def positive(name: str, values: ArrayLike) -> Floats:
    """Return finite numbers above zero as an array of floats."""
    numbers = np.asarray(values, dtype=float)
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise ValueError(f"{name} must be > 0 and finite, got {values!r}.")
    return numbers


def _and(words: object) -> str:
    *first, last = map(str, words)  # type: ignore[call-overload]
    return f"{', '.join(first)} and {last}"
