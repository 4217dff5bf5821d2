"""A network under training: shares over epochs, means with error bars over rounds, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, label_lines

__all__ = ["agreement_bars", "over_epochs", "rounds_with_errors"]


def over_epochs(
    ax: Axes,
    curves: Mapping[str, ArrayLike],
    actors: Sequence[str],
    *,
    marked: tuple[float, str] | None = None,
    limits: tuple[float, float] = (0, 1),
) -> None:
    """Draw the mean of shares over epochs as a line, and each seed as a thin one behind it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to array of shape (seeds, epochs)
        The name is written at the end of the line.
    actors : sequence of str
        Whose colours the lines take.
    marked : (float, str), optional
        An epoch to mark with a bar behind the lines, and what to write beside it.
    limits : (low, high)
        The limits of the y-axis.

    Raises
    ------
    ValueError
        If there is not one actor for each curve, or a curve is not (seeds, epochs).
    """
    if len(actors) != len(curves):
        raise ValueError(
            f"actors has {len(actors)} entries; accepted is one a curve, {len(curves)}"
        )
    ends, last = [], 1
    for (name, values), actor in zip(curves.items(), actors, strict=True):
        shares = np.asarray(values, dtype=float)
        if shares.ndim != 2:
            raise ValueError(
                f"curves[{name!r}] has shape {shares.shape}; accepted is (seeds, epochs)"
            )
        last = shares.shape[1]
        epochs = np.arange(1, last + 1)
        ax.plot(epochs, shares.T, color=colour(actor), linewidth=0.8, alpha=0.35)
        ax.plot(epochs, shares.mean(axis=0), color=colour(actor))
        ends.append((float(last), float(shares[:, -1].mean())))
    ax.set(xlim=(1, last), ylim=limits, xlabel="epochs")
    if marked is not None:
        ax.axvline(marked[0], color=colour("grid"), linewidth=6, zorder=0)
        ax.text(marked[0] + 0.6, limits[1], marked[1], color=colour("muted"), va="top")
    ax.set_xticks([tick for tick in ax.get_xticks() if 1 <= tick <= last])
    _shares(ax, "share of images")
    label_lines(ax, ends, list(curves), [colour(actor) for actor in actors])


def rounds_with_errors(
    ax: Axes,
    curves: Mapping[str, ArrayLike],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
    ylabel: str = "test accuracy",
) -> None:
    """Draw means over seeds for each round, with their standard errors.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to array of shape (seeds, rounds)
        Two seeds or more; the name is written at the end of the line.
    actors : sequence of str
        Whose colours the lines take.
    limits : (low, high)
        The limits of the y-axis.
    ylabel : str
        Written above the y-axis.

    Raises
    ------
    ValueError
        If there is not one actor for each curve, or a curve has less than two seeds.
    """
    if len(actors) != len(curves):
        raise ValueError(
            f"actors has {len(actors)} entries; accepted is one a curve, {len(curves)}"
        )
    ends, last = [], 1
    for (name, values), actor in zip(curves.items(), actors, strict=True):
        shares = np.asarray(values, dtype=float)
        if shares.ndim != 2 or len(shares) < 2:
            raise ValueError(
                f"curves[{name!r}] has shape {shares.shape}; "
                "accepted is (seeds, rounds) with two seeds or more"
            )
        mean, error = shares.mean(axis=0), shares.std(axis=0, ddof=1) / len(shares) ** 0.5
        last = max(last, len(mean))
        rounds = np.arange(1, len(mean) + 1)
        ax.errorbar(rounds, mean, error, color=colour(actor), marker="o", markersize=4, capsize=4)
        ends.append((float(len(mean)), float(mean[-1])))
    ax.set(xlim=(0.8, last + 0.1), ylim=limits, xlabel="round")
    ax.set_xticks(range(1, last + 1))
    _shares(ax, ylabel)
    label_lines(ax, ends, list(curves), [colour(actor) for actor in actors])


def agreement_bars(
    ax: Axes,
    groups: Mapping[str, Mapping[str, ArrayLike]],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
    xlabel: str,
) -> None:
    """Draw one bar a name and group, the mean over seeds, with each seed as a dot.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    groups : mapping of str to mapping of str to array of shape (seeds,)
        For each group (a block of bars, from top to bottom) the same names in the same order.
    actors : sequence of str
        One for each name.
    limits : (low, high)
        The limits of the x-axis.
    xlabel : str
        What the bars measure.

    Raises
    ------
    ValueError
        If a group has not one name for each actor.
    """
    height, ticks, texts = 0.0, [], []
    for group, bars in groups.items():
        if len(bars) != len(actors):
            raise ValueError(
                f"groups[{group!r}] has {len(bars)} bars; accepted is one an actor, {len(actors)}"
            )
        ax.text(limits[0], height - 0.75, group, color=colour("text"), va="center")
        for (name, values), actor in zip(bars.items(), actors, strict=True):
            shares = np.asarray(values, dtype=float)
            ax.barh(
                height, shares.mean() - limits[0], 0.7, limits[0], color=colour(actor), alpha=0.7
            )
            dots = np.full(len(shares), height)
            ax.plot(shares, dots, "o", color=colour("text"), markersize=3, clip_on=False)
            ticks.append(height)
            texts.append(name)
            height += 1
        height += 1.1
    ax.set(xlim=limits, ylim=(height - 1.5, -1.3), xlabel=xlabel)
    ax.set_yticks(ticks, texts)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="%"))
    ax.grid(axis="x")


def _shares(ax: Axes, ylabel: str) -> None:
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="%"))
    ax.set_title(ylabel, color=colour("muted"))
    ax.grid(axis="y")
