"""The exact optimum of the softmax model, with a certificate.

Minimises, over the parameters theta of shape (d, K),

    sum_i w_i loss(t_i, softmax(phi_i theta)) / sum_i w_i  +  (lambda / 2) ||theta||_F^2 .

For cross-entropy this is strongly convex, and its only stationary point solves the fixed-point
equation ``Y = softmax(G (T - Y) / (N lambda))`` (Proposition 1 of the book; Jeong & Chung, 2024).

The method is L-BFGS whose starting Hessian, in every iteration, is the *linearised* model's, ``h
Phi^T Phi / N + lambda I``: exact when outputs are uniform (then h = 1/K), and a good guess
otherwise with h the mean curvature of the softmax at the present outputs. One eigendecomposition
inverts it for every h. An iteration costs two matrix products: one to see how the logits move
along the step, one for the gradient. The search along the step needs none.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from dataclasses import dataclass, field

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation, factorise
from sdbook.solvers.losses import CrossEntropy, Loss

__all__ = ["Certificate", "NotConverged", "Solution", "softmax", "solve"]


class NotConverged(UserWarning):
    """The solver stopped before it reached the tolerance; the certificate says how near it came."""


@dataclass(frozen=True)
class Certificate:
    """What is known about a solution without trusting the solver.

    Attributes
    ----------
    converged : bool
        Whether the relative gradient norm reached the tolerance, or the gradient vanished up to
        rounding.
    gradient_norm : float
        Frobenius norm of the objective's gradient at the solution.
    relative_gradient_norm : float
        The same divided by the norm at theta = 0.
    tolerance : float
        What was asked for the relative gradient norm.
    objective : float
        Value of the objective.
    gap_bound : float or None
        The objective is at most this far above its minimum: ``gradient_norm^2 / (2 lambda)``, by
        strong convexity. None if the loss is not convex.
    evaluations : int
        Gradients computed; each costs two products of N d K multiplications.
    """

    converged: bool
    gradient_norm: float
    relative_gradient_norm: float
    tolerance: float
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
    """A trained softmax model.

    Attributes
    ----------
    weights : array of shape (d, K)
        Parameters theta.
    outputs : array of shape (N, K)
        Softmax outputs on the training instances.
    certificate : Certificate
        How exact this is.
    coordinates : array of shape (min(N, d), K)
        The parameters in the solver's coordinates, from which another solve can start.
    """

    weights: Array = field(repr=False)
    outputs: Array = field(repr=False)
    certificate: Certificate
    coordinates: Array = field(repr=False)

    def predict(self, features: Array) -> Array:
        """Return the outputs on new instances.

        Parameters
        ----------
        features : array of shape (M, d)

        Returns
        -------
        array of shape (M, K)
            Rows sum to one.

        Raises
        ------
        TypeError, ValueError
            If `features` is not a finite floating matrix of the training width.
        """
        _validate.new_instances("features", features, self.weights.shape[0], self.weights)
        return softmax(features @ self.weights)


def softmax(logits: Array) -> Array:
    """Turn each row of logits into positive shares that sum to one.

    Parameters
    ----------
    logits : array of shape (N, K)

    Returns
    -------
    array of shape (N, K)

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.solvers.softmax import softmax
    >>> softmax(np.array([[0.0, np.log(3.0)]]))
    array([[0.25, 0.75]])
    """
    return _softmax_and_log_norm(logits)[0]


def _softmax_and_log_norm(logits: Array) -> tuple[Array, Array]:
    """Softmax and logsumexp of each row from one pass of exponentials."""
    xp = _validate.namespace("logits", logits)
    top = xp.max(logits, axis=1, keepdims=True)  # so that no exponential overflows
    shares = xp.exp(logits - top)
    norm = xp.sum(shares, axis=1, keepdims=True)
    shares /= norm
    return shares, xp.squeeze(top + xp.log(norm), axis=1)


def solve(
    features: Array | Factorisation,
    targets: Array,
    lam: float,
    *,
    loss: Loss | None = None,
    weights: Array | None = None,
    start: Solution | None = None,
    tolerance: float | None = None,
    max_evaluations: int = 10_000,
    memory: int = 10,
) -> Solution:
    """Train the softmax model to its exact optimum.

    Parameters
    ----------
    features : array of shape (N, d) or Factorisation
        Unit-norm features, float32 or float64, of any array API library; or their factorisation,
        which several solves can share. ``factorise(features, unit_norm=False)`` accepts any
        norms.
    targets : array of shape (N, K)
        Soft or one-hot targets, rows summing to one; same kind of array as the features.
    lam : float
        L2 strength lambda, > 0.
    loss : Loss, optional
        `CrossEntropy` (default) or `GeneralisedCrossEntropy`.
    weights : array of shape (N,), optional
        Instance weights >= 0; equal by default. Only their proportions matter.
    start : Solution, optional
        Where to start: a solution on the same features and classes, the last round's say.
    tolerance : float, optional
        Relative gradient norm at which to stop; 1e-8 in float64 and 1e-4 in float32 by default.
    max_evaluations : int
        Gradients to compute at most, >= 2: at zero, for the scale, and at `start`.
    memory : int
        Steps that L-BFGS remembers.

    Returns
    -------
    Solution
        With a certificate that says how exact it is.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Warns
    -----
    NotConverged
        If the tolerance was not reached, with the certificate.

    Notes
    -----
    The optimum of cross-entropy is unique. With `GeneralisedCrossEntropy` the result is the
    stationary point that descent from `start` leads to.

    Examples
    --------
    >>> from sdbook import datasets
    >>> from sdbook.solvers import solve
    >>> data = datasets.digits()
    >>> solution = solve(data.features, datasets.one_hot(data.labels, 10), lam=1e-3)
    >>> solution.certificate.converged
    True
    >>> float((solution.outputs.argmax(axis=1) == data.labels).mean().round(2))
    0.96
    """
    lam = _validate.regularisation(lam)
    fact = factorise(features)
    _validate.targets("targets", targets, fact.features)
    if weights is not None:
        _validate.instance_weights("weights", weights, fact.features)
    xp = _validate.namespace("features", fact.features)
    if tolerance is None:
        tolerance = 1e-8 if fact.features.dtype == xp.float64 else 1e-4
    tolerance = _validate.real("tolerance", tolerance, 0, open_low=True)
    _validate.count("max_evaluations", max_evaluations, 2)
    _validate.count("memory", memory)
    problem = _Problem(fact, targets, lam, CrossEntropy() if loss is None else loss, weights)
    point = None if start is None else problem.continued(start)
    certificate, point = _lbfgs(problem, point, tolerance, max_evaluations, memory)
    if not certificate.converged:
        warnings.warn(f"lam={lam:g}: {certificate}", NotConverged, stacklevel=2)
    return Solution(problem.theta(point.coordinates), point.outputs, certificate, point.coordinates)


@dataclass(frozen=True, eq=False)
class _Point:
    """Parameters in the solver's coordinates, with all that one pass over the instances gives."""

    coordinates: Array
    logits: Array
    outputs: Array
    residual: Array
    value: float


