"""The figures: colours that can be told apart, labels that do not overlap, the right data."""

from __future__ import annotations

from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from sdbook.book import figures

HUES = ("student", "pll", "clean", "corrupted", "accent", "text")

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb):
    lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return lab @ np.cbrt(lms @ np.clip(rgb, 0, 1))


@pytest.fixture(params=figures.MODES)
def mode(request):
    with figures.theme(request.param):
        yield request.param


@pytest.fixture
def ax(mode):
    return Figure(figsize=(6.4, 4)).add_subplot()


def test_colours_can_be_read(mode):
    background = figures.colour("background")
    for actor in set(figures.actors()) - {"grid", "background"}:
        assert contrast(figures.colour(actor), background) >= 4.5, actor
    for t in range(1, 9):
        assert contrast(figures.round_colour(t, 8), background) >= 4.2, t


@pytest.mark.parametrize("vision", VISION)
def test_colours_can_be_told_apart(mode, vision):
    seen = {actor: oklab(VISION[vision] @ linear(figures.colour(actor))) for actor in HUES}
    for one, other in combinations(HUES, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 0.05, (one, other)


def test_later_rounds_are_stronger(mode):
    background = figures.colour("background")
    strengths = [contrast(figures.round_colour(t, 6), background) for t in range(2, 7)]
    assert all(a < b for a, b in pairwise(strengths))
    assert figures.round_colour(1, 6) == figures.colour("teacher")


def test_theme_is_the_page_and_ends():
    before = dict(mpl.rcParams)
    with figures.theme("dark"):
        assert figures.mode() == "dark"
        assert mpl.rcParams["figure.facecolor"] == "#121212" == figures.colour("background")
        with figures.theme("light"):
            assert mpl.rcParams["figure.facecolor"] == "#ffffff" == figures.colour("background")
    assert figures.mode() == "light"
    assert all(mpl.rcParams[key] == before[key] for key in before if key != "backend")


def test_themes_differ_only_in_colours():
    sheets = []
    for name in figures.MODES:
        with figures.theme(name):
            sheets.append(mpl.rcParams.copy())
    differing = {key for key in sheets[0] if sheets[0][key] != sheets[1][key]}
    assert differing
    assert all("color" in key or key == "axes.prop_cycle" for key in differing)


def test_the_reader_s_own_style_does_not_matter():
    with mpl.rc_context({"font.size": 40, "axes.facecolor": "red"}), figures.theme():
        assert mpl.rcParams["font.size"] == 12
        assert mpl.rcParams["axes.facecolor"] == "#ffffff"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: figures.colour("tutor"), "actor must be one of .*teacher.*got 'tutor'"),
        (lambda: figures.theme("sepia").__enter__(), "mode must be 'light' or 'dark', got 'sepia'"),
        (lambda: figures.round_colour(0, 3), "t must be between 1 and rounds=3, got 0"),
        (lambda: figures.round_colour(4, 3), "t must be between 1 and rounds=3, got 4"),
    ],
)
def test_style_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def boxes(figure, texts):
    figure.draw_without_rendering()
    return [text.get_window_extent() for text in texts]


@pytest.mark.parametrize("ends", [[0.5, 0.5, 0.5, 0.5], [0, 0.01, 1, 0.99], [0.2, 0.9, 0.21, 0]])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_labels_keep_apart_in_order_and_inside(ax, ends, scale):
    if scale == "log":
        ax.set_xscale("log")
    for y in ends:
        ax.plot([1, 6], [0.5, y])
    ax.set_ylim(0, 1)
    names = ["a first name", "b", "c", "d"][: len(ends)]
    labels = figures.label_lines(ax, [(6, y) for y in ends], names, ["k"] * len(ends))
    placed = boxes(ax.figure, labels)
    for one, other in combinations(placed, 2):
        assert min(one.y1, other.y1) - max(one.y0, other.y0) < 1
    by_value = np.argsort(ends, kind="stable")
    assert list(np.argsort([box.y0 for box in placed])) == list(by_value)
    for box in placed:
        assert ax.bbox.x0 < box.x0
        assert box.x1 < ax.figure.bbox.x1
        assert ax.figure.bbox.y0 < box.y0
        assert box.y1 < ax.figure.bbox.y1


def test_a_lone_label_stays_at_its_line(ax):
    ax.plot([0, 1], [0, 0.3])
    ax.set_ylim(0, 1)
    (label,) = figures.label_lines(ax, [(1, 0.3)], ["here"], ["k"])
    (box,) = boxes(ax.figure, [label])
    assert (box.y0 + box.y1) / 2 == pytest.approx(ax.transData.transform((1, 0.3))[1], abs=2)


