"""The loop of `sdbook.distill` as a scikit-learn classifier."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from sdbook import _validate, refine, solvers
from sdbook.datasets import prepare
from sdbook.distillation import distill
from sdbook.estimator.given import Floats, Given, instances
from sdbook.method import Method
from sdbook.refine import Refinement
from sdbook.solvers import Certificate, Loss, softmax

__all__ = ["SelfDistilled", "SelfDistilledClassifier", "switch"]

LOSSES: dict[str, Loss] = {
    "cross_entropy": solvers.CrossEntropy(),
    "generalised_cross_entropy": solvers.GeneralisedCrossEntropy(0.7),
}


@dataclass(frozen=True, eq=False)
class TrainedRound:
    """What a fitted classifier keeps of round `t`: its parameters, and how exact it is."""

    t: int
    coef: Floats = field(repr=False)
    certificate: Certificate | None


@dataclass(frozen=True, eq=False)
class Preparation:
    """Centring, scaling to unit norm and a constant feature, with the mean of the training."""

    mean: NDArray[np.float64]
    normalise: bool
    intercept: bool

    def apply(self, X: Floats) -> Floats:
        """Return the prepared instances, of shape (N, d), or (N, d + 1) with an intercept."""
        mean = self.mean
        if self.normalise and max(-X.min(), X.max()) > np.finfo(X.dtype).max / 4:
            X, mean = X / 4, mean / 4  # a difference of the largest numbers there are is no number
        prepared = np.empty_like(X, subok=False)
        np.subtract(X, mean, out=prepared, casting="same_kind")  # in float64, whatever X is
        if self.normalise:
            # What rounding leaves of an instance at the mean has no direction worth scaling up.
            rounding = np.abs(prepared) <= 4 * np.finfo(X.dtype).eps * np.abs(X)
            prepared[rounding.all(axis=1)] = 0
            prepared = prepare.directions(prepared)
        if self.intercept:
            prepared = np.hstack([prepared, np.ones((len(X), 1), X.dtype)])
        return prepared


class SelfDistilled(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What a fitted classifier can do, however its settings were found."""

    centre: bool
    normalise: bool
    tolerance: float | None
    rounds_: tuple[TrainedRound, ...]
    classes_: NDArray[Any]
    _answers: NDArray[np.unsignedinteger[Any]]

    @property
    def corrected_labels_(self) -> NDArray[Any]:
        """What the last round answers on the training instances, of shape (N,)."""
        return self.classes_[self._answers[-1]]

    @property
    def corrected_labels_per_round_(self) -> NDArray[Any]:
        """The same after each round, of shape (rounds, N)."""
        return self.classes_[self._answers]

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most likely class of each instance after the last round.

        Parameters
        ----------
        X : array_like of shape (M, d)

        Returns
        -------
        ndarray of shape (M,)
            Of several classes that are equally likely, the first.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            Before `fit`, or if `X` is not as the features that were fitted.
        """
        answers = self.predict_proba(X).argmax(axis=1)
        return self.classes_[answers]

    def predict_proba(self, X: Any) -> Floats:
        """Return the outputs of the last round.

        Parameters
        ----------
        X : array_like of shape (M, d)

        Returns
        -------
        ndarray of shape (M, K)
            Rows sum to one, classes as in ``classes_``. They are not probabilities of being right:
            many rounds draw them towards 1/K, also where the answer stays the same and is right.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            Before `fit`, or if `X` is not as the features that were fitted.
        """
        return softmax(self._prepared(X) @ self.rounds_[-1].coef)

    def staged_predict(self, X: Any) -> Iterator[NDArray[Any]]:
        """Return the most likely class of each instance after every round, the teacher's first.

        Parameters
        ----------
        X : array_like of shape (M, d)

        Yields
        ------
        ndarray of shape (M,)

        Raises
        ------
        NotFittedError, TypeError, ValueError
            Before `fit`, or if `X` is not as the features that were fitted.
        """
        for outputs in self.staged_predict_proba(X):
            yield self.classes_[outputs.argmax(axis=1)]

    def staged_predict_proba(self, X: Any) -> Iterator[Floats]:
        """Return the outputs of every round, the teacher's first.

        Parameters
        ----------
        X : array_like of shape (M, d)

        Yields
        ------
        ndarray of shape (M, K)

        Raises
        ------
        NotFittedError, TypeError, ValueError
            Before `fit`, or if `X` is not as the features that were fitted.
        """
        prepared = self._prepared(X)
        for step in self.rounds_:
            yield softmax(prepared @ step.coef)

    def _prepared(self, X: Any) -> Floats:
        check_is_fitted(self)
        return self.preparation_.apply(instances(self, X))

    def _prepare(self, given: Given, intercept: bool) -> Preparation:
        """Settle how these training instances, and all that come after, are prepared."""
        centre, normalise = switch("centre", self.centre), switch("normalise", self.normalise)
        zero = np.zeros(given.X.shape[1])
        mean = prepare.mean(given.X, given.sample_weight) if centre else zero
        return Preparation(mean, bool(normalise), intercept)

    def _tolerance(self, given: Given, wanted: float) -> float | None:
        """Return what was asked for, else what is wanted in float64, else the solver's default."""
        if self.tolerance is None and given.X.dtype == np.float64:
            return wanted
        return self.tolerance

    def _learn(self, given: Given, setting: SelfDistilledClassifier) -> None:
        """Run the loop on all that is given, and keep what it says about the given labels."""
        method = setting._method()
        intercept = switch("fit_intercept", setting.fit_intercept)
        self.preparation_ = self._prepare(given, bool(intercept))
        prepared = self.preparation_.apply(given.X)
        if not prepared[given.counts > 0].any():
            raise ValueError(
                "X must have features that differ from row to row, got rows that are all the same. "
                "With fit_intercept=True, the answers are the shares of the given labels."
            )
        run = distill(
            solvers.factorise(prepared, unit_norm=False),
            given.targets,
            setting.lam,
            rounds=method.rounds,
            refinement=method.refinement,
            loss=method.losses,
            sample_weight=given.sample_weight,
            # So exact that weights equal repetitions to seven digits.
            tolerance=self._tolerance(given, 1e-10),
            warn=self.tolerance is not None,
        )
        self.classes_ = given.classes
        self.rounds_ = tuple(
            TrainedRound(step.t, step.coef, step.certificate) for step in run.rounds
        )
        for step in run.rounds if self.tolerance is None else ():
            found = step.certificate
            # Rounding can stop the solver short of 1e-10. Only short of its default is that news.
            if found and not found.converged and found.relative_gradient_norm > 1e-8:
                warnings.warn(f"round {step.t}: {found}", solvers.NotConverged, stacklevel=3)
        width = given.X.shape[1]
        self.mean_ = self.preparation_.mean
        self.coef_ = run.last.coef[:width].T
        self.intercept_ = run.last.coef[width:].sum(axis=0)  # one row with an intercept, else none
        self.certificate_ = run.last.certificate
        # The labels that each row of the targets names: the largest share, and those that equal it.
        top = given.targets.max(axis=1, keepdims=True)
        named = given.targets >= top - _validate.tie_width(given.targets)
        answers, suspicions = zip(
            *(compared(step.outputs, named) for step in run.rounds), strict=True
        )
        self._answers = np.array(answers, dtype=np.min_scalar_type(len(given.classes) - 1))
        self.suspicion_ = suspicions[-1]


