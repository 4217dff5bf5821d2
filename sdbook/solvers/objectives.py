"""What the softmax solver minimises: objectives on the same features, side by side.

Problem b has its own targets, regularisation strength and instance weights, but the features are
shared. Matrices of all problems are stacked, problem first: parameters ``(B, d, K)``, logits
``(B, N, K)``. Only for a product with the features do they lie side by side, ``(d, B K)``: one wide
product costs up to half as much as B narrow ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from array_api_compat import to_device
from numpy.typing import NDArray

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation
from sdbook.solvers.losses import Loss
from sdbook.solvers.products import product, transposed_product

__all__ = ["Numbers", "Objectives", "Point", "softmax_and_log_norm"]

Numbers = NDArray[np.float64]
"""One number per problem, on the host: what decisions are made from."""


def softmax_and_log_norm(logits: Array) -> tuple[Array, Array]:
    """Softmax and logsumexp of each row from one pass of exponentials."""
    xp = _validate.namespace("logits", logits)
    # Exponentials must not overflow, nor all those of a row vanish. Where all logits are small
    # neither can happen; else the largest of its row is subtracted, which takes time.
    small = 0.5 * math.log(float(xp.finfo(logits.dtype).max))
    top = 0.0
    if not (float(xp.max(logits)) < small and float(xp.min(logits)) > -small):
        top = xp.max(logits, axis=1)
        logits = logits - top[:, None]
    shares = xp.exp(logits)
    # A product with ones is the fastest sum of rows.
    ones = xp.ones(shares.shape[1], dtype=shares.dtype, device=shares.device)
    norm = shares @ ones
    shares /= norm[:, None]
    return shares, top + xp.log(norm)


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters in the solver's coordinates, with all that one pass over the instances gives.

    All of them stacked, problem first.
    """

    coordinates: Array
    logits: Array
    outputs: Array
    residual: Array
    value: Numbers

    def take(self, chosen: NDArray[np.intp]) -> Point:
        """Return the points of some of the problems."""
        return Point(*(each[chosen] for each in self._arrays()))

    def put(self, chosen: NDArray[np.intp], points: Point) -> None:
        """Overwrite the points of some of the problems."""
        for ours, theirs in zip(self._arrays(), points._arrays(), strict=True):
            ours[chosen] = theirs

    def _arrays(self) -> tuple[Array, ...]:
        return (self.coordinates, self.logits, self.outputs, self.residual, self.value)


