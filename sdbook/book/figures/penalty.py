"""Shares over the strength of the regularisation."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from sdbook.book.figures._check import positive
from sdbook.book.figures.style import colour, label_lines, percent_ticks
from sdbook.book.figures.text import power_of_ten


def shares_over_penalty(
    ax: Axes,
    lams: ArrayLike,
    curves: Mapping[str, ArrayLike],
    actors_of: Mapping[str, str],
    *,
    ylabel: str,
) -> None:
    """Draw shares over the regularisation strength, weaker to the right, names at the ends.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lams : array of shape (n,)
        Values of lambda, above zero, descending; the axis is logarithmic.
    curves : mapping of str to array of shape (n,)
        Shares from 0 to 1, by name.
    actors_of : mapping of str to str
        The actor whose colour each curve takes.
    ylabel : str
        Written above the y-axis.

    Raises
    ------
    ValueError
        If a lambda is not above zero.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.penalty import shares_over_penalty
    >>> curves, actors_of = {"given label": [0.1, 0.9]}, {"given label": "given"}
    >>> ax = Figure().add_subplot()
    >>> shares_over_penalty(ax, [0.1, 0.001], curves, actors_of, ylabel="mean output")
    """
    # The axis runs over -log10(lambda), so that it can be made longer on its right like any other.
    x = -np.log10(positive("lams", lams))
    ax.set_ylim(0, 1.02)
    ax.set_xlim(x[0], x[-1])
    for name, values in curves.items():
        shade = colour(actors_of[name])
        ax.plot(x, np.asarray(values), "o-", color=shade, clip_on=False, label=name)
    ends = [(float(x[-1]), float(np.asarray(values)[-1])) for values in curves.values()]
    label_lines(ax, ends, list(curves), [colour(actors_of[name]) for name in curves])
    ticks = np.arange(math.ceil(x[0]), math.floor(x[-1]) + 1)
    ax.set_xticks(ticks, [power_of_ten(10.0**-k) for k in ticks])
    levels = [0, 0.25, 0.5, 0.75, 1]
    ax.set_yticks(levels)
    percent_ticks(ax.yaxis)
    ax.hlines(levels, x[0], x[-1], color=colour("grid"), linewidth=1, zorder=0.5)
    ax.spines["bottom"].set_bounds(x[0], x[-1])
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("regularisation λ, weaker to the right")
    ax.set_title(ylabel, color=colour("muted"))
