"""Pictures of words: how alike their kinds are, the tree of kinds, and one word looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import dendrogram, fcluster

from sdbook.book.figures.style import colour


def similarity_strips(
    ax: Axes, kinds: Mapping[str, ArrayLike], *, xlabel: str = "mean similarity of two instances"
) -> None:
    """Draw a line for each value and a strong one for their mean, a row for each kind.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    kinds : mapping of str to array
        Values of each kind, the first in the top row.
    xlabel : str

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
        ax.vlines(numbers, row + 0.02, row + 0.42, color=shade, alpha=faint, linewidth=1.2)
        mean = float(numbers.mean())
        ax.vlines(mean, row - 0.06, row + 0.5, color=colour("text"), linewidth=2.4)
        signed = f"{mean:.2f}".replace("-", "\N{MINUS SIGN}")
        ax.text(mean, row - 0.12, signed, ha="center", va="bottom", color=colour("text"))
        ax.text(0.0, row - 0.12, name, color=shade, va="bottom", transform=_left_of(ax))
    ax.axvline(0, color=colour("grid"), zorder=0)
    ax.set(ylim=(len(kinds) - 0.35, -0.5), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel)


def class_tree(
    ax: Axes, merges: ArrayLike, names: Sequence[str], families: Sequence[str], *, height: float
) -> None:
    """Draw a tree of classes, and where it is cut.

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
    """
    tree = np.asarray(merges, dtype=float)
    classes = len(tree) + 1
    if not len(names) == len(families) == classes:
        raise ValueError(
            f"names and families must have one entry for each of the {classes} classes, "
            f"got {len(names)} and {len(families)}"
        )
    cut = height * tree[-1, 2]
    layout = dendrogram(tree, no_plot=True, color_threshold=0)
    groups = fcluster(tree, cut, criterion="distance")[layout["leaves"]]
    edges = np.concatenate([[0], np.flatnonzero(np.diff(groups)) + 1, [classes]])
    for number, (first, last) in enumerate(pairwise(edges)):
        if number % 2 == 0:
            ax.axhspan(10 * first, 10 * last, color=colour("grid"), zorder=0)
    for y, x in zip(layout["icoord"], layout["dcoord"], strict=True):
        inside = max(x) < cut
        ax.plot(x, y, color=colour("student" if inside else "muted"), linewidth=1.2)
    ax.axvline(cut, color=colour("accent"), linewidth=1.6)
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
    """Draw one text, what a model answers to it, and whose labels the answer averages.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure, best 6.4 x 6.6 inches.
    text : str
    outputs : mapping of str to (value, actor)
        The largest outputs with the actors that their bars have the colours of.
    neighbours : sequence of (weight, text, label, right)
        Who counts most: averaging weight, what they say, what they are called, and whether that is
        their true label.
    largest : float
        The right end of the axis of outputs.
    """
    lines = wrap(text, 62)
    shown = lines[:3] if len(lines) <= 3 else [*lines[:2], lines[2][:58] + " …"]
    figure.text(0.03, 0.975, "\n".join(shown), va="top", color=colour("text"), linespacing=1.25)
    ax = figure.add_axes((0.36, 0.56, 0.6, 0.24))
    places = range(len(outputs))
    values = [value for value, _ in outputs.values()]
    ax.barh(places, values, 0.66, color=[colour(actor) for _, actor in outputs.values()])
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
        figure.text(0.03, y, f"{weight:.2%}".replace("-", "\N{MINUS SIGN}"), color=colour("text"))
        figure.text(0.15, y, _cut(said, 42), color=colour("text"))
        figure.text(0.97, y, _cut(label, 21), color=shade, ha="right")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 2].rstrip() + " …"


def _left_of(ax: Axes) -> object:
    """Coordinates with x in shares of the axes and y in data."""
    return ax.get_yaxis_transform()
