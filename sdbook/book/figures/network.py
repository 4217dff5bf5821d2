"""A network in training (chapter 15): shares over epochs and rounds, and agreement of students."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from sdbook.book.figures._check import Floats, one_each
from sdbook.book.figures.style import colour, label_lines, percent_ticks


def shares_over_epochs(
    ax: Axes,
    curves: Mapping[str, ArrayLike],
    actors: Sequence[str],
) -> None:
    """Draw shares of images over epochs: the mean as a line, each seed as a thin line behind it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to array of shape (seeds, epochs)
        The name is written at the end of the line.
    actors : sequence of str
        Whose colours the lines take.

    Raises
    ------
    ValueError
        If there is not one actor for each curve, or a curve has another shape.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.network import shares_over_epochs
    >>> curves = {"says the truth": [[0.1, 0.4, 0.5], [0.2, 0.3, 0.4]]}
    >>> shares_over_epochs(Figure().add_subplot(), curves, ["true"])
    """
    one_each("actors", actors, "curve", len(curves))
    ends, last = [], 1
    for (name, values), actor in zip(curves.items(), actors, strict=True):
        shares = _seeds(name, values, "epochs", 1)
        last = shares.shape[1]
        epochs = np.arange(1, last + 1)
        shade, mean = colour(actor), shares.mean(axis=0)
        for seed, share in enumerate(shares):
            thin: dict[str, Any] = {
                "linewidth": 0.8,
                "alpha": 0.35,
                "label": f"{name}, seed {seed}",
            }
            ax.plot(epochs, share, color=shade, **thin)
        ax.plot(epochs, mean, color=shade, label=f"{name}, mean")
        ends.append((float(last), float(shares[:, -1].mean())))
    ax.set(xlim=(1, last), ylim=(0, 1), xlabel="epochs")
    ax.set_xticks([tick for tick in ax.get_xticks() if 1 <= tick <= last])
    _shares(ax, "share of images")
    label_lines(ax, ends, list(curves), [colour(actor) for actor in actors])


def accuracy_with_errors(
    ax: Axes,
    curves: Mapping[str, ArrayLike],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
) -> None:
    """Draw test accuracy over the rounds: means over seeds, with their standard errors.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to array of shape (seeds, rounds)
        Shares, of two seeds or more; the name is written at the end of the line.
    actors : sequence of str
        Whose colours the lines take.
    limits : (low, high)
        The limits of the y-axis.

    Raises
    ------
    ValueError
        If there is not one actor for each curve, or a curve has less than two seeds.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.network import accuracy_with_errors
    >>> ax, curves = Figure().add_subplot(), {"network": [[0.6, 0.7], [0.64, 0.72]]}
    >>> accuracy_with_errors(ax, curves, ["student"], limits=(0.5, 1))
    """
    one_each("actors", actors, "curve", len(curves))
    ends, last = [], 1
    for (name, values), actor in zip(curves.items(), actors, strict=True):
        shares = _seeds(name, values, "rounds", 2)
        mean, error = shares.mean(axis=0), shares.std(axis=0, ddof=1) / len(shares) ** 0.5
        last = max(last, len(mean))
        rounds = np.arange(1, len(mean) + 1)
        look: dict[str, Any] = {
            "color": colour(actor),
            "marker": "o",
            "markersize": 4,
            "capsize": 4,
        }
        ax.errorbar(rounds, mean, error, label=name, **look)
        ends.append((float(len(mean)), float(mean[-1])))
    ax.set(xlim=(0.8, last + 0.1), ylim=limits, xlabel="round")
    ax.set_xticks(range(1, last + 1))
    _shares(ax, "test accuracy")
    label_lines(ax, ends, list(curves), [colour(actor) for actor in actors])


def agreement_bars(
    ax: Axes,
    bars: Mapping[str, ArrayLike],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
    xlabel: str,
) -> None:
    """Draw how often models agree: one bar for each, the mean over seeds, each seed as a dot.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    bars : mapping of str to array of shape (seeds,)
        Shares, from top to bottom.
    actors : sequence of str
        Whose colours the bars take.
    limits : (low, high)
        The limits of the x-axis.
    xlabel : str
        What the bars measure.

    Raises
    ------
    ValueError
        If there is not one actor for each bar.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.network import agreement_bars
    >>> ax, bars = Figure().add_subplot(), {"linear": [0.8, 0.9], "theorem": [0.6, 0.7]}
    >>> agreement_bars(ax, bars, ["student", "theory"], limits=(0.4, 1), xlabel="same class")
    """
    one_each("actors", actors, "bar", len(bars))
    shares = {name: np.asarray(values, dtype=float) for name, values in bars.items()}
    lengths = [values.mean() - limits[0] for values in shares.values()]
    shades = [colour(actor) for actor in actors]
    ax.barh(range(len(bars)), lengths, 0.7, limits[0], color=shades, alpha=0.7, label="mean")
    for place, (name, values) in enumerate(shares.items()):
        height = np.full(len(values), place)
        ax.plot(values, height, "o", color=colour("text"), markersize=3, clip_on=False, label=name)
    # The empty half row at the top is room for a heading.
    ax.set(xlim=limits, ylim=(len(bars) - 0.4, -1.3), xlabel=xlabel)
    ax.set_yticks(range(len(bars)), list(bars))
    percent_ticks(ax.xaxis)
    ax.grid(axis="x")


def _seeds(name: str, values: ArrayLike, columns: str, least: int) -> Floats:
    shares = np.asarray(values, dtype=float)
    if shares.ndim != 2 or len(shares) < least:
        raise ValueError(
            f"curves[{name!r}] must have shape (seeds, {columns}) with {least} seeds or more, "
            f"got {shares.shape}."
        )
    return shares


def _shares(ax: Axes, ylabel: str) -> None:
    percent_ticks(ax.yaxis)
    ax.set_title(ylabel, color=colour("muted"))
    ax.grid(axis="y")
