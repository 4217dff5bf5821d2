"""Accuracy over two axes as an image, with the boundary that theory predicts as a line."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from sdbook.book.figures.style import colour, frame, percent_ticks, sequential


def phase_diagram(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    accuracy: ArrayLike,
    *,
    boundary: tuple[ArrayLike, ArrayLike],
    log: bool = False,
    key: bool = True,
    xlabel: str = "share of wrong labels",
    ylabel: str = "round",
    title: str = "accuracy",
) -> None:
    """Draw accuracy as an image over two axes, and a predicted boundary as a line on top.

    Zero is the background of the page and one the strongest colour, on light and dark pages. Each
    value fills the cell around its point; cells meet halfway between points.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : array of shape (columns,) and (rows,)
        Ascending; at least two of each. The first row of the image is at the bottom. Whole
        numbers on the y-axis (rounds) get a tick each where they fit.
    accuracy : array of shape (rows, columns)
        Shares from 0 to 1. What is not finite stays empty.
    boundary : (xs, ys)
        Points of a line. It leaves the image where a point is infinite, and has a gap where it is
        not a number. `staircase` makes one that follows the cells of whole rounds.
    log : bool
        Whether the y-axis is logarithmic.
    key : bool
        Whether to draw what the colours mean, above the image on the right.
    xlabel, ylabel, title : str
        The last says what the colours show.

    Raises
    ------
    ValueError
        If `x` or `y` do not ascend, shapes do not fit, or an accuracy is not a share.

    See Also
    --------
    staircase : The boundary between cells, from the least number of rounds in each column.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import theme
    >>> from sdbook.book.figures.phase import phase_diagram, staircase
    >>> rates, rounds, least = [0.2, 0.4, 0.6], [1, 2, 3, 4], [1, 2, 4]
    >>> right = [[1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]
    >>> with theme("dark"):
    ...     ax = Figure().add_subplot()
    ...     phase_diagram(ax, rates, rounds, right, boundary=staircase(rates, least))
    """
    columns, rows = _ascending("x", x), _ascending("y", y, positive=log)
    values = np.asarray(accuracy, dtype=float)
    if values.shape != (len(rows), len(columns)):
        raise ValueError(
            f"accuracy must have shape (rows, columns) = ({len(rows)}, {len(columns)}), "
            f"got {values.shape}."
        )
    finite = values[np.isfinite(values)]
    if finite.size and not (finite.min() >= -1e-9 and finite.max() <= 1 + 1e-9):
        raise ValueError(
            f"accuracy must be shares from 0 to 1, got {finite.min():g} to {finite.max():g}."
        )
    x_edges = _edges(columns)
    y_edges = np.exp(_edges(np.log(rows))) if log else _edges(rows)
    ax.pcolormesh(
        x_edges,
        y_edges,
        np.ma.masked_invalid(values),
        cmap=sequential(),
        vmin=0,
        vmax=1,
        edgecolors="none",
        antialiased=False,
    )
    if log:
        ax.set_yscale("log")
    ax.set_xlim(x_edges[0], x_edges[-1])
    ax.set_ylim(y_edges[0], y_edges[-1])
    _draw_boundary(ax, *boundary)
    _ticks(ax, rows)
    frame(ax, colour("muted"))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    # With y given, matplotlib does not lift the title above the key.
    ax.set_title(title, color=colour("muted"), y=1.0)
    if key:
        _draw_key(ax)


def staircase(x: ArrayLike, least: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the line below the cells that count, from the first whole round in each column.

    Parameters
    ----------
    x : array of shape (columns,)
        The columns of a phase diagram, ascending.
    least : array of shape (columns,)
        In each column the first round that counts; infinite where there is none.

    Returns
    -------
    xs, ys : arrays of shape (2 columns,)
        Corners: half a round below the least one, over the width of each column.

    Raises
    ------
    ValueError
        If `x` does not ascend, or `least` has another shape.

    Examples
    --------
    >>> from sdbook.book.figures.phase import staircase
    >>> xs, ys = staircase([1, 2], [3, 5])
    >>> print(xs, ys)
    [0.5 1.5 1.5 2.5] [2.5 2.5 4.5 4.5]
    """
    columns = _ascending("x", x)
    first = np.asarray(least, dtype=float)
    if first.shape != columns.shape:
        raise ValueError(f"least must have shape {columns.shape}, as x, got {first.shape}.")
    edges = _edges(columns)
    return np.repeat(edges, 2)[1:-1], np.repeat(first - 0.5, 2)


def _ascending(name: str, values: ArrayLike, *, positive: bool = False) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim != 1 or len(numbers) < 2 or not (np.diff(numbers) > 0).all():
        raise ValueError(f"{name} must be two or more ascending numbers, got {values!r}.")
    if positive and numbers[0] <= 0:
        raise ValueError(f"{name} must be > 0 on a logarithmic axis, got {numbers[0]:g}.")
    return numbers


def _edges(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where cells around points meet: halfway; the outer cells are symmetric."""
    middles = (points[:-1] + points[1:]) / 2
    return np.r_[2 * points[0] - middles[0], middles, 2 * points[-1] - middles[-1]]


def _draw_boundary(ax: Axes, xs: ArrayLike, ys: ArrayLike) -> None:
    """Draw a line that can be seen on every colour of the image."""
    line = np.asarray(ys, dtype=float)
    low, high = ax.get_ylim()
    # An infinite point lies far outside, so that the line leaves the image instead of ending in it.
    line = np.where(np.isposinf(line), high + 10 * (high - low), line)
    ax.plot(
        np.asarray(xs, dtype=float),
        line,
        color=colour("theory"),
        linewidth=2.2,
        solid_joinstyle="miter",
        path_effects=[withStroke(linewidth=5.5, foreground=colour("background"))],
        zorder=3,
        label="boundary",
    )


def _ticks(ax: Axes, rows: NDArray[np.float64]) -> None:
    """Percentages below; whole rounds on the left, as many as there is room for."""
    percent_ticks(ax.xaxis)
    if (rows == rows.round()).all():
        room = _inches(ax) / 0.25
        first, span = rows[0], np.ptp(rows)
        step = next((s for s in (1, 2, 5, 10, 20, 50, 100) if span / s < room), span)
        ticks = [first, *(r for r in rows if r % step == 0 and r - first > step / 2)]
        ax.yaxis.set_major_locator(FixedLocator(ticks))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter("{x:g}")
    ax.tick_params(length=0)


def _inches(ax: Axes) -> float:
    return float(ax.bbox.height / ax.figure.dpi)


def _draw_key(ax: Axes) -> None:
    """Draw the scale of colours above the right end of the axes, at the height of the title."""
    inch = 1 / _inches(ax)
    strip = ax.inset_axes((0.74, 1 + 0.105 * inch, 0.14, 0.12 * inch))
    strip.imshow(np.linspace(0, 1, 32)[None], cmap=sequential(), aspect="auto", vmin=0, vmax=1)
    strip.set(xticks=[], yticks=[])
    frame(strip, colour("muted"))
    for x, text, align in ((-0.08, "0%", "right"), (1.08, "100%", "left")):
        strip.text(
            x,
            0.5,
            text,
            color=colour("muted"),
            ha=align,
            va="center_baseline",
            transform=strip.transAxes,
        )
