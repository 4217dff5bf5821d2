"""What the softmax solver minimises: objectives on the same features, side by side.

Problem b has its own targets, regularisation strength and instance weights, but the features are
shared. Matrices of all problems lie side by side: parameters are ``(d, B, K)``, logits ``(N, B,
K)``, and for a product with the features the last two axes are one: one wide product can cost half
as much as B narrow ones. A pass over the instances takes a few of them at a time from their
features to what they add to the gradient, so that of all that is ``(N, B, K)`` only the targets are
ever kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from array_api_compat import to_device
from numpy.typing import NDArray

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation
from sdbook.solvers.losses import Loss
from sdbook.solvers.products import product, transposed_product
from sdbook.solvers.row_chunks import RowChunks

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
    """Parameters in the solver's coordinates, with what one pass over the instances finds there."""

    coordinates: Array  # (r, B, K)
    gradient: Array  # of the objectives, by the coordinates
    value: Numbers  # the objectives
    # Mean eigenvalue of the loss's Hessian by the logits, apart from its zero one. A single number
    # for all instances and classes keeps the rows' zero sum, as uniform outputs do, for which it is
    # exactly 1/K for cross-entropy.
    curvature: Numbers

    def take(self, chosen: NDArray[np.intp]) -> Point:
        """Return the points of some of the problems."""
        return Point(
            select(self.coordinates, chosen),
            select(self.gradient, chosen),
            self.value[chosen],
            self.curvature[chosen],
        )

    def put(self, chosen: NDArray[np.intp], points: Point) -> None:
        """Overwrite the points of some of the problems."""
        for theirs, ours in enumerate(chosen):
            self.coordinates[:, ours, :] = points.coordinates[:, theirs, :]
            self.gradient[:, ours, :] = points.gradient[:, theirs, :]
        self.value[chosen], self.curvature[chosen] = points.value, points.curvature


def select(matrices: Array, chosen: NDArray[np.intp]) -> Array:
    """Return some of the matrices that lie side by side, (rows, B, ...)."""
    xp = _validate.namespace("matrices", matrices)
    return xp.take(matrices, xp.asarray(chosen, device=matrices.device), axis=1)


