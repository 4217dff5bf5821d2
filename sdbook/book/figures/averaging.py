"""Label averaging: bars by class, energy by eigenvalue, theorem against exact optimum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from sdbook.book.figures.images import digit_strip
from sdbook.book.figures.style import colour, label_line


def class_bars(
    ax: Axes,
    values: ArrayLike,
    *,
    true: int,
    given: int,
    points: ArrayLike | None = None,
    limits: tuple[float, float] | None = None,
    class_names: Sequence[str] | None = None,
    xlabel: str = "class",
    ylabel: str = "output",
) -> None:
    """Draw one bar for each class; the true and the given label of an instance stand out.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : array of shape (K,)
        The heights of the bars: theory.
    true, given : int
        The class of the instance, and its label in the data. Where they are the same, there is
        one colour.
    points : array of shape (K,), optional
        What an experiment says about the same heights.
    limits : (low, high), optional
        The limits of the y-axis. Fix them in an explorer.
    class_names : sequence of str, optional
        Ticks for the classes; their numbers by default.
    xlabel, ylabel : str
        The latter is written above the y-axis.
    """
    heights = np.asarray(values, dtype=float)
    if heights.ndim != 1:
        raise ValueError(f"values must have shape (K,), got {heights.shape}")
    classes = np.arange(len(heights))
    colours = [_blend(colour("muted"), 0.45)] * len(heights)
    colours[given] = colour("given")
    colours[true] = colour("true")
    ax.bar(classes, heights, width=0.78, color=colours)
    ax.axhline(0, color=colour("muted"), linewidth=1)
    if points is not None:
        ax.plot(
            classes,
            np.asarray(points, dtype=float),
            "o",
            color=colour("experiment"),
            markersize=6.5,
            markeredgecolor=colour("background"),
            markeredgewidth=1.2,
        )
    if limits is not None:
        ax.set_ylim(*limits)
    ax.set_xlim(-0.6, len(heights) - 0.4)
    ax.set_xticks(classes, class_names or [str(k) for k in classes])
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(_percent)
    ax.grid(axis="y")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(ylabel, color=colour("muted"))


def neighbours(
    figure: Figure,
    images: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike,
    order: ArrayLike,
    instance: int,
    true: int,
) -> None:
    """Draw an image, and those whose labels count most in its output, in the upper half.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    images : array of shape (N, height, width)
    labels : array of int, shape (N,)
        Given labels.
    weights : array of shape (N,)
        The averaging weights of the instance.
    order : array of int
        Which others to show, in this order; six in a row.
    instance : int
        Whose weights they are.
    true : int
        Its class: a label is ticked if it says so.
    """
    pictures, given, shares = np.asarray(images), np.asarray(labels), np.asarray(weights)
    own, others = [instance], np.asarray(order)
    names = [f"itself: {given[instance]}"]
    digit_strip(
        figure,
        pictures[own],
        shares[own],
        names,
        given[own] == true,
        bounds=(0.03, 0.68, 0.2, 0.28),
    )
    digit_strip(
        figure,
        pictures[others],
        shares[others],
        list(given[others]),
        given[others] == true,
        bounds=(0.3, 0.56, 0.68, 0.42),
        columns=6,
    )


def energy_bars(
    ax: Axes,
    edges: ArrayLike,
    before: Sequence[ArrayLike],
    after: Sequence[ArrayLike],
    actors: Sequence[str],
    *,
    names: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    xlabel: str = "eigenvalue of the Gram matrix",
    ylabel: str = "energy in a direction",
) -> None:
    """Draw how much of several things lies at each eigenvalue, before and after a filter.

    In each bin of eigenvalues there is one bar for each actor: pale up to what was there, solid
    up to what is left.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    edges : array of shape (bins + 1,)
        Ends of the bins, on a logarithmic axis.
    before, after : sequence of arrays of shape (bins,)
        One array for each actor.
    actors : sequence of str
        Whose colours the bars take.
    names : sequence of str
        What to write about each actor, in its colour; nothing by default.
    limits : (low, high), optional
        The limits of the y-axis. Fix them in an explorer.
    xlabel, ylabel : str
        The latter is written above the y-axis.
    """
    ends = np.log(np.asarray(edges, dtype=float))
    if not len(before) == len(after) == len(actors):
        raise ValueError(
            "before, after and actors must have the same length, "
            f"got {len(before)}, {len(after)} and {len(actors)}"
        )
    step = 0.86 * np.diff(ends) / len(actors)
    ax.set_xscale("log")
    for place, (was, now, actor) in enumerate(zip(before, after, actors, strict=True)):
        left = ends[:-1] + 0.07 * np.diff(ends) + place * step
        low, width = np.exp(left), np.exp(left + step) - np.exp(left)
        for heights, face in ((was, _blend(colour(actor), 0.28)), (now, colour(actor))):
            ax.bar(low, np.asarray(heights, dtype=float), width, align="edge", color=face)
    for line, (name, actor) in enumerate(zip(names, actors, strict=False)):
        ax.text(0.03, 0.86 - 0.12 * line, name, color=colour(actor), transform=ax.transAxes)
    ax.set_xlim(float(np.exp(ends[0])), float(np.exp(ends[-1])))
    powers = [10.0**k for k in range(-6, 7) if ends[0] <= np.log(10.0**k) <= ends[-1]]
    ax.set_xticks(powers, [f"{power:g}" for power in powers])
    ax.minorticks_off()
    if limits is not None:
        ax.set_ylim(*limits)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(ylabel, color=colour("muted"))


def agreement(
    figure: Figure,
    outputs: tuple[ArrayLike, ArrayLike],
    accuracies: tuple[ArrayLike, ArrayLike],
    t: int,
    *,
    output_limits: tuple[float, float] = (-0.1, 0.7),
    accuracy_limits: tuple[float, float] = (0.4, 0.9),
) -> None:
    """Draw what the theorem says against what the exact softmax model does.

    On the left one point for each output, on the right one line and one row of points over the
    rounds.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    outputs : pair of arrays of shape (n,)
        The same outputs by the theorem and by the exact model, in round t.
    accuracies : pair of arrays of shape (rounds,)
        By the theorem and by the exact model.
    t : int
        The round that is marked on the right.
    output_limits, accuracy_limits : (low, high)
        Limits of the axes on the left, and of the y-axis on the right.
    """
    theory, experiment = colour("theory"), colour("experiment")
    left = figure.add_axes((0.11, 0.17, 0.38, 0.7))
    left.plot(output_limits, output_limits, color=theory, linewidth=1.2)
    left.plot(*outputs, "o", color=experiment, markersize=3, alpha=0.35, markeredgewidth=0)
    left.set(xlim=output_limits, ylim=output_limits, xlabel="output, theorem")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    left.set_title("output, exact softmax", color=colour("muted"))

    right = figure.add_axes((0.6, 0.17, 0.38, 0.7))
    rounds = np.arange(1, len(np.asarray(accuracies[0])) + 1)
    right.axvline(t, color=colour("grid"), zorder=0, linewidth=8)
    right.plot(rounds, accuracies[0], color=theory)
    right.plot(rounds, accuracies[1], "o", color=experiment)
    for height, shade, text in ((0.16, theory, "— theorem"), (0.07, experiment, "● exact softmax")):
        right.text(0.28, height, text, color=shade, transform=right.transAxes, va="center")
    right.set(xlim=(0.5, rounds[-1] + 0.5), ylim=accuracy_limits, xticks=rounds, xlabel="round")
    right.yaxis.set_major_formatter(_percent)
    right.set_title("test accuracy", color=colour("muted"))


def over_averaging(
    figure: Figure,
    rounds: ArrayLike,
    accuracies: Mapping[str, ArrayLike],
    classes_used: Mapping[str, ArrayLike],
    actors: Sequence[str],
) -> None:
    """Draw what becomes of the answers over very many rounds, on a logarithmic axis.

    Above the accuracy, below the number of classes that are ever the answer.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    rounds : array of shape (n,)
        Real numbers, ascending from 1.
    accuracies, classes_used : mapping of str to array of shape (n,)
        One curve for each name; both have the same names.
    actors : sequence of str
        Whose colours the curves take.
    """
    x = np.asarray(rounds, dtype=float)
    panels = [figure.add_axes((0.1, 0.5, 0.87, 0.42)), figure.add_axes((0.1, 0.13, 0.87, 0.22))]
    for (name, curve), actor in zip(accuracies.items(), actors, strict=True):
        y = np.asarray(curve, dtype=float)
        panels[0].plot(x, y, color=colour(actor))
        panels[1].plot(x, classes_used[name], color=colour(actor), drawstyle="steps-mid")
        # Named where it has lost half of its height: there, curves that fall lie far apart.
        place = int(np.flatnonzero(y > 0.5 * y.max())[-1])
        label_line(panels[0], float(x[place]), float(y[place]) + 0.05, name, colour(actor))
    for ax, title in zip(panels, ("training accuracy", "classes that are still used"), strict=True):
        ax.set(xscale="log", xlim=(x[0], x[-1]))
        ax.set_title(title, color=colour("muted"))
        ax.grid(axis="y")
        ax.minorticks_off()
    panels[0].set(ylim=(0, 0.95), yticks=[0, 0.25, 0.5, 0.75])
    panels[0].yaxis.set_major_formatter(_percent)
    panels[0].tick_params(labelbottom=False)
    most = max(int(np.max(used)) for used in classes_used.values())
    panels[1].set(ylim=(0, most + 0.5), yticks=[2, most], xlabel="rounds t")


def _blend(shade: str, share: float) -> str:
    """A colour thinned with the background: opaque, so that grid lines do not shine through."""
    pairs = zip(to_rgb(shade), to_rgb(colour("background")), strict=True)
    red, green, blue = (share * top + (1 - share) * page for top, page in pairs)
    return to_hex((red, green, blue))


def _percent(share: float, _: float) -> str:
    return f"{100 * share:.6g}%".replace("-", "\N{MINUS SIGN}")
