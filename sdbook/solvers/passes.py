"""What one pass over the instances finds, for problems side by side.

One wide product serves all problems, at half the cost of many narrow ones. A pass takes a few
instances at a time from their features to what they add to the gradients, and keeps nothing of the
size of the outputs, (N, K).

For cross-entropy it does not read targets either. The objective is

    mean_i w_i (logsumexp(z_i) - mean(z_i)) - <theta, M> + (lambda / 2) ||theta||_F^2,

with logits ``z_i = phi_i theta``. It depends on the targets through their sufficient statistic
``M = sum_i w_i phi_i^T (t_i - 1/K) / N`` alone, a matrix of the size of the parameters. M is minus
the gradient at zero, where outputs are 1/K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sdbook._validate import Array
from sdbook.solvers.lbfgs import Point, dot
from sdbook.solvers.losses import Loss
from sdbook.solvers.spaces import Space

__all__ = ["Problem", "visit"]


@dataclass(frozen=True, eq=False)
class Problem:
    """The objective of one model, whose targets are read in each pass unless M is enough."""

    lam: float
    loss: Loss
    weight: Array | None  # (N,), of mean one
    targets: Any = None  # (N, K), or what gives any rows of them
    statistic: Array | None = None  # M, for cross-entropy


def visit(
    space: Space, problems: list[Problem], xs: list[Array], kept: list[Array] | None = None
) -> list[Point]:
    """Pass over the instances once, and return the point of each problem at its x.

    Outputs are written to what they are to be `kept` in, an array (N, K) for each problem.
    """
    xp, N, B, K = space.xp, space.N, len(xs), int(xs[0].shape[1])
    like = {"dtype": space.dtype, "device": xs[0].device}
    wide = xp.concat(xs, axis=1)
    largest = space.longest * math.sqrt(float(xp.max(xp.vecdot(wide, wide, axis=0))))  # logit
    wide = space.turned(wide)
    total, ones = xp.zeros((space.height, B * K), **like), xp.ones(K, **like)
    values, curvatures = xp.empty((N, B), **like), xp.empty((N, B), **like)
    loss, reading = problems[0].loss, problems[0].targets is not None
    weights = None
    if problems[0].weight is not None:
        weights = xp.stack([each.weight for each in problems], axis=1)
    for rows in space.chunks(B * K):
        phi = space.rows(rows)
        if largest:
            logits = xp.reshape(phi @ wide, (-1, K))
        else:  # at zero, as in the beginning
            logits = xp.zeros((phi.shape[0] * B, K), **like)
        if largest > space.safe:
            logits -= xp.max(logits, axis=1, keepdims=True)
        outputs = xp.exp(logits)
        norms = outputs @ ones  # the fastest sum of rows
        outputs /= norms[:, None]
        for b, own in enumerate(kept or ()):
            own[rows, :] = xp.reshape(outputs, (-1, B, K))[:, b, :]
        curvature = 1 - (outputs * outputs) @ ones
        if reading:
            targets = xp.concat([each.targets[rows] for each in problems], axis=1)
            targets = xp.reshape(xp.astype(targets, space.dtype, copy=False), (-1, K))
            logits -= xp.log(norms)[:, None]
            value, pull = loss.value(logits, targets), loss.weights(logits, targets)
            share = pull @ ones
            curvature *= share
            outputs *= share[:, None]
            outputs -= pull
        else:
            value = xp.log(norms) - logits @ ones / K
            outputs -= 1 / K
        values[rows, :] = xp.reshape(value, (-1, B))
        curvatures[rows, :] = xp.reshape(curvature, (-1, B))
        residual = xp.reshape(outputs, (-1, B, K))
        if weights is not None:
            some = xp.astype(weights[rows, :], space.dtype, copy=False)
            values[rows, :] *= some
            curvatures[rows, :] *= some
            residual *= some[:, :, None]
        total += phi.T @ xp.reshape(residual, (-1, B * K))
    slope, points = space.turned(total / N, back=True), []
    for b, (problem, x) in enumerate(zip(problems, xs, strict=True)):
        # Numbers that are neighbours in memory are summed pairwise, with much less rounding.
        mean, curvature = (
            float(xp.sum(xp.asarray(each[:, b], copy=True), dtype=xp.float64)) / N
            for each in (values, curvatures)
        )
        value = mean + problem.lam / 2 * dot(x, x)
        gradient = slope[:, b * K : (b + 1) * K] + problem.lam * x
        if problem.statistic is not None:
            M = xp.astype(problem.statistic, space.dtype, copy=False)
            value, gradient = value - dot(x, M), gradient - M
        hessian = space.hessian(curvature / (K - 1), problem.lam)
        points.append(Point(x, value, gradient, hessian))
    return points
