"""The tangent of the softmax at equal logits, and what a model loses that uses it (chapter 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import theory

__all__ = ["same_argmax", "tangent", "tangent_error", "tangent_error_bound"]

Floats = NDArray[np.float64]


def tangent(logits: ArrayLike) -> Floats:
    """Return the tangent of the softmax at equal logits: ``1/K + (z - mean(z)) / K``.

    Parameters
    ----------
    logits : array_like of shape (..., K)

    Returns
    -------
    ndarray of shape (..., K)
        Sums to one over the classes; in the same order as the logits.

    Raises
    ------
    ValueError
        If `logits` is not finite, or has fewer than two classes.

    Examples
    --------
    >>> from sdbook.book.tangent import tangent
    >>> tangent([1.0, 0.0, -1.0]).round(3)
    array([0.667, 0.333, 0.   ])
    """
    z = _logits(logits)
    K = z.shape[-1]
    return (1 + z - z.mean(axis=-1, keepdims=True)) / K


def tangent_error(logits: ArrayLike) -> Floats:
    """Return what the tangent misses: ``softmax(z) - tangent(z)``, the E of Proposition 3.

    Parameters
    ----------
    logits : array_like of shape (..., K)

    Returns
    -------
    ndarray of shape (..., K)
        Sums to zero over the classes.

    Raises
    ------
    ValueError
        If `logits` is not finite, or has fewer than two classes.

    Examples
    --------
    >>> from sdbook.book.tangent import tangent_error
    >>> tangent_error([1.0, 0.0, -1.0]).round(3)
    array([-0.001, -0.089,  0.09 ])
    """
    return _missed(_logits(logits))


def tangent_error_bound(logits: ArrayLike) -> Floats:
    """Return a bound on what the tangent misses, from the range of the logits (Proposition 3).

    ``sum_k |softmax(z) - tangent(z)|_k <= R^2 / 4`` with ``R = max(z) - min(z)``. The outputs of
    the linearised model are, over all instances and classes, no further from the exact ones than
    ``sqrt(sum_i R_i^4 / 32)``, in Frobenius norm, if the logits are those of the exact optimum.

    Parameters
    ----------
    logits : array_like of shape (..., K)

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    ValueError
        If `logits` is not finite, or has fewer than two classes.

    Examples
    --------
    >>> from sdbook.book.tangent import tangent_error_bound
    >>> float(tangent_error_bound([1.0, 0.0, -1.0]))
    1.0
    """
    return np.asarray(np.ptp(_logits(logits), axis=-1) ** 2 / 4)


def same_argmax(gram: ArrayLike, logits: ArrayLike, lam: float) -> NDArray[np.bool_]:
    """Say for which instances both models are sure to choose the same class (Proposition 3).

    The linearised outputs are ``tangent(Z) + H E``, where ``H = G (K N lambda I + G)^-1`` and E is
    the tangent's error. The tangent keeps the order of the classes, so they can differ only where
    the range of row i of H E is as large as the lead of the largest logit, divided by K.

    Parameters
    ----------
    gram : array_like of shape (N, N)
        Gram matrix of the features.
    logits : array_like of shape (N, K)
        Logits Z of the exact optimum, ``G (T - Y) / (N lambda)``.
    lam : float
        L2 strength lambda of the mean loss, > 0.

    Returns
    -------
    ndarray of bool, shape (N,)
        Where True, the exact and the linearised model choose the same class. Where False, they
        may or may not.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.book.tangent import same_argmax
    >>> G = np.array([[1.0, 0.5], [0.5, 1.0]])
    >>> same_argmax(G, [[0.5, 0.0, -0.5], [0.1, 0.1, -0.2]], 0.25)
    array([ True, False])
    """
    Z, N = _logits(logits), len(np.asarray(gram))
    if Z.ndim != 2 or len(Z) != N:
        raise ValueError(f"logits must have shape ({N}, n_classes), got {Z.shape}.")
    K = Z.shape[1]
    averaged = theory.linearised(gram, 1 / K + _missed(Z), lam)  # U + H E
    second, first = np.sort(Z, axis=1)[:, -2:].T
    return np.asarray(np.ptp(averaged, axis=1) < (first - second) / K)


def _missed(z: Floats) -> Floats:
    shares = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True) - tangent(z))


def _logits(logits: ArrayLike) -> Floats:
    z = np.asarray(logits, dtype=float)
    if z.ndim == 0 or z.shape[-1] < 2:
        raise ValueError(f"logits must have at least two classes, got shape {z.shape}.")
    if not np.isfinite(z).all():
        raise ValueError("logits must be finite, got a NaN or infinity.")
    return z
