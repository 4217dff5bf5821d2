"""Self-distillation: a teacher on given labels, then students on refined outputs.

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
from sdbook.accuracy import Accuracy, Evaluator
from sdbook.datasets import one_hot
from sdbook.method import Method
from sdbook.refine import Refinement, as_is, refined, top_k
from sdbook.solvers import (
    Certificate,
    CrossEntropy,
    Factorisation,
    LabelAveraging,
    Loss,
    Solution,
    factorise,
)
from sdbook.solvers.stack import Stack

__all__ = ["Accuracy", "Round", "Run", "distill", "distill_all", "partial_label"]

Test = tuple[Array, ArrayLike]
"""Features and true labels of test instances."""


@dataclass(frozen=True, eq=False)
class Round:
    """One round of a run. Outputs and targets are computed when they are asked for, not kept.

    Attributes
    ----------
    t : int
        1 is the teacher, t >= 2 the (t - 1)-th student.
    solution : Solution
        The trained model.
    accuracy : Accuracy or None
        None where true labels were not given.
    taught : array, GivenLabels or Solution
        Targets, the given labels that make them, or the solution whose outputs they are.
    test : array of shape (M, d) or None
        Features of the test instances.
    """

    t: int
    solution: Solution = field(repr=False)
    accuracy: Accuracy | None
    taught: Any = field(repr=False)
    test: Any = field(repr=False)

    @property
    def targets(self) -> Array:
        """What this round was trained on, of shape (N, K)."""
        return _targets(self.taught)

    @property
    def test_outputs(self) -> Array | None:
        """Outputs on the test instances, of shape (M, K), or None."""
        return None if self.test is None else self.predict(self.test)

    @property
    def outputs(self) -> Array:
        """Outputs on the training instances, of shape (N, K)."""
        return self.solution.outputs

    @property
    def coef(self) -> Array:
        """Parameters, of shape (d, K)."""
        return self.solution.coef

    @property
    def certificate(self) -> Certificate | None:
        """How exact the softmax optimum is; None for the linearised model, a closed form."""
        return self.solution.certificate

    def predict(self, features: Array) -> Array:
        """Return the outputs on new instances, of shape (M, K); see `Solution.predict`."""
        return self.solution.predict(features)


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

    def predict(self, features: Array) -> Array:
        """Return the outputs of the last round on new instances.

        Parameters
        ----------
        features : array of shape (M, d)
            The same kind of array as the training features.

        Returns
        -------
        array of shape (M, K)
            Rows sum to one.

        Raises
        ------
        TypeError, ValueError
            If `features` is not as described.
        """
        return self.last.predict(features)

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
            raise ValueError(f"kind must be 'test', 'all', 'clean' or 'corrupted', got {kind!r}.")
        shares = [getattr(step.accuracy, kind, None) for step in self.rounds]
        if None in shares:
            raise ValueError(
                f"kind must be one that was measured, got {kind!r}. Pass true_labels (and test) to "
                "distill; without wrong labels there is no corrupted instance."
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
    test: Test | None = None,
    tolerance: float | None = None,
    gap: float | None = None,
    float32_first: bool = True,
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
        Number of classes K. By default that of the columns of soft labels, or the largest given
        label plus one; then each class must occur among the given labels.
    rounds, refinement, loss, model
        What is done: as in `sdbook.Method`. A refinement gets a copy of the outputs, which it may
        change.
    sample_weight : array of shape (N,), optional
        Instance weights >= 0 of all rounds; equal by default. Softmax model only.
    true_labels : array_like of int, shape (N,), optional
        To measure accuracy with; never used for training.
    test : tuple of (features, labels), optional
        Test instances with their true labels; needs `true_labels`.
    tolerance, gap, float32_first
        How exact the softmax model is: as in `sdbook.solvers.solve`.
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
    MemoryError
        If the matrix to factorise, or what is solved at a time, does not fit into free memory.

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
    >>> run.predict(data.features[:2]).argmax(axis=1).tolist()
    [0, 0]
    """
    fact = factorise(features)
    (run,) = train_runs(
        fact,
        [GivenLabels.of(given_labels, fact, n_classes)],
        [_validate.regularisation(lam)],
        [Method(rounds, refinement, loss, model)],
        sample_weight,
        true_labels,
        test,
        (tolerance, gap, float32_first),
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
    test: Test | None = None,
    tolerance: float | None = None,
    gap: float | None = None,
    float32_first: bool = True,
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
    n_classes, rounds, refinement, loss, model, sample_weight, true_labels, test
        As in `distill`, the same for all runs.
    tolerance, gap, float32_first, warn
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

    Warns
    -----
    sdbook.solvers.NotConverged
        As in `distill`.

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
    # Runs that are given the same array share its targets.
    checked = {id(each): GivenLabels.of(each, fact, n_classes) for each in given}
    labels = [checked[id(each)] for each in given]
    if len({each.n_classes for each in labels}) != 1:
        raise ValueError(
            "given_labels must be one or more runs with the same number of classes, got "
            f"{sorted({each.n_classes for each in labels})}. Pass n_classes if classes may be "
            "absent."
        )
    return train_runs(
        fact,
        labels,
        _validate.one_lam_each(lam, len(labels), "run").tolist(),
        [Method(rounds, refinement, loss, model)] * len(labels),
        sample_weight,
        true_labels,
        test,
        (tolerance, gap, float32_first),
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
    n_classes: int | None = None,
    model: str = "softmax",
    sample_weight: Array | None = None,
    true_labels: ArrayLike | None = None,
    test: Test | None = None,
    tolerance: float | None = None,
    gap: float | None = None,
    float32_first: bool = True,
    warn: bool = True,
    warm_start: Run | None = None,
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
    n_classes, model, sample_weight, true_labels, test
        As in `distill`.
    tolerance, gap, float32_first, warn, warm_start
        As in `distill`.

    Returns
    -------
    Run
        Of two rounds.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Warns
    -----
    sdbook.solvers.NotConverged
        As in `distill`.

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
    return distill(
        features,
        given_labels,
        lam,
        n_classes=n_classes,
        rounds=2,
        refinement=top_k(k),
        loss=None if loss is None else (CrossEntropy(), loss),
        model=model,
        sample_weight=sample_weight,
        true_labels=true_labels,
        test=test,
        tolerance=tolerance,
        gap=gap,
        float32_first=float32_first,
        warn=warn,
        warm_start=warm_start,
    )


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """Given labels, checked, which make the targets of the teacher."""

    labels: NDArray[np.int64]
    n_classes: int
    soft: Array | None
    like: Array  # of what kind the targets are

    @classmethod
    def of(cls, given_labels: Any, fact: Factorisation, n_classes: int | None) -> GivenLabels:
        if getattr(given_labels, "ndim", 1) == 2:
            soft = _validate.targets("given_labels", given_labels, fact.features, n_classes)
            xp = _validate.namespace("given_labels", soft)
            soft = xp.asarray(soft, copy=True)  # a run keeps them, whatever becomes of these
            largest = np.asarray(to_device(xp.argmax(soft, axis=1), "cpu"))
            return cls(largest.astype(np.int64), int(soft.shape[1]), soft, fact.features)
        labels, K = _validate.given_labels(given_labels, fact.n_samples, n_classes)
        return cls(labels, K, None, fact.features)

    def __getitem__(self, rows: slice) -> Array:
        """Return targets of some of the instances."""
        if self.soft is not None:
            return self.soft[rows, ...]
        xp = _validate.namespace("features", self.like)
        targets = one_hot(self.labels[rows], self.n_classes)
        return xp.asarray(targets, dtype=self.like.dtype, device=self.like.device)


def train_runs(
    fact: Factorisation,
    given: Sequence[GivenLabels],
    lams: Sequence[float],
    methods: Sequence[Method],
    sample_weight: Array | None = None,
    true_labels: ArrayLike | None = None,
    test: Test | None = None,
    effort: tuple[float | None, float | None, bool] = (None, None, True),
    warn: bool = True,
    warm_start: Sequence[Run] | None = None,
) -> list[Run]:
    """Train runs side by side, round by round: as `distill_all`, each by a method of its own.

    The methods have the same number of rounds and the same model. What is exact is said by
    (tolerance, gap, float32_first).
    """
    rounds, model, K = methods[0].rounds, methods[0].model, given[0].n_classes
    if model == "linearised" and sample_weight is not None:
        raise ValueError(
            "sample_weight must be None for the linearised model, which has a closed form, got "
            f"a {type(sample_weight).__name__}."
        )
    evaluators = _evaluators(fact, given, true_labels, test)
    runs = [Run((), lam, model, each.labels) for each, lam in zip(given, lams, strict=True)]
    if warm_start is not None:
        _check_warm_start(warm_start, runs, rounds)
        runs = list(warm_start)
    begun, B = len(runs[0].rounds), len(runs)
    refinements = [each for method in methods for each in method.refinements]
    asked = evaluators[0] is not None or any(each is not as_is for each in refinements)
    stack = None
    if model == "softmax":
        stack = Stack(fact, lams, K, sample_weight, *effort, keep_outputs=asked)
    start = [run.last.solution for run in runs] if begun else None
    outputs = [run.last.outputs for run in runs] if begun and asked else [None] * B
    for t in range(begun + 1, rounds + 1):
        taught = list(given)
        if t > 1:
            taught = [_taught(runs[b], t, methods[b], fact, outputs[b]) for b in range(B)]
        if stack is None:
            solutions = [
                LabelAveraging(fact, lam, K).solution(_targets(each))
                for lam, each in zip(lams, taught, strict=True)
            ]
        else:
            losses = [method.losses[t - 1] for method in methods]
            solutions = stack.train(taught, losses, start, warn=warn)
            start = None
        for b in range(B):
            if asked:
                outputs[b] = solutions[b].outputs if stack is None else stack.outputs(b)
            step = _round(t, taught[b], solutions[b], outputs[b], evaluators[b], test)
            runs[b] = replace(runs[b], rounds=(*runs[b].rounds, step))
    return runs


def _taught(run: Run, t: int, method: Method, fact: Factorisation, outputs: Any) -> Any:
    """Return what round t >= 2 is taught: targets, or the solution whose outputs they are."""
    refinement = method.refinements[t - 2]
    if refinement is as_is:
        return run.last.solution
    return _validate.targets(
        f"what the refinement returned for round {t}",
        refined(refinement, outputs),
        fact.features,
        int(outputs.shape[1]),
        signed=method.model == "linearised",
    )


def _targets(taught: Any) -> Array:
    """Return the targets (N, K) that targets, labels or the solution that is taught make."""
    return taught.outputs if isinstance(taught, Solution) else taught[:]


def _round(
    t: int,
    taught: Any,
    solution: Solution,
    outputs: Any,
    evaluator: Evaluator | None,
    test: Test | None,
) -> Round:
    features, accuracy = None if test is None else test[0], None
    if evaluator is not None:
        on_test = None if features is None else solution.predict(features)
        accuracy = evaluator.accuracy(outputs, on_test)
    return Round(t, solution, accuracy, taught, features)


def _evaluators(
    fact: Factorisation,
    given: Sequence[GivenLabels],
    true_labels: ArrayLike | None,
    test: Test | None,
) -> list[Evaluator | None]:
    if true_labels is None:
        if test is not None:
            raise ValueError("true_labels must be given with test, got None.")
        return [None] * len(given)
    test_labels, n_test = None, 0
    if test is not None:
        if not isinstance(test, tuple) or len(test) != 2:
            raise TypeError(f"test must be (features, labels), got a {type(test).__name__}.")
        features, test_labels = test
        width = fact.features.shape[1]
        _validate.new_instances("test features", features, width, fact.features)
        n_test = features.shape[0]
    return [
        Evaluator.of(each.labels, each.n_classes, true_labels, test_labels, n_test)
        for each in given
    ]


def _check_warm_start(warm_start: Sequence[Run], runs: list[Run], rounds: int) -> None:
    """Check that earlier rounds can stand at the beginning of these runs."""
    if len(warm_start) != len(runs):
        raise ValueError(
            f"warm_start must have one run for each, {len(runs)}, got {len(warm_start)}."
        )
    for earlier, run in zip(warm_start, runs, strict=True):
        if not isinstance(earlier, Run):
            raise TypeError(f"warm_start must be a Run, got a {type(earlier).__name__}.")
        if (earlier.model, earlier.lam) != (run.model, run.lam):
            raise ValueError(
                f"warm_start must be a run of the {run.model} model with lam {run.lam:g}, got one "
                f"of the {earlier.model} model with lam {earlier.lam:g}."
            )
        if not np.array_equal(earlier.given_labels, run.given_labels):
            raise ValueError("warm_start must be a run on the same given_labels, got others.")
        if len(earlier.rounds) != len(warm_start[0].rounds) or len(earlier.rounds) >= rounds:
            raise ValueError(
                f"warm_start must have fewer rounds than {rounds}, the same number in all "
                f"runs, got {len(earlier.rounds)}."
            )
