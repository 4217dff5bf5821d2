"""What is not accepted, and what the message says: the argument, what was given, what is accepted.

Every case is a mistake that somebody will make. The message must match the pattern: first the name
of the argument, then what was given, then what is accepted.
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
        **{"classes": 4, "per_class": 5, "superclasses": 2, "c": 0.5, "d": 0.2, "e": 0.1, **changes}
    )


def eigenvalues(**changes):
    return theory.block_eigenvalues(
        **{"classes": 4, "per_class": 5, "superclasses": 2, "c": 0.5, "d": 0.2, "e": 0.1, **changes}
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
        r"given_labels has no instance of class 3; accepted are labels in which each class occurs",
    ),
    "features: a vector": (
        lambda: solve(X[0], T, 0.1),
        ValueError,
        r"features has shape \(6,\); accepted is a non-empty \(instances, features\)",
    ),
    "features: empty": (
        lambda: factorise(np.ones((0, 3))),
        ValueError,
        r"features has shape \(0, 3\); accepted is a non-empty",
    ),
    "targets: too few rows": (
        lambda: solve(X, T[:4], 0.1),
        ValueError,
        r"targets has 4 rows; accepted is one per instance, 6",
    ),
    "targets: labels instead": (
        lambda: solve(X, LABELS.astype(float), 0.1),
        ValueError,
        r"targets has shape \(6,\); accepted is a non-empty \(instances, classes\)",
    ),
    "targets: one class": (
        lambda: solve(X, np.ones((6, 1)), 0.1),
        ValueError,
        r"targets has 1 column; accepted are two classes or more",
    ),
    "targets: other classes than the model": (
        lambda: averaging(n_classes=4).outputs(T),
        ValueError,
        r"targets has 3 columns; accepted is one per class, 4",
    ),
    "weights: wrong shape": (
        lambda: solve(X, T, 0.1, sample_weight=np.ones(5)),
        ValueError,
        r"weights has shape \(5,\); accepted is one per instance, \(6,\)",
    ),
    "predict: other width": (
        lambda: solve(X, T, 0.1).predict(X[:, :4]),
        ValueError,
        r"features has 4 columns; accepted is the training width, 6",
    ),
    "linear predict: other width": (
        lambda: averaging().predict(X[:, :4], T),
        ValueError,
        r"features has 4 columns; accepted is the training width, 6",
    ),
    "test features: other width": (
        lambda: measured(true_labels=LABELS, test=(X[:, :4], LABELS)),
        ValueError,
        r"test features ha(s|ve) 4 columns; accepted is the training width, 6",
    ),
    "start: other number of classes": (
        lambda: solve(X, T, 0.1, warm_start=solve(X, np.eye(2)[LABELS % 2], 0.1)),
        ValueError,
        r"start .*shape \(6, 2\).*; accepted is \(6, 3\)",
    ),
    "given_labels: one too few": (
        lambda: distill(X, LABELS[:5], 0.1),
        ValueError,
        r"given_labels has 5 entries; accepted is one per instance, 6",
    ),
    "given_labels: soft labels of whole numbers": (
        lambda: distill(X, T.astype(int), 0.1),
        TypeError,
        r"given_labels has dtype int64; accepted are float32 and float64",
    ),
    "given_labels: a stack": (
        lambda: distill(X, np.stack([T, T]), 0.1),
        ValueError,
        r"given_labels has shape \(2, 6, 3\); accepted is a non-empty \(instances,\)",
    ),
    "given_labels: none": (
        lambda: distill(X, np.array([], dtype=int), 0.1),
        ValueError,
        r"given_labels has shape \(0,\); accepted is a non-empty",
    ),
    "true_labels: one too few": (
        lambda: measured(true_labels=LABELS[:5]),
        ValueError,
        r"true_labels has 5 entries; accepted is one per instance, 6",
    ),
    "test labels: one too few": (
        lambda: measured(true_labels=LABELS, test=(X, LABELS[:5])),
        ValueError,
        r"test labels has 5 entries; accepted is one per instance, 6",
    ),
    "C: not square": (
        lambda: noise.corrupt(LABELS, np.full((2, 3), 1 / 3)),
        ValueError,
        r"C has shape \(2, 3\); accepted is \(classes, classes\)",
    ),
    "superclasses: a matrix": (
        lambda: noise.superclass([[0, 1]], 0.1),
        ValueError,
        r"superclasses has shape \(1, 2\); accepted is one per class",
    ),
    # --- rows that sum to one
    "targets: rows sum to 2": (
        lambda: solve(X, 2 * T, 0.1),
        ValueError,
        r"targets has a row that sums to 2 \(row 0\); accepted are rows that sum to 1",
    ),
    "targets: one row is short": (
        lambda: solve(X, changed(T, (4, 1), 0.9), 0.1),
        ValueError,
        r"targets has a row that sums to 0.9 \(row 4\); accepted are rows that sum to 1",
    ),
    "targets: a negative share": (
        lambda: solve(X, changed(T, 0, [1.5, -0.5, 0]), 0.1),
        ValueError,
        r"targets has the entry -0.5; accepted are shares >= 0",
    ),
    "refinement: drops a class": (
        lambda: measured(refinement=lambda outputs: outputs[:, :1]),
        ValueError,
        r"what the refinement returned for round 2 has 1 columns?; accepted is one per class",
    ),
    "refinement: drops an instance": (
        lambda: measured(refinement=lambda outputs: outputs[1:]),
        ValueError,
        r"what the refinement returned for round 2 has \d+ rows; accepted is one per instance",
    ),
    "refinement: returns logits": (
        lambda: measured(refinement=np.log),
        ValueError,
        r"what the refinement returned for round 2 has the entry -.*; accepted are shares >= 0",
    ),
    "C: transposed": (
        lambda: noise.corrupt([0, 1], [[0.9, 0.3], [0.1, 0.7]]),
        ValueError,
        r"C has a row that sums to .* \(row \d\) \(its columns do: transpose it\?\); accepted are",
    ),
    "C: rows sum to less": (
        lambda: noise.corruption_matrix([[0.9, 0.1], [0.2, 0.7]]),
        ValueError,
        r"rows has a row that sums to 0.9 \(row 1\); accepted are rows that sum to 1",
    ),
    "C: negative": (
        lambda: theory.rounds_bound(eigenvalues(), [[1.1, -0.1], [0, 1]]),
        ValueError,
        r"C has a negative, NaN or infinite entry; accepted are probabilities",
    ),
    "C: for fewer classes": (
        lambda: noise.corrupt([0, 1, 2, 3], C3),
        ValueError,
        r"labels has labels 0 to 3; accepted are 0 to 2",
    ),
    # --- NaN and infinity
    "features: NaN": (
        lambda: factorise(changed(X, (3, 3), np.nan)),
        ValueError,
        r"features has a NaN or infinity, first in row 3; accepted are finite numbers",
    ),
    "features: infinity": (
        lambda: factorise(changed(X, (2, 0), np.inf)),
        ValueError,
        r"features has a NaN or infinity, first in row 2; accepted are finite numbers",
    ),
    "targets: NaN": (
        lambda: solve(X, changed(T, (5, 0), np.nan), 0.1),
        ValueError,
        r"targets has a NaN or infinity, first in row 5; accepted are finite numbers",
    ),
    "outputs: NaN": (
        lambda: refine.top_k(2)(changed(T, (1, 0), np.nan)),
        ValueError,
        r"outputs has a NaN or infinity, first in row 1; accepted are finite numbers",
    ),
    "weights: negative": (
        lambda: solve(X, T, 0.1, sample_weight=-np.ones(6)),
        ValueError,
        r"weights must be finite and >= 0, with at least one above 0",
    ),
    "weights: NaN": (
        lambda: solve(X, T, 0.1, sample_weight=changed(np.ones(6), 2, np.nan)),
        ValueError,
        r"weights must be finite and >= 0",
    ),
    "weights: all zero": (
        lambda: solve(X, T, 0.1, sample_weight=np.zeros(6)),
        ValueError,
        r"weights must be .* with at least one above 0",
    ),
    # --- labels
    "labels: too large": (
        lambda: datasets.one_hot(LABELS, 2),
        ValueError,
        r"labels has labels 0 to 2; accepted are 0 to 1",
    ),
    "labels: negative": (
        lambda: distill(X, LABELS - 1, 0.1),
        ValueError,
        r"given_labels has labels -1 to 1; accepted are 0 to 1",
    ),
    "labels: beyond classes": (
        lambda: distill(X, LABELS, 0.1, n_classes=2),
        ValueError,
        r"given_labels has labels 0 to 2; accepted are 0 to 1",
    ),
    "labels: masked": (
        lambda: distill(X, np.ma.masked_array(LABELS, [0, 0, 0, 1, 0, 1]), 0.1),
        ValueError,
        r"given_labels is masked in row 3 \(missing values in 2 of 6 rows\); accepted are rows",
    ),
    "features: masked": (
        lambda: distill(np.ma.masked_array(X, X > 0.1), LABELS, 0.1),
        ValueError,
        r"features is masked in row .* \(missing values in . of 6 rows\); accepted are rows",
    ),
    "labels: not whole": (
        lambda: distill(X, LABELS / 2, 0.1),
        TypeError,
        r"given_labels has dtype float64; accepted are whole numbers",
    ),
    "true_labels: a class that no given label has": (
        lambda: measured(true_labels=LABELS + 1),
        ValueError,
        r"true_labels has labels 1 to 3; accepted are 0 to 2",
    ),
    "a class without instances": (
        lambda: distill(X, 2 * LABELS, 0.1),
        ValueError,
        r"given_labels has no instance of class 1; accepted are .* or pass classes=",
    ),
    # --- numbers out of range
    "lam: zero": (
        lambda: solve(X, T, 0),
        ValueError,
        r"lam is 0; accepted are numbers in \(0, inf\)",
    ),
    "lam: negative": (
        lambda: averaging(lam=-1e-3),
        ValueError,
        r"lam is -0.001; accepted are numbers in \(0, inf\)",
    ),
    "lam: NaN": (
        lambda: distill(X, LABELS, np.nan),
        ValueError,
        r"lam is nan; accepted are numbers in \(0, inf\)",
    ),
    "lam: infinite": (lambda: solve(X, T, np.inf), ValueError, r"lam is inf; accepted are"),
    "lam: text": (
        lambda: solve(X, T, "weak"),
        TypeError,
        r"lam is 'weak'; accepted are real numbers",
    ),
    "rounds: zero": (
        lambda: distill(X, LABELS, 0.1, rounds=0),
        ValueError,
        r"rounds is 0; accepted are whole numbers of at least 1",
    ),
    "rounds: a fraction": (
        lambda: distill(X, LABELS, 0.1, rounds=2.5),
        TypeError,
        r"rounds is 2.5; accepted are whole numbers",
    ),
    "rounds: yes": (
        lambda: distill(X, LABELS, 0.1, rounds=True),
        TypeError,
        r"rounds is True; accepted are whole numbers",
    ),
    "t: negative": (
        lambda: averaging().outputs(T, -1),
        ValueError,
        r"t is -1; accepted are numbers in \[0, inf\)",
    ),
    "t: no model before round 1": (
        lambda: averaging().coef(T, 0.5),
        ValueError,
        r"t is 0.5; accepted are numbers in \[1, inf\)",
    ),
    "k: more than classes": (
        lambda: refine.top_k(4)(T),
        ValueError,
        r"k is 4; accepted are at most as many as there are classes, 3",
    ),
    "k: more than classes, in a run": (
        lambda: partial_label(X, LABELS, 0.1, k=4),
        ValueError,
        r"k is 4; accepted are at most as many as there are classes, 3",
    ),
    "k: zero": (
        lambda: refine.top_k(0),
        ValueError,
        r"k is 0; accepted are whole numbers of at least 1",
    ),
    "q: zero": (
        lambda: GeneralisedCrossEntropy(0),
        ValueError,
        r"q is 0; accepted are numbers in \(0, 1\]",
    ),
    "q: above one": (
        lambda: GeneralisedCrossEntropy(1.5),
        ValueError,
        r"q is 1.5; accepted are numbers in \(0, 1\]",
    ),
    "classes: one": (
        lambda: averaging(n_classes=1),
        ValueError,
        r"classes is 1; accepted are whole numbers of at least 2",
    ),
    "classes: one, for noise": (
        lambda: noise.symmetric(1, 0.5),
        ValueError,
        r"classes is 1; accepted are whole numbers of at least 2",
    ),
    "rate: above one": (
        lambda: noise.pair_flip(3, 1.2),
        ValueError,
        r"rate is 1.2; accepted are numbers in \[0, 1\]",
    ),
    "rate: percent": (
        lambda: noise.asymmetric(3, 40),
        ValueError,
        r"rate is 40; accepted are numbers in \[0, 1\]",
    ),
    "superclasses: one class alone": (
        lambda: noise.superclass([0, 0, 1], 0.2),
        ValueError,
        r"superclasses leaves class 2 alone .*; accepted are superclasses of two classes or more",
    ),
    "instance: past the end": (
        lambda: averaging().averaging_weights(6),
        ValueError,
        r"instance is 6; accepted are whole numbers of at least 0 and at most 5",
    ),
    "tolerance: zero": (
        lambda: solve(X, T, 0.1, tolerance=0),
        ValueError,
        r"tolerance is 0; accepted are numbers in \(0, inf\)",
    ),
    "max_evaluations: zero": (
        lambda: solve(X, T, 0.1, max_evaluations=0),
        ValueError,
        r"max_evaluations is 0; accepted are whole numbers of at least",
    ),
    "memory: none": (
        lambda: solve(X, T, 0.1, memory=0),
        ValueError,
        r"memory is 0; accepted are whole numbers of at least 1",
    ),
    "ridge: zero": (
        lambda: theory.block_shrinkage(eigenvalues(), 0),
        ValueError,
        r"ridge is 0; accepted are numbers in \(0, inf\)",
    ),
    # --- data sets
    "c: one": (lambda: block(c=1.0), ValueError, r"c is 1.0; accepted are numbers in \[-1, 1\)"),
    "d: not below c": (
        lambda: block(d=0.5),
        ValueError,
        r"d is 0.5; accepted are numbers in \[-1, 0.5\)",
    ),
    "e: above d": (
        lambda: block(e=0.3),
        ValueError,
        r"e is 0.3; accepted are numbers in \[-1, 0.2\]",
    ),
    "e: missing": (
        lambda: block(e=None),
        ValueError,
        r"e is missing; accepted with 2 superclasses",
    ),
    "e: no such vectors": (
        lambda: block(e=-0.9),
        ValueError,
        r"no vectors have correlations c=0.5, d=0.2, e=-0.9 .* eigenvalue -.*; accepted are",
    ),
    "superclasses: more than classes": (
        lambda: block(superclasses=5),
        ValueError,
        r"superclasses is 5; accepted are whole numbers of at least 1 and at most 4",
    ),
    "superclasses: no divisor, in theory": (
        lambda: eigenvalues(n_superclasses=3),
        ValueError,
        r"superclasses is 3; accepted are divisors of the number of classes, 4",
    ),
    "jitter: negative": (
        lambda: block(jitter=-0.1),
        ValueError,
        r"jitter is -0.1; accepted are numbers in \[0, inf\)",
    ),
    "test_share: all": (
        lambda: block().split(1.0),
        ValueError,
        r"test_share is 1.0; accepted are numbers in \(0, 1\)",
    ),
    "test_share: leaves nobody": (
        lambda: block().split(0.01),
        ValueError,
        r"test_share is 0.01, which takes 0 of the 5 instances of class class 0; accepted are",
    ),
    "normalise: a zero vector": (
        lambda: datasets.normalise(changed(X, 1, 0)),
        ValueError,
        r"features has a zero vector in row 1.*; accepted are rows with",
    ),
    # --- kinds of things
    "features: norms": (
        lambda: factorise(np.diag([1.0, 2.0, 0.5])),
        ValueError,
        r"features has rows of norm 0.5 to 2; accepted are rows of norm 1: "
        r"use sdbook.datasets.normalise\(features\), or keep them as they are where a "
        r"Factorisation is accepted: sdbook.solvers.factorise\(features, unit_norm=False\)",
    ),
    "features: whole numbers": (
        lambda: factorise(np.eye(3, dtype=int)),
        TypeError,
        r"features has dtype int64; accepted are float32 and float64",
    ),
    "features: half precision": (
        lambda: factorise(np.eye(3, dtype=np.float16)),
        TypeError,
        r"features has dtype float16; accepted are float32 and float64",
    ),
    "features: complex": (
        lambda: factorise(np.eye(3, dtype=complex)),
        TypeError,
        r"features has dtype complex128; accepted are float32 and float64",
    ),
    "features: a list": (
        lambda: solve(X.tolist(), T, 0.1),
        TypeError,
        r"features is a list; accepted are arrays that follow the array API standard",
    ),
    "targets: a list": (
        lambda: solve(X, T.tolist(), 0.1),
        TypeError,
        r"targets is a list; accepted are arrays",
    ),
    "targets: other precision": (
        lambda: solve(X, T.astype(np.float32), 0.1),
        TypeError,
        r"targets is a ndarray of float32; accepted is the same kind .* ndarray of float64",
    ),
    "weights: other precision": (
        lambda: solve(X, T, 0.1, sample_weight=np.ones(6, dtype=np.float32)),
        TypeError,
        r"weights .*float32; accepted is .*float64",
    ),
    "predict: other precision": (
        lambda: solve(X, T, 0.1).predict(X.astype(np.float32)),
        TypeError,
        r"features is a ndarray of float32; accepted is the same kind .* ndarray of float64",
    ),
    "start: other precision": (
        lambda: solve(X, T, 0.1, warm_start=solve(X.astype(np.float32), T.astype(np.float32), 0.1)),
        (TypeError, ValueError),
        r"start is .*float32; accepted is .*float64",
    ),
    "start: weights instead": (
        lambda: solve(X, T, 0.1, warm_start=np.zeros((6, 3))),
        TypeError,
        r"start is a ndarray; accepted is a Solution",
    ),
    # --- options
    "space: unknown": (
        lambda: factorise(X, space="dual"),
        ValueError,
        r"space is 'dual'; accepted are 'auto', 'instance' and 'feature'",
    ),
    "space: factorised in the other": (
        lambda: factorise(factorise(X, space="feature"), space="instance"),
        ValueError,
        r"space is 'instance' but features are factorised in the feature space; pass the features",
    ),
    "model: unknown": (
        lambda: measured(model="network"),
        ValueError,
        r"model is 'network'; accepted are 'softmax' and 'linear'",
    ),
    "loss: with the closed form": (
        lambda: measured(model="linearised", loss=GeneralisedCrossEntropy()),
        ValueError,
        r"loss is given; accepted with model='linear' is none",
    ),
    "loss: too few": (
        lambda: measured(loss=[GeneralisedCrossEntropy()]),
        ValueError,
        r"loss has 1 entries; accepted is one for all, or one for each round, 2",
    ),
    "refinement: too many": (
        lambda: measured(refinement=[refine.as_is, refine.as_is]),
        ValueError,
        r"refinement has 2 entries; accepted is one for all, or one for each student, 1",
    ),
    "test: without true_labels": (
        lambda: measured(test=(X, LABELS)),
        ValueError,
        r"test is given without true_labels; accepted are both or neither",
    ),
    "accuracies: unknown": (
        lambda: measured(true_labels=LABELS).accuracies("train"),
        ValueError,
        r"kind is 'train'; accepted are 'test', 'all', 'clean' and 'corrupted'",
    ),
    "accuracies: not measured": (
        lambda: measured(true_labels=LABELS).accuracies("test"),
        ValueError,
        r"kind is 'test', which was not measured: pass true_labels",
    ),
    "accuracies: nothing measured": (
        lambda: measured().accuracies("all"),
        ValueError,
        r"kind is 'all', which was not measured",
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
    with pytest.raises(ValueError, match=r"where a Factorisation is accepted: .*unit_norm=False"):
        distill(features, labels, 0.1)
    assert distill(fact, labels, 0.1, rounds=1).last.outputs.shape == (3, 2)


def test_an_absent_class_is_accepted_on_request():
    assert distill(X, 2 * LABELS, 0.1, n_classes=5, rounds=1).last.outputs.shape == (6, 5)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: factorise(X), r"factorising a 6 x 6 matrix needs .* GiB; .* GiB are free"),
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
    with pytest.raises(MemoryError, match=r"needs 1162\.5 GiB; 3\.0 GiB are free"):
        datasets.block_correlated(1000, 395, c=0.5, d=0.1)


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"scikit-learn, which is not installed: pip install"):
        datasets.digits()
