"""Corruption matrices and votes: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook import noise
from sdbook.book import figures
from sdbook.book.figures.wrong_labels import corruption_map, vote_bars


def axes():
    return Figure(figsize=(6.4, 3.4)).add_subplot()


def test_the_matrix_has_true_classes_in_its_rows():
    C = noise.pair_flip(4, 0.3)
    ax = axes()
    corruption_map(ax, C, row=2)
    assert np.asarray(ax.images[0].get_array()) == pytest.approx(C)
    (frame,) = ax.patches
    assert (frame.get_y(), frame.get_height(), frame.get_width()) == (1.5, 1, 4)
    assert (ax.get_title(), ax.get_xlabel()) == ("true class", "given label")


@pytest.mark.parametrize("mode", figures.MODES)
@pytest.mark.parametrize(
    ("row", "text", "actor"),
    [
        ([0.2, 0.5, 0.3], "0.20", "true"),
        ([0.55, 0.45, 0.0], "−0.10", "given"),
        ([0.4, 0.4, 0.2], "0.00", "given"),
    ],
)
def test_the_lead_of_the_truth_is_written(mode, row, text, actor):
    with figures.theme(mode):
        ax = axes()
        vote_bars(ax, row, true=1)
        colours = [to_hex(bar.get_facecolor()) for bar in ax.patches[:3]]
        assert colours == [figures.colour(who) for who in ("given", "true", "given")]
        label = next(t for t in ax.texts if t.get_text())
        assert (label.get_text(), to_hex(label.get_color())) == (text, figures.colour(actor))
    assert [bar.get_height() for bar in ax.patches[:3]] == pytest.approx(row)


def test_the_arrow_goes_from_the_strongest_lie_to_the_truth_that_is_expected():
    ax = axes()
    vote_bars(ax, [0.5, 0.4, 0.1], true=1, expected=[0.25, 0.6, 0.15])
    arrow = next(t for t in ax.texts if getattr(t, "arrow_patch", None))
    assert (arrow.xyann[1], arrow.xy[1]) == pytest.approx((0.25, 0.6))
    assert [t.get_text() for t in ax.texts][-1] == "0.35"


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"C must have shape \(K, K\), got \(2, 3\)"):
        corruption_map(axes(), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="row must be a class from 0 to 2, got 3"):
        corruption_map(axes(), np.eye(3), row=3)
    with pytest.raises(ValueError, match="true must be a class from 0 to 2, got -1"):
        vote_bars(axes(), [0.2, 0.5, 0.3], true=-1)
    with pytest.raises(ValueError, match=r"shares and expected.*got \(3,\) and \(2,\)"):
        vote_bars(axes(), [0.2, 0.5, 0.3], true=0, expected=[0.5, 0.5])