class SelfDistilledClassifier(SelfDistilled):
    """A linear softmax classifier that is taught by its own answers: for labels that are wrong.

    A teacher is trained on the given labels, then students on what a refinement makes of the
    outputs of the round before (`sdbook.distill`, which does the work). The answers of the last
    round on the training instances are ``corrected_labels_``.

    Parameters
    ----------
    rounds : int
        Rounds in all, >= 1, the teacher among them. One round is plain (multinomial, penalised)
        logistic regression.
    lam : float
        L2 strength lambda of the mean loss, > 0. For scikit-learn's logistic regression it is
        ``C = 1 / (N lam)``, or twice that with two classes, for which that keeps one vector.
    refinement : {"as_is", "hard", "top_k", "one_or_two"} or callable
        What students are taught: the outputs themselves (self-distillation), the decision, the `k`
        likeliest classes alike (partial labels), or one class where it leads by more than `margin`
        and else two. See `sdbook.refine`.
    k : int
        Candidates of "top_k", fewer than there are classes to say anything at all.
    margin : float
        Margin of "one_or_two", >= 0.
    loss : {"cross_entropy", "generalised_cross_entropy"} or Loss
        Of the teacher. By name, `sdbook.solvers.GeneralisedCrossEntropy` has q = 0.7.
    student_loss : {"cross_entropy", "generalised_cross_entropy"} or Loss, optional
        Of the students; that of the teacher by default.
    centre : bool
        Subtract the mean of the training instances.
    normalise : bool
        Scale each instance to unit norm, after centring.
    fit_intercept : bool
        Append a constant feature, penalised like the others. Needed where classes are unequal.
    tolerance : float, optional
        Relative gradient norm at which the solver stops. By default, as near to 1e-10 as rounding
        lets it come in float64 (a `NotConverged` warning above 1e-8), and 1e-4 in float32.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        Names of the classes.
    corrected_labels_ : ndarray of shape (N,)
        What the last round answers on the training instances. A given label is changed only where
        another class is likelier by more than the solver's default tolerance vouches for.
    corrected_labels_per_round_ : ndarray of shape (rounds, N)
        The same after each round.
    suspicion_ : ndarray of shape (N,)
        In [0, 1], how little the last round believes the given label: the output of the strongest
        *other* class as a share of it and the output of the given label together. Above 1/2
        exactly where the label is changed, and 1/2 where the two are tied. All the likeliest
        classes of a soft target count as given, so that a uniform one has suspicion 0. Not the
        probability of a wrong label: use its order.
    certificate_ : Certificate
        How exact the last round is.
    rounds_ : tuple of TrainedRound
        Number ``t``, parameters ``coef`` of shape (d, K), or (d + 1, K) with an intercept, and
        ``certificate`` of each round. Outputs are not kept.
    coef_ : ndarray of shape (K, d)
        Parameters of the last round, for prepared features.
    intercept_ : ndarray of shape (K,)
        Its intercepts; zero without `fit_intercept`.
    mean_ : ndarray of shape (d,)
        What centring subtracts, in float64; zero without `centre`.
    preparation_ : Preparation
        Turns features into what the model sees.
    n_features_in_ : int
        Number of features d.
    feature_names_in_ : ndarray of shape (d,)
        Names of the features, where `X` had names that are all strings.

    Raises
    ------
    TypeError, ValueError
        By `fit`, if a parameter or an argument is not as described.

    See Also
    --------
    SelfDistilledClassifierCV : Chooses rounds, lambda and method without clean labels.
    sdbook.distill : The same loop, for features that are prepared already.

    Notes
    -----
    *Centring and unit norm.* The theory counts in inner products of unit vectors. Centring takes
    from all instances what they have in common, and so lowers the correlations between classes,
    which is what lets averages tell classes apart. Features may be of any scale. Where they are the
    same in all rows, answers are the shares of the given labels with an intercept, and `fit`
    refuses them without.

    *Intercept.* A constant feature adds one to every inner product: outputs move towards the
    overall shares of the given labels. Without it, answers are spread evenly over the classes.
    Where one instance in ten is a certain digit (500 of them, two classes), three in ten corrected
    labels are wrong without an intercept, both with 25 % wrong labels and with none, where always
    answering "no" leaves one in ten, and an intercept one in twenty or fewer. With ten equal
    classes, it makes no difference up to 50 % wrong labels. At 70 % (600 digits) it learns chance
    differences between the shares, and two answers in a hundred fewer are right. With
    "generalised_cross_entropy" and a penalty that is too strong (0.01 on digits, five rounds), it
    can end with one class for everybody. Pass ``fit_intercept=False`` where you know that classes
    are equal and most labels are wrong.

    *Corrected labels are in-sample answers.* The given label of an instance is among those that
    its answer averages. For correcting labels that helps: on digits, answers of models that have
    not seen the instance are less often right. As an estimate of accuracy on new instances it is
    too kind.

    Examples
    --------
    >>> from sdbook import datasets, noise
    >>> from sdbook.estimator import SelfDistilledClassifier
    >>> data = datasets.digits()
    >>> given = noise.corrupt(data.labels, noise.symmetric(10, 0.5), rng=0)
    >>> model = SelfDistilledClassifier(rounds=4, refinement="hard").fit(data.features, given)
    >>> float((given == data.labels).mean().round(1))
    0.5
    >>> float((model.corrected_labels_ == data.labels).mean().round(1))
    0.9
    """

    def __init__(
        self,
        *,
        rounds: int = 2,
        lam: float = 1e-3,
        refinement: str | Refinement = "as_is",
        k: int = 2,
        margin: float = 0.1,
        loss: str | Loss = "cross_entropy",
        student_loss: str | Loss | None = None,
        centre: bool = True,
        normalise: bool = True,
        fit_intercept: bool = True,
        tolerance: float | None = None,
    ) -> None:
        self.rounds = rounds
        self.lam = lam
        self.refinement = refinement
        self.k = k
        self.margin = margin
        self.loss = loss
        self.student_loss = student_loss
        self.centre = centre
        self.normalise = normalise
        self.fit_intercept = fit_intercept
        self.tolerance = tolerance

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SelfDistilledClassifier:
        """Train teacher and students.

        Parameters
        ----------
        X : array_like of shape (N, d)
            Dense features; float32 is kept.
        y : array_like of shape (N,) or (N, K)
            Given labels, whole numbers or strings, right or wrong, some of them shared by several
            rows. Or soft targets: a row of K shares for each instance, which sum to one; the
            columns of a data frame name the classes.
        sample_weight : array_like of shape (N,), optional
            How much each instance counts, >= 0, in all rounds.

        Returns
        -------
        SelfDistilledClassifier
            Itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter or an argument is not as described; with the first row where that is so,
            counted from 0.
        MemoryError
            If there are so many classes that N x K numbers do not fit into the memory that is free.
        """
        self._learn(Given.of(self, X, y, sample_weight), self)
        return self

    def _method(self) -> Method:
        """Return what the parameters say is done to the prepared features."""
        rounds = _validate.count("rounds", self.rounds)
        refinements: dict[str, Refinement] = {
            "as_is": refine.as_is,
            "hard": refine.hard,
            "top_k": refine.top_k(self.k),
            "one_or_two": refine.one_or_two(self.margin),
        }
        taught = _named("refinement", self.refinement, refinements, "__call__", "a callable")
        losses = [
            _named(name, value, LOSSES, "weights", "a loss of sdbook.solvers")
            for name, value in (
                ("loss", self.loss),
                ("student_loss", self.student_loss or self.loss),
            )
        ]
        return Method(rounds, taught, losses[:1] + losses[1:] * (rounds - 1))


def _named(name: str, value: Any, choices: dict[str, Any], attribute: str, other: str) -> Any:
    """Return the choice of a name, or a value that has what all choices have."""
    if isinstance(value, str) and value in choices:
        return choices[value]
    if not isinstance(value, str) and hasattr(value, attribute):
        return value
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f"{name} must be {', '.join(map(repr, choices))} or {other}, got {value!r}.")


def switch(name: str, value: Any, *words: str) -> bool | str:
    """Check a parameter that is True, False or one of some words."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str) and value in words:
        return value
    error = ValueError if words and isinstance(value, str) else TypeError
    raise error(f"{name} must be {', '.join([*map(repr, words), 'True'])} or False, got {value!r}.")


def compared(
    outputs: Floats, named: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return answers, a given class unless another is likelier, and their suspicion."""
    own = np.where(named, outputs, 0).max(axis=1)
    rival = np.where(named, 0, outputs).max(axis=1)
    tied = np.abs(own - rival) <= _validate.tie_width(outputs)
    own = np.where(tied, rival, own)
    answers = np.where((own >= rival)[:, None] == named, outputs, 0).argmax(axis=1)
    return answers, rival / (rival + own)
