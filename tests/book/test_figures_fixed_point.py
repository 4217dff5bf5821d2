"""The figures on the equation of the optimum: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.fixed_point import (
    both_sides,
    outputs_of_one,
    over_lambda,
    residual_curves,
)


@pytest.mark.parametrize("write", [figures.power_of_ten, figures.at_most])
def test_only_positive_numbers_have_a_power_of_ten(write):
    with pytest.raises(ValueError, match="value must be positive, got 0"):
        write(0)


def test_the_staircase_goes_from_the_axis_to_the_curve_and_across_to_the_line():
    ax = Figure().add_subplot()
    y = np.linspace(0, 1, 3)
    both_sides(ax, y, 1 - y, path=[0.2, 0.8, 0.2], crossing=0.5)
    _, _, stairs, dot = ax.lines
    corners = list(zip(*stairs.get_data(), strict=True))
    assert corners == [(0.2, 0.0), (0.2, 0.8), (0.8, 0.8), (0.8, 0.2), (0.2, 0.2)]
    assert [float(v[0]) for v in dot.get_data()] == [0.5, 0.5]


@pytest.mark.parametrize("mode", figures.MODES)
def test_outputs_of_one_mark_the_label_and_the_truth(mode):
    outputs = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
    with figures.theme(mode):
        figure = Figure(figsize=(6.4, 4.2))
        outputs_of_one(figure, np.zeros((8, 8)), outputs, 0, [1, 2], given=0, limit=0.8)
        bars = figure.axes[0]
        assert [bar.get_width() for bar in bars.patches] == pytest.approx([0.5, 0.3, 0.2])
        colours = [to_hex(bar.get_facecolor()) for bar in bars.patches]
        assert colours[:2] == [figures.colour("given"), figures.colour("true")]
    assert [text.get_text() for text in bars.texts] == ["its label 50%", "the truth 30%"]


def test_residual_curves_leave_the_axis_at_its_foot():
    ax = Figure().add_subplot()
    residual_curves(ax, [1.0, 1e-3, 0.0], [[1.0, 1.0, 1.0]], limits=(1e-6, 3))
    assert list(ax.lines[-1].get_ydata()) == pytest.approx([1, 1e-3, 1e-7])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["10⁻⁶", "10⁻³", "1"]


def test_over_lambda_names_its_curves_and_the_powers_of_ten():
    ax = Figure(figsize=(6.4, 4)).add_subplot()
    curves = {"few": [0.1, 0.9], "many": [0.1, 0.2]}
    over_lambda(ax, [1e-1, 1e-3], curves, {"few": "given", "many": "student"}, ylabel="output")
    assert [text.get_text() for text in ax.texts] == ["few", "many"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["10⁻¹", "10⁻²", "10⁻³"]
