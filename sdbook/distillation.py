"""The one loop: train a teacher on given labels, then students on refined outputs.

Round 1 is the teacher. Round t >= 2 is the (t - 1)-th student, trained on what a refinement makes
of the outputs of round t - 1. Self-distillation leaves them as they are; a partial-label student
is taught the teacher's two best guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from array_api_compat import to_device
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook._validate import Array
from sdbook.accuracy import Accuracy, Judge
from sdbook.datasets import one_hot
from sdbook.refine import Refinement, as_is, taught, top_k
from sdbook.solvers import (
    Certificate,
    CrossEntropy,
    Factorisation,
    LabelAveraging,
    Loss,
    Solution,
    factorise,
    solve_all,
)
from sdbook.solvers.products import product

__all__ = ["Accuracy", "Round", "Run", "distill", "distill_all", "partial_label"]


@dataclass(frozen=True, eq=False)
class Round:
    """One round of a run.

    Attributes
    ----------
    t : int
        1 is the teacher, t >= 2 the (t - 1)-th student.
    targets : array of shape (N, K)
        What this round was trained on.
    outputs : array of shape (N, K)
        What it answers on the training instances.
    weights : array of shape (d, K)
        Its parameters.
    test_outputs : array of shape (M, K) or None
        What it answers on the test instances.
    accuracy : Accuracy or None
        None where true labels were not given.
    certificate : Certificate or None
        How exact the softmax optimum is. None for the linearised model, which is a closed form.
    solution : Solution or None
        What the softmax solver returned, from which the next round starts.
    """

    t: int
    targets: Array = field(repr=False)
    outputs: Array = field(repr=False)
    coef: Array = field(repr=False)
    test_outputs: Array | None = field(repr=False)
    accuracy: Accuracy | None
    certificate: Certificate | None = field(repr=False)
    solution: Solution | None = field(default=None, repr=False, kw_only=True)


@dataclass(frozen=True, eq=False)
class Run:
    """Teacher and students, in order.

    Attributes
    ----------
    rounds : tuple of Round
        Round 1 first.
    lam : float
        L2 strength.
    model : str
        "softmax" or "linearised".
    given_labels : ndarray of int, shape (N,)
        What the teacher was told; of soft labels the largest.
    """

    rounds: tuple[Round, ...] = field(repr=False)
    lam: float
    model: str
    given_labels: NDArray[np.int64] = field(repr=False)

    @property
    def teacher(self) -> Round:
        """Round 1."""
        return self.rounds[0]

    @property
    def last(self) -> Round:
        """The last student, or the teacher where there was no student."""
        return self.rounds[-1]

    def accuracies(self, kind: str = "test") -> NDArray[np.float64]:
        """Return one kind of accuracy over the rounds.

        Parameters
        ----------
        kind : {"test", "all", "clean", "corrupted"}

        Returns
        -------
        ndarray of shape (rounds,)

        Raises
        ------
        ValueError
            If `kind` is unknown, or was not measured in this run.
        """
        if kind not in ("test", "all", "clean", "corrupted"):
            raise ValueError(
                f"kind is {kind!r}; accepted are 'test', 'all', 'clean' and 'corrupted'"
            )
        shares = [getattr(step.accuracy, kind, None) for step in self.rounds]
        if None in shares:
            raise ValueError(
                f"kind is {kind!r}, which was not measured: pass true_labels (and test) to "
                "distill, and mind that without wrong labels there is no corrupted instance"
            )
        return np.array(shares)

    def __str__(self) -> str:
        lines = [f"{self.model} model, lambda = {self.lam:g}"]
        for step in self.rounds:
            measured = "" if step.accuracy is None else f": {step.accuracy}"
            lines.append(f"  round {step.t}{measured}")
        return "\n".join(lines)


def distill(
    features: Array | Factorisation,
    given_labels: ArrayLike,
    lam: float,
    *,
    n_classes: int | None = None,
    rounds: int = 5,
    refinement: Refinement | Sequence[Refinement] = as_is,
    loss: Loss | Sequence[Loss] | None = None,
    model: str = "softmax",
    sample_weight: Array | None = None,
    true_labels: ArrayLike | None = None,
    test: tuple[Array, ArrayLike] | None = None,
    tolerance: float | None = None,
    warn: bool = True,
    warm_start: Run | None = None,
) -> Run:
    """Train a teacher on given labels and students on each other's outputs.

    Parameters
    ----------
    features : array of shape (N, d) or Factorisation
        Unit-norm features of the training instances; several runs can share a factorisation.
    given_labels : array_like of int, shape (N,), or array of shape (N, K)
        Labels as they are in the data set, right or wrong, 0 to K - 1. Or soft labels: the same
        kind of array as the features, rows summing to one.
    lam : float
        L2 strength lambda of the mean loss, > 0, the same in each round.
    n_classes : int, optional
        Number of classes K; by default the largest given label plus one, and then each class must
        occur among the given labels.
    rounds : int
        Rounds in all, >= 1, the teacher among them.
    refinement : callable or sequence of callables
        What the next round is taught (see `sdbook.refine`): one for all students, or one for each
        of the ``rounds - 1`` students. It gets a copy of the outputs, which it may change.
    loss : Loss or sequence of Loss, optional
        One for all rounds, or one for each; cross-entropy by default. Softmax model only.
    model : {"softmax", "linearised"}
        The exact optimum, or the linearised model (label averaging).
    sample_weight : array of shape (N,), optional
        Instance weights >= 0 of all rounds; equal by default. Softmax model only.
    true_labels : array_like of int, shape (N,), optional
        To measure accuracy with; never used for training.
    test : tuple of (features, labels), optional
        Test instances with their true labels; needs `true_labels`.
    tolerance : float, optional
        Passed to the softmax solver.
    warn : bool
        Whether to warn of rounds that did not converge; their certificates say so either way.
    warm_start : Run, optional
        A run on the same features and labels with fewer rounds: they are kept as they are, and
        training goes on after the last. So a partial-label student can have the teacher of a run
        that exists.

    Returns
    -------
    Run

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Warns
    -----
    sdbook.solvers.NotConverged
        For each round that did not reach the tolerance (while `warn`).

    Examples
    --------
    >>> from sdbook import datasets, distill, noise
    >>> data = datasets.block_correlated(4, 50, c=0.4, d=0.1)
    >>> given = noise.corrupt(data.labels, noise.symmetric(4, 0.3), rng=0, exact=True)
    >>> run = distill(data.features, given, lam=5e-4, rounds=4, true_labels=data.labels)
    >>> print(run)
    softmax model, lambda = 0.0005
      round 1: clean 100.0%, corrupted 0.0%, all 70.0%
      round 2: clean 100.0%, corrupted 0.0%, all 70.0%
      round 3: clean 100.0%, corrupted 100.0%, all 100.0%
      round 4: clean 100.0%, corrupted 100.0%, all 100.0%
    """
    fact = factorise(features)
    (run,) = _train(
        fact,
        [_Told.of(given_labels, fact, n_classes)],
        [_validate.regularisation(lam)],
        _Plan.of(rounds, refinement, loss, model, sample_weight),
        true_labels,
        test,
        tolerance,
        warn,
        None if warm_start is None else [warm_start],
    )
    return run


def distill_all(
    features: Array | Factorisation,
    given_labels: ArrayLike,
    lam: float | ArrayLike,
    *,
    n_classes: int | None = None,
    rounds: int = 5,
    refinement: Refinement | Sequence[Refinement] = as_is,
    loss: Loss | Sequence[Loss] | None = None,
    model: str = "softmax",
    sample_weight: Array | None = None,
    true_labels: ArrayLike | None = None,
    test: tuple[Array, ArrayLike] | None = None,
    tolerance: float | None = None,
    warn: bool = True,
    warm_start: Sequence[Run] | None = None,
) -> list[Run]:
    """Train many runs on the same features, side by side.

    Each ends where `distill` would end; what they share is the factorisation and the matrix
    products (see `sdbook.solvers.solve_all`).

    Parameters
    ----------
    features
        As in `distill`.
    given_labels : array_like of int, shape (B, N), or array of shape (B, N, K)
        Given labels of each of the B runs.
    lam : float or array_like of shape (B,)
        L2 strength lambda, > 0: one for all, or one for each run.
    n_classes, rounds, refinement, loss, model, sample_weight, true_labels, test, tolerance, warn
        As in `distill`, the same for all runs.
    warm_start : sequence of Run, optional
        As in `distill`, one for each run, with equally many rounds.

    Returns
    -------
    list of Run
        One for each row of `given_labels`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from sdbook import datasets, distill_all, noise
    >>> data = datasets.block_correlated(4, 50, c=0.4, d=0.1)
    >>> given = [
    ...     noise.corrupt(data.labels, noise.symmetric(4, rate), rng=0, exact=True)
    ...     for rate in (0.3, 0.6)
    ... ]
    >>> runs = distill_all(data.features, given, lam=5e-4, rounds=4, true_labels=data.labels)
    >>> [run.accuracies("all").tolist() for run in runs]
    [[0.7, 0.7, 1.0, 1.0], [0.4, 0.4, 0.4, 0.4]]
    """
    fact = factorise(features)
    given: list[Any] = list(given_labels)  # type: ignore[arg-type]
    by_id = {id(each): _Told.of(each, fact, n_classes) for each in given}
    told = [by_id[id(each)] for each in given]  # one for all runs that are told the same array
    if len({each.n_classes for each in told}) != 1:
        raise ValueError(
            f"given_labels has runs of {sorted({each.n_classes for each in told})} classes; accepted "
            "are one or more runs of the same number: pass classes= if a class may be absent"
        )
    strengths = _validate.reals("lam", lam, 0, open_low=True)
    if strengths.shape not in ((), (len(told),)):
        raise ValueError(
            f"lam has shape {strengths.shape}; accepted is one number, or one per run, "
            f"({len(told)},)"
        )
    return _train(
        fact,
        told,
        np.broadcast_to(strengths, len(told)).tolist(),
        _Plan.of(rounds, refinement, loss, model, sample_weight),
        true_labels,
        test,
        tolerance,
        warn,
        warm_start,
    )


def partial_label(
    features: Array | Factorisation,
    given_labels: ArrayLike,
    lam: float,
    *,
    k: int = 2,
    loss: Loss | None = None,
    **options: Any,
) -> Run:
    """Train a teacher, and one student on its k best guesses.

    Parameters
    ----------
    features, given_labels, lam
        As in `distill`.
    k : int
        Number of candidates, 1 to K.
    loss : Loss, optional
        The student's: cross-entropy on the k-hot targets (default), or
        `sdbook.solvers.GeneralisedCrossEntropy` over the candidate set, started at the teacher.
    **options
        ``classes``, ``model``, ``weights``, ``true_labels``, ``test``, ``tolerance``, ``warn`` and
        ``after``, as in `distill`.

    Returns
    -------
    Run
        Of two rounds.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described in `distill`.

    Examples
    --------
    >>> from sdbook import datasets, noise, partial_label
    >>> data = datasets.block_correlated(4, 50, c=0.4, d=0.1)
    >>> given = noise.corrupt(data.labels, noise.symmetric(4, 0.6), rng=0, exact=True)
    >>> run = partial_label(data.features, given, lam=1e-4, true_labels=data.labels)
    >>> print(run)
    softmax model, lambda = 0.0001
      round 1: clean 100.0%, corrupted 0.0%, all 40.0%
      round 2: clean 100.0%, corrupted 100.0%, all 100.0%
    """
    losses = None if loss is None else (CrossEntropy(), loss)
    return distill(
        features, given_labels, lam, rounds=2, refinement=top_k(k), loss=losses, **options
    )


@dataclass(frozen=True, eq=False)
class _Told:
    """What a teacher is told."""

    targets: Array
    labels: NDArray[np.int64]
    n_classes: int

    @classmethod
    def of(cls, given_labels: Any, fact: Factorisation, n_classes: int | None) -> _Told:
        xp = _validate.namespace("features", fact.features)
        if getattr(given_labels, "ndim", 1) == 2:
            targets = _validate.targets("given_labels", given_labels, fact.features, n_classes)
            targets = xp.asarray(targets, copy=True)  # a run keeps them, whatever becomes of these
            largest = np.asarray(to_device(xp.argmax(targets, axis=1), "cpu"))
            return cls(targets, largest.astype(np.int64), targets.shape[1])
        given, K = _validate.given_labels(given_labels, fact.n_samples, n_classes)
        like = {"dtype": fact.features.dtype, "device": fact.features.device}
        return cls(xp.asarray(one_hot(given, K), **like), given, K)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What happens in each round, whatever the labels."""

    refinements: list[Refinement]
    losses: list[Loss]
    model: str
    sample_weight: Array | None

    @classmethod
    def of(
        cls,
        rounds: int,
        refinement: Refinement | Sequence[Refinement],
        loss: Loss | Sequence[Loss] | None,
        model: str,
        sample_weight: Array | None,
    ) -> _Plan:
        rounds = _validate.count("rounds", rounds)
        if model not in ("softmax", "linearised"):
            raise ValueError(f"model is {model!r}; accepted are 'softmax' and 'linear'")
        for name, value in {"loss": loss, "weights": sample_weight}.items():
            if model == "linearised" and value is not None:
                raise ValueError(
                    f"{name} is given; accepted with model='linear' is none: it has a closed form"
                )
        refinements = _validate.one_each("refinement", refinement, rounds - 1, "student")
        losses = _validate.one_each(
            "loss", CrossEntropy() if loss is None else loss, rounds, "round"
        )
        return cls(refinements, losses, model, sample_weight)

    @property
    def rounds(self) -> int:
        return len(self.losses)


