"""Features with the correlations that were asked for, and digits."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import examples

from sdbook import datasets, noise
from sdbook.datasets import prepare


def block_gram(K, n, S, c, d, e):
    """The Gram matrix, entry by entry."""
    of_class = np.repeat(np.arange(K), n)
    group = (np.arange(K) * S // K)[of_class]
    gram = np.where(group[:, None] == group, d, e)
    gram = np.where(of_class[:, None] == of_class, c, gram)
    np.fill_diagonal(gram, 1)
    return gram


@st.composite
def blocks(draw):
    """(K, n, S, c, d, e) with 1 > c > d >= e; S need not divide K, and e can be negative."""
    K, n = draw(st.integers(2, 8)), draw(st.integers(1, 6))
    S = draw(st.integers(1, K))
    c = draw(st.floats(0.05, 0.95))
    d = c - draw(st.floats(0.01, 0.5))
    e = d - draw(st.floats(0, 0.5))
    assume(e >= -1)
    return K, n, S, c, d, e


@examples
@given(blocks())
def test_correlations_are_met_exactly_or_refused_rightly(parameters):
    K, n, S, c, d, e = parameters
    expected = block_gram(K, n, S, c, d, e)
    least = np.linalg.eigvalsh(expected)[0]
    assume(abs(least) > 1e-8)
    if least < 0:
        with pytest.raises(ValueError, match="c, d and e must give a Gram matrix"):
            datasets.block_correlated(K, n, n_superclasses=S, c=c, d=d, e=e)
    else:
        data = datasets.block_correlated(K, n, n_superclasses=S, c=c, d=d, e=e)
        np.testing.assert_allclose(data.gram(), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("K", "n", "S", "c", "d", "e"),
    [
        (6, 60, 2, 0.5, 0.2, 0.05),
        (10, 50, 2, 0.4, 0.15, 0.0),
        (8, 20, 4, 0.4, 0.15, 0.0),
        (7, 10, 3, 0.4, 0.1, -0.03),  # 3 does not divide 7; centred data
        (4, 10, 1, 0.4, -0.05, -0.05),
        (5, 3, 5, 0.3, 0.2, 0.1),  # each class its own superclass
        (2, 1, 1, 0.5, 0.2, 0.2),  # one instance a class
    ],
)
def test_named_block_models(K, n, S, c, d, e):
    data = datasets.block_correlated(K, n, n_superclasses=S, c=c, d=d, e=e)
    np.testing.assert_allclose(data.gram(), block_gram(K, n, S, c, d, e), atol=1e-13)
    assert data.labels.tolist() == np.repeat(np.arange(K), n).tolist()
    assert np.ptp(np.bincount(data.superclasses)) <= 1
    assert len(set(data.superclasses)) == S
    assert data.n_classes == K
    assert len(data) == K * n


def test_correlations_on_the_edge_are_met():
    """Centred blocks: the global eigenvalue is zero exactly."""
    K, n, c = 4, 10, 0.4
    d = -(1 - c + n * c) / (n * (K - 1))
    gram = datasets.block_correlated(K, n, c=c, d=d).gram()
    np.testing.assert_allclose(gram, block_gram(K, n, 1, c, d, d), atol=1e-12)
    np.testing.assert_allclose(gram.sum(), 0, atol=1e-10)


@examples
@given(st.floats(0.01, 2), st.integers(0, 100))
def test_jitter_keeps_unit_vectors(jitter, seed):
    data = datasets.block_correlated(4, 5, c=0.4, d=0.1, jitter=jitter, rng=seed)
    np.testing.assert_allclose(np.linalg.norm(data.features, axis=1), 1)
    assert np.linalg.eigvalsh(data.gram())[0] > -1e-12


def test_jitter_scatters_around_the_damped_correlations():
    blocks = {"n_superclasses": 2, "c": 0.5, "d": 0.2, "e": 0.1}
    exact = datasets.block_correlated(4, 60, **blocks).gram()
    gram = datasets.block_correlated(4, 60, **blocks, jitter=0.5, rng=0).gram()
    for value in (0.5, 0.2, 0.1):
        found = gram[np.isclose(exact, value)]
        assert found.mean() == pytest.approx(value / 1.25, abs=0.005)
        assert found.std() > 0.01


def test_jitter_depends_on_the_seed_alone():
    once, again, other = (
        datasets.block_correlated(3, 4, c=0.4, d=0.1, jitter=0.3, rng=seed).features
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_constant_blocks_with_scattered_entries_are_no_gram_matrix():
    """Why features are vectors here: scatter the correlations themselves and no vectors fit."""
    scatter = np.random.default_rng(0).uniform(-0.05, 0.05, (2000, 2000))
    scattered = block_gram(4, 500, 1, 0.4, 0.1, 0.1) + (scatter + scatter.T) / 2
    np.fill_diagonal(scattered, 1)
    assert np.linalg.eigvalsh(scattered)[0] == pytest.approx(-1.2, abs=0.05)


# --- digits ---------------------------------------------------------------------------------------


def test_digits_are_centred_and_normalised():
    raw = datasets.digits(centred=False, normalised=False)
    data = datasets.digits()
    assert data.features.shape == (1797, 64)
    assert np.bincount(data.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    np.testing.assert_allclose(np.linalg.norm(data.features, axis=1), 1)
    centred = raw.features - raw.features.mean(axis=0)
    np.testing.assert_allclose(
        data.features, centred / np.linalg.norm(centred, axis=1, keepdims=True)
    )
    np.testing.assert_array_equal(raw.features, data.images.reshape(1797, 64))
    assert repr(data) == "Dataset('digits': 1797 instances, 64 features, 10 classes)"


def test_digits_as_wished():
    centred = datasets.digits(normalised=False).features
    np.testing.assert_allclose(centred.mean(axis=0), 0, atol=1e-12)
    features = datasets.digits(centred=False).features
    assert features.min() == 0
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1)


@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5])
def test_split_takes_the_share_of_every_class(share):
    data = datasets.digits()
    train, test = data.split(share, rng=0)
    assert len(train) + len(test) == len(data)
    sizes = np.bincount(data.labels)
    assert (np.abs(np.bincount(test.labels) - share * sizes) <= 0.5).all()
    together = np.concatenate([train.images, test.images]).reshape(len(data), -1)
    np.testing.assert_array_equal(
        np.sort(together, axis=0), np.sort(data.images.reshape(len(data), -1), axis=0)
    )


def test_split_depends_on_the_seed_alone():
    data = datasets.digits().take(range(200))
    once, again, other = (data.split(rng=seed)[1].features for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_take_keeps_instances_together():
    data = datasets.digits()
    threes = data.take(data.labels == 3)
    assert set(threes.labels) == {3}
    assert len(threes.images) == len(threes) == 183
    assert threes.n_classes == 10
    np.testing.assert_array_equal(data.take([5]).images[0], data.images[5])


@examples
@given(st.integers(0, 1000))
def test_centre_and_normalise(seed):
    features = 1 + np.random.default_rng(seed).standard_normal((7, 3))
    np.testing.assert_allclose(datasets.centre(features).mean(axis=0), 0, atol=1e-12)
    unit = datasets.normalise(features)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1)
    np.testing.assert_allclose(unit * np.linalg.norm(features, axis=1)[:, None], features)


def test_one_hot():
    np.testing.assert_array_equal(datasets.one_hot([2, 0], 3), [[0, 0, 1], [1, 0, 0]])


def test_one_hot_takes_no_more_memory_than_its_targets():
    tracemalloc.start()
    targets = datasets.one_hot([0, 4999, 1], 5000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert targets.sum(axis=1).tolist() == [1, 1, 1]
    assert peak < 10 * targets.nbytes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_centred_is_summed_in_float64(dtype):
    years = (2010.0 + np.arange(100_000)[:, None] % 2).astype(dtype)
    centred = datasets.centre(years)
    assert centred.dtype == dtype
    assert np.unique(centred).tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("value", [0.1, 1e308, -1e308, 5e-324])
def test_centring_leaves_nothing_of_a_constant(value):
    assert (datasets.centre(np.full((1001, 2), value)) == 0).all()


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(1e-300, np.float64), (1e300, np.float64), (1e-35, np.float32), (1e35, np.float32)],
)
def test_vectors_of_any_length_are_normalised(scale, dtype):
    features = (np.random.default_rng(0).standard_normal((7, 3)) * scale).astype(dtype)
    unit = datasets.normalise(features)
    assert unit.dtype == dtype
    expected = datasets.normalise(features.astype(np.float64) / scale)
    np.testing.assert_allclose(unit, expected, rtol=100 * np.finfo(dtype).eps)


def test_the_smallest_numbers_have_a_direction_too():
    features = np.array([[5e-324, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(datasets.normalise(features), np.eye(2))


def test_rows_of_zeros_have_no_direction():
    rows = np.array([[3e-200, 4e-200], [3e300, 4e300], [0, 0]])
    np.testing.assert_allclose(prepare.directions(rows), [[0.6, 0.8], [0.6, 0.8], [0, 0]])
    with pytest.raises(ValueError, match="features must have no row of zeros, got one in row 2"):
        datasets.normalise(rows)


def test_a_column_of_labels_is_read_by_position():
    pandas = pytest.importorskip("pandas")
    data = datasets.digits().take(range(30))
    shuffled = pandas.Series(data.labels, index=range(30)[::-1])
    columns = dataclasses.replace(data, labels=shuffled)
    assert columns.take([0, 1, 2]).labels.tolist() == data.labels[:3].tolist()
    found, again = (noise.class_correlations(data.features, x) for x in (data.labels, shuffled))
    np.testing.assert_array_equal(found, again)
