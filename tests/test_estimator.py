"""The scikit-learn face: scikit-learn's own checks, agreement with the loop, choosing blindly."""

from __future__ import annotations

import pickle
import sys
import threading
import warnings
from collections import deque

import numpy as np
import pytest
from hypothesis import given as example
from hypothesis import settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sdbook import datasets, distill, noise, refine
from sdbook.estimator import (
    NoBetterThanConstant,
    SelfDistilledClassifier,
    SelfDistilledClassifierCV,
    select_best,
)
from sdbook.estimator.classifier import Preparation, compared
from sdbook.estimator.folds import folds_of, same_rows
from sdbook.estimator.given import Given
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy, NotConverged, softmax

pandas = pytest.importorskip("pandas")

BOTH = pytest.mark.parametrize(
    "classifier",
    [SelfDistilledClassifier(), SelfDistilledClassifierCV(rounds=2, lams=[1e-3, 1e-2], cv=2)],
    ids=["classifier", "chooser"],
)


# What is fitted there is random.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sdbook.estimator.NoBetterThanConstant")
@parametrize_with_checks(
    [
        SelfDistilledClassifier(),
        SelfDistilledClassifier(rounds=3, refinement="hard", fit_intercept=False),
        # Not "top_k": of two classes, two candidates say nothing.
        SelfDistilledClassifier(refinement="one_or_two", student_loss="generalised_cross_entropy"),
        SelfDistilledClassifierCV(rounds=2, lams=[1e-3, 1e-2], methods={}, cv=3),
    ]
)
def test_scikit_learn_accepts_it(estimator, check, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it, one of the checks is skipped
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    """Every third digit, half of the labels wrong, and digits to test on."""
    train, test = datasets.digits(centred=False, normalised=False).split(test_share=2 / 3, rng=0)
    given = noise.corrupt(train.labels, noise.symmetric(10, 0.5), rng=0, exact=True)
    return train, given, test


@pytest.fixture
def few(digits):
    """Forty digits of four classes: enough for what does not depend on the data."""
    train, given, _ = digits
    chosen = np.flatnonzero(given < 4)[:40]
    return train.features[chosen], given[chosen]


def in_row(row, array, value):
    """A copy with something else in one row."""
    copy = array.copy()
    copy[row] = value
    return copy


def prepared(features):
    return datasets.normalise(datasets.centre(features))


class TestAgreesWithTheLoop:
    @pytest.mark.parametrize(
        ("named", "refinement"),
        [
            ({"refinement": "as_is"}, refine.as_is),
            ({"refinement": "hard"}, refine.hard),
            ({"refinement": "top_k", "k": 3}, refine.top_k(3)),
            ({"refinement": "one_or_two", "margin": 0.2}, refine.one_or_two(0.2)),
            ({"refinement": refine.top_k(2)}, refine.top_k(2)),
        ],
    )
    def test_refinements(self, digits, named, refinement):
        train, given, test = digits
        model = SelfDistilledClassifier(
            rounds=3, lam=1e-3, fit_intercept=False, tolerance=1e-8, **named
        )
        model.fit(train.features, given)
        run = distill(
            prepared(train.features), given, 1e-3, rounds=3, refinement=refinement, tolerance=1e-8
        )
        stages = model.staged_predict_proba(train.features)
        for mine, theirs in zip(stages, run.rounds, strict=True):
            np.testing.assert_allclose(mine, theirs.outputs, atol=1e-12)
        instances = test.features - train.features.mean(axis=0)
        expected = softmax(datasets.normalise(instances) @ run.last.coef)
        np.testing.assert_allclose(model.predict_proba(test.features), expected, atol=1e-12)

    @pytest.mark.parametrize(
        ("named", "losses"),
        [
            ({"loss": "generalised_cross_entropy"}, [0.7, 0.7]),
            ({"student_loss": "generalised_cross_entropy"}, [None, 0.7]),
            ({"loss": GeneralisedCrossEntropy(0.3)}, [0.3, 0.3]),
            ({"loss": "generalised_cross_entropy", "student_loss": "cross_entropy"}, [0.7, None]),
        ],
    )
    def test_losses(self, few, named, losses):
        X, y = few
        model = SelfDistilledClassifier(fit_intercept=False, tolerance=1e-8, **named).fit(X, y)
        given_losses = [CrossEntropy() if q is None else GeneralisedCrossEntropy(q) for q in losses]
        run = distill(prepared(X), y, 1e-3, rounds=2, loss=given_losses, tolerance=1e-8)
        np.testing.assert_allclose(model.predict_proba(X), run.last.outputs, atol=1e-12)

    def test_two_rounds_are_one_round_on_the_outputs_of_another(self, few):
        X, y = few
        teacher = SelfDistilledClassifier(rounds=1).fit(X, y)
        student = SelfDistilledClassifier(rounds=1).fit(X, teacher.predict_proba(X))
        both = SelfDistilledClassifier(rounds=2).fit(X, y)
        np.testing.assert_allclose(student.predict_proba(X), both.predict_proba(X), atol=1e-8)


class TestAgreesWithLogisticRegression:
    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("classes", [2, 4])
    def test_one_round(self, few, weighted, classes):
        X, y = few
        X, y = X[y < classes], y[y < classes]
        weights = np.random.default_rng(0).uniform(0, 3, len(y)) if weighted else np.ones(len(y))
        centred = X - np.average(X, axis=0, weights=weights)
        model = SelfDistilledClassifier(rounds=1, lam=0.01, normalise=False, fit_intercept=False)
        model.fit(X, y, sample_weight=weights if weighted else None)
        # The penalty of K classes in symmetric parameters; two classes have one vector there.
        C = 1 / (weights.sum() * 0.01) * (2 if classes == 2 else 1)
        peer = LogisticRegression(C=C, fit_intercept=False, tol=1e-9, max_iter=10_000)
        peer.fit(centred, y, sample_weight=weights)
        np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(centred), atol=1e-5)


class TestPreparation:
    def test_coefficients_and_intercept_are_those_of_prepared_features(self, few):
        X, y = few
        model = SelfDistilledClassifier(fit_intercept=True).fit(X, y)
        logits = prepared(X) @ model.coef_.T + model.intercept_
        np.testing.assert_allclose(softmax(logits), model.predict_proba(X), atol=1e-12)
        assert np.abs(model.intercept_).max() > 0.01
        without = SelfDistilledClassifier(fit_intercept=False).fit(X, y)
        np.testing.assert_array_equal(without.intercept_, np.zeros(4))

    def test_scale_and_origin_of_features_do_not_matter(self, few):
        X, y = few
        model = SelfDistilledClassifier()
        one = clone(model).fit(X, y).predict_proba(X)
        other = clone(model).fit(3 * X + 5, y).predict_proba(3 * X + 5)
        np.testing.assert_allclose(one, other, atol=1e-8)

    def test_switched_off_features_stay_as_they_are(self, few):
        X, _ = few
        kept = Preparation(np.zeros(X.shape[1]), normalise=False, intercept=False)
        np.testing.assert_array_equal(kept.apply(X), X)

    def test_mean_is_weighted(self, few):
        X, y = few
        weights = (y > 1).astype(float)
        model = SelfDistilledClassifier().fit(X, y, sample_weight=weights)
        np.testing.assert_allclose(model.mean_, X[y > 1].mean(axis=0), atol=1e-12)

    def test_an_instance_at_the_mean_has_no_direction(self):
        X = np.array([[0.1, 0.7], [0.3, 0.1], [0.2, 0.4]])
        prepared = Preparation(X.mean(axis=0), normalise=True, intercept=False).apply(X)
        np.testing.assert_array_equal(prepared[2], [0, 0])
        np.testing.assert_allclose(np.linalg.norm(prepared[:2], axis=1), 1)

    def test_float32_is_kept(self, few):
        X, y = few
        model = SelfDistilledClassifier(fit_intercept=True).fit(X.astype(np.float32), y)
        assert model.predict_proba(X).dtype == np.float32
        assert model.coef_.dtype == np.float32
        assert model.intercept_.dtype == np.float32

    def test_intercept_learns_unequal_shares(self):
        rng = np.random.default_rng(0)
        y = (np.arange(400) < 40).astype(int)
        X = rng.standard_normal((400, 5)) + y[:, None]
        shares = [
            SelfDistilledClassifier(rounds=1, fit_intercept=own).fit(X, y).predict(X).mean()
            for own in (False, True)
        ]
        assert shares[0] > 0.2
        assert shares[1] < 0.12


