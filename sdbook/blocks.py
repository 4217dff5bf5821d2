"""Self-distillation on correlated blocks of any sizes, solved exactly by groups.

In the block model, instances with the same true class and the same given label are alike: they
have the same outputs in every round. So a group of them can be replaced by its mean feature, which
counts as often as the group has instances. That leaves at most K^2 groups of the N instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate, theory
from sdbook.datasets import one_hot
from sdbook.datasets.blocks import between_classes
from sdbook.method import Method
from sdbook.refine import Refinement, as_is, refined
from sdbook.solvers import Loss, factorise, solve
from sdbook.theory._arrays import Floats

__all__ = ["BlockRun", "distill_blocks"]


@dataclass(frozen=True, eq=False)
class BlockRun:
    """Teacher and students on correlated blocks, group by group.

    Attributes
    ----------
    counts : ndarray of shape (K, K)
        How many instances of true class k are called j.
    outputs : ndarray of shape (rounds, K, K, K)
        Entry ``[t - 1, k, j]`` holds their outputs in round t, zero where there are none.
    """

    counts: Floats
    outputs: Floats = field(repr=False)

    def accuracies(self, kind: str = "all") -> Floats:
        """Return the share of instances that are right, round by round.

        Parameters
        ----------
        kind : {"all", "clean", "corrupted"}

        Returns
        -------
        ndarray of shape (rounds,)

        Raises
        ------
        ValueError
            If `kind` is another, or there are no such instances.
        """
        clean = np.diag(np.diag(self.counts))
        kinds = {"all": self.counts, "clean": clean, "corrupted": self.counts - clean}
        if kind not in kinds or not kinds[kind].any():
            known = ", ".join(repr(name) for name, weight in kinds.items() if weight.any())
            raise ValueError(f"kind must be one of {known}, got {kind!r}.")
        right = theory.recovered(self.outputs, self.counts / self.counts.sum(axis=1)[:, None])
        return np.average(right, axis=(1, 2), weights=np.broadcast_to(kinds[kind], right.shape))


def distill_blocks(
    counts: ArrayLike,
    lam: float,
    *,
    c: float,
    d: float,
    e: float | None = None,
    superclasses: ArrayLike | None = None,
    rounds: int = 5,
    refinement: Refinement | Sequence[Refinement] = as_is,
    loss: Loss | Sequence[Loss] | None = None,
    model: str = "softmax",
    until_right: bool = False,
    tolerance: float | None = None,
) -> BlockRun:
    """Train a teacher and students on correlated blocks, as `sdbook.distill` on all instances.

    Parameters
    ----------
    counts : array_like of shape (K, K)
        How many instances of true class k are called j; some of each class. Numbers need not be
        whole: ``n * C`` for n instances of each class, ``n[:, None] * C`` for classes of any sizes.
    lam : float
        L2 strength lambda of the mean loss, > 0.
    c, d, e : float
        Correlations in a class, between classes of a superclass and between superclasses,
        ``1 > c > d >= e``. `e` is needed with two superclasses or more.
    superclasses : array_like of int, shape (K,), optional
        The superclass of each class, of any sizes. One superclass by default.
    rounds, refinement, loss, model
        What is done: as in `sdbook.Method`. A refinement must treat each row on its own: here a
        group is one row, whatever its size.
    until_right : bool
        Whether to stop after the first round in which all instances are right.
    tolerance : float, optional
        Passed to the softmax solver.

    Returns
    -------
    BlockRun

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or no vectors have these correlations.
    MemoryError
        If the groups do not fit into memory.

    Warns
    -----
    sdbook.solvers.NotConverged
        For each round that did not reach the tolerance.

    Examples
    --------
    >>> from sdbook import distill_blocks, noise
    >>> run = distill_blocks(50 * noise.symmetric(4, 0.3), 5e-4, c=0.4, d=0.1, rounds=4)
    >>> run.accuracies("corrupted")
    array([0., 0., 1., 1.])
    """
    counts, lam = _counts(counts), _validate.regularisation(lam)
    K, method = len(counts), Method(rounds, refinement, loss, model)
    groups = np.zeros(K) if superclasses is None else np.asarray(superclasses)
    if groups.shape != (K,):
        raise ValueError(f"superclasses must have shape ({K},), got {groups.shape}.")
    true, given = np.nonzero(counts)
    size = counts[true, given]
    _validate.memory(f"{len(size)} groups", 5 * len(size) ** 2 + 2 * rounds * K**3, 8)
    # A mean of r instances has (1 + (r - 1) c) / r = c + (1 - c) / r with itself.
    gram = between_classes(groups, c, d, e)[true][:, true] + np.diag((1 - c) / size)
    values, vectors = np.linalg.eigh(gram)
    if values[0] < -1e-10 * values[-1]:
        raise ValueError(f"c, d and e must give a Gram matrix, got the eigenvalue {values[0]:.4g}.")
    if model == "softmax":  # any vectors with these inner products will do
        means = factorise(vectors * np.sqrt(np.maximum(values, 0)), unit_norm=False)
    else:
        ridge = K * size.sum() * lam
        averaging = np.linalg.solve(ridge * np.eye(len(size)) + gram * size, gram * size)
    Y, solution, outputs = one_hot(given, K), None, np.empty((0, K, K, K))
    for t in range(rounds):
        T = refined(method.refinements[t - 1], Y) if t > 0 else Y
        _validate.targets(f"the targets of round {t + 1}", T, gram, K, signed=model != "softmax")
        if model == "softmax":
            solution = solve(
                means,
                T,
                lam,
                loss=method.losses[t],
                sample_weight=size,
                warm_start=solution,
                tolerance=tolerance,
            )
            Y = solution.outputs
        else:
            Y = 1 / K + averaging @ (T - 1 / K)
        outputs = np.append(outputs, np.zeros((1, K, K, K)), axis=0)
        outputs[t, true, given] = Y
        if until_right and BlockRun(counts, outputs).accuracies()[-1] == 1:
            break
    return BlockRun(counts, outputs)


def _counts(counts: ArrayLike) -> Floats:
    array = np.asarray(counts, dtype=float)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) < 2:
        raise ValueError(f"counts must have shape (K, K) with K >= 2, got {array.shape}.")
    good = np.isfinite(array).all(axis=1) & (array.min(axis=1) >= 0) & array.any(axis=1)
    if not good.all():
        row = array[good.argmin()]
        raise ValueError(f"counts must be >= 0, with some in each row, got the row {row}.")
    return array
