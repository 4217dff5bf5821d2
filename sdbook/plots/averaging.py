"""Where labels come from and what a filter leaves of them: bars by class, energy by eigenvalue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from sdbook.plots.style import colour


def class_bars(
    ax: Axes,
    values: ArrayLike,
    *,
    true: int,
    given: int,
    points: ArrayLike | None = None,
    limits: tuple[float, float] | None = None,
    class_names: Sequence[str] | None = None,
    xlabel: str = "class",
    ylabel: str = "output",
) -> None:
    """Draw one bar for each class; the true and the given label of an instance stand out.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : array of shape (K,)
        The heights of the bars: theory.
    true, given : int
        The class of the instance, and its label in the data. Where they are the same, there is
        one colour.
    points : array of shape (K,), optional
        What an experiment says about the same heights.
    limits : (low, high), optional
        The limits of the y-axis. Fix them in an explorer.
    class_names : sequence of str, optional
        Ticks for the classes; their numbers by default.
    xlabel, ylabel : str
        The latter is written above the y-axis.
    """
    heights = np.asarray(values, dtype=float)
    if heights.ndim != 1:
        raise ValueError(f"values must have shape (K,), got {heights.shape}")
    classes = np.arange(len(heights))
    colours = [_blend(colour("muted"), 0.45)] * len(heights)
    colours[given] = colour("given")
    colours[true] = colour("true")
    ax.bar(classes, heights, width=0.78, color=colours)
    ax.axhline(0, color=colour("muted"), linewidth=1)
    if points is not None:
        ax.plot(
            classes,
            np.asarray(points, dtype=float),
            "o",
            color=colour("experiment"),
            markersize=6.5,
            markeredgecolor=colour("background"),
            markeredgewidth=1.2,
        )
    if limits is not None:
        ax.set_ylim(*limits)
    ax.set_xlim(-0.6, len(heights) - 0.4)
    ax.set_xticks(classes, class_names or [str(k) for k in classes])
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(_percent)
    ax.grid(axis="y")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(ylabel, color=colour("muted"))


def energy_bars(
    ax: Axes,
    edges: ArrayLike,
    before: Sequence[ArrayLike],
    after: Sequence[ArrayLike],
    actors: Sequence[str],
    *,
    limits: tuple[float, float] | None = None,
    xlabel: str = "eigenvalue of the Gram matrix",
    ylabel: str = "energy in a direction",
) -> None:
    """Draw how much of several things lies at each eigenvalue, before and after a filter.

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
    limits : (low, high), optional
        The limits of the y-axis. Fix them in an explorer.
    xlabel, ylabel : str
        The latter is written above the y-axis.
    """
    ends = np.log(np.asarray(edges, dtype=float))
    if not len(before) == len(after) == len(actors):
        raise ValueError(
            "before, after and actors must have the same length, "
            f"got {len(before)}, {len(after)} and {len(actors)}"
        )
    step = 0.86 * np.diff(ends) / len(actors)
    ax.set_xscale("log")
    for place, (was, now, actor) in enumerate(zip(before, after, actors, strict=True)):
        left = ends[:-1] + 0.07 * np.diff(ends) + place * step
        low, width = np.exp(left), np.exp(left + step) - np.exp(left)
        for heights, face in ((was, _blend(colour(actor), 0.28)), (now, colour(actor))):
            ax.bar(low, np.asarray(heights, dtype=float), width, align="edge", color=face)
    ax.set_xlim(float(np.exp(ends[0])), float(np.exp(ends[-1])))
    powers = [10.0**k for k in range(-6, 7) if ends[0] <= np.log(10.0**k) <= ends[-1]]
    ax.set_xticks(powers, [f"{power:g}" for power in powers])
    ax.minorticks_off()
    if limits is not None:
        ax.set_ylim(*limits)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(ylabel, color=colour("muted"))


def _blend(shade: str, share: float) -> str:
    """A colour thinned with the background: opaque, so that grid lines do not shine through."""
    pairs = zip(to_rgb(shade), to_rgb(colour("background")), strict=True)
    red, green, blue = (share * top + (1 - share) * page for top, page in pairs)
    return to_hex((red, green, blue))


def _percent(share: float, _: float) -> str:
    return f"{100 * share:g}%".replace("-", "\N{MINUS SIGN}")