class TestFeaturesOfAnyScale:
    @pytest.mark.parametrize("intercept", [False, True])
    @pytest.mark.parametrize(
        ("scale", "dtype", "near"),
        [
            (1e-200, np.float64, 1e-12),
            (1e160, np.float64, 1e-12),
            (1e306, np.float64, 1e-12),
            (1e-300, np.float64, 1e-5),
            (1e25, np.float32, 1e-3),
            (1e37, np.float32, 1e-3),
            (1e-25, np.float32, 1e-3),
        ],
    )
    def test_outputs_do_not_depend_on_it(self, few, scale, dtype, near, intercept):
        X, y = few
        X = X - 8  # of both signs
        model = SelfDistilledClassifier(fit_intercept=intercept)
        expected = clone(model).fit(X, y).predict_proba(X)
        scaled = (X * scale).astype(dtype)
        model.fit(scaled, y)
        np.testing.assert_allclose(model.predict_proba(scaled), expected, atol=near)

    def test_differences_between_the_largest_numbers(self):
        X = np.where(np.arange(40)[:, None] % 2 == [0, 1], 1.7e308, -1.7e308)
        model = SelfDistilledClassifier(rounds=1).fit(X, np.arange(40) % 2)
        np.testing.assert_array_equal(model.predict(X), np.arange(40) % 2)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_mean_of_many_large_numbers(self, dtype):
        y = np.arange(100_000) % 2
        years = np.column_stack([2010.0 + y, np.zeros(len(y))]).astype(dtype)
        for weights in (None, np.ones(len(y))):
            model = SelfDistilledClassifier(rounds=1).fit(years, y, sample_weight=weights)
            assert model.mean_.tolist() == [2010.5, 0]
            assert model.score(years, y) == 1

    def test_a_large_constant_feature_hides_nothing_in_float32(self, few):
        X, y = few
        model = SelfDistilledClassifier()
        expected = clone(model).fit(X, y).predict_proba(X)
        stamped = np.c_[np.full(40, 1.7e9), X].astype(np.float32)
        np.testing.assert_allclose(
            model.fit(stamped, y).predict_proba(stamped), expected, atol=1e-3
        )

    @BOTH
    def test_features_that_are_all_the_same(self, classifier):
        y = np.repeat([0, 1], [50, 110])
        X = np.full((160, 3), 0.1)
        X[::3, 0] = 0.2
        X[:, 0] = X[0, 0]
        model = clone(classifier).set_params(fit_intercept=False)
        if hasattr(model, "cv"):
            model.set_params(cv=StratifiedKFold(2))
        with pytest.raises(ValueError, match=r"X must .*rows that are all the same.*intercept="):
            model.fit(X, y)
        model.set_params(fit_intercept=True)
        if hasattr(model, "cv"):
            with pytest.warns(NoBetterThanConstant, match="68.8% of .*one with 68.8%"):
                model.fit(X, y)
        else:
            model.set_params(rounds=1, lam=1e-6).fit(X, y)
            np.testing.assert_allclose(
                model.predict_proba(X[:1]), [[50 / 160, 110 / 160]], atol=0.001
            )
        assert (model.predict(X) == 1).all()

    def test_features_that_are_the_same_where_weights_are(self, few):
        X, y = few
        X = np.where(np.arange(40)[:, None] < 30, 0.1, X)
        model = SelfDistilledClassifier(fit_intercept=False)
        with pytest.raises(ValueError, match=r"X must .* got rows that are all the same"):
            model.fit(X, y, sample_weight=np.arange(40) < 30)

    @pytest.mark.parametrize("scale", [1e-60, 1e-310, 1e60, 1e308])
    def test_only_proportions_of_weights_count(self, few, scale):
        X, y = few
        weights = 1.0 + np.arange(40) % 2
        for dtype in (np.float32, np.float64):
            one, other = (
                SelfDistilledClassifier()
                .fit(X.astype(dtype), y, sample_weight=weights / 2 * by)
                .predict_proba(X)
                for by in (1, scale)
            )
            np.testing.assert_allclose(one, other, atol=1e-6)


class TestUnequalClasses:
    """One digit against all others, a quarter of the labels wrong."""

    @staticmethod
    def draw(seed):
        data = datasets.digits(centred=False, normalised=False)
        some = np.random.default_rng(seed).permutation(len(data))[:500]
        true = (data.labels[some] == seed).astype(int)
        given = noise.corrupt(true, noise.symmetric(2, 0.25), rng=seed, exact=True)
        return data.features[some], true, given

    SMALL = SelfDistilledClassifierCV(rounds=2, lams=[1e-3, 1e-2], methods={}, cv=3)

    def test_corrections_are_better_than_a_constant(self):
        ahead = {"classifier": [], "chooser": []}
        for seed in range(4):
            X, true, given = self.draw(seed)
            models = {
                "classifier": SelfDistilledClassifier(tolerance=1e-6),
                "chooser": clone(self.SMALL),
            }
            for name, model in models.items():
                right = np.mean(model.fit(X, given).corrected_labels_ == true)
                ahead[name].append(right - np.mean(true == 0))
            assert models["chooser"].best_params_["fit_intercept"] is True
        assert np.mean(ahead["classifier"]) > 0
        assert np.mean(ahead["chooser"]) > 0

    def test_the_folds_decide_by_teachers(self, digits):
        train, given, _ = digits
        skewed, _, rare = self.draw(0)
        for X, y in ((train.features, given), (skewed, rare)):
            gains = []
            for lam in (1e-3, 1e-2):
                for intercept in (False, True):
                    model = SelfDistilledClassifier(
                        rounds=1, lam=lam, fit_intercept=intercept, tolerance=1e-6
                    )
                    gains.append(cross_val_score(model, X, y, cv=StratifiedKFold(3)))
            without, with_one = (max(gains[i::2], key=np.mean) for i in (0, 1))
            gain = with_one - without
            better = gain.mean() > gain.std(ddof=1) / 3**0.5
            model = clone(self.SMALL).fit(X, y)
            assert model.best_params_["fit_intercept"] == better
            assert model.rounds_[0].coef.shape == (64 + better, len(model.classes_))

    def test_without_a_difference_there_is_no_intercept(self):
        data = datasets.block_correlated(3, 20, c=0.5, d=0.0)
        model = SelfDistilledClassifierCV(rounds=1, methods={}).fit(data.features, data.labels)
        assert model.best_params_["fit_intercept"] is False

    def test_says_when_a_constant_is_better(self):
        X, _, given = self.draw(1)
        model = clone(self.SMALL).set_params(fit_intercept=False)
        with pytest.warns(NoBetterThanConstant, match=r"and always answering the most") as said:
            model.fit(X, given)
        assert len(said) == 1
        assert said[0].filename == __file__
        assert model.best_score_ < model.baseline_score_

    @pytest.mark.filterwarnings("ignore::sdbook.estimator.NoBetterThanConstant")
    @pytest.mark.parametrize("soft", [False, True])
    def test_the_constant_is_that_of_the_dummy(self, soft):
        X, _, given = self.draw(2)
        weights = np.random.default_rng(0).uniform(0, 2, len(X))
        folds = list(KFold(4).split(X))
        expected = np.mean(
            [
                DummyClassifier()
                .fit(X[train], given[train], weights[train])
                .score(X[test], given[test], weights[test])
                for train, test in folds
            ]
        )
        model = SelfDistilledClassifierCV(rounds=1, methods={}, lams=1e-3, cv=folds)
        model.fit(X, datasets.one_hot(given, 2) if soft else given, sample_weight=weights)
        assert model.baseline_score_ == pytest.approx(expected)


