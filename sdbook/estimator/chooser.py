"""Choosing rounds, lambda and method by held-out accuracy on given labels, right or wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import ParameterGrid
from tqdm.auto import tqdm

from sdbook import _validate
from sdbook.distillation import GivenLabels, Run, train_runs
from sdbook.estimator.classifier import SelfDistilled, SelfDistilledClassifier, switch
from sdbook.estimator.folds import Fold, folds_of
from sdbook.estimator.given import Given
from sdbook.estimator.selection import ROUNDING, select_best
from sdbook.method import Method
from sdbook.solvers import factorise

__all__ = ["METHODS", "NoBetterThanConstant", "SelfDistilledClassifierCV"]

METHODS: tuple[dict[str, Any], ...] = (
    {"refinement": "as_is"},
    {"refinement": "hard"},
    {"refinement": "top_k", "k": 2, "student_loss": "generalised_cross_entropy"},
    {"refinement": "hard", "loss": "generalised_cross_entropy"},
)

PARAMETERS = ("refinement", "k", "margin", "loss", "student_loss")
"""What a method may set."""

GAP = 3e-8
"""What a model in a fold may leave to gain, as a share of its objective."""

Scores = NDArray[np.float64]


class NoBetterThanConstant(UserWarning):
    """No setting agrees with held-out given labels more often than the most frequent label does.

    Examples
    --------
    >>> import warnings
    >>> from sdbook.estimator import NoBetterThanConstant
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", NoBetterThanConstant)  # for those who prefer to stop
    """


class SelfDistilledClassifierCV(SelfDistilled):
    """A `SelfDistilledClassifier` that chooses its settings without clean labels.

    Cross-validation on the given labels: each combination of method, lambda and rounds is trained
    on all folds but one and scored by how often its answers on the last agree with the *given*
    labels, wrong ones included. The best (`select_best`) is trained again on everything, so that
    all attributes of `SelfDistilledClassifier` are there as well.

    Parameters
    ----------
    rounds : int
        The most rounds to consider, >= 1; all numbers up to it are tried.
    lams : array_like of shape (L,)
        L2 strengths to try, > 0.
    methods : mapping, or sequence of mappings, optional
        Parameters of `SelfDistilledClassifier` to try: any of ``refinement``, ``k``, ``margin``,
        ``loss`` and ``student_loss``, each with one value, or as in
        ``sklearn.model_selection.ParameterGrid`` with a list of values. By default
        ``sdbook.estimator.chooser.METHODS``: outputs as they are, decisions, two candidates with
        generalised cross-entropy, and decisions with generalised cross-entropy in all rounds
        (whose first round is that loss on the given labels alone).
    centre, normalise : bool
        As in `SelfDistilledClassifier`; the mean is taken from the training folds alone.
    fit_intercept : {"auto", True, False}
        Whether to append a constant feature. With "auto", only if it raises the score of a teacher
        (one round of cross-entropy) by more than one standard error over the folds.
    cv : int, splitter or iterable of (train, test)
        As in scikit-learn: a number is that of stratified folds. With a number, copies (rows of
        `X` that are equal, all digits alike, with one label) stay together in one fold, and so do
        the `groups` of `fit`. A splitter or a list of folds is taken as it is.
    n_jobs : int, optional
        Folds to work on at once, as in joblib, which can also hand them to a cluster.
    progress : bool
        Show a progress bar of the folds.
    tolerance : float, optional
        Relative gradient norm at which the solver stops. By default, in the folds, as soon as what
        is left to gain is 3e-8 of the objective, enough to see who answers what; and at the end as
        in `SelfDistilledClassifier`.

    Attributes
    ----------
    best_params_ : dict
        Parameters of the `SelfDistilledClassifier` that was chosen.
    best_score_ : float
        Its held-out accuracy on the given labels.
    baseline_score_ : float
        That of always answering the most frequent given label of the training folds.
    lam_, n_rounds_, method_ : float, int, dict
        L2 strength, number of rounds and method that were chosen.
    lams_ : ndarray of shape (L,)
        L2 strengths tried.
    methods_ : list of dict, of length M
        Methods tried.
    scores_ : ndarray of shape (M, L, rounds)
        Held-out accuracy on the given labels, mean over the folds. With soft targets, the mean
        share of the answered class.
    fold_scores_ : ndarray of shape (folds, M, L, rounds)
        The same for each fold.
    changes_ : ndarray of shape (M, L, rounds - 1)
        Stability: share of held-out instances whose answer changes from one round to the next,
        mean over the folds.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter or an argument is not as described.

    Warns
    -----
    NoBetterThanConstant
        By `fit`, if ``best_score_`` is not above ``baseline_score_``: the features do not tell the
        given labels apart, and ``corrected_labels_`` are of no use.

    See Also
    --------
    SelfDistilledClassifier : One setting.

    Notes
    -----
    *Why wrong labels can judge.* Let C[k, j] be the chance that true class k is given label j, and
    J[k, j] the share of held-out instances of true class k that are answered with j. If given
    labels are drawn independently of the features, given the true class, the expected accuracy on
    them is ``sum_kj J[k, j] C[k, j]``. With symmetric noise at rate eta and clean accuracy a, it is
    ``eta / (K - 1) + (1 - eta K / (K - 1)) a``, which rises with a as long as eta < (K - 1) / K:
    whatever errors classifiers make, their order is the same on noisy labels as on clean ones. The
    standard error of a score, ``sqrt(b (1 - b) / N)`` for N instances and noisy accuracy b, is 1 /
    (1 - eta K / (K - 1)) times as large on the scale of clean accuracy: with ten classes and 70 %
    wrong labels, 4.5 times.

    *When they mislead.* With other noise, answering j for true class k loses C[k, k] - C[k, j]. If
    every row of C is largest on its diagonal, nothing beats being always right, and the clean error
    is between the noisy regret (accuracy lost against being always right) divided by the largest
    of these differences and by the smallest. In between the order can be wrong: superclass noise
    forgives confusion inside a superclass. Where a wrong label is the most frequent one of a class
    (pair flip at rates above 1/2), it is preferred to the true one.

    *Copies.* If a copy of a held-out row was trained on, copying wrong labels pays, and the choice
    is for settings that do. Rows are copies that are equal in all digits and have one label. Equal
    rows with several labels were labelled each by itself, and may part. Where rows are there more
    than ten times on average, or fewer than twice as many different ones as folds, they are
    categories and no copies. Near-copies (a resized picture, several rows of one person) are for
    you to name: pass `groups` to `fit`.

    *Unequal classes.* Without an intercept, answers are spread evenly over the classes. With equal
    classes and most labels wrong, an intercept learns differences by chance. Hence "auto", which
    takes about a tenth more time. Right corrected labels of digits without, with and with "auto",
    mean of five draws: one digit against the rest (500 instances), 25 % wrong labels, 71, 97 and
    97 %; all ten (600 instances), 50 % wrong, 91, 90 and 91 %; 70 % wrong, 81, 77 and 81 %.

    *What stability says.* Where answers no longer change, further rounds bring nothing, right or
    wrong. It does not choose by itself: with a small lambda little changes because little is
    averaged, and with a large one answers can go on changing for the worse.

    *What it costs.* Each fold factorises its features once. All methods and lambdas are trained
    side by side, all numbers of rounds come from one run, and methods with the same loss share
    their teachers. Folds are not side by side: each is centred by itself.

    Examples
    --------
    >>> from sdbook import datasets, noise
    >>> from sdbook.estimator import SelfDistilledClassifierCV
    >>> train, test = datasets.digits().split(rng=0)
    >>> given = noise.corrupt(train.labels, noise.symmetric(10, 0.5), rng=0)
    >>> model = SelfDistilledClassifierCV(
    ...     rounds=3, lams=[1e-4, 1e-3, 1e-2], methods={"refinement": ["as_is", "hard"]}, cv=3
    ... ).fit(train.features, given)
    >>> model.scores_.shape
    (2, 3, 3)
    >>> model.score(test.features, test.labels) > 0.85
    True
    """

    def __init__(
        self,
        *,
        rounds: int = 5,
        lams: ArrayLike = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
        methods: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        centre: bool = True,
        normalise: bool = True,
        fit_intercept: bool | str = "auto",
        cv: Any = 5,
        n_jobs: int | None = None,
        progress: bool = False,
        tolerance: float | None = None,
    ) -> None:
        self.rounds = rounds
        self.lams = lams
        self.methods = methods
        self.centre = centre
        self.normalise = normalise
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.n_jobs = n_jobs
        self.progress = progress
        self.tolerance = tolerance

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> SelfDistilledClassifierCV:
        """Choose by cross-validation, then train what was chosen on everything.

        Parameters
        ----------
        X, y, sample_weight : array_like
            As in `SelfDistilledClassifier.fit`. Weights count in training and in the scores.
        groups : array_like of shape (N,), optional
            The group of each row, numbers or strings: rows of a group are trained on together or
            held out together. With `cv` a number, or a splitter that takes groups.

        Returns
        -------
        SelfDistilledClassifierCV
            Itself.

        Raises
        ------
        TypeError, ValueError, MemoryError
            As in `SelfDistilledClassifier.fit`.
        """
        rounds = _validate.count("rounds", self.rounds)
        switch("progress", self.progress)
        intercept = switch("fit_intercept", self.fit_intercept, "auto")
        self.lams_ = _lams(self.lams)
        self.methods_ = _methods(self.methods)
        methods = [
            SelfDistilledClassifier(rounds=rounds, **parameters)._method()
            for parameters in self.methods_
        ]
        given = Given.of(self, X, y, sample_weight)
        folds = folds_of(self.cv, given, groups)

        if intercept == "auto":
            intercept = self._intercept(given, folds)
        evaluated = self._evaluated(given, folds, methods, bool(intercept))
        self.fold_scores_, changes, baselines = evaluated
        self.scores_, self.changes_ = self.fold_scores_.mean(axis=0), changes.mean(axis=0)
        self.baseline_score_ = float(baselines.mean())

        best = select_best(self.scores_, lams=self.lams_[:, None], rounds=np.arange(1, rounds + 1))
        self.method_, self.lam_ = self.methods_[best[0]], float(self.lams_[best[1]])
        self.n_rounds_ = best[2] + 1
        self.best_score_ = float(self.scores_[best])
        self.best_params_ = {
            "rounds": self.n_rounds_,
            "lam": self.lam_,
            **self.method_,
            "centre": self.centre,
            "normalise": self.normalise,
            "fit_intercept": intercept,
            "tolerance": self.tolerance,
        }
        self._learn(given, SelfDistilledClassifier(**self.best_params_))
        if self.best_score_ <= self.baseline_score_ + ROUNDING:
            remedy = "" if intercept else " With unequal classes, pass fit_intercept=True."
            warnings.warn(
                f"the best setting agrees with {self.best_score_:.1%} of held-out given labels, "
                f"and always answering the most frequent one with {self.baseline_score_:.1%}: "
                f"do not use corrected_labels_ and suspicion_.{remedy} Features may say "
                "nothing about these labels, or folds may lack classes (shuffle sorted rows).",
                NoBetterThanConstant,
                stacklevel=2,
            )
        return self

    def _intercept(self, given: Given, folds: list[Fold]) -> bool:
        """Settle whether there is an intercept: by teachers, and only for a clear gain."""
        best = []
        for intercept in (False, True):
            scores, *_ = self._evaluated(given, folds, [Method(rounds=1)], intercept)
            (j,) = select_best(scores.mean(axis=0)[0, :, 0], lams=self.lams_)
            best.append(scores[:, 0, j, 0])
        gains = best[1] - best[0]
        error = gains.std(ddof=1) / len(folds) ** 0.5 if len(folds) > 1 else 0.0
        return bool(gains.mean() > error + ROUNDING)

    def _evaluated(
        self, given: Given, folds: list[Fold], methods: list[Method], intercept: bool
    ) -> list[Scores]:
        """Return what `_evaluate` does, with one more axis in front, of the folds."""
        evaluated = Parallel(n_jobs=self.n_jobs, return_as="generator")(
            delayed(self._evaluate)(given.take(train), given.take(test), methods, intercept)
            for train, test in folds
        )
        what = "with intercept" if intercept else "without intercept"
        bar = tqdm(evaluated, what, len(folds), unit="fold", disable=not self.progress)
        return [np.array(part) for part in zip(*bar, strict=True)]

    def _evaluate(
        self, train: Given, test: Given, methods: list[Method], intercept: bool
    ) -> tuple[Scores, Scores, np.float64]:
        """Return scores (M, L, rounds), changes (M, L, rounds - 1) and the score of a constant."""
        preparation = self._prepare(train, intercept)
        fact = factorise(preparation.apply(train.X), unit_norm=False)
        held_out = preparation.apply(test.X)
        told = GivenLabels.of(train.targets, fact, None)
        L, rounds = len(self.lams_), methods[0].rounds
        # Enough to see who answers what, unless another tolerance was asked for.
        effort = (self.tolerance, GAP if self.tolerance is None else None, True)

        def trained(methods: list[Method], teachers: list[Run] | None = None) -> list[Run]:
            """Train all methods with all lambdas, side by side."""
            lams = self.lams_.tolist() * len(methods)
            each = [method for method in methods for _ in range(L)]
            weights = train.sample_weight
            return train_runs(
                fact, [told] * len(lams), lams, each, weights, effort=effort, warm_start=teachers
            )

        firsts = [each.losses[0] for each in methods]
        losses = {id(loss): loss for loss in firsts}
        found = trained([Method(rounds=1, loss=loss) for loss in losses.values()])
        teachers = {key: found[i * L : (i + 1) * L] for i, key in enumerate(losses)}
        runs = [run for loss in firsts for run in teachers[id(loss)]]
        if rounds > 1:
            runs = trained(methods, runs)
        answers = np.empty((len(methods), L, rounds, len(test.X)), dtype=np.intp)
        for m in range(len(methods)):
            for j, run in enumerate(runs[m * L : (m + 1) * L]):
                for t, step in enumerate(run.rounds):
                    answers[m, j, t] = (held_out @ step.coef).argmax(axis=1)
        credit = test.targets[np.arange(len(test.X)), answers]
        frequent = (train.counts @ train.targets).argmax()
        changed = answers[:, :, 1:] != answers[:, :, :-1]
        counts, total = test.counts, test.counts.sum()
        baseline = test.targets[:, frequent] @ counts / total
        return credit @ counts / total, changed @ counts / total, baseline


def _lams(values: ArrayLike) -> NDArray[np.float64]:
    lams = np.atleast_1d(_validate.reals("lams", values, 0, open_low=True))
    if lams.ndim > 1 or lams.size == 0:
        raise ValueError(f"lams must be a non-empty list of numbers, got shape {lams.shape}.")
    return lams


def _methods(methods: Any) -> list[dict[str, Any]]:
    given = METHODS if methods is None else methods
    grids = [given] if isinstance(given, Mapping) else given
    listed = isinstance(grids, list | tuple) and all(isinstance(grid, Mapping) for grid in grids)
    if not listed or not grids:
        raise TypeError(
            f"methods must be a mapping or a non-empty list of mappings, got {methods!r}."
        )
    unknown = sorted({name for grid in grids for name in grid} - set(PARAMETERS))
    if unknown:
        raise ValueError(f"methods must set only {', '.join(PARAMETERS)}, got {unknown[0]!r}.")
    lists = [
        {name: each if isinstance(each, list | tuple) else [each] for name, each in grid.items()}
        for grid in grids
    ]
    return list(ParameterGrid(lists))
