"""What rounds do to the spectrum of the Gram matrix."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, round_colour


def filter_curves(
    ax: Axes,
    eigenvalues: ArrayLike,
    shrinkage: float,
    rounds: Sequence[float],
    *,
    limits: tuple[float, float] | None = None,
    xlabel: str = "eigenvalue of the Gram matrix",
    ylabel: str = "share that is kept",
) -> None:
    """Draw what t rounds keep of each eigenvector, ``(s / (a + s)) ** t``, over its eigenvalue s.

    The eigenvalues themselves are short ticks along the x-axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    eigenvalues : array of shape (n,)
        Those that are zero or negative by rounding are left out: they keep nothing.
    shrinkage : float
        The eigenvalue a of which one round keeps one half.
    rounds : sequence of float
        The numbers of rounds t to draw, in ascending order.
    limits : (low, high), optional
        The limits of the x-axis. Fix them in an explorer.
    xlabel, ylabel : str
        The latter is written above the y-axis.
    """
    if shrinkage <= 0:
        raise ValueError(f"shrinkage must be positive, got {shrinkage}")
    values = np.asarray(eigenvalues, dtype=float).ravel()
    values = values[values > 1e-12 * values.max(initial=0)]
    if not values.size:
        raise ValueError("eigenvalues must contain a positive number, got none")
    low, high = limits or (values.min() / 2, values.max() * 2)
    s = np.geomspace(low, high, 400)
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(-0.075, 1.02)
    for t in rounds:
        ax.plot(s, (s / (shrinkage + s)) ** t, color=round_colour(t, max(2, ceil(max(rounds)))))
    _label_filters(ax, shrinkage, rounds, low, high)
    ticks = values[(low <= values) & (values <= high)]
    # Mixed coordinates: where they are on the data axis, at the foot of the panel.
    ax.vlines(
        ticks,
        0,
        0.055,
        color=colour("accent"),
        linewidth=1.4,
        alpha=float(np.clip(40 / len(ticks), 0.25, 1)) if len(ticks) else 1,
        transform=ax.get_xaxis_transform(),
    )
    ax.set_yticks([0, 0.5, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="%"))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(ylabel, color=colour("muted"))


def _label_filters(
    ax: Axes, shrinkage: float, rounds: Sequence[float], low: float, high: float
) -> None:
    """Name each curve where it passes a height; heights descend, so that neighbours keep apart."""
    heights = np.linspace(0.82, 0.3, len(rounds)) if len(rounds) > 1 else [0.5]
    for t, height in zip(rounds, heights, strict=True):
        root = height ** (1 / t)
        s = shrinkage * root / (1 - root)
        if low < s < high:
            ax.annotate(
                f"t = {t:g}",
                (s, height),
                ha="center",
                va="center",
                color=round_colour(t, max(2, ceil(max(rounds)))),
                bbox={"facecolor": colour("background"), "edgecolor": "none", "pad": 2},
            )