class TestCopies:
    """What is held out must be new to the model."""

    MODEL = SelfDistilledClassifierCV(rounds=2, lams=[1e-5, 1e-3], methods={}, cv=3)

    @pytest.fixture
    def few(self, digits):
        train, given, _ = digits
        return train.features[:150], given[:150]

    @staticmethod
    def folds(X, y, cv=3, groups=None):
        given = Given(X, datasets.one_hot(y, 10), y, np.arange(10), None)
        return folds_of(cv, given, groups)

    @pytest.mark.slow
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_rows_that_are_there_k_times_are_rows_that_weigh_k(self, few, dtype):
        X, y = few[0].astype(dtype), few[1]
        k = np.random.default_rng(0).integers(1, 4, len(y))
        weighted = clone(self.MODEL).fit(X, y, sample_weight=k)
        order = np.random.default_rng(1).permutation(np.repeat(np.arange(150), k))
        first = np.unique(order, return_index=True)[1]
        order = np.r_[np.arange(150), np.delete(order, first)]  # copies anywhere behind
        repeated = clone(self.MODEL).fit(X[order], y[order])
        np.testing.assert_allclose(repeated.scores_, weighted.scores_, atol=1e-7)
        assert repeated.best_params_ == weighted.best_params_

    def test_without_copies_folds_are_scikit_learns(self, few):
        X, y = few
        for mine, theirs in zip(self.folds(X, y), StratifiedKFold(3).split(X, y), strict=True):
            for part in (0, 1):
                np.testing.assert_array_equal(mine[part], theirs[part])

    def test_copies_are_equal_rows_with_one_label(self, few):
        X, y = few
        X, y = np.r_[X, X[::2]], np.r_[y, y[::2]]
        y[150:160] = (y[150:160] + 1) % 10  # labelled again, by somebody else
        alone = same_rows(X)[150:160]
        for train, test in self.folds(X, y):
            assert len(train) + len(test) == len(X)
            assert set(same_rows(X)[train]) & set(same_rows(X)[test]) <= set(alone)

    @pytest.mark.parametrize("wrong", [0, 0.2])
    def test_categories_are_no_copies(self, wrong):
        """Who holds out a whole category asks about something that was never seen."""
        rng = np.random.default_rng(0)
        level = rng.integers(0, 8, 400)
        true = np.array([0, 1, 2, 0, 1, 2, 0, 1])[level]
        y = np.where(rng.random(400) < wrong, rng.integers(0, 3, 400), true)
        model = clone(self.MODEL).set_params(cv=5).fit(np.eye(8)[level], y)
        assert (model.corrected_labels_ == true).all()
        assert model.best_score_ == pytest.approx((y == true).mean(), abs=0.01)

    def test_zeros_of_either_sign_are_equal(self):
        X = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 2.0], [0.0, -1.0]])
        assert same_rows(X).tolist() == [0, 0, 2, 3]
        assert same_rows(np.asfortranarray(X, dtype=np.float32)).tolist() == [0, 0, 2, 3]

    def test_a_splitter_that_needs_groups_says_so(self, few):
        with pytest.raises(ValueError, match="'groups' parameter should not be None"):
            self.folds(*few, cv=GroupKFold(3))

    def test_groups_stay_together(self, few):
        X, y = few
        groups = np.array([f"patient {i}" for i in range(30)]).repeat(5)
        expected = StratifiedGroupKFold(3).split(X, y, groups)
        for mine, theirs in zip(self.folds(X, y, 3, groups), expected, strict=True):
            assert len(set(groups[mine[0]]) & set(groups[mine[1]])) == 0
            assert len(mine[1]) == pytest.approx(len(theirs[1]), abs=10)
        for cv in (GroupKFold(3), StratifiedGroupKFold(3)):
            for train, test in self.folds(X, y, cv, groups.tolist()):
                assert not set(groups[train]) & set(groups[test])

    def test_groups_that_share_a_row_are_one(self, few):
        X, y = few
        X = in_row(range(0, 150, 5), X, X[0])  # one row of each group
        y = in_row(range(0, 150, 5), y, y[0])
        with pytest.raises(ValueError, match=r"groups must have at least as many .* got 1"):
            self.folds(X, y, 3, np.arange(150) // 5)

    @pytest.mark.slow
    def test_groups_are_handed_on(self, few):
        X, y = few
        groups = np.arange(150) // 5
        kfold = GroupKFold(3)
        with config_context(enable_metadata_routing=True):
            pipeline = make_pipeline(
                StandardScaler(), clone(self.MODEL).set_fit_request(groups=True)
            ).fit(X, y, groups=groups)
            direct = clone(self.MODEL).fit(StandardScaler().fit_transform(X), y, groups=groups)
            np.testing.assert_array_equal(pipeline[-1].scores_, direct.scores_)
            found = cross_validate(pipeline, X, y, cv=kfold, params={"groups": groups})
            assert found["test_score"].min() > 0.2

    @pytest.mark.parametrize(
        ("groups", "message"),
        [
            (np.arange(149), r"groups must have shape \(150,\), got \(149,\)"),
            (np.ones((150, 2)), r"groups must have shape \(150,\), got \(150, 2\)"),
            (
                [None, *range(149)],
                "groups must have no missing values, got None in row 0.* 1 of 150",
            ),
            (["1", *range(149)], "groups must be labels of one .* '1' in row 0, got 0 in row 1"),
            (
                np.arange(150) // 75,
                "groups must have at least as many groups as cv has folds, 3, got 2",
            ),
        ],
    )
    def test_groups_that_are_none(self, few, groups, message):
        with pytest.raises(ValueError, match=message):
            clone(self.MODEL).fit(*few, groups=groups)

    def test_groups_and_settled_folds_contradict_each_other(self, few):
        X, y = few
        model = clone(self.MODEL).set_params(cv=list(KFold(3).split(X)))
        with pytest.raises(ValueError, match="groups must be None where cv is a list"):
            model.fit(X, y, groups=np.arange(150) // 5)

    @pytest.mark.slow
    def test_an_iterator_of_folds_serves_once(self, few):
        X, y = few
        model = clone(self.MODEL).set_params(cv=KFold(3).split(X)).fit(X, y)
        with pytest.raises(ValueError, match=r"cv must give at least one fold, .* only once"):
            model.fit(X, y)

    def test_folds_may_be_masks(self, few):
        X, y = few
        half = np.arange(150) < 75
        models = [
            clone(self.MODEL).set_params(cv=cv).fit(X, y)
            for cv in ([(half, ~half)], [(np.flatnonzero(half), np.flatnonzero(~half))])
        ]
        np.testing.assert_array_equal(models[0].scores_, models[1].scores_)


class TestSoftTargets:
    @BOTH
    def test_certain_shares_are_labels(self, few, classifier):
        X, y = few
        shares = datasets.one_hot(y, 4)
        by_labels, by_shares = clone(classifier).fit(X, y), clone(classifier).fit(X, shares)
        np.testing.assert_allclose(
            by_labels.predict_proba(X), by_shares.predict_proba(X), atol=1e-10
        )
        np.testing.assert_array_equal(by_shares.classes_, np.arange(4))

    def test_shares_may_be_as_coarse_as_float32(self, few):
        X, y = few
        shares = np.random.default_rng(0).dirichlet(np.ones(4), len(y))
        fine, coarse = (
            SelfDistilledClassifier().fit(X, shares.astype(dtype)).predict_proba(X)
            for dtype in (np.float64, np.float32)
        )
        np.testing.assert_allclose(fine, coarse, atol=1e-5)

    def test_shares_of_a_data_frame_may_be_nullable(self, few):
        X, y = few
        shares = pandas.DataFrame(datasets.one_hot(y, 4) * 0.8 + 0.05)
        plain, nullable = (
            SelfDistilledClassifier().fit(X, table).predict_proba(X)
            for table in (shares, shares.convert_dtypes())
        )
        np.testing.assert_array_equal(plain, nullable)

    def test_columns_name_the_classes(self, few):
        X, y = few
        names = ["zebra", "ant", "cat", "dog"]
        shares = pandas.DataFrame(datasets.one_hot(y, 4) * 0.8 + 0.05, columns=names)
        model = SelfDistilledClassifier(lam=1e-5).fit(X, shares)
        assert list(model.classes_) == names
        assert list(model.predict(X)) == [names[label] for label in y]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda Y: Y * 0.9, "y must be one column of .* row sums of 1, got 0.9 in row 0"),
            (lambda Y: Y * 100, "y must be .* row sums of 1, got 100 in row 0"),
            (lambda Y: in_row(7, Y, [1, 1, 0, 0]), "y must be .* row sums of 1, got 2 in row 7"),
            (lambda Y: in_row(7, Y, [-2, 2, 0, 1]), "y must have shares .* >= 0, got -2 in row 7"),
            (
                lambda Y: in_row(7, Y, [0, np.inf, 0, 0]),
                "y must have shares .* >= 0, got inf in row 7",
            ),
            (
                lambda Y: pandas.DataFrame(in_row(7, Y, np.nan)),
                "y must have no missing values, got nan in row 7.* 1 of 40",
            ),
            (
                lambda Y: in_row(7, Y.astype(object), None),
                "y must have no missing values, got None in row 7",
            ),
            (lambda Y: Y.astype(str), "y must be one column of .*, got shape .40, 4. and dtype"),
            (lambda Y: Y[:-1], "y must have one entry for each row of X, 40, got 39"),
            (
                lambda Y: Y[:, :, None],
                r"y must be one column .* got shape \(40, 4, 1\)",
            ),
            (lambda Y: Y * 0 + [1, 0, 0, 0], "y must have at least 2 classes, got one class, 0"),
            (
                lambda Y: pandas.DataFrame(Y, columns=["a", "b", "c", "b"]),
                "y must have columns with different names, got 'b' more",
            ),
            (
                lambda Y: np.ma.masked_array(Y, Y * 0 + np.eye(40, 4, -7)),
                "y .*masked.* in row 7",
            ),
        ],
    )
    def test_what_is_not_shares_is_refused(self, few, change, message):
        X, y = few
        with pytest.raises(ValueError, match=message):
            SelfDistilledClassifier().fit(X, change(datasets.one_hot(y, 4)))


