"""Matrix products with features that may be larger than memory.

A `numpy.memmap` is read from its file in blocks of rows, each block once per product, so that no
more than a block has to be in memory. All other arrays are multiplied whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdbook._validate import Array

__all__ = ["covariance", "product", "row_blocks", "transposed_product"]

BLOCK = 2**25
"""Bytes of a block: a multiple of what a processor caches, a fraction of what a computer has."""


def row_blocks(features: Array) -> Iterator[slice]:
    """Yield slices that cut features (N, d) into blocks of rows, one block if in memory."""
    n_samples, width = features.shape
    rows = n_samples
    if isinstance(features, np.memmap):
        rows = max(1, BLOCK // (width * features.dtype.itemsize))
    for first in range(0, n_samples, rows):
        yield slice(first, min(first + rows, n_samples))


def product(features: Array, columns: Array) -> Array:
    """Return ``features @ columns``, of shape (N, m), in memory."""
    if not isinstance(features, np.memmap):
        return features @ columns
    result = np.empty((features.shape[0], columns.shape[1]), dtype=columns.dtype)
    for rows in row_blocks(features):
        np.matmul(features[rows], columns, out=result[rows])
    return result


def transposed_product(features: Array, columns: Array) -> Array:
    """Return ``features.T @ columns``, of shape (d, m)."""
    if not isinstance(features, np.memmap):
        return features.T @ columns
    result = np.zeros((features.shape[1], columns.shape[1]), dtype=columns.dtype)
    for rows in row_blocks(features):
        result += features[rows].T @ columns[rows]
    return result


def covariance(features: Array) -> Array:
    """Return ``features.T @ features``, of shape (d, d)."""
    return transposed_product(features, features)
