"""The triangle of outputs: points lie where their shares say, arrows join two answers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook.book import figures
from sdbook.book.figures.simplex import arrows, in_triangle, triangle


def test_the_triangle_has_equal_sides_and_uniform_outputs_in_the_middle():
    corners = in_triangle(np.eye(3))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 1)
    np.testing.assert_allclose(in_triangle([1 / 3] * 3), corners.mean(axis=0))
    assert in_triangle(np.zeros((4, 5, 3))).shape == (4, 5, 2)


def test_only_three_classes_fit():
    with pytest.raises(ValueError, match=r"outputs must have shape \(\.\.\., 3\), got \(2, 4\)"):
        in_triangle(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="names must be three, one for each corner, got 2"):
        triangle(Figure().add_subplot(), ["a", "b"])


def test_dashed_lines_are_where_two_outputs_share_the_lead():
    """On each of them two distances to corners are equal, and the third is larger."""
    ax = Figure().add_subplot()
    triangle(ax, ["a", "b", "c"])
    corners = in_triangle(np.eye(3))
    for line in ax.lines[1:]:
        point = np.transpose(line.get_data()).mean(axis=0)
        near, also_near, far = np.sort(np.linalg.norm(corners - point, axis=1))
        assert near == pytest.approx(also_near)
        assert near < far
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]


@pytest.mark.parametrize("mode", figures.MODES)
def test_arrows_start_where_they_are_told_and_end_in_a_dot(mode):
    starts, ends = np.eye(3), np.roll(np.eye(3), 1, axis=0)
    with figures.theme(mode):
        ax = Figure().add_subplot()
        arrows(ax, starts, ends, "corrupted")
        (lines,), (dots,) = ax.collections, ax.lines
        assert to_hex(dots.get_color()) == figures.colour("corrupted")
    segments = np.array(lines.get_segments())
    np.testing.assert_allclose(segments[:, 0], in_triangle(starts))
    np.testing.assert_allclose(segments[:, 1], in_triangle(ends))
    np.testing.assert_allclose(np.transpose(dots.get_data()), in_triangle(ends))


def test_arrows_need_an_end_for_each_start():
    with pytest.raises(ValueError, match="starts and ends must have the same shape"):
        arrows(Figure().add_subplot(), np.eye(3), np.eye(3)[:2], "clean")