def _train(
    fact: Factorisation,
    told: list[_Told],
    lams: list[float],
    plan: _Plan,
    true_labels: ArrayLike | None,
    test: tuple[Array, ArrayLike] | None,
    tolerance: float | None,
    warn: bool,
    warm_start: Sequence[Run] | None,
) -> list[Run]:
    """Train runs side by side, round by round."""
    judges = _judges(fact, told, true_labels, test)
    runs = [Run((), lam, plan.model, each.labels) for each, lam in zip(told, lams, strict=True)]
    if warm_start is not None:
        runs = _continued(warm_start, runs, plan)
    xp = _validate.namespace("features", fact.features)
    for t in range(len(runs[0].rounds) + 1, plan.rounds + 1):
        if t == 1:
            targets = [each.targets for each in told]
        else:
            targets = [
                _validate.targets(
                    f"what the refinement returned for round {t}",
                    taught(plan.refinements[t - 2], run.last.outputs),
                    fact.features,
                    each.n_classes,
                    signed=plan.model == "linearised",
                )
                for run, each in zip(runs, told, strict=True)
            ]
        trained: Sequence[Solution | _Line]
        if plan.model == "linearised":
            trained = [
                _Line(LabelAveraging(fact, run.lam, each.n_classes), target)
                for run, each, target in zip(runs, told, targets, strict=True)
            ]
        else:
            solutions = [run.last.solution for run in runs] if t > 1 else []
            trained = solve_all(
                fact,
                xp.stack(targets),
                lams,
                loss=plan.losses[t - 1],
                sample_weight=plan.sample_weight,
                warm_start=[each for each in solutions if each is not None] or None,
                tolerance=tolerance,
                warn=warn,
            )
        runs = [
            replace(run, rounds=(*run.rounds, _round(t, target, model, judge, test)))
            for run, target, model, judge in zip(runs, targets, trained, judges, strict=True)
        ]
    return runs