class Objectives:
    """B objectives in coordinates where the linearised Hessian is cheap to invert.

    In the feature space these are the parameters themselves. In the instance space they are the
    parameters along the Gram matrix's eigenvectors, where the Hessian is diagonal.

    Targets are (N, B, K), strengths `lam` (B,), and sample weights (N, B) with mean 1 for each
    problem. The row chunks are open.
    """

    def __init__(
        self,
        fact: Factorisation,
        targets: Array,
        lam: Numbers,
        loss: Loss,
        sample_weight: Array | None,
        chunks: RowChunks,
    ) -> None:
        self.fact, self.targets, self.lam, self.loss = fact, targets, lam, loss
        self.sample_weight, self.chunks = sample_weight, chunks
        self.xp = xp = _validate.namespace("features", fact.features)
        self.N, self.B, self.K = targets.shape
        self.like = {"dtype": fact.features.dtype, "device": fact.features.device}
        if fact.space == "feature":
            self.design = fact.features
        else:
            self.design = fact.basis * xp.sqrt(fact.eigenvalues)

    def take(self, chosen: NDArray[np.intp]) -> Objectives:
        """Return some of the problems."""
        sample_weight = None if self.sample_weight is None else select(self.sample_weight, chosen)
        some = object.__new__(Objectives)
        some.__dict__.update(
            self.__dict__,
            targets=select(self.targets, chosen),
            lam=self.lam[chosen],
            sample_weight=sample_weight,
            B=len(chosen),
        )
        return some

    # --- arithmetic of matrices side by side -----------------------------------------------------

    def flatten(self, matrices: Array) -> Array:
        """View (rows, B, K) as one matrix."""
        return self.xp.reshape(matrices, (matrices.shape[0], -1))

    def unflatten(self, wide: Array) -> Array:
        """Undo `flatten`."""
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
        zero = self.xp.zeros((self.design.shape[1], self.B, self.K), **self.like)
        return self._visit(zero, lambda rows: self.xp.zeros_like(self.targets[rows]))

    def point(self, coordinates: Array) -> Point:
        """Return the point that has these coordinates."""
        return self._visit(coordinates, lambda rows: self._logits(coordinates, rows))

    def outputs(self, coordinates: Array) -> list[Array]:
        """Return what each problem answers on the training instances, (N, K)."""
        xp = self.xp
        outputs = [xp.empty((self.N, self.K), **self.like) for _ in range(self.B)]

        def work(rows: slice) -> None:
            logits = xp.reshape(self._logits(coordinates, rows), (-1, self.K))
            found = self.unflatten(
                xp.reshape(softmax_and_log_norm(logits)[0], (-1, self.B * self.K))
            )
            for b, each in enumerate(outputs):
                each[rows] = found[:, b, :]

        self.chunks.over_rows(work, self.targets)
        return outputs

    def _visit(self, coordinates: Array, logits_of: Callable[[slice], Array]) -> Point:
        """Pass over the instances once: what is computed of a few of them is soon used up."""
        xp = self.xp
        values = xp.empty((self.N, self.B), **self.like)
        curvature = xp.empty_like(values)

        def add(rows: slice, gradient: Array) -> None:
            residual, values[rows], curvature[rows] = self._per_instance(logits_of(rows), rows)
            gradient += transposed_product(self.design[rows], self.flatten(residual))

        gradient = xp.zeros((self.design.shape[1], self.B * self.K), **self.like)
        gradient = self.chunks.sum_over_rows(add, self.targets, gradient) / self.N
        return Point(
            coordinates,
            self.unflatten(gradient) + self.scaled(self.lam, coordinates),
            self.total(values) / self.N + self.lam / 2 * self.dots(coordinates, coordinates),
            self.total(curvature) / self.N / (self.K - 1),
        )

    def _logits(self, coordinates: Array, rows: slice) -> Array:
        return self.unflatten(product(self.design[rows], self.flatten(coordinates)))

    def _per_instance(self, logits: Array, rows: slice) -> tuple[Array, Array, Array]:
        """Residual, loss and curvature of some of the instances."""
        xp = self.xp
        logits = xp.reshape(logits, (-1, self.K))
        targets = xp.reshape(self.targets[rows], (-1, self.K))
        outputs, log_norm = softmax_and_log_norm(logits)
        values = self.loss.value(logits, log_norm, outputs, targets)
        residual = self.loss.residual(outputs, targets)
        curvature = 1 - xp.vecdot(outputs, outputs)
        curvature_share = self.loss.curvature_share(outputs, targets)
        if curvature_share is not None:
            curvature = curvature * curvature_share
        residual = xp.reshape(residual, (-1, self.B, self.K))
        values, curvature = (xp.reshape(each, (-1, self.B)) for each in (values, curvature))
        if self.sample_weight is not None:
            weights = self.sample_weight[rows]
            residual = residual * weights[:, :, None]
            values, curvature = values * weights, curvature * weights
        return residual, values, curvature

    def gradient_rounding(self) -> float:
        """Norm of the gradient that errors of one unit in the last place of the outputs make."""
        eps = float(self.xp.finfo(self.design.dtype).eps)
        return eps * float(self.fact.eigenvalues[-1]) ** 0.5 / (self.N * self.K) ** 0.5

    def rounding_error(self, point: Point) -> Numbers:
        """How much of the objectives' values may be rounding.

        The loss of an instance is a difference of numbers that are as large as its logits.
        """
        eps = float(self.xp.finfo(self.design.dtype).eps)
        reach = float(self.fact.eigenvalues[-1] / self.N) ** 0.5 * self.norms(point.coordinates)
        return 8 * eps * (np.abs(point.value) + reach)

    def precondition(self, matrices: Array, curvature: Numbers) -> Array:
        """Multiply by the inverse of the linearised Hessian."""
        inside = self._inverse(curvature) * self._inside(matrices)
        if self.fact.space == "instance":
            return inside
        return self.unflatten(self.fact.basis @ self.flatten(inside))

    def preconditioned_squares(self, matrices: Array, curvature: Numbers) -> Numbers:
        """Inner products of matrices with what `precondition` makes of them."""
        inside = self._inside(matrices)
        return self.dots(inside, self._inverse(curvature) * inside)

    def _inverse(self, curvature: Numbers) -> Array:
        """Inverse eigenvalues of the linearised Hessian, (rows, B, 1)."""
        xp, s = self.xp, self.fact.eigenvalues
        slope = xp.asarray(curvature / self.N, **self.like)
        return 1 / (s[:, None] * slope + xp.asarray(self.lam, **self.like))[:, :, None]

    def _inside(self, matrices: Array) -> Array:
        """Matrices along the eigenvectors of the linearised Hessian."""
        if self.fact.space == "instance":
            return matrices
        return self.unflatten(self.fact.basis.T @ self.flatten(matrices))

    def theta(self, coordinates: Array) -> Array:
        """Turn the coordinates of one problem into theta, (d, K)."""
        if self.fact.space == "feature":
            return coordinates
        xp, s = self.xp, self.fact.eigenvalues
        root = xp.sqrt(xp.where(s > 0, s, 1.0))[:, None]
        along = xp.where(s[:, None] > 0, coordinates / root, 0.0)
        return transposed_product(self.fact.features, self.fact.basis @ along)
