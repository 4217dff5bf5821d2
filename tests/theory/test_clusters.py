"""Clustered predictions (Corollary 1), and what the exact model makes of the rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from blocks import blocks
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

from sdbook import datasets, distill, noise, theory


def means(rows, groups):
    return np.stack([rows[groups == group].mean(axis=0) for group in range(groups.max() + 1)])


@settings(examples, max_examples=200)
@given(blocks(), st.one_of(st.integers(1, 12), st.floats(0.1, 12)))
def test_differences_shrink_at_the_rate_of_their_kind(block, t):
    """Inside classes by p, between classes by q, between superclasses by r: each round, exactly."""
    spectrum = theory.block_eigenvalues(
        block.K, block.n, n_superclasses=block.S, c=block.c, d=block.d, e=block.e
    )
    p, q, r, _ = theory.block_shrinkage(spectrum, block.ridge)
    told, outputs = np.eye(block.K)[block.given], block.outputs(t)
    class_told, class_outputs = means(told, block.true), means(outputs, block.true)
    groups = block.superclasses
    super_told, super_outputs = means(class_told, groups), means(class_outputs, groups)
    for power, before, after in [
        (p**t, told - class_told[block.true], outputs - class_outputs[block.true]),
        (q**t, class_told - super_told[groups], class_outputs - super_outputs[groups]),
        (r**t, super_told - super_told[:1], super_outputs - super_outputs[:1]),
    ]:
        np.testing.assert_allclose(after, power * before, atol=1e-10)


@settings(examples, max_examples=200)
@given(blocks())
def test_what_is_inside_a_class_goes_first(block):
    spectrum = theory.block_eigenvalues(
        block.K, block.n, n_superclasses=block.S, c=block.c, d=block.d, e=block.e
    )
    p, q, r, _ = theory.block_shrinkage(spectrum, block.ridge)
    assert p < q <= r


@pytest.mark.parametrize("lam", [1e-4, 3e-4, 1e-3])
@pytest.mark.parametrize("rate", [0.3, 0.5])
def test_exact_rounds_are_those_of_the_tangent_at_a_superclass(lam, rate):
    """With m, the classes in play, in place of K, the bound predicts the exact softmax."""
    block = {"n_superclasses": 2, "c": 0.5, "d": 0.2, "e": 0.05}
    K, n = 6, 60
    data = datasets.block_correlated(K, n, **block)
    C = noise.superclass(data.superclasses, rate)
    labels = noise.corrupt(data.labels, C, rng=0, exact=True)
    run = distill(data.features, labels, lam, rounds=12, true_labels=data.labels)
    first = int((run.accuracies("all") == 1).argmax()) + 1
    spectrum = theory.block_eigenvalues(K, n, **block)
    promised = [
        math.floor(theory.rounds_bound(theory.block_shrinkage(spectrum, ridge), C)) + 1
        for ridge in (K // 2 * K * n * lam, K * K * n * lam)
    ]
    assert promised[0] == first
    assert promised[1] <= first
