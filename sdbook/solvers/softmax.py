"""The exact optimum of the softmax model, with a certificate.

Minimises, over the parameters theta of shape (d, K),

    sum_i w_i loss(t_i, softmax(phi_i theta)) / sum_i w_i  +  (lambda / 2) ||theta||_F^2 .

For cross-entropy this is strongly convex, and its only stationary point solves the fixed-point
equation ``Y = softmax(G (T - Y) / (N lambda))`` (Proposition 1 of the book; Jeong & Chung, 2024).

The method is L-BFGS whose starting Hessian, in every iteration, is the *linearised* model's, ``h
Phi^T Phi / N + lambda I``: exact when outputs are uniform (then h = 1/K), and a good guess
otherwise with h the mean curvature of the softmax at the present outputs. One eigendecomposition
inverts it for every h. Scaled by what the last step met, it nearly always gives a step of the right
length, so that an iteration is one pass over the instances, of two matrix products.

Problems on the same features go side by side, so that one wide product serves all of them; each
descends as if it were alone. One problem is a stack of one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation, factorise
from sdbook.solvers.lbfgs import Arrival, descend
from sdbook.solvers.losses import CrossEntropy, Loss
from sdbook.solvers.objectives import Objectives, softmax_and_log_norm
from sdbook.solvers.passes import Passes
from sdbook.solvers.products import product

__all__ = ["Certificate", "NotConverged", "Solution", "softmax", "solve", "solve_all"]


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

    coef: Array = field(repr=False)
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
        _validate.new_instances("features", features, self.coef.shape[0], self.coef)
        return softmax(product(features, self.coef))


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
    return softmax_and_log_norm(logits)[0]


def solve(
    features: Array | Factorisation,
    targets: Array,
    lam: float,
    *,
    loss: Loss | None = None,
    sample_weight: Array | None = None,
    warm_start: Solution | None = None,
    tolerance: float | None = None,
    max_evaluations: int = 10_000,
    memory: int = 10,
    warn: bool = True,
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
    sample_weight : array of shape (N,), optional
        Instance weights >= 0; equal by default. Only their proportions matter.
    warm_start : Solution, optional
        Where to start: a solution on the same features and classes, the last round's say.
    tolerance : float, optional
        Relative gradient norm at which to stop; 1e-8 in float64 and 1e-4 in float32 by default.
    max_evaluations : int
        Gradients to compute at most, >= 2: at zero, for the scale, and at `warm_start`.
    memory : int
        Steps that L-BFGS remembers.
    warn : bool
        Whether to warn of what did not converge. The certificate says so either way.

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
        If the tolerance was not reached (while `warn`), with the certificate.

    Notes
    -----
    The optimum of cross-entropy is unique. With `GeneralisedCrossEntropy` the result is the
    stationary point that descent from `warm_start` leads to.

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
    fact = factorise(features)
    _validate.targets("targets", targets, fact.features)
    if sample_weight is not None:
        sample_weight = _validate.instance_weights("sample_weight", sample_weight, fact.features)
    (solution,) = solve_all(
        fact,
        targets[None, ...],
        _validate.regularisation(lam),
        loss=loss,
        sample_weight=sample_weight,
        warm_start=None if warm_start is None else [warm_start],
        tolerance=tolerance,
        max_evaluations=max_evaluations,
        memory=memory,
        warn=warn,
    )
    return solution


def solve_all(
    features: Array | Factorisation,
    targets: Array,
    lam: float | ArrayLike,
    *,
    loss: Loss | None = None,
    sample_weight: Array | None = None,
    warm_start: Sequence[Solution] | None = None,
    tolerance: float | None = None,
    max_evaluations: int = 10_000,
    memory: int = 10,
    warn: bool = True,
) -> list[Solution]:
    """Train many softmax models on the same features, side by side.

    Each ends where `solve` would end; what they share is the factorisation and the matrix
    products, which are wide instead of many.

    Parameters
    ----------
    features : array of shape (N, d) or Factorisation
        As in `solve`.
    targets : array of shape (B, N, K)
        Targets of each of the B problems.
    lam : float or array_like of shape (B,)
        L2 strength lambda, > 0: one for all, or one for each problem.
    loss : Loss, optional
        Of all problems.
    sample_weight : array of shape (N,) or (B, N), optional
        Instance weights >= 0, of all problems or of each.
    warm_start : sequence of Solution, optional
        Where to start, one for each problem.
    tolerance, max_evaluations, memory, warn
        As in `solve`.

    Returns
    -------
    list of Solution
        One for each problem, in their order.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    MemoryError
        If what the problems need at a time does not fit into the memory that is free.

    Warns
    -----
    NotConverged
        For each problem that did not reach the tolerance (while `warn`).

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import datasets, noise
    >>> from sdbook.solvers import solve_all
    >>> data = datasets.digits()
    >>> rates = [0.0, 0.3, 0.6]
    >>> given = [noise.corrupt(data.labels, noise.symmetric(10, r), rng=0) for r in rates]
    >>> targets = np.stack([datasets.one_hot(labels, 10) for labels in given])
    >>> solutions = solve_all(data.features, targets, lam=1e-2)
    >>> [round(float((s.outputs.argmax(axis=1) == data.labels).mean()), 2) for s in solutions]
    [0.92, 0.91, 0.87]
    """
    fact = factorise(features)
    xp = _validate.namespace("features", fact.features)
    B, N, K = _stack_shape(targets)
    for each in range(B):
        _validate.targets(f"targets[{each}]" if B > 1 else "targets", targets[each], fact.features)
    strengths = _validate.reals("lam", lam, 0, open_low=True)
    if strengths.shape not in ((), (B,)):
        raise ValueError(
            f"lam has shape {strengths.shape}; accepted is one number, or one per problem, ({B},)"
        )
    if sample_weight is not None:
        sample_weight = _weights_beside(sample_weight, B, fact.features)
    if tolerance is None:
        tolerance = 1e-8 if fact.features.dtype == xp.float64 else 1e-4
    tolerance = _validate.real("tolerance", tolerance, 0, open_low=True)
    _validate.count("max_evaluations", max_evaluations, 2)
    _validate.count("memory", memory)
    # Targets, a copy of them for the problems that go on when others have arrived, and outputs;
    # and the steps that are remembered.
    if B > 1:
        item = 4 if fact.features.dtype == xp.float32 else 8
        numbers = B * K * (3 * N + 2 * (memory + 4) * min(fact.features.shape))
        _validate.memory(f"solving {B} problems at a time", numbers, item)
    with Passes(fact.features, targets) as passes:
        problems = Objectives(
            fact,
            xp.stack([targets[b] for b in range(B)], axis=1),
            np.broadcast_to(strengths, (B,)).copy(),
            CrossEntropy() if loss is None else loss,
            sample_weight,
            passes,
        )
        first = None if warm_start is None else _continued(problems, warm_start)
        arrivals = list(descend(problems, first, tolerance, max_evaluations, memory))
        arrivals.sort(key=lambda arrival: arrival.problem)
        outputs = problems.outputs(xp.stack([each.coordinates for each in arrivals], axis=1))
    solutions = [
        _solution(problems, arrival, output, tolerance)
        for arrival, output in zip(arrivals, outputs, strict=True)
    ]
    for solution, one in zip(solutions, problems.lam, strict=True):
        if warn and not solution.certificate.converged:
            warnings.warn(f"lam={one:g}: {solution.certificate}", NotConverged, stacklevel=2)
    return solutions


def _stack_shape(targets: Array) -> tuple[int, int, int]:
    _validate.namespace("targets", targets)
    if targets.ndim != 3 or 0 in targets.shape:
        raise ValueError(
            f"targets has shape {tuple(targets.shape)}; "
            "accepted is a non-empty (problems, instances, classes)"
        )
    B, N, K = (int(size) for size in targets.shape)
    return B, N, K


def _weights_beside(sample_weight: Array, problems: int, features: Array) -> Array:
    """Check instance weights of all problems or of each, and return them as (N, B), of mean 1."""
    xp = _validate.namespace("sample_weight", sample_weight)
    each = [sample_weight] * problems if sample_weight.ndim == 1 else list(sample_weight)
    if len(each) != problems:
        raise ValueError(
            f"weights are for {len(each)} problems; accepted are weights for all, (instances,), or "
            f"for each of the {problems}"
        )
    each = [_validate.instance_weights("sample_weight", one, features) for one in each]
    means = [float(xp.sum(one, dtype=xp.float64)) / one.shape[0] for one in each]
    return xp.stack([one / mean for one, mean in zip(each, means, strict=True)], axis=1)


def _continued(problems: Objectives, warm_start: Sequence[Solution]) -> Array:
    """Return the coordinates of solutions on the same features and classes, side by side."""
    if len(warm_start) != problems.B:
        raise ValueError(
            f"start has {len(warm_start)} entries; accepted is one per problem, {problems.B}"
        )
    shape = (problems.design.shape[1], problems.K)
    for solution in warm_start:
        if not isinstance(solution, Solution):
            raise TypeError(f"start is a {type(solution).__name__}; accepted is a Solution")
        coordinates = _validate.same_kind("warm_start", solution.coordinates, problems.design)
        if tuple(coordinates.shape) != shape:
            raise ValueError(
                f"start is a solution with coordinates of shape {tuple(coordinates.shape)}; "
                f"accepted is {shape}: a solution on the same features and classes"
            )
    return problems.xp.stack([solution.coordinates for solution in warm_start], axis=1)


def _solution(problems: Objectives, arrival: Arrival, outputs: Array, tolerance: float) -> Solution:
    norm, lam = arrival.gradient_norm, float(problems.lam[arrival.problem])
    certificate = Certificate(
        converged=arrival.converged,
        gradient_norm=norm,
        # Features that are all zero leave no gradient anywhere.
        relative_gradient_norm=norm / arrival.scale if arrival.scale else 0.0,
        tolerance=tolerance,
        objective=arrival.objective,
        gap_bound=norm**2 / (2 * lam) if problems.loss.convex else None,
        evaluations=arrival.evaluations,
    )
    return Solution(problems.theta(arrival.coordinates), outputs, certificate, arrival.coordinates)
