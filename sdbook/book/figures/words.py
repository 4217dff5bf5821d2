"""Words (chapter 13): similarities of words, the tree of their classes, and one word looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import dendrogram, fcluster

from sdbook.book.figures._check import one_each
from sdbook.book.figures.style import colour
from sdbook.book.figures.text import typeset


def similarity_strips(ax: Axes, kinds: Mapping[str, ArrayLike]) -> None:
    """Draw similarities of several kinds of pairs: a row for each kind, a line for each value.

    The mean of a row is a strong line with its number.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    kinds : mapping of str to array
        Mean similarities, from -1 to 1, the first kind in the top row.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import theme
    >>> from sdbook.book.figures.words import similarity_strips
    >>> with theme("dark"):
    ...     similarity_strips(Figure().add_subplot(), {"same": [0.4, 0.2], "other": [0.0, -0.1]})
    """
    shades = [colour("student"), colour("accent"), colour("muted")]
    for row, (name, values) in enumerate(kinds.items()):
        numbers = np.asarray(values, dtype=float).ravel()
        shade = shades[row % len(shades)]
        faint = max(0.12, min(0.6, 25 / len(numbers)))
        ax.vlines(
            numbers, row + 0.02, row + 0.42, color=shade, alpha=faint, linewidth=1.2, label=name
        )
        mean = float(numbers.mean())
        ax.vlines(mean, row - 0.06, row + 0.5, color=colour("text"), linewidth=2.4)
        number = typeset(mean, ".2f")
        ax.text(mean, row - 0.12, number, ha="center", va="bottom", color=colour("text"))
        left = ax.get_yaxis_transform()
        ax.text(0.0, row - 0.12, name, color=shade, va="bottom", transform=left)
    ax.axvline(0, color=colour("grid"), zorder=0)
    ax.set(ylim=(len(kinds) - 0.35, -0.5), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("mean similarity of two instances")


def class_tree(
    ax: Axes, merges: ArrayLike, names: Sequence[str], families: Sequence[str], *, height: float
) -> None:
    """Draw a tree of classes, and where it is cut into groups.

    What is merged below the cut has a colour; every second group has a grey background.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        About 0.19 inches high for each class.
    merges : array of shape (K - 1, 4)
        From ``scipy.cluster.hierarchy.linkage``.
    names, families : sequence of str
        Of each class: its name, and that of the superclass it should be in.
    height : float
        Where the tree is cut, as a share of the last merge.

    Raises
    ------
    ValueError
        If there is not one name and one family for each class.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from scipy.cluster.hierarchy import linkage
    >>> from sdbook.book.figures.words import class_tree
    >>> merges = linkage([0.2, 0.9, 1, 0.8, 0.9, 0.4], "complete")
    >>> names, families = ["gull", "tern", "fig", "plum"], ["bird", "bird", "fruit", "fruit"]
    >>> class_tree(Figure().add_subplot(), merges, names, families, height=0.9)
    """
    tree = np.asarray(merges, dtype=float)
    classes = len(tree) + 1
    one_each("names", names, "class", classes)
    one_each("families", families, "class", classes)
    cut = height * tree[-1, 2]
    layout = dendrogram(tree, no_plot=True, color_threshold=0)
    groups = fcluster(tree, cut, criterion="distance")[layout["leaves"]]
    edges = np.concatenate([[0], np.flatnonzero(np.diff(groups)) + 1, [classes]])
    for number, (first, last) in enumerate(pairwise(edges)):
        if number % 2 == 0:
            ax.axhspan(10 * first, 10 * last, color=colour("grid"), zorder=0)
    for y, x in zip(layout["icoord"], layout["dcoord"], strict=True):
        inside = max(x) < cut
        shade, where = colour("student" if inside else "muted"), "below" if inside else "above"
        ax.plot(x, y, color=shade, linewidth=1.2, label=f"merge {where} the cut")
    ax.axvline(cut, color=colour("accent"), linewidth=1.6, label="cut")
    ax.set_yticks(
        5 + 10 * np.arange(classes), [f"{names[k]} · {families[k]}" for k in layout["leaves"]]
    )
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set(ylim=(10 * classes, 0), xlim=(0.9 * tree[0, 2], 1.02 * tree[-1, 2]))
    ax.set_xlabel("1 \N{MINUS SIGN} least similarity")


def word_card(
    figure: Figure,
    text: str,
    outputs: Mapping[str, tuple[float, str]],
    neighbours: Sequence[tuple[float, str, str, bool]],
    *,
    largest: float,
) -> None:
    """Draw one text, the largest outputs for it, and whose labels they average.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure, best 6.4 x 6.6 inches.
    text : str
        What does not fit into three lines is cut off.
    outputs : mapping of str to (value, actor)
        The largest outputs, as shares, with the actors whose colours their bars take.
    neighbours : sequence of (weight, text, label, right)
        Who counts most: averaging weight as a share, text, given label, and whether that is right.
    largest : float
        The right end of the axis of outputs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.words import word_card
    >>> figure, outputs = Figure((6.4, 6.6)), {"bird": (0.4, "true"), "fruit": (0.1, "given")}
    >>> neighbours = [(0.05, "tern: a sea bird", "bird", True)]
    >>> word_card(figure, "gull: a bird that steals", outputs, neighbours, largest=0.5)
    """
    lines = wrap(text, 62)
    shown = lines[:3] if len(lines) <= 3 else [*lines[:2], lines[2][:58] + " …"]
    figure.text(0.03, 0.975, "\n".join(shown), va="top", color=colour("text"), linespacing=1.25)
    ax = figure.add_axes((0.36, 0.56, 0.6, 0.24))
    places = range(len(outputs))
    values = [value for value, _ in outputs.values()]
    shades = [colour(actor) for _, actor in outputs.values()]
    ax.barh(places, values, 0.66, color=shades, label="outputs")
    for place, value in zip(places, values, strict=True):
        ax.text(value + 0.012 * largest, place, f"{value:.0%}", va="center", color=colour("text"))
    ax.set_yticks(places, list(outputs))
    for tick, (_, actor) in zip(ax.get_yticklabels(), outputs.values(), strict=True):
        tick.set_color(colour(actor))
    ax.set(ylim=(len(outputs) - 0.4, -0.6), xlim=(0, largest), xticks=[])
    ax.tick_params(length=0)
    ax.spines["bottom"].set_visible(False)
    ax.set_title("largest outputs", color=colour("muted"), loc="left", x=-0.54)

    figure.text(0.03, 0.475, "whose labels it averages: weight, word, label", color=colour("muted"))
    step = 0.43 / max(len(neighbours), 1)
    for row, (weight, said, label, right) in enumerate(neighbours):
        y = 0.425 - row * step
        shade = colour("clean" if right else "corrupted")
        figure.text(0.03, y, f"{typeset(100 * weight, '.2f')}%", color=colour("text"))
        figure.text(0.15, y, _cut(said, 42), color=colour("text"))
        figure.text(0.97, y, _cut(label, 21), color=shade, ha="right")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 2].rstrip() + " …"
