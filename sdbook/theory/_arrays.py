"""What all closed forms do with their arrays: numbers in, numbers out, and tables of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate

Floats = NDArray[np.float64]
Reals = float | Floats
"""A number, or an array of them."""


def plain(values: Floats) -> Reals:
    """Turn an array of no dimension into a number."""
    return float(values) if np.ndim(values) == 0 else values


def corruption(C: ArrayLike) -> tuple[Floats, int]:
    """Check corruption matrices, an array (..., K, K), and return them with K."""
    matrices = _validate.row_stochastic("C", C, stack=True)
    return matrices, matrices.shape[-1]


def of_pairs(name: str, values: ArrayLike, n_classes: int) -> Floats:
    """Check one row of K numbers for each (true, given) pair: an array (..., K, K, K)."""
    array = np.asarray(values, dtype=float)
    if array.shape[-3:] != (n_classes,) * 3:
        raise ValueError(
            f"{name} must have shape (..., {n_classes}, {n_classes}, {n_classes}) for true class, "
            f"given label and class, got {array.shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got a NaN or infinity.")
    return array


def members(n_classes: int, superclasses: ArrayLike | None, *, equal: bool = True) -> Floats:
    """Check the superclass of each class, and return which classes share one: 1 or 0, (K, K)."""
    groups = np.zeros(n_classes) if superclasses is None else np.asarray(superclasses)
    if groups.shape != (n_classes,):
        raise ValueError(
            f"superclasses must have shape ({n_classes},), one for each class, got {groups.shape}."
        )
    same = (groups[:, None] == groups).astype(float)
    sizes = same.sum(axis=1)
    if equal and sizes.min() != sizes.max():
        raise ValueError(
            "superclasses must be of equal size, "
            f"got {sizes.min():g} to {sizes.max():g} classes in a superclass."
        )
    return same
