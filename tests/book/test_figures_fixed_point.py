"""The figures of chapter 4: the optimum as a fixed point."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import bar_shades, bars, heights, ink, line, points, shade, ticks, written

from sdbook.book import figures
from sdbook.book.figures.fixed_point import (
    equation_sides,
    outputs_of_one_image,
    residuals_over_iterations,
)


@pytest.fixture(params=figures.MODES)
def figure(request):
    with figures.theme(request.param):
        yield Figure((6.4, 4.2))


def test_the_staircase_goes_from_the_axis_to_the_curve_and_across_to_the_line(figure):
    ax, y = figure.add_subplot(), np.linspace(0, 1, 3)
    equation_sides(ax, y, 1 - y, path=[0.2, 0.8, 0.2], crossing=0.5)
    assert points(ax, "path") == [(0.2, 0.0), (0.2, 0.8), (0.8, 0.8), (0.8, 0.2), (0.2, 0.2)]
    assert points(ax, "solution") == [(0.5, 0.5)]
    assert heights(ax, "f(y)") == [1, 0.5, 0]
    assert heights(ax, "y") == line(ax, "y").get_xdata().tolist()
    assert shade(line(ax, "f(y)")) == figures.colour("student")


def test_without_a_path_there_is_no_staircase(figure):
    ax = figure.add_subplot()
    equation_sides(ax, [0, 1], [1, 0], crossing=0.5)
    assert {each.get_label() for each in ax.lines} == {"y", "f(y)", "solution"}
    with pytest.raises(ValueError, match=r"guesses and answers must have shape \(n,\)"):
        equation_sides(ax, [0, 1], [1, 0, 1], crossing=0.5)


def test_outputs_of_one_image_mark_the_label_and_the_truth(figure):
    outputs = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
    outputs_of_one_image(figure, np.eye(8), outputs, 0, [1, 2], given=0, limit=0.8, maximum=0.6)
    one, picture, all_of_them = figure.axes
    assert bars(one, "outputs") == [0.5, 0.3, 0.2]
    marked = [figures.colour("given"), figures.colour("true")]
    assert bar_shades(one, "outputs") == [*marked, figures.colour("grid")]
    assert ink(one) == dict(zip(["its label 50%", "the truth 30%"], marked, strict=True))
    assert ticks(one.xaxis) == ["0%", "25%", "50%", "75%"]
    assert picture.images[0].get_array().tolist() == np.eye(8).tolist()
    assert all_of_them.images[0].get_array().tolist() == outputs.tolist()
    assert all_of_them.images[0].get_clim() == (0, 0.6)


def test_residuals_leave_the_axis_at_its_foot(figure):
    ax = figure.add_subplot()
    residuals_over_iterations(ax, [1.0, 1e-3, 0.0], [[1.0, 1.0, 1.0]], limits=(1e-6, 3))
    assert heights(ax, "shown")[:2] == [1, 1e-3]
    assert heights(ax, "shown")[2] < 1e-6
    assert heights(ax, "other") == [1, 1, 1]
    assert ticks(ax.yaxis) == ["10⁻⁶", "10⁻³", "1"]
    assert written(ax) == []
