"""One eigendecomposition, in whichever space is smaller."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from strategies import examples, problems

from sdbook import datasets
from sdbook.solvers import factorise


@pytest.mark.parametrize(
    ("instances", "width", "space"), [(5, 9, "instance"), (9, 5, "feature"), (7, 7, "feature")]
)
def test_smaller_space_is_factorised(instances, width, space):
    features = datasets.normalise(np.random.default_rng(0).standard_normal((instances, width)))
    fact = factorise(features)
    assert fact.space == space
    assert fact.eigenvalues.shape == (min(instances, width),)
    assert repr(fact) == f"Factorisation({instances} instances, {width} features, {space} space)"


@examples
@given(problems())
def test_both_spaces_hold_the_spectrum_of_the_gram_matrix(problem):
    gram = np.linalg.eigvalsh(problem.features @ problem.features.T)[::-1]
    for space in ("instance", "feature"):
        values = factorise(problem.features, space=space).eigenvalues
        assert (np.diff(values) >= 0).all()
        present = values[values > 0][::-1]
        np.testing.assert_allclose(present, gram[: len(present)], atol=1e-10)
        np.testing.assert_allclose(gram[len(present) :], 0, atol=1e-10)


@examples
@given(problems())
def test_eigenvectors_rebuild_the_factorised_matrix(problem):
    phi = problem.features
    for space, matrix in (("instance", phi @ phi.T), ("feature", phi.T @ phi)):
        fact = factorise(phi, space=space)
        rebuilt = fact.basis * fact.eigenvalues @ fact.basis.T
        np.testing.assert_allclose(rebuilt, matrix, atol=1e-11)


def test_directions_that_are_not_there_have_eigenvalue_zero_exactly():
    twice = np.repeat(datasets.normalise(np.random.default_rng(0).standard_normal((4, 9))), 2, 0)
    assert (factorise(twice).eigenvalues[:4] == 0).all()
    assert (factorise(twice).eigenvalues[4:] > 0.01).all()


def test_factorisation_is_passed_through():
    fact = factorise(np.eye(3))
    assert factorise(fact) is fact
    assert factorise(fact, space=fact.space) is fact


def test_float32_stays_float32_and_features_stay_untouched():
    features = datasets.normalise(np.random.default_rng(0).standard_normal((6, 4)))
    single = features.astype(np.float32)
    before = single.copy()
    fact = factorise(single)
    assert fact.features is single
    assert fact.eigenvalues.dtype == fact.basis.dtype == np.float32
    np.testing.assert_array_equal(single, before)


@pytest.mark.parametrize(
    ("scale", "dtype"), [(1e160, np.float64), (1e25, np.float32), (1e306, np.float64)]
)
@pytest.mark.parametrize("space", ["instance", "feature"])
def test_features_whose_squares_are_no_numbers_are_refused(scale, dtype, space):
    features = (np.random.default_rng(0).standard_normal((6, 4)) * scale).astype(dtype)
    with pytest.raises(
        ValueError, match=r"features must have squares that float.. can hold, got entries up to"
    ):
        factorise(features, space=space, unit_norm=False)
    with pytest.raises(
        ValueError, match="features must have rows of norm 1, got norms from inf to inf"
    ):
        factorise(features, space=space)
