"""Agreement of closed form and exact optimum (chapter 11), and the work of preconditioning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike

from sdbook.book.figures._check import Floats, positive
from sdbook.book.figures.style import colour, frame, label_line, sequential
from sdbook.book.figures.text import power_of_ten


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
        The title says what the colours show.

    Raises
    ------
    ValueError
        If shapes do not fit, or `maximum` is not above zero.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.agreement import agreement_map
    >>> words = {"xlabel": "penalty λ", "ylabel": "instances a class", "title": "rounds missed"}
    >>> names = {"rows": ["5", "50"], "columns": ["0.1", "0.01"]}
    >>> ax, values, texts = Figure().add_subplot(), [[0, 1], [2, 4]], [["0", "+1"], ["+2", "+4"]]
    >>> agreement_map(ax, values, texts, maximum=4, **names, **words)
    """
    table = np.asarray(values, dtype=float)
    shape = (len(rows), len(columns))
    if table.shape != shape or [len(row) for row in texts] != [shape[1]] * shape[0]:
        raise ValueError(
            f"values and texts must have one entry for each of {shape[0]} rows and {shape[1]} "
            f"columns, got {table.shape} and {[len(row) for row in texts]}."
        )
    positive("maximum", maximum)
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
    frame(ax, colour("grid"))
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


def round_brackets(
    ax: Axes,
    low: ArrayLike,
    exact: ArrayLike,
    high: ArrayLike,
    *,
    limit: float,
    key: bool,
    title: str,
) -> None:
    """Draw for each setting two predicted numbers of rounds, and where the exact one lies.

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
        Written above the y-axis.

    Raises
    ------
    ValueError
        If the three differ in length, or a number is below 1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.agreement import round_brackets
    >>> ax, look = Figure().add_subplot(), {"limit": 30, "key": True, "title": "rounds"}
    >>> round_brackets(ax, [4, 1, 2], [3, 2, 2], [9, 2, 5], **look)
    """
    ends = [np.asarray(numbers, dtype=float) for numbers in (low, exact, high)]
    if len({numbers.shape for numbers in ends}) != 1 or ends[0].ndim != 1 or not ends[0].size:
        raise ValueError(
            "low, exact and high must have one number for each setting, "
            f"got shapes {', '.join(str(numbers.shape) for numbers in ends)}."
        )
    if (least := min(numbers.min() for numbers in ends)) < 1:
        raise ValueError(f"low, exact and high must be >= 1 round, got {least:g}.")
    order = np.lexsort((ends[1], ends[2], ends[0]))
    bottom, middle, top = (numbers[order] for numbers in ends)
    x = np.arange(len(order), dtype=float)
    _bracket(ax, x, bottom, top)
    outside = (middle < bottom) | (middle > top)
    for name, chosen, actor, size in (
        ("inside", ~outside, "experiment", 4),
        ("outside", outside, "corrupted", 7),
    ):
        shade = colour(actor)
        ax.plot(x[chosen], middle[chosen], "o", color=shade, markersize=size, label=name)
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
    ax.vlines(x, low, high, color=ink, linewidth=1.2, alpha=0.45, label="brackets")
    for end in (low, high):
        ax.plot(x, end, "_", color=ink, markersize=5)


def eigenvalue_strips(
    ax: Axes,
    spectra: Mapping[str, ArrayLike],
    actors: Mapping[str, str],
    *,
    interval: tuple[float, float],
    limits: tuple[float, float],
    title: str,
) -> None:
    """Draw each spectrum as a row of short lines, one for each eigenvalue.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    spectra : mapping of str to array
        Positive eigenvalues by name, from top to bottom.
    actors : mapping of str to str
        The actor whose colour each spectrum has.
    interval : (low, high)
        Shaded behind the last strip: where its eigenvalues must lie. An end at or beyond the
        limits is drawn at the limit.
    limits : (low, high)
        Of the logarithmic axis.
    title : str
        Written above the axes.

    Raises
    ------
    ValueError
        If an eigenvalue is not above zero.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.agreement import eigenvalue_strips
    >>> spectra = {"before": [0.1, 10], "after": [0.5, 1, 2]}
    >>> actors = {"before": "corrupted", "after": "student"}
    >>> look = {"interval": (0.4, 4), "limits": (0.01, 100), "title": "eigenvalues"}
    >>> eigenvalue_strips(Figure().add_subplot(), spectra, actors, **look)
    """
    ax.set_xscale("log")
    ax.set_xlim(*limits)
    ax.set_ylim(len(spectra) - 0.45, -0.55)
    for row, (name, spectrum) in enumerate(spectra.items()):
        values = positive(f"spectra[{name!r}]", spectrum)
        if row == len(spectra) - 1:
            low, high = np.clip(interval, *limits)
            edges, shade = (row - 0.32, row + 0.32), colour("grid")
            ax.fill_between([low, high], *edges, color=shade, zorder=0, label="interval")
        ink = colour(actors[name])
        ax.vlines(values, row - 0.22, row + 0.22, color=ink, linewidth=1, alpha=0.7, label=name)
        place = ax.get_yaxis_transform()
        ax.text(0, row - 0.42, name, color=ink, va="center", transform=place)
    decades = np.arange(np.ceil(np.log10(limits[0])), np.floor(np.log10(limits[1])) + 1)
    step = max(1, int(np.ceil(len(decades) / 7)))
    shown = [10.0**power for power in decades if power % step == 0]
    ax.set_xticks(shown, [power_of_ten(tick) for tick in shown])
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_title(title, color=colour("muted"), pad=14)


def gradient_counts(
    ax: Axes,
    counts: Mapping[str, int],
    actors: Mapping[str, str],
    *,
    maximum: float,
) -> None:
    """Draw how many gradients each method computed until the optimum: one bar, and its number.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : mapping of str to int
        Positive numbers by name, from top to bottom.
    actors : mapping of str to str
        The actor whose colour each bar has.
    maximum : float
        Right end of the (linear) axis.

    Raises
    ------
    ValueError
        If a count is below 1 or above `maximum`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.agreement import gradient_counts
    >>> actors = {"plain": "corrupted", "preconditioned": "student"}
    >>> counts = {"plain": 1200, "preconditioned": 30}
    >>> gradient_counts(Figure().add_subplot(), counts, actors, maximum=1200)
    """
    numbers = list(counts.values())
    if not numbers or min(numbers) < 1 or max(numbers) > maximum:
        raise ValueError(f"counts must be between 1 and maximum={maximum:g}, got {dict(counts)}.")
    rows = np.arange(len(numbers))
    inks = [colour(actors[name]) for name in counts]
    ax.barh(rows, numbers, height=0.36, color=inks, label="counts")
    for row, (name, number) in enumerate(counts.items()):
        ax.text(0, row - 0.42, name, color=inks[row], va="center")
        ax.text(number + 0.01 * maximum, row, f"{number:,}", va="center")
    ax.set_xlim(0, 1.12 * maximum)
    ax.set_ylim(len(numbers) - 0.6, -0.65)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_title("gradients computed until the optimum", color=colour("muted"), pad=10)
