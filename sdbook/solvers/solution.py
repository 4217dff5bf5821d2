"""A trained model on fixed features: its parameters, its outputs, and how exact they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.products import product

__all__ = ["Certificate", "NotConverged", "Solution", "softmax"]


class NotConverged(UserWarning):
    """The solver stopped before it reached the tolerance; the certificate says how near it came."""


def softmax(logits: Array) -> Array:
    """Turn each row of logits into positive shares that sum to one.

    Parameters
    ----------
    logits : array of float, shape (N, K)

    Returns
    -------
    array of shape (N, K)

    Raises
    ------
    TypeError, ValueError
        If `logits` is not a finite floating matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.solvers import softmax
    >>> softmax(np.array([[0.0, np.log(3.0)]]))
    array([[0.25, 0.75]])
    """
    logits = _validate.matrix("logits", logits, "classes")
    xp = _validate.namespace("logits", logits)
    shares = xp.exp(logits - xp.max(logits, axis=1, keepdims=True))
    return shares / xp.sum(shares, axis=1, keepdims=True)


@dataclass(frozen=True)
class Certificate:
    """How near a solution is to the optimum, known without trusting the solver.

    Attributes
    ----------
    converged : bool
        Whether the tolerance or the gap that was asked for was reached, or rounding prevents more.
    gradient_norm : float
        Frobenius norm of the objective's gradient at the solution.
    relative_gradient_norm : float
        The same divided by the norm at theta = 0, if that is more than rounding.
    objective : float
        Value of the objective.
    gap_bound : float or None
        The objective is at most this far above its minimum: ``gradient_norm^2 / (2 lambda)``, by
        strong convexity. None if the loss is not convex.
    evaluations : int
        Gradients computed, each in a pass of two products of ``N min(N, d) K`` multiplications.
    """

    converged: bool
    gradient_norm: float
    relative_gradient_norm: float
    objective: float
    gap_bound: float | None
    evaluations: int

    def __str__(self) -> str:
        verdict = "converged" if self.converged else "NOT converged"
        gap = "not convex" if self.gap_bound is None else f"gap <= {self.gap_bound:.1e}"
        return (
            f"{verdict}: relative gradient norm {self.relative_gradient_norm:.1e}, {gap}, "
            f"{self.evaluations} evaluations"
        )


@dataclass(frozen=True, eq=False)
class Solution:
    """A trained model, softmax or linearised.

    Attributes
    ----------
    coef : array of shape (d, K)
        Parameters theta.
    features : array of shape (N, d)
        The features that it was trained on.
    model : {"softmax", "linearised"}
    certificate : Certificate or None
        How exact this is. None for the linearised model, whose closed form is exact.
    """

    coef: Array = field(repr=False)
    features: Array = field(repr=False)
    model: str
    certificate: Certificate | None = None

    @property
    def outputs(self) -> Array:
        """Outputs on the training instances, (N, K), computed when asked: rows sum to one."""
        return self._outputs(self.features)

    def predict(self, features: Array) -> Array:
        """Return the outputs on new instances.

        Parameters
        ----------
        features : array of shape (M, d)

        Returns
        -------
        array of shape (M, K)
            Rows sum to one. Those of the linearised model can have entries below 0 or above 1.

        Raises
        ------
        TypeError, ValueError
            If `features` is not a finite matrix of the training width, or another kind of array.
        """
        _validate.new_instances("features", features, self.coef.shape[0], self.coef)
        return self._outputs(features)

    def _outputs(self, features: Array) -> Array:
        logits = product(features, self.coef)
        return softmax(logits) if self.model == "softmax" else 1 / self.coef.shape[1] + logits
