"""The optimum in one equation, the same with a linearised softmax, and the ridge of many rounds.

The optimum is written with the Gram matrix G. For large data the solvers give the same without
building it. The setting is that of Jeong & Chung (2024); the form of the equations is derived
afresh.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook.theory._arrays import Floats, Reals, plain

__all__ = ["equivalent_ridge", "fixed_point", "linearised"]


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
    TypeError, ValueError
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
        raise ValueError(f"outputs must have the shape of targets, {T.shape}, got {Y.shape}.")
    Z = G @ (T - Y) / (len(G) * _validate.regularisation(lam))
    shares = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


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
    TypeError, ValueError
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


def equivalent_ridge(eigenvalue: ArrayLike, ridge: ArrayLike, t: ArrayLike) -> Reals:
    """Return the ridge at which one round does to an eigenvalue what t rounds do (Proposition 5).

    ``s / (b + s) = (s / (a + s))^t`` for ``b = s ((1 + a / s)^t - 1)``. For t > 1 it falls strictly
    as the eigenvalue s grows, from infinity to ``t a``: no single ridge is right for labels that
    have parts in directions of two different eigenvalues.

    Parameters
    ----------
    eigenvalue : float or array_like
        Eigenvalues s of the Gram matrix, > 0.
    ridge : float or array_like
        The ridge a of each round, ``K N lambda``, > 0.
    t : float or array_like
        Number of rounds, > 0; need not be whole.

    Returns
    -------
    float or ndarray
        Infinite where it is beyond floating-point numbers.

    Raises
    ------
    TypeError, ValueError
        If an argument is not above zero.

    Examples
    --------
    >>> from sdbook import theory
    >>> theory.equivalent_ridge([1.0, 10.0, 1e6], ridge=1.0, t=2).round(3)
    array([3. , 2.1, 2. ])
    """
    named = {"eigenvalue": eigenvalue, "ridge": ridge, "t": t}
    s, a, rounds = (_validate.reals(*each, 0, open_low=True) for each in named.items())
    with np.errstate(over="ignore"):
        return plain(s * np.expm1(rounds * np.log1p(a / s)))


def _gram(gram: ArrayLike) -> Floats:
    G = np.asarray(_validate.matrix("gram", np.asarray(gram, dtype=float)))
    if G.shape[0] != G.shape[1] or not np.allclose(G, G.T):
        raise ValueError(f"gram must be square and symmetric, got shape {G.shape}.")
    return G


def _rows(name: str, values: ArrayLike, gram: Floats) -> Floats:
    rows = np.asarray(values, dtype=float)
    return np.asarray(_validate.targets(name, rows, gram, signed=True))