class Objectives:
    """B objectives in coordinates where the linearised Hessian is cheap to invert.

    In the feature space the coordinates are theta itself. In the instance space (fewer instances
    than features) they are theta along the right singular vectors of the features: the same
    geometry, in min(N, d) dimensions, where the Hessian is diagonal.

    Parameters
    ----------
    fact : Factorisation
    targets : array of shape (B, N, K)
    lam : ndarray of shape (B,)
    loss : Loss
    weights : array of shape (B, N) or None
        With mean 1 in each row.
    """

    def __init__(
        self, fact: Factorisation, targets: Array, lam: Numbers, loss: Loss, weights: Array | None
    ) -> None:
        self.fact, self.targets, self.lam, self.loss = fact, targets, lam, loss
        self.weights = weights
        self.xp = xp = _validate.namespace("features", fact.features)
        self.B, self.N, self.K = targets.shape
        self.like = {"dtype": fact.features.dtype, "device": fact.features.device}
        if fact.space == "feature":
            self.design = fact.features
        else:
            self.design = fact.basis * xp.sqrt(fact.eigenvalues)

    def take(self, chosen: NDArray[np.intp]) -> Objectives:
        """Return some of the problems."""
        weights = None if self.weights is None else self.weights[chosen]
        some = object.__new__(Objectives)
        some.__dict__.update(
            self.__dict__,
            targets=self.targets[chosen],
            lam=self.lam[chosen],
            weights=weights,
            B=len(chosen),
        )
        return some

    # --- arithmetic of stacks --------------------------------------------------------------------

    def side_by_side(self, stack: Array) -> Array:
        """Lay (B, rows, K) side by side, (rows, B K)."""
        xp = self.xp
        return xp.reshape(xp.permute_dims(stack, (1, 0, 2)), (stack.shape[1], -1))

    def stacked(self, wide: Array) -> Array:
        """Undo `side_by_side`, contiguously."""
        xp = self.xp
        deep = xp.reshape(wide, (wide.shape[0], -1, self.K))
        return xp.concat([xp.permute_dims(deep, (1, 0, 2))])

    def scaled(self, numbers: Numbers, stack: Array) -> Array:
        """Multiply each problem's matrix by its number."""
        return self.xp.asarray(numbers, **self.like)[:, None, None] * stack

    def dots(self, a: Array, b: Array) -> Numbers:
        """Inner products of two stacks of matrices, problem by problem."""
        per_row = self.xp.vecdot(a, b)
        return _on_host(self.xp.sum(per_row, axis=1))

    def norms(self, stack: Array) -> Numbers:
        """Frobenius norms, problem by problem."""
        return np.sqrt(self.dots(stack, stack))

    def mean(self, per_instance: Array) -> Numbers:
        """Weighted means over the instances, of numbers of shape (B N,)."""
        xp = self.xp
        values = xp.reshape(per_instance, (self.B, self.N))
        if self.weights is not None:
            values = self.weights * values
        return _on_host(xp.mean(values, axis=1))

    def flat(self, stack: Array) -> Array:
        """View (B, N, K) as (B N, K): what is done per instance does not mind the problem."""
        return self.xp.reshape(stack, (-1, self.K))

    # --- the objectives --------------------------------------------------------------------------

    def origin(self) -> Point:
        """Return zero parameters, where outputs are uniform."""
        xp = self.xp
        coordinates = xp.zeros((self.B, self.design.shape[1], self.K), **self.like)
        return self.point(coordinates, xp.zeros((self.B, self.N, self.K), **self.like))

    def point(self, coordinates: Array, logits: Array) -> Point:
        """Return the point that has these coordinates, and therefore these logits."""
        xp, shape = self.xp, (self.B, self.N, self.K)
        flat, targets = self.flat(logits), self.flat(self.targets)
        outputs, log_norm = softmax_and_log_norm(flat)
        losses = self.loss.value(flat, log_norm, outputs, targets)
        value = self.mean(losses) + self.lam / 2 * self.dots(coordinates, coordinates)
        # Derivative of N times the mean loss by the logits.
        residual = xp.reshape(self.loss.residual(outputs, targets), shape)
        if self.weights is not None:
            residual = residual * self.weights[:, :, None]
        return Point(coordinates, logits, xp.reshape(outputs, shape), residual, value)

    def logits(self, coordinates: Array) -> Array:
        """Return the logits of the training instances."""
        return self.stacked(product(self.design, self.side_by_side(coordinates)))

    def gradient(self, point: Point) -> Array:
        """Return the gradient by the coordinates."""
        pull = transposed_product(self.design, self.side_by_side(point.residual))
        return self.stacked(pull) / self.N + self.scaled(self.lam, point.coordinates)

    def rounding(self) -> float:
        """Norm of the gradient that errors of one unit in the last place of the outputs make."""
        eps = float(self.xp.finfo(self.design.dtype).eps)
        return eps * float(self.fact.eigenvalues[-1]) ** 0.5 / (self.N * self.K) ** 0.5

    def curvature(self, outputs: Array) -> Numbers:
        """Mean eigenvalue of the loss's Hessian by the logits, apart from its zero one.

        A single number for all instances and classes keeps the rows' zero sum, as uniform outputs
        do, for which it is exactly 1/K.
        """
        flat = self.flat(outputs)
        per_instance = 1 - self.xp.vecdot(flat, flat)
        trust = self.loss.trust(flat, self.flat(self.targets))
        if trust is not None:
            per_instance = per_instance * trust
        return self.mean(per_instance) / (self.K - 1)

    def precondition(self, stack: Array, curvature: Numbers) -> Array:
        """Multiply by the inverse of the linearised Hessian."""
        xp, s = self.xp, self.fact.eigenvalues
        slope = xp.asarray(curvature / self.N, **self.like)[:, None]
        scale = 1 / (slope * s + xp.asarray(self.lam, **self.like)[:, None])[:, :, None]
        if self.fact.space == "instance":
            return scale * stack
        V = self.fact.basis
        inside = scale * self.stacked(V.T @ self.side_by_side(stack))
        return self.stacked(V @ self.side_by_side(inside))

    def theta(self, coordinates: Array) -> Array:
        """Turn the coordinates of one problem into theta, (d, K)."""
        if self.fact.space == "feature":
            return coordinates
        xp, s = self.xp, self.fact.eigenvalues
        root = xp.sqrt(xp.where(s > 0, s, 1.0))[:, None]
        along = xp.where(s[:, None] > 0, coordinates / root, 0.0)
        return transposed_product(self.fact.features, self.fact.basis @ along)


def _on_host(numbers: Array) -> Numbers:
    return np.asarray(to_device(numbers, "cpu"), dtype=np.float64)
