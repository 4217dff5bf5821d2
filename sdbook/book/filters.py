"""Margins with clean labels, and one ridge in place of several rounds (chapter 8)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate, theory

__all__ = ["CleanMargins", "Match", "clean_margins", "matching_ridge", "same_ratio_ridge"]

Reals = float | NDArray[np.float64]


class CleanMargins(NamedTuple):
    """By how much the true class leads, with clean labels.

    Attributes
    ----------
    relative : float or ndarray
        Over another class of the same superclass, ``q^t``.
    stranger : float or ndarray
        Over a class of another superclass, ``q^t + (r^t - q^t) / m``.
    """

    relative: Reals
    stranger: Reals


class Match(NamedTuple):
    """The one round that does most nearly what several rounds do.

    Attributes
    ----------
    ridge : float
        Its ridge.
    scale : float
        What it must be multiplied by. The argmax does not care.
    left_over : float
        What it cannot do: the root mean square of the difference, relative to that of the target;
        0 for a perfect match, below 1 always.
    """

    ridge: float
    scale: float
    left_over: float


def clean_margins(
    shrinkage: theory.BlockSpectrum, t: ArrayLike = 1, *, superclass_size: int
) -> CleanMargins:
    """Return the margins of every training instance when all labels are right (Corollary 2).

    In the block model an instance leads over its relatives by ``q^t`` and over strangers by more.
    The margins never change sign, so the linearised model never errs on its training set; but the
    ratio of the two goes to zero like ``(q / r)^t``.

    Parameters
    ----------
    shrinkage : BlockSpectrum
        Factors p, q, r, g in [0, 1], from `block_shrinkage` or your own.
    t : float or array_like
        Number of rounds, >= 0; need not be whole.
    superclass_size : int
        Classes in a superclass, m.

    Returns
    -------
    CleanMargins

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from sdbook import theory
    >>> from sdbook.book.filters import clean_margins
    >>> shrinkage = theory.BlockSpectrum(0.5, 0.8, 0.9, 1.0)
    >>> relative, stranger = clean_margins(shrinkage, t=2, superclass_size=2)
    >>> round(relative, 3), round(stranger, 3)
    (0.64, 0.725)
    """
    m = _validate.count("superclass_size", superclass_size)
    weights = theory.block_weights(shrinkage, t)
    relative = weights.own + weights.class_  # q^t
    return CleanMargins(relative, relative + weights.superclass / m)


def same_ratio_ridge(small: ArrayLike, large: ArrayLike, ridge: ArrayLike, t: ArrayLike) -> Reals:
    """Return the ridge at which one round keeps the proportion of t rounds (Corollary 3).

    Outputs may be multiplied by any number without a change of the argmax. Up to such a number one
    round at ridge b does the same as t rounds to two eigenvalues ``s < l`` for
    ``b = s l (R - 1) / (l - R s)``, where R is the ratio of what t rounds leave of the large and of
    the small one. The ratio of one round stays below ``l / s`` at any ridge: where t rounds
    reach it, no ridge will do.

    Parameters
    ----------
    small, large : float or array_like
        Two eigenvalues, ``0 < small < large``.
    ridge : float or array_like
        The ridge of each of the t rounds, > 0.
    t : float or array_like
        Number of rounds, > 0; need not be whole.

    Returns
    -------
    float or ndarray
        Infinite where no ridge is large enough.

    Raises
    ------
    TypeError, ValueError
        If an argument is not above zero, or `small` is not below `large`.

    Examples
    --------
    >>> from sdbook.book.filters import same_ratio_ridge
    >>> same_ratio_ridge(1.0, 4.0, ridge=1.0, t=[1, 2, 3]).round(3)
    array([1.   , 4.333,   inf])
    """
    named = {"small": small, "large": large, "ridge": ridge, "t": t}
    s, high, a, rounds = (_validate.reals(*each, 0, open_low=True) for each in named.items())
    if not np.all(s < high):
        raise ValueError(f"small must be < large, got small = {s} and large = {high}.")
    # log of the ratio R, so that many rounds do not overflow
    log_ratio = rounds * (np.log1p(a / s) - np.log1p(a / high))
    possible = log_ratio < np.log(high / s)
    R = np.exp(np.where(possible, log_ratio, 0))
    found = np.where(possible, s * high * (R - 1) / (high - R * s), np.inf)
    return float(found) if found.ndim == 0 else found


def matching_ridge(
    eigenvalues: ArrayLike, ridge: float, t: float, *, weights: ArrayLike | None = None
) -> Match:
    """Return the one round that is nearest to t rounds, up to a factor, and what is left over.

    Least squares over ridges b and factors k: ``sum_i w_i (h_i^t - k s_i / (b + s_i))^2`` with
    ``h_i = s_i / (a + s_i)``.

    Parameters
    ----------
    eigenvalues : array_like of shape (n,)
        Eigenvalues s of the Gram matrix, >= 0. Those that are zero play no role.
    ridge : float
        The ridge a of each of the t rounds, > 0.
    t : float
        Number of rounds, > 0; need not be whole.
    weights : array_like of shape (n,), optional
        How much each direction counts, >= 0. With the energy of the targets in each direction the
        sum is the squared difference of all outputs. Equal by default.

    Returns
    -------
    Match

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, a number is out of range, or no eigenvalue has both a value and a
        weight above zero.

    Notes
    -----
    The ridge is searched from a millionth of the smallest eigenvalue to a million times the
    largest, where a round is constant or proportional to s for all that can be told.

    Examples
    --------
    >>> from sdbook.book.filters import matching_ridge
    >>> match = matching_ridge([1.0, 4.0], ridge=1.0, t=2)
    >>> round(match.ridge, 3), round(match.scale, 3), match.left_over < 1e-6
    (4.333, 1.333, True)
    """
    s = _validate.reals("eigenvalues", eigenvalues, 0)
    w = np.ones_like(s) if weights is None else _validate.reals("weights", weights, 0)
    if s.ndim != 1 or w.shape != s.shape:
        raise ValueError(
            f"eigenvalues and weights must have shape (n,) both, got {s.shape} and {w.shape}."
        )
    a = _validate.real("ridge", ridge, 0, open_low=True)
    rounds = _validate.real("t", t, 0, open_low=True)
    counts = (s > 0) & (w > 0)
    if not counts.any():
        raise ValueError("eigenvalues must have one above 0 with a weight above 0, got none.")
    s, w = s[counts], w[counts] / w[counts].sum()
    target = np.exp(-rounds * np.log1p(a / s))
    target_scale = target.max()
    target = target / target_scale  # many rounds leave little: do not underflow

    low, high = np.log(s.min()) - 14, np.log(s.max()) + 14
    for _ in range(6):  # a grid, and finer grids around its best point
        grid = np.linspace(low, high, 121)
        one_round = s / (np.exp(grid)[:, None] + s)
        scales = (one_round @ (w * target)) / (one_round**2 @ w)
        rest = ((target - scales[:, None] * one_round) ** 2) @ w
        best = int(rest.argmin())
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, 120)]
    left_over = np.sqrt(rest[best] / (w @ target**2))
    return Match(float(np.exp(grid[best])), float(scales[best] * target_scale), float(left_over))
