"""Accuracy over the rounds of distillation, as lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, label_lines, percent_ticks


def accuracy_curves(
    ax: Axes,
    curves: Mapping[str, ArrayLike],
    *,
    actors_of: Mapping[str, str],
    limits: tuple[float, float],
    ylabel: str = "accuracy",
) -> None:
    """Draw one line for each named curve over the rounds, with its name at its end.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to array of shape (rounds,)
        Accuracies, as shares from 0 to 1, from round 1 (the teacher) on. Nothing is drawn where
        one is not a number.
    actors_of : mapping of str to str
        For each curve the actor whose colour it takes.
    limits : (low, high)
        The limits of the y-axis, as shares.
    ylabel : str
        Written above the y-axis, where it can be read without turning one's head.

    Raises
    ------
    ValueError
        If there is no curve, a curve has another shape, or `actors_of` lacks a curve.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import accuracy_curves
    >>> curves, actors_of = {"test": [0.67, 0.71, 0.74]}, {"test": "student"}
    >>> accuracy_curves(Figure().add_subplot(), curves, actors_of=actors_of, limits=(0.5, 1))
    """
    if not curves:
        raise ValueError("curves must have at least one entry, got none.")
    if missing := [name for name in curves if name not in actors_of]:
        raise ValueError(f"actors_of must name an actor for each curve, got none for {missing}.")
    ends, colours = [], []
    for name, values in curves.items():
        y = np.asarray(values, dtype=float)
        if y.ndim != 1 or not y.size:
            raise ValueError(f"curves[{name!r}] must have shape (rounds,), got {y.shape}.")
        rounds = np.arange(1, len(y) + 1)
        # A point on the edge of the axes is shown whole, one outside of them is not.
        outside = y.min() < limits[0] or y.max() > limits[1]
        shade = colour(actors_of[name])
        ax.plot(rounds, y, "o-", color=shade, clip_on=bool(outside), label=name)
        ends.append((float(rounds[-1]), float(y[-1])))
        colours.append(shade)
    last = max(x for x, _ in ends)
    ax.set_ylim(*limits)
    percent_ticks(ax.yaxis)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.set_xlim(0.85, last + 0.15)
    label_lines(ax, ends, list(curves), colours)
    ax.set_xticks(_round_ticks(int(last)))
    ax.spines["bottom"].set_bounds(1, last)
    # Lines of a grid would run on through the labels.
    levels = [y for y in ax.get_yticks() if limits[0] <= y <= limits[1]]
    ax.hlines(levels, 1, last, color=colour("grid"), linewidth=1, zorder=0.5)
    ax.set_ylim(*limits)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("round (1 is the teacher)")
    ax.set_title(ylabel, color=colour("muted"))


def _round_ticks(last: int) -> list[int]:
    """All rounds where they fit, otherwise the first and round numbers after it."""
    if last <= 12:
        return list(range(1, last + 1))
    step = next(s for s in (2, 5, 10, 20, 50, 100, 1000) if (last - 1) / s < 10)
    return [1, *(t for t in range(step, last + 1, step) if t - 1 >= step / 2)]
