"""Matrix products with features that may be larger than memory.

A `numpy.memmap` is read from its file in blocks of rows, each block once per product, so that no
more than a block has to be in memory. All other arrays are multiplied whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdbook import _validate
from sdbook._validate import Array

__all__ = ["covariance", "product", "row_blocks", "transposed_product"]

BLOCK = 2**25
"""Bytes of a block: a multiple of what a processor caches, a fraction of what a computer has."""


def row_blocks(features: Array) -> Iterator[slice]:
    """Return slices that cut features into blocks of rows, one block if they are in memory.

    Parameters
    ----------
    features : array of shape (N, d)

    Yields
    ------
    slice

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.solvers.products import row_blocks
    >>> list(row_blocks(np.eye(3)))
    [slice(0, 3, None)]
    """
    instances, width = features.shape
    rows = instances
    if isinstance(features, np.memmap):
        rows = max(1, BLOCK // (width * features.dtype.itemsize))
    for first in range(0, instances, rows):
        yield slice(first, min(first + rows, instances))


def product(features: Array, columns: Array) -> Array:
    """Return ``features @ columns``.

    Parameters
    ----------
    features : array of shape (N, d)
    columns : array of shape (d, m)

    Returns
    -------
    array of shape (N, m)
        In memory.
    """
    if not isinstance(features, np.memmap):
        return features @ columns
    result = np.empty((features.shape[0], columns.shape[1]), dtype=columns.dtype)
    for rows in row_blocks(features):
        np.matmul(features[rows], columns, out=result[rows])
    return result


def transposed_product(features: Array, columns: Array) -> Array:
    """Return ``features.T @ columns``.

    Parameters
    ----------
    features : array of shape (N, d)
    columns : array of shape (N, m)

    Returns
    -------
    array of shape (d, m)
    """
    if not isinstance(features, np.memmap):
        return features.T @ columns
    result = np.zeros((features.shape[1], columns.shape[1]), dtype=columns.dtype)
    for rows in row_blocks(features):
        result += features[rows].T @ columns[rows]
    return result


def covariance(features: Array) -> Array:
    """Return ``features.T @ features``, of shape (d, d).

    Parameters
    ----------
    features : array of shape (N, d)

    Returns
    -------
    array of shape (d, d)
    """
    _validate.namespace("features", features)
    return transposed_product(features, features)
