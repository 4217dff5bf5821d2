"""What all figures share: colours that can be told apart, labels that do not overlap, numbers."""

from __future__ import annotations

from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from reading import (
    bar_shades,
    bars,
    contrast,
    errors,
    heights,
    ink,
    line,
    linear,
    shade,
    strokes,
    ticks,
    unreadable,
    written,
)

from sdbook.book import figures
from sdbook.book.figures.outputs import class_bars
from sdbook.book.figures.penalty import shares_over_penalty
from sdbook.book.figures.spectrum import energy_bars
from sdbook.book.figures.student_gains import gain_bars

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
    background = to_rgb(figures.colour("background"))
    for actor in set(figures.actors()) - {"grid", "background"}:
        assert contrast(to_rgb(figures.colour(actor)), background) >= 4.5, actor
    for t in range(1, 9):
        assert contrast(to_rgb(figures.round_colour(t, 8)), background) >= 4.2, t


@pytest.mark.parametrize("vision", VISION)
def test_colours_can_be_told_apart(mode, vision):
    seen = {actor: oklab(VISION[vision] @ linear(to_rgb(figures.colour(actor)))) for actor in HUES}
    for one, other in combinations(HUES, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 0.05, (one, other)


def test_a_true_label_looks_clean_and_a_given_one_corrupted(mode):
    assert figures.colour("true") == figures.colour("clean")
    assert figures.colour("given") == figures.colour("corrupted")


def test_later_rounds_are_stronger(mode):
    background = to_rgb(figures.colour("background"))
    strengths = [contrast(to_rgb(figures.round_colour(t, 6)), background) for t in range(2, 7)]
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
        (lambda: figures.power_of_ten(0), "value must be > 0 and finite, got 0"),
        (lambda: figures.at_most(-1), "value must be > 0 and finite, got -1"),
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


def test_accuracy_curves_show_what_was_given_under_its_name(ax):
    curves = {"test": [0.67, 0.71, 0.74], "clean": [0.97, 0.96, 0.95]}
    actors_of = {"test": "student", "clean": "clean"}
    figures.accuracy_curves(
        ax, curves, actors_of=actors_of, limits=(0.5, 1), ylabel="test accuracy"
    )
    for name, values in curves.items():
        assert line(ax, name).get_xdata().tolist() == [1, 2, 3]
        assert heights(ax, name) == values
        assert shade(line(ax, name)) == figures.colour(actors_of[name])
    assert written(ax) == ["test", "clean"]
    assert ax.get_ylim() == (0.5, 1)
    assert ax.get_title(loc="left") == "test accuracy"


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({}, "curves must have at least one entry"),
        ({"test": [[0.5]]}, r"curves\['test'\] must have shape \(rounds,\), got \(1, 1\)"),
        (
            {"train": [0.5]},
            r"actors_of must name an actor for each curve, got none for \['train'\]",
        ),
    ],
)
def test_accuracy_curves_errors(ax, curves, words):
    with pytest.raises(ValueError, match=words):
        figures.accuracy_curves(ax, curves, actors_of={"test": "student"}, limits=(0, 1))


def test_many_rounds_get_few_ticks(ax):
    look = {"actors_of": {"test": "student"}, "limits": (0, 1)}
    figures.accuracy_curves(ax, {"test": np.linspace(0.5, 0.9, 40)}, **look)
    assert ax.get_xticks().tolist() == [1, 5, 10, 15, 20, 25, 30, 35, 40]


def test_output_heatmaps_sort_by_true_class(mode):
    labels = np.array([1, 0, 1, 2])
    outputs = np.stack([np.eye(3)[labels], np.full((4, 3), 1 / 3)])
    axes = figures.output_heatmaps(Figure((6.4, 3.6)), outputs, labels)
    assert [ax.get_title(loc="left") for ax in axes] == ["teacher", "round 2"]
    np.testing.assert_array_equal(axes[0].images[0].get_array(), np.eye(3)[[0, 1, 1, 2]])
    assert ticks(axes[0].xaxis) == ticks(axes[0].yaxis) == ["0", "1", "2"]


def test_output_heatmaps_name_rounds_and_classes(mode):
    outputs, names = np.ones((5, 2, 2)) / 2, ["cat", "dog"]
    axes = figures.output_heatmaps(
        Figure((6.4, 3.6)), outputs, [0, 1], rounds=[1, 2, 3, 5, 9], class_names=names
    )
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles == [f"round {t}" for t in (1, 2, 3, 5, 9)]
    assert ticks(axes[0].yaxis) == names


