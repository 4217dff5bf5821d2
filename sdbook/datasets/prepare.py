"""Prepare data for training: centre and normalise features, turn labels into targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate


def centre(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the mean of all instances.

    Parameters
    ----------
    features : ndarray of shape (N, d)
        In float64 or float32; sums are computed in float64.

    Returns
    -------
    ndarray of shape (N, d), of the same dtype

    Raises
    ------
    TypeError, ValueError
        If `features` is not a finite floating matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import datasets
    >>> datasets.centre(np.array([[1.0], [3.0]])).ravel()
    array([-1.,  1.])
    """
    _validate.matrix("features", features)
    return (features - mean(features)).astype(features.dtype, copy=False)


def mean(rows: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Return the mean of each column in float64, weighted or not; of equal numbers that number."""
    counts: Any = True if sample_weight is None else sample_weight[:, None] > 0
    low = rows.min(axis=0, where=counts, initial=np.inf).astype(np.float64)
    high = rows.max(axis=0, where=counts, initial=-np.inf).astype(np.float64)
    # A sum of the largest numbers there are is no number; 2^-64 of them, so many do not exist.
    shift = 64 if max(-low.min(), high.max()) > 1e280 else 0
    if shift:
        rows = np.ldexp(rows, -shift)
    found = (
        rows.mean(axis=0, dtype=np.float64)
        if sample_weight is None
        else np.average(rows, axis=0, weights=sample_weight.astype(np.float64))
    )
    return np.clip(np.ldexp(found, shift), low, high)


def normalise(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale each instance to unit norm.

    Parameters
    ----------
    features : ndarray of shape (N, d)
        In float64 or float32, of any norms.

    Returns
    -------
    ndarray of shape (N, d), of the same dtype

    Raises
    ------
    TypeError, ValueError
        If `features` is not a finite floating matrix, or an instance is the zero vector.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import datasets
    >>> datasets.normalise(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    _validate.matrix("features", features)
    zero = ~features.any(axis=1)
    if zero.any():
        raise ValueError(f"features must have no row of zeros, got one in row {zero.argmax()}.")
    return directions(features)


def directions(rows: NDArray[Any]) -> NDArray[Any]:
    """Scale rows to unit norm, and leave those that are zero as they are."""
    # By powers of two, which round nothing, until no square can leave the range of numbers.
    largest = np.maximum(rows.max(axis=1, keepdims=True), -rows.min(axis=1, keepdims=True))
    rows = np.ldexp(rows, -np.frexp(largest)[1])
    norms = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return rows / np.where(norms > 0, norms, 1)


def one_hot(labels: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    """Turn labels into targets: a one at the label, zeros elsewhere.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Labels 0 to K - 1.
    n_classes : int
        Number of classes K, at least 2.

    Returns
    -------
    ndarray of shape (N, K)

    Raises
    ------
    TypeError, ValueError
        If a label is not a whole number from 0 to K - 1, or `n_classes` is below 2.

    Examples
    --------
    >>> from sdbook import datasets
    >>> datasets.one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    K = _validate.count("n_classes", n_classes, 2)
    of_instance = _validate.labels("labels", labels, K)
    targets = np.zeros((len(of_instance), K))
    targets[np.arange(len(of_instance)), of_instance] = 1
    return targets
