"""Correlated classes: patterns and their eigenvalues, shares of an average, what rounds leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, label_lines, sequential

SHARES = ("own label", "class", "superclass", "everybody", "uniform")
"""Where an output of the block model comes from, from near to far."""


def share_colours() -> tuple[str, ...]:
    """The colours of `SHARES` in the active theme.

    The own label has the colour of given labels; what comes from others is blue, paler the further
    away they are; what comes from nobody is grey.
    """
    near_to_far = (to_hex(sequential()(depth)) for depth in (0.8, 0.54, 0.3))
    return (colour("given"), *near_to_far, _thin(colour("muted"), 0.3))


def weight_stack(
    ax: Axes,
    rounds: ArrayLike,
    weights: ArrayLike,
    t: float,
) -> None:
    """Draw how an output is made up: a stacked bar at round t, and all other rounds behind it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
        Real numbers, ascending; the axis is logarithmic.
    weights : array of shape (5, n)
        The shares of `SHARES` in each of these rounds: none below zero, sums of one.
    t : float
        Where the bar stands, between the first and the last of the rounds.
    """
    x, shares = np.asarray(rounds, dtype=float), np.asarray(weights, dtype=float)
    if shares.shape != (len(SHARES), len(x)):
        raise ValueError(f"weights must have shape ({len(SHARES)}, {len(x)}), got {shares.shape}")
    if shares.min() < -1e-12 or abs(shares.sum(axis=0) - 1).max() > 1e-9:
        raise ValueError(
            "weights must be shares: none below zero, and each round's must sum to one; got "
            f"{shares.min():.3g} as the least and {shares.sum(axis=0).max():.3g} as the largest sum"
        )
    if not x[0] <= t <= x[-1]:
        raise ValueError(f"t must be between {x[0]:g} and {x[-1]:g}, got {t:g}")
    ends = np.vstack([np.zeros(len(x)), np.cumsum(shares, axis=0)])
    now = [float(np.interp(np.log(t), np.log(x), end)) for end in ends]
    ax.set_xscale("log")
    # The first share lies on top: it is the one that goes first.
    for place, shade in enumerate(share_colours()):
        low, high = 1 - ends[place + 1], 1 - ends[place]
        ax.fill_between(x, low, high, color=_thin(shade, 0.38), linewidth=0)
        ax.plot(x, low, color=colour("background"), linewidth=1)
        bottom, height = 1 - now[place + 1], now[place + 1] - now[place]
        ax.bar(t / 1.13, height, t * (1.13 - 1 / 1.13), bottom, align="edge", color=shade, zorder=3)
    ax.set(xlim=(x[0] / 1.16, x[-1] * 1.16), ylim=(0, 1), xlabel="rounds t")
    ax.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    ticks = [k * 10**n for n in range(4) for k in (1, 3) if x[0] <= k * 10**n <= x[-1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title("share of an output", color=colour("muted"))


def share_key(figure: Figure, height: float, *, names: Sequence[str] = SHARES) -> None:
    """Write the names of the shares beside their colours, in one line across a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    height : float
        Where the line stands, as a share of the figure's height.
    names : sequence of str
        One for each of `SHARES`.
    """
    if len(names) != len(SHARES):
        raise ValueError(f"names must be {len(SHARES)}, one for each share, got {len(names)}")
    # In proportion to their lengths; a square takes as much room as four letters.
    room = np.array([len(name) + 4 for name in names])
    places = 0.1 + 0.9 * np.concatenate([[0], np.cumsum(room)[:-1]]) / room.sum()
    for x, name, shade in zip(places, names, share_colours(), strict=True):
        figure.text(float(x), height, "■", color=shade, va="center")
        figure.text(float(x) + 0.028, height, name, color=colour("text"), va="center")


def output_parts(
    ax: Axes,
    parts: ArrayLike,
    *,
    true: int,
    given: int,
    class_names: Sequence[str],
    limit: float = 1.0,
    title: str = "",
) -> None:
    """Draw the output of one instance, one bar for each class, each made of its shares.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    parts : array of shape (5, K)
        What each of `SHARES` adds to each class.
    true, given : int
        The class of the instance and its label; their names have the colours of the actors.
    class_names : sequence of str
        From top to bottom.
    limit : float
        The right end of the axis.
    title : str
        Written above the bars.
    """
    values = np.asarray(parts, dtype=float)
    if values.shape != (len(SHARES), len(class_names)):
        raise ValueError(
            f"parts must have shape ({len(SHARES)}, {len(class_names)}), got {values.shape}"
        )
    classes = np.arange(len(class_names))
    # Uniform first, the own label at the end of the bar, where its length is seen to change.
    left = np.zeros(len(classes))
    for value, shade in zip(values[::-1], share_colours()[::-1], strict=True):
        ax.barh(classes, value, 0.74, left, color=shade)
        left = left + value
    best = int(left.argmax())
    ax.text(float(left[best]) + 0.02 * limit, best, "◂", va="center", color=colour("text"))
    ax.set_yticks(classes, class_names)
    ax.set(ylim=(len(classes) - 0.45, -0.55), xlim=(0, limit))
    ticks = [0, 0.25, 0.5, 0.75, 1]
    ax.set_xticks([x for x in ticks if x <= limit], [f"{x:.0%}" for x in ticks if x <= limit])
    names = ax.get_yticklabels()
    names[given].set_color(colour("given"))
    names[true].set_color(colour("true"))
    ax.grid(axis="x")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title(title, color=colour("text"))


def pattern(
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
    """
    tops = [figure.add_axes((0.1, bottom, 0.88, 0.34)) for bottom in (0.58, 0.1)]
    rows = [np.asarray(row, dtype=float) for row in (values, multiplied)]
    if rows[0].shape != rows[1].shape or len(rows[0]) % len(class_names):
        raise ValueError(
            "values and multiplied must have the same shape (N,), and N must be a multiple of the "
            f"{len(class_names)} classes; got {rows[0].shape} and {rows[1].shape}"
        )
    per_class = len(rows[0]) // len(class_names)
    edges = per_class * np.arange(len(class_names) + 1)
    shades = (colour("accent"), colour("student"))
    for ax, row, title, shade, limit in zip(tops, rows, titles, shades, limits, strict=True):
        ax.stairs(row, fill=True, color=shade, linewidth=0)
        ax.axhline(0, color=colour("muted"), linewidth=1)
        ax.vlines(edges[1:-1], *limit, color=colour("grid"), linewidth=1, zorder=0.5)
        ax.set(xlim=(0, len(row)), ylim=limit, xticks=[])
        ax.set_yticks([limit[0], 0, limit[1]] if limit[0] else [0, limit[1]])
        ax.yaxis.set_major_formatter(lambda x, _: f"{x:g}".replace("-", "−"))
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title(title, color=colour("muted"))
        ax.set_ylim(1.04 * limit[0], 1.04 * limit[1])
    tops[1].set_xticks((edges[:-1] + edges[1:]) / 2, class_names)


