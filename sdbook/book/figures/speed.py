"""Speed: how long solvers take, compared with each other and over the size of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from sdbook.book.figures._check import positive, same_length
from sdbook.book.figures.style import colour, label_line
from sdbook.book.figures.text import power_of_ten


def residual_over_time(
    ax: Axes,
    seconds: ArrayLike,
    residuals: ArrayLike,
    exact: tuple[float, float],
) -> None:
    """Draw how the residual of projected Adam falls with time, and where the exact solve ends.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Both axes become logarithmic.
    seconds, residuals : array of shape (n,)
        Of projected Adam, above zero.
    exact : (seconds, residual)
        Of the exact solve, above zero.

    Raises
    ------
    ValueError
        If a number is not above zero, or `seconds` and `residuals` differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.speed import residual_over_time
    >>> residual_over_time(Figure().add_subplot(), [1, 10], [0.1, 0.01], (0.05, 1e-12))
    """
    times, values = positive("seconds", seconds), positive("residuals", residuals)
    same_length(seconds=times, residuals=values)
    at, reached = positive("exact", exact)
    ax.set_xscale("log")
    ax.set_yscale("log")
    slow, fast = ("projected Adam", colour("corrupted")), ("exact solve", colour("student"))
    ax.plot(times, values, "o-", color=slow[1], label=slow[0])
    ax.plot([at], [reached], "o", markersize=10, color=fast[1], label=fast[0])
    ax.set_xlim(min(at, times.min()) / 3, max(at, times.max()) * 3)
    ax.set_ylim(min(reached, values.min()) / 30, max(reached, values.max()) * 30)
    label_line(ax, at, reached, *fast, gap=10)
    start = (times[0], values[0])
    ax.annotate(slow[0], start, xytext=(0, 10), textcoords="offset points", color=slow[1])
    ax.set_xlabel("seconds")
    ax.set_title("squared residual", color=colour("muted"))


def time_ratios(
    ax: Axes,
    ratios: Mapping[str, Mapping[str, float]],
    *,
    maximum: float,
    title: str,
) -> None:
    """Draw how many times longer other solvers take: one row each, a mark for each precision.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The x-axis becomes logarithmic. The line at one is the time of the solver of this library;
        what is left of it takes less.
    ratios : mapping of str to mapping of str to float
        By name from top to bottom, and in it by precision, "float64" filled, all others open. An
        empty one says that there was nothing to measure.
    maximum : float
        The largest number of times; the axis ends at twice as much.
    title : str
        Written above the axes.

    Raises
    ------
    ValueError
        If a ratio is not above zero.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.speed import time_ratios
    >>> ratios = {"L-BFGS": {"float64": 4.0, "float32": 6.0}, "Newton": {}}
    >>> time_ratios(Figure().add_subplot(), ratios, maximum=6, title="time, in units of ours")
    """
    least = 1.0
    for row, (name, by_precision) in enumerate(ratios.items()):
        values = positive(f"ratios[{name!r}]", list(by_precision.values()))
        ink = colour("corrupted")
        if not by_precision:
            ax.text(1.1, row, "not possible", va="center", color=colour("muted"))
            continue
        least = min(least, values.min())
        ends = [min(1, values.min()), max(1, values.max())]
        ax.plot(ends, [row, row], color=colour("grid"), linewidth=3, zorder=1)
        for precision, ratio in by_precision.items():
            filled = ink if precision == "float64" else colour("background")
            look: dict[str, Any] = {
                "color": ink,
                "markerfacecolor": filled,
                "markersize": 8,
                "zorder": 2,
            }
            ax.plot([ratio], [row], "o", label=f"{name}, {precision}", **look)
    ax.set_xscale("log")
    ax.set_xlim(least / 2, maximum * 2)
    ax.axvline(1, color=colour("student"))
    ax.set_ylim(len(ratios) - 0.5, -0.5)
    ax.set_yticks(range(len(ratios)), list(ratios))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    steps = (1, 3, 10, 30) if maximum < 100 else (1, 10, 100, 1000, 10_000)
    ticks = [tick for tick in steps if tick <= maximum]
    ax.set_xticks(ticks, [f"{tick:,}×" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_title(title, color=colour("muted"))


def time_over_size(
    figure: Figure, curves: Mapping[str, tuple[Sequence[float], Sequence[float], float]]
) -> None:
    """Draw time over size on log axes, a panel for each kind of size, with the fitted slope.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    curves : mapping of str to (sizes, seconds, slope)
        By the name of what grows. Sizes and seconds are above zero and of the same length. All
        panels share their y-axis. The fitted line goes through the mean of the logarithms.

    Raises
    ------
    ValueError
        If there is no curve, or a size or time is not above zero.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.speed import time_over_size
    >>> time_over_size(Figure(), {"instances": ([100, 1000], [0.1, 1.0], 1.0)})
    """
    if not curves:
        raise ValueError("curves must have at least one entry, got none.")
    rows = -(-len(curves) // 2)
    all_seconds = [second for _, seconds, _ in curves.values() for second in seconds]
    every = positive("curves", all_seconds)
    low, high = every.min() / 1.6, every.max() * 1.6
    for index, (name, (sizes, seconds, slope)) in enumerate(curves.items()):
        ax = figure.add_subplot(rows, 2, index + 1)
        x, y = positive(f"curves[{name!r}]", sizes), np.asarray(seconds, dtype=float)
        ax.set_xscale("log")
        ax.set_yscale("log")
        fitted = np.exp(np.log(y).mean() + slope * (np.log(x) - np.log(x).mean()))
        ax.plot(x, fitted, color=colour("theory"), linewidth=1, label="fitted")
        ax.plot(x, y, "o", color=colour("experiment"), label="measured")
        ax.set_ylim(low, high)
        ticks = x[:: -(-len(x) // 3)]
        ax.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        ax.set_xticks([], minor=True)
        decades = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
        marks = [10.0**power for power in decades]
        shown = [power_of_ten(mark) for mark in marks]
        ax.set_yticks(marks, shown if index % 2 == 0 else [""] * len(marks))
        ax.set_yticks([], minor=True)
        ax.set_title(f"{name}: slope {slope:.1f}", color=colour("text"))
        if index % 2 == 0:
            ax.set_ylabel("seconds")
    figure.subplots_adjust(left=0.14, right=0.97, top=0.93, bottom=0.08, hspace=0.4, wspace=0.22)
