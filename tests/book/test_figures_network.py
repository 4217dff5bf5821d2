"""The figures of chapter 15: a network in training."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import bar_shades, bars, errors, heights, ink, line, points, shade, ticks, written

from sdbook.book import figures
from sdbook.book.figures.network import (
    accuracy_with_errors,
    agreement_bars,
    shares_over_epochs,
)


@pytest.fixture(params=figures.MODES)
def ax(request):
    with figures.theme(request.param):
        yield Figure().add_subplot()


def test_epochs_show_each_seed_and_the_mean(ax):
    shares_over_epochs(ax, {"a": [[0.1, 0.2, 0.5], [0.3, 0.4, 0.1]]}, ["student"])
    assert heights(ax, "a, seed 0") == [0.1, 0.2, 0.5]
    assert heights(ax, "a, seed 1") == [0.3, 0.4, 0.1]
    assert heights(ax, "a, mean") == pytest.approx([0.2, 0.3, 0.3])
    assert line(ax, "a, mean").get_xdata().tolist() == [1, 2, 3]
    assert {shade(each) for each in ax.lines} == {figures.colour("student")}
    assert line(ax, "a, mean").get_linewidth() > line(ax, "a, seed 0").get_linewidth()
    assert ink(ax) == {"a": figures.colour("student")}


def test_rounds_have_means_and_standard_errors(ax):
    accuracy_with_errors(ax, {"a": [[0.1, 0.2], [0.3, 0.6]]}, ["student"], limits=(0, 1))
    (container,) = ax.containers
    assert container.lines[0].get_ydata() == pytest.approx([0.2, 0.4])
    assert list(errors(ax, "a")) == [pytest.approx([0.1, 0.2])]
    assert ticks(ax.xaxis) == ["1", "2"]
    assert ink(ax) == {"a": figures.colour("student")}


def test_agreement_has_means_as_bars_and_each_seed_as_a_dot(ax):
    found = {"a": [0.8, 1.0], "b": [0.6]}
    agreement_bars(ax, found, ["theory", "student"], limits=(0.4, 1), xlabel="agree")
    assert [0.4 + length for length in bars(ax, "mean")] == pytest.approx([0.9, 0.6])
    assert bar_shades(ax, "mean") == [figures.colour("theory"), figures.colour("student")]
    assert points(ax, "a") == [(0.8, 0), (1.0, 0)]
    assert points(ax, "b") == [(0.6, 1)]
    assert ticks(ax.yaxis) == ["a", "b"]
    assert ax.yaxis_inverted(), "from top to bottom"
    assert (written(ax), ax.get_xlabel()) == ([], "agree")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda ax: shares_over_epochs(ax, {"a": [[0.1]]}, []), "actors .* got 0 for 1 curve"),
        (
            lambda ax: shares_over_epochs(ax, {"a": [0.1]}, ["true"]),
            r"curves\['a'\] must have shape \(seeds, epochs\) .* got \(1,\)",
        ),
        (
            lambda ax: accuracy_with_errors(ax, {"a": [[0.1]]}, [], limits=(0, 1)),
            "actors .* got 0 for 1 curve",
        ),
        (
            lambda ax: accuracy_with_errors(ax, {"a": np.ones((1, 3))}, ["true"], limits=(0, 1)),
            r"\(seeds, rounds\) with 2 seeds or more, got \(1, 3\)",
        ),
        (
            lambda ax: agreement_bars(ax, {}, ["true"], limits=(0, 1), xlabel="x"),
            "actors must have one entry per bar, got 1 for 0 bars",
        ),
    ],
)
def test_what_is_not_accepted_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(Figure().add_subplot())