class TestWhereNothingIsKnown:
    """A given label is changed only where something speaks for another class."""

    def test_instances_without_a_direction_keep_their_labels(self):
        X = np.r_[np.zeros((10, 2)), [[1.0, 0.0], [-1.0, 0.0]] * 10]
        y = np.r_[np.full(10, 2), [0, 1] * 10]
        model = SelfDistilledClassifier(fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X[:10]), 1 / 3)
        np.testing.assert_array_equal(model.corrected_labels_, y)
        np.testing.assert_array_equal(model.corrected_labels_per_round_, [y, y])
        np.testing.assert_array_equal(model.suspicion_[:10], 0.5)
        assert model.suspicion_[10:].max() < 0.5
        assert (model.predict(X[:10]) == 0).all()

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_two_labels_of_the_same_instance_both_stay(self, dtype):
        X = np.repeat(np.eye(4, dtype=dtype), 2, axis=0)
        labels = np.array([0, 1, 2, 3, 1, 3, 0, 2])
        model = SelfDistilledClassifier(rounds=3, refinement="as_is", fit_intercept=False)
        model.set_params(centre=False, lam=1e-3).fit(X, labels)
        np.testing.assert_array_equal(model.corrected_labels_, labels)
        np.testing.assert_array_equal(model.suspicion_, 0.5)

    def test_a_target_without_an_opinion_is_not_suspicious(self, digits):
        train, given, _ = digits
        shares = datasets.one_hot(given, 10)
        shares[:200] = 0.1
        model = SelfDistilledClassifier(rounds=1, lam=1e-4).fit(train.features, shares)
        assert (model.suspicion_[:200] == 0).all()
        assert model.suspicion_[200:].min() > 0
        np.testing.assert_array_equal(
            model.corrected_labels_[:200], model.predict(train.features[:200])
        )
        assert (model.corrected_labels_[:200] == train.labels[:200]).mean() > 0.6

    def test_a_target_with_two_opinions_is_suspicious_where_a_third_is_likelier(self):
        told = np.array([[True, True, False]] * 3)
        outputs = np.array([[0.5, 0.2, 0.3], [0.2, 0.5, 0.3], [0.2, 0.2, 0.6]])
        np.testing.assert_allclose(compared(outputs, told)[1], [0.375, 0.375, 0.75])


