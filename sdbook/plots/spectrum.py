"""What a round does to the spectrum, and whose labels an output averages."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from sdbook.plots.style import colour, mode, round_colour


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


def weight_bars(
    ax: Axes,
    weights: ArrayLike,
    right: ArrayLike,
    *,
    limits: tuple[float, float] | None = None,
    xlabel: str = "instances, by weight",
    ylabel: str = "weight",
) -> None:
    """Draw averaging weights as bars, coloured by whether the label that is averaged is right.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    weights : array of shape (n,)
        The weight of each instance's label, in the order in which they are drawn.
    right : array of bool, shape (n,)
        Whether that label is the true class of the instance whose output is explained.
    limits : (low, high), optional
        The limits of the y-axis. Fix them in an explorer.
    xlabel, ylabel : str
        The latter is written above the y-axis.
    """
    heights = np.asarray(weights, dtype=float)
    flags = np.asarray(right, dtype=bool)
    if heights.ndim != 1 or heights.shape != flags.shape:
        raise ValueError(
            "weights and right must be one-dimensional and equally long, "
            f"got shapes {heights.shape} and {flags.shape}"
        )
    bars = np.where(flags, colour("clean"), colour("corrupted"))
    ax.bar(np.arange(1, len(heights) + 1), heights, width=0.82, color=bars)
    ax.axhline(0, color=colour("muted"), linewidth=1)
    if limits is not None:
        ax.set_ylim(*limits)
    ax.set_xlim(0.4, len(heights) + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    ax.grid(axis="y")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(ylabel, color=colour("muted"))


def digit_strip(
    figure: Figure,
    images: ArrayLike,
    weights: ArrayLike | None,
    labels: Sequence[object],
    right: ArrayLike,
    *,
    bounds: tuple[float, float, float, float] = (0.02, 0.05, 0.96, 0.9),
    columns: int | None = None,
) -> list[Axes]:
    """Draw small images in a row, each with its weight and its given label underneath.

    A tick or a cross, and the colour, say whether the label is right.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    images : array of shape (n, height, width)
    weights : array of shape (n,) or None
        None for images that carry no weight: then only the labels are written.
    labels : sequence of length n
        What is written: the given label of each image.
    right : array of bool, shape (n,)
    bounds : (left, bottom, width, height)
        The part of the figure that the strip fills, in shares of the figure.
    columns : int, optional
        Start a new row after so many images; all in one row by default.

    Returns
    -------
    list of matplotlib.axes.Axes
        One for each image.
    """
    pictures = np.asarray(images, dtype=float)
    shares = None if weights is None else np.asarray(weights, dtype=float)
    flags = np.asarray(right, dtype=bool)
    lengths = {len(pictures), len(labels), len(flags)} | (
        set() if shares is None else {len(shares)}
    )
    if pictures.ndim != 3 or len(lengths) > 1:
        raise ValueError(
            "images must have shape (n, height, width), and weights, labels and right length n, "
            f"got {pictures.shape} and lengths {sorted(lengths)}"
        )
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    left, bottom, width, height = bounds
    grid = figure.add_gridspec(
        rows,
        columns,
        left=left,
        right=left + width,
        bottom=bottom,
        top=bottom + height,
        wspace=0.15,
        hspace=0.75,
    )
    axes = []
    for i, picture in enumerate(pictures):
        ax = figure.add_subplot(grid[i // columns, i % columns], anchor="N")
        ax.imshow(picture, cmap="gray" if mode() == "dark" else "gray_r")
        ax.set(xticks=[], yticks=[])
        actor = "clean" if flags[i] else "corrupted"
        for spine in ax.spines.values():
            spine.set(visible=True, color=colour(actor), linewidth=1.6)
        mark = "✓" if flags[i] else "✗"
        text = f"{labels[i]} {mark}"
        if shares is not None:
            text += f"\n{100 * shares[i]:.1f}%".replace("-", "\N{MINUS SIGN}")
        ax.set_xlabel(text, color=colour(actor), labelpad=4)
        axes.append(ax)
    return axes
