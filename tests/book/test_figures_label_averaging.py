"""The figures of chapter 6: label averaging."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import heights, line, points, shade, written

from sdbook.book import figures
from sdbook.book.figures.label_averaging import (
    after_many_rounds,
    image_and_neighbours,
    theorem_and_softmax,
)


@pytest.fixture(params=figures.MODES)
def figure(request):
    with figures.theme(request.param):
        yield Figure((6.4, 5))


def test_neighbours_tick_the_labels_that_say_the_true_class(figure):
    images, weights = np.zeros((4, 8, 8)), [0.4, 0.3, 0.2, 0.1]
    image_and_neighbours(figure, images, [7, 1, 2, 7], weights, [1, 3], 0, true=7)
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert labels == ["itself: 7 ✓\n40.0%", "1 ✗\n30.0%", "7 ✓\n10.0%"]


def test_the_theorem_is_a_line_and_the_exact_model_points(figure):
    theorem_and_softmax(figure, ([0.1, 0.2], [0.15, 0.3]), ([0.6, 0.7], [0.5, 0.65]), 2)
    left, right = figure.axes
    assert points(left, "outputs") == [(0.1, 0.15), (0.2, 0.3)]
    assert points(right, "theorem") == [(1, 0.6), (2, 0.7)]
    assert points(right, "exact softmax") == [(1, 0.5), (2, 0.65)]
    assert line(right, "theorem").get_marker() == "None"
    assert line(right, "exact softmax").get_linestyle() == "None"
    assert shade(line(right, "theorem")) == figures.colour("theory")
    assert shade(line(right, "exact softmax")) == figures.colour("experiment")
    assert set(line(right, "round").get_xdata()) == {2}, "the marked round"
    assert written(right) == ["— theorem", "● exact softmax"]


def test_many_rounds_have_named_curves_of_accuracy_and_of_classes(figure):
    curves = {"few": [0.8, 0.6, 0.2], "many": [0.7, 0.8, 0.2]}
    used = {"few": [10, 5, 2], "many": [10, 10, 2]}
    after_many_rounds(figure, [1, 10, 100], curves, used, ["muted", "student"])
    accuracy, classes = figure.axes
    assert written(accuracy) == ["few", "many"]
    for name, actor in (("few", "muted"), ("many", "student")):
        assert heights(accuracy, name) == curves[name]
        assert heights(classes, name) == used[name]
        assert shade(line(accuracy, name)) == figures.colour(actor)
    with pytest.raises(
        ValueError, match="actors must have one entry per curve, got 1 for 2 curves"
    ):
        after_many_rounds(figure, [1, 10, 100], curves, used, ["muted"])
    with pytest.raises(ValueError, match=r"classes_used must have the names of accuracies"):
        after_many_rounds(figure, [1, 10, 100], curves, {}, ["muted", "student"])
