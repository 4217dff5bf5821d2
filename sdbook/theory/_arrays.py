"""What all closed forms do with their arrays: numbers in, numbers out, and tables of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Reals = float | NDArray[np.float64]
"""A number, or an array of them."""


def plain(values: NDArray[np.float64]) -> Reals:
    """Turn an array of no dimension into a number."""
    return float(values) if np.ndim(values) == 0 else values


def of_pairs(name: str, values: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    """Check one row of K numbers for each (true, given) pair: an array (..., K, K, K)."""
    array = np.asarray(values, dtype=float)
    if array.ndim < 3 or array.shape[-3:] != (n_classes,) * 3:
        raise ValueError(
            f"{name} has shape {array.shape}; accepted is (..., {n_classes}, {n_classes}, {n_classes}): "
            "true class, given label, class"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has a NaN or infinity; accepted are finite numbers")
    return array
