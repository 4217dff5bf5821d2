"""The optimum as a fixed point (chapter 4): both sides of its equation, and its iteration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import ArrayLike

from sdbook.book.figures.images import draw_image
from sdbook.book.figures.outputs import output_heatmaps
from sdbook.book.figures.style import colour, percent_ticks
from sdbook.book.figures.text import power_of_ten


def equation_sides(
    ax: Axes,
    guesses: ArrayLike,
    answers: ArrayLike,
    *,
    crossing: float,
    path: Sequence[float] = (),
) -> None:
    """Draw an equation ``y = f(y)`` of one number: the line y, the curve f, and where they meet.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    guesses, answers : array of shape (n,)
        y, ascending from 0 to 1, and f(y).
    crossing : float
        The solution, drawn as a dot.
    path : sequence of float
        What an iteration visits, ``y, f(y), f(f(y)), ...``: drawn as a staircase between curve
        and line; nothing by default.

    Raises
    ------
    ValueError
        If `guesses` and `answers` differ in shape.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.fixed_point import equation_sides
    >>> equation_sides(Figure().add_subplot(), [0, 0.5, 1], [1, 0.5, 0], crossing=0.5)
    """
    y, f = np.asarray(guesses, dtype=float), np.asarray(answers, dtype=float)
    if y.ndim != 1 or f.shape != y.shape:
        raise ValueError(f"guesses and answers must have shape (n,), got {y.shape} and {f.shape}.")
    ax.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1.8, label="y")
    ax.plot(y, f, color=colour("student"), label="f(y)")
    if len(path) > 1:
        # Up or down to the curve, then across to the line, for each step.
        stairs = np.repeat(np.asarray(path, dtype=float), 2)
        x, height = stairs[:-1], np.r_[0, stairs[2:]]
        ax.plot(x, height, color=colour("corrupted"), linewidth=1.3, label="path")
    ax.plot(crossing, crossing, "o", color=colour("text"), markersize=9, zorder=5, label="solution")
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])


def outputs_of_one_image(
    figure: Figure,
    image: ArrayLike,
    outputs: ArrayLike,
    instance: int,
    true_labels: ArrayLike,
    given: int,
    *,
    limit: float,
    maximum: float,
) -> None:
    """Draw one image with its outputs as bars, beside the outputs of all images as colours.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    image : array of shape (height, width)
        Grey values of the instance.
    outputs : array of shape (N, K)
    instance : int
        Which row of the outputs the bars show.
    true_labels : array of shape (N,)
        Classes, 0 to K - 1, by which the heat map is sorted.
    given : int
        The given label of the instance. Its bar and that of the true label have colours of their
        own, and their outputs as numbers.
    limit : float
        The end of the axis of the bars.
    maximum : float
        The output that gets the strongest colour.

    Raises
    ------
    ValueError
        If `outputs` has not one row for each true label.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.fixed_point import outputs_of_one_image
    >>> figure, outputs = Figure((6.4, 4.2)), [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]]
    >>> outputs_of_one_image(figure, np.eye(8), outputs, 0, [1, 2], 0, limit=1, maximum=1)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['its label 50%', 'the truth 30%']
    """
    y, labels = np.asarray(outputs, dtype=float), np.asarray(true_labels)
    classes = range(y.shape[1])
    true = int(labels[instance])
    bars = figure.add_axes((0.07, 0.16, 0.4, 0.74))
    special = {given: colour("given"), true: colour("true")}
    shades = [special.get(k, colour("grid")) for k in classes]
    bars.barh(classes, y[instance], 0.76, color=shades, label="outputs")
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
    bars.set_xticks([share for share in (0, 0.25, 0.5, 0.75, 1) if share <= limit])
    percent_ticks(bars.xaxis)
    bars.tick_params(length=0)
    bars.spines["bottom"].set_visible(False)
    bars.set_xlabel("output for class")
    # Beside bars that have no text.
    bottom = 0.73 if min(true, given) > 2 else 0.17
    picture = figure.add_axes((0.375, bottom, 0.1, 0.17))
    draw_image(picture, image, colour("muted"))
    heat = output_heatmaps(figure, [y], labels, maximum=maximum)[0]
    heat.set_position((0.575, 0.16, 0.405, 0.74))
    heat.set_title("all instances", color=colour("muted"))
    heat.set_ylabel("true class", labelpad=2)
    heat.set_xticks(list(classes))
    heat.set_xlabel("output for class")
    bars.set_title("this image", color=colour("muted"))
    figure.supxlabel("")


def residuals_over_iterations(
    ax: Axes,
    residuals: ArrayLike,
    others: Sequence[ArrayLike],
    *,
    limits: tuple[float, float],
) -> None:
    """Draw how far the two sides of the equation are apart, over the steps of an iteration.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    residuals : array of shape (n,)
        Numbers from 0 on, the first before the first step. The line leaves the axis where they
        are below it.
    others : sequence of arrays of shape (n,)
        The same for other iterations, drawn faintly.
    limits : (low, high)
        Of the logarithmic axis.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.fixed_point import residuals_over_iterations
    >>> ax = Figure().add_subplot()
    >>> residuals_over_iterations(ax, [1, 1e-3, 1e-7], [[1, 1, 1]], limits=(1e-6, 3))
    """
    ax.set_yscale("log")
    for values in others:
        other = np.maximum(values, limits[0] / 10)
        ax.plot(other, color=colour("muted"), alpha=0.4, linewidth=1.4, label="other")
    values = np.maximum(residuals, limits[0] / 10)
    ax.plot(values, color=colour("student"), zorder=3, label="shown")
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
