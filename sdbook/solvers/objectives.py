"""What the softmax solver minimises: objectives on the same features, side by side.

Problem b has its own targets, regularisation strength and instance weights, but the features are
shared. Matrices of all problems lie side by side: parameters are ``(d, B, K)``, logits ``(N, B,
K)``, and for a product with the features the last two axes are one: one wide product costs up to
half as much as B narrow ones.
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
from sdbook.solvers.passes import over_rows
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
    """Parameters in the solver's coordinates, with what one pass over the instances gives.

    Attributes
    ----------
    coordinates : array of shape (d, B, K)
    logits : array of shape (N, B, K)
    residual : array of shape (N, B, K)
        Derivative of N times the mean loss by the logits.
    value : ndarray of shape (B,)
        The objectives.
    curvature : ndarray of shape (B,)
        Mean eigenvalue of the loss's Hessian by the logits, apart from its zero one. A single
        number for all instances and classes keeps the rows' zero sum, as uniform outputs do, for
        which it is exactly 1/K.
    """

    coordinates: Array
    logits: Array
    residual: Array
    value: Numbers
    curvature: Numbers

    def take(self, chosen: NDArray[np.intp]) -> Point:
        """Return the points of some of the problems."""
        return Point(
            beside(self.coordinates, chosen),
            beside(self.logits, chosen),
            beside(self.residual, chosen),
            self.value[chosen],
            self.curvature[chosen],
        )

    def put(self, chosen: NDArray[np.intp], points: Point) -> None:
        """Overwrite the points of some of the problems."""
        for theirs, ours in enumerate(chosen):
            self.coordinates[:, ours, :] = points.coordinates[:, theirs, :]
            self.logits[:, ours, :] = points.logits[:, theirs, :]
            self.residual[:, ours, :] = points.residual[:, theirs, :]
        self.value[chosen], self.curvature[chosen] = points.value, points.curvature


def beside(matrices: Array, chosen: NDArray[np.intp]) -> Array:
    """Return some of the matrices that lie side by side, (rows, B, K)."""
    xp = _validate.namespace("matrices", matrices)
    return xp.stack([matrices[:, int(b), :] for b in chosen], axis=1)


class Objectives:
    """B objectives in coordinates where the linearised Hessian is cheap to invert.

    In the feature space these are the parameters themselves. In the instance space they are the
    parameters along the Gram matrix's eigenvectors, where the Hessian is diagonal.

    Parameters
    ----------
    fact : Factorisation
    targets : array of shape (N, B, K)
    lam : ndarray of shape (B,)
    loss : Loss
    weights : array of shape (N, B) or None
        With mean 1 for each problem.
    """

    def __init__(
        self, fact: Factorisation, targets: Array, lam: Numbers, loss: Loss, weights: Array | None
    ) -> None:
        self.fact, self.targets, self.lam, self.loss = fact, targets, lam, loss
        self.weights = weights
        self.xp = xp = _validate.namespace("features", fact.features)
        self.N, self.B, self.K = targets.shape
        self.like = {"dtype": fact.features.dtype, "device": fact.features.device}
        if fact.space == "feature":
            self.design = fact.features
        else:
            self.design = fact.basis * xp.sqrt(fact.eigenvalues)

    def take(self, chosen: NDArray[np.intp]) -> Objectives:
        """Return some of the problems."""
        weights = self.weights
        if weights is not None:
            weights = self.xp.stack([weights[:, int(b)] for b in chosen], axis=1)
        some = object.__new__(Objectives)
        some.__dict__.update(
            self.__dict__,
            targets=beside(self.targets, chosen),
            lam=self.lam[chosen],
            weights=weights,
            B=len(chosen),
        )
        return some

    # --- arithmetic of matrices side by side -----------------------------------------------------

    def wide(self, matrices: Array) -> Array:
        """View (rows, B, K) as one matrix."""
        return self.xp.reshape(matrices, (matrices.shape[0], -1))

    def apart(self, wide: Array) -> Array:
        """Undo `wide`."""
        return self.xp.reshape(wide, (wide.shape[0], -1, self.K))

    def scaled(self, numbers: Numbers, matrices: Array) -> Array:
        """Multiply each problem's matrix by its number."""
        return self.xp.asarray(numbers, **self.like)[:, None] * matrices

    def dots(self, a: Array, b: Array) -> Numbers:
        """Inner products of matrices, problem by problem."""
        return self.total(self.xp.vecdot(a, b))

    def total(self, numbers: Array) -> Numbers:
        """Sum (rows, B) over the rows, problem by problem."""
        xp = self.xp
        # Numbers that are neighbours in memory are summed pairwise, with much less rounding.
        neighbours = xp.stack([numbers[:, b] for b in range(numbers.shape[1])])
        sums = xp.sum(neighbours, axis=1, dtype=xp.float64)
        return np.asarray(to_device(sums, "cpu"))

    def norms(self, matrices: Array) -> Numbers:
        """Frobenius norms, problem by problem."""
        return np.sqrt(self.dots(matrices, matrices))

    # --- the objectives --------------------------------------------------------------------------

    def origin(self) -> Point:
        """Return zero parameters, where outputs are uniform."""
        xp = self.xp
        coordinates = xp.zeros((self.design.shape[1], self.B, self.K), **self.like)
        return self.point(coordinates, xp.zeros((self.N, self.B, self.K), **self.like))

    def logits(self, coordinates: Array) -> Array:
        """Return the logits of the training instances."""
        return self.apart(product(self.design, self.wide(coordinates)))

    def point(self, coordinates: Array, logits: Array) -> Point:
        """Return the point that has these coordinates, and therefore these logits."""
        residual, values, bends = self._empty()

        def work(rows: slice) -> None:
            residual[rows], values[rows], bends[rows] = self._per_instance(logits[rows], rows)

        over_rows(work, logits)
        return self._point(coordinates, logits, residual, values, bends)

    def along(
        self, start: Point, step: Array, change: Array, size: Numbers
    ) -> tuple[Point, Numbers]:
        """Go from `start` by `size` times a step that changes the logits by `change`.

        Returns the point, and the derivatives of the mean losses by `size` there.
        """
        xp = self.xp
        residual, values, bends = self._empty()
        logits, slopes = xp.empty_like(residual), xp.empty_like(values)

        whole = bool((size == 1).all())  # as nearly always

        def work(rows: slice) -> None:
            moved = change[rows] if whole else self.scaled(size, change[rows])
            there = moved + start.logits[rows]
            logits[rows] = there
            found, values[rows], bends[rows] = self._per_instance(there, rows)
            residual[rows] = found
            slopes[rows] = xp.vecdot(found, change[rows])

        over_rows(work, change)
        coordinates = start.coordinates + self.scaled(size, step)
        point = self._point(coordinates, logits, residual, values, bends)
        return point, self.total(slopes) / self.N

    def _empty(self) -> tuple[Array, Array, Array]:
        """Room for what `_per_instance` gives."""
        numbers = self.xp.empty((self.N, self.B), **self.like)
        return self.xp.empty_like(self.targets), numbers, self.xp.empty_like(numbers)

    def _per_instance(self, logits: Array, rows: slice) -> tuple[Array, Array, Array]:
        """Residual, loss and curvature of some of the instances."""
        xp = self.xp
        logits = xp.reshape(logits, (-1, self.K))
        targets = xp.reshape(self.targets[rows], (-1, self.K))
        outputs, log_norm = softmax_and_log_norm(logits)
        values = self.loss.value(logits, log_norm, outputs, targets)
        residual = self.loss.residual(outputs, targets)
        bends = 1 - xp.vecdot(outputs, outputs)
        trust = self.loss.trust(outputs, targets)
        if trust is not None:
            bends = bends * trust
        residual = xp.reshape(residual, (-1, self.B, self.K))
        values, bends = (xp.reshape(each, (-1, self.B)) for each in (values, bends))
        if self.weights is not None:
            weights = self.weights[rows]
            residual = residual * weights[:, :, None]
            values, bends = values * weights, bends * weights
        return residual, values, bends

    def _point(
        self, coordinates: Array, logits: Array, residual: Array, values: Array, bends: Array
    ) -> Point:
        value = self.total(values) / self.N + self.lam / 2 * self.dots(coordinates, coordinates)
        curvature = self.total(bends) / self.N / (self.K - 1)
        return Point(coordinates, logits, residual, value, curvature)

    def gradient(self, point: Point) -> Array:
        """Return the gradient by the coordinates."""
        pull = transposed_product(self.design, self.wide(point.residual))
        pull /= self.N
        return self.apart(pull) + self.scaled(self.lam, point.coordinates)

    def rounding(self) -> float:
        """Norm of the gradient that errors of one unit in the last place of the outputs make."""
        eps = float(self.xp.finfo(self.design.dtype).eps)
        return eps * float(self.fact.eigenvalues[-1]) ** 0.5 / (self.N * self.K) ** 0.5

    def precondition(self, matrices: Array, curvature: Numbers) -> Array:
        """Multiply by the inverse of the linearised Hessian."""
        xp, s = self.xp, self.fact.eigenvalues
        slope = xp.asarray(curvature / self.N, **self.like)
        inverse = 1 / (s[:, None] * slope + xp.asarray(self.lam, **self.like))[:, :, None]
        if self.fact.space == "instance":
            return inverse * matrices
        V = self.fact.basis
        inside = inverse * self.apart(V.T @ self.wide(matrices))
        return self.apart(V @ self.wide(inside))

    def theta(self, coordinates: Array) -> Array:
        """Turn the coordinates of one problem into theta, (d, K)."""
        if self.fact.space == "feature":
            return coordinates
        xp, s = self.xp, self.fact.eigenvalues
        root = xp.sqrt(xp.where(s > 0, s, 1.0))[:, None]
        along = xp.where(s[:, None] > 0, coordinates / root, 0.0)
        return transposed_product(self.fact.features, self.fact.basis @ along)
