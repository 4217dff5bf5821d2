"""Rounds counted in real numbers, and filters held against the one round that comes nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, label_lines


def over_rounds(
    ax: Axes,
    rounds: ArrayLike,
    curves: Mapping[str, ArrayLike],
    actors: Sequence[str],
    *,
    points: Mapping[str, ArrayLike] | None = None,
    marked: float | None = None,
    limits: tuple[float, float] = (0, 1),
    ylabel: str = "test accuracy",
    xlabel: str = "rounds t",
) -> None:
    """Draw shares over a real number of rounds, on a logarithmic axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
        Real numbers above zero, ascending.
    curves : mapping of str to array of shape (n,)
        One line for each name, which is written at its end.
    actors : sequence of str
        Whose colours the lines and then the points take.
    points : mapping of str to array of shape (m,), optional
        Values at the whole rounds 1, 2, ..., m; named at their last.
    marked : float, optional
        A number of rounds to mark with a bar behind the lines.
    limits : (low, high)
        The limits of the y-axis.
    ylabel, xlabel : str
        The former is written above the y-axis.
    """
    x, dots = np.asarray(rounds, dtype=float), dict(points or {})
    if len(actors) != len(curves) + len(dots):
        raise ValueError(
            f"actors must name one for each of the {len(curves)} curves and {len(dots)} rows of "
            f"points, got {len(actors)}"
        )
    ax.set(xscale="log", xlim=(x[0], x[-1]), ylim=limits, xlabel=xlabel)
    if marked is not None:
        ax.axvline(marked, color=colour("grid"), zorder=0, linewidth=8)
    ends = []
    for values, actor in zip(curves.values(), actors, strict=False):
        y = np.asarray(values, dtype=float)
        ax.plot(x, y, color=colour(actor))
        ends.append((float(x[-1]), float(y[-1])))
    for values, actor in zip(dots.values(), actors[len(curves) :], strict=True):
        y = np.asarray(values, dtype=float)
        ax.plot(np.arange(1, len(y) + 1), y, "o", color=colour(actor), markersize=4, clip_on=False)
        ends.append((float(len(y)), float(y[-1])))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="%"))
    ax.set_title(ylabel, color=colour("muted"))
    ax.grid(axis="y")
    ax.minorticks_off()
    steps = (1, 2, 5) if x[-1] <= 200 * x[0] else (1,)
    ticks = [f * 10.0**k for k in range(-1, 5) for f in steps if x[0] <= f * 10.0**k <= x[-1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    label_lines(ax, ends, [*curves, *dots], [colour(actor) for actor in actors])


def filter_match(
    figure: Figure,
    eigenvalues: ArrayLike,
    ridge: float,
    t: float,
    match: tuple[float, float],
    *,
    limits: tuple[float, float],
    depth: float = 1e-4,
) -> None:
    """Draw t rounds as a filter and the one round that comes nearest, and the ridge each asks for.

    Above the two filters with both axes logarithmic, over the eigenvalues as a rug; below the ridge
    of the one round that would be right for each eigenvalue, in multiples of t ridges.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    eigenvalues : array of shape (n,)
        Those outside of the limits are left out.
    ridge : float
        Of each of the t rounds.
    t : float
        Number of rounds.
    match : (ridge, scale)
        Of the one round, and what it is multiplied by.
    limits : (low, high)
        The limits of the x-axes.
    depth : float
        The smallest share that is shown.
    """
    if not 0 < depth < 1:
        raise ValueError(f"depth must be between 0 and 1, got {depth}")
    s = np.geomspace(*limits, 300)
    many = (s / (ridge + s)) ** t
    one = match[1] * s / (match[0] + s)
    wanted = s * np.expm1(t * np.log1p(ridge / s)) / (t * ridge)
    several, single = colour("student"), colour("teacher")

    top = figure.add_axes((0.12, 0.44, 0.85, 0.48))
    top.fill_between(s, many, one, color=colour("grid"), zorder=0)
    top.plot(s, one, "--", color=single)
    top.plot(s, many, color=several)
    values = np.asarray(eigenvalues, dtype=float)
    shown = values[(values > limits[0]) & (values < limits[1])]
    strength = float(np.clip(40 / max(len(shown), 1), 0.25, 1))
    top.vlines(
        shown,
        0,
        0.05,
        color=colour("accent"),
        linewidth=1.4,
        alpha=strength,
        transform=top.get_xaxis_transform(),
    )
    top.set(xscale="log", yscale="log", xlim=limits, ylim=(depth, 1.6))
    top.set_title("share that is kept", color=colour("muted"))
    top.tick_params(labelbottom=False)
    patch = {"facecolor": colour("background"), "edgecolor": "none", "pad": 2}
    for height, name, shade in (
        (0.28, "1 round" if t == 1 else f"{t:g} rounds", several),
        (0.14, "- - best one round", single),
    ):
        top.text(0.97, height, name, color=shade, transform=top.transAxes, ha="right", bbox=patch)

    low = figure.add_axes((0.12, 0.13, 0.85, 0.2))
    low.axhline(match[0] / (t * ridge), linestyle="--", color=single)
    low.plot(s, wanted, color=several)
    low.set(xscale="log", yscale="log", xlim=limits, ylim=(0.5, 200))
    low.set_yticks([1, 10, 100], ["1", "10", "100"])
    low.set_xlabel("eigenvalue of the Gram matrix")
    low.set_title("ridge it asks of one round, in units of t ridges", color=colour("muted"))
    for ax in (top, low):
        ax.grid(axis="y")
        ax.minorticks_off()


def over_penalty(
    ax: Axes,
    penalties: ArrayLike,
    curves: Mapping[str, tuple[ArrayLike, str]],
    *,
    limits: tuple[float, float],
    ylabel: str = "test accuracy",
    highest: bool = True,
) -> None:
    """Draw shares over the penalty, and mark the highest point of each curve.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    penalties : array of shape (n,)
        Ascending, on a logarithmic axis.
    curves : mapping of str to (array of shape (n,), colour)
        Name, heights and colour (not an actor: rounds have colours of their own). The name is
        written in the lower left corner, one under the other.
    limits : (low, high)
        The limits of the y-axis.
    ylabel : str
        Written above the y-axis.
    highest : bool
        Mark the highest points.
    """
    x = np.asarray(penalties, dtype=float)
    for line, (name, (values, shade)) in enumerate(curves.items()):
        y = np.asarray(values, dtype=float)
        if y.shape != x.shape:
            raise ValueError(f"curves[{name!r}] must have shape {x.shape}, got {y.shape}")
        ax.plot(x, y, color=shade)
        if highest:
            best = int(y.argmax())
            ax.plot(x[best], y[best], "o", color=shade, markersize=7, clip_on=False)
        height = 0.07 + 0.1 * (len(curves) - 1 - line)
        ax.text(0.03, height, name, color=shade, transform=ax.transAxes)
    ax.set(xscale="log", xlim=(x[0], x[-1]), ylim=limits, xlabel="penalty λ")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="%"))
    ax.set_title(ylabel, color=colour("muted"))
    ax.grid(axis="y")
    ax.minorticks_off()


def falling(
    ax: Axes,
    rounds: ArrayLike,
    theory: Mapping[str, ArrayLike],
    experiment: tuple[ArrayLike, Sequence[ArrayLike]],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
    ylabel: str = "margin",
) -> None:
    """Draw quantities that decay: theory as lines, experiment as points, both axes free of zero.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
        Where the theory is known.
    theory : mapping of str to array of shape (n,)
        One line for each name, which is written at its end.
    experiment : (array of shape (m,), sequence of arrays of shape (m,))
        Where it was measured, and one row of points for each line.
    actors : sequence of str
        Whose colours the lines and their points take.
    limits : (low, high)
        The limits of the logarithmic y-axis.
    ylabel : str
        Written above the y-axis.
    """
    x, (where, measured) = np.asarray(rounds, dtype=float), experiment
    ax.set(yscale="log", xlim=(x[0], x[-1]), ylim=limits, xlabel="rounds t")
    for y, dots, actor in zip(theory.values(), measured, actors, strict=True):
        heights = np.asarray(y, dtype=float)
        ax.plot(x, heights, color=colour(actor))
        ax.plot(where, dots, "o", color=colour(actor), markersize=4)
    ax.set_title(ylabel, color=colour("muted"))
    ax.grid(axis="y")
    ax.minorticks_off()
    ends = [(float(x[-1]), float(np.asarray(y)[-1])) for y in theory.values()]
    label_lines(ax, ends, list(theory), [colour(actor) for actor in actors])