class TestFitsIn:
    """Pipelines, searches, pickles, data frames."""

    @pytest.fixture
    def frame(self, few):
        X, y = few
        names = [f"pixel {j}" for j in range(X.shape[1])]
        order = np.random.default_rng(0).permutation(len(y))
        frame = pandas.DataFrame(X, columns=names, index=order)
        return frame, pandas.Series(np.array(["ant", "bee", "cat", "dog"])[y], index=order)

    def test_names_of_features_and_classes(self, frame, few):
        X, y = few
        features, labels = frame
        model = SelfDistilledClassifier().fit(features, labels)
        assert list(model.feature_names_in_) == list(features.columns)
        assert list(model.classes_) == ["ant", "bee", "cat", "dog"]
        plain = SelfDistilledClassifier().fit(X, y)
        np.testing.assert_array_equal(
            model.corrected_labels_, model.classes_[plain.corrected_labels_]
        )
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(features.iloc[:, ::-1])

    @pytest.mark.slow
    def test_pipeline_and_grid_search(self, digits):
        train, given, test = digits
        pipeline = make_pipeline(StandardScaler(), SelfDistilledClassifier(rounds=1))
        grid = {
            "selfdistilledclassifier__refinement": ["as_is", "hard"],
            "selfdistilledclassifier__rounds": [1, 3],
        }
        search = GridSearchCV(pipeline, grid, cv=3).fit(train.features, given)
        assert len(set(search.cv_results_["mean_test_score"])) == 3  # one round is one round
        assert search.score(test.features, test.labels) > (given == train.labels).mean() + 0.2

    @BOTH
    def test_pickle_and_clone(self, few, classifier):
        X, y = few
        model = clone(classifier).fit(X, y)
        copy = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
        again = clone(model).fit(X, y)
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))

    @BOTH
    def test_a_fitted_object_is_small(self, classifier):
        rng = np.random.default_rng(0)
        names = np.array([f"a long name of a class, {k}" for k in range(20)])
        size = {}
        for N in (400, 800):
            X, y = rng.standard_normal((N, 5)), rng.integers(0, 20, N)
            model = clone(classifier).set_params(rounds=2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NoBetterThanConstant)  # labels are random
                size[N] = len(pickle.dumps(model.fit(X, names[y])))
        assert size[800] - size[400] < 400 * 16  # one number of 20 x 2 outputs, and two labels

    def test_classes_that_are_too_many_for_memory_are_said_to_be(self, few, monkeypatch):
        X, y = few
        monkeypatch.setattr(
            "psutil.virtual_memory", lambda: type("Little", (), {"available": 2000})()
        )
        with pytest.raises(MemoryError, match="y with 4 classes in 40 rows needs"):
            SelfDistilledClassifier().fit(X, y)

    def test_fits_in_threads_leave_warnings_alone(self, few, monkeypatch):
        # Who restores filters after another thread has changed them undoes that change.
        changed = []

        class Watched(warnings.catch_warnings):
            def __init__(self, *arguments, **options):
                changed.append(sys._getframe(1).f_globals["__name__"])
                super().__init__(*arguments, **options)

        monkeypatch.setattr(warnings, "catch_warnings", Watched)
        before = list(warnings.filters)
        X, y = few
        models = [SelfDistilledClassifier(), SelfDistilledClassifierCV(rounds=1, methods={}, cv=2)]
        threads = [threading.Thread(target=model.fit, args=(X, y)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(hasattr(model, "coef_") for model in models)
        assert not [name for name in changed if name.startswith("sdbook")]
        assert warnings.filters == before

    @BOTH
    def test_sparse_features_are_told_where_to_go(self, few, classifier):
        X, y = few
        with pytest.raises(
            TypeError, match=r"X must be dense, got a sparse csr_array .*TruncatedSVD"
        ):
            clone(classifier).fit(csr_array(X), y)
        model = clone(classifier).fit(X, y)
        with pytest.raises(TypeError, match="X must be dense"):
            model.predict(csr_array(X))


class TestWhatItSaysAboutLabels:
    def test_corrections_beat_the_given_labels(self, digits):
        train, given, _ = digits
        model = SelfDistilledClassifier(rounds=3, refinement="hard").fit(train.features, given)
        right = (model.corrected_labels_per_round_ == train.labels).mean(axis=1)
        assert (given == train.labels).mean() == pytest.approx(0.5, abs=0.01)
        assert right.min() > 0.75
        np.testing.assert_array_equal(model.corrected_labels_, model.corrected_labels_per_round_[2])
        np.testing.assert_array_equal(model.corrected_labels_, model.predict(train.features))

    def test_staged_answers_end_with_the_answer(self, few):
        X, y = few
        model = SelfDistilledClassifier(rounds=3).fit(X, y)
        stages = list(model.staged_predict(X))
        np.testing.assert_array_equal(stages, model.corrected_labels_per_round_)
        np.testing.assert_array_equal(stages[-1], model.predict(X))

    def test_suspicion_finds_wrong_labels(self):
        train, _ = datasets.digits().split(rng=0)
        found = []
        for seed in range(5):
            given = noise.corrupt(train.labels, noise.symmetric(10, 0.5), rng=seed)
            model = SelfDistilledClassifier(tolerance=1e-6).fit(train.features, given)
            found.append(roc_auc_score(given != train.labels, model.suspicion_))
        assert np.mean(found) > 0.97

    @pytest.mark.slow
    def test_answers_that_have_seen_the_given_label_are_better(self):
        train, _ = datasets.digits().split(rng=0)
        ahead = []
        for seed in range(5):
            given = noise.corrupt(train.labels, noise.symmetric(10, 0.7), rng=seed)
            model = SelfDistilledClassifier(tolerance=1e-6)
            blind = cross_val_predict(model, train.features, given)
            seen = model.fit(train.features, given).corrected_labels_
            ahead.append(np.mean(seen == train.labels) - np.mean(blind == train.labels))
        assert np.mean(ahead) > 0.035  # half of what was measured

    @example(
        outputs=st.lists(
            st.lists(st.integers(1, 1000), min_size=3, max_size=3), min_size=1, max_size=9
        ),
        label=st.integers(0, 2),
    )
    @settings(max_examples=50, deadline=None, derandomize=True)
    def test_suspicion_is_above_a_half_where_another_class_is_likelier(self, outputs, label):
        outputs = np.array(outputs) / np.sum(outputs, axis=1, keepdims=True)
        told = np.tile(np.arange(3) == label, (len(outputs), 1))
        _, scores = compared(outputs, told)
        assert scores.min() >= 0
        assert scores.max() <= 1
        rival = np.delete(outputs, label, axis=1).max(axis=1)
        np.testing.assert_array_equal(scores > 0.5, rival > outputs[:, label])
        np.testing.assert_array_equal(scores < 0.5, rival < outputs[:, label])

    def test_certificates(self, few):
        model = SelfDistilledClassifier(rounds=3).fit(*few)
        assert all(step.certificate.relative_gradient_norm < 1e-8 for step in model.rounds_)
        assert model.certificate_ is model.rounds_[-1].certificate
        assert 0 <= model.certificate_.gap_bound < 1e-12

    def test_says_when_it_is_not_exact(self, few):
        class Misleading(CrossEntropy):
            def weights(self, log_outputs, targets):
                return -targets

        with pytest.warns(NotConverged, match="round 1: NOT converged"):
            SelfDistilledClassifier(rounds=1, loss=Misleading()).fit(*few)


class TestChooser:
    LAMS = (1e-4, 1e-2)
    METHODS = (
        {"refinement": ["as_is", "hard"]},
        {"refinement": "top_k", "student_loss": "generalised_cross_entropy"},
        {"loss": "generalised_cross_entropy"},
    )

    @pytest.fixture(scope="class")
    def chosen(self, digits):
        train, given, _ = digits
        model = SelfDistilledClassifierCV(
            rounds=3,
            lams=self.LAMS,
            methods=self.METHODS,
            fit_intercept=False,
            cv=3,
            tolerance=1e-8,
        )
        return model.fit(train.features, given)

    @pytest.mark.slow
    @pytest.mark.parametrize("method", range(4))
    def test_scores_are_those_of_cross_validation(self, chosen, digits, method):
        train, given, _ = digits
        assert chosen.scores_.shape == (4, 2, 3)
        for rounds in (1, 3):
            model = SelfDistilledClassifier(
                rounds=rounds,
                lam=self.LAMS[1],
                fit_intercept=False,
                tolerance=1e-8,
                **chosen.methods_[method],
            )
            expected = cross_val_score(model, train.features, given, cv=StratifiedKFold(3))
            np.testing.assert_allclose(
                chosen.fold_scores_[:, method, 1, rounds - 1], expected, atol=1e-12
            )

    @pytest.mark.slow
    def test_changes_are_counted_on_what_was_held_out(self, chosen, digits):
        train, given, _ = digits
        changes = []
        for fit, held_out in StratifiedKFold(3).split(train.features, given):
            model = SelfDistilledClassifier(
                rounds=3, lam=self.LAMS[0], refinement="hard", fit_intercept=False
            )
            model.fit(train.features[fit], given[fit])
            answers = list(model.staged_predict(train.features[held_out]))
            changes.append([np.mean(answers[t] != answers[t + 1]) for t in range(2)])
        np.testing.assert_allclose(chosen.changes_[1, 0], np.mean(changes, axis=0), atol=1e-12)

    @pytest.mark.slow
    def test_what_was_chosen_is_what_was_trained(self, chosen, digits):
        train, given, test = digits
        m = chosen.methods_.index(chosen.method_)
        j = list(self.LAMS).index(chosen.lam_)
        assert chosen.best_score_ == chosen.scores_[m, j, chosen.n_rounds_ - 1]
        assert chosen.best_score_ == chosen.scores_.max()
        model = SelfDistilledClassifier(**chosen.best_params_).fit(train.features, given)
        np.testing.assert_array_equal(
            model.predict_proba(test.features), chosen.predict_proba(test.features)
        )
        np.testing.assert_array_equal(model.suspicion_, chosen.suspicion_)
        assert len(chosen.rounds_) == chosen.n_rounds_

    def test_choice_without_clean_labels_is_near_the_best(self, chosen, digits):
        train, given, test = digits
        accuracy = []
        for parameters in chosen.methods_:
            for lam in self.LAMS:
                model = SelfDistilledClassifier(
                    rounds=3, lam=lam, fit_intercept=False, tolerance=1e-8, **parameters
                )
                stages = model.fit(train.features, given).staged_predict(test.features)
                accuracy += [np.mean(answers == test.labels) for answers in stages]
        assert chosen.score(test.features, test.labels) > np.mean(accuracy) + np.std(accuracy)

    @pytest.mark.slow
    def test_a_parameter_with_several_values_is_several_methods(self, few):
        model = SelfDistilledClassifierCV(
            rounds=1, methods={"loss": ["cross_entropy", "generalised_cross_entropy"]}
        )
        assert model.fit(*few).methods_ == [
            {"loss": "cross_entropy"},
            {"loss": "generalised_cross_entropy"},
        ]
        assert model.n_rounds_ == 1
        assert (model.fold_scores_[:, 0] != model.fold_scores_[:, 1]).any()

    def test_ties_go_to_fewer_rounds_and_larger_lambda(self):
        data = datasets.block_correlated(3, 20, c=0.5, d=0.0)
        model = SelfDistilledClassifierCV(lams=[1e-5, 1e-4], methods={}, cv=2)
        model.fit(data.features, data.labels)
        assert (model.scores_ == 1).all()
        assert (model.n_rounds_, model.lam_) == (1, 1e-4)
        assert (model.changes_ == 0).all()

    def test_progress_is_shown_only_where_it_is_wanted(self, few, capsys):
        model = SelfDistilledClassifierCV(rounds=1, lams=[1e-3], methods={}, cv=2)
        model.fit(*few)
        assert capsys.readouterr().err == ""
        model.set_params(progress=True).fit(*few)
        assert "without intercept: 100%" in capsys.readouterr().err

    @pytest.mark.slow
    def test_work_can_be_shared(self, few):
        X, y = few
        model = SelfDistilledClassifierCV(rounds=2, lams=[1e-3], cv=2)
        alone, shared = model.fit(X, y), clone(model).set_params(n_jobs=2).fit(X, y)
        np.testing.assert_array_equal(alone.fold_scores_, shared.fold_scores_)

    def test_soft_targets_are_scored_by_the_share_of_the_answer(self, few):
        X, y = few
        shares = datasets.one_hot(y, 4) * 0.6 + 0.1
        model = SelfDistilledClassifierCV(rounds=2, methods={}, lams=1e-3, cv=KFold(2))
        by_labels, by_shares = clone(model).fit(X, y), clone(model).fit(X, shares)
        assert by_shares.scores_[0, 0, 0] == pytest.approx(0.1 + 0.6 * by_labels.scores_[0, 0, 0])

    def test_float32_asks_for_no_more_than_float32_can(self, few):
        X, y = few
        with warnings.catch_warnings():
            warnings.simplefilter("error", NotConverged)
            model = SelfDistilledClassifierCV(rounds=2, lams=[1e-5, 1e-3], cv=2)
            model.fit(X.astype(np.float32), y)
        assert 1e-10 < model.certificate_.relative_gradient_norm <= 1e-4

    def test_weights_count_in_the_scores(self, few):
        X, y = few
        half = np.arange(len(y)) < len(y) / 2
        halves = [(np.flatnonzero(half), np.flatnonzero(~half))]
        weights = np.where(half, 1.0, y == y[-1])
        model = SelfDistilledClassifierCV(
            rounds=1, methods={}, lams=1e-4, cv=halves, fit_intercept=False
        )
        with pytest.warns(NoBetterThanConstant):  # as the class that counts is the frequent one
            model.fit(X, y, sample_weight=weights)
        teacher = SelfDistilledClassifier(rounds=1, lam=1e-4, fit_intercept=False)
        answers = teacher.fit(X[half], y[half]).predict(X[~half])
        judged = y[~half] == y[-1]
        assert model.best_score_ == np.mean(answers[judged] == y[-1])


class TestSelectBest:
    """One rule of choice, for the chooser, the paper's penalties and the recipe."""

    def test_the_best_wins(self):
        assert select_best([0.5, 0.7, 0.6], lams=[3, 1, 2], rounds=[1, 9, 1]) == (1,)
        assert select_best([[0.5, 0.7], [0.8, 0.1]]) == (1, 0)

    def test_of_tied_ones_the_simplest_and_then_the_first(self):
        tied = np.full((2, 2, 2), 0.7)
        lams, rounds = [[1e-3], [1e-2]], [2, 1]
        assert select_best(tied, lams=lams, rounds=rounds) == (0, 1, 1)
        assert select_best(tied, lams=lams) == (0, 1, 0)
        assert select_best(tied) == (0, 0, 0)
        assert select_best([0.7, 0.7], lams=[1, 2], rounds=[1, 2]) == (0,)  # rounds come first

    def test_what_rounding_can_change_is_a_tie(self):
        assert select_best([0.1 + 0.2, 0.3], lams=[1e-3, 1e-2]) == (1,)
        assert select_best([0.3 + 1e-9, 0.3], lams=[1e-3, 1e-2]) == (0,)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"scores": []}, "scores must have at least one entry"),
            ({"scores": [0.5, np.nan]}, "scores must be finite"),
            ({"lams": [1e-3, 0]}, "lams must be > 0"),
            ({"lams": [1, 2, 3]}, r"lams must have a shape .* scores, \(2,\), got \(3,\)"),
            ({"rounds": [0, 1]}, "rounds must be >= 1"),
        ],
    )
    def test_errors(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            select_best(**{"scores": [0.5, 0.6], **arguments})


class TestNoisyAccuracy:
    """What the chooser's notes say about wrong labels as judges."""

    @staticmethod
    def confusion(rng, classes):
        """Joint shares of true class and answer, in classes of unequal size."""
        joint = rng.dirichlet(np.full(classes**2, 0.3)).reshape(classes, classes)
        return joint + 0.1 * np.eye(classes)

    @pytest.mark.parametrize("rate", [0.0, 0.4, 0.7])
    def test_symmetric_noise_keeps_the_order_whatever_the_errors(self, rate):
        rng = np.random.default_rng(0)
        for _ in range(20):
            joint = self.confusion(rng, 5)
            joint /= joint.sum()
            noisy = (joint * noise.symmetric(5, rate)).sum()
            line = rate / 4 + (1 - rate * 5 / 4) * np.trace(joint)
            assert noisy == pytest.approx(line, abs=1e-12)

    def test_other_noise_bounds_the_error(self):
        rng = np.random.default_rng(1)
        C = noise.superclass([0, 0, 1, 1, 1], 0.4)
        lost = np.diag(C)[:, None] - C
        apart = lost[~np.eye(5, dtype=bool)]
        assert apart.min() > 0
        for _ in range(20):
            joint = self.confusion(rng, 5)
            joint /= joint.sum()
            regret = (joint * lost).sum()
            error = 1 - np.trace(joint)
            assert regret / apart.max() - 1e-12 <= error <= regret / apart.min() + 1e-12

    def test_superclass_noise_can_turn_the_order(self):
        C = noise.superclass([0, 0, 1, 1], 0.4)
        inside = np.array([[7, 3, 0, 0], [3, 7, 0, 0], [0, 0, 7, 3], [0, 0, 3, 7]]) / 40
        across = np.array([[8, 0, 2, 0], [0, 8, 0, 2], [2, 0, 8, 0], [0, 2, 0, 8]]) / 40
        assert np.trace(across) > np.trace(inside)
        assert (across * C).sum() < (inside * C).sum()


class TestErrors:
    """Each names the argument, what is accepted, and what was given."""

    @pytest.mark.parametrize(
        ("parameters", "error", "message"),
        [
            ({"rounds": 0}, ValueError, "rounds must be an integer >= 1, got 0"),
            ({"rounds": 1.5}, TypeError, "rounds must be an integer"),
            ({"lam": 0}, ValueError, "lam must be > 0"),
            (
                {"refinement": "hrd"},
                ValueError,
                "refinement must be 'as_is', 'hard', 'top_k', 'one_or_two' or a callable, "
                "got 'hrd'",
            ),
            ({"refinement": 3}, TypeError, "refinement must be .* or a callable, got 3"),
            ({"loss": "mae"}, ValueError, "loss must be 'cross_entropy', .*got 'mae'"),
            ({"student_loss": 1}, TypeError, "student_loss must be .* or a loss .* got 1"),
            ({"refinement": "top_k", "k": 9}, ValueError, "k .*9"),
            ({"refinement": "one_or_two", "margin": -1}, ValueError, "margin must be >= 0"),
            ({"tolerance": -1}, ValueError, "tolerance must be"),
            ({"centre": 1}, TypeError, "centre must be True or False, got 1"),
            ({"normalise": None}, TypeError, "normalise must be True or False, got None"),
            ({"fit_intercept": "no"}, TypeError, "fit_intercept must be True or False, got 'no'"),
        ],
    )
    def test_of_the_classifier(self, few, parameters, error, message):
        with pytest.raises(error, match=message):
            SelfDistilledClassifier(**parameters).fit(*few)

    @pytest.mark.parametrize(
        ("parameters", "error", "message"),
        [
            ({"rounds": 0}, ValueError, "rounds must be an integer >= 1, got 0"),
            ({"lams": [1e-3, 0]}, ValueError, "lams must be > 0"),
            ({"lams": []}, ValueError, "lams must be a non-empty list of numbers, got"),
            ({"methods": []}, TypeError, "methods must be a mapping or a non-empty list"),
            ({"methods": "as_is"}, TypeError, "methods must be a mapping .* got 'as_is'"),
            ({"methods": 5}, TypeError, "methods must be a mapping .* got 5"),
            ({"methods": {"lam": 1}}, ValueError, "methods must set only .* got 'lam'"),
            ({"methods": {"loss": "mae"}}, ValueError, "loss must be .* got 'mae'"),
            (
                {"fit_intercept": "no"},
                ValueError,
                "fit_intercept must be 'auto', True or False, got 'no'",
            ),
            ({"fit_intercept": 1}, TypeError, "fit_intercept must be 'auto', True or"),
            (
                {"cv": [(np.arange(40), np.arange(0))]},
                ValueError,
                "cv must give rows held out .* got none in fold 0",
            ),
            (
                {"cv": [(np.arange(9), [9]), ([], [9])]},
                ValueError,
                "cv must give rows to train on .* got none in fold 1",
            ),
            (
                {"cv": [(np.zeros(40, dtype=bool), [9])]},
                ValueError,
                "cv must give rows to train on",
            ),
            (
                {"cv": [(np.arange(9), [40])]},
                ValueError,
                "cv must give pairs .* rows of X, .*index 40 is out of bounds",
            ),
            (
                {"cv": [(np.arange(9), [0.5])]},
                ValueError,
                "cv must give pairs .* rows of X, .*must be of integer",
            ),
            ({"cv": [np.arange(9)]}, ValueError, "cv must give pairs .* as fold 0"),
            ({"cv": []}, ValueError, "cv must give at least one fold, got none"),
            ({"cv": "five"}, ValueError, "`cv` as an integer"),
            ({"cv": 2.5}, ValueError, "`cv` as an integer"),
        ],
    )
    def test_of_the_chooser(self, few, parameters, error, message):
        with pytest.raises(error, match=message):
            SelfDistilledClassifierCV(**parameters).fit(*few)

    def test_of_a_fold_without_weight(self, few):
        X, y = few
        halves = [(np.arange(20), np.arange(20, 40))]
        for weights, part in ((np.arange(40) < 20, "held out"), (np.arange(40) >= 20, "to train")):
            with pytest.raises(
                ValueError, match=f"cv must give rows {part}.* with sample_weight > 0"
            ):
                SelfDistilledClassifierCV(cv=halves).fit(X, y, sample_weight=weights)

    @BOTH
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda y: in_row(7, y, np.nan),
                "y must have no missing values, got nan in row 7.* 1 of 40",
            ),
            (
                lambda y: in_row([9, 7], y, None),
                "y must have no missing values, got None in row 7.* 2 of 40",
            ),
            (
                lambda y: list(in_row(7, y, None)),
                "y must have no missing values, got None in row 7",
            ),
            (lambda y: in_row(7, y, pandas.NaT), "y must have no missing values, got NaT in row 7"),
            (
                lambda y: pandas.Series(in_row(7, y, None)),
                "y must have no missing values, got (nan|None) in row 7",
            ),
            (
                lambda y: pandas.Series(in_row(7, y, None), dtype="string"),
                "y must have no missing values, got <NA> in row 7",
            ),
            (
                lambda y: pandas.Series(in_row(7, y, None), dtype="category"),
                "y must have no missing values, got nan in row 7",
            ),
            (
                lambda y: in_row(7, (y == "a") * 1.0, np.nan),
                "y must have no missing values, got nan in row 7",
            ),
            (
                lambda y: in_row(7, (y == "a") * 1.0, np.inf),
                "y must be labels .*, got inf in row 7",
            ),
            (
                lambda y: in_row(7, (y == "a") * 1.0, 0.5),
                "y must be labels .* not a continuous quantity, got 0.5 in row 7",
            ),
            (
                lambda y: in_row(7, pandas.Series(y == "a").astype("Int64"), pandas.NA),
                "y must have no missing values, got nan in row 7",
            ),
            (
                lambda y: in_row(7, pandas.Series(y == "a").astype("boolean"), pandas.NA),
                "y must have no missing values, got <NA> in row 7",
            ),
            (
                lambda y: in_row(7, y, 3),
                "y must be labels of one kind .* '.' in row 0, got 3 in row 7",
            ),
            (
                lambda y: [{name} for name in y],
                "y must be labels of one kind .* got {'.'} in row 0",
            ),
            (
                lambda y: in_row(7, y, np.nan).tolist(),
                "y must have no missing values, got nan in row 7",
            ),
            (
                lambda y: tuple(in_row(7, y, np.nan)),
                "y must have no missing values, got nan in row 7",
            ),
            (
                lambda y: np.ma.masked_array(y == "a", np.arange(40) % 8 == 7),
                "y .*masked.* in row 7",
            ),
            (
                lambda y: [1 if name == "a" else "1" for name in y],
                "y must be labels of one kind .* '1' in row 0, got 1 in row",
            ),
            (lambda y: [True, 1, *[0] * 38], "y must be .* True in row 0, got 1 in row 1"),
            (
                lambda y: [{"a": 2**63 + 1, "b": 2**63 + 2}.get(name, -1) for name in y],
                f"y must be numbers that one NumPy type holds exactly, got {2**63 + 1} in row",
            ),
            (
                lambda y: [2**53 + 1, 1.5, *[1.0] * 38],
                f"y must be .* exactly, got {2**53 + 1} in row 0",
            ),
            (lambda y: [2**70, *[1] * 39], f"y must be .* exactly, got {2**70} in row 0"),
            (
                lambda y: np.arange(40),
                "y must have labels that several .* got 40 classes in 40 rows, like .* identif",
            ),
            (
                lambda y: [f"{i}.jpg" for i in range(40)],
                "y must have labels that several .* got 40 classes in 40 rows",
            ),
            (lambda y: y[:-2], "y must have one entry for each row of X, 40, got 38"),
            (lambda y: [*y, "a"], "y must have one entry for each row of X, 40, got 41"),
            (lambda y: [["a"], ["b", "c"]] * 20, r"y must be labels .* got \['a'\] in row 0"),
            (lambda y: "label", r"y must be one column .* got shape \(\)"),
            (lambda y: np.full(40, "a"), "y must have at least 2 classes, got one class, 'a'"),
            (lambda y: y.astype("S"), r"y must be labels of one kind .* got dtype \|S1"),
        ],
    )
    def test_of_labels(self, few, classifier, change, message):
        X, y = few
        with pytest.raises(ValueError, match=message):
            clone(classifier).fit(X, change(np.array(["a", "b", "c", "d"], dtype=object)[y]))

    @BOTH
    @pytest.mark.parametrize(
        ("weights", "error", "message"),
        [
            (
                in_row(7, np.ones(40), -1),
                ValueError,
                "sample_weight must be finite .*, got -1 in row 7",
            ),
            (
                in_row(7, np.ones(40), np.nan),
                ValueError,
                "sample_weight must be .* got nan in row 7",
            ),
            (
                in_row(7, np.ones(40), np.inf),
                ValueError,
                "sample_weight must be .* got inf in row 7",
            ),
            ([1] * 7 + [None] * 33, ValueError, "sample_weight must be .* got nan in row 7"),
            (np.ones(39), ValueError, r"sample_weight must have shape \(40,\), got \(39,\)"),
            (np.zeros(40), ValueError, "sample_weight must be .* not all of them zero, got 0"),
            ("balanced", TypeError, "sample_weight must be finite .* got a str .*'balanced'"),
            (
                np.ma.masked_array(np.ones(40), np.arange(40) == 7),
                ValueError,
                "sample_weight .*masked.* in row 7",
            ),
        ],
    )
    def test_of_weights(self, few, classifier, weights, error, message):
        with pytest.raises(error, match=message):
            clone(classifier).fit(*few, sample_weight=weights)

    def test_of_weights_that_leave_one_class(self, few):
        X, y = few
        with pytest.raises(
            ValueError, match=r"y must have at least 2 classes in rows with .*, got one class, 1"
        ):
            SelfDistilledClassifier().fit(X, y, sample_weight=y == 1)

    @BOTH
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda X: in_row(7, X, np.nan), "X .*in row 7"),
            (
                lambda X: pandas.DataFrame(in_row(7, X, np.inf)),
                "X .*in row 7",
            ),
            (
                lambda X: pandas.DataFrame(in_row(7, X.astype(object), "a bird")),
                "X must be numbers, got text .*'a bird'.*TfidfVec",
            ),
            (
                lambda X: pandas.Series(["a bird"] * 40),
                "X must be numbers, got text .*'a bird'.*embed_texts",
            ),
            (
                lambda X: np.ma.masked_array(X, np.arange(40)[:, None] + 0 * X == 7),
                "X .*masked.* in row 7",
            ),
        ],
    )
    def test_of_features(self, few, classifier, change, message):
        X, y = few
        model = clone(classifier)
        with pytest.raises(ValueError, match=message):
            model.fit(change(X), y)
        model.fit(X, y)
        with pytest.raises(ValueError, match=message):
            model.predict(change(X))


