"""L-BFGS for many objectives at once.

Every problem is minimised as if it were alone: it has its own curvature, memory and step length,
and leaves when it has converged. What they share is the matrix products.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdbook._validate import Array
from sdbook.solvers.objectives import Numbers, Objectives, Point, select

__all__ = ["Result", "minimise"]

TRIALS = 20
"""Places to try along one direction."""


@dataclass(frozen=True, eq=False)
class Result:
    """Where the minimisation of one problem ended."""

    problem: int  # its number
    coordinates: Array  # (d, K)
    objective: float
    gradient_norm: float
    scale: float  # norm of the gradient at zero
    converged: bool
    evaluations: int  # gradients computed


@dataclass(frozen=True, eq=False)
class _Step:
    """A step taken, the change of the gradient along it, and 1 / (step . change), 0 to ignore."""

    step: Array
    change: Array
    inverse: Numbers

    def take(self, chosen: NDArray[np.intp]) -> _Step:
        """Return the steps of some of the problems."""
        return _Step(select(self.step, chosen), select(self.change, chosen), self.inverse[chosen])


def minimise(
    problems: Objectives,
    warm_start: Array | None,
    tolerance: float,
    max_evaluations: int,
    memory: int,
) -> Iterator[Result]:
    """Minimise until each gradient's norm, relative to that at zero, is within the tolerance.

    Starts at the coordinates `warm_start`, (d, B, K), or at zero. The results come in the order in
    which the problems converge.
    """
    number = np.arange(problems.B)
    point = problems.origin()
    # What rounding leaves of a gradient that vanishes: after many rounds, targets are so nearly
    # uniform that the one at zero is not much more.
    norm, least = problems.norms(point.gradient), problems.gradient_rounding()
    scale, enough = np.maximum(norm, least), np.maximum(tolerance * norm, least)
    evaluations = np.ones(problems.B, dtype=int)
    if warm_start is not None:
        point = problems.point(warm_start)
        evaluations += 1
    stuck = np.zeros(problems.B, dtype=bool)
    steps: deque[_Step] = deque(maxlen=memory)
    while True:
        norm = problems.norms(point.gradient)
        finished = (norm <= enough) | (evaluations >= max_evaluations) | stuck
        for b in np.flatnonzero(finished):
            yield Result(
                int(number[b]),
                select(point.coordinates, np.array([b]))[:, 0, :],
                float(point.value[b]),
                float(norm[b]),
                float(scale[b]),
                bool(norm[b] <= enough[b]),
                int(evaluations[b]),
            )
        if finished.all():
            return
        if finished.any():
            left = np.flatnonzero(~finished)
            problems, point = problems.take(left), point.take(left)
            steps = deque((each.take(left) for each in steps), maxlen=memory)
            number, scale, enough, evaluations = (
                array[left] for array in (number, scale, enough, evaluations)
            )
        direction = _two_loops(problems, point, steps)
        moved, found, trials = _line_search(
            problems, point, direction, max_evaluations - evaluations
        )
        evaluations += trials
        # Where no step was found the memory may mislead: try once more with the linearised
        # Hessian alone, and give up where there was none.
        stuck = ~found & ~np.any([each.inverse > 0 for each in steps], axis=0)
        for each in steps:
            each.inverse[~found] = 0
        if not found.any():
            continue
        step, change = moved.coordinates - point.coordinates, moved.gradient - point.gradient
        along = problems.dots(step, change)
        curved = found & (along > 0)
        if curved.any():
            inverse = np.divide(1.0, along, out=np.zeros(len(along)), where=curved)
            steps.append(_Step(step, change, inverse))
        point = moved


def _two_loops(problems: Objectives, point: Point, steps: deque[_Step]) -> Array:
    """L-BFGS direction (Nocedal & Wright, Algorithm 7.4), starting from the linearised Hessian.

    That one is scaled to what the last step met, by their equation (7.20): where outputs are sharp
    its one curvature is far from that of most directions. Then a step of 1 nearly always fits.
    """
    direction = -point.gradient
    shares = []
    for each in reversed(steps):
        share = each.inverse * problems.dots(each.step, direction)
        shares.append(share)
        direction -= problems.scaled(share, each.change)
    direction = problems.precondition(direction, point.curvature)
    if steps:
        last = steps[-1]
        met = last.inverse * problems.preconditioned_squares(last.change, point.curvature)
        scale = np.divide(1.0, met, out=np.ones(len(met)), where=met > 0)
        direction = problems.scaled(scale, direction)
    for each, share in zip(steps, reversed(shares), strict=True):
        back = each.inverse * problems.dots(each.change, direction)
        direction += problems.scaled(share - back, each.step)
    return direction


def _line_search(
    problems: Objectives, point: Point, direction: Array, left: NDArray[np.intp]
) -> tuple[Point, NDArray[np.bool_], NDArray[np.intp]]:
    """Go along the direction to where it is less steep and the objective has not grown.

    Returns where each problem went, which of them found such a place, and how many each tried, at
    most as many as it has left: none is found along a direction that does not descend, or with
    numbers at the end of their precision.
    """
    slope = problems.dots(point.gradient, direction)
    highest = point.value + problems.rounding_error(point)
    left = np.minimum(left, TRIALS)
    size, low, low_slope = np.ones(problems.B), np.zeros(problems.B), slope.copy()
    high, high_slope = np.full(problems.B, np.inf), np.zeros(problems.B)
    found, trials = np.zeros(problems.B, dtype=bool), np.zeros(problems.B, dtype=int)
    searching = np.arange(problems.B)
    some, start, step = problems, point.coordinates, direction  # of those who search
    while searching.size:
        trial = some.point(start + some.scaled(size[searching], step))
        trials[searching] += 1
        trial_slope = some.dots(trial.gradient, step)
        grown = trial.value > highest[searching]
        descends = slope[searching] < 0
        good = descends & ~grown & (np.abs(trial_slope) <= 0.9 * np.abs(slope[searching]))
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
        more = np.flatnonzero(descends & ~good & (trials < left)[searching])
        if more.size < len(searching):
            searching, some = searching[more], some.take(more)
            start, step = select(start, more), select(step, more)
        size[searching] = _next_step(size, low, low_slope, high, high_slope)[searching]
    if not found.all():
        moved.put(np.flatnonzero(~found), point.take(np.flatnonzero(~found)))
    return moved, found, trials


def _next_step(
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
