"""Methods against wrong labels, all on the same linear probe and solver.

A method gets a `Task`, which has a grid of penalties. It yields one solution per penalty, for each
value of its own knob. None of the methods sees a true label. Those that need a corruption matrix
estimate it from the given labels. `forward_true` alone is told the matrix, to show what that is
worth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from sdbook import datasets, refine
from sdbook.refine import Refinement
from sdbook.solvers import (
    Factorisation,
    GeneralisedCrossEntropy,
    Loss,
    Solution,
    factorise,
    solve,
)

try:
    from cleanlab.count import compute_confident_joint, estimate_latent
    from cleanlab.filter import find_label_issues
except ImportError as error:
    raise ImportError(
        "sdbook.experiments.methods needs cleanlab, which is not installed: "
        "pip install 'sdbook[book]'"
    ) from error

Floats = NDArray[np.floating]
Rows = Iterator[tuple[str, list[Solution]]]

KNOBS: dict[str, tuple[Any, ...]] = {
    "amount": (0.1, 0.2, 0.4, 0.8),
    "q": (0.3, 0.5, 0.7, 0.9),
    "share kept": (0.3, 0.5, 0.7, 0.85),
    "share of one": (0.25, 0.5, 0.75, 0.9),
    "filter": ("prune_by_class", "prune_by_noise_rate", "both", "confident_learning"),
    "anchor": (1.0, 0.97, 0.9),
    "rounds": (2, 3, 4, 5),
    "k": (2, 3, 4, 5),
}


@dataclass(frozen=True, eq=False)
class Forward:
    """Forward correction: cross-entropy after the outputs went through a corruption matrix.

    ``-log(sum_k y_k C[k, given])`` (Patrini et al., 2017). Its gradient in the logits is ``y -
    posterior``, where the posterior is y after Bayes' rule for the given label. Not convex.
    """

    C: Floats

    convex = False

    def value(self, log_outputs: Floats, targets: Floats) -> Floats:
        """Return the loss of each instance."""
        return -np.log(self._joint(log_outputs, targets).sum(axis=1))

    def weights(self, log_outputs: Floats, targets: Floats) -> Floats:
        """Return the posterior."""
        joint = self._joint(log_outputs, targets)
        return joint / joint.sum(axis=1, keepdims=True)

    def _joint(self, log_outputs: Floats, targets: Floats) -> Floats:
        """Probability of each class and of the targets, (N, K)."""
        return np.maximum(np.exp(log_outputs) * (targets @ self.C.T), 1e-300)


@dataclass(frozen=True, eq=False)
class Task:
    """Training instances with given labels, and a part held out.

    Attributes
    ----------
    fact : Factorisation
        Features to train on.
    given : ndarray of int, shape (N,)
    held_out : tuple of (features, given labels)
        For choosing; wrong labels like the others.
    n_classes : int
    lams : sequence of float
        Penalties, ascending: the grid of every method.
    finer : sequence of float
        Penalties for the methods without a knob: as many as others have penalties times values.
    C : ndarray of shape (K, K)
        The true corruption matrix, for `forward_true` alone.
    """

    fact: Factorisation
    given: NDArray[np.int64]
    held_out: tuple[Floats, NDArray[np.int64]]
    n_classes: int
    lams: Sequence[float]
    finer: Sequence[float]
    C: Floats

    @cached_property
    def labels(self) -> Floats:
        """Given labels, one-hot."""
        return datasets.one_hot(self.given, self.n_classes).astype(self.fact.features.dtype)

    @cached_property
    def teachers(self) -> list[Solution]:
        """The plain probe for each penalty of the grid."""
        return self.path([self.labels] * len(self.lams))

    @cached_property
    def likely(self) -> float:
        """The penalty with the best held-out log-likelihood: for methods that need probabilities.

        Accuracy does not see whether probabilities are too sharp or too flat.
        """
        features, given = self.held_out
        rows = np.arange(len(given))
        fits = [
            np.log(np.maximum(teacher.predict(features)[rows, given], 1e-30)).mean()
            for teacher in self.teachers
        ]
        return self.lams[int(np.argmax(fits))]

    @cached_property
    def out_of_sample(self) -> Floats:
        """The plain probe's outputs on each training instance, from a fit without it."""
        outputs = np.zeros((len(self.given), self.n_classes))
        for rest, part in StratifiedKFold(5, shuffle=True, random_state=0).split(
            outputs, self.given
        ):
            fit = solve(factorise(self.fact.features[rest]), self.labels[rest], self.likely)
            outputs[part] = fit.predict(self.fact.features[part])
        return outputs / outputs.sum(axis=1, keepdims=True)

    def path(
        self,
        targets: Sequence[Floats],
        *,
        loss: Loss | None = None,
        weights: Sequence[Floats] | None = None,
        starts: Sequence[Solution] | None = None,
    ) -> list[Solution]:
        """Solve for each penalty of the grid, from the strongest down.

        Each starts at `starts` of its penalty, or else at the solution before.
        """
        found: list[Solution] = []
        for i in reversed(range(len(self.lams))):
            start = starts[i] if starts is not None else (found[-1] if found else None)
            weight = None if weights is None else weights[i]
            found.append(
                solve(
                    self.fact,
                    targets[i],
                    self.lams[i],
                    loss=loss,
                    sample_weight=weight,
                    warm_start=start,
                )
            )
        return found[::-1]

    def same(self, targets: Floats) -> list[Floats]:
        """Return the same targets for all penalties."""
        return [targets] * len(self.lams)


def plain(task: Task) -> Rows:
    """Logistic regression; its only knob is the penalty, on a grid that is four times as fine."""
    fine = Task(
        task.fact, task.given, task.held_out, task.n_classes, task.finer, task.finer, task.C
    )
    yield "", fine.teachers


