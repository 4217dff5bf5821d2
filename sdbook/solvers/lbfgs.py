"""L-BFGS, one problem at a time, as in the textbook (Nocedal & Wright, 2006, chapter 7).

A descent is a generator: it yields parameters to visit, and is sent the point there. So whoever
runs several of them can visit what all are waiting for in one pass over the instances.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import to_device
from numpy.typing import NDArray

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.spaces import Space

__all__ = ["Descent", "Memory", "Point", "descend", "dot", "norm", "side_by_side"]

TRIALS = 20
"""Places to try along one direction."""

SCALES = 5
"""Steps whose mean says how long the next one should be: a single one scatters."""


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters, and what a pass over the instances finds there."""

    x: Array  # coordinates in some space
    value: float  # of the objective
    gradient: Array  # its derivative by x
    hessian: Array  # a guess of the second derivative's diagonal, (r, 1)


Descent = Generator[Array, Point, Point]
"""Yields parameters to visit, is sent the point there, and returns the last one."""


def dot(a: Array, b: Array) -> float:
    """Inner product of two arrays of the same shape."""
    xp = _validate.namespace("a", a)
    return float(xp.vecdot(xp.reshape(a, (-1,)), xp.reshape(b, (-1,))))


def norm(a: Array) -> float:
    """Frobenius norm."""
    return math.sqrt(dot(a, a))


class Memory:
    """The last steps S and the changes Y of the gradient along them, one in each row.

    They are kept in a precision of their own: a direction need not be exact, only the point that it
    leads to.
    """

    def __init__(self, size: int, dtype: object) -> None:
        self.size, self.dtype = size, dtype
        self.forget()

    def forget(self) -> None:
        """Forget all steps."""
        self.count = 0
        self.products = np.zeros((self.size, self.size))  # S Y^T
        self.scales: deque[float] = deque(maxlen=SCALES)

    def remember(self, start: Point, end: Point) -> None:
        """Add the step between two points of the same objective, if it curves upwards."""
        step, change = end.x - start.x, end.gradient - start.gradient
        length, along = norm(step), dot(step, change)
        if not along > 0:
            return
        # Only the proportion of the two matters: near length one, nothing under- or overflows.
        s, y = self._row(step / length), self._row(change / length)
        if not self.count:
            xp = _validate.namespace("step", s)
            self.S, self.Y = (xp.stack([0 * s] * self.size) for _ in "SY")
        at = self.count % self.size
        self.S[at, :], self.Y[at, :] = s, y
        self.products[:, at] = _host(self.S @ y)
        self.products[at, at] = along / length**2
        self.scales.append(math.log(along / dot(change, change / start.hessian)))
        self.count += 1

    def direction(self, here: Point) -> Array:
        """Return where to go: minus the gradient, divided by a guessed Hessian.

        This is the compact form of L-BFGS (section 7.2). With R the upper triangle of ``S Y^T``, D
        its diagonal, and H the inverse of the first guess, it is ``H q + S^T b``, where ``R a = -S
        g``, ``q = -g - Y^T a`` and ``R^T b = D a - Y H q``.
        """
        xp, shape = _validate.namespace("gradient", here.gradient), here.gradient.shape
        size, length = min(self.count, self.size), norm(here.gradient)
        if not size or not length:
            return -here.gradient / here.hessian
        order = (self.count - size + np.arange(size)) % self.size  # the oldest first
        S, Y, R = self.S[:size, :], self.Y[:size, :], np.triu(self.products[np.ix_(order, order)])
        g = self._row(here.gradient / length)

        def combined(numbers: Array, rows: Array) -> Array:
            """Return a sum of rows with these factors, of which the oldest row's is first."""
            factors = np.empty(size)
            factors[order] = numbers
            return xp.asarray(factors, dtype=g.dtype, device=g.device) @ rows

        a = np.linalg.solve(R, -_host(S @ g)[order])
        q = xp.reshape(-g - combined(a, Y), shape)
        scale = math.exp(sum(self.scales) / len(self.scales))  # the guess is off by a factor
        Hq = self._row(q * xp.astype(scale / here.hessian, q.dtype, copy=False))
        b = np.linalg.solve(R.T, np.diag(R) * a - _host(Y @ Hq)[order])
        direction = xp.reshape(Hq + combined(b, S), shape)
        direction = length * xp.astype(direction, here.gradient.dtype, copy=False)
        # Rows sum to zero, as those of gradients do, but for rounding.
        return direction - xp.mean(direction, axis=1, keepdims=True)

    def _row(self, a: Array) -> Array:
        xp = _validate.namespace("a", a)
        return xp.reshape(xp.astype(a, self.dtype, copy=False), (-1,))


def _host(numbers: Array) -> NDArray[np.float64]:
    return np.asarray(to_device(numbers, "cpu"), dtype=np.float64)


def descend(
    space: Space,
    here: Point,
    memory: Memory,
    arrived: Callable[[Point, float], bool],
    evaluations: int,
) -> Descent:
    """Go down until it has arrived, can go no further, or has visited as many points as it may.

    `arrived` is told the point, and how much is left to gain as far as the quasi-Newton model
    knows.
    """
    while True:
        direction = memory.direction(here)
        slope = dot(direction, here.gradient)
        if arrived(here, -slope / 2) or evaluations < 1:
            return here
        # A sum of terms that are as large as the logits may grow by rounding alone.
        terms = abs(here.value) + space.longest * norm(here.x)
        highest = here.value + 8 * space.eps * terms
        # Double the step until it is too long. Then go to where the slope would vanish if it were
        # linear between the ends, and kept off both of them.
        size, low, low_slope, high, high_slope = 1.0, 0.0, slope, math.inf, 0.0
        for _ in range(min(TRIALS, evaluations) if slope < 0 else 0):
            there = yield here.x + size * direction
            evaluations -= 1
            there_slope = dot(direction, there.gradient)
            grown = not there.value <= highest
            if not grown and abs(there_slope) <= 0.9 * abs(slope):
                memory.remember(here, there)
                here = there
                break
            if grown or there_slope > 0:
                high, high_slope = size, there_slope
            else:
                low, low_slope = size, there_slope
            share = low_slope / (low_slope - high_slope) if high_slope > 0 else 0.5
            between = low + min(max(share, 0.1), 0.9) * (high - low)
            size = 2 * size if math.isinf(high) else between
        else:  # the memory may mislead: once more without, and no further where there is none
            if not memory.count:
                return here
            memory.forget()


def side_by_side(
    descents: Sequence[Descent], visit: Callable[[list[int], list[Array]], list[Point]]
) -> list[Point]:
    """Let descents go on, visiting what all are waiting for at a time, until each has ended."""
    ends: dict[int, Point] = {}
    waiting: dict[int, Array] = {}

    def go_on(b: int, point: Point | None) -> None:
        try:
            waiting[b] = descents[b].send(point)  # type: ignore[arg-type]  # None to begin
        except StopIteration as end:
            waiting.pop(b, None)
            ends[b] = end.value

    for b in range(len(descents)):
        go_on(b, None)
    while waiting:
        chosen = list(waiting)
        for b, point in zip(chosen, visit(chosen, list(waiting.values())), strict=True):
            go_on(b, point)
    return [ends[b] for b in range(len(descents))]
