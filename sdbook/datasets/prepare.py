"""What features and labels go through before a probe sees them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate


def centre(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the mean of all instances.

    Parameters
    ----------
    features : ndarray of shape (N, d)

    Returns
    -------
    ndarray of shape (N, d)

    Raises
    ------
    TypeError, ValueError
        If `features` is not a finite floating matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import datasets
    >>> datasets.centre(np.array([[1.0, 2.0], [3.0, 6.0]]))
    array([[-1., -2.],
           [ 1.,  2.]])
    """
    _validate.matrix("features", features)
    return features - features.mean(axis=0)


def normalise(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale each instance to unit norm.

    Parameters
    ----------
    features : ndarray of shape (N, d)

    Returns
    -------
    ndarray of shape (N, d)

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
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    if norms.min() == 0:
        raise ValueError(
            f"features has a zero vector in row {int(norms.argmin())}, which no scaling gives unit "
            "norm; accepted are rows with at least one entry other than zero"
        )
    return features / norms


def one_hot(labels: ArrayLike, classes: int) -> NDArray[np.float64]:
    """Turn labels into targets: a one at the label, zeros elsewhere.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Labels 0 to K - 1.
    classes : int
        Number of classes K.

    Returns
    -------
    ndarray of shape (N, K)

    Raises
    ------
    TypeError, ValueError
        If a label is not a whole number from 0 to K - 1.

    Examples
    --------
    >>> from sdbook import datasets
    >>> datasets.one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    K = _validate.count("classes", classes, 2)
    return np.eye(K)[_validate.labels("labels", labels, K)]