def left_over(
    ax: Axes,
    rounds: ArrayLike,
    predicted: Mapping[str, ArrayLike],
    measured: Mapping[str, ArrayLike],
    *,
    also: Mapping[str, ArrayLike] | None = None,
    floor: float = 1e-3,
    title: str = "what is left of the differences",
) -> None:
    """Draw what rounds leave of each kind of difference, on a logarithmic axis.

    A kind that shrinks by the same factor each round is a straight line there.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
    predicted, measured : mapping of str to array of shape (n,)
        Theory, as lines, and experiment, as points; the same kinds of difference in both, from
        near to far. Their names stand at the ends of the measured points.
    also : mapping of str to array of shape (n,), optional
        Another theory of some of the kinds, as dashed lines.
    floor : float
        The lower end of the axis. What is below is not drawn.
    title : str
        Written above the y-axis.
    """
    if list(predicted) != list(measured):
        raise ValueError(
            f"predicted and measured must name the same kinds, got {list(predicted)} and "
            f"{list(measured)}"
        )
    x = np.asarray(rounds, dtype=float)
    ax.set_yscale("log")
    ax.set_ylim(floor, 1.3)
    ax.set_xlim(x[0] - 0.2, x[-1] + 0.2)
    ends, shades = [], []
    for kind, shade in zip(predicted, _kind_colours(), strict=False):
        line, points = (np.asarray(m[kind], dtype=float) for m in (predicted, measured))
        ax.plot(x, line, color=shade)
        if also and kind in also:
            ax.plot(x, np.asarray(also[kind]), "--", color=shade, linewidth=1.6)
        seen = points >= floor
        ax.plot(
            x[seen],
            points[seen],
            "o",
            color=shade,
            markeredgecolor=colour("background"),
            markeredgewidth=1.2,
            zorder=3,
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
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xlabel("round (1 is the teacher)")
    ax.set_title(title, color=colour("muted"))


def _kind_colours() -> tuple[str, ...]:
    """Differences inside a class, between classes, between superclasses: lines on the page."""
    return (colour("given"), colour("student"), colour("muted"))


def two_histograms(
    ax: Axes,
    samples: Mapping[str, ArrayLike],
    levels: Mapping[str, float],
    *,
    limits: tuple[float, float] = (-1, 1),
    xlabel: str = "correlation of two instances",
) -> None:
    """Draw how two kinds of values are distributed, each with the one number that replaces it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    samples : mapping of str to array
        Two kinds of values, of any number each; areas are the same. The first has the colour of
        what happens inside a class, the second of what happens between classes.
    levels : mapping of str to float
        The number that stands for each kind, drawn as a line. The same names.
    limits : (low, high)
        Ends of the x-axis.
    xlabel : str
    """
    if list(samples) != list(levels) or len(samples) != 2:
        raise ValueError(
            f"samples and levels must name the same two kinds, got {list(samples)} and "
            f"{list(levels)}"
        )
    edges = np.linspace(*limits, 81)
    heights = {
        name: np.histogram(np.asarray(values), edges, density=True)[0]
        for name, values in samples.items()
    }
    top = max(float(height.max()) for height in heights.values())
    first, second = levels.values()
    sides = ("left", "right") if first > second else ("right", "left")
    for (name, height), shade, side in zip(heights.items(), _kind_colours(), sides, strict=False):
        ax.stairs(height, edges, fill=True, color=_thin(shade, 0.45), alpha=0.8, linewidth=0)
        ax.axvline(levels[name], color=shade, ymax=0.86)
        ax.text(levels[name], 0.93 * 1.12 * top, name, color=shade, ha=side, va="center")
    ax.set(xlim=limits, ylim=(0, 1.12 * top), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(xlabel)


def _thin(shade: str, share: float) -> str:
    """A colour mixed with the background of the page."""
    pairs = zip(to_rgb(shade), to_rgb(colour("background")), strict=True)
    red, green, blue = (share * top + (1 - share) * page for top, page in pairs)
    return to_hex((red, green, blue))
