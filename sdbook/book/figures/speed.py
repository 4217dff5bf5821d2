"""How long things take: the course of a slow method, ratios of times, growth with size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from sdbook.book.figures.style import colour, label_line
from sdbook.book.figures.text import power_of_ten


def residual_course(
    ax: Axes,
    seconds: ArrayLike,
    residuals: ArrayLike,
    exact: tuple[float, float],
    *,
    names: tuple[str, str] = ("projected Adam", "exact solve"),
) -> None:
    """Draw how a residual falls with time, and the one point of a method that is done.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Both axes become logarithmic.
    seconds, residuals : array of shape (n,)
        The course of the slow method, all positive.
    exact : (seconds, residual)
        Where the other method has arrived, and when.
    names : (str, str)
    """
    times, values = _positive("seconds", seconds), _positive("residuals", residuals)
    if times.shape != values.shape:
        raise ValueError(
            f"seconds and residuals must have the same length, got {len(times)} and {len(values)}"
        )
    at, reached = _positive("exact", exact)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.plot(times, values, "o-", color=colour("corrupted"))
    ax.plot([at], [reached], "o", markersize=10, color=colour("student"))
    ax.set_xlim(min(at, times.min()) / 3, max(at, times.max()) * 3)
    ax.set_ylim(min(reached, values.min()) / 30, max(reached, values.max()) * 30)
    label_line(ax, at, reached, names[1], colour("student"), gap=10)
    ax.annotate(
        names[0],
        (times[0], values[0]),
        xytext=(0, 10),
        textcoords="offset points",
        color=colour("corrupted"),
    )
    ax.set_xlabel("seconds")
    ax.set_title("squared residual", color=colour("muted"))


def time_ratios(
    ax: Axes,
    ratios: Mapping[str, Mapping[str, float]],
    *,
    maximum: float,
    title: str = "time, in units of ours",
) -> None:
    """Draw how many times longer others take: one row each, a mark for each precision.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The x-axis becomes logarithmic, and starts left of one, which is our time.
    ratios : mapping of str to mapping of str to float
        By name from top to bottom, and in it by precision, "float64" filled, all others open. An
        empty one says that there was nothing to measure.
    maximum : float
        Right end of the axis.
    title : str
    """
    for row, (name, by_precision) in enumerate(ratios.items()):
        values = _positive(f"ratios[{name!r}]", list(by_precision.values()))
        ink = colour("corrupted")
        if not by_precision:
            ax.text(1.1, row, "not possible", va="center", color=colour("muted"))
            continue
        ax.plot([1, values.max()], [row, row], color=colour("grid"), linewidth=3, zorder=1)
        for precision, ratio in by_precision.items():
            filled = ink if precision == "float64" else colour("background")
            ax.plot([ratio], [row], "o", markersize=8, color=ink, markerfacecolor=filled, zorder=2)
    ax.set_xscale("log")
    ax.set_xlim(0.5, maximum * 2)
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


def growth_panels(
    figure: Figure, curves: Mapping[str, tuple[Sequence[float], Sequence[float], float]]
) -> None:
    """Draw time over size on log axes, a panel for each kind of size, with the fitted slope.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    curves : mapping of str to (sizes, seconds, slope)
        By the name of what grows. All panels share their y-axis.
    """
    if not curves:
        raise ValueError("curves must have at least one entry, got none")
    rows = -(-len(curves) // 2)
    all_seconds = [second for _, seconds, _ in curves.values() for second in seconds]
    every = _positive("curves", all_seconds)
    low, high = every.min() / 1.6, every.max() * 1.6
    for index, (name, (sizes, seconds, slope)) in enumerate(curves.items()):
        ax = figure.add_subplot(rows, 2, index + 1)
        x, y = _positive(f"curves[{name!r}]", sizes), np.asarray(seconds, dtype=float)
        ax.set_xscale("log")
        ax.set_yscale("log")
        # The fitted line goes through the mean of the logarithms.
        fitted = np.exp(np.log(y).mean() + slope * (np.log(x) - np.log(x).mean()))
        ax.plot(x, fitted, color=colour("theory"), linewidth=1)
        ax.plot(x, y, "o", color=colour("experiment"))
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


def _positive(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if array.size and not (np.isfinite(array).all() and array.min() > 0):
        raise ValueError(f"{name} must be positive numbers, got {values!r}")
    return array
