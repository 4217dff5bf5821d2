"""The eigenvalues of the Gram matrix, and what rounds of distillation keep at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from sdbook.book.figures._check import Floats, positive, same_length
from sdbook.book.figures.style import colour, faded, percent_ticks, round_colour


def filter_curves(
    ax: Axes,
    eigenvalues: ArrayLike,
    shrinkage: float,
    rounds: Sequence[float],
    *,
    limits: tuple[float, float],
    xlabel: str = "eigenvalue of the Gram matrix",
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
    limits : (low, high)
        The limits of the x-axis.
    xlabel : str

    Raises
    ------
    ValueError
        If `shrinkage` or all eigenvalues are not above zero.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import filter_curves
    >>> filter_curves(Figure().add_subplot(), [0.1, 1, 20], 0.5, [1, 4], limits=(0.01, 100))
    """
    positive("shrinkage", shrinkage)
    values = np.asarray(eigenvalues, dtype=float).ravel()
    values = values[values > 1e-12 * values.max(initial=0)]
    if not values.size:
        raise ValueError("eigenvalues must have one entry > 0 or more, got none.")
    low, high = limits
    s = np.geomspace(low, high, 400)
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(-0.075, 1.02)
    for t in rounds:
        shade = round_colour(t, max(2, ceil(max(rounds))))
        ax.plot(s, (s / (shrinkage + s)) ** t, color=shade, label=f"t = {t:g}")
    _label_filters(ax, shrinkage, rounds, low, high)
    eigenvalue_ticks(ax, values, limits)
    ax.set_yticks([0, 0.5, 1])
    percent_ticks(ax.yaxis)
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)
    ax.set_title("share that is kept", color=colour("muted"))


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


def eigenvalue_ticks(ax: Axes, eigenvalues: Floats, limits: tuple[float, float]) -> None:
    """Mark the eigenvalues that lie between the limits with short lines at the foot of the axes."""
    shown = eigenvalues[(limits[0] <= eigenvalues) & (eigenvalues <= limits[1])]
    ax.vlines(
        shown,
        0,
        0.055,
        color=colour("accent"),
        linewidth=1.4,
        alpha=float(np.clip(40 / max(len(shown), 1), 0.25, 1)),
        transform=ax.get_xaxis_transform(),
        label="eigenvalues",
    )


def energy_bars(
    ax: Axes,
    edges: ArrayLike,
    before: Sequence[ArrayLike],
    after: Sequence[ArrayLike],
    actors: Sequence[str],
    *,
    names: Sequence[str],
    limits: tuple[float, float],
    ylabel: str,
    xlabel: str = "eigenvalue of the Gram matrix",
) -> None:
    """Draw how much of several quantities lies at each eigenvalue, before and after a filter.

    In each bin of eigenvalues there is one bar for each actor: pale up to what was there, solid
    up to what is left.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    edges : array of shape (bins + 1,)
        Ends of the bins, on a logarithmic axis.
    before, after : sequence of arrays of shape (bins,)
        One array for each actor.
    actors : sequence of str
        Whose colours the bars take.
    names : sequence of str
        What to write about each actor, in its colour.
    limits : (low, high)
        The limits of the y-axis.
    ylabel : str
        Written above the y-axis.
    xlabel : str

    Raises
    ------
    ValueError
        If `before`, `after`, `actors` and `names` differ in length, or an edge is not above zero.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.spectrum import energy_bars
    >>> look = {"names": ["truth", "noise"], "limits": (0, 5), "ylabel": "energy"}
    >>> ax, before, after = Figure().add_subplot(), [[1, 4], [2, 2]], [[0.1, 3], [0.2, 1]]
    >>> energy_bars(ax, [1, 10, 100], before, after, ["true", "given"], **look)
    """
    ends = np.log(positive("edges", edges))
    same_length(before=before, after=after, actors=actors, names=names)
    step = 0.86 * np.diff(ends) / len(actors)
    ax.set_xscale("log")
    for place, (was, now, actor, name) in enumerate(zip(before, after, actors, names, strict=True)):
        left = ends[:-1] + 0.07 * np.diff(ends) + place * step
        low, width = np.exp(left), np.exp(left + step) - np.exp(left)
        for kind, heights, face in (
            ("before", was, faded(colour(actor), 0.28)),
            ("after", now, colour(actor)),
        ):
            shown = np.asarray(heights, dtype=float)
            ax.bar(low, shown, width, align="edge", color=face, label=f"{kind}: {name}")
        ax.text(0.03, 0.86 - 0.12 * place, name, color=colour(actor), transform=ax.transAxes)
    ax.set_xlim(float(np.exp(ends[0])), float(np.exp(ends[-1])))
    powers = [10.0**k for k in range(-6, 7) if ends[0] <= np.log(10.0**k) <= ends[-1]]
    ax.set_xticks(powers, [f"{power:g}" for power in powers])
    ax.minorticks_off()
    ax.set_ylim(*limits)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(ylabel, color=colour("muted"))
