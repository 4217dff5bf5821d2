"""What a student is taught."""

from __future__ import annotations

import pickle
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from sdbook import refine


def random_outputs(seed, instances=6, classes=5):
    return np.random.default_rng(seed).dirichlet(np.ones(classes), instances)


def test_as_is_hands_on_the_very_same_outputs():
    outputs = random_outputs(0)
    assert refine.as_is(outputs) is outputs


@examples
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_top_k_gives_the_k_largest_equal_shares(seed, k):
    outputs = random_outputs(seed)
    targets = refine.top_k(k)(outputs)
    np.testing.assert_allclose(targets.sum(axis=1), 1)
    for row, taught in zip(outputs, targets, strict=True):
        assert set(np.flatnonzero(taught)) == set(np.argsort(row)[-k:])
        np.testing.assert_allclose(taught[taught > 0], 1 / k)


@examples
@given(st.integers(0, 10_000), st.integers(1, 5), st.permutations(range(5)))
def test_top_k_does_not_depend_on_the_order_of_the_classes(seed, k, order):
    outputs = random_outputs(seed)
    refinement = refine.top_k(k)
    np.testing.assert_array_equal(refinement(outputs[:, order]), refinement(outputs)[:, order])


def test_all_classes_as_candidates_teach_nothing():
    np.testing.assert_array_equal(refine.top_k(4)(random_outputs(0, classes=4)), 0.25)


def test_one_candidate_is_the_decision():
    outputs = random_outputs(0)
    expected = np.eye(5)[outputs.argmax(axis=1)]
    np.testing.assert_array_equal(refine.top_k(1)(outputs), expected)


def test_ties_go_to_the_lower_class():
    outputs = np.array([[0.2, 0.3, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]])
    np.testing.assert_array_equal(
        refine.top_k(3)(outputs) > 0, [[True, True, False, True], [True, True, True, False]]
    )


@pytest.mark.parametrize("value", [0.3, 0.3000005, 0.3123455])
@pytest.mark.parametrize("errors", permutations([0, 1e-12, -1e-12]))
def test_rounding_errors_do_not_decide_ties(value, errors):
    outputs = np.array([[1 - 3 * value, *(value + error for error in errors)]])
    np.testing.assert_array_equal(refine.top_k(1)(outputs) > 0, [[False, True, False, False]])
    np.testing.assert_array_equal(refine.top_k(2)(outputs) > 0, [[False, True, True, False]])


def test_float32_outputs_make_float32_targets():
    assert refine.top_k(2)(random_outputs(0).astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("refinement", [refine.as_is, refine.top_k(3), refine.one_or_two(0.2)])
def test_a_refinement_says_its_name_and_survives_a_trip(refinement):
    """To another process: sweeps send refinements to workers."""
    assert getattr(refinement, "__name__", repr(refinement)) in (
        "as_is",
        "top_k(3)",
        "one_or_two(0.2)",
    )
    assert pickle.loads(pickle.dumps(refinement)) == refinement


def test_one_or_two_keeps_one_where_the_lead_is_larger():
    outputs = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.2, 0.2, 0.6]])
    expected = [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]
    np.testing.assert_array_equal(refine.one_or_two(0.25)(outputs), expected)


def test_one_or_two_takes_a_lead_that_is_equal_up_to_rounding_as_too_small():
    outputs = np.array([[0.1 + 0.2, 0.0, 0.7], [0.9, 0.1, 0.0]])  # leads 0.4 and 0.8
    lead = 0.4 - 1e-12
    np.testing.assert_array_equal(refine.one_or_two(lead)(outputs)[0], [0.5, 0, 0.5])


def test_one_or_two_wants_a_margin_of_at_least_zero():
    with pytest.raises(ValueError, match=r"margin must be >= 0, got -0\.1"):
        refine.one_or_two(-0.1)
