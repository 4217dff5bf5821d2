"""Clean labels (chapter 8): rounds as real numbers, and rounds against one round of any ridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from sdbook.book.figures._check import Floats, one_each
from sdbook.book.figures.spectrum import eigenvalue_ticks
from sdbook.book.figures.style import colour, label_lines, percent_ticks


def shares_over_rounds(
    ax: Axes,
    rounds: ArrayLike,
    curves: Mapping[str, ArrayLike],
    actors: Sequence[str],
    *,
    points: Mapping[str, ArrayLike],
    limits: tuple[float, float],
    marked: float | None = None,
) -> None:
    """Draw test accuracy over a real number of rounds, on a logarithmic axis.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
        Real numbers above zero, ascending.
    curves : mapping of str to array of shape (n,)
        Shares, one line for each name, which is written at its end.
    actors : sequence of str
        Whose colours the lines and then the points take.
    points : mapping of str to array of shape (m,)
        Shares at the whole rounds 1, 2, ..., m; named at their last.
    limits : (low, high)
        The limits of the y-axis.
    marked : float, optional
        A number of rounds to mark with a bar behind the lines.

    Raises
    ------
    ValueError
        If there is not one actor for each line and each row of points.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.clean_labels import shares_over_rounds
    >>> ax, actors, exact = Figure().add_subplot(), ["theory", "experiment"], {"exact": [0.8, 0.7]}
    >>> curves = {"linearised": [0.81, 0.7, 0.6]}
    >>> shares_over_rounds(ax, [1, 3, 10], curves, actors, points=exact, limits=(0, 1))
    """
    x = np.asarray(rounds, dtype=float)
    one_each("actors", actors, "curve", len(curves) + len(points))
    ax.set(xscale="log", xlim=(x[0], x[-1]), ylim=limits, xlabel="rounds t")
    if marked is not None:
        ax.axvline(marked, color=colour("grid"), zorder=0, linewidth=8, label="marked")
    ends = []
    for (name, values), actor in zip(curves.items(), actors, strict=False):
        y = np.asarray(values, dtype=float)
        ax.plot(x, y, color=colour(actor), label=name)
        ends.append((float(x[-1]), float(y[-1])))
    for (name, values), actor in zip(points.items(), actors[len(curves) :], strict=True):
        y = np.asarray(values, dtype=float)
        whole, shade = np.arange(1, len(y) + 1), colour(actor)
        ax.plot(whole, y, "o", color=shade, markersize=4, clip_on=False, label=name)
        ends.append((float(len(y)), float(y[-1])))
    _share_axis(ax, "test accuracy")
    steps = (1, 2, 5) if x[-1] <= 200 * x[0] else (1,)
    ticks = [f * 10.0**k for k in range(-1, 5) for f in steps if x[0] <= f * 10.0**k <= x[-1]]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    label_lines(ax, ends, [*curves, *points], [colour(actor) for actor in actors])


def rounds_as_one_round(
    figure: Figure,
    eigenvalues: ArrayLike,
    ridge: float,
    t: float,
    match: tuple[float, float],
    *,
    limits: tuple[float, float],
) -> None:
    """Draw what t rounds keep of each eigenvector, and the one round that comes nearest to it.

    Above the shares that both keep, from 0.01% on, over the eigenvalue, with both axes
    logarithmic; eigenvalues are short lines at the foot. Below the ridge of the one round that
    would be right for each eigenvalue, in multiples of t ridges.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    eigenvalues : array of shape (n,)
        Those outside of the limits are left out.
    ridge : float
        Of each of the t rounds: the eigenvalue of which one round keeps one half.
    t : float
        Number of rounds.
    match : (ridge, scale)
        Of the one round, and what it is multiplied by.
    limits : (low, high)
        The limits of the x-axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.clean_labels import rounds_as_one_round
    >>> rounds_as_one_round(Figure(), [0.5, 5, 50], 2.0, 3, (7.1, 1.02), limits=(0.1, 100))
    """
    s = np.geomspace(*limits, 300)
    many = (s / (ridge + s)) ** t
    one = match[1] * s / (match[0] + s)
    wanted = s * np.expm1(t * np.log1p(ridge / s)) / (t * ridge)
    several, single = colour("student"), colour("teacher")

    top = figure.add_axes((0.12, 0.44, 0.85, 0.48))
    top.fill_between(s, many, one, color=colour("grid"), zorder=0)
    top.plot(s, one, "--", color=single, label="one round")
    top.plot(s, many, color=several, label="t rounds")
    eigenvalue_ticks(top, np.asarray(eigenvalues, dtype=float), limits)
    top.set(xscale="log", yscale="log", xlim=limits, ylim=(1e-4, 1.6))
    top.set_title("share that is kept", color=colour("muted"))
    top.tick_params(labelbottom=False)
    patch = {"facecolor": colour("background"), "edgecolor": "none", "pad": 2}
    for height, name, shade in (
        (0.28, "1 round" if t == 1 else f"{t:g} rounds", several),
        (0.14, "- - best one round", single),
    ):
        top.text(0.97, height, name, color=shade, transform=top.transAxes, ha="right", bbox=patch)

    low = figure.add_axes((0.12, 0.13, 0.85, 0.2))
    low.axhline(match[0] / (t * ridge), linestyle="--", color=single, label="one round")
    low.plot(s, wanted, color=several, label="t rounds")
    low.set(xscale="log", yscale="log", xlim=limits, ylim=(0.5, 200))
    low.set_yticks([1, 10, 100], ["1", "10", "100"])
    low.set_xlabel("eigenvalue of the Gram matrix")
    low.set_title("ridge it asks of one round, in units of t ridges", color=colour("muted"))
    for ax in (top, low):
        ax.grid(axis="y")
        ax.minorticks_off()


def accuracy_over_penalty(
    ax: Axes,
    penalties: ArrayLike,
    curves: Mapping[str, tuple[ArrayLike, str]],
    *,
    limits: tuple[float, float],
    ylabel: str = "test accuracy",
    highest: bool = True,
) -> None:
    """Draw accuracy over the penalty, and mark the highest point of each curve.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    penalties : array of shape (n,)
        Ascending, on a logarithmic axis.
    curves : mapping of str to (array of shape (n,), colour)
        Name, shares and colour (not an actor: rounds have colours of their own). The names are
        written in the lower left corner, one under the other.
    limits : (low, high)
        The limits of the y-axis.
    ylabel : str
        Written above the y-axis.
    highest : bool
        Whether to mark the highest points.

    Raises
    ------
    ValueError
        If a curve has another shape than `penalties`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import round_colour
    >>> from sdbook.book.figures.clean_labels import accuracy_over_penalty
    >>> curves = {"one round": ([0.6, 0.8, 0.7], round_colour(1, 2))}
    >>> accuracy_over_penalty(Figure().add_subplot(), [1e-4, 1e-3, 1e-2], curves, limits=(0.5, 1))
    """
    x = np.asarray(penalties, dtype=float)
    for line, (name, (values, shade)) in enumerate(curves.items()):
        y = np.asarray(values, dtype=float)
        if y.shape != x.shape:
            raise ValueError(f"curves[{name!r}] must have shape {x.shape}, got {y.shape}.")
        ax.plot(x, y, color=shade, label=name)
        if highest:
            best = int(y.argmax())
            label = f"highest of {name}"
            ax.plot(x[best], y[best], "o", color=shade, markersize=7, clip_on=False, label=label)
        height = 0.07 + 0.1 * (len(curves) - 1 - line)
        ax.text(0.03, height, name, color=shade, transform=ax.transAxes)
    ax.set(xscale="log", xlim=(x[0], x[-1]), ylim=limits, xlabel="penalty λ")
    _share_axis(ax, ylabel)


def margins_over_rounds(
    ax: Axes,
    rounds: ArrayLike,
    theory: Mapping[str, ArrayLike],
    experiment: tuple[ArrayLike, Sequence[ArrayLike]],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
    ylabel: str,
) -> None:
    """Draw margins that decay over the rounds: theory as lines, experiment as points.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rounds : array of shape (n,)
        Real numbers, ascending: where the theory is known.
    theory : mapping of str to array of shape (n,)
        One line for each name, which is written at its end.
    experiment : (array of shape (m,), sequence of arrays of shape (m,))
        The rounds that were measured, and one row of points for each line.
    actors : sequence of str
        Whose colours the lines and their points take.
    limits : (low, high)
        The limits of the logarithmic y-axis.
    ylabel : str
        Written above the y-axis.

    Raises
    ------
    ValueError
        If there is not one actor and one row of points for each line.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.clean_labels import margins_over_rounds
    >>> theory, measured = {"relatives": [1, 0.1]}, ([1, 2], [[0.9, 0.2]])
    >>> look = {"limits": (0.01, 2), "ylabel": "margin"}
    >>> margins_over_rounds(Figure().add_subplot(), [1, 2], theory, measured, ["true"], **look)
    """
    x, (where, measured) = np.asarray(rounds, dtype=float), experiment
    one_each("actors", actors, "line", len(theory))
    one_each("experiment[1]", measured, "line", len(theory))
    ax.set(yscale="log", xlim=(x[0], x[-1]), ylim=limits, xlabel="rounds t")
    lines: dict[str, Floats] = {name: np.asarray(y, dtype=float) for name, y in theory.items()}
    for (name, heights), dots, actor in zip(lines.items(), measured, actors, strict=True):
        ax.plot(x, heights, color=colour(actor), label=name)
        label = f"{name}, measured"
        ax.plot(where, np.asarray(dots), "o", color=colour(actor), markersize=4, label=label)
    ax.set_title(ylabel, color=colour("muted"))
    ax.grid(axis="y")
    ax.minorticks_off()
    ends = [(float(x[-1]), float(heights[-1])) for heights in lines.values()]
    label_lines(ax, ends, list(theory), [colour(actor) for actor in actors])


def _share_axis(ax: Axes, ylabel: str) -> None:
    percent_ticks(ax.yaxis)
    ax.set_title(ylabel, color=colour("muted"))
    ax.grid(axis="y")
    ax.minorticks_off()
