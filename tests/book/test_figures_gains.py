"""Gains over the teacher: bars where they should be, errors for what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from sdbook.book.figures import colour, theme
from sdbook.book.figures.gains import gain_bars

GAINS = {"round 2": ([1.5, 4.0], [0.5, 0.4]), "two": ([-1.0, 6.0], [0.3, 0.6])}


@pytest.fixture(params=["light", "dark"])
def ax(request):
    with theme(request.param):
        yield Figure().add_subplot()


def test_each_student_has_its_height_and_colour_at_each_rate(ax):
    shades = [colour("student"), colour("pll")]
    gain_bars(ax, [0.5, 0.8], GAINS, shades, limits=(-3, 8))
    bars = [[bar.get_height() for bar in container.patches] for container in _bars(ax)]
    assert bars == [[1.5, 4.0], [-1.0, 6.0]]
    first, second = ([bar.get_x() for bar in container.patches] for container in _bars(ax))
    assert all(np.less(first, second)), "students in their order, from the left"
    assert ax.get_ylim() == (-3, 8)


def test_error_bars_reach_as_far_as_asked(ax):
    gain_bars(ax, [0.5, 0.8], GAINS, ["#111111", "#222222"], limits=(-3, 8))
    ends = {
        tuple(np.round(sorted(path.vertices[:, 1]), 9))
        for container in ax.containers
        if not hasattr(container, "patches")
        for path in container.lines[2][0].get_paths()
    }
    assert ends == {(1.0, 2.0), (3.6, 4.4), (-1.3, -0.7), (5.4, 6.6)}


def test_the_teachers_accuracy_stands_below_the_rate(ax):
    gain_bars(ax, [0.5, 0.8], GAINS, ["#111111", "#222222"], limits=(-3, 8), teacher=[0.7, 0.46])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["50%\n70%", "80%\n46%"]
    assert "teacher" in ax.get_xlabel()


def test_the_key_has_the_students_names_unless_others_are_given(ax):
    gain_bars(ax, [0.5, 0.8], GAINS, ["#111111", "#222222"], limits=(-3, 8))
    assert _key(ax) == {"round 2": "#111111", "two": "#222222"}
    other = Figure().add_subplot()
    gain_bars(
        other, [0.5, 0.8], GAINS, ["#111111", "#222222"], limits=(-3, 8), key={"all": "#333333"}
    )
    assert _key(other) == {"all": "#333333"}


def test_what_does_not_fit_is_refused(ax):
    with pytest.raises(ValueError, match=r"colours must have one entry for each of the 2 students"):
        gain_bars(ax, [0.5, 0.8], GAINS, ["#111111"], limits=(-3, 8))
    with pytest.raises(
        ValueError, match=r"gains\['round 2'\] must hold two arrays of shape \(3,\)"
    ):
        gain_bars(ax, [0.5, 0.7, 0.8], GAINS, ["#111111", "#222222"], limits=(-3, 8))


def _bars(ax):
    return [container for container in ax.containers if hasattr(container, "patches")]


def _key(ax):
    words = ax.artists[0].get_child().get_children()
    return {word.get_text(): word._text.get_color() for word in words}