def label_smoothing(task: Task) -> Rows:
    """Move part of each target to the other classes."""
    for amount in KNOBS["amount"]:
        targets = (1 - amount) * task.labels + amount / task.n_classes
        yield f"{amount:g}", task.path(task.same(targets.astype(task.labels.dtype)))


def generalised(task: Task) -> Rows:
    """Generalised cross-entropy on the given labels, started at the plain probe."""
    for q in KNOBS["q"]:
        loss = GeneralisedCrossEntropy(q)
        yield f"{q:g}", task.path(task.same(task.labels), loss=loss, starts=task.teachers)


def confident_learning(task: Task) -> Rows:
    """Drop what cleanlab finds to be an issue (Northcutt et al., 2021), train on the rest."""
    for rule in KNOBS["filter"]:
        issues = find_label_issues(
            task.given, task.out_of_sample, filter_by=rule, n_jobs=1, min_examples_per_class=1
        )
        kept = (~issues).astype(task.labels.dtype)
        yield rule, task.path(task.same(task.labels), weights=task.same(kept))


def forward_estimated(task: Task) -> Rows:
    """Forward correction, the matrix from anchors (three quantiles) or from cleanlab."""
    for name, C in estimated_matrices(task).items():
        yield name, forward(task, C)


def forward_true(task: Task) -> Rows:
    """Forward correction by somebody who was told the corruption matrix."""
    yield "", forward(task, task.C)


def small_loss(task: Task) -> Rows:
    """Keep the share of instances on which the plain probe has the smallest loss; train again."""
    rows = np.arange(len(task.given))
    for share in KNOBS["share kept"]:
        kept = []
        for teacher in task.teachers:
            belief = teacher.outputs[rows, task.given]
            kept.append((belief >= np.quantile(belief, 1 - share)).astype(task.labels.dtype))
        yield f"{share:g}", task.path(task.same(task.labels), weights=kept, starts=task.teachers)


def self_distillation(task: Task) -> Rows:
    """Students on the outputs of the round before."""
    yield from _rounds(task, refine.as_is)


def hard_students(task: Task) -> Rows:
    """Students on the decisions of the round before."""
    yield from _rounds(task, refine.hard)


def candidates_cross_entropy(task: Task) -> Rows:
    """One student on the teacher's k best guesses."""
    for k in KNOBS["k"]:
        yield f"{k}", _student(task, refine.top_k(k))


def candidates_generalised(task: Task) -> Rows:
    """The same with the generalised loss, started at the teacher."""
    for k in KNOBS["k"]:
        yield f"{k}", _student(task, refine.top_k(k), GeneralisedCrossEntropy(0.7))


def one_or_two(task: Task) -> Rows:
    """One student on one candidate where the teacher is sure, on two elsewhere."""
    for share in KNOBS["share of one"]:
        yield f"{share:g}", _student(task, surest(share))


METHODS: dict[str, Callable[[Task], Rows]] = {
    "plain": plain,
    "label smoothing": label_smoothing,
    "generalised loss": generalised,
    "confident learning": confident_learning,
    "forward, estimated": forward_estimated,
    "small loss": small_loss,
    "self-distillation": self_distillation,
    "hard students": hard_students,
    "candidates": candidates_cross_entropy,
    "candidates, generalised": candidates_generalised,
    "one or two": one_or_two,
    "forward, told": forward_true,
}


def surest(share: float) -> Refinement:
    """Let this share of the instances, those with the largest margin, keep one candidate."""

    def refinement(outputs: Floats) -> Floats:
        top = np.partition(outputs, -2, axis=1)
        margin = float(np.quantile(top[:, -1] - top[:, -2], 1 - share))
        return refine.one_or_two(max(margin, 0.0))(outputs)

    return refinement


def estimated_matrices(task: Task) -> dict[str, Floats]:
    """Estimate the corruption matrix from the plain probe's outputs and the given labels.

    An *anchor* of a class is an instance on which the probe is very sure of it; what it says there
    about the other classes is taken for the row of the matrix (Patrini et al., 2017), at the top
    or at a quantile below it. cleanlab counts confident disagreements instead.
    """
    outputs = task.out_of_sample
    found: dict[str, Floats] = {}
    for quantile in KNOBS["anchor"]:
        order = np.argsort(outputs, axis=0)
        anchors = order[round(quantile * (len(outputs) - 1))]
        found[f"{quantile:g}"] = outputs[anchors]
    _, by_cleanlab, _ = estimate_latent(compute_confident_joint(task.given, outputs), task.given)
    found["joint"] = by_cleanlab.T  # cleanlab's has one column per true class; ours has one row
    return found


def forward(task: Task, C: Floats) -> list[Solution]:
    """Forward correction with this matrix, started at the plain probe.

    Its loss is not convex, and where it starts matters: followed from the strongest penalty down,
    it can stay near a poor minimum. All methods whose loss is not convex start at the plain probe.
    """
    C = np.maximum(C, 1e-6)
    C = (C / C.sum(axis=1, keepdims=True)).astype(task.labels.dtype)
    return task.path(task.same(task.labels), loss=Forward(C), starts=task.teachers)


def _rounds(task: Task, refinement: Refinement) -> Rows:
    solutions = task.teachers
    for rounds in KNOBS["rounds"]:
        targets = [refinement(solution.outputs) for solution in solutions]
        solutions = task.path(targets, starts=solutions)
        yield f"{rounds}", solutions


def _student(task: Task, refinement: Refinement, loss: Loss | None = None) -> list[Solution]:
    targets = [refinement(teacher.outputs) for teacher in task.teachers]
    return task.path(targets, loss=loss, starts=task.teachers)
