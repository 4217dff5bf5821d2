"""Losses of the softmax model: cross-entropy and generalised cross-entropy.

A loss is three formulas in the outputs y (softmax of the logits z) and the targets t of one
instance. All of them work on whole matrices, one instance per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sdbook import _validate
from sdbook._validate import Array

__all__ = ["CrossEntropy", "GeneralisedCrossEntropy", "Loss"]


class Loss(Protocol):
    """What the softmax solver needs to know of a loss."""

    @property
    def convex(self) -> bool:
        """Whether the loss is convex in the logits, so that a stationary point is the optimum."""
        ...

    def value(self, logits: Array, log_norm: Array, outputs: Array, targets: Array) -> Array:
        """Return the loss of each instance, (N,); ``log_norm`` is the logsumexp of its logits."""
        ...

    def residual(self, outputs: Array, targets: Array) -> Array:
        """Return the derivative by the logits, of shape (N, K)."""
        ...

    def curvature_share(self, outputs: Array, targets: Array) -> Array | None:
        """Return the share of cross-entropy's curvature of each instance, (N,); None for 1."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy ``-sum_k t_k log y_k``: convex in the logits, residual ``y - t``.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.solvers import CrossEntropy
    >>> CrossEntropy().residual(np.array([[0.7, 0.3]]), np.array([[1.0, 0.0]])).round(2)
    array([[-0.3,  0.3]])
    """

    convex = True

    def value(self, logits: Array, log_norm: Array, outputs: Array, targets: Array) -> Array:
        """Return ``logsumexp(z) - t . z`` per instance."""
        xp = _validate.namespace("logits", logits)
        return log_norm - xp.vecdot(targets, logits)

    def residual(self, outputs: Array, targets: Array) -> Array:
        """Return ``y - t``."""
        return outputs - targets

    def curvature_share(self, outputs: Array, targets: Array) -> Array | None:
        """Every instance counts in full."""
        return None


@dataclass(frozen=True)
class GeneralisedCrossEntropy:
    """Generalised cross-entropy over the candidates, ``sum_k t_k (1 - y_k^q) / q``.

    With equal targets on the candidate classes it is the mean over the candidates of ``(1 -
    y_k^q) / q`` (Zhang and Sabuncu, 2018). Between cross-entropy (q to 0) and the mean absolute
    error (q = 1). Its gradient is that of a *weighted* cross-entropy whose targets ``t_k y_k^q /
    m`` and weight ``m = sum_k t_k y_k^q`` come from the model's own outputs: an instance counts
    as much as the model already believes its candidates, and the candidate it believes more
    counts more. Not convex: where it ends depends on where it starts.

    Attributes
    ----------
    q : float
        In (0, 1].

    Raises
    ------
    TypeError, ValueError
        If `q` is not a number in (0, 1].

    Examples
    --------
    >>> from sdbook.solvers import GeneralisedCrossEntropy
    >>> GeneralisedCrossEntropy(0.7)
    GeneralisedCrossEntropy(q=0.7)
    """

    q: float = 0.7

    convex = False

    def __post_init__(self) -> None:
        _validate.real("q", self.q, 0, 1, open_low=True)

    def value(self, logits: Array, log_norm: Array, outputs: Array, targets: Array) -> Array:
        """Return the loss per instance."""
        xp = _validate.namespace("logits", logits)
        # 1 - y^q, also where q is small: y is exp(z - logsumexp(z)).
        return -xp.vecdot(targets, xp.expm1(self.q * (logits - log_norm[:, None]))) / self.q

    def residual(self, outputs: Array, targets: Array) -> Array:
        """Return ``m y - v`` with ``v_k = t_k y_k^q`` and ``m = sum_k v_k``."""
        xp = _validate.namespace("outputs", outputs)
        belief = targets * outputs**self.q
        return xp.sum(belief, axis=1, keepdims=True) * outputs - belief

    def curvature_share(self, outputs: Array, targets: Array) -> Array | None:
        """Return m, the belief in the candidates."""
        xp = _validate.namespace("outputs", outputs)
        return xp.vecdot(targets, outputs**self.q)
