"""Losses of the softmax model: cross-entropy and generalised cross-entropy.

A loss is a function of the log outputs ``log y`` (log-softmax of the logits z) and the targets t of
one instance. Its derivative by the log outputs is all that a solver needs: with the weights ``v_k =
-dl / d log y_k`` and their sum m, the derivative by the logits is ``m y - v``. So every loss pulls
as a cross-entropy does whose targets are ``v / m``, on an instance of weight m.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sdbook import _validate
from sdbook._validate import Array

__all__ = ["CrossEntropy", "GeneralisedCrossEntropy", "Loss"]


class Loss(Protocol):
    """What the softmax solver needs to know of a loss; one instance per row."""

    @property
    def convex(self) -> bool:
        """Whether the loss is convex in the logits, so that a stationary point is the optimum."""
        ...

    def value(self, log_outputs: Array, targets: Array) -> Array:
        """Return the loss of each instance, (N,)."""
        ...

    def weights(self, log_outputs: Array, targets: Array) -> Array:
        """Return minus the derivative by the log outputs, (N, K)."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy ``-sum_k t_k log y_k``: convex in the logits, weights ``v = t``.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.solvers import CrossEntropy
    >>> CrossEntropy().value(np.log([[0.7, 0.3]]), np.array([[1.0, 0.0]])).round(2)
    array([0.36])
    """

    convex = True

    def value(self, log_outputs: Array, targets: Array) -> Array:
        """Return ``-t . log y`` per instance."""
        return -_validate.namespace("targets", targets).vecdot(targets, log_outputs)

    def weights(self, log_outputs: Array, targets: Array) -> Array:
        """Return the targets."""
        return targets


@dataclass(frozen=True)
class GeneralisedCrossEntropy:
    """Generalised cross-entropy over the candidates, ``sum_k t_k (1 - y_k^q) / q``.

    With equal targets on the candidates it is the mean over them of ``(1 - y_k^q) / q`` (Zhang and
    Sabuncu, 2018): between cross-entropy (q to 0) and the mean absolute error (q = 1). An instance
    counts as much as the model already believes its candidates, and the candidate it believes more
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

    def value(self, log_outputs: Array, targets: Array) -> Array:
        """Return the loss per instance."""
        xp = _validate.namespace("targets", targets)
        # 1 - y^q, also where q is small.
        return -xp.vecdot(targets, xp.expm1(self.q * log_outputs)) / self.q

    def weights(self, log_outputs: Array, targets: Array) -> Array:
        """Return ``t_k y_k^q``, the belief in each candidate."""
        return targets * _validate.namespace("targets", targets).exp(self.q * log_outputs)
