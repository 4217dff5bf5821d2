"""The exact optimum of the softmax model, with a certificate.

Minimises, over the parameters theta of shape (d, K),

    sum_i w_i loss(t_i, softmax(phi_i theta)) / sum_i w_i  +  (lambda / 2) ||theta||_F^2 .

For cross-entropy this is strongly convex, and its only stationary point solves the fixed-point
equation ``Y = softmax(G (T - Y) / (N lambda))`` (Proposition 1 of the book; Jeong & Chung, 2024).

The method is L-BFGS whose starting Hessian, in every iteration, is the *linearised* model's. Scaled
by what the last steps met, it nearly always gives a step of the right length, so that an iteration
is one pass over the instances, of two matrix products. As far as float32 leads, passes are in
float32; the last ones, and with them the certificate, are in the precision of the features.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation, factorise
from sdbook.solvers.losses import CrossEntropy, Loss
from sdbook.solvers.solution import Solution
from sdbook.solvers.stack import Stack

__all__ = ["solve", "solve_all"]


def solve(
    features: Array | Factorisation,
    targets: Array,
    lam: float,
    *,
    loss: Loss | None = None,
    sample_weight: Array | None = None,
    warm_start: Solution | None = None,
    tolerance: float | None = None,
    gap: float | None = None,
    max_evaluations: int = 10_000,
    float32_first: bool = True,
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
        Where to start: a solution with as many features and classes, the last round's say.
    tolerance : float, optional
        Relative gradient norm at which to stop, > 0; by default 1e-8 in float64, 1e-4 in float32.
    gap : float, optional
        Stop before that where what is left to gain is at most this share of the objective, > 0, as
        far as L-BFGS can tell. With 3e-8, a few answers in a thousand can be others than at the
        optimum, for about half the time.
    max_evaluations : int
        Gradients to compute at most, >= 2: at zero, for the scale, and where it ends.
    float32_first : bool
        Whether to solve a float64 problem in float32 as far as that leads, and only then in
        float64. The result is as exact either way; it takes less time, and memory for a copy of
        the features in float32 (unless they are in a file).
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
    fact, loss = factorise(features), loss or CrossEntropy()
    _validate.targets("targets", targets, fact.features)
    lams, K = [_validate.regularisation(lam)], int(targets.shape[1])
    effort = (tolerance, gap, float32_first, max_evaluations)
    # Where a loss that is not convex ends depends on the coordinates.
    stack = Stack(fact, lams, K, sample_weight, *effort, cholesky=loss.convex)
    start = None if warm_start is None else [warm_start]
    (solution,) = stack.train([targets], [loss], start, warn=warn)
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
    gap: float | None = None,
    max_evaluations: int = 10_000,
    float32_first: bool = True,
    warn: bool = True,
) -> list[Solution]:
    """Train many softmax models on the same features, side by side.

    Each ends where `solve` would end. They share the factorisation, and products that are wide.

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
    tolerance, gap, max_evaluations, float32_first, warn
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
    _validate.namespace("targets", targets)
    if targets.ndim != 3 or 0 in targets.shape:
        raise ValueError(
            f"targets must have shape (problems, samples, n_classes), got {tuple(targets.shape)}."
        )
    B, _, K = (int(size) for size in targets.shape)
    each = [targets[b, ...] for b in range(B)]
    for b, own in enumerate(each):
        _validate.targets(f"targets[{b}]" if B > 1 else "targets", own, fact.features)
    lams = _validate.one_lam_each(lam, B, "problem").tolist()
    if warm_start is not None and len(warm_start) != B:
        raise ValueError(
            f"warm_start must have one solution per problem, {B}, got {len(warm_start)}."
        )
    stack = Stack(fact, lams, K, sample_weight, tolerance, gap, float32_first, max_evaluations)
    return stack.train(each, [loss or CrossEntropy()] * B, warm_start, warn=warn)
