"""The Gram matrix as a picture: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from reading import line, shade, ticks, written

from sdbook import datasets
from sdbook.book import figures
from sdbook.book.figures.gram import block_means, gram_map, gram_panels, similarity_colours


@pytest.mark.parametrize("mode", figures.MODES)
def test_zero_is_the_page_and_one_the_strongest_colour(mode):
    with figures.theme(mode):
        colours = similarity_colours()
        assert to_hex(colours(0.5)) == figures.colour("background")
        assert to_hex(colours(0.0)) == figures.colour("corrupted")
        assert to_hex(colours(1.0)) == to_hex(figures.sequential()(1.0))
        assert colours(0.75)[:3] == pytest.approx(figures.sequential()(0.5)[:3], abs=0.02)


def test_block_means_leave_out_instances_with_themselves():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((7, 3))
    labels = np.array([1, 0, 1, 0, 0, 1, 1])
    gram = features @ features.T
    expected = np.empty((2, 2))
    for a in range(2):
        for b in range(2):
            pairs = [
                gram[i, j]
                for i in range(7)
                for j in range(7)
                if i != j and labels[i] == a and labels[j] == b
            ]
            expected[a, b] = np.mean(pairs)
    assert block_means(gram, labels) == pytest.approx(expected, abs=1e-12)


def test_block_means_of_blocks_are_their_correlations():
    data = datasets.block_correlated(4, 5, n_superclasses=2, c=0.5, d=0.2, e=0.1)
    c, d, e = 0.5, 0.2, 0.1
    expected = [[c, d, e, e], [d, c, e, e], [e, e, c, d], [e, e, d, c]]
    shuffled = np.random.default_rng(1).permutation(len(data))
    gram = data.gram()[np.ix_(shuffled, shuffled)]
    assert block_means(gram, data.labels[shuffled]) == pytest.approx(np.array(expected))


def test_the_map_is_sorted_by_class():
    gram = np.array([[1.0, 0.1, 0.7], [0.1, 1.0, 0.2], [0.7, 0.2, 1.0]])
    ax = Figure().add_subplot()
    gram_map(ax, gram, [1, 0, 1], class_names=("cat", "dog"))
    shown = np.asarray(ax.images[0].get_array())
    assert shown == pytest.approx(np.array([[1, 0.1, 0.2], [0.1, 1, 0.7], [0.2, 0.7, 1]]))
    assert ticks(ax.xaxis) == ticks(ax.yaxis) == ["cat", "dog"]


@pytest.mark.parametrize("mode", figures.MODES)
def test_the_panels_name_both_means(mode):
    data = datasets.block_correlated(3, 8, c=0.6, d=-0.2)
    with figures.theme(mode):
        figure = Figure(figsize=(6.4, 5))
        pairs, means, values = gram_panels(figure, data.gram(), data.labels, shown=[0, 8, 9])
    assert pairs.images[0].get_array().shape == (3, 3)
    assert np.diag(np.asarray(means.images[0].get_array())) == pytest.approx([0.6] * 3)
    assert written(values) == ["different classes −0.20", "same class 0.60"]
    assert line(values, "same class").get_xdata() == pytest.approx([0.6] * 2)
    assert line(values, "different classes").get_xdata() == pytest.approx([-0.2] * 2)
    titles = [ax.get_title(loc="left") for ax in (pairs, means)]
    assert titles == ["every pair", "mean of each block"]
    with figures.theme(mode):
        assert shade(line(values, "same class")) == figures.colour("student")
        assert shade(line(values, "different classes")) == figures.colour("muted")


def test_no_similarity_is_not_minus_zero():
    gram = np.eye(4) - 1e-4 * (1 - np.eye(4))
    values = gram_panels(Figure(), gram, [0, 0, 1, 1], shown=[0, 2, 1, 3])[2]
    assert set(written(values)) == {"different classes 0.00", "same class 0.00"}


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"gram must have shape \(N, N\).*got \(2, 3\)"):
        block_means(np.zeros((2, 3)), [0, 1])
    with pytest.raises(ValueError, match=r"labels \(N,\), got \(3, 3\) and \(2,\)"):
        gram_map(Figure().add_subplot(), np.eye(3), [0, 1])
    with pytest.raises(ValueError, match=r"labels must have two instances .*, got 1 of class 1"):
        block_means(np.eye(3), [0, 0, 1])
