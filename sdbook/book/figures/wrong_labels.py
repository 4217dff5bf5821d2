"""Wrong labels (chapter 3): corruption matrices, and the labels that one class is given."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from sdbook.book.figures._check import square
from sdbook.book.figures.style import colour, frame, percent_ticks, sequential
from sdbook.book.figures.text import typeset


def corruption_map(ax: Axes, C: ArrayLike, *, row: int) -> None:
    """Draw a corruption matrix as colours: true class down, given label across.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    C : array of shape (K, K)
        Shares from 0 to 1. Small ones are a little darker than in proportion, so that they show.
    row : int
        The true class whose row is framed.

    Raises
    ------
    ValueError
        If `C` is not square, or `row` is no class.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook import noise
    >>> from sdbook.book.figures.wrong_labels import corruption_map
    >>> corruption_map(Figure().add_subplot(), noise.symmetric(10, 0.7), row=3)
    """
    matrix = square("C", C)
    K = len(matrix)
    if not 0 <= row < K:
        raise ValueError(f"row must be a class from 0 to {K - 1}, got {row}.")
    ax.imshow(matrix, cmap=sequential(), norm=PowerNorm(0.7, 0, 1))
    outline = Rectangle((-0.5, row - 0.5), K, 1, fill=False, edgecolor=colour("accent"), lw=2.4)
    outline.set_clip_on(False)
    ax.add_patch(outline)
    ax.set_xticks(range(K))
    ax.set_yticks(range(K))
    ax.tick_params(length=0)
    frame(ax, colour("muted"), 0.8)
    ax.set_xlabel("given label")
    ax.set_title("true class", color=colour("muted"))


def vote_bars(
    ax: Axes,
    shares: ArrayLike,
    true: int,
    *,
    expected: ArrayLike | None = None,
    ranges: ArrayLike | None = None,
    limit: float = 1.0,
) -> None:
    """Draw the share of each given label in one class, and by how much the true one leads.

    The arrow beside the bars goes from the most frequent wrong label to the true one: upwards if
    the true one leads. The number beside it is the difference of their shares. Both are about the
    expected shares if there are any, else about the shares themselves.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    shares : array of shape (K,)
        Share of the instances with each given label: the bars.
    true : int
        The true class.
    expected : array of shape (K,), optional
        What the shares tend to, drawn as points.
    ranges : array of shape (2, K), optional
        Where the shares usually lie, from low to high, drawn as lines.
    limit : float
        The top of the axis.

    Raises
    ------
    ValueError
        If shapes do not fit, or `true` is no class.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.wrong_labels import vote_bars
    >>> ax = Figure().add_subplot()
    >>> vote_bars(ax, [0.2, 0.5, 0.3], 1)
    >>> ax.texts[-1].get_text()
    '0.20'
    """
    bars = np.asarray(shares, dtype=float)
    aim = bars if expected is None else np.asarray(expected, dtype=float)
    K = len(bars)
    if bars.ndim != 1 or aim.shape != bars.shape:
        raise ValueError(
            f"shares and expected must have shape (K,), got {bars.shape} and {aim.shape}."
        )
    if not 0 <= true < K:
        raise ValueError(f"true must be a class from 0 to {K - 1}, got {true}.")
    colours = [colour("true") if k == true else colour("given") for k in range(K)]
    ax.bar(range(K), bars, 0.74, color=colours, alpha=0.5, label="shares")
    if ranges is not None:
        low, high = np.asarray(ranges, dtype=float)
        ax.vlines(range(K), low, high, color=colour("text"), linewidth=1.6, label="ranges")
    if expected is not None:
        ax.plot(range(K), aim, "o", color=colour("text"), markersize=6, label="expected")
    rival = np.delete(aim, true).max()
    lead, side = float(aim[true] - rival), K + 0.1
    for level in (rival, aim[true]):
        ax.plot([K - 0.4, side + 0.4], [level, level], color=colour("muted"), linewidth=1)
    if abs(lead) > 0.02 * limit:
        ax.annotate(
            "",
            (side, aim[true]),
            (side, rival),
            arrowprops={
                "arrowstyle": "-|>",
                "color": colour("true" if lead > 0 else "given"),
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
    ax.text(
        side + 0.7,
        (rival + aim[true]) / 2,
        typeset(lead, ".2f"),
        va="center",
        color=colour("true" if lead > 1e-9 else "given"),
    )
    ax.set(xlim=(-0.6, K + 3.0), ylim=(0, limit), xlabel="given label")
    ax.set_xticks(range(K))
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_bounds(-0.6, K - 0.4)
    ax.set_yticks([share for share in (0, 0.2, 0.4, 0.6, 0.8, 1.0) if share <= limit + 1e-9])
    percent_ticks(ax.yaxis)