@pytest.mark.parametrize("size", [(6.4, 3), (6.4, 5)])
@pytest.mark.parametrize("title", ["one line", "two\nlines"])
def test_output_heatmaps_have_room_for_their_texts(size, title):
    with figures.theme():
        figure = Figure(size)
        figures.output_heatmaps(figure, np.ones((3, 10, 10)), range(10), titles=[title] * 3)
        assert list(unreadable(figure)) == []


@pytest.mark.parametrize(
    ("outputs", "options", "words"),
    [
        (np.ones((1, 3, 2)), {}, r"shape \(2, K\)"),
        (
            np.ones((1, 2, 2)),
            {"rounds": [1, 2]},
            "rounds .* one entry per panel, got 2 for 1 panel",
        ),
        (np.ones((1, 2, 2)), {"titles": []}, "titles .* one entry per panel, got 0 for 1 panel"),
    ],
)
def test_output_heatmaps_errors(outputs, options, words):
    with pytest.raises(ValueError, match=words):
        figures.output_heatmaps(Figure(), outputs, [0, 1], **options)


def test_class_bars_show_the_values_and_mark_the_true_and_the_given_class(ax):
    look = {"limits": (-0.2, 1), "ylabel": "output"}
    class_bars(ax, [0.2, 0.5, -0.1], true=1, given=2, points=[0.1, 0.6, 0.0], **look)
    assert bars(ax, "theory") == [0.2, 0.5, -0.1]
    assert bar_shades(ax, "theory")[1:] == [figures.colour("true"), figures.colour("given")]
    assert heights(ax, "experiment") == [0.1, 0.6, 0.0]
    assert ticks(ax.xaxis) == ["0", "1", "2"]
    assert (ax.get_title(loc="left"), ax.get_xlabel()) == ("output", "class")


def test_a_right_label_has_the_colour_of_the_truth(ax):
    class_bars(ax, [0.2, 0.5], true=1, given=1, limits=(0, 1), ylabel="")
    assert bar_shades(ax, "theory")[1] == figures.colour("true")


def test_class_bars_errors(ax):
    who = {"true": 0, "given": 1, "limits": (0, 1), "ylabel": ""}
    with pytest.raises(ValueError, match=r"values must have shape \(K,\), got \(2, 2\)"):
        class_bars(ax, np.ones((2, 2)), **who)
    with pytest.raises(ValueError, match=r"points must have shape \(2,\), got \(3,\)"):
        class_bars(ax, [0.5, 0.5], points=[1, 2, 3], **who)


def test_filter_curves_keep_half_at_the_shrinkage(ax):
    eigenvalues = [1e-3, 1e-2, 0.1, 5.0, 0.0, -1e-18]
    figures.filter_curves(ax, eigenvalues, 1e-2, [1, 3], limits=(1e-4, 1))
    for t in (1, 3):
        s, kept = line(ax, f"t = {t}").get_data()
        assert np.interp(1e-2, s, kept) == pytest.approx(0.5**t, abs=1e-3)
    assert strokes(ax, "eigenvalues") == 3, "one for each positive eigenvalue on the axis"
    assert written(ax) == ["t = 1", "t = 3"]


@pytest.mark.parametrize(
    ("values", "shrinkage", "words"),
    [([1.0], 0, "shrinkage must be > 0"), ([0.0], 1, "eigenvalues must have one entry > 0")],
)
def test_filter_curves_errors(ax, values, shrinkage, words):
    with pytest.raises(ValueError, match=words):
        figures.filter_curves(ax, values, shrinkage, [1], limits=(0.1, 1))


def test_energy_bars_are_pale_before_and_solid_after_the_filter(ax):
    before, after, look = [[4, 3], [2, 1]], [[1, 2], [0, 1]], {"limits": (0, 5), "ylabel": "energy"}
    actors, names = ["true", "given"], ["truth", "noise"]
    energy_bars(ax, [1, 10, 100], before, after, actors, names=names, **look)
    for name, was, now, actor in zip(names, before, after, actors, strict=True):
        assert bars(ax, f"before: {name}") == was
        assert bars(ax, f"after: {name}") == now
        assert set(bar_shades(ax, f"after: {name}")) == {figures.colour(actor)}
        assert figures.colour(actor) not in bar_shades(ax, f"before: {name}")
    assert ink(ax) == {"truth": figures.colour("true"), "noise": figures.colour("given")}
    assert ticks(ax.xaxis) == ["1", "10", "100"]


