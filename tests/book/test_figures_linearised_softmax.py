"""The figures of chapter 5: the triangle of outputs for three classes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import line, points, shade, written

from sdbook.book import figures
from sdbook.book.figures.linearised_softmax import in_triangle, output_arrows, output_triangle


def test_the_triangle_has_equal_sides_and_uniform_outputs_in_the_middle():
    corners = in_triangle(np.eye(3))
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 1)
    np.testing.assert_allclose(in_triangle([1 / 3] * 3), corners.mean(axis=0))
    assert in_triangle(np.zeros((4, 5, 3))).shape == (4, 5, 2)


def test_only_three_classes_fit():
    with pytest.raises(ValueError, match=r"outputs must have shape \(\.\.\., 3\), got \(2, 4\)"):
        in_triangle(np.zeros((2, 4)))
    with pytest.raises(
        ValueError, match="names must have one entry per corner, got 2 for 3 corners"
    ):
        output_triangle(Figure().add_subplot(), ["a", "b"], margin=0.1)


def test_dashed_lines_are_where_two_outputs_share_the_lead():
    """On each of them two distances to corners are equal, and the third is larger."""
    ax = Figure().add_subplot()
    output_triangle(ax, ["a", "b", "c"], margin=0.1)
    corners = in_triangle(np.eye(3))
    borders = [each for each in ax.lines if each.get_label() == "border"]
    assert len(borders) == 3
    for border in borders:
        point = border.get_xydata().mean(axis=0)
        near, also_near, far = np.sort(np.linalg.norm(corners - point, axis=1))
        assert near == pytest.approx(also_near)
        assert near < far
    assert written(ax) == ["a", "b", "c"]
    assert [text.xy for text in ax.texts] == [pytest.approx(corner) for corner in corners]


@pytest.mark.parametrize("mode", figures.MODES)
def test_arrows_start_where_they_are_told_and_end_in_a_dot(mode):
    starts, ends = np.eye(3), np.roll(np.eye(3), 1, axis=0)
    with figures.theme(mode):
        ax = Figure().add_subplot()
        output_arrows(ax, starts, ends, "corrupted")
        assert shade(line(ax, "ends")) == figures.colour("corrupted")
    (lines,) = [each for each in ax.collections if each.get_label() == "arrows"]
    segments = np.array(lines.get_segments())
    np.testing.assert_allclose(segments[:, 0], in_triangle(starts))
    np.testing.assert_allclose(segments[:, 1], in_triangle(ends))
    np.testing.assert_allclose(points(ax, "ends"), in_triangle(ends))


def test_arrows_need_an_end_for_each_start():
    with pytest.raises(ValueError, match="starts and ends must have the same shape"):
        output_arrows(Figure().add_subplot(), np.eye(3), np.eye(3)[:2], "clean")
