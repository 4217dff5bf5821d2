"""Phase diagrams: every cell has the colour of its value, the boundary lies where it was put."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from reading import heights, written

from sdbook.book import figures
from sdbook.book.figures.phase import phase_diagram, staircase

RATES, ROUNDS = [0.2, 0.4, 0.6], [1, 2, 3, 4]
BOUNDARY = ([0.1, 0.7], [2, 2])
RIGHT = [[1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]


@pytest.fixture
def ax():
    return Figure(figsize=(6.4, 4)).add_subplot()


@pytest.mark.parametrize("mode", figures.MODES)
def test_nothing_is_the_page_and_everything_the_strongest_colour(mode):
    with figures.theme(mode):
        ax = Figure(figsize=(6.4, 4)).add_subplot()
        phase_diagram(ax, RATES, ROUNDS, RIGHT, boundary=BOUNDARY)
        (image,) = ax.collections
        faces = [to_hex(face) for face in image.to_rgba(image.get_array().ravel())]
        strongest = to_hex(figures.sequential()(1.0))
        expected = {0: figures.colour("background"), 1: strongest}
    assert faces == [expected[value] for value in np.ravel(RIGHT)]


def test_every_point_lies_in_its_own_cell(ax):
    phase_diagram(ax, [0, 1, 5], [1, 2, 3], np.zeros((3, 3)), boundary=BOUNDARY)
    corners = ax.collections[0].get_coordinates()
    assert list(corners[0, :, 0]) == [-0.5, 0.5, 3, 7]
    assert list(corners[:, 0, 1]) == [0.5, 1.5, 2.5, 3.5]
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-0.5, 7, 0.5, 3.5)


def test_on_a_logarithmic_axis_cells_meet_at_geometric_means(ax):
    phase_diagram(ax, [0, 1], [1, 4, 16], np.zeros((3, 2)), boundary=BOUNDARY, log=True)
    edges = ax.collections[0].get_coordinates()[:, 0, 1]
    assert list(edges) == pytest.approx([0.5, 2, 8, 32])
    assert ax.get_yscale() == "log"


def test_the_staircase_runs_under_the_least_round_of_every_column(ax):
    xs, ys = staircase(RATES, [1, 2, np.inf])
    assert list(xs) == pytest.approx([0.1, 0.3, 0.3, 0.5, 0.5, 0.7])
    assert list(ys) == [0.5, 0.5, 1.5, 1.5, np.inf, np.inf]
    phase_diagram(ax, RATES, ROUNDS, RIGHT, boundary=(xs, ys))
    drawn = heights(ax, "boundary")
    assert drawn[:4] == [0.5, 0.5, 1.5, 1.5]
    assert ax.get_ylim()[1] < drawn[4] < np.inf, "it leaves the image"
    assert ax.get_ylim() == (0.5, 4.5), "and does not make it larger"


def test_there_is_a_tick_for_each_round_while_there_is_room():
    tall, low = Figure(figsize=(6.4, 5)).add_subplot(), Figure(figsize=(6.4, 2)).add_subplot()
    for ax in (tall, low):
        phase_diagram(ax, RATES, range(1, 13), np.zeros((12, 3)), boundary=BOUNDARY)
    assert list(tall.get_yticks()) == list(range(1, 13))
    assert list(low.get_yticks()) == [1, 4, 6, 8, 10, 12]


@pytest.mark.parametrize("key", [True, False])
def test_the_key_names_both_ends_of_the_scale(ax, key):
    phase_diagram(ax, RATES, ROUNDS, RIGHT, boundary=BOUNDARY, key=key)
    assert [text for child in ax.child_axes for text in written(child)] == (
        ["0%", "100%"] if key else []
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": [1, 1, 2]}, "x must be two or more ascending numbers"),
        ({"y": [4]}, "y must be two or more ascending numbers"),
        ({"y": [0, 1, 2, 3], "log": True}, "y must be > 0 on a logarithmic axis, got 0"),
        ({"accuracy": np.zeros((3, 4))}, r"accuracy must have shape .* \(4, 3\), got \(3, 4\)"),
        ({"accuracy": np.full((4, 3), 70)}, "accuracy must be shares from 0 to 1, got 70 to 70"),
    ],
)
def test_mistakes_are_named(ax, change, message):
    arguments = {"x": RATES, "y": ROUNDS, "accuracy": RIGHT, "boundary": BOUNDARY} | change
    with pytest.raises(ValueError, match=message):
        phase_diagram(ax, **arguments)


def test_a_staircase_has_one_step_for_each_column():
    with pytest.raises(ValueError, match=r"least must have shape \(3,\), as x, got \(2,\)"):
        staircase(RATES, [1, 2])
