"""Rounds as filters: the formulas against powers of the matrix, and what no ridge can do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import examples, strengths

from sdbook import datasets, theory
from sdbook.book.filters import clean_margins, matching_ridge, same_ratio_ridge
from sdbook.solvers import LabelAveraging
from sdbook.theory import equivalent_ridge

eigenvalues = strengths(1e-3, 1e3)
several_rounds = st.floats(1.01, 20)


@examples
@given(eigenvalues, strengths(1e-3, 1e3), st.floats(0.1, 30))
def test_one_round_at_the_equivalent_ridge_does_what_t_rounds_do(s, a, t):
    b = equivalent_ridge(s, a, t)
    assert s / (b + s) == pytest.approx((s / (a + s)) ** t, rel=1e-10)


@examples
@given(strengths(1e-3, 1e3), several_rounds)
def test_the_equivalent_ridge_falls_strictly_from_infinity_to_t_times_the_ridge(a, t):
    ridges = equivalent_ridge(np.geomspace(a / 50, a * 50, 200), a, t)
    assert (np.diff(ridges) < 0).all()
    assert ridges.min() > t * a
    assert equivalent_ridge(a * 1e9, a, t) == pytest.approx(t * a, rel=1e-6)
    assert equivalent_ridge(a * 1e-300, a, 2 * t) > 1e3 * a


@examples
@given(strengths(1e-3, 1e3), st.floats(0.1, 0.99))
def test_for_less_than_one_round_it_rises(a, t):
    assert (np.diff(equivalent_ridge(np.geomspace(a / 50, a * 50, 200), a, t)) > 0).all()


def test_no_ridge_gives_the_matrix_of_two_rounds():
    """Proposition 5 for matrices, on the digits."""
    train = datasets.digits().take(range(300))
    s = np.linalg.eigvalsh(train.gram())[-60:]
    two = (s / (1 + s)) ** 2
    ridges = np.geomspace(1e-3, 1e5, 2000)
    assert abs(two - s / (ridges[:, None] + s)).max(axis=1).min() > 0.04


@pytest.mark.parametrize(("superclasses", "same"), [(1, True), (2, False)])
def test_one_round_can_be_several_only_for_labels_of_one_eigenvalue(superclasses, same):
    """Right labels in blocks: class differences alone, or those of superclasses as well."""
    kind = {"n_superclasses": superclasses, "c": 0.5, "d": 0.2, "e": 0.2 / superclasses}
    data = datasets.block_correlated(4, 10, **kind)
    T = datasets.one_hot(data.labels, 4)
    s = theory.block_eigenvalues(4, 10, **kind).class_
    a = 1.5
    b = equivalent_ridge(s, a, 6)
    many = LabelAveraging(data.features, a / 160, 4).outputs(T, 6)
    one = LabelAveraging(data.features, b / 160, 4).outputs(T, 1)
    assert (abs(many - one).max() < 1e-12) == same


@examples
@given(eigenvalues, eigenvalues, strengths(1e-3, 1e3), st.floats(0.1, 20))
def test_two_directions_can_be_matched_exactly_while_the_ratio_allows_it(s, other, a, t):
    small, large = sorted([s, other])
    assume(large > 1.001 * small)
    wanted = t * (np.log1p(a / small) - np.log1p(a / large))
    most = np.log(large / small)
    b = same_ratio_ridge(small, large, a, t)
    assume(abs(wanted - most) > 1e-3 * most)  # at equality the ridge is infinite either way
    if wanted < most:
        ratio = np.log((large / (b + large)) / (small / (b + small)))
        assert ratio == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    else:
        assert b == np.inf
        for ridge in np.geomspace(1e-3, 1e9, 50):
            assert np.log((large / (ridge + large)) / (small / (ridge + small))) < wanted


@examples
@given(strengths(1e-2, 1e2), st.floats(1.5, 4), st.floats(1.5, 4), st.floats(2, 10))
def test_three_directions_are_never_matched_not_even_up_to_a_factor(smallest, up, again, t):
    s, a = smallest * np.array([1, up, up * again]), 2 * smallest
    weights = (1 + a / s) ** (2 * t)  # relative differences
    assert matching_ridge(s, a, t, weights=weights).left_over > 1e-4
    assert matching_ridge(s, a, 1, weights=weights).left_over < 1e-6


@examples
@given(
    st.lists(eigenvalues, min_size=1, max_size=8),
    strengths(1e-2, 1e2),
    st.floats(0.5, 12),
    st.integers(0, 2**32 - 1),
)
def test_no_other_ridge_is_nearer(values, a, t, seed):
    rng = np.random.default_rng(seed)
    s, w = np.array(values), rng.uniform(0.1, 1, len(values))
    target = (s / (a + s)) ** t
    match = matching_ridge(s, a, t, weights=w)

    def distance(ridge, scale):
        return np.sqrt(w @ (target - scale * s / (ridge + s)) ** 2 / (w @ target**2))

    assert distance(match.ridge, match.scale) == pytest.approx(match.left_over, abs=1e-6)
    for ridge in np.geomspace(1e-4, 1e5, 300):
        one = s / (ridge + s)
        assert distance(ridge, (w * target) @ one / (w @ one**2)) > match.left_over - 1e-6


def test_the_match_of_labels_is_the_match_of_outputs():
    """With the energy of the labels as weights, what is left over is that of the outputs."""
    train = datasets.digits().take(range(200))
    G, T = train.gram(), datasets.one_hot(train.labels, 10)
    s, V = np.linalg.eigh(G)
    s = np.maximum(s, 0)
    lam, t = 1e-4, 6
    model = LabelAveraging(train.features, lam, 10)
    target = model.outputs(T, t) - 0.1
    match = matching_ridge(s, model.ridge, t, weights=((V.T @ (T - 0.1)) ** 2).sum(axis=1))
    one = LabelAveraging(train.features, match.ridge / (10 * 200), 10).outputs(T) - 0.1
    left = np.linalg.norm(target - match.scale * one) / np.linalg.norm(target)
    assert left == pytest.approx(match.left_over, rel=1e-6)
    assert 0.01 < left < 0.5


@examples
@given(
    st.sampled_from([(4, 2), (6, 2), (6, 3), (6, 1)]),
    st.integers(1, 5),
    strengths(1e-4, 1e-1),
    st.floats(0.5, 8),
)
def test_clean_margins_are_those_of_the_model(shape, n, lam, t):
    K, S = shape
    c, d, e = 0.6, 0.3, 0.1 if S > 1 else 0.3
    data = datasets.block_correlated(K, n, n_superclasses=S, c=c, d=d, e=e)
    outputs = LabelAveraging(data.features, lam, K).outputs(datasets.one_hot(data.labels, K), t)
    spectrum = theory.block_eigenvalues(K, n, n_superclasses=S, c=c, d=d, e=e)
    shrinkage = theory.block_shrinkage(spectrum, K * K * n * lam)
    margins = clean_margins(shrinkage, t, superclass_size=K // S)
    lead = outputs[0, 0] - outputs[0]
    assert lead[1 : K // S] == pytest.approx(margins.relative, abs=1e-10)
    assert lead[K // S :] == pytest.approx(margins.stranger, abs=1e-10)


def test_arrays_broadcast_and_numbers_stay_numbers():
    assert isinstance(equivalent_ridge(1, 1, 2), float)
    assert np.shape(equivalent_ridge([1.0, 2.0], 1.0, [[1.0], [2.0], [3.0]])) == (3, 2)
    assert np.shape(same_ratio_ridge(1.0, [2.0, 3.0], 1.0, [[1.0], [2.0]])) == (2, 2)
    shrinkage = theory.BlockSpectrum(0.5, 0.8, 0.9, 1.0)
    assert np.shape(clean_margins(shrinkage, [1, 2, 3], superclass_size=2).relative) == (3,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: equivalent_ridge(0.0, 1.0, 2.0), "eigenvalue must"),
        (lambda: equivalent_ridge(1.0, -1.0, 2.0), "ridge must .*-1"),
        (lambda: equivalent_ridge(1.0, 1.0, 0.0), "t must"),
        (lambda: same_ratio_ridge(2.0, 1.0, 1.0, 2.0), "small must be < large"),
        (lambda: matching_ridge([0.0, 0.0], 1.0, 2.0), "above 0 with a weight"),
        (lambda: matching_ridge([1.0, 2.0], 1.0, 2.0, weights=[1.0]), r"shape \(n,\) both"),
        (lambda: matching_ridge([1.0], 0.0, 2.0), "ridge must"),
        (
            lambda: clean_margins(theory.BlockSpectrum(0.1, 0.2, 0.3, 2.0), superclass_size=2),
            "shrinkage factor g",
        ),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
