"""Models on the same features, trained side by side, round after round.

Each ends where it would end alone. Models share the products of a pass. Rounds of a model share
what has been learned: where to start, how the objective curves, and the statistic of the outputs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation
from sdbook.solvers.lbfgs import Descent, Memory, Point, descend, dot, norm, side_by_side
from sdbook.solvers.losses import CrossEntropy, Loss
from sdbook.solvers.passes import Problem, visit
from sdbook.solvers.solution import Certificate, NotConverged, Solution
from sdbook.solvers.spaces import FeatureSpace, InstanceSpace, Space

__all__ = ["Stack"]

MEMORY = 20
"""Steps that L-BFGS remembers."""

FLOAT32 = 2e-6
"""Relative gradient norm that float32 surely reaches; from there on, float64."""


@dataclass(eq=False)
class _Model:
    """What one model has learned."""

    lam: float
    weight: Array | None
    memory: Memory
    problem: Any = None  # of the last round; None before the first, as what follows
    point: Any = None
    solution: Any = None
    kept: tuple[Any, Any] = (None, None)  # parameters, and outputs there
    scale: float = 0.0  # norm of the gradient at zero
    arrived: bool = False
    evaluations: int = 0
    kind: int = 0  # the first model that has the same loss


class Stack:
    """Models on the same features, of K classes, with an L2 strength each.

    What else there is to settle is as in `solve_all`, and checked here. With `cholesky`, the
    instance space needs no eigendecomposition, but more passes. Outputs of the last pass can be
    kept, for those who will ask for them.
    """

    def __init__(
        self,
        fact: Factorisation,
        lams: Sequence[float],
        n_classes: int,
        sample_weight: Array | None,
        tolerance: float | None,
        gap: float | None,
        float32_first: bool,
        max_evaluations: int = 10_000,
        *,
        cholesky: bool = False,
        keep_outputs: bool = False,
    ) -> None:
        self.fact, self.K, self.keep_outputs = fact, n_classes, keep_outputs
        phi, B = fact.features, len(lams)
        xp = self.xp = _validate.namespace("features", phi)
        double = phi.dtype == xp.float64
        tolerance = (1e-8 if double else 1e-4) if tolerance is None else tolerance
        self.tolerance = _validate.real("tolerance", tolerance, 0, open_low=True)
        self.gap = 0.0 if gap is None else _validate.real("gap", gap, 0, open_low=True)
        self.max_evaluations = _validate.count("max_evaluations", max_evaluations, 2)
        weights = _validate.weights_each("sample_weight", sample_weight, phi, B)
        first = double and float32_first
        height, item = min(phi.shape), 4 if first or not double else 8
        numbers = B * n_classes * height * (2 * MEMORY + 8)
        _validate.memory(f"solving {B} problems at a time", numbers, item)
        if first and not isinstance(phi, np.memmap):
            copy = "the copy of the features in float32 (see float32_first)"
            _validate.memory(copy, fact.n_samples * height, 4)

        def space(dtype: Any, *, turned: bool) -> Space:
            if fact.space == "instance":
                return InstanceSpace(fact, dtype, cholesky=cholesky)
            # Turning the features costs what turning d columns of coordinates costs.
            return FeatureSpace(fact, dtype, turned=turned and B * n_classes > phi.shape[1])

        self.full = space(phi.dtype, turned=not first)
        self.low = space(xp.float32, turned=True) if first else self.full
        self.models = [
            _Model(lam, weight, Memory(MEMORY, self.low.dtype))
            for lam, weight in zip(lams, weights, strict=True)
        ]

    def train(
        self,
        taught: Sequence[Any],
        losses: Sequence[Loss],
        warm_start: Sequence[Solution] | None = None,
        *,
        warn: bool = True,
    ) -> list[Solution]:
        """Train all models for one round.

        Each is taught targets (N, K), whatever gives any rows of them, or a solution: its outputs.
        It begins at another solution if one is given, else where it is, else at zero.
        """
        starts = None if warm_start is None else self._starts(warm_start)
        known = self._begin(taught, losses)
        begins = known if starts is None else starts
        if self.low is not self.full:
            begins = self._float32_first(begins)
        for model, end in zip(self.models, self._descend(self.full, begins), strict=True):
            model.point, model.solution = end, self._solution(model, end)
            if warn and not model.arrived:
                text = f"lam={model.lam:g}: {model.solution.certificate}"
                warnings.warn(text, NotConverged, stacklevel=3)
        return [model.solution for model in self.models]

    def outputs(self, b: int) -> Array:
        """Return the outputs (N, K) of one model, without another pass if they were kept."""
        x, outputs = self.models[b].kept
        return outputs if x is self.models[b].point.x else self.models[b].solution.outputs

    # --- where to begin --------------------------------------------------------------------------

    def _begin(self, taught: Sequence[Any], losses: Sequence[Loss]) -> list[Any]:
        """Settle what each model minimises, and return where it begins: a point, if it is known."""
        plain = [type(loss) is CrossEntropy for loss in losses]
        before = [(model.problem, model.point) for model in self.models]
        reading = []
        for b, (model, lesson) in enumerate(zip(self.models, taught, strict=True)):
            model.evaluations, model.kind = 0, losses.index(losses[b])
            known = model.problem and model.problem.statistic is not None
            if not (plain[b] and known and lesson is model.solution):
                targets = lesson.outputs if isinstance(lesson, Solution) else lesson
                model.problem = Problem(model.lam, losses[b], model.weight, targets=targets)
                reading.append(b)
        like = {"dtype": self.full.dtype, "device": self.fact.features.device}
        zeros = [self.xp.zeros((self.full.height, self.K), **like)] * len(reading)
        origins = dict(zip(reading, self._visit(self.full, reading, zeros), strict=True))
        begins = []
        for b, (model, (old, here)) in enumerate(zip(self.models, before, strict=True)):
            if b in origins:
                M = -origins[b].gradient
            else:  # of own outputs: what the gradient is without targets and penalty
                M = here.gradient + old.statistic - model.lam * here.x
            model.scale = norm(M)
            if plain[b]:
                model.problem = Problem(model.lam, losses[b], model.weight, statistic=M)
            if here is None:
                begins.append(origins[b])
            elif plain[b] and old.statistic is not None:
                # Only the statistic has changed: value and gradient follow, and the steps in memory
                # stay true.
                change = old.statistic - M
                value = here.value + dot(here.x, change)
                begins.append(Point(here.x, value, here.gradient + change, here.hessian))
            else:
                model.memory.forget()
                begins.append(here.x)
        return begins

    def _starts(self, warm_start: Sequence[Solution]) -> list[Array]:
        """Return x of solutions with as many features and classes."""
        shape = (int(self.fact.features.shape[1]), self.K)
        for start in warm_start:
            if not isinstance(start, Solution) or start.model != "softmax":
                got = getattr(start, "model", type(start).__name__)
                raise TypeError(f"warm_start must be a Solution of the softmax model, got {got}.")
            _validate.parameters("warm_start", start.coef, shape, self.fact.features)
        return [self._exact(self.full.coordinates(start.coef)) for start in warm_start]

    # --- where to go -----------------------------------------------------------------------------

    def _float32_first(self, begins: Sequence[Any]) -> list[Any]:
        """Go as far as float32 leads, and return where that is."""

        def cast(a: Array) -> Array:
            return self.xp.astype(a, self.low.dtype)

        starts = [
            Point(cast(begin.x), begin.value, cast(begin.gradient), cast(begin.hessian))
            if isinstance(begin, Point)
            else cast(begin)
            for begin in begins
        ]
        ends = self._descend(self.low, starts)
        return [
            # What has not moved keeps its digits.
            begin if end.x is getattr(start, "x", start) else self._exact(end.x)
            for begin, start, end in zip(begins, starts, ends, strict=True)
        ]

    def _exact(self, x: Array) -> Array:
        """Return x in full precision, where rows sum to zero, as they do at the optimum."""
        x = self.xp.astype(x, self.full.dtype, copy=False)
        return x - self.xp.mean(x, axis=1, keepdims=True)

    def _descend(self, space: Space, begins: Sequence[Any]) -> list[Point]:
        def descent(model: _Model, begin: Any) -> Descent:
            here = begin if isinstance(begin, Point) else (yield begin)
            last = space is self.full  # else the last gradient is still to come
            share = self.tolerance if last else max(self.tolerance, FLOAT32)
            near = max(share * model.scale, self._vanishing(space, model.scale))

            def arrived(point: Point, gain: float) -> bool:
                little = 0 < gain <= self.gap * abs(point.value)
                model.arrived = little or norm(point.gradient) <= near
                return model.arrived

            left = self.max_evaluations - model.evaluations - (not last)
            return (yield from descend(space, here, model.memory, arrived, left))

        return side_by_side(
            [descent(model, begin) for model, begin in zip(self.models, begins, strict=True)],
            lambda chosen, xs: self._visit(space, chosen, xs),
        )

    def _visit(self, space: Space, chosen: Sequence[int], xs: list[Array]) -> list[Point]:
        alike: dict[tuple[int, bool], list[int]] = {}
        for i, model in enumerate(self.models[b] for b in chosen):
            model.evaluations += 1
            alike.setdefault((model.kind, model.problem.targets is None), []).append(i)
        found: dict[int, Point] = {}
        for together in alike.values():
            models, kept = [self.models[chosen[i]] for i in together], None
            if self.keep_outputs and space is self.full:
                like = {"dtype": space.dtype, "device": xs[0].device}
                for model, i in zip(models, together, strict=True):
                    model.kept = (xs[i], self.xp.empty((space.N, self.K), **like))
                kept = [model.kept[1] for model in models]
            points = visit(
                space, [each.problem for each in models], [xs[i] for i in together], kept
            )
            found.update(zip(together, points, strict=True))
        return [found[i] for i in range(len(xs))]

    # --- how exact that is -----------------------------------------------------------------------

    def _vanishing(self, space: Space, scale: float) -> float:
        """Norm of a gradient that may be nothing but rounding.

        After many rounds, targets are so nearly uniform that errors of one unit in the last place
        of the outputs make a gradient that is not much less than that at zero, `scale`.
        """
        return space.eps * max(8 * scale, space.longest / math.sqrt(self.K))

    def _solution(self, model: _Model, point: Point) -> Solution:
        length, least = norm(point.gradient), self._vanishing(self.full, model.scale)
        certificate = Certificate(
            converged=model.arrived,
            gradient_norm=length,
            # Features that are all zero leave no gradient anywhere.
            relative_gradient_norm=length / max(model.scale, least) if length else 0.0,
            objective=point.value,
            gap_bound=length**2 / (2 * model.lam) if model.problem.loss.convex else None,
            evaluations=model.evaluations,
        )
        return Solution(self.full.coef(point.x), self.fact.features, "softmax", certificate)
