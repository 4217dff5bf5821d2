"""The one loop: train a teacher on given labels, then students on refined outputs.

Round 1 is the teacher. Round t >= 2 is the (t - 1)-th student, trained on what a refinement makes
of the outputs of round t - 1. Self-distillation leaves them as they are; a partial-label student
is taught the teacher's two best guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from array_api_compat import to_device
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook._validate import Array
from sdbook.datasets import one_hot
from sdbook.refine import Refinement, as_is, top_k
from sdbook.solvers import (
    Certificate,
    CrossEntropy,
    Factorisation,
    LabelAveraging,
    Loss,
    Solution,
    factorise,
    solve,
)

__all__ = ["Accuracy", "Round", "Run", "distill", "partial_label"]


@dataclass(frozen=True)
class Accuracy:
    """Share of instances whose *true* label has the largest output.

    Where several classes share the largest output (to 1e-6 of the outputs' range in float64), a
    fair coin would decide: the instance counts as 1/m of a right one if its true label is among
    the m.

    Attributes
    ----------
    clean : float or None
        Among training instances whose given label is true. None where there are none.
    corrupted : float or None
        Among training instances whose given label is wrong. None where there are none.
    all : float
        Among all training instances.
    test : float or None
        Among test instances. None without a test set.
    """

    clean: float | None
    corrupted: float | None
    all: float
    test: float | None

    def __str__(self) -> str:
        shares = {
            "clean": self.clean,
            "corrupted": self.corrupted,
            "all": self.all,
            "test": self.test,
        }
        return ", ".join(
            f"{name} {share:.1%}" for name, share in shares.items() if share is not None
        )


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
    """

    t: int
    targets: Array = field(repr=False)
    outputs: Array = field(repr=False)
    weights: Array = field(repr=False)
    test_outputs: Array | None = field(repr=False)
    accuracy: Accuracy | None
    certificate: Certificate | None = field(repr=False)


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
        "softmax" or "linear".
    given_labels : ndarray of int, shape (N,)
        What the teacher was told.
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
    classes: int | None = None,
    rounds: int = 5,
    refinement: Refinement | Sequence[Refinement] = as_is,
    loss: Loss | Sequence[Loss] | None = None,
    model: str = "softmax",
    true_labels: ArrayLike | None = None,
    test: tuple[Array, ArrayLike] | None = None,
    tolerance: float | None = None,
) -> Run:
    """Train a teacher on given labels and students on each other's outputs.

    Parameters
    ----------
    features : array of shape (N, d) or Factorisation
        Unit-norm features of the training instances; several runs can share a factorisation.
    given_labels : array_like of int, shape (N,)
        Labels as they are in the data set, right or wrong, 0 to K - 1.
    lam : float
        L2 strength lambda of the mean loss, > 0, the same in each round.
    classes : int, optional
        Number of classes K; by default the largest given label plus one, and then each class must
        occur among the given labels.
    rounds : int
        Rounds in all, >= 1, the teacher among them.
    refinement : callable or sequence of callables
        What the next round is taught (see `sdbook.refine`): one for all students, or one for each
        of the ``rounds - 1`` students.
    loss : Loss or sequence of Loss, optional
        One for all rounds, or one for each; cross-entropy by default. Softmax model only.
    model : {"softmax", "linear"}
        The exact optimum, or the linearised model (label averaging).
    true_labels : array_like of int, shape (N,), optional
        To measure accuracy with; never used for training.
    test : tuple of (features, labels), optional
        Test instances with their true labels; needs `true_labels`.
    tolerance : float, optional
        Passed to the softmax solver.

    Returns
    -------
    Run

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

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
    rounds = _validate.count("rounds", rounds)
    lam = _validate.regularisation(lam)
    if model not in ("softmax", "linear"):
        raise ValueError(f"model is {model!r}; accepted are 'softmax' and 'linear'")
    if model == "linear" and loss is not None:
        raise ValueError(
            "loss is given; accepted with model='linear' is none: it has a closed form"
        )
    fact = factorise(features)
    given, K = _given_labels(given_labels, fact.instances, classes)
    judge = _Judge.of(given, true_labels, test, K, fact)
    refinements = _one_each("refinement", refinement, rounds - 1, "student")
    losses = _one_each("loss", loss if loss is not None else CrossEntropy(), rounds, "round")

    xp = _validate.namespace("features", fact.features)
    like = {"dtype": fact.features.dtype, "device": fact.features.device}
    targets = xp.asarray(one_hot(given, K), **like)
    averaging = LabelAveraging(fact, lam, K) if model == "linear" else None
    solution: Solution | None = None
    steps: list[Round] = []
    for t in range(1, rounds + 1):
        if t > 1:
            targets = refinements[t - 2](steps[-1].outputs)
        trained: _Trained
        if averaging is not None:
            trained = _Line(averaging, targets)
        else:
            trained = solution = solve(
                fact, targets, lam, loss=losses[t - 1], start=solution, tolerance=tolerance
            )
        test_outputs = None if test is None else trained.predict(test[0])
        steps.append(
            Round(
                t=t,
                targets=targets,
                outputs=trained.outputs,
                weights=trained.weights,
                test_outputs=test_outputs,
                accuracy=None if judge is None else judge.accuracy(trained.outputs, test_outputs),
                certificate=trained.certificate,
            )
        )
    return Run(tuple(steps), lam, model, given)


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
        ``classes``, ``model``, ``true_labels``, ``test`` and ``tolerance``, as in `distill`.

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


class _Trained(Protocol):
    """What the loop needs of a trained model of either kind."""

    @property
    def outputs(self) -> Array: ...
    @property
    def weights(self) -> Array: ...
    @property
    def certificate(self) -> Certificate | None: ...
    def predict(self, features: Array) -> Array: ...


class _Line:
    """One round of the linearised model, in the shape of a softmax solution."""

    certificate = None

    def __init__(self, averaging: LabelAveraging, targets: Array) -> None:
        self.outputs = averaging.outputs(targets)
        self.weights = averaging.weights(targets)
        self._classes = averaging.classes

    def predict(self, features: Array) -> Array:
        return 1 / self._classes + features @ self.weights


@dataclass(frozen=True, eq=False)
class _Judge:
    """The labels that only the reader sees."""

    true: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    test: NDArray[np.int64] | None

    @classmethod
    def of(
        cls,
        given: NDArray[np.int64],
        true_labels: ArrayLike | None,
        test: tuple[Array, ArrayLike] | None,
        classes: int,
        fact: Factorisation,
    ) -> _Judge | None:
        if true_labels is None:
            if test is not None:
                raise ValueError("test is given without true_labels; accepted are both or neither")
            return None
        true = _validate.labels("true_labels", true_labels, classes, len(given))
        test_labels = None
        if test is not None:
            width = fact.features.shape[1]
            _validate.new_instances("test features", test[0], width, fact.features)
            test_labels = _validate.labels("test labels", test[1], classes, test[0].shape[0])
        return cls(true, true != given, test_labels)

    def accuracy(self, outputs: Array, test_outputs: Array | None) -> Accuracy:
        right = _credit(outputs, self.true)
        test = None
        if test_outputs is not None and self.test is not None:
            test = _mean(_credit(test_outputs, self.test))
        return Accuracy(
            clean=_mean(right[~self.wrong]),
            corrupted=_mean(right[self.wrong]),
            all=float(right.mean()),
            test=test,
        )


def _credit(outputs: Array, true: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 where the true label has the largest output, 1/m where m share it, else 0."""
    values = np.asarray(to_device(outputs, "cpu"))
    top = values.max(axis=1, keepdims=True) - _validate.tie_width(values)
    best = values >= top
    return best[np.arange(len(true)), true] / best.sum(axis=1)


def _mean(credit: NDArray[np.float64]) -> float | None:
    return float(credit.mean()) if credit.size else None


def _given_labels(
    given_labels: ArrayLike, instances: int, classes: int | None
) -> tuple[NDArray[np.int64], int]:
    if classes is None:
        raw = np.asarray(given_labels)
        largest = int(raw.max()) if raw.size and raw.dtype.kind in "iu" else 1
        K = max(largest + 1, 2)
        given = _validate.labels("given_labels", given_labels, K, instances)
        absent = np.setdiff1d(np.arange(K), given)
        if absent.size:
            raise ValueError(
                f"given_labels has no instance of class {absent[0]}; accepted are labels in which "
                "each class occurs, or pass classes= to allow classes without an instance"
            )
        return given, K
    K = _validate.count("classes", classes, 2)
    return _validate.labels("given_labels", given_labels, K, instances), K


def _one_each(name: str, value: Any, number: int, what: str) -> list[Any]:
    if not isinstance(value, Sequence):
        return [value] * number
    if len(value) != number:
        raise ValueError(
            f"{name} has {len(value)} entries; "
            f"accepted is one for all, or one for each {what}, {number}"
        )
    return list(value)
