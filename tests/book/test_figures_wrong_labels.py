"""The figures of chapter 3: corruption matrices and votes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from reading import bar_shades, bars, heights, ink, shade, strokes, ticks, written

from sdbook import noise
from sdbook.book import figures
from sdbook.book.figures.wrong_labels import corruption_map, vote_bars


@pytest.fixture(params=figures.MODES)
def ax(request):
    with figures.theme(request.param):
        yield Figure(figsize=(6.4, 3.4)).add_subplot()


def test_the_matrix_has_true_classes_in_its_rows(ax):
    C = noise.pair_flip(4, 0.3)
    corruption_map(ax, C, row=2)
    assert np.asarray(ax.images[0].get_array()) == pytest.approx(C)
    assert ax.images[0].origin == "upper", "the first class on top"
    (frame,) = ax.patches
    assert frame.get_bbox().bounds == (-0.5, 1.5, 4, 1), "around the third row"
    assert to_hex(frame.get_edgecolor()) == figures.colour("accent")
    assert (ax.get_title(loc="left"), ax.get_xlabel()) == ("true class", "given label")
    assert ticks(ax.xaxis) == ticks(ax.yaxis) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("row", "text", "actor"),
    [
        ([0.2, 0.5, 0.3], "0.20", "true"),
        ([0.55, 0.45, 0.0], "−0.10", "given"),
        ([0.4, 0.4, 0.2], "0.00", "given"),
    ],
)
def test_the_lead_of_the_truth_is_written(ax, row, text, actor):
    vote_bars(ax, row, true=1)
    assert bars(ax, "shares") == row
    assert bar_shades(ax, "shares") == [figures.colour(w) for w in ("given", "true", "given")]
    assert [said for said in written(ax) if said] == [text]
    assert ink(ax)[text] == figures.colour(actor)


def test_the_arrow_goes_from_the_strongest_lie_to_the_truth_that_is_expected(ax):
    expected, ranges = [0.25, 0.6, 0.15], [[0.2, 0.5, 0.1], [0.3, 0.7, 0.2]]
    vote_bars(ax, [0.5, 0.4, 0.1], true=1, expected=expected, ranges=ranges, limit=0.7)
    (arrow,) = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert (arrow.xyann[1], arrow.xy[1]) == pytest.approx((0.25, 0.6))
    assert shade(arrow.arrow_patch) == figures.colour("true")
    assert "0.35" in written(ax)
    assert heights(ax, "expected") == expected
    assert strokes(ax, "ranges") == 3
    assert ticks(ax.yaxis) == ["0%", "20%", "40%", "60%"]


def test_errors_name_the_argument(ax):
    with pytest.raises(ValueError, match=r"C must have shape \(K, K\), got \(2, 3\)"):
        corruption_map(ax, np.zeros((2, 3)), row=0)
    with pytest.raises(ValueError, match="row must be a class from 0 to 2, got 3"):
        corruption_map(ax, np.eye(3), row=3)
    with pytest.raises(ValueError, match="true must be a class from 0 to 2, got -1"):
        vote_bars(ax, [0.2, 0.5, 0.3], true=-1)
    with pytest.raises(ValueError, match=r"shares and expected.*got \(3,\) and \(2,\)"):
        vote_bars(ax, [0.2, 0.5, 0.3], true=0, expected=[0.5, 0.5])
