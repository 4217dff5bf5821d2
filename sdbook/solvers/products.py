"""Matrix products with features that may be larger than memory.

A `numpy.memmap` is read from its file in blocks of rows, each block once per product, so that no
more than a block has to be in memory. All other arrays are multiplied whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdbook._validate import Array

__all__ = ["product", "row_chunks", "transposed_product"]

BLOCK = 2**25
"""Bytes of a block: a multiple of what a processor caches, a fraction of what a computer has."""


def row_chunks(n_rows: int, row_bytes: int, limit: int) -> Iterator[slice]:
    """Yield slices that cut rows into chunks of equal size, of `limit` bytes at most."""
    count = min(n_rows, -(-n_rows * row_bytes // limit))
    for i in range(count):
        yield slice(n_rows * i // count, n_rows * (i + 1) // count)


def _blocks(features: np.memmap) -> Iterator[slice]:
    return row_chunks(features.shape[0], features.shape[1] * features.itemsize, BLOCK)


def product(features: Array, columns: Array) -> Array:
    """Return ``features @ columns``, of shape (N, m), in memory."""
    if not isinstance(features, np.memmap):
        return features @ columns
    result = np.empty((features.shape[0], columns.shape[1]), dtype=columns.dtype)
    for rows in _blocks(features):
        np.matmul(features[rows], columns, out=result[rows])
    return result


def transposed_product(features: Array, columns: Array) -> Array:
    """Return ``features.T @ columns``, of shape (d, m)."""
    if not isinstance(features, np.memmap):
        return features.T @ columns
    result = np.zeros((features.shape[1], columns.shape[1]), dtype=columns.dtype)
    for rows in _blocks(features):
        result += features[rows].T @ columns[rows]
    return result