def test_labels_need_texts_and_colours(ax):
    with pytest.raises(ValueError, match="same length, got 1, 2 and 1"):
        figures.label_lines(ax, [(0, 0)], ["a", "b"], ["k"])


def test_accuracy_curves(ax):
    test, clean = np.array([0.67, 0.71, 0.74]), np.array([0.97, 0.96, 0.95])
    figures.accuracy_curves(ax, {"test": test, "clean": clean}, limits=(0.5, 1))
    first, second = ax.lines
    np.testing.assert_array_equal(first.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(first.get_ydata(), test)
    assert first.get_color() == figures.colour("student")
    assert second.get_color() == figures.colour("clean")
    assert {text.get_text() for text in ax.texts} == {"test", "clean"}
    assert ax.get_ylim() == (0.5, 1)


@pytest.mark.parametrize(
    ("curves", "words"),
    [({}, "at least one curve"), ({"test": [[0.5]]}, r"curves\['test'\] must have shape")],
)
def test_accuracy_curves_errors(ax, curves, words):
    with pytest.raises(ValueError, match=words):
        figures.accuracy_curves(ax, curves)


def test_many_rounds_get_few_ticks(ax):
    figures.accuracy_curves(ax, {"test": np.linspace(0.5, 0.9, 40)})
    ticks = ax.get_xticks()
    assert ticks[0] == 1
    assert len(ticks) < 12


def test_output_heatmaps_sort_by_true_class(mode):
    labels = np.array([1, 0, 1, 2])
    outputs = np.stack([np.eye(3)[labels], np.full((4, 3), 1 / 3)])
    axes = figures.output_heatmaps(Figure((6.4, 3.6)), outputs, labels)
    assert [ax.get_title(loc="left") for ax in axes] == ["teacher", "round 2"]
    np.testing.assert_array_equal(axes[0].images[0].get_array(), np.eye(3)[[0, 1, 1, 2]])


@pytest.mark.parametrize("size", [(6.4, 3), (6.4, 5)])
@pytest.mark.parametrize("title", ["one line", "two\nlines"])
def test_output_heatmaps_have_room_for_their_texts(mode, size, title):
    figure = Figure(size)
    figures.output_heatmaps(figure, np.ones((3, 4, 10)), [0, 1, 8, 9], titles=[title] * 3)
    texts = [text for ax in figure.axes for text in (ax._left_title, ax.yaxis.label)]
    for box in boxes(figure, [*texts, *figure.texts]):
        assert figure.bbox.count_contains(box.corners()) == 4
    tick = figure.axes[0].get_xticklabels()[0].get_window_extent()
    assert tick.y0 > figure.texts[0].get_window_extent().y1


@pytest.mark.parametrize(
    ("outputs", "options", "words"),
    [
        (np.ones((1, 3, 2)), {}, r"shape \(2, K\)"),
        (np.ones((1, 2, 2)), {"rounds": [1, 2]}, "rounds must name 1 panels, got 2"),
        (np.ones((1, 2, 2)), {"titles": []}, "titles must name 1 panels, got 0"),
    ],
)
def test_output_heatmaps_errors(mode, outputs, options, words):
    with pytest.raises(ValueError, match=words):
        figures.output_heatmaps(Figure(), outputs, [0, 1], **options)


def test_filter_curves_keep_half_at_the_shrinkage(ax):
    figures.filter_curves(ax, [1e-3, 1e-2, 0.1, 0.0, -1e-18], 1e-2, [1, 3], limits=(1e-4, 1))
    for t, line in zip([1, 3], ax.lines, strict=True):
        s, kept = line.get_data()
        assert np.interp(1e-2, s, kept) == pytest.approx(0.5**t, abs=1e-3)
    assert len(ax.collections[0].get_segments()) == 3


@pytest.mark.parametrize(
    ("values", "shrinkage", "words"),
    [([1.0], 0, "shrinkage must be positive, got 0"), ([0.0], 1, "eigenvalues must contain")],
)
def test_filter_curves_errors(ax, values, shrinkage, words):
    with pytest.raises(ValueError, match=words):
        figures.filter_curves(ax, values, shrinkage, [1])


def test_digit_strip_says_label_and_weight(mode):
    images = np.arange(32).reshape(2, 4, 4)
    axes = figures.digit_strip(Figure((6.4, 2)), images, [0.25, -0.01], [3, 8], [True, False])
    assert [ax.get_xlabel() for ax in axes] == ["3 ✓\n25.0%", "8 ✗\n−1.0%"]
    np.testing.assert_array_equal(axes[1].images[0].get_array(), images[1])


def test_digit_strip_errors(mode):
    with pytest.raises(ValueError, match=r"got \(2, 4, 4\) and lengths \[1, 2\]"):
        figures.digit_strip(Figure(), np.ones((2, 4, 4)), [0.1], [1, 2], [True, True])
