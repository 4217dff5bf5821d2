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

from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation, factorise
from sdbook.solvers.lbfgs import Result, minimise
from sdbook.solvers.losses import CrossEntropy, Loss
from sdbook.solvers.objectives import Objectives
from sdbook.solvers.row_chunks import RowChunks
from sdbook.solvers.solution import Certificate, Solution

__all__ = ["NotConverged", "solve", "solve_all"]


class NotConverged(UserWarning):
    """The solver stopped before it reached the tolerance; the certificate says how near it came."""


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
        `CrossEntropy` (default), `GeneralisedCrossEntropy`, or one of your own like `Loss`.
    sample_weight : array of shape (N,), optional
        Instance weights >= 0; equal by default. Only their proportions matter.
    warm_start : Solution, optional
        Where to start: a solution on the same features and classes, the last round's say.
    tolerance : float, optional
        Relative gradient norm at which to stop, > 0; by default 1e-8 in float64, 1e-4 in float32.
    max_evaluations : int
        Gradients to compute at most, >= 2: at zero, for the scale, and at `warm_start`.
    memory : int
        Steps that L-BFGS remembers, >= 1.
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
        sample_weight = _validate.sample_weight("sample_weight", sample_weight, fact.features)
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
    lams = _validate.one_lam_each(lam, B, "problem")
    if sample_weight is not None:
        sample_weight = _mean_one(sample_weight, B, fact.features)
    if tolerance is None:
        tolerance = 1e-8 if fact.features.dtype == xp.float64 else 1e-4
    tolerance = _validate.real("tolerance", tolerance, 0, open_low=True)
    _validate.count("max_evaluations", max_evaluations, 2)
    _validate.count("memory", memory)
    # Targets, a copy of them for the problems that go on when others have converged, and outputs;
    # and the steps that are remembered.
    if B > 1:
        item = 4 if fact.features.dtype == xp.float32 else 8
        numbers = B * K * (3 * N + 2 * (memory + 4) * min(fact.features.shape))
        _validate.memory(f"solving {B} problems at a time", numbers, item)
    with RowChunks(fact.features, targets) as chunks:
        problems = Objectives(
            fact,
            xp.stack([targets[b] for b in range(B)], axis=1),
            lams,
            CrossEntropy() if loss is None else loss,
            sample_weight,
            chunks,
        )
        first = None if warm_start is None else _coordinates(problems, warm_start)
        results = list(minimise(problems, first, tolerance, max_evaluations, memory))
        results.sort(key=lambda result: result.problem)
        outputs = problems.outputs(xp.stack([each.coordinates for each in results], axis=1))
    solutions = [
        _solution(problems, result, output, tolerance)
        for result, output in zip(results, outputs, strict=True)
    ]
    for solution, one in zip(solutions, problems.lam, strict=True):
        certificate = solution.certificate
        if warn and certificate is not None and not certificate.converged:
            warnings.warn(f"lam={one:g}: {certificate}", NotConverged, stacklevel=2)
    return solutions


def _stack_shape(targets: Array) -> tuple[int, int, int]:
    _validate.namespace("targets", targets)
    if targets.ndim != 3 or 0 in targets.shape:
        raise ValueError(
            f"targets must have shape (problems, samples, n_classes), got {tuple(targets.shape)}."
        )
    B, N, K = (int(size) for size in targets.shape)
    return B, N, K


def _mean_one(sample_weight: Array, problems: int, features: Array) -> Array:
    """Check sample weights of all problems or of each, and return them as (N, B), of mean 1."""
    xp = _validate.namespace("sample_weight", sample_weight)
    each = [sample_weight] * problems if sample_weight.ndim == 1 else list(sample_weight)
    if len(each) != problems:
        raise ValueError(
            "sample_weight must have shape (samples,) for all problems, or one row for each of the "
            f"{problems}, got {len(each)} rows."
        )
    each = [_validate.sample_weight("sample_weight", one, features) for one in each]
    means = [float(xp.sum(one, dtype=xp.float64)) / one.shape[0] for one in each]
    return xp.stack([one / mean for one, mean in zip(each, means, strict=True)], axis=1)


def _coordinates(problems: Objectives, warm_start: Sequence[Solution]) -> Array:
    """Return the coordinates of solutions on the same features and classes, (d, B, K)."""
    if len(warm_start) != problems.B:
        raise ValueError(
            f"warm_start must have one solution per problem, {problems.B}, got {len(warm_start)}."
        )
    shape = (problems.design.shape[1], problems.K)
    for solution in warm_start:
        if not isinstance(solution, Solution) or solution.coordinates is None:
            got = getattr(solution, "model", type(solution).__name__)
            raise TypeError(f"warm_start must be a Solution of the softmax model, got {got}.")
        coordinates = _validate.same_kind("warm_start", solution.coordinates, problems.design)
        if tuple(coordinates.shape) != shape:
            raise ValueError(
                "warm_start must be a solution on the same features and classes, with coordinates "
                f"of shape {shape}, got {tuple(coordinates.shape)}."
            )
    return problems.xp.stack([solution.coordinates for solution in warm_start], axis=1)


def _solution(problems: Objectives, result: Result, outputs: Array, tolerance: float) -> Solution:
    norm, lam = result.gradient_norm, float(problems.lam[result.problem])
    certificate = Certificate(
        converged=result.converged,
        gradient_norm=norm,
        # Features that are all zero leave no gradient anywhere.
        relative_gradient_norm=norm / result.scale if result.scale else 0.0,
        tolerance=tolerance,
        objective=result.objective,
        gap_bound=norm**2 / (2 * lam) if problems.loss.convex else None,
        evaluations=result.evaluations,
    )
    coef = problems.theta(result.coordinates)
    return Solution(coef, outputs, "softmax", certificate, result.coordinates)
