"""The Hessian of the objective, and its eigenvalues after preconditioning (chapter 11).

Parameters theta and directions have rows that sum to zero over the classes, as gradients of the
objective have. So training that starts at zero never leaves them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate

__all__ = [
    "eigenvalue_interval",
    "hessian",
    "linearised_hessian",
    "preconditioned_eigenvalues",
]

Floats = NDArray[np.float64]


def linearised_hessian(features: ArrayLike, n_classes: int, lam: float) -> Floats:
    """Return the theorem's matrix, ``(Phi^T Phi + K N lambda I) / (K N)`` (Proposition 6).

    It acts on each column of theta. Where outputs are uniform it is the objective's Hessian.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Features Phi, of any norms.
    n_classes : int
        Number of classes K, at least 2.
    lam : float
        L2 strength lambda of the mean loss, > 0.

    Returns
    -------
    ndarray of shape (d, d)

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from sdbook.book.curvature import linearised_hessian
    >>> linearised_hessian([[1.0, 0.0], [0.6, 0.8]], n_classes=2, lam=0.25)
    array([[0.59, 0.12],
           [0.12, 0.41]])
    """
    Phi = _features(features)
    K = _validate.count("n_classes", n_classes, 2)
    lam = _validate.regularisation(lam)
    return Phi.T @ Phi / (K * len(Phi)) + lam * np.eye(Phi.shape[1])


def hessian(features: ArrayLike, outputs: ArrayLike, lam: float) -> Floats:
    """Return the Hessian of mean cross-entropy with penalty, where the outputs are as given.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Features Phi, of any norms.
    outputs : array_like of shape (N, K)
        Outputs Y of a softmax; rows sum to one. The targets do not matter.
    lam : float
        L2 strength lambda of the mean loss, > 0.

    Returns
    -------
    ndarray of shape (d (K - 1), d (K - 1))
        In an orthonormal basis of the directions whose rows sum to zero; its K - 1 blocks of d
        belong to orthonormal contrasts of the classes.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    MemoryError
        If the matrix does not fit into the memory that is free.

    Examples
    --------
    One instance, two classes, one feature: ``2 y (1 - y) + lambda``.

    >>> from sdbook.book.curvature import hessian
    >>> hessian([[1.0]], [[0.5, 0.5]], lam=0.1).round(3)
    array([[0.6]])
    """
    Phi = _features(features)
    Y = _outputs(outputs, Phi)
    return _hessian(Phi, Y, _validate.regularisation(lam) * np.eye(Phi.shape[1]))


def preconditioned_eigenvalues(features: ArrayLike, outputs: ArrayLike, lam: float) -> Floats:
    """Return the Hessian's eigenvalues after preconditioning with the theorem's matrix.

    Those of ``M^(-1/2) H M^(-1/2)``, with H the `hessian` and M the `linearised_hessian` on each
    column. All of them lie in the `eigenvalue_interval`, whatever the Gram matrix and lambda
    (Proposition 6); without M they spread with the eigenvalues of the Gram matrix.

    Parameters
    ----------
    features : array_like of shape (N, d)
        Features Phi, of any norms.
    outputs : array_like of shape (N, K)
        Outputs Y of a softmax; rows sum to one.
    lam : float
        L2 strength lambda of the mean loss, > 0.

    Returns
    -------
    ndarray of shape (d (K - 1),)
        Ascending. All one where outputs are uniform.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    MemoryError
        If the Hessian does not fit into the memory that is free.

    Examples
    --------
    >>> from sdbook.book.curvature import preconditioned_eigenvalues
    >>> preconditioned_eigenvalues([[1.0]], [[0.5, 0.5]], lam=0.1).round(3)
    array([1.])
    """
    Phi = _features(features)
    Y = _outputs(outputs, Phi)
    values, vectors = np.linalg.eigh(linearised_hessian(Phi, Y.shape[1], lam))
    root = (vectors / np.sqrt(values)) @ vectors.T  # M^(-1/2): whitens features and penalty
    return np.asarray(np.linalg.eigvalsh(_hessian(Phi @ root, Y, lam * root @ root)))


def eigenvalue_interval(outputs: ArrayLike) -> tuple[float, float]:
    """Return an interval that holds all preconditioned eigenvalues (Proposition 6).

    ``K min(Y)`` to the smaller of ``K max(Y)`` and ``K / 2``: no eigenvalue of the Gram matrix and
    no lambda in it. If no instance has logits further apart than R, it lies inside ``exp(-R)`` to
    ``exp(R)``.

    Parameters
    ----------
    outputs : array_like of shape (N, K)
        Outputs Y of a softmax; rows sum to one.

    Returns
    -------
    low, high : float
        ``0 <= low <= 1 <= high``; both one where outputs are uniform.

    Raises
    ------
    ValueError
        If `outputs` is not as described.

    Examples
    --------
    >>> from sdbook.book.curvature import eigenvalue_interval
    >>> eigenvalue_interval([[0.5, 0.25, 0.25], [0.75, 0.125, 0.125]])
    (0.375, 1.5)
    """
    Y = _outputs(outputs)
    K = Y.shape[1]
    # Rounding can leave uniform outputs a hair off 1/K.
    return min(1.0, float(K * Y.min())), max(1.0, min(float(K * Y.max()), K / 2))


def _hessian(Phi: Floats, Y: Floats, penalty: Floats) -> Floats:
    """Sum ``(diag(y) - y y^T) (x) phi phi^T / N`` over the instances, and add the penalty."""
    N, d = Phi.shape
    K = Y.shape[1]
    _validate.memory("the Hessian", (d * (K - 1)) ** 2, 3 * 8)
    contrasts = np.linalg.qr(np.c_[np.ones(K), np.eye(K)[:, 1:]])[0][:, 1:]  # sum to zero
    means = Y @ contrasts
    blocks = np.empty((K - 1, d, K - 1, d))
    for k in range(K - 1):
        for j in range(k + 1):
            # What diag(y) - y y^T is between contrasts k and j: a covariance, per instance.
            weights = Y @ (contrasts[:, k] * contrasts[:, j]) - means[:, k] * means[:, j]
            blocks[k, :, j] = blocks[j, :, k] = (Phi.T * (weights / N)) @ Phi
        blocks[k, :, k] += penalty
    return blocks.reshape(d * (K - 1), d * (K - 1))


def _features(features: ArrayLike) -> Floats:
    return np.asarray(_validate.matrix("features", np.asarray(features, dtype=float)))


def _outputs(outputs: ArrayLike, features: Floats | None = None) -> Floats:
    Y = np.asarray(outputs, dtype=float)
    like = np.empty((len(Y) if Y.ndim else 0, 1)) if features is None else features
    return np.asarray(_validate.targets("outputs", Y, like))
