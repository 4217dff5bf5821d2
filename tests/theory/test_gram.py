"""Chapter 2: what a linear probe knows of its features is in the Gram matrix."""

from __future__ import annotations

import numpy as np
import pytest

from sdbook import datasets, distill
from sdbook.book.figures.gram import block_means


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    features = datasets.normalise(rng.standard_normal((30, 12)))
    return features, rng.integers(0, 4, 30)


def other_features(features, kind):
    """Other vectors with the same inner products."""
    rng = np.random.default_rng(1)
    if kind == "rotated":
        return features @ np.linalg.qr(rng.standard_normal((12, 12)))[0]
    if kind == "wider":
        return features @ np.linalg.qr(rng.standard_normal((40, 12)))[0].T
    values, vectors = np.linalg.eigh(features @ features.T)
    return vectors * np.sqrt(np.maximum(values, 0))  # "from G alone"


@pytest.mark.parametrize("model", ["softmax", "linearised"])
@pytest.mark.parametrize("kind", ["rotated", "wider", "from G alone"])
def test_same_gram_matrix_same_outputs_in_every_round(problem, kind, model):
    features, given = problem
    others = other_features(features, kind)
    assert others @ others.T == pytest.approx(features @ features.T, abs=1e-12)
    one, two = (
        distill(F, given, 1e-3, n_classes=4, rounds=3, model=model).rounds
        for F in (features, others)
    )
    for a, b in zip(one, two, strict=True):
        assert b.outputs == pytest.approx(a.outputs, abs=1e-6)


def test_another_gram_matrix_gives_other_outputs(problem):
    features, given = problem
    squeezed = datasets.normalise(features * np.linspace(0.2, 1, 12))
    one, two = (
        distill(F, given, 1e-3, n_classes=4, rounds=1).teacher for F in (features, squeezed)
    )
    assert np.abs(one.outputs - two.outputs).max() > 0.01


@pytest.mark.parametrize(("K", "n", "c"), [(2, 5, 0.3), (3, 4, 0.6), (10, 6, 0.42)])
def test_centring_makes_classes_less_than_unrelated(K, n, c):
    """Rows of a centred Gram matrix sum to zero: d = -(1 + (n - 1) c) / (N - n)."""
    blocks = datasets.block_correlated(K, n, c=c, d=0.2)
    centred = datasets.normalise(datasets.centre(blocks.features))
    means = block_means(centred @ centred.T, blocks.labels)
    within, between = means[0, 0], means[0, 1]
    assert between == pytest.approx(-(1 + (n - 1) * within) / (K * n - n), abs=1e-12)
    assert between < min(0, within)
