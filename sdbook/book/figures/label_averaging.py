"""Label averaging (chapter 6): who is averaged, theorem against softmax, very many rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from sdbook.book.figures._check import one_each
from sdbook.book.figures.images import digit_strip
from sdbook.book.figures.style import colour, label_line, percent_ticks


def image_and_neighbours(
    figure: Figure,
    images: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike,
    order: ArrayLike,
    instance: int,
    true: int,
) -> None:
    r"""Draw an image, and those whose labels count most in its output, in the upper half.

    Under each stand its given label, a tick where it is the true class of the image, and its
    averaging weight.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    images : array of shape (N, height, width)
    labels : array of int, shape (N,)
        Given labels.
    weights : array of shape (N,)
        The averaging weights of the instance, as shares.
    order : array of int
        Which others to show, in this order; six in a row.
    instance : int
        Whose weights they are.
    true : int
        Its class.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_averaging import image_and_neighbours
    >>> figure, images = Figure((6.4, 5)), np.ones((3, 8, 8))
    >>> image_and_neighbours(figure, images, [7, 1, 7], [0.4, 0.3, 0.2], [1, 2], 0, 7)
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['itself: 7 ✓\n40.0%', '1 ✗\n30.0%', '7 ✓\n20.0%']
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


def theorem_and_softmax(
    figure: Figure,
    outputs: tuple[ArrayLike, ArrayLike],
    accuracies: tuple[ArrayLike, ArrayLike],
    t: int,
) -> None:
    """Draw what the theorem says against what the exact softmax model does.

    On the left one point for each output, from -0.1 to 0.7; on the right the accuracies over the
    rounds, from 40% to 90%, the theorem's as a line and the model's as points.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    outputs : pair of arrays of shape (n,)
        The same outputs by the theorem and by the exact model, in round t.
    accuracies : pair of arrays of shape (rounds,)
        By the theorem and by the exact model, as shares.
    t : int
        The round that is marked on the right.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_averaging import theorem_and_softmax
    >>> outputs, accuracies = ([0.1, 0.2], [0.15, 0.3]), ([0.6, 0.7], [0.5, 0.65])
    >>> theorem_and_softmax(Figure(), outputs, accuracies, 2)
    """
    limits = (-0.1, 0.7)
    theory, experiment = colour("theory"), colour("experiment")
    left = figure.add_axes((0.11, 0.17, 0.38, 0.7))
    left.plot(limits, limits, color=theory, linewidth=1.2)
    left.plot(
        *outputs,
        "o",
        color=experiment,
        markersize=3,
        alpha=0.35,
        markeredgewidth=0,
        label="outputs",
    )
    left.set(xlim=limits, ylim=limits, xlabel="output, theorem")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    left.set_title("output, exact softmax", color=colour("muted"))

    right = figure.add_axes((0.6, 0.17, 0.38, 0.7))
    rounds = np.arange(1, len(np.asarray(accuracies[0])) + 1)
    right.axvline(t, color=colour("grid"), zorder=0, linewidth=8, label="round")
    right.plot(rounds, accuracies[0], color=theory, label="theorem")
    right.plot(rounds, accuracies[1], "o", color=experiment, label="exact softmax")
    for height, shade, text in ((0.16, theory, "— theorem"), (0.07, experiment, "● exact softmax")):
        right.text(0.28, height, text, color=shade, transform=right.transAxes, va="center")
    right.set(xlim=(0.5, rounds[-1] + 0.5), ylim=(0.4, 0.9), xticks=rounds, xlabel="round")
    percent_ticks(right.yaxis)
    right.set_title("test accuracy", color=colour("muted"))


def after_many_rounds(
    figure: Figure,
    rounds: ArrayLike,
    accuracies: Mapping[str, ArrayLike],
    classes_used: Mapping[str, ArrayLike],
    actors: Sequence[str],
) -> None:
    """Draw what becomes of the answers after very many rounds, on a logarithmic axis.

    Above the training accuracy, below the number of classes that are the answer for any instance.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    rounds : array of shape (n,)
        Real numbers, ascending from 1.
    accuracies, classes_used : mapping of str to array of shape (n,)
        One curve for each name; both have the same names. Accuracies are shares.
    actors : sequence of str
        Whose colours the curves take.

    Raises
    ------
    ValueError
        If there is not one actor for each curve, or the names differ.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_averaging import after_many_rounds
    >>> right, used = {"λ = 0.01": [0.8, 0.6, 0.2]}, {"λ = 0.01": [10, 5, 2]}
    >>> after_many_rounds(Figure((6.4, 5)), [1, 100, 10000], right, used, ["student"])
    """
    one_each("actors", actors, "curve", len(accuracies))
    if list(classes_used) != list(accuracies):
        raise ValueError(
            f"classes_used must have the names of accuracies, {list(accuracies)}, "
            f"got {list(classes_used)}."
        )
    x = np.asarray(rounds, dtype=float)
    panels = [figure.add_axes((0.1, 0.5, 0.87, 0.42)), figure.add_axes((0.1, 0.13, 0.87, 0.22))]
    for (name, curve), actor in zip(accuracies.items(), actors, strict=True):
        y = np.asarray(curve, dtype=float)
        panels[0].plot(x, y, color=colour(actor), label=name)
        used = np.asarray(classes_used[name])
        panels[1].plot(x, used, color=colour(actor), drawstyle="steps-mid", label=name)
        # Named where it has lost half of its height: there, curves that fall lie far apart.
        place = int(np.flatnonzero(y > 0.5 * y.max())[-1])
        label_line(panels[0], float(x[place]), float(y[place]) + 0.05, name, colour(actor))
    for ax, title in zip(panels, ("training accuracy", "classes that are still used"), strict=True):
        ax.set(xscale="log", xlim=(x[0], x[-1]))
        ax.set_title(title, color=colour("muted"))
        ax.grid(axis="y")
        ax.minorticks_off()
    panels[0].set(ylim=(0, 0.95), yticks=[0, 0.25, 0.5, 0.75])
    percent_ticks(panels[0].yaxis)
    panels[0].tick_params(labelbottom=False)
    most = max(int(np.max(used)) for used in classes_used.values())
    panels[1].set(ylim=(0, most + 0.5), yticks=[2, most], xlabel="rounds t")