class _Problem:
    """The objective in coordinates where the linearised Hessian is cheap to invert.

    In the feature space the coordinates are theta itself. In the instance space (fewer instances
    than features) they are theta along the right singular vectors of the features: the same
    geometry, in min(N, d) dimensions, where the Hessian is diagonal.
    """

    def __init__(
        self, fact: Factorisation, targets: Array, lam: float, loss: Loss, weights: Array | None
    ) -> None:
        self.fact, self.targets, self.lam, self.loss = fact, targets, lam, loss
        self.xp = xp = _validate.namespace("features", fact.features)
        self.N, self.K = targets.shape
        self.weights = None if weights is None else weights / xp.mean(weights)
        if fact.space == "feature":
            self.design = fact.features
        else:
            self.design = fact.basis * xp.sqrt(fact.eigenvalues)

    def origin(self) -> _Point:
        """Return zero parameters, where outputs are uniform."""
        xp, like = self.xp, {"dtype": self.design.dtype, "device": self.design.device}
        shape = (self.design.shape[1], self.K)
        return self.point(xp.zeros(shape, **like), xp.zeros((self.N, self.K), **like))

    def continued(self, solution: Solution) -> _Point:
        """Return a solution of another problem on the same features and classes as a point."""
        if not isinstance(solution, Solution):
            raise TypeError(f"start is a {type(solution).__name__}; accepted is a Solution")
        coordinates = _validate.same_kind("start", solution.coordinates, self.design)
        shape = (self.design.shape[1], self.K)
        if tuple(coordinates.shape) != shape:
            raise ValueError(
                f"start is a solution with coordinates of shape {tuple(coordinates.shape)}; "
                f"accepted is {shape}: a solution on the same features and classes"
            )
        return self.point(coordinates, self.design @ coordinates)

    def point(self, coordinates: Array, logits: Array) -> _Point:
        xp = self.xp
        outputs, log_norm = _softmax_and_log_norm(logits)
        losses = self.loss.value(logits, log_norm, outputs, self.targets)
        value = self.mean(losses) + self.lam / 2 * _dot(xp, coordinates, coordinates)
        # Derivative of N times the mean loss by the logits.
        residual = self.loss.residual(outputs, self.targets)
        if self.weights is not None:
            residual = residual * self.weights[:, None]
        return _Point(coordinates, logits, outputs, residual, value)

    def mean(self, per_instance: Array) -> float:
        """Weighted mean over the instances."""
        weighted = per_instance if self.weights is None else self.weights * per_instance
        return float(self.xp.mean(weighted))

    def gradient(self, point: _Point) -> Array:
        return self.design.T @ point.residual / self.N + self.lam * point.coordinates

    def rounding(self) -> float:
        """Norm of the gradient that errors of one unit in the last place of the outputs make."""
        eps = float(self.xp.finfo(self.design.dtype).eps)
        return eps * math.sqrt(float(self.fact.eigenvalues[-1]) / (self.N * self.K))

    def curvature(self, outputs: Array) -> float:
        """Mean eigenvalue of the loss's Hessian by the logits, apart from its zero one.

        A single number for all instances and classes keeps the rows' zero sum, as uniform outputs
        do, for which it is exactly 1/K.
        """
        xp = self.xp
        per_instance = 1 - xp.vecdot(outputs, outputs)
        trust = self.loss.trust(outputs, self.targets)
        if trust is not None:
            per_instance = per_instance * trust
        return self.mean(per_instance) / (self.K - 1)

    def precondition(self, vector: Array, curvature: float) -> Array:
        """Multiply by the inverse of the linearised Hessian."""
        scale = 1 / (curvature / self.N * self.fact.eigenvalues + self.lam)[:, None]
        if self.fact.space == "instance":
            return scale * vector
        V = self.fact.basis
        return V @ (scale * (V.T @ vector))

    def theta(self, coordinates: Array) -> Array:
        """Turn coordinates into theta."""
        if self.fact.space == "feature":
            return coordinates
        xp, s = self.xp, self.fact.eigenvalues
        root = xp.sqrt(xp.where(s > 0, s, 1.0))[:, None]
        along = xp.where(s[:, None] > 0, coordinates / root, 0.0)
        return self.fact.features.T @ (self.fact.basis @ along)


