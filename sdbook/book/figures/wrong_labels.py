"""Corruption matrices, and how a class votes on its own name."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, sequential

__all__ = ["corruption_map", "vote_bars"]


def corruption_map(ax: Axes, C: ArrayLike, *, row: int | None = None) -> None:
    """Draw a corruption matrix as colours: true class down, given label across.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    C : array of shape (K, K)
        Shares from 0 to 1. Small ones are a little darker than in proportion, so that they show.
    row : int, optional
        The true class whose row is framed.
    """
    matrix = np.asarray(C, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"C must have shape (K, K), got {matrix.shape}")
    K = len(matrix)
    ax.imshow(matrix, cmap=sequential(), norm=PowerNorm(0.7, 0, 1), interpolation="nearest")
    if row is not None:
        if not 0 <= row < K:
            raise ValueError(f"row must be a class from 0 to {K - 1}, got {row}")
        frame = Rectangle(
            (-0.5, row - 0.5), K, 1, fill=False, edgecolor=colour("accent"), linewidth=2.4
        )
        frame.set_clip_on(False)
        ax.add_patch(frame)
    ax.set_xticks(range(K))
    ax.set_yticks(range(K))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set(visible=True, color=colour("muted"), linewidth=0.8)
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
    """Draw how the labels given to one class are shared out, and by how much the truth leads.

    The arrow beside the bars goes from the strongest wrong label to the truth: upwards if the
    truth leads. It shows the expected shares if there are any, else the shares themselves.

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
    """
    bars = np.asarray(shares, dtype=float)
    aim = bars if expected is None else np.asarray(expected, dtype=float)
    K = len(bars)
    if bars.ndim != 1 or aim.shape != bars.shape:
        raise ValueError(
            f"shares and expected must have shape (K,), got {bars.shape} and {aim.shape}"
        )
    if not 0 <= true < K:
        raise ValueError(f"true must be a class from 0 to {K - 1}, got {true}")
    colours = [colour("true") if k == true else colour("given") for k in range(K)]
    ax.bar(range(K), bars, 0.74, color=colours, alpha=0.5)
    if ranges is not None:
        low, high = np.asarray(ranges, dtype=float)
        ax.vlines(range(K), low, high, color=colour("text"), linewidth=1.6)
    if expected is not None:
        ax.plot(range(K), aim, "o", color=colour("text"), markersize=6)
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
    shown = lead if abs(lead) > 1e-9 else 0.0
    ax.text(
        side + 0.7,
        (rival + aim[true]) / 2,
        f"{shown:.2f}".replace("-", "\N{MINUS SIGN}"),
        va="center",
        color=colour("true" if lead > 1e-9 else "given"),
    )
    ax.set(xlim=(-0.6, K + 3.0), ylim=(0, limit), xlabel="given label")
    ax.set_xticks(range(K))
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_bounds(-0.6, K - 0.4)
    ticks = [share for share in (0, 0.2, 0.4, 0.6, 0.8, 1.0) if share <= limit + 1e-9]
    ax.set_yticks(ticks, [f"{share:.0%}" for share in ticks])
