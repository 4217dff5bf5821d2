"""The equation of the optimum: both of its sides, the outputs that solve it, how to get there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import ArrayLike

from sdbook.book.figures.rounds import output_heatmaps
from sdbook.book.figures.style import colour, label_lines, mode
from sdbook.book.figures.text import power_of_ten


def both_sides(
    ax: Axes,
    guesses: ArrayLike,
    answers: ArrayLike,
    *,
    path: Sequence[float] = (),
    crossing: float | None = None,
) -> None:
    """Draw a scalar equation ``y = f(y)``: the line y, the curve f, and where they meet.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    guesses, answers : array of shape (n,)
        y, ascending from 0 to 1, and f(y).
    path : sequence of float
        What an iteration visits, ``y, f(y), f(f(y)), ...``: drawn as a staircase between curve
        and line.
    crossing : float, optional
        The solution, drawn as a dot.
    """
    y, f = np.asarray(guesses, dtype=float), np.asarray(answers, dtype=float)
    ax.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1.8)
    ax.plot(y, f, color=colour("student"))
    if len(path) > 1:
        # Up or down to the curve, then across to the line, for each step.
        stairs = np.repeat(np.asarray(path, dtype=float), 2)
        ax.plot(stairs[:-1], np.r_[0, stairs[2:]], color=colour("corrupted"), linewidth=1.3)
    if crossing is not None:
        ax.plot(crossing, crossing, "o", color=colour("text"), markersize=9, zorder=5)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])


def outputs_of_one(
    figure: Figure,
    image: ArrayLike,
    outputs: ArrayLike,
    instance: int,
    true_labels: ArrayLike,
    given: int,
    *,
    limit: float = 1.0,
    maximum: float = 1.0,
) -> None:
    """Draw one instance with its outputs as bars, beside the outputs of all instances.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    image : array of shape (height, width)
        The instance.
    outputs : array of shape (N, K)
    instance : int
        Which row of the outputs the bars show.
    true_labels : array of shape (N,)
        Classes, 0 to K - 1, by which the heat map is sorted.
    given : int
        The given label of the instance; its bar and that of the true label have their colours.
    limit : float
        The end of the axis of the bars.
    maximum : float
        The output that gets the strongest colour.
    """
    y, labels = np.asarray(outputs, dtype=float), np.asarray(true_labels)
    classes = range(y.shape[1])
    true = int(labels[instance])
    bars = figure.add_axes((0.07, 0.16, 0.4, 0.74))
    special = {given: colour("given"), true: colour("true")}
    bars.barh(classes, y[instance], 0.76, color=[special.get(k, colour("grid")) for k in classes])
    for k, name in ((given, "its label"), (true, "the truth")):
        text = f"{name} {y[instance, k]:.0%}"
        bars.annotate(
            text,
            (y[instance, k], k),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=special[k],
        )
    bars.set(xlim=(0, limit), ylim=(len(classes) - 0.5, -0.5))
    bars.set_yticks(list(classes))
    ticks = [share for share in (0, 0.25, 0.5, 0.75, 1) if share <= limit]
    bars.set_xticks(ticks, [f"{share:.0%}" for share in ticks])
    bars.tick_params(length=0)
    bars.spines["bottom"].set_visible(False)
    bars.set_xlabel("output for class")
    # Beside bars that have no text.
    bottom = 0.73 if min(true, given) > 2 else 0.17
    picture = figure.add_axes((0.375, bottom, 0.1, 0.17))
    picture.imshow(np.asarray(image), cmap="gray" if mode() == "dark" else "gray_r")
    picture.set(xticks=[], yticks=[])
    for spine in picture.spines.values():
        spine.set(visible=True, color=colour("muted"))
    heat = output_heatmaps(figure, [y], labels, maximum=maximum)[0]
    heat.set_position((0.575, 0.16, 0.405, 0.74))
    heat.set_title("all instances", color=colour("muted"))
    heat.set_ylabel("true class", labelpad=2)
    heat.set_xticks(list(classes))
    heat.set_xlabel("output for class")
    bars.set_title("this image", color=colour("muted"))
    figure.supxlabel("")


def residual_curves(
    ax: Axes,
    residuals: ArrayLike,
    others: Sequence[ArrayLike] = (),
    *,
    limits: tuple[float, float],
) -> None:
    """Draw how far the two sides of the equation are apart over an iteration.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    residuals : array of shape (n,)
        Positive numbers; the line leaves the axis where they are below it.
    others : sequence of arrays of shape (n,)
        The same for other iterations, drawn faintly.
    limits : (low, high)
        Of the logarithmic axis.
    """
    ax.set_yscale("log")
    for values in others:
        ax.plot(np.maximum(values, limits[0] / 10), color=colour("muted"), alpha=0.4, linewidth=1.4)
    values = np.maximum(residuals, limits[0] / 10)
    ax.plot(values, color=colour("student"), zorder=3)
    ax.set(xlim=(0, len(values)), ylim=limits)
    exponents = range(math.ceil(math.log10(limits[0])), math.floor(math.log10(limits[1])) + 1, 3)
    ticks = [10.0**k for k in exponents]
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_yticklabels([power_of_ten(tick) for tick in ticks])
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("iterations")
    ax.set_title("how far the two sides are apart", color=colour("muted"))


def over_lambda(
    ax: Axes,
    lams: ArrayLike,
    curves: Mapping[str, ArrayLike],
    actors_of: Mapping[str, str],
    *,
    ylabel: str,
) -> None:
    """Draw shares over the regularisation strength, large values first, names at the ends.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lams : array of shape (n,)
        Values of lambda, descending.
    curves : mapping of str to array of shape (n,)
        Shares from 0 to 1, by name.
    actors_of : mapping of str to str
        The actor whose colour each curve takes.
    ylabel : str
        Written above the y-axis.
    """
    # The axis runs over -log10(lambda), so that it can be made longer on its right like any other.
    x = -np.log10(np.asarray(lams, dtype=float))
    ax.set_ylim(0, 1.02)
    ax.set_xlim(x[0], x[-1])
    for name, values in curves.items():
        ax.plot(x, np.asarray(values), "o-", color=colour(actors_of[name]), clip_on=False)
    ends = [(float(x[-1]), float(np.asarray(values)[-1])) for values in curves.values()]
    label_lines(ax, ends, list(curves), [colour(actors_of[name]) for name in curves])
    ticks = np.arange(math.ceil(x[0]), math.floor(x[-1]) + 1)
    ax.set_xticks(ticks, [power_of_ten(10.0**-k) for k in ticks])
    levels = [0, 0.25, 0.5, 0.75, 1]
    ax.set_yticks(levels, [f"{level:.0%}" for level in levels])
    ax.hlines(levels, x[0], x[-1], color=colour("grid"), linewidth=1, zorder=0.5)
    ax.spines["bottom"].set_bounds(x[0], x[-1])
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("regularisation λ, weaker to the right")
    ax.set_title(ylabel, color=colour("muted"))
