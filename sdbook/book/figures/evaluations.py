"""What preconditioning does: eigenvalues come together, gradients need not be computed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour
from sdbook.book.figures.text import power_of_ten


def eigenvalue_strips(
    ax: Axes,
    spectra: Mapping[str, ArrayLike],
    actors: Mapping[str, str],
    *,
    interval: tuple[float, float] | None = None,
    limits: tuple[float, float],
    title: str = "eigenvalues of the Hessian, over their mean",
) -> None:
    """Draw each spectrum as a strip of ticks over a logarithmic axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    spectra : mapping of str to array
        Positive eigenvalues by name, from top to bottom.
    actors : mapping of str to str
        The actor whose colour each spectrum has.
    interval : (low, high), optional
        Shaded behind the last strip: where its eigenvalues must lie. An end at or beyond the
        limits is drawn at the limit.
    limits : (low, high)
        Of the axis; fix them in an explorer.
    title : str
    """
    ax.set_xscale("log")
    ax.set_xlim(*limits)
    ax.set_ylim(len(spectra) - 0.45, -0.55)
    for row, (name, spectrum) in enumerate(spectra.items()):
        values = np.asarray(spectrum, dtype=float)
        if not values.size or values.min() <= 0:
            raise ValueError(f"spectra must be positive numbers, got {spectrum!r} for {name!r}")
        if interval is not None and row == len(spectra) - 1:
            low, high = np.clip(interval, *limits)
            ax.fill_between([low, high], row - 0.32, row + 0.32, color=colour("grid"), zorder=0)
        ink = colour(actors[name])
        ax.vlines(values, row - 0.22, row + 0.22, color=ink, linewidth=1, alpha=0.7)
        place = ax.get_yaxis_transform()
        ax.text(0, row - 0.42, name, color=ink, va="center", transform=place)
    decades = np.arange(np.ceil(np.log10(limits[0])), np.floor(np.log10(limits[1])) + 1)
    step = max(1, int(np.ceil(len(decades) / 7)))
    shown = [10.0**power for power in decades if power % step == 0]
    ax.set_xticks(shown, [power_of_ten(tick) for tick in shown])
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_title(title, color=colour("muted"), pad=14)


def evaluation_bars(
    ax: Axes,
    counts: Mapping[str, int],
    actors: Mapping[str, str],
    *,
    maximum: float,
    title: str = "gradients computed until the optimum",
) -> None:
    """Draw one bar for each way, as long as the number of gradients that it took.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : mapping of str to int
        Positive numbers by name, from top to bottom.
    actors : mapping of str to str
        The actor whose colour each bar has.
    maximum : float
        Right end of the (linear) axis; fix it in an explorer.
    title : str
    """
    numbers = list(counts.values())
    if not numbers or min(numbers) < 1 or max(numbers) > maximum:
        raise ValueError(f"counts must be between 1 and maximum={maximum:g}, got {dict(counts)}")
    rows = np.arange(len(numbers))
    inks = [colour(actors[name]) for name in counts]
    ax.barh(rows, numbers, height=0.36, color=inks)
    for row, (name, number) in enumerate(counts.items()):
        ax.text(0, row - 0.42, name, color=inks[row], va="center")
        ax.text(number + 0.01 * maximum, row, f"{number:,}", va="center")
    ax.set_xlim(0, 1.12 * maximum)
    ax.set_ylim(len(numbers) - 0.6, -0.65)
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_title(title, color=colour("muted"), pad=10)