def _lbfgs(
    problem: _Problem, start: _Point | None, tolerance: float, max_evaluations: int, memory: int
) -> tuple[Certificate, _Point]:
    """Descend until the gradient's norm, relative to that at zero, is within the tolerance."""
    xp = problem.xp
    point = problem.origin()
    gradient = problem.gradient(point)
    evaluations = 1
    scale = float(xp.linalg.matrix_norm(gradient))
    # What rounding leaves of a gradient that vanishes: after many rounds, targets are so nearly
    # uniform that the one at zero is not much more.
    rounding = problem.rounding()
    enough = max(tolerance * scale, rounding)
    if start is not None:
        point, gradient = start, problem.gradient(start)
        evaluations += 1
    steps: deque[tuple[Array, Array, float]] = deque(maxlen=memory)
    while True:
        norm = float(xp.linalg.matrix_norm(gradient))
        if norm <= enough or evaluations >= max_evaluations:
            break
        direction = _two_loops(problem, gradient, steps, problem.curvature(point.outputs))
        moved = _search(problem, point, direction, _dot(xp, gradient, direction))
        if moved is None:
            if not steps:
                break
            steps.clear()  # the memory misleads: try once more with the linearised Hessian alone
            continue
        new_gradient = problem.gradient(moved)
        evaluations += 1
        step, change = moved.coordinates - point.coordinates, new_gradient - gradient
        along = _dot(xp, step, change)
        if along > 0:
            steps.append((step, change, along))
        point, gradient = moved, new_gradient
    certificate = Certificate(
        converged=norm <= enough,
        gradient_norm=norm,
        relative_gradient_norm=norm / max(scale, rounding),
        tolerance=tolerance,
        objective=point.value,
        gap_bound=norm**2 / (2 * problem.lam) if problem.loss.convex else None,
        evaluations=evaluations,
    )
    return certificate, point


