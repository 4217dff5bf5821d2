"""Corruption matrices, and labels drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from sdbook import datasets, noise

RATES = st.floats(0, 1)
MATRICES = {
    "symmetric": noise.symmetric,
    "asymmetric": noise.asymmetric,
    "pair flip": noise.pair_flip,
    "superclass": lambda classes, rate: noise.superclass(np.arange(classes) // 2, rate),
}


def random_matrix(seed, classes=5):
    """A corruption matrix with a few zeros."""
    C = np.random.default_rng(seed).dirichlet(np.ones(classes), classes)
    C[0, 1:3] = 0
    return C / C.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("model", MATRICES.values(), ids=MATRICES)
@examples
@given(pairs=st.integers(1, 8), rate=RATES)
def test_rows_are_probabilities_and_the_diagonal_is_what_stays(model, pairs, rate):
    C = model(2 * pairs, rate)
    assert C.shape == (2 * pairs, 2 * pairs)
    assert (C >= 0).all()
    np.testing.assert_allclose(C.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(C.diagonal(), 1 - rate, atol=1e-12)


@pytest.mark.parametrize("model", MATRICES.values(), ids=MATRICES)
def test_without_noise_labels_stay(model):
    labels = np.repeat(np.arange(6), 3)
    for exact in (False, True):
        np.testing.assert_array_equal(
            noise.corrupt(labels, model(6, 0), rng=0, exact=exact), labels
        )


def test_symmetric_noise_spreads_evenly():
    off_diagonal = noise.symmetric(5, 0.4)[~np.eye(5, dtype=bool)]
    np.testing.assert_allclose(off_diagonal, 0.1)


def test_asymmetric_noise_prefers_the_next_class():
    C = noise.asymmetric(5, 0.5)
    np.testing.assert_allclose(C[0], [0.5, 0.2, 0.1, 0.1, 0.1])
    np.testing.assert_allclose(C[4], [0.2, 0.1, 0.1, 0.1, 0.5])


def test_pair_flip_goes_round():
    np.testing.assert_allclose(
        noise.pair_flip(3, 0.3), [[0.7, 0.3, 0], [0, 0.7, 0.3], [0.3, 0, 0.7]]
    )


def test_superclass_noise_stays_inside_the_superclass():
    superclasses = np.array([0, 1, 0, 1, 0])  # in any order, of any size
    C = noise.superclass(superclasses, 0.6)
    np.testing.assert_allclose(C[0], [0.4, 0, 0.3, 0, 0.3])
    np.testing.assert_allclose(C[1], [0, 0.4, 0, 0.6, 0])


def test_one_superclass_of_all_classes_is_symmetric_noise():
    np.testing.assert_allclose(noise.superclass([7, 7, 7, 7], 0.3), noise.symmetric(4, 0.3))


def test_a_lonely_class_cannot_be_mislabelled():
    with pytest.raises(ValueError, match="got class 2 alone"):
        noise.superclass([0, 0, 1], 0.1)
    np.testing.assert_array_equal(noise.superclass([0, 0, 1], 0), np.eye(3))


def test_a_matrix_of_your_own_is_returned_as_an_array():
    rows = [[0.9, 0.1], [0.2, 0.8]]
    np.testing.assert_array_equal(noise.corruption_matrix(rows), rows)


# --- drawing labels -------------------------------------------------------------------------------


@examples
@given(st.integers(0, 1000), st.integers(1, 40))
def test_exact_proportions_are_within_one_instance(seed, per_class):
    C = random_matrix(seed)
    true = np.repeat(np.arange(5), per_class)
    given_labels = noise.corrupt(true, C, rng=seed, exact=True)
    for k in range(5):
        counts = np.bincount(given_labels[true == k], minlength=5)
        assert counts.sum() == per_class
        assert (np.abs(counts - per_class * C[k]) < 1).all()
        assert (counts[C[k] == 0] == 0).all()


@pytest.mark.parametrize(
    ("classes", "per_class", "rate"), [(10, 50, 0.72), (6, 60, 0.5), (4, 60, 0.9)]
)
def test_exact_proportions_are_exact_where_they_are_whole(classes, per_class, rate):
    C = noise.symmetric(classes, rate)
    true = np.repeat(np.arange(classes), per_class)
    given_labels = noise.corrupt(true, C, rng=0, exact=True)
    counts = [np.bincount(given_labels[true == k], minlength=classes) for k in range(classes)]
    np.testing.assert_allclose(counts, per_class * C, atol=1e-9)


def test_exact_proportions_are_in_random_order():
    true = np.zeros(100, dtype=int)
    given_labels = noise.corrupt(true, noise.symmetric(2, 0.5), rng=0, exact=True)
    assert 30 < np.count_nonzero(np.diff(given_labels)) < 70


def test_remainders_go_to_the_largest_and_ties_to_the_lower_class():
    true = np.zeros(10, dtype=int)
    C = np.array([[0.25, 0.25, 0.5], [0, 1, 0], [0, 0, 1]])
    given_labels = noise.corrupt(true, C, rng=0, exact=True)
    assert np.bincount(given_labels).tolist() == [3, 2, 5]


@pytest.mark.parametrize("seed", range(3))
def test_independent_draws_have_the_frequencies_of_the_matrix(seed):
    C = random_matrix(seed)
    draws = 40_000
    true = np.repeat(np.arange(5), draws)
    given_labels = noise.corrupt(true, C, rng=seed)
    shares = np.array([np.bincount(given_labels[true == k], minlength=5) for k in range(5)]) / draws
    assert (np.abs(shares - C) <= 5 * np.sqrt(C * (1 - C) / draws)).all()
    assert (shares[C == 0] == 0).all()


def test_independent_draws_scatter():
    true = np.zeros(1000, dtype=int)
    wrong = {int(noise.corrupt(true, noise.symmetric(2, 0.5), rng=s).sum()) for s in range(5)}
    assert len(wrong) > 1


@pytest.mark.parametrize("exact", [False, True])
def test_same_seed_same_labels(exact):
    true, C = np.repeat(np.arange(4), 25), noise.symmetric(4, 0.5)
    once, again, other = (noise.corrupt(true, C, rng=seed, exact=exact) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_a_generator_moves_on():
    true, C, rng = np.repeat(np.arange(4), 25), noise.symmetric(4, 0.5), np.random.default_rng(0)
    assert (noise.corrupt(true, C, rng=rng) != noise.corrupt(true, C, rng=rng)).any()


@pytest.mark.parametrize("exact", [False, True])
def test_global_random_state_stays_untouched(exact):
    before = np.random.get_state()  # noqa: NPY002
    noise.corrupt(np.zeros(50, dtype=int), noise.symmetric(3, 0.5), exact=exact)
    after = np.random.get_state()  # noqa: NPY002
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])


def test_true_labels_stay_untouched():
    true = np.repeat(np.arange(3), 5)
    before = true.copy()
    noise.corrupt(true, noise.symmetric(3, 1.0), rng=0, exact=True)
    np.testing.assert_array_equal(true, before)


# Tables of similarities between classes, and vectors that have them.
def with_similarities(between, per_class=3):
    """Unit vectors, `per_class` of each class, with these mean similarities between classes."""
    between = np.asarray(between, dtype=float)
    n, K = per_class, len(between)
    of_class = np.repeat(np.arange(K), n)
    gram = between[np.ix_(of_class, of_class)]
    np.fill_diagonal(gram, 1)
    values, vectors = np.linalg.eigh(gram)
    assert values[0] > -1e-12
    return vectors * np.sqrt(np.maximum(values, 0)), of_class


SIMILARITIES = [
    [0.50, 0.10, 0.40, 0.00],
    [0.10, 0.60, 0.05, 0.30],
    [0.40, 0.05, 0.55, 0.10],
    [0.00, 0.30, 0.10, 0.45],
]


def test_class_correlations_are_means_over_pairs_of_different_instances():
    features, labels = with_similarities(SIMILARITIES)
    measured = noise.class_correlations(features, labels)
    np.testing.assert_allclose(measured, SIMILARITIES, atol=1e-12)


def test_class_correlations_agree_with_every_pair_by_hand():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((30, 6))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = rng.permutation(np.repeat(np.arange(4), [2, 5, 10, 13]))
    by_hand = np.empty((4, 4))
    for k in range(4):
        for j in range(4):
            pairs = [
                features[a] @ features[b]
                for a in np.flatnonzero(labels == k)
                for b in np.flatnonzero(labels == j)
                if a != b
            ]
            by_hand[k, j] = np.mean(pairs)
    np.testing.assert_allclose(noise.class_correlations(features, labels), by_hand, atol=1e-12)


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        # Merges at .6 (0 and 2), .7 (1 and 3) and 1 (the two pairs), whose largest is 1.
        (0.8, [0, 1, 0, 1]),
        (0.65, [0, 1, 0, 2]),
        (0.5, [0, 1, 2, 3]),
    ],
)
def test_superclasses_are_what_is_merged_below_the_cut(height, expected):
    features, labels = with_similarities(SIMILARITIES)
    found = noise.confusable_superclasses(features, labels, height=height)
    assert found.tolist() == expected


def test_merging_looks_at_the_least_similar_members():
    # 1 is near 0 and near 2, but 0 and 2 are far apart: single linkage would join all three.
    chain = [[0.9, 0.6, 0.0, 0.0], [0.6, 0.9, 0.5, 0.0], [0.0, 0.5, 0.9, 0.3], [0, 0, 0.3, 0.9]]
    features, labels = with_similarities(chain)
    assert noise.confusable_superclasses(features, labels).tolist() == [0, 0, 1, 1]


@examples
@given(st.permutations(range(6)))
def test_blocks_are_found_whatever_the_order_of_their_classes(order):
    data = datasets.block_correlated(6, 4, n_superclasses=3, c=0.5, d=0.3, e=0.0)
    found = noise.confusable_superclasses(data.features, np.array(order)[data.labels])
    back = found[np.array(order)]  # in the order of the blocks
    assert back[0] == back[1] != back[2] == back[3] != back[4] == back[5] != back[0]
    assert found[0] == 0
    assert (np.diff(np.unique(found)) == 1).all()


def test_features_and_labels_of_classes_are_checked():
    features, labels = with_similarities(SIMILARITIES)
    with pytest.raises(ValueError, match=r"height must .*1\.5"):
        noise.confusable_superclasses(features, labels, height=1.5)
    with pytest.raises(ValueError, match="features must have rows of norm 1"):
        noise.class_correlations(2 * features, labels)
    with pytest.raises(
        ValueError, match="labels must have each class twice or more, got class 4 1 times"
    ):
        noise.class_correlations(features, np.append(labels[:-1], 4))
    with pytest.raises(ValueError, match=r"labels must .*11"):
        noise.class_correlations(features, labels[:-1])
    with pytest.raises(TypeError, match=r"labels must .*float64"):
        noise.class_correlations(features, labels + 0.0)
