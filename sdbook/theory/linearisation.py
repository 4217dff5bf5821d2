"""The optimum in one equation, the same with a linearised softmax, and what that costs.

Everything is written with the Gram matrix G, so that it can be read beside the text; for large
data the solvers say the same without building G. The equation is that of the setting of Jeong &
Chung (2024); its form, the bound and the proofs are derived afresh in chapters 4 and 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate

__all__ = [
    "fixed_point",
    "linearised",
    "same_argmax",
    "tangent",
    "tangent_error",
    "tangent_error_bound",
]

Floats = NDArray[np.float64]


def fixed_point(gram: ArrayLike, targets: ArrayLike, outputs: ArrayLike, lam: float) -> Floats:
    """Return the right-hand side of the equation of the optimum (Proposition 1).

    ``softmax(G (T - Y) / (N lambda))``, row by row. The outputs Y of the optimum are the only
    ones that it returns unchanged.

    Parameters
    ----------
    gram : array_like of shape (N, N)
        Gram matrix of the features.
    targets : array_like of shape (N, K)
        Targets T, rows summing to one.
    outputs : array_like of shape (N, K)
        A guess Y, rows summing to one.
    lam : float
        L2 strength lambda of the mean loss, > 0.

    Returns
    -------
    ndarray of shape (N, K)
        Rows sum to one.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    One instance and two classes: at lambda = 1 / (2 log 3) the label gets three quarters.

    >>> import numpy as np
    >>> from sdbook import theory
    >>> lam = 1 / (2 * np.log(3))
    >>> theory.fixed_point([[1.0]], [[1.0, 0.0]], [[0.75, 0.25]], lam).round(3)
    array([[0.75, 0.25]])
    """
    G = _gram(gram)
    T, Y = _rows("targets", targets, G), _rows("outputs", outputs, G)
    if T.shape != Y.shape:
        raise ValueError(f"outputs has shape {Y.shape}; accepted is that of targets, {T.shape}")
    return _softmax(G @ (T - Y) / (len(G) * _validate.regularisation(lam)))


def linearised(gram: ArrayLike, targets: ArrayLike, lam: float) -> Floats:
    """Return the optimum's outputs with the softmax replaced by its tangent (Proposition 2).

    ``U + G (K N lambda I + G)^-1 (T - U)``, where every entry of U is 1/K.

    Parameters
    ----------
    gram : array_like of shape (N, N)
        Gram matrix of the features.
    targets : array_like of shape (N, K)
        Targets T, rows summing to one; entries can be below 0, as those of this function are.
    lam : float
        L2 strength lambda of the mean loss, > 0.

    Returns
    -------
    ndarray of shape (N, K)
        Rows sum to one. Entries can be below 0 or above 1.

    Raises
    ------
    ValueError
        If an argument is not as described.

    See Also
    --------
    sdbook.solvers.LabelAveraging : the same for any number of rounds, without building G.

    Examples
    --------
    >>> from sdbook import theory
    >>> theory.linearised([[1.0, 0.5], [0.5, 1.0]], [[1, 0, 0], [0, 1, 0]], 0.25).round(3)
    array([[0.542, 0.292, 0.167],
           [0.292, 0.542, 0.167]])
    """
    G = _gram(gram)
    T = _rows("targets", targets, G)
    N, K = T.shape
    ridge = K * N * _validate.regularisation(lam)
    return 1 / K + np.linalg.solve(ridge * np.eye(N) + G, G @ (T - 1 / K))


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
    >>> from sdbook import theory
    >>> theory.tangent([1.0, 0.0, -1.0]).round(3)
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
    >>> from sdbook import theory
    >>> theory.tangent_error([1.0, 0.0, -1.0]).round(3)
    array([-0.001, -0.089,  0.09 ])
    """
    z = _logits(logits)
    return _softmax(z) - tangent(z)


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
    >>> import numpy as np
    >>> from sdbook import theory
    >>> float(theory.tangent_error_bound([1.0, 0.0, -1.0]))
    1.0
    """
    return np.asarray(np.ptp(_logits(logits), axis=-1) ** 2 / 4)


def same_argmax(gram: ArrayLike, logits: ArrayLike, lam: float) -> NDArray[np.bool_]:
    """Say for which instances straightening cannot change the largest output (Proposition 3).

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
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import theory
    >>> G = np.array([[1.0, 0.5], [0.5, 1.0]])
    >>> theory.same_argmax(G, [[0.5, 0.0, -0.5], [0.1, 0.1, -0.2]], 0.25)
    array([ True, False])
    """
    G, Z = _gram(gram), _logits(logits)
    if Z.ndim != 2 or len(Z) != len(G):
        raise ValueError(f"logits has shape {Z.shape}; accepted is ({len(G)}, classes)")
    K = Z.shape[1]
    averaged = linearised(G, 1 / K + tangent_error(Z), lam)  # U + H E
    second, first = np.sort(Z, axis=1)[:, -2:].T
    return np.asarray(np.ptp(averaged, axis=1) < (first - second) / K)


def _softmax(z: Floats) -> Floats:
    shares = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def _gram(gram: ArrayLike) -> Floats:
    G = np.asarray(_validate.matrix("gram", np.asarray(gram, dtype=float)))
    if G.shape[0] != G.shape[1] or not np.allclose(G, G.T):
        raise ValueError(f"gram has shape {G.shape}; accepted are symmetric square matrices")
    return G


def _rows(name: str, values: ArrayLike, gram: Floats) -> Floats:
    rows = np.asarray(values, dtype=float)
    return np.asarray(_validate.targets(name, rows, gram, signed=True))


def _logits(logits: ArrayLike) -> Floats:
    z = np.asarray(logits, dtype=float)
    if z.ndim == 0 or z.shape[-1] < 2 or not np.isfinite(z).all():
        raise ValueError(
            f"logits has shape {z.shape}; accepted are finite numbers, two classes or more"
        )
    return z