def _judges(
    fact: Factorisation,
    told: list[_Told],
    true_labels: ArrayLike | None,
    test: tuple[Array, ArrayLike] | None,
) -> list[Judge | None]:
    if true_labels is None:
        if test is not None:
            raise ValueError("test is given without true_labels; accepted are both or neither")
        return [None] * len(told)
    test_labels, test_instances = None, 0
    if test is not None:
        features, test_labels = test
        width = fact.features.shape[1]
        _validate.new_instances("test features", features, width, fact.features)
        test_instances = features.shape[0]
    return [
        Judge.of(each.labels, true_labels, test_labels, test_instances, each.n_classes)
        for each in told
    ]


def _continued(warm_start: Sequence[Run], runs: list[Run], plan: _Plan) -> list[Run]:
    """Return the runs with the rounds that exist already."""
    if len(warm_start) != len(runs):
        raise ValueError(f"after has {len(warm_start)} runs; accepted is one for each, {len(runs)}")
    for earlier, run in zip(warm_start, runs, strict=True):
        if (earlier.model, earlier.lam) != (run.model, run.lam):
            raise ValueError(
                f"after is a run of the {earlier.model} model with lam {earlier.lam:g}; "
                f"accepted is the same as here, the {run.model} model with lam {run.lam:g}"
            )
        if not np.array_equal(earlier.given_labels, run.given_labels):
            raise ValueError("after is a run on other given labels; accepted are the same")
        if len(earlier.rounds) != len(warm_start[0].rounds) or len(earlier.rounds) >= plan.rounds:
            raise ValueError(
                f"after is a run of {len(earlier.rounds)} rounds; accepted are fewer than rounds, "
                f"{plan.rounds}, and the same number in all runs"
            )
    return list(warm_start)


def _round(
    t: int,
    targets: Array,
    trained: Solution | _Line,
    judge: Judge | None,
    test: tuple[Array, ArrayLike] | None,
) -> Round:
    test_outputs = None if test is None else trained.predict(test[0])
    return Round(
        t=t,
        targets=targets,
        outputs=trained.outputs,
        coef=trained.coef,
        test_outputs=test_outputs,
        accuracy=None if judge is None else judge.accuracy(trained.outputs, test_outputs),
        certificate=trained.certificate,
        solution=trained if isinstance(trained, Solution) else None,
    )


class _Line:
    """One round of the linearised model, in the shape of a softmax solution."""

    certificate = None

    def __init__(self, averaging: LabelAveraging, targets: Array) -> None:
        self.outputs = averaging.outputs(targets)
        self.weights = averaging.coef(targets)
        self._classes = averaging.n_classes

    def predict(self, features: Array) -> Array:
        return 1 / self._classes + product(features, self.weights)
