"""L-BFGS on objectives side by side, each with steps of its own.

Every problem descends as if it were alone: it has its own curvature, memory and step length, and
leaves when it has arrived. What they share is the matrix products.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdbook._validate import Array
from sdbook.solvers.objectives import Numbers, Objectives, Point, beside

__all__ = ["Arrival", "descend"]


@dataclass(frozen=True, eq=False)
class Arrival:
    """Where one problem ended.

    Attributes
    ----------
    problem : int
        Which one.
    point : Point
        Of this problem alone.
    gradient_norm, scale : float
        Norm of the gradient there, and at zero.
    converged : bool
        Whether the norm is small enough.
    evaluations : int
        Gradients computed.
    """

    problem: int
    point: Point
    gradient_norm: float
    scale: float
    converged: bool
    evaluations: int


@dataclass(frozen=True, eq=False)
class _Step:
    """A step taken, the change of the gradient along it, and 1 / (step . change), 0 to ignore."""

    step: Array
    change: Array
    inverse: Numbers

    def take(self, chosen: NDArray[np.intp]) -> _Step:
        """Return the steps of some of the problems."""
        return _Step(beside(self.step, chosen), beside(self.change, chosen), self.inverse[chosen])


def descend(
    problems: Objectives,
    start: Point | None,
    tolerance: float,
    max_evaluations: int,
    memory: int,
) -> Iterator[Arrival]:
    """Descend until each gradient's norm, relative to that at zero, is within the tolerance.

    Parameters
    ----------
    problems : Objectives
    start : Point or None
        Zero parameters if None.
    tolerance, max_evaluations, memory
        As in `sdbook.solvers.solve`.

    Yields
    ------
    Arrival
        One for each problem, in the order in which they arrive.
    """
    number = np.arange(problems.B)
    point = problems.origin()
    gradient = problems.gradient(point)
    # What rounding leaves of a gradient that vanishes: after many rounds, targets are so nearly
    # uniform that the one at zero is not much more.
    scale = np.maximum(problems.norms(gradient), problems.rounding())
    enough = np.maximum(tolerance * problems.norms(gradient), problems.rounding())
    evaluations = np.ones(problems.B, dtype=int)
    if start is not None:
        point, gradient = start, problems.gradient(start)
        evaluations += 1
    stuck = np.zeros(problems.B, dtype=bool)
    steps: deque[_Step] = deque(maxlen=memory)
    while True:
        norm = problems.norms(gradient)
        arrived = (norm <= enough) | (evaluations >= max_evaluations) | stuck
        for b in np.flatnonzero(arrived):
            yield Arrival(
                int(number[b]),
                point.take(np.array([b])),
                float(norm[b]),
                float(scale[b]),
                bool(norm[b] <= enough[b]),
                int(evaluations[b]),
            )
        if arrived.all():
            return
        if arrived.any():
            left = np.flatnonzero(~arrived)
            problems, point = problems.take(left), point.take(left)
            gradient = beside(gradient, left)
            steps = deque((each.take(left) for each in steps), maxlen=memory)
            number, scale, enough, evaluations = (
                array[left] for array in (number, scale, enough, evaluations)
            )
        direction = _two_loops(problems, gradient, steps, point.curvature)
        moved, found = _search(problems, point, direction, problems.dots(gradient, direction))
        # Where no step was found the memory may mislead: try once more with the linearised
        # Hessian alone, and give up where there was none.
        stuck = ~found & ~np.any([each.inverse > 0 for each in steps], axis=0)
        for each in steps:
            each.inverse[~found] = 0
        if not found.any():
            continue
        new_gradient = problems.gradient(moved)
        evaluations[found] += 1
        step, change = moved.coordinates - point.coordinates, new_gradient - gradient
        along = problems.dots(step, change)
        bends = found & (along > 0)
        if bends.any():
            inverse = np.divide(1.0, along, out=np.zeros(len(along)), where=bends)
            steps.append(_Step(step, change, inverse))
        point, gradient = moved, new_gradient


def _two_loops(
    problems: Objectives, gradient: Array, steps: deque[_Step], curvature: Numbers
) -> Array:
    """L-BFGS direction (Nocedal & Wright, Algorithm 7.4), starting from the linearised Hessian."""
    direction = -gradient
    shares = []
    for each in reversed(steps):
        share = each.inverse * problems.dots(each.step, direction)
        shares.append(share)
        direction -= problems.scaled(share, each.change)
    direction = problems.precondition(direction, curvature)
    for each, share in zip(steps, reversed(shares), strict=True):
        back = each.inverse * problems.dots(each.change, direction)
        direction += problems.scaled(share - back, each.step)
    return direction


def _search(
    problems: Objectives, point: Point, direction: Array, slope: Numbers, trials: int = 40
) -> tuple[Point, NDArray[np.bool_]]:
    """Go along the direction to where the slope has halved and the objective has not grown.

    The logits are linear in the step, so that a trial costs no matrix product. Returns where each
    problem went, and which of them found such a place: none is found along a direction that does
    not descend, or with numbers at the end of their precision.
    """
    logits_along = problems.logits(direction)
    ridge_slope = problems.lam * problems.dots(point.coordinates, direction)
    ridge_curve = problems.lam * problems.dots(direction, direction)
    slack = 8 * float(problems.xp.finfo(direction.dtype).eps) * np.abs(point.value)
    size, low, low_slope = np.ones(problems.B), np.zeros(problems.B), slope.copy()
    high, high_slope = np.full(problems.B, np.inf), np.zeros(problems.B)
    found = np.zeros(problems.B, dtype=bool)
    searching = np.arange(problems.B)
    some, start, step, change = problems, point, direction, logits_along  # of those who search
    for _ in range(trials):
        trial, loss_slope = some.along(start, step, change, size[searching])
        trial_slope = loss_slope + ridge_slope[searching] + size[searching] * ridge_curve[searching]
        grown = trial.value > (point.value + slack)[searching]
        descends = slope[searching] < 0
        good = descends & ~grown & (np.abs(trial_slope) <= 0.5 * np.abs(slope[searching]))
        found[searching[good]] = True
        if len(searching) == problems.B:
            moved = trial
        elif good.any():
            moved.put(searching[good], trial.take(np.flatnonzero(good)))
        for ends, slopes, here in (
            (high, high_slope, grown | (trial_slope > 0)),
            (low, low_slope, ~grown & (trial_slope <= 0)),
        ):
            ends[searching[here]] = size[searching[here]]
            slopes[searching[here]] = trial_slope[here]
        more = np.flatnonzero(descends & ~good)
        if not more.size:
            break
        if more.size < len(searching):
            searching, some, start = searching[more], some.take(more), start.take(more)
            step, change = beside(step, more), beside(change, more)
        size[searching] = _next_size(size, low, low_slope, high, high_slope)[searching]
    if not found.all():
        moved.put(np.flatnonzero(~found), point.take(np.flatnonzero(~found)))
    return moved, found


def _next_size(
    size: Numbers, low: Numbers, low_slope: Numbers, high: Numbers, high_slope: Numbers
) -> Numbers:
    """Double the step until it is too long; then go to where the slope would vanish.

    That is, if it were linear between the ends, and kept off both of them.
    """
    share = np.full(len(size), 0.5)
    np.divide(low_slope, low_slope - high_slope, out=share, where=high_slope > 0)
    bounded = np.isfinite(high)
    span = np.where(bounded, high, low) - low
    return np.where(bounded, low + np.clip(share, 0.1, 0.9) * span, 2 * size)