class TestLabelsAsTheyComeOutOfAFile:
    """What pandas makes of a column of labels is taken as it is."""

    @pytest.mark.parametrize(
        ("column", "classes"),
        [
            (lambda names: names.astype("category"), ["ant", "bee", "cat", "dog"]),
            (
                lambda names: names.astype("category").cat.add_categories("eel"),
                ["ant", "bee", "cat", "dog"],
            ),
            (lambda names: names.astype("string"), ["ant", "bee", "cat", "dog"]),
            (lambda names: names.astype(object), ["ant", "bee", "cat", "dog"]),
            (lambda names: names.replace("ant", "ant "), ["ant ", "bee", "cat", "dog"]),
            (lambda names: names.replace("ant", ""), ["", "bee", "cat", "dog"]),
            (lambda names: names.str.len().astype("Int64") + (names == "ant"), [3, 4]),
            (lambda names: names.map({"ant": 1, "bee": 2, "cat": 3, "dog": 4}), [1, 2, 3, 4]),
            (lambda names: (names == "ant").astype(object), [False, True]),
            (lambda names: (names == "ant").astype("boolean"), [False, True]),
        ],
    )
    def test_corrections_are_of_the_kind_that_was_given(self, few, column, classes):
        X, y = few
        given = column(pandas.Series(["ant", "bee", "cat", "dog"]).iloc[y])
        model = SelfDistilledClassifier(lam=1e-6).fit(X, given)
        assert model.classes_.tolist() == classes
        assert {type(name) for name in model.classes_.tolist()} == {type(classes[0])}
        assert model.corrected_labels_.tolist() == given.tolist()


