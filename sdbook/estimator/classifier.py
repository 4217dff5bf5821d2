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

from sdbook import _validate
from sdbook.distillation import distill
from sdbook.estimator.given import Floats, Given, instances
from sdbook.estimator.method import method
from sdbook.estimator.preparation import Preparation
from sdbook.method import Method
from sdbook.refine import Refinement
from sdbook.solvers import Certificate, Loss, NotConverged, factorise, softmax

__all__ = ["SelfDistilled", "SelfDistilledClassifier", "TrainedRound"]


@dataclass(frozen=True, eq=False)
class TrainedRound:
    """What a fitted classifier keeps of a round.

    Attributes
    ----------
    t : int
        1 is the teacher, t >= 2 the (t - 1)-th student.
    weights : ndarray of shape (d, K), or (d + 1, K) with an intercept
        Its parameters, for prepared features.
    certificate : Certificate
        How exact it is.
    """

    t: int
    coef: Floats = field(repr=False)
    certificate: Certificate | None


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
        """What the last round says about the training instances, of shape (N,)."""
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
        outputs = self.predict_proba(X)
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Floats:
        """Return the outputs of the last round.

        Parameters
        ----------
        X : array_like of shape (M, d)

        Returns
        -------
        ndarray of shape (M, K)
            Rows sum to one, classes as in ``classes_``. They are not probabilities of being
            right: many rounds draw them towards 1/K without changing the answer.

        Raises
        ------
        NotFittedError, TypeError, ValueError
            Before `fit`, or if `X` is not as the features that were fitted.
        """
        return softmax(self._prepared(X) @ self.rounds_[-1].coef)

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

    def _prepared(self, X: Any) -> Floats:
        check_is_fitted(self)
        return self.preparation_.apply(instances(self, X))

    def _learn(self, given: Given, lam: float, method: Method, *, intercept: bool) -> None:
        """Run the loop on all that is given, and keep what it says about the given labels."""
        self.preparation_ = self._prepare(given, intercept)
        prepared = self.preparation_.apply(given.X)
        if not prepared[... if given.sample_weight is None else given.sample_weight > 0].any():
            raise ValueError(
                "X has rows that are all the same, and nothing is left of them; accepted are "
                "features that differ from row to row, or fit_intercept=True, which answers with "
                "the shares of the given labels"
            )
        run = distill(
            factorise(prepared, unit_norm=False),
            given.targets,
            lam,
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
        self._warn_if_inexact()
        width = given.X.shape[1]
        self.mean_ = self.preparation_.mean
        self.coef_ = run.last.coef[:width].T
        constant = run.last.coef[width:].T  # one column with an intercept, else none
        self.intercept_ = constant.sum(axis=1)
        self.certificate_ = run.last.certificate
        told = likeliest(given.targets)
        smallest = np.min_scalar_type(len(given.classes) - 1)
        self._answers = np.array([kept(step.outputs, told) for step in run.rounds], dtype=smallest)
        self.suspicion_ = suspicion(run.last.outputs, told)

    def _tolerance(self, given: Given, wanted: float) -> float | None:
        """Return what was asked for, else what is wanted in float64, else the solver's default."""
        if self.tolerance is None and given.X.dtype == np.float64:
            return wanted
        return self.tolerance

    def _warn_if_inexact(self) -> None:
        """Rounding can stop the solver short of 1e-10; only short of its default is that news."""
        for step in self.rounds_:
            found = step.certificate
            if found is None or found.converged or self.tolerance is not None:
                continue
            if found.relative_gradient_norm > 1e-8:
                warnings.warn(f"round {step.t}: {found}", NotConverged, stacklevel=4)

    def _prepare(self, given: Given, intercept: bool) -> Preparation:
        """Settle how these training instances, and all that come after, are prepared."""
        return Preparation.of(
            given.X,
            given.sample_weight,
            centre=yes_or_no("centre", self.centre),
            normalise=yes_or_no("normalise", self.normalise),
            intercept=intercept,
        )


def yes_or_no(name: str, value: Any) -> bool:
    """Check a switch."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r}; accepted are True and False")
    return bool(value)


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
        likeliest classes alike (partial labels), or one where it leads by more than `lead` and
        else two. See `sdbook.refine`.
    k : int
        Candidates of "top_k", fewer than there are classes to say anything at all.
    lead : float
        Lead of "one_or_two", >= 0.
    loss : {"cross_entropy", "generalised_cross_entropy"} or Loss
        Of the teacher; "generalised_cross_entropy" is `sdbook.solvers.GeneralisedCrossEntropy` with q = 0.7.
    student_loss : {"cross_entropy", "generalised_cross_entropy"} or Loss, optional
        Of the students; that of the teacher by default.
    centre : bool
        Subtract the mean of the training instances.
    normalise : bool
        Scale each instance to unit norm, after centring.
    fit_intercept : bool
        Append a constant feature, penalised like the others. Needed where classes are unequal;
        see the notes.
    tolerance : float, optional
        Relative gradient norm at which the solver stops. By default, as near to 1e-10 as rounding
        lets it come in float64 (a `NotConverged` warning above 1e-8), and 1e-4 in float32.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        Names of the classes.
    corrected_labels_ : ndarray of shape (N,)
        What the last round answers on the training instances. A given label is changed only where
        another class is likelier by more than the solver's tolerance: where nothing speaks for
        another class, it stays.
    corrected_labels_per_round_ : ndarray of shape (rounds, N)
        The same after each round.
    suspicion_ : ndarray of shape (N,)
        In [0, 1], how little the last round believes the given label: the output of the strongest
        *other* class as a share of it and the output of the given label together. Above 1/2
        exactly where the label is changed, and 1/2 where the two are tied. Where a soft target has
        several likeliest classes, all of them count as given: of those, the likelier is compared
        with the others, and a uniform target, which says nothing that could be wrong, has 0. Not
        the probability of a wrong label: use its order.
    certificate_ : Certificate
        How exact the last round is; ``rounds_`` has one for each.
    rounds_ : tuple of TrainedRound
        Number, parameters and certificate of each round: ``t``, ``weights`` of shape (d, K), or
        (d + 1, K) with an intercept, and ``certificate``. The N x K outputs of each round are not
        kept; ``staged_predict_proba(X)`` computes them again, and `sdbook.distill` keeps them.
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
    *Centring and unit norm.* The theory counts in correlations, inner products of unit vectors:
    how alike two instances are, and not how long they are. Centring takes from all of them what
    they have in common, and so lowers the correlations between classes, which is what lets
    averages tell classes apart. Switch both off where features are prepared already.

    *Features of any scale.* Means are taken in float64, and norms so that no square leaves the
    range of numbers. Features that are the same in all rows say nothing: with an intercept, answers
    are then the shares of the given labels; without, `fit` refuses them.

    *Intercept.* A constant feature adds one to every inner product. With centred features and the
    linearised model, it changes little but how well the overall shares of the given labels are
    learnt: outputs move towards those shares instead of towards 1/K. Without it, answers are spread
    evenly over the classes: where one instance in ten is a certain digit (500 of them, two
    classes), three in ten corrected labels are wrong without an intercept, with 25 % wrong labels
    and with none, where always answering "no" leaves one in ten, and an intercept one in twenty or
    fewer. With ten equal classes, it makes no difference up to 50 % wrong labels. At 70 % (600
    digits) it learns differences between the shares that are chance, and two answers in a hundred
    fewer are right. And "generalised_cross_entropy" with a penalty that is too strong anyway (0.01 on digits) can end
    with one class for everybody. Pass ``fit_intercept=False`` where you know that classes are equal
    and most labels are wrong. `SelfDistilledClassifierCV` lets held-out labels decide.

    *Corrected labels are in-sample answers.* The given label of an instance is among those that
    its answer averages. For correcting labels that helps: on digits, answers of models that have
    not seen the instance are less often right. As an estimate of accuracy on new instances it is
    too kind; use held-out ones for that.

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
        chosen = method(
            self.rounds,
            refinement=self.refinement,
            k=self.k,
            margin=self.margin,
            loss=self.loss,
            student_loss=self.student_loss,
        )
        lam = _validate.regularisation(self.lam)
        intercept = yes_or_no("fit_intercept", self.fit_intercept)
        self._learn(Given.of(self, X, y, sample_weight), lam, chosen, intercept=intercept)
        return self


def likeliest(targets: Floats) -> NDArray[np.bool_]:
    """Return which classes each row of targets names: the largest, and those that equal it."""
    named: NDArray[np.bool_] = targets >= targets.max(axis=1, keepdims=True) - _validate.tie_width(
        targets
    )
    return named


def kept(outputs: Floats, told: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return what outputs answer, a class that was told wherever no other is likelier.

    Parameters
    ----------
    outputs : ndarray of shape (N, K)
        Positive rows.
    told : ndarray of bool, shape (N, K)
        The given labels, one or more in each row.

    Returns
    -------
    ndarray of int, shape (N,)

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.estimator.classifier import kept
    >>> kept(np.array([[0.4, 0.4, 0.2], [0.5, 0.3, 0.2]]), np.array([[0, 1, 0], [0, 1, 0]]) == 1)
    array([1, 0])
    """
    own, rival = _own_and_rival(outputs, told)
    return np.where((own >= rival)[:, None] == told, outputs, 0).argmax(axis=1)


def suspicion(outputs: Floats, told: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how little outputs believe given labels, in [0, 1].

    Parameters
    ----------
    outputs : ndarray of shape (N, K)
        Positive rows.
    told : ndarray of bool, shape (N, K)
        The given labels, one or more in each row.

    Returns
    -------
    ndarray of shape (N,)
        ``y_rival / (y_rival + y_given)``, where the rival is the strongest class that was not told,
        and y_given the output of the strongest that was. 1/2 where these are equal up to what the
        solver's tolerance vouches for, and 0 where all classes were told.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.estimator.classifier import suspicion
    >>> told = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]]) == 1
    >>> suspicion(np.array([[0.6, 0.3, 0.1], [0.1, 0.3, 0.6], [0.1, 0.3, 0.6]]), told).round(3)
    array([0.333, 0.857, 0.   ])
    """
    own, rival = _own_and_rival(outputs, told)
    return rival / (rival + own)


def _own_and_rival(outputs: Floats, told: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the largest outputs among what was told and among the rest, made equal where tied."""
    own = np.where(told, outputs, 0).max(axis=1)
    rival = np.where(told, 0, outputs).max(axis=1)
    tied = np.abs(own - rival) <= _validate.tie_width(outputs)
    return np.where(tied, rival, own), rival
