"""Every figure as chapters use it: text that can be read, on a light page and on a dark one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from reading import contrast, unreadable
from scipy.cluster.hierarchy import linkage

from sdbook import datasets, noise, theory
from sdbook.book import figures
from sdbook.book.figures import (
    agreement,
    clean_labels,
    correlated_classes,
    fixed_point,
    gram,
    label_averaging,
    label_history,
    linearised_softmax,
    network,
    outputs,
    partial_labels,
    penalty,
    phase,
    recipe,
    spectrum,
    speed,
    student_gains,
    words,
    wrong_labels,
)

rng = np.random.default_rng(0)
DIGIT = rng.random((8, 8))
LABELS = np.repeat(np.arange(10), 3)
OUTPUTS = rng.dirichlet(np.ones(10), 30)
ROUNDS = np.geomspace(1, 100, 30)
BLOCKS = datasets.block_correlated(4, 6, c=0.6, d=-0.1)
C5 = noise.pair_flip(5, 0.4)


def colours(*names):
    return [figures.colour(name) for name in names]


def draw_accuracy(figure):
    curves = {"test": [0.67, 0.71, 0.74], "right label": [0.97, 0.96, 0.74]}
    actors_of = {"test": "student", "right label": "clean"}
    figures.accuracy_curves(
        figure.add_subplot(), curves, actors_of=actors_of, limits=(0.5, 1), ylabel="test accuracy"
    )


def draw_heatmaps(figure):
    figures.output_heatmaps(figure, [OUTPUTS] * 3, LABELS, titles=["two\nlines"] * 3)


def draw_digits(figure):
    figures.digit_strip(figure, [DIGIT] * 6, [0.1, -0.02] * 3, range(6), [True, False] * 3)


def draw_filters(figure):
    figures.filter_curves(figure.add_subplot(), [0.1, 1, 20], 0.5, [1, 2, 6], limits=(0.01, 100))


def draw_class_bars(figure):
    outputs.class_bars(
        figure.add_subplot(),
        OUTPUTS[0],
        true=0,
        given=3,
        points=OUTPUTS[1],
        limits=(-0.1, 0.6),
        ylabel="output",
    )


def draw_energy(figure):
    before, after = [[4, 3], [2, 1]], [[1, 2], [0, 1]]
    look = {"names": ["truth: 9% is left", "noise: 2% is left"], "limits": (0, 5)}
    ax = figure.add_subplot()
    spectrum.energy_bars(ax, [1, 10, 100], before, after, ["true", "given"], ylabel="e", **look)


def draw_gram(figure):
    gram.gram_panels(figure, BLOCKS.gram(), BLOCKS.labels, shown=range(24))


def draw_gram_map(figure):
    names = ("cat", "dog", "car", "bus")
    gram.gram_map(figure.add_subplot(), BLOCKS.gram(), BLOCKS.labels, class_names=names)


def draw_phase(figure):
    rates, rounds = np.linspace(0.1, 0.9, 9), range(1, 13)
    boundary = phase.staircase(rates, [1, 1, 2, 2, 3, 4, 6, 9, np.inf])
    phase.phase_diagram(
        figure.add_subplot(), rates, rounds, np.full((12, 9), 0.5), boundary=boundary
    )


def draw_penalty(figure):
    curves = {"own label": [0.1, 0.5, 0.9], "others": [0.1, 0.3, 0.85]}
    actors_of = {"own label": "given", "others": "student"}
    ax = figure.add_subplot()
    penalty.shares_over_penalty(ax, [1e-1, 1e-3, 1e-5], curves, actors_of, ylabel="mean output")


def draw_gains(figure):
    figure.subplots_adjust(left=0.08, bottom=0.22)
    gains = {"round 2": ([1.5, 4.0], [0.5, 0.4]), "two": ([-1.0, 6.0], [0.3, 0.6])}
    shades = colours("student", "pll")
    key = {"rounds 2 to 5": shades[0], "two candidates": shades[1]}
    student_gains.gain_bars(
        figure.add_subplot(), [0.5, 0.8], gains, shades, limits=(-3, 8), teacher=[0.7, 0.5], key=key
    )


def draw_corruption(figure):
    wrong_labels.corruption_map(figure.add_subplot(), noise.symmetric(10, 0.7), row=3)


def draw_votes(figure):
    ranges = [C5[0] - 0.05, C5[0] + 0.05]
    wrong_labels.vote_bars(figure.add_subplot(), C5[0], 0, expected=C5[0], ranges=ranges)


def draw_equation(figure):
    y = np.linspace(0, 1, 20)
    ax = figure.add_subplot()
    fixed_point.equation_sides(ax, y, 1 - y, path=[0.2, 0.8, 0.2], crossing=0.5)


def draw_outputs_of_one(figure):
    fixed_point.outputs_of_one_image(
        figure, DIGIT, OUTPUTS, 0, LABELS, given=5, limit=0.75, maximum=0.6
    )


def draw_residuals(figure):
    ax, course = figure.add_subplot(), np.geomspace(1, 1e-12, 40)
    fixed_point.residuals_over_iterations(ax, course, [course**0.5], limits=(1e-12, 3))


def draw_triangle(figure):
    ax = figure.add_subplot()
    linearised_softmax.output_triangle(ax, ["0", "1", "2"], margin=0.2)
    linearised_softmax.output_arrows(ax, np.full((3, 3), 1 / 3), np.eye(3), "clean")


def draw_neighbours(figure):
    label_averaging.image_and_neighbours(
        figure, [DIGIT] * 13, np.arange(13) % 10, np.linspace(0.4, -0.1, 13), range(1, 13), 0, 7
    )


def draw_theorem(figure):
    pairs, accuracies = (OUTPUTS[0], OUTPUTS[1]), ([0.6, 0.7, 0.72], [0.5, 0.65, 0.7])
    label_averaging.theorem_and_softmax(figure, pairs, accuracies, 2)


def draw_many_rounds(figure):
    right = {"λ = 0.01": 0.8 / (1 + ROUNDS / 5), "λ = 0.001": 0.85 / (1 + ROUNDS / 50)}
    used = {name: np.clip(10 - ROUNDS / 12, 2, 10).round() for name in right}
    label_averaging.after_many_rounds(figure, ROUNDS, right, used, ["student", "muted"])


def draw_shares(figure):
    weights = np.linspace([0.5, 0.2, 0.1, 0.1, 0.1], [0.0, 0.1, 0.2, 0.3, 0.4], 30).T
    ax = figure.add_axes((0.1, 0.6, 0.87, 0.34))
    correlated_classes.share_stack(ax, ROUNDS, weights, 6)
    correlated_classes.share_key(figure, 0.475)


def draw_output_by_share(figure):
    parts, names = np.full((5, 4), 0.04), ["cat", "dog", "car", "bus"]
    correlated_classes.output_by_share(
        figure.add_subplot(), parts, true=0, given=1, class_names=names, limit=0.92, title="a cat"
    )


def draw_pattern(figure):
    pattern = np.repeat([1, 1, -1, -1], 5)
    look = {"class_names": ["cat", "dog", "car", "bus"], "titles": ("the pattern", "times G")}
    limits = ((-1, 1), (-70, 70))
    correlated_classes.pattern_and_product(figure, pattern, 40 * pattern, limits=limits, **look)


def draw_differences(figure):
    kinds = {"in classes": 0.5, "between classes": 0.6, "superclasses": 0.95}
    left = {name: factor ** np.arange(1, 7) for name, factor in kinds.items()}
    ax = figure.add_subplot()
    correlated_classes.remaining_differences(ax, range(1, 7), left, left, floor=0.003)


def draw_histograms(figure):
    samples = {"same digit": rng.normal(0.5, 0.1, 99), "other digits": rng.normal(0, 0.1, 99)}
    levels = {"same digit": 0.5, "other digits": 0.0}
    correlated_classes.similarity_histograms(figure.add_subplot(), samples, levels)


def draw_real_rounds(figure):
    clean_labels.shares_over_rounds(
        figure.add_subplot(),
        ROUNDS,
        {"family": 1 - ROUNDS / 200, "class": 1 - ROUNDS / 150},
        ["muted", "theory", "experiment"],
        points={"class, exact": [0.95, 0.9, 0.85]},
        marked=4,
        limits=(0.3, 1.02),
    )


def draw_one_round(figure):
    clean_labels.rounds_as_one_round(figure, [0.5, 5, 50], 2.0, 3, (7.1, 1.02), limits=(0.1, 100))


def draw_penalties(figure):
    curves = {"one round": ([0.6, 0.8, 0.7], figures.round_colour(1, 6))}
    curves["6 rounds"] = ([0.7, 0.75, 0.6], figures.round_colour(6, 6))
    figure.subplots_adjust(right=0.94)
    ax = figure.add_subplot()
    clean_labels.accuracy_over_penalty(ax, [1e-4, 1e-3, 1e-2], curves, limits=(0.5, 1))


def draw_margins(figure):
    lines = {"strangers": np.geomspace(1, 1e-2, 30), "relatives": np.geomspace(0.5, 1e-5, 30)}
    measured = (range(1, 21), [np.geomspace(1, 0.3, 20), np.geomspace(0.5, 0.1, 20)])
    look = {"limits": (1e-6, 2), "ylabel": "margin over"}
    ax = figure.add_subplot()
    clean_labels.margins_over_rounds(ax, ROUNDS, lines, measured, ["muted", "true"], **look)


def draw_candidates(figure):
    teacher = theory.population_outputs(theory.BlockSpectrum(0.4, 0.9, 0.9, 0.9), C5)
    sets = theory.candidates(teacher, C5)
    partial_labels.candidate_table(
        figure, teacher[0], sets[0], C5[0], ["0"] * 4 + ["1"], true=0, classes=range(5)
    )


def draw_agreement(figure):
    values, texts = [[0, 1, 4], [9, 2, np.nan]], [["0", "+1", "+4"], ["+9", "+2", "–"]]
    names = {"rows": ["5", "50"], "columns": ["10⁻¹", "", "10⁻³"]}
    text = {"xlabel": "penalty λ", "ylabel": "instances a class, n", "title": "rounds missed"}
    agreement.agreement_map(figure.add_subplot(), values, texts, maximum=4, **names, **text)


def draw_brackets(figure):
    ax, ends = figure.add_subplot(), (range(3, 30), range(4, 31), range(5, 32))
    agreement.round_brackets(ax, *ends, limit=60, key=True, title="rounds until all are right")


def draw_eigenvalues(figure):
    spectra = {"as it is": np.geomspace(0.001, 1000, 40), "preconditioned": [0.5, 1, 2]}
    actors = {"as it is": "corrupted", "preconditioned": "student"}
    look = {"interval": (0.4, 4), "limits": (1e-4, 1e4), "title": "eigenvalues of the Hessian"}
    agreement.eigenvalue_strips(figure.add_subplot(), spectra, actors, **look)


def draw_counts(figure):
    actors = {"as it is": "corrupted", "preconditioned": "student"}
    counts = {"as it is": 1200, "preconditioned": 30}
    ax = figure.add_subplot()
    agreement.gradient_counts(ax, counts, actors, maximum=1200)


def draw_stack(figure):
    parts = {"bad company": [0.1, 0.11, 0.12], "bad luck": [0.1, 0.05, 0.02]}
    look = {"limits": (0, 0.24), "ylabel": "share of the right labels", "percent": True}
    label_history.stacked_rounds(figure.add_subplot(), parts, ["corrupted", "muted*"], **look)


def draw_history(figure):
    who = {"true": 3, "given": 8, "marked": 2}
    label_history.label_history(figure, DIGIT, OUTPUTS[:6], np.linspace(-0.2, 0.6, 10), **who)


def draw_confusion(figure):
    counts = 99 * np.eye(10) + np.arange(100).reshape(10, 10) % 7
    label_history.confusion_table(figure.add_subplot(), counts, maximum=6)


def draw_forecast(figure):
    marked, text = (
        OUTPUTS[0] > 0.1,
        {"xlabel": "wrong, by the theorem", "ylabel": "wrong in round 6"},
    )
    ax = figure.add_subplot()
    label_history.forecast_points(ax, OUTPUTS[0], OUTPUTS[1], marked, name="in company", **text)


def draw_candidate_levels(figure):
    levels = {"candidates, CE": 0.75, "candidates, GCE": 0.76}
    ax, curve = figure.add_subplot(), [0.5, 0.6, 0.7, 0.74, 0.755, 0.75]
    label_history.rounds_and_candidates(ax, curve, levels, ["pll", "accent"], limits=(0.4, 1))


def draw_strips(figure):
    kinds = {"same": [0.5, 0.6], "other": [0.3, -0.2, 0.2]}
    words.similarity_strips(figure.add_subplot(), kinds)


def draw_tree(figure):
    figure.subplots_adjust(left=0.3)
    merges = linkage([0.2, 0.9, 1, 0.8, 0.9, 0.4], "complete")
    names, families = ["gull", "tern", "fig", "plum"], ["bird", "bird", "fruit", "fruit"]
    words.class_tree(figure.add_subplot(), merges, names, families, height=0.9)


def draw_card(figure):
    text = "gull: " + "a bird that steals from other birds and from people " * 6
    neighbours = [(0.05 - 0.01 * k, "tern: " + "a sea bird " * k, "bird", k < 3) for k in range(8)]
    found = {"bird": (0.4, "true"), "fruit": (0.1, "given"), "musical instrument": (0.1, "muted")}
    words.word_card(figure, text, found, neighbours, largest=0.5)


def draw_leaderboard(figure):
    figure.subplots_adjust(left=0.3, right=0.85)
    scores = {"teacher": [0.5, 0.6], "two candidates": [0.7, 0.9], "round 6": [0.7, 0.72]}
    actors_of, ax = {"round 6": "student"}, figure.add_subplot()
    recipe.leaderboard(ax, scores, best=scores, actors_of=actors_of, limits=(0.4, 1))


def draw_held_out(figure):
    marked = [(1, "chosen", "accent"), (0, "best", "clean")]
    look = {"top": 0.65, "prices": [0.3, 0.65], "marked": marked}
    ax, limits = figure.add_subplot(), ((0.3, 0.7), (0.4, 1.0))
    recipe.held_out_against_true(ax, [0.5, 0.6], [0.7, 0.8], limits=limits, **look)


def draw_found(figure):
    figure.subplots_adjust(right=0.94)
    recipe.wrong_labels_found(figure.add_subplot(), OUTPUTS[0] > 0.1, OUTPUTS[1])


def draw_votes_with_spread(figure):
    recipe.votes_with_spread(figure.add_subplot(), noise.symmetric(10, 0.5)[0], 100, shown=6)


def draw_rounds_by_penalty(figure):
    ax = figure.add_subplot()
    recipe.rounds_by_penalty(ax, [1e-3, 1e-2, 1e-1], [np.inf, 3, 1], [1, 0, 0], most=12)


def draw_epochs(figure):
    curves = {
        "says the truth": [[0.1, 0.4, 0.5, 0.5]] * 2,
        "says its label": [[0.1, 0.2, 0.4, 0.5]],
    }
    network.shares_over_epochs(figure.add_subplot(), curves, ["true", "given"])


def draw_errors(figure):
    curves = {"network": [[0.6, 0.7], [0.64, 0.72]], "linear": [[0.6, 0.69], [0.62, 0.7]]}
    ax = figure.add_subplot()
    network.accuracy_with_errors(ax, curves, ["student", "accent"], limits=(0.4, 1))


def draw_agreement_bars(figure):
    found = {"linear": [0.8, 0.9], "theorem": [0.6, 0.7]}
    figure.subplots_adjust(left=0.2, right=0.94)
    ax = figure.add_subplot()
    network.agreement_bars(ax, found, ["student", "theory"], limits=(0.4, 1), xlabel="same class")


def draw_residual_over_time(figure):
    ax = figure.add_subplot()
    speed.residual_over_time(ax, [1, 10, 100], [1e-1, 1e-2, 1e-3], (0.05, 1e-12))


def draw_ratios(figure):
    figure.subplots_adjust(left=0.25)
    ratios = {"L-BFGS": {"float64": 4.0, "float32": 600.0}, "Newton": {}}
    speed.time_ratios(figure.add_subplot(), ratios, maximum=600, title="time, in units of ours")


def draw_time_over_size(figure):
    sizes, seconds = [100, 1000, 10_000], [0.01, 0.1, 1]
    speed.time_over_size(figure, dict.fromkeys(("N", "d", "K", "t"), (sizes, seconds, 1.0)))


SAMPLES = {name: draw for name, draw in globals().items() if name.startswith("draw_")}
TALL = {"gram", "neighbours", "many_rounds", "shares", "candidates", "history", "card"}
TALL |= {"time_over_size", "one_round", "pattern"}


def drawn(name, mode):
    with figures.theme(mode):
        figure = Figure((6.4, 6 if name.removeprefix("draw_") in TALL else 4), dpi=100)
        SAMPLES[name](figure)
    return figure


def words_and_colours(figure):
    """What is written before matplotlib writes its ticks. Squares are keys, not text."""
    texts = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return [(t.get_text(), t.get_color()) for t in texts if t.get_text().strip(" ■")]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_text_can_be_read_on_a_light_page_and_on_a_dark_one(name):
    light, dark = (drawn(name, mode) for mode in figures.MODES)
    with figures.theme("dark"):
        page = to_rgb(figures.colour("background"))
    said = words_and_colours(dark)
    assert [word for word, _ in words_and_colours(light)] == [word for word, _ in said]
    for word, colour in said:
        # What stands on a filled cell may have the colour of the page.
        assert to_rgb(colour) == page or contrast(to_rgb(colour), page) >= 4.2, word
    assert list(unreadable(light)) == []


def test_no_figure_is_left_out():
    source = inspect.getsource(importlib.import_module(__name__))
    for found in pkgutil.iter_modules(figures.__path__, figures.__name__ + "."):
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            draws = inspect.isfunction(value) and {"ax", "figure"} & {
                *inspect.signature(value).parameters
            }
            if draws and value.__module__ == found.name and found.name.split(".")[-1] != "style":
                helper = name.startswith("_") or name in {"draw_image", "eigenvalue_ticks"}
                assert helper or f".{name}(" in source, name
