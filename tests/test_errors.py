"""Errors for mistakes that somebody will make: "lam must be > 0, got -1."

The message begins with the name of the argument, says what it must be, and then what came.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from sdbook import datasets, distill, noise, partial_label, refine, theory
from sdbook.solvers import (
    GeneralisedCrossEntropy,
    LabelAveraging,
    factorise,
    softmax,
    solve,
)

X = np.eye(6)  # six orthogonal unit vectors
LABELS = np.array([0, 1, 2, 0, 1, 2])
T = np.eye(3)[LABELS]
C3 = noise.symmetric(3, 0.3)


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


def block(**changes):
    return datasets.block_correlated(
        **{
            "n_classes": 4,
            "n_per_class": 5,
            "n_superclasses": 2,
            "c": 0.5,
            "d": 0.2,
            "e": 0.1,
            **changes,
        }
    )


def eigenvalues(**changes):
    return theory.block_eigenvalues(
        **{
            "n_classes": 4,
            "n_per_class": 5,
            "n_superclasses": 2,
            "c": 0.5,
            "d": 0.2,
            "e": 0.1,
            **changes,
        }
    )


def averaging(lam=0.1, n_classes=3):
    return LabelAveraging(X, lam, n_classes)


def measured(**changes):
    return distill(X, LABELS, 0.1, rounds=2, **changes)


CASES = {
    # --- shapes
    "given_labels: an identifier among them": (
        lambda: distill(X, [0, 1, 2, 0, 1, 10**15], 0.1),
        ValueError,
        r"given_labels must have a sample of each class, got none of class 3",
    ),
    "features: a vector": (
        lambda: solve(X[0], T, 0.1),
        ValueError,
        r"features must be a non-empty matrix \(samples, features\), got shape \(6,\)",
    ),
    "features: empty": (
        lambda: factorise(np.ones((0, 3))),
        ValueError,
        r"features must be a non-empty matrix \(samples, features\), got shape \(0, 3\)",
    ),
    "targets: too few rows": (
        lambda: solve(X, T[:4], 0.1),
        ValueError,
        r"targets must have one row per sample, 6, got 4",
    ),
    "targets: labels instead": (
        lambda: solve(X, LABELS.astype(float), 0.1),
        ValueError,
        r"targets must be a non-empty matrix \(samples, classes\), got shape \(6,\)",
    ),
    "targets: one class": (
        lambda: solve(X, np.ones((6, 1)), 0.1),
        ValueError,
        r"targets must have two columns \(classes\) or more, got 1",
    ),
    "targets: other classes than the model": (
        lambda: averaging(n_classes=4).outputs(T),
        ValueError,
        r"targets must have one column per class, 4, got 3",
    ),
    "sample_weight: wrong shape": (
        lambda: solve(X, T, 0.1, sample_weight=np.ones(5)),
        ValueError,
        r"sample_weight must have one entry per sample, shape \(6,\), got shape \(5,\)",
    ),
    "predict: other width": (
        lambda: solve(X, T, 0.1).predict(X[:, :4]),
        ValueError,
        r"features must have 6 columns, got 4",
    ),
    "linearised predict: other width": (
        lambda: averaging().solution(T).predict(X[:, :4]),
        ValueError,
        r"features must have 6 columns, got 4",
    ),
    "test features: other width": (
        lambda: measured(true_labels=LABELS, test=(X[:, :4], LABELS)),
        ValueError,
        r"test features must have 6 columns, got 4",
    ),
    "warm_start: other number of classes": (
        lambda: solve(X, T, 0.1, warm_start=solve(X, np.eye(2)[LABELS % 2], 0.1)),
        ValueError,
        r"warm_start must have parameters of shape",
    ),
    "given_labels: one too few": (
        lambda: distill(X, LABELS[:5], 0.1),
        ValueError,
        r"given_labels must have one entry per sample, 6, got 5",
    ),
    "given_labels: soft labels of whole numbers": (
        lambda: distill(X, T.astype(int), 0.1),
        TypeError,
        r"given_labels must have dtype float32 or float64, got int64",
    ),
    "given_labels: a stack": (
        lambda: distill(X, np.stack([T, T]), 0.1),
        ValueError,
        r"given_labels must be one label per sample, got shape \(2, 6, 3\)",
    ),
    "given_labels: none": (
        lambda: distill(X, np.array([], dtype=int), 0.1),
        ValueError,
        r"given_labels must be one label per sample, got shape \(0,\)",
    ),
    "true_labels: one too few": (
        lambda: measured(true_labels=LABELS[:5]),
        ValueError,
        r"true_labels must have one entry per sample, 6, got 5",
    ),
    "test labels: one too few": (
        lambda: measured(true_labels=LABELS, test=(X, LABELS[:5])),
        ValueError,
        r"test labels must have one entry per sample, 6, got 5",
    ),
    "C: not square": (
        lambda: noise.corrupt(LABELS, np.full((2, 3), 1 / 3)),
        ValueError,
        r"C must have shape \(n_classes, n_classes\), got \(2, 3\)",
    ),
    "superclasses: a matrix": (
        lambda: noise.superclass([[0, 1]], 0.1),
        ValueError,
        r"superclasses must have shape \(n_classes,\), got \(1, 2\)",
    ),
    # --- rows that sum to one
    "targets: rows sum to 2": (
        lambda: solve(X, 2 * T, 0.1),
        ValueError,
        r"targets must have rows that sum to 1, got 2 in row 0",
    ),
    "targets: one row is short": (
        lambda: solve(X, changed(T, (4, 1), 0.9), 0.1),
        ValueError,
        r"targets must have rows that sum to 1, got 0.9 in row 4",
    ),
    "targets: a negative share": (
        lambda: solve(X, changed(T, 0, [1.5, -0.5, 0]), 0.1),
        ValueError,
        r"targets must be >= 0, got -0.5",
    ),
    "refinement: drops a class": (
        lambda: measured(refinement=lambda outputs: outputs[:, :1]),
        ValueError,
        r"what the refinement returned for round 2 must have one column per class, 3,",
    ),
    "refinement: drops an instance": (
        lambda: measured(refinement=lambda outputs: outputs[1:]),
        ValueError,
        r"what the refinement returned for round 2 must have one row per sample, 6, got",
    ),
    "refinement: returns logits": (
        lambda: measured(refinement=np.log),
        ValueError,
        r"what the refinement returned for round 2 must be >= 0, got -1.573",
    ),
    "C: transposed": (
        lambda: noise.corrupt([0, 1], [[0.9, 0.3], [0.1, 0.7]]),
        ValueError,
        r"C must have rows that sum to 1 \(row = true class, column = given class\), got",
    ),
    "C: rows sum to less": (
        lambda: noise.corruption_matrix([[0.9, 0.1], [0.2, 0.7]]),
        ValueError,
        r"rows must have rows that sum to 1 \(row = true class, column = given class\),",
    ),
    "C: negative": (
        lambda: theory.rounds_bound(eigenvalues(), [[1.1, -0.1], [0, 1]]),
        ValueError,
        r"C must hold probabilities, got a negative, NaN or infinite entry",
    ),
    "C: for fewer classes": (
        lambda: noise.corrupt([0, 1, 2, 3], C3),
        ValueError,
        r"labels must be from 0 to 2, got 0 to 3",
    ),
    # --- NaN and infinity
    "features: NaN": (
        lambda: factorise(changed(X, (3, 3), np.nan)),
        ValueError,
        r"features must be finite, got a NaN or an infinity, first in row 3",
    ),
    "features: infinity": (
        lambda: factorise(changed(X, (2, 0), np.inf)),
        ValueError,
        r"features must be finite, got a NaN or an infinity, first in row 2",
    ),
    "targets: NaN": (
        lambda: solve(X, changed(T, (5, 0), np.nan), 0.1),
        ValueError,
        r"targets must be finite, got a NaN or an infinity, first in row 5",
    ),
    "outputs: NaN": (
        lambda: refine.top_k(2)(changed(T, (1, 0), np.nan)),
        ValueError,
        r"outputs must be finite, got a NaN or an infinity, first in row 1",
    ),
    "sample_weight: negative": (
        lambda: solve(X, T, 0.1, sample_weight=-np.ones(6)),
        ValueError,
        r"sample_weight must be finite and >= 0, with one above 0, got -1 to -1",
    ),
    "sample_weight: NaN": (
        lambda: solve(X, T, 0.1, sample_weight=changed(np.ones(6), 2, np.nan)),
        ValueError,
        r"sample_weight must be finite and >= 0, with one above 0, got nan to nan",
    ),
    "sample_weight: all zero": (
        lambda: solve(X, T, 0.1, sample_weight=np.zeros(6)),
        ValueError,
        r"sample_weight must be finite and >= 0, with one above 0, got 0 to 0",
    ),
    # --- labels
    "labels: too large": (
        lambda: datasets.one_hot(LABELS, 2),
        ValueError,
        r"labels must be from 0 to 1, got 0 to 2",
    ),
    "labels: negative": (
        lambda: distill(X, LABELS - 1, 0.1),
        ValueError,
        r"given_labels must be from 0 to 1, got -1 to 1",
    ),
    "labels: beyond classes": (
        lambda: distill(X, LABELS, 0.1, n_classes=2),
        ValueError,
        r"given_labels must be from 0 to 1, got 0 to 2",
    ),
    "labels: masked": (
        lambda: distill(X, np.ma.masked_array(LABELS, [0, 0, 0, 1, 0, 1]), 0.1),
        ValueError,
        r"given_labels must have no masked values, got some in 2 of 6 rows, first in",
    ),
    "features: masked": (
        lambda: distill(np.ma.masked_array(X, X > 0.1), LABELS, 0.1),
        ValueError,
        r"features must have no masked values, got some in 6 of 6 rows, first in row 0",
    ),
    "labels: not whole": (
        lambda: distill(X, LABELS / 2, 0.1),
        TypeError,
        r"given_labels must be integers, got dtype float64",
    ),
    "true_labels: a class that no given label has": (
        lambda: measured(true_labels=LABELS + 1),
        ValueError,
        r"true_labels must be from 0 to 2, got 1 to 3",
    ),
    "a class without instances": (
        lambda: distill(X, 2 * LABELS, 0.1),
        ValueError,
        r"given_labels must have a sample of each class, got none of class 1",
    ),
    # --- numbers out of range
    "lam: zero": (
        lambda: solve(X, T, 0),
        ValueError,
        r"lam must be > 0, got 0",
    ),
    "lam: negative": (
        lambda: averaging(lam=-1e-3),
        ValueError,
        r"lam must be > 0, got -0.001",
    ),
    "lam: NaN": (
        lambda: distill(X, LABELS, np.nan),
        ValueError,
        r"lam must be finite and > 0, got nan",
    ),
    "lam: infinite": (
        lambda: solve(X, T, np.inf),
        ValueError,
        r"lam must be finite and > 0, got inf",
    ),
    "lam: text": (
        lambda: solve(X, T, "weak"),
        TypeError,
        r"lam must be a real number, got 'weak'",
    ),
    "rounds: zero": (
        lambda: distill(X, LABELS, 0.1, rounds=0),
        ValueError,
        r"rounds must be an integer >= 1, got 0",
    ),
    "rounds: a fraction": (
        lambda: distill(X, LABELS, 0.1, rounds=2.5),
        TypeError,
        r"rounds must be an integer, got 2.5",
    ),
    "rounds: yes": (
        lambda: distill(X, LABELS, 0.1, rounds=True),
        TypeError,
        r"rounds must be an integer, got True",
    ),
    "t: negative": (
        lambda: averaging().outputs(T, -1),
        ValueError,
        r"t must be >= 0, got -1",
    ),
    "t: no model before round 1": (
        lambda: averaging().coef(T, 0.5),
        ValueError,
        r"t must be >= 1, got 0.5",
    ),
    "k: more than classes": (
        lambda: refine.top_k(4)(T),
        ValueError,
        r"k must be <= the number of classes, 3, got 4",
    ),
    "k: more than classes, in a run": (
        lambda: partial_label(X, LABELS, 0.1, k=4),
        ValueError,
        r"k must be <= the number of classes, 3, got 4",
    ),
    "k: zero": (
        lambda: refine.top_k(0),
        ValueError,
        r"k must be an integer >= 1, got 0",
    ),
    "q: zero": (
        lambda: GeneralisedCrossEntropy(0),
        ValueError,
        r"q must be in \(0, 1\], got 0",
    ),
    "q: above one": (
        lambda: GeneralisedCrossEntropy(1.5),
        ValueError,
        r"q must be in \(0, 1\], got 1.5",
    ),
    "n_classes: one": (
        lambda: averaging(n_classes=1),
        ValueError,
        r"n_classes must be an integer >= 2, got 1",
    ),
    "n_classes: one, for noise": (
        lambda: noise.symmetric(1, 0.5),
        ValueError,
        r"n_classes must be an integer >= 2, got 1",
    ),
    "rate: above one": (
        lambda: noise.pair_flip(3, 1.2),
        ValueError,
        r"rate must be in \[0, 1\], got 1.2",
    ),
    "rate: percent": (
        lambda: noise.asymmetric(3, 40),
        ValueError,
        r"rate must be in \[0, 1\], got 40",
    ),
    "superclasses: one class alone": (
        lambda: noise.superclass([0, 0, 1], 0.2),
        ValueError,
        r"superclasses must be of two classes or more with rate > 0, got class 2 alone",
    ),
    "instance: past the end": (
        lambda: averaging().averaging_weights(6),
        ValueError,
        r"instance must be an integer from 0 to 5, got 6",
    ),
    "tolerance: zero": (
        lambda: solve(X, T, 0.1, tolerance=0),
        ValueError,
        r"tolerance must be > 0, got 0",
    ),
    "max_evaluations: zero": (
        lambda: solve(X, T, 0.1, max_evaluations=0),
        ValueError,
        r"max_evaluations must be an integer >= 2, got 0",
    ),
    "gap: zero": (lambda: solve(X, T, 0.1, gap=0), ValueError, r"gap must be > 0, got 0"),
    "ridge: zero": (
        lambda: theory.block_shrinkage(eigenvalues(), 0),
        ValueError,
        r"ridge must be > 0, got 0",
    ),
    # --- data sets
    "c: one": (lambda: block(c=1.0), ValueError, r"c must be in \[-1, 1\), got 1.0"),
    "d: not below c": (
        lambda: block(d=0.5),
        ValueError,
        r"d must be in \[-1, 0.5\), got 0.5",
    ),
    "e: above d": (
        lambda: block(e=0.3),
        ValueError,
        r"e must be in \[-1, 0.2\], got 0.3",
    ),
    "e: missing": (
        lambda: block(e=None),
        ValueError,
        r"e must be a number <= d with two superclasses or more, got None",
    ),
    "e: no such vectors": (
        lambda: block(e=-0.9),
        ValueError,
        r"c, d and e must give a Gram matrix, got the eigenvalue -",
    ),
    "n_superclasses: more than classes": (
        lambda: block(n_superclasses=5),
        ValueError,
        r"n_superclasses must be an integer from 1 to 4, got 5",
    ),
    "superclasses: no divisor, in theory": (
        lambda: eigenvalues(n_superclasses=3),
        ValueError,
        r"n_superclasses must divide n_classes, 4, got 3",
    ),
    "jitter: negative": (
        lambda: block(jitter=-0.1),
        ValueError,
        r"jitter must be >= 0, got -0.1",
    ),
    "test_share: all": (
        lambda: block().split(1.0),
        ValueError,
        r"test_share must be in \(0, 1\), got 1.0",
    ),
    "test_share: leaves nobody": (
        lambda: block().split(0.01),
        ValueError,
        r"test_share must leave each class .*, got 0.01, 0 of the 5 of .class 0.",
    ),
    "normalise: a zero vector": (
        lambda: datasets.normalise(changed(X, 1, 0)),
        ValueError,
        r"features must have no row of zeros, got one in row 1",
    ),
    # --- kinds of things
    "features: norms": (
        lambda: factorise(np.diag([1.0, 2.0, 0.5])),
        ValueError,
        r"features must have rows of norm 1, got norms from 0.5 to 2",
    ),
    "features: whole numbers": (
        lambda: factorise(np.eye(3, dtype=int)),
        TypeError,
        r"features must have dtype float32 or float64, got int64",
    ),
    "features: half precision": (
        lambda: factorise(np.eye(3, dtype=np.float16)),
        TypeError,
        r"features must have dtype float32 or float64, got float16",
    ),
    "features: complex": (
        lambda: factorise(np.eye(3, dtype=complex)),
        TypeError,
        r"features must have dtype float32 or float64, got complex128",
    ),
    "features: a list": (
        lambda: solve(X.tolist(), T, 0.1),
        TypeError,
        r"features must be an array of a library that follows the array API standard,",
    ),
    "targets: a list": (
        lambda: solve(X, T.tolist(), 0.1),
        TypeError,
        r"targets must be an array of a library that follows the array API standard,",
    ),
    "targets: other precision": (
        lambda: solve(X, T.astype(np.float32), 0.1),
        TypeError,
        r"targets must be the same kind of array as the training features, ndarray of",
    ),
    "sample_weight: other precision": (
        lambda: solve(X, T, 0.1, sample_weight=np.ones(6, dtype=np.float32)),
        TypeError,
        r"sample_weight must be the same kind of array as the training features,",
    ),
    "predict: other precision": (
        lambda: solve(X, T, 0.1).predict(X.astype(np.float32)),
        TypeError,
        r"features must be the same kind of array as the training features, ndarray of",
    ),
    "warm_start: other precision": (
        lambda: solve(X, T, 0.1, warm_start=solve(X.astype(np.float32), T.astype(np.float32), 0.1)),
        (TypeError, ValueError),
        r"warm_start must be the same kind of array as the training features, ndarray",
    ),
    "warm_start: weights instead": (
        lambda: solve(X, T, 0.1, warm_start=np.zeros((6, 3))),
        TypeError,
        r"warm_start must be a Solution of the softmax model, got ndarray",
    ),
    "warm_start: a list": (
        lambda: measured(warm_start=[distill(X, LABELS, 0.1, rounds=1)]),
        TypeError,
        r"warm_start must be a Run, got a list",
    ),
    "test: features alone": (
        lambda: measured(true_labels=LABELS, test=X),
        TypeError,
        r"test must be \(features, labels\), got a ndarray",
    ),
    "C: text": (
        lambda: noise.corrupt([0, 1], [["a", "b"], ["c", "d"]]),
        TypeError,
        r"C must be a matrix of real numbers, got",
    ),
    "logits: a vector": (
        lambda: softmax(np.array([1.0, 2.0])),
        ValueError,
        r"logits must be a non-empty matrix",
    ),
    # --- options
    "refinement: a name": (
        lambda: measured(refinement="hard"),
        TypeError,
        r"refinement must be a callable, got 'hard'",
    ),
    "loss: none at all": (
        lambda: measured(loss=[]),
        ValueError,
        r"loss must be one for all, or one for each round, 2, got 0",
    ),
    "space: unknown": (
        lambda: factorise(X, space="dual"),
        ValueError,
        r"space must be 'auto', 'instance' or 'feature', got 'dual'",
    ),
    "space: factorised in the other": (
        lambda: factorise(factorise(X, space="feature"), space="instance"),
        ValueError,
        r"space must be 'auto' or 'feature', where the features are factorised, got",
    ),
    "model: unknown": (
        lambda: measured(model="network"),
        ValueError,
        r"model must be 'softmax' or 'linearised', got 'network'",
    ),
    "loss: with the closed form": (
        lambda: measured(model="linearised", loss=GeneralisedCrossEntropy()),
        ValueError,
        r"loss must be None for the linearised model, which has a closed form, got",
    ),
    "loss: too few": (
        lambda: measured(loss=[GeneralisedCrossEntropy()]),
        ValueError,
        r"loss must be one for all, or one for each round, 2, got 1",
    ),
    "refinement: too many": (
        lambda: measured(refinement=[refine.as_is, refine.as_is]),
        ValueError,
        r"refinement must be one for all, or one for each student, 1, got 2",
    ),
    "test: without true_labels": (
        lambda: measured(test=(X, LABELS)),
        ValueError,
        r"true_labels must be given with test, got None",
    ),
    "accuracies: unknown": (
        lambda: measured(true_labels=LABELS).accuracies("train"),
        ValueError,
        r"kind must be 'test', 'all', 'clean' or 'corrupted', got 'train'",
    ),
    "accuracies: not measured": (
        lambda: measured(true_labels=LABELS).accuracies("test"),
        ValueError,
        r"kind must be one that was measured, got 'test'",
    ),
    "accuracies: nothing measured": (
        lambda: measured().accuracies("all"),
        ValueError,
        r"kind must be one that was measured, got 'all'",
    ),
}


@pytest.mark.parametrize(("mistake", "error", "message"), CASES.values(), ids=CASES)
def test_mistakes_are_named(mistake, error, message):
    with pytest.raises(error, match=f"^{message}"):
        mistake()


def test_features_of_any_norm_are_accepted_on_request():
    features = np.diag([1.0, 2.0, 0.5])
    fact = factorise(features, unit_norm=False)
    assert fact.eigenvalues.tolist() == [0.25, 1, 4]
    labels = [0, 1, 1]
    with pytest.raises(ValueError, match=r"norms from 0.5 to 2. .*unit_norm=False"):
        distill(features, labels, 0.1)
    assert distill(fact, labels, 0.1, rounds=1).last.outputs.shape == (3, 2)


def test_an_absent_class_is_accepted_on_request():
    assert distill(X, 2 * LABELS, 0.1, n_classes=5, rounds=1).last.outputs.shape == (6, 5)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (
            lambda: factorise(X),
            r"factorising a 6 x 6 matrix needs .* GiB, but only .* GiB are free",
        ),
        (lambda: block(), r"block-correlated features of 20 instances needs .* GiB"),
        (lambda: SMALL.gram(), r"the Gram matrix of 20 instances needs .* GiB"),
    ],
    ids=["factorise", "blocks", "gram"],
)
def test_memory_that_would_not_fit_is_refused_beforehand(monkeypatch, work, message):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=100))
    with pytest.raises(MemoryError, match=f"^{message}"):
        work()


SMALL = block()


def test_memory_error_says_how_much(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * 2**30))
    with pytest.raises(MemoryError, match=r"needs 1162\.5 GiB, but only 3\.0 GiB are free"):
        datasets.block_correlated(1000, 395, c=0.5, d=0.1)
