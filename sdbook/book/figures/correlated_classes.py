"""Correlated classes (chapter 7): what an output is made of, and what rounds leave of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, faded, label_lines, percent_ticks, sequential
from sdbook.book.figures.text import typeset

SHARES = ("own label", "class", "superclass", "everybody", "uniform")
"""Where an output of the block model comes from, from near to far."""


def share_colours() -> tuple[str, ...]:
    """Return the colours of `SHARES` in the active theme.

    The own label has the colour of given labels; what comes from others is blue, paler the further
    away they are; what comes from nobody is grey.

    Examples
    --------
    >>> from sdbook.book.figures.correlated_classes import SHARES, share_colours
    >>> dict(zip(SHARES, share_colours()))["own label"]
    '#a33200'
    """
    near_to_far = (to_hex(sequential()(depth)) for depth in (0.8, 0.54, 0.3))
    return (colour("given"), *near_to_far, faded(colour("muted"), 0.3))


def share_stack(
    ax: Axes,
    rounds: ArrayLike,
    weights: ArrayLike,
    t: float,
) -> None:
    """Draw what an output is made of: a stacked bar at round t, and all other rounds behind it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
        Real numbers, ascending; the axis is logarithmic.
    weights : array of shape (5, n)
        The shares of `SHARES` in each of these rounds: none below zero, sums of one.
    t : float
        Where the bar stands, between the first and the last of the rounds.

    Raises
    ------
    ValueError
        If `weights` are not such shares, or `t` lies outside of `rounds`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.correlated_classes import share_stack
    >>> weights = [[0.5, 0.1], [0.3, 0.4], [0.1, 0.2], [0.1, 0.2], [0.0, 0.1]]
    >>> share_stack(Figure().add_subplot(), [1, 10], weights, 3)
    """
    x, shares = np.asarray(rounds, dtype=float), np.asarray(weights, dtype=float)
    if shares.shape != (len(SHARES), len(x)):
        raise ValueError(f"weights must have shape ({len(SHARES)}, {len(x)}), got {shares.shape}.")
    if shares.min() < -1e-12 or abs(shares.sum(axis=0) - 1).max() > 1e-9:
        raise ValueError(
            "weights must be >= 0 and sum to 1 in each round, "
            f"got {shares.min():.3g} as the least and sums up to {shares.sum(axis=0).max():.3g}."
        )
    if not x[0] <= t <= x[-1]:
        raise ValueError(f"t must be between {x[0]:g} and {x[-1]:g}, got {t:g}.")
    ends = np.vstack([np.zeros(len(x)), np.cumsum(shares, axis=0)])
    now = [float(np.interp(np.log(t), np.log(x), end)) for end in ends]
    ax.set_xscale("log")
    # The first share lies on top: it is the one that goes first.
    for place, (name, shade) in enumerate(zip(SHARES, share_colours(), strict=True)):
        low, high = 1 - ends[place + 1], 1 - ends[place]
        ax.fill_between(x, low, high, color=faded(shade, 0.38), linewidth=0)
        ax.plot(x, low, color=colour("background"), linewidth=1)
        bottom, height = 1 - now[place + 1], now[place + 1] - now[place]
        left, width = t / 1.13, t * (1.13 - 1 / 1.13)
        ax.bar(left, height, width, bottom, align="edge", color=shade, zorder=3, label=name)
    ax.set(xlim=(x[0] / 1.16, x[-1] * 1.16), ylim=(0, 1), xlabel="rounds t")
    ax.set_yticks([0, 0.5, 1])
    percent_ticks(ax.yaxis)
    ticks = [k * 10**n for n in range(4) for k in (1, 3) if x[0] <= k * 10**n <= x[-1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title("share of an output", color=colour("muted"))


def share_key(figure: Figure, height: float) -> None:
    """Write the names of the shares beside their colours, in one line across a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    height : float
        Where the line stands, as a share of the figure's height.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.correlated_classes import share_key
    >>> figure = Figure()
    >>> share_key(figure, 0.5)
    >>> [text.get_text() for text in figure.texts][:4]
    ['■', 'own label', '■', 'class']
    """
    # In proportion to their lengths; a square takes as much room as four letters.
    room = np.array([len(name) + 4 for name in SHARES])
    places = 0.1 + 0.9 * np.concatenate([[0], np.cumsum(room)[:-1]]) / room.sum()
    for x, name, shade in zip(places, SHARES, share_colours(), strict=True):
        figure.text(float(x), height, "■", color=shade, va="center")
        figure.text(float(x) + 0.028, height, name, color=colour("text"), va="center")


def output_by_share(
    ax: Axes,
    parts: ArrayLike,
    *,
    true: int,
    given: int,
    class_names: Sequence[str],
    limit: float,
    title: str,
) -> None:
    """Draw the output of one instance: one bar for each class, in pieces by where it comes from.

    An arrow head points at the largest output, which is the answer.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    parts : array of shape (5, K)
        What each of `SHARES` adds to each class, from 0 to 1.
    true, given : int
        The class of the instance and its label; their names have the colours of the actors.
    class_names : sequence of str
        From top to bottom.
    limit : float
        The right end of the axis.
    title : str
        Written above the bars.

    Raises
    ------
    ValueError
        If `parts` has another shape.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.correlated_classes import output_by_share
    >>> parts = [[0, 0.3], [0.2, 0.1], [0.1, 0.1], [0.05, 0.05], [0.05, 0.05]]
    >>> look = {"class_names": ["cat", "dog"], "limit": 1, "title": "a cat labelled dog"}
    >>> output_by_share(Figure().add_subplot(), parts, true=0, given=1, **look)
    """
    values = np.asarray(parts, dtype=float)
    if values.shape != (len(SHARES), len(class_names)):
        raise ValueError(
            f"parts must have shape ({len(SHARES)}, {len(class_names)}), got {values.shape}."
        )
    classes = np.arange(len(class_names))
    # Uniform first, the own label at the end of the bar, where its length is seen to change.
    left = np.zeros(len(classes))
    for value, shade, name in zip(values[::-1], share_colours()[::-1], SHARES[::-1], strict=True):
        ax.barh(classes, value, 0.74, left, color=shade, label=name)
        left = left + value
    best = int(left.argmax())
    ax.text(float(left[best]) + 0.02 * limit, best, "◂", va="center", color=colour("text"))
    ax.set_yticks(classes, class_names)
    ax.set(ylim=(len(classes) - 0.45, -0.55), xlim=(0, limit))
    ax.set_xticks([x for x in (0, 0.25, 0.5, 0.75, 1) if x <= limit])
    percent_ticks(ax.xaxis)
    names = ax.get_yticklabels()
    names[given].set_color(colour("given"))
    names[true].set_color(colour("true"))
    ax.grid(axis="x")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title(title, color=colour("text"))


def pattern_and_product(
    figure: Figure,
    values: ArrayLike,
    multiplied: ArrayLike,
    *,
    class_names: Sequence[str],
    titles: tuple[str, str],
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    """Draw a vector over the instances, and below what the Gram matrix makes of it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    values, multiplied : array of shape (N,)
        The vector and its product with the Gram matrix; instances sorted by class, classes of
        equal size.
    class_names : sequence of str
        One for each class.
    titles : pair of str
        What stands above each panel.
    limits : pair of (low, high)
        The y-limits of each panel.

    Raises
    ------
    ValueError
        If shapes do not fit, or classes cannot have equal size.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.correlated_classes import pattern_and_product
    >>> look = {"class_names": "ab", "titles": ("v", "Gv"), "limits": ((-1, 1), (-4, 4))}
    >>> pattern_and_product(Figure(), [1, 1, -1, -1], [3, 3, -3, -3], **look)
    """
    tops = [figure.add_axes((0.1, bottom, 0.88, 0.34)) for bottom in (0.58, 0.1)]
    rows = [np.asarray(row, dtype=float) for row in (values, multiplied)]
    if rows[0].shape != rows[1].shape or len(rows[0]) % len(class_names):
        raise ValueError(
            "values and multiplied must have the same shape (N,), N a multiple of the "
            f"{len(class_names)} classes, got {rows[0].shape} and {rows[1].shape}."
        )
    per_class = len(rows[0]) // len(class_names)
    edges = per_class * np.arange(len(class_names) + 1)
    shades = (colour("accent"), colour("student"))
    for ax, row, title, shade, limit in zip(tops, rows, titles, shades, limits, strict=True):
        ax.stairs(row, fill=True, color=shade, linewidth=0, label=title)
        ax.axhline(0, color=colour("muted"), linewidth=1)
        ax.vlines(edges[1:-1], *limit, color=colour("grid"), linewidth=1, zorder=0.5)
        ax.set(xlim=(0, len(row)), ylim=limit, xticks=[])
        ax.set_yticks([limit[0], 0, limit[1]] if limit[0] else [0, limit[1]])
        ax.yaxis.set_major_formatter(lambda x, _: typeset(x, "g"))
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title(title, color=colour("muted"))
        ax.set_ylim(1.04 * limit[0], 1.04 * limit[1])
    tops[1].set_xticks((edges[:-1] + edges[1:]) / 2, class_names)


def remaining_differences(
    ax: Axes,
    rounds: ArrayLike,
    predicted: Mapping[str, ArrayLike],
    measured: Mapping[str, ArrayLike],
    *,
    floor: float,
    also: Mapping[str, ArrayLike] | None = None,
) -> None:
    """Draw what rounds leave of each kind of difference between outputs, on a logarithmic axis.

    A kind that shrinks by the same factor each round is a straight line there.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
        Whole numbers, ascending.
    predicted, measured : mapping of str to array of shape (n,)
        Theory, as lines, and experiment, as points; the same kinds of difference in both, from
        near to far, three at most. What is left is a share of what there was before. The names
        stand at the ends of the measured points.
    floor : float
        The lower end of the axis. What is below is not drawn.
    also : mapping of str to array of shape (n,), optional
        Another theory of some of the kinds, as dashed lines.

    Raises
    ------
    ValueError
        If `predicted` and `measured` name different kinds.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.correlated_classes import remaining_differences
    >>> predicted, measured = {"inside a class": [0.5, 0.25]}, {"inside a class": [0.4, 0.1]}
    >>> ax = Figure().add_subplot()
    >>> remaining_differences(ax, [1, 2], predicted, measured, floor=0.01)
    """
    if list(predicted) != list(measured):
        raise ValueError(
            f"predicted and measured must name the same kinds, got {list(predicted)} and "
            f"{list(measured)}."
        )
    x = np.asarray(rounds, dtype=float)
    ax.set_yscale("log")
    ax.set_ylim(floor, 1.3)
    ax.set_xlim(x[0] - 0.2, x[-1] + 0.2)
    ends, shades = [], []
    for kind, shade in zip(predicted, _kind_colours(), strict=False):
        line, points = (np.asarray(m[kind], dtype=float) for m in (predicted, measured))
        ax.plot(x, line, color=shade, label=f"{kind}, predicted")
        if also and kind in also:
            dashed = np.asarray(also[kind], dtype=float)
            ax.plot(x, dashed, "--", color=shade, linewidth=1.6, label=f"{kind}, also")
        seen = points >= floor
        ax.plot(
            x[seen],
            points[seen],
            "o",
            color=shade,
            markeredgecolor=colour("background"),
            markeredgewidth=1.2,
            zorder=3,
            label=f"{kind}, measured",
        )
        last = int(np.flatnonzero(seen)[-1])
        ends.append((float(x[last]), float(points[last])))
        shades.append(shade)
    label_lines(ax, ends, list(predicted), shades)
    ax.set_xticks(x)
    ax.set_yticks([level for level in (0.001, 0.01, 0.1, 1) if level >= floor])
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:.6g}")
    ax.yaxis.set_minor_locator(LogLocator(subs=()))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.hlines(ax.get_yticks(), x[0], x[-1], color=colour("grid"), linewidth=1, zorder=0.5)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xlabel("round (1 is the teacher)")
    ax.set_title("what is left of the differences", color=colour("muted"))


def _kind_colours() -> tuple[str, ...]:
    """Differences inside a class, between classes, between superclasses: lines on the page."""
    return (colour("given"), colour("student"), colour("muted"))


def similarity_histograms(
    ax: Axes,
    samples: Mapping[str, ArrayLike],
    levels: Mapping[str, float],
) -> None:
    """Draw how two kinds of correlations are distributed, each with the number that replaces it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    samples : mapping of str to array
        Two kinds of correlations from -1 to 1, of any number each; areas are the same. The first
        has the colour of what happens inside a class, the second of what happens between classes.
    levels : mapping of str to float
        The number that stands for each kind, drawn as a line. The same names.

    Raises
    ------
    ValueError
        If `samples` and `levels` do not name the same two kinds.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.correlated_classes import similarity_histograms
    >>> samples, levels = {"same": [0.4, 0.6], "other": [0, 0.1]}, {"same": 0.5, "other": 0.05}
    >>> similarity_histograms(Figure().add_subplot(), samples, levels)
    """
    if list(samples) != list(levels) or len(samples) != 2:
        raise ValueError(
            f"samples and levels must name the same two kinds, got {list(samples)} and "
            f"{list(levels)}."
        )
    edges = np.linspace(-1, 1, 81)
    heights = {
        name: np.histogram(np.asarray(values), edges, density=True)[0]
        for name, values in samples.items()
    }
    top = max(float(height.max()) for height in heights.values())
    first, second = levels.values()
    sides = ("left", "right") if first > second else ("right", "left")
    for (name, height), shade, side in zip(heights.items(), _kind_colours(), sides, strict=False):
        ax.stairs(height, edges, fill=True, color=faded(shade, 0.45), alpha=0.8, linewidth=0)
        ax.axvline(levels[name], color=shade, ymax=0.86, label=name)
        ax.text(levels[name], 0.93 * 1.12 * top, name, color=shade, ha=side, va="center")
    ax.set(xlim=(-1, 1), ylim=(0, 1.12 * top), yticks=[], xlabel="correlation of two instances")
    ax.spines["left"].set_visible(False)