def test_energy_bars_errors(ax):
    look = {"limits": (0, 1), "ylabel": "", "names": ["a", "b"]}
    words = "before, after, actors and names must have the same length, got 2, 1, 2 and 2"
    with pytest.raises(ValueError, match=words):
        energy_bars(ax, [1, 2], [[1], [1]], [[1]], ["true", "given"], **look)
    with pytest.raises(ValueError, match="edges must be > 0"):
        energy_bars(ax, [0, 2], [[1], [1]], [[1], [1]], ["true", "given"], **look)


def test_shares_over_the_penalty_have_names_and_powers_of_ten(ax):
    curves, actors_of = {"few": [0.1, 0.9], "many": [0.1, 0.2]}, {"few": "given", "many": "student"}
    shares_over_penalty(ax, [1e-1, 1e-3], curves, actors_of, ylabel="output")
    for name, values in curves.items():
        assert heights(ax, name) == values
        assert shade(line(ax, name)) == figures.colour(actors_of[name])
    assert written(ax) == ["few", "many"]
    assert ticks(ax.xaxis) == ["10⁻¹", "10⁻²", "10⁻³"], "weaker to the right"
    assert ax.get_title(loc="left") == "output"
    with pytest.raises(ValueError, match="lams must be > 0"):
        shares_over_penalty(ax, [0.1, 0], curves, actors_of, ylabel="")


GAINS = {"round 2": ([1.5, 4.0], [0.5, 0.4]), "two": ([-1.0, 6.0], [0.3, 0.6])}


def test_gains_have_their_heights_errors_and_colours(ax):
    shades, key = [figures.colour("student"), figures.colour("pll")], {"all": "#333333"}
    gain_bars(ax, [0.5, 0.8], GAINS, shades, limits=(-3, 8), teacher=[0.7, 0.46], key=key)
    for (name, (mean, error)), colour in zip(GAINS.items(), shades, strict=True):
        assert bars(ax, name) == mean
        assert set(bar_shades(ax, name)) == {colour}
        assert all(reach == pytest.approx(error) for reach in errors(ax, name))
    assert ticks(ax.xaxis) == ["50%\n70%", "80%\n46%"], "the rate, and the teacher's accuracy"
    assert ax.get_ylim() == (-3, 8)
    (said,) = [each for each in ax.findobj(Text) if each.get_text() == "all"]
    assert said.get_color() == "#333333"


def test_gains_errors(ax):
    look, shades = {"limits": (-3, 8), "key": {}}, ["#111111", "#222222"]
    with pytest.raises(
        ValueError, match="colours must have one entry per student, got 1 for 2 stud"
    ):
        gain_bars(ax, [0.5, 0.8], GAINS, shades[:1], teacher=[0.7, 0.5], **look)
    with pytest.raises(ValueError, match="teacher must have one entry per rate, got 1 for 2 rates"):
        gain_bars(ax, [0.5, 0.8], GAINS, shades, teacher=[0.7], **look)
    with pytest.raises(
        ValueError, match=r"gains\['round 2'\] must hold two arrays of shape \(3,\)"
    ):
        gain_bars(ax, [0.5, 0.7, 0.8], GAINS, shades, teacher=[0.7] * 3, **look)


def test_digit_strip_says_label_and_weight(mode):
    images = np.arange(32).reshape(2, 4, 4)
    axes = figures.digit_strip(Figure((6.4, 2)), images, [0.25, -0.01], [3, 8], [True, False])
    assert [ax.get_xlabel() for ax in axes] == ["3 ✓\n25.0%", "8 ✗\n−1.0%"]
    shades = [shade(ax.xaxis.label) for ax in axes]
    assert shades == [figures.colour("clean"), figures.colour("corrupted")]
    for ax, image in zip(axes, images, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)


def test_digit_strip_errors():
    with pytest.raises(ValueError, match=r"got \(2, 4, 4\) and lengths \[1, 2\]"):
        figures.digit_strip(Figure(), np.ones((2, 4, 4)), [0.1], [1, 2], [True, True])
