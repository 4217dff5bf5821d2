"""Choosing rounds, lambda and method by held-out accuracy on given labels, right or wrong."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import ParameterGrid

from sdbook import _validate
from sdbook.distillation import distill_all
from sdbook.estimator.classifier import SelfDistilled
from sdbook.estimator.folds import Fold, folds_of
from sdbook.estimator.given import Given
from sdbook.estimator.method import method
from sdbook.method import Method
from sdbook.solvers import factorise

__all__ = ["METHODS", "NoBetterThanConstant", "SelfDistilledClassifierCV"]

METHODS: tuple[dict[str, Any], ...] = (
    {"refinement": "as_is"},
    {"refinement": "hard"},
    {"refinement": "top_k", "k": 2, "student_loss": "generalised_cross_entropy"},
    {"refinement": "hard", "loss": "generalised_cross_entropy"},
)
ROUNDING = 1e-12
"""How far means of scores that are equal may be apart."""

METHOD_PARAMETERS = ("refinement", "k", "margin", "loss", "student_loss")


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
    on all folds but one and judged by how often its answers on the last agree with the *given*
    labels, wrong ones included. The best is trained again on everything, so that all attributes of
    `SelfDistilledClassifier` are there as well.

    Parameters
    ----------
    rounds : int
        The most rounds to consider, >= 1; all numbers up to it are tried.
    lams : array_like of shape (L,)
        L2 strengths to try, > 0.
    methods : mapping, or sequence of mappings, optional
        Parameters of `SelfDistilledClassifier` to try: any of ``refinement``, ``k``, ``lead``,
        ``loss`` and ``student_loss``, each with one value, or as in
        ``sklearn.model_selection.ParameterGrid`` with a list of values. By default
        ``sdbook.estimator.chooser.METHODS``: outputs as they are, decisions, two candidates with
        generalised cross-entropy, and decisions with generalised cross-entropy in all rounds
        (whose first round is that loss on the given labels alone).
    centre, normalise : bool
        As in `SelfDistilledClassifier`; the mean is taken from the training folds alone.
    fit_intercept : {"auto", True, False}
        Whether to append a constant feature. With "auto" the folds decide, by teachers (one round
        of cross-entropy): with one, where those that have one agree with held-out given labels more
        often, by more than one standard error of the difference over the folds. Else without.
    cv : int, splitter or iterable of (train, test)
        As in scikit-learn: a number is that of stratified folds. With a number, copies (rows of
        `X` that are equal, all digits alike, with one label) stay together in one fold, and so do
        the `groups` of `fit`. A splitter or a list of folds is taken as it is.
    n_jobs : int, optional
        Folds to work on at once, as in joblib, which can also hand them to a cluster.
    verbose : int
        How much joblib says about its progress.
    tolerance : float, optional
        Relative gradient norm at which the solver stops. By default 1e-6 in the folds (1e-4 in
        float32), enough to see who answers what, and as in `SelfDistilledClassifier` at the end.

    Attributes
    ----------
    best_params_ : dict
        Parameters of the `SelfDistilledClassifier` that was chosen.
    best_score_ : float
        Its held-out accuracy on the given labels.
    baseline_score_ : float
        That of always answering the most frequent given label of the training folds.
    lam_ : float
        L2 strength that was chosen.
    n_rounds_ : int
        Number of rounds that was chosen.
    method_ : dict
        Method that was chosen, one of ``methods_``.
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
    J[k, j] the share of held-out instances that are of true class k and are answered with j. If
    given labels are drawn independently of the features, given the true class, the expected
    accuracy on them is ``sum_kj J[k, j] C[k, j]``. With symmetric noise at rate eta, C is 1 - eta
    on its diagonal and eta / (K - 1) elsewhere, so that clean accuracy a gives noisy accuracy

        eta / (K - 1) + (1 - eta K / (K - 1)) a .

    A line that rises as long as eta < (K - 1) / K: whatever errors a classifier makes, the order
    of two classifiers is the same on noisy labels as on clean ones.

    *When they mislead.* With other noise, an error costs as much as its label is rare: answering j
    for true class k loses C[k, k] - C[k, j]. If every row of C is largest on its diagonal, then
    nothing beats being always right, and the clean error is between the noisy regret (accuracy
    lost against being always right) divided by the largest of these differences and by the
    smallest. In between the order can be wrong: superclass noise forgives confusion inside a
    superclass. Where a wrong label is the most frequent one of a class (pair flip at rates above
    1/2), it is preferred to the true one.

    *How far to trust it.* With N instances and noisy accuracy b, the standard error of a score is
    ``sqrt(b (1 - b) / N)``, and on the scale of clean accuracy 1 / (1 - eta K / (K - 1)) times as
    large: with ten classes and 70 % wrong labels, 4.5 times. Differences between settings are
    known better, because they are judged on the same instances: only those answered differently
    count.

    *Copies.* What is held out must be new to the model. If a copy of it was trained on, copying
    wrong labels pays, and the choice is for settings that do. Rows are copies that are equal in all
    digits and have one label. Equal rows with several labels were labelled each by itself, and may
    part. Where rows are there more than ten times on average, or fewer than twice as many different
    ones as folds, they are categories and no copies. Near-copies (a resized picture, a text with
    another date, several rows of one person) are for you to name: pass `groups` to `fit`.

    *Unequal classes.* Without an intercept, answers are spread evenly over the classes, which with
    unequal classes can be worse than a constant. With equal classes and most labels wrong, an
    intercept learns differences by chance. Hence "auto". It judges by one round, because that is
    cheap (about a tenth more time), and asks for a standard error, because otherwise it would
    choose by chance where there is no difference. Measured on digits, as right corrected labels
    without, with and with "auto": one of ten against the rest, 25 % wrong labels, 68, 97 and 97 %;
    all ten, 50 % wrong, 90, 90 and 90 %; 70 % wrong, 79, 75 and 79 %.

    *What stability says.* Where answers no longer change, further rounds bring nothing, right or
    wrong. It does not choose by itself: with a small lambda little changes because little is
    averaged, and with a large one answers can go on changing for the worse.

    *What it costs.* Each fold factorises its features once. All lambdas are trained side by side
    (`sdbook.distill_all`), all numbers of rounds come from one run, and methods with the same loss
    share their teachers.

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
        verbose: int = 0,
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
        self.verbose = verbose
        self.tolerance = tolerance

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> SelfDistilledClassifierCV:
        """Choose by cross-validation, then train what was chosen on everything.

        Parameters
        ----------
        X : array_like of shape (N, d)
            Dense features; float32 is kept.
        y : array_like of shape (N,) or (N, K)
            Given labels or soft targets, as in `SelfDistilledClassifier.fit`.
        sample_weight : array_like of shape (N,), optional
            How much each instance counts, >= 0, in training and in the scores.
        groups : array_like of shape (N,), optional
            The group of each row, numbers or strings: rows of a group are trained on together or
            held out together. With `cv` a number, or a splitter that takes groups.

        Returns
        -------
        SelfDistilledClassifierCV
            Itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter or an argument is not as described; with the first row where that is so,
            counted from 0.
        MemoryError
            As in `SelfDistilledClassifier.fit`.
        """
        if self.fit_intercept != "auto":
            _yes_no_or_auto(self.fit_intercept)
        rounds = _validate.count("rounds", self.rounds)
        self.lams_ = _lams(self.lams)
        self.methods_ = _methods(self.methods)
        methods = [method(rounds, **parameters) for parameters in self.methods_]
        given = Given.of(self, X, y, sample_weight)

        folds = folds_of(self.cv, given, groups)
        intercept = self._intercept(given, folds)
        self.fold_scores_, changes = self._judged(given, folds, methods, intercept)
        self.scores_ = self.fold_scores_.mean(axis=0)
        self.changes_ = changes.mean(axis=0)

        m, j, t = _first_best(self.scores_, self.lams_)
        self.method_, self.lam_, self.n_rounds_ = self.methods_[m], float(self.lams_[j]), t + 1
        self.best_score_ = float(self.scores_[m, j, t])
        self.best_params_ = {
            "rounds": self.n_rounds_,
            "lam": self.lam_,
            **self.method_,
            "centre": self.centre,
            "normalise": self.normalise,
            "fit_intercept": intercept,
            "tolerance": self.tolerance,
        }
        self._learn(given, self.lam_, method(self.n_rounds_, **self.method_), intercept=intercept)
        self.baseline_score_ = float(np.mean([_constant(given, *fold) for fold in folds]))
        if self.best_score_ <= self.baseline_score_ + ROUNDING:
            remedy = "" if intercept else " With unequal classes, pass fit_intercept=True."
            warnings.warn(
                f"the best setting agrees with {self.best_score_:.1%} of held-out given labels, "
                f"and always answering the most frequent one with {self.baseline_score_:.1%}: "
                f"do not use corrected_labels_ and suspicion_.{remedy} It may be that features "
                "say nothing about these labels, or that folds lack classes (shuffle rows that are "
                "sorted by label)",
                NoBetterThanConstant,
                stacklevel=2,
            )
        return self

    def _intercept(self, given: Given, folds: list[Fold]) -> bool:
        """Settle whether there is an intercept: by teachers, and only for a clear gain."""
        if self.fit_intercept != "auto":
            return bool(self.fit_intercept)
        without, with_one = (
            self._judged(given, folds, [method(1)], intercept)[0][:, 0, :, 0]
            for intercept in (False, True)
        )
        gains = (
            with_one[:, with_one.mean(axis=0).argmax()] - without[:, without.mean(axis=0).argmax()]
        )
        error = gains.std(ddof=1) / len(folds) ** 0.5 if len(folds) > 1 else 0.0
        return bool(gains.mean() > error + ROUNDING)

    def _judged(
        self, given: Given, folds: list[Fold], methods: list[Method], intercept: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return scores (folds, M, L, rounds) and changes (folds, M, L, rounds - 1)."""
        judged = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)(
            delayed(self._judge)(given.take(train), given.take(test), methods, intercept)
            for train, test in folds
        )
        scores, changes = zip(*judged, strict=True)
        return np.array(scores), np.array(changes)

    def _judge(
        self, train: Given, test: Given, methods: list[Method], intercept: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return scores (M, L, rounds) and changes (M, L, rounds - 1) on one held-out fold."""
        preparation = self._prepare(train, intercept)
        fact = factorise(preparation.apply(train.X), unit_norm=False)
        held_out = preparation.apply(test.X)
        train_all = partial(
            distill_all,
            fact,
            [train.targets] * len(self.lams_),
            self.lams_,
            sample_weight=train.sample_weight,
            tolerance=self._tolerance(train, 1e-6),
        )
        losses = {id(each.losses[0]): each.losses[0] for each in methods}
        teachers = {key: train_all(rounds=1, loss=loss) for key, loss in losses.items()}
        rounds = methods[0].rounds
        answers = np.empty((len(methods), len(self.lams_), rounds, len(test.X)), dtype=np.intp)
        for m, each in enumerate(methods):
            runs = teachers[id(each.losses[0])]
            if rounds > 1:
                runs = train_all(
                    rounds=rounds, refinement=each.refinement, loss=each.losses, warm_start=runs
                )
            for j, run in enumerate(runs):
                for t, step in enumerate(run.rounds):
                    answers[m, j, t] = (held_out @ step.coef).argmax(axis=1)
        credit = test.targets[np.arange(len(test.X)), answers]
        changed = answers[:, :, 1:] != answers[:, :, :-1]
        counts = _counts(test)
        return credit @ counts / counts.sum(), changed @ counts / counts.sum()


def _counts(given: Given) -> NDArray[np.float64]:
    """Return how much each instance counts in a sum."""
    return (
        np.ones(len(given.X))
        if given.sample_weight is None
        else given.sample_weight.astype(np.float64)
    )


def _constant(given: Given, train: NDArray[np.intp], test: NDArray[np.intp]) -> np.float64:
    """Return the held-out accuracy of the class that is most frequent in training."""
    counts = _counts(given)
    frequent = (counts[train] @ given.targets[train]).argmax()
    return counts[test] @ given.targets[test, frequent] / counts[test].sum()


def _yes_no_or_auto(value: Any) -> None:
    if isinstance(value, str):
        raise ValueError(f"fit_intercept is {value!r}; accepted are 'auto', True and False")
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"fit_intercept is {value!r}; accepted are 'auto', True and False")


def _lams(values: ArrayLike) -> NDArray[np.float64]:
    lams = np.atleast_1d(_validate.reals("lams", values, 0, open_low=True))
    if lams.ndim > 1 or lams.size == 0:
        raise ValueError(f"lams has shape {lams.shape}; accepted is a non-empty list of numbers")
    return lams


def _methods(methods: Any) -> list[dict[str, Any]]:
    given = METHODS if methods is None else methods
    grids = [given] if isinstance(given, Mapping) else given
    if (
        not isinstance(grids, Sequence)
        or not grids
        or not all(isinstance(grid, Mapping) for grid in grids)
    ):
        raise TypeError(f"methods is {methods!r}; accepted are a mapping or a list of mappings")
    for name in {name for grid in grids for name in grid}:
        if name not in METHOD_PARAMETERS:
            raise ValueError(
                f"methods has the parameter {name!r}; accepted are {', '.join(METHOD_PARAMETERS)}"
            )
    lists = [
        {
            name: value if isinstance(value, list | tuple) else [value]
            for name, value in grid.items()
        }
        for grid in grids
    ]
    return list(ParameterGrid(lists))


def _first_best(scores: NDArray[np.float64], lams: NDArray[np.float64]) -> tuple[int, int, int]:
    """Return where the best score is: on a tie the fewest rounds, largest lambda, first method."""
    best = np.argwhere(scores >= scores.max() - ROUNDING)
    m, j, t = min(best.tolist(), key=lambda place: (place[2], -lams[place[1]], place[0]))
    return m, j, t