class TestFromACsvOfTextsToCorrectedLabels:
    """The README's way as one pipeline, and with a language model; three subjects."""

    @pytest.fixture
    def texts(self):
        rng = np.random.default_rng(0)
        vocabulary = {
            "food": "soup bread salt oven sauce taste cook spoon plate butter",
            "sport": "ball team goal match coach score player run win field",
            "money": "bank loan rate tax price stock fund bond debt cash",
        }
        rows = []
        for subject, words in vocabulary.items():
            for _ in range(60):
                common = rng.choice(["the", "a", "of", "and", "to", "is", "it", "in"], 5)
                text = " ".join(rng.permutation([*common, *rng.choice(words.split(), 3)]))
                rows.append((text, subject))
        table = pandas.DataFrame(rows, columns=["text", "true"])
        codes = table["true"].factorize()[0]
        wrong = noise.corrupt(codes, noise.symmetric(3, 0.4), rng=1, exact=True)
        table["label"] = np.array(list(vocabulary))[wrong]
        return table

    @pytest.mark.slow
    def test_with_word_counts(self, texts, tmp_path):
        texts[["text", "label"]].to_csv(tmp_path / "texts.csv", index=False)

        import pandas as pd
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        table = pd.read_csv(tmp_path / "texts.csv")
        words = TfidfVectorizer(sublinear_tf=True)
        features = TruncatedSVD(n_components=25, random_state=0)
        model = make_pipeline(words, features, SelfDistilledClassifierCV())
        model.fit(table["text"], table["label"])
        table["corrected"] = model[-1].corrected_labels_
        table["suspicion"] = model[-1].suspicion_
        table.sort_values("suspicion", ascending=False).to_csv(tmp_path / "checked.csv")

        assert (table["label"] == texts["true"]).mean() == pytest.approx(0.6, abs=0.01)
        assert (table["corrected"] == texts["true"]).mean() > 0.9
        checked = pd.read_csv(tmp_path / "checked.csv", index_col=0)
        wrong = (texts["label"] != texts["true"])[checked.index]
        assert wrong.iloc[:50].mean() > 0.9
        assert wrong.iloc[-50:].mean() < 0.1

    def test_with_a_language_model(self, texts):
        pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        embedding = pytest.importorskip("sdbook.embedding")

        words = sorted({word for text in texts["text"] for word in text.split()})
        known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
        tokenizer = transformers.BertTokenizer({word: i for i, word in enumerate(known)})
        shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        transformers.set_seed(0)
        config = transformers.BertConfig(vocab_size=len(known), intermediate_size=32, **shape)
        untrained = (transformers.BertModel(config), tokenizer)

        features = embedding.embed_texts(texts["text"], model=untrained, progress=False)
        model = SelfDistilledClassifierCV(rounds=3).fit(features, texts["label"])

        given_right = (texts["label"] == texts["true"]).mean()
        assert model.corrected_labels_.dtype == texts["label"].to_numpy().dtype
        assert (model.corrected_labels_ == texts["true"]).mean() > given_right + 0.1


@pytest.mark.parametrize("missing", [float("nan"), None])
def test_sequences_that_are_no_lists_are_checked_like_lists(missing):
    X = np.random.default_rng(0).standard_normal((60, 4))
    with pytest.raises(ValueError, match=r"in row 1. Such rows are 20 of 60"):
        SelfDistilledClassifier().fit(X, deque(["a", missing, "b"] * 20))
    with pytest.raises(ValueError, match=r"'1' in row"):
        SelfDistilledClassifier().fit(X, deque([1, "1", "b"] * 20))
