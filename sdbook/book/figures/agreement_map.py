"""Where the closed form and the exact optimum agree: a table in colours, and rounds in brackets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike, NDArray

from sdbook.book.figures.style import colour, label_line, sequential

Floats = NDArray[np.float64]


def agreement_map(
    ax: Axes,
    values: ArrayLike,
    texts: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    maximum: float,
    xlabel: str,
    ylabel: str,
    title: str,
) -> None:
    """Draw a table of disagreement: the stronger the colour, the less two models agree.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : array of shape (rows, columns)
        Disagreement; zero is the background of the page. Cells that are not finite are left out.
    texts : sequence of sequences of str, of the same shape
        What is written into each cell.
    rows, columns : sequence of str
        Their names, from the bottom and from the left; an empty one stays without a tick.
    maximum : float
        The value that gets the strongest colour.
    xlabel, ylabel, title : str
        The name of the y-axis stands above it, with the title.
    """
    table = np.asarray(values, dtype=float)
    shape = (len(rows), len(columns))
    if table.shape != shape or [len(row) for row in texts] != [shape[1]] * shape[0]:
        raise ValueError(
            f"values and texts must have one entry for each of {shape[0]} rows and {shape[1]} "
            f"columns, got {table.shape} and {[len(row) for row in texts]}"
        )
    if not maximum > 0:
        raise ValueError(f"maximum must be positive, got {maximum}")
    shares = np.clip(table / maximum, 0, 1)
    ramp = sequential()
    ax.imshow(
        np.ma.masked_invalid(shares), cmap=ramp, vmin=0, vmax=1, origin="lower", aspect="auto"
    )
    for (row, column), share in np.ndenumerate(shares):
        seen = np.isfinite(share)
        ink = _ink(ramp(share)[:3]) if seen else colour("muted")
        ax.text(column, row, texts[row][column], ha="center", va="center", color=ink)
    for edges, draw in ((shape[1], ax.axvline), (shape[0], ax.axhline)):
        for edge in range(1, edges):
            draw(edge - 0.5, color=colour("background"), linewidth=1.5)
    ax.set_xticks([i for i, name in enumerate(columns) if name], [n for n in columns if n])
    ax.set_yticks([i for i, name in enumerate(rows) if name], [n for n in rows if n])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color(colour("grid"))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title, color=colour("muted"))


def _ink(background: tuple[float, float, float]) -> str:
    """The colour of text, or that of the page, whichever stands out more on a filled colour."""

    def luminance(rgb: tuple[float, float, float]) -> float:
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    def contrast(name: str) -> float:
        low, high = sorted([luminance(to_rgb(colour(name))), luminance(background)])
        return (high + 0.05) / (low + 0.05)

    return colour(max(("text", "background"), key=contrast))


def brackets(
    ax: Axes,
    low: ArrayLike,
    exact: ArrayLike,
    high: ArrayLike,
    *,
    limit: float,
    key: bool = True,
    title: str = "rounds until all are right",
) -> None:
    """Draw for each setting the bracket of two predictions, and where the exact number lies.

    Settings are sorted by their bracket. Exact numbers inside it are small points, those outside
    large ones in the colour of what is wrong.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    low, exact, high : array of shape (settings,)
        Numbers of rounds, at least 1.
    limit : float
        Upper end of the (logarithmic) y-axis.
    key : bool
        Whether to explain a bracket in the upper left corner.
    title : str
    """
    ends = [np.asarray(numbers, dtype=float) for numbers in (low, exact, high)]
    if len({numbers.shape for numbers in ends}) != 1 or ends[0].ndim != 1 or not ends[0].size:
        raise ValueError(
            "low, exact and high must have one number for each setting, "
            f"got shapes {', '.join(str(numbers.shape) for numbers in ends)}"
        )
    if min(numbers.min() for numbers in ends) < 1:
        raise ValueError("low, exact and high must be at least 1 round")
    order = np.lexsort((ends[1], ends[2], ends[0]))
    bottom, middle, top = (numbers[order] for numbers in ends)
    x = np.arange(len(order), dtype=float)
    _bracket(ax, x, bottom, top)
    outside = (middle < bottom) | (middle > top)
    ax.plot(x[~outside], middle[~outside], "o", color=colour("experiment"), markersize=4)
    ax.plot(x[outside], middle[outside], "o", color=colour("corrupted"), markersize=7)
    ax.set_yscale("log")
    ax.set_ylim(0.85, limit)
    ticks = [t for t in (1, 2, 3, 5, 10, 20, 50, 100, 200) if t < limit]
    ax.set_yticks(ticks, [str(t) for t in ticks])
    ax.set_xticks([])
    ax.set_xlim(-1, len(order))
    ax.set_title(title, color=colour("muted"))
    if key:
        sample = ax.inset_axes((0.04, 0.62, 0.4, 0.32))
        sample.axis("off")
        sample.set(xlim=(-0.5, 6), ylim=(0.5, 3.5))
        _bracket(sample, np.zeros(1), np.ones(1), np.full(1, 3.0))
        sample.plot([0], [2], "o", color=colour("experiment"), markersize=5)
        for y, name, actor in (
            (1, "optimist", "theory"),
            (2, "exact", "experiment"),
            (3, "pessimist", "theory"),
        ):
            label_line(sample, 0, y, name, colour(actor))


def _bracket(ax: Axes, x: Floats, low: Floats, high: Floats) -> None:
    ink = colour("theory")
    ax.vlines(x, low, high, color=ink, linewidth=1.2, alpha=0.45)
    for end in (low, high):
        ax.plot(x, end, "_", color=ink, markersize=5)