def _two_loops(
    problem: _Problem,
    gradient: Array,
    steps: deque[tuple[Array, Array, float]],
    curvature: float,
) -> Array:
    """L-BFGS direction (Nocedal & Wright, Algorithm 7.4), starting from the linearised Hessian."""
    xp = problem.xp
    direction = -gradient
    shares = []
    for step, change, along in reversed(steps):
        share = _dot(xp, step, direction) / along
        shares.append(share)
        direction = direction - share * change
    direction = problem.precondition(direction, curvature)
    for (step, change, along), share in zip(steps, reversed(shares), strict=True):
        direction = direction + (share - _dot(xp, change, direction) / along) * step
    return direction


def _search(
    problem: _Problem, point: _Point, direction: Array, slope: float, trials: int = 40
) -> _Point | None:
    """Go along the direction to where the slope has halved and the objective has not grown.

    The logits are linear in the step, so that a trial costs no matrix product. Returns None where
    no such place is found: a direction that does not descend, or numbers at the end of their
    precision.
    """
    if not slope < 0:
        return None
    xp = problem.xp
    logits_along = problem.design @ direction
    ridge_slope = problem.lam * _dot(xp, point.coordinates, direction)
    ridge_curve = problem.lam * _dot(xp, direction, direction)
    slack = 8 * float(xp.finfo(direction.dtype).eps) * abs(point.value)
    size, low, low_slope, high, high_slope = 1.0, 0.0, slope, None, 0.0
    for _ in range(trials):
        trial = problem.point(
            point.coordinates + size * direction, point.logits + size * logits_along
        )
        trial_slope = (
            _dot(xp, trial.residual, logits_along) / problem.N + ridge_slope + size * ridge_curve
        )
        grown = trial.value > point.value + slack
        if not grown and abs(trial_slope) <= 0.5 * abs(slope):
            return trial
        if grown or trial_slope > 0:
            high, high_slope = size, trial_slope
        else:
            low, low_slope = size, trial_slope
        if high is None:
            size = 2 * size
        else:
            # Where the slope would vanish if it were linear between the ends, kept off both of
            # them.
            share = low_slope / (low_slope - high_slope) if high_slope > 0 else 0.5
            size = low + min(max(share, 0.1), 0.9) * (high - low)
    return None


def _dot(xp: object, a: Array, b: Array) -> float:
    return float(xp.sum(xp.vecdot(a, b)))  # type: ignore[attr-defined]
