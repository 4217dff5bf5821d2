"""Label history (chapter 12): what becomes of single labels over the rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from sdbook.book.figures._check import one_each, same_length, square
from sdbook.book.figures.images import digit_strip
from sdbook.book.figures.rounds import accuracy_curves
from sdbook.book.figures.style import colour, faded, label_lines, percent_ticks, sequential


def stacked_rounds(
    ax: Axes,
    parts: Mapping[str, ArrayLike],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
    ylabel: str,
    percent: bool = False,
) -> None:
    """Draw what a whole is made of in each round: one bar a round, one piece for each part.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    parts : mapping of str to array of shape (rounds,)
        Heights, from the bottom to the top; their names stand to the right of the last bar.
    actors : sequence of str
        Whose colours the parts take. A name that ends in ``*`` takes a pale one.
    limits : (low, high)
        The limits of the y-axis.
    ylabel : str
        Written above the y-axis.
    percent : bool
        Whether the heights are shares, to be written in per cent.

    Raises
    ------
    ValueError
        If there is no part, not one actor for each part, or parts differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_history import stacked_rounds
    >>> ax, parts = Figure().add_subplot(), {"right": [60, 70], "wrong": [40, 30]}
    >>> actors, look = ["clean", "corrupted*"], {"limits": (0, 100), "ylabel": "images"}
    >>> stacked_rounds(ax, parts, actors, **look)
    """
    heights = {name: np.asarray(values, dtype=float) for name, values in parts.items()}
    one_each("actors", actors, "part", len(heights))
    if len(shapes := {values.shape for values in heights.values()}) != 1:
        raise ValueError(f"parts must have the same shape (rounds,), got {sorted(shapes)}.")
    bottom = np.zeros(len(next(iter(heights.values()))))
    rounds = np.arange(1, len(bottom) + 1)
    ends: list[tuple[float, float]] = []
    shades = [colour(actor.rstrip("*")) for actor in actors]
    for (name, values), actor, shade in zip(heights.items(), actors, shades, strict=True):
        face = faded(shade, 0.4) if actor.endswith("*") else shade
        ax.bar(rounds, values, 0.78, bottom=bottom, color=face, label=name)
        bottom = bottom + values
        ends.append((rounds[-1] + 0.3, float(bottom[-1] - values[-1] / 2)))
    ax.set(xlim=(0.5, rounds[-1] + 0.5), ylim=limits, xticks=rounds, xlabel="round")
    ax.set_title(ylabel, color=colour("muted"))
    ax.tick_params(axis="x", length=0)
    if percent:
        percent_ticks(ax.yaxis)
    label_lines(ax, ends, list(heights), shades)


def label_history(
    figure: Figure,
    image: ArrayLike,
    outputs: ArrayLike,
    weights: ArrayLike,
    *,
    true: int,
    given: int,
    marked: int,
) -> None:
    """Draw the outputs of one image in all rounds, and whose labels it averages.

    The upper half of a figure. On the left the image with its label. On the right its outputs, one
    row for each round, stronger where larger, with a frame around the largest; and below, for each
    class, the sum of the averaging weights of all images that show it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    image : array of shape (height, width)
    outputs : array of shape (rounds, K)
        Shares.
    weights : array of shape (K,)
        Sums of averaging weights in the marked round, as shares.
    true, given : int
        What it shows, and what it is called.
    marked : int
        The round that an arrow points at, counted from 1.

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no round `marked`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_history import label_history
    >>> figure, outputs, who = Figure((6.4, 6)), [[0.4, 0.6], [0.7, 0.3]], {"true": 0, "given": 1}
    >>> label_history(figure, np.eye(8), outputs, [0.5, 0.4], marked=2, **who)
    >>> [text.get_text() for text in figure.axes[1].get_yticklabels()]
    ['1', '▶ 2']
    """
    values, heights = np.asarray(outputs, dtype=float), np.asarray(weights, dtype=float)
    if values.ndim != 2 or heights.shape != values.shape[1:]:
        raise ValueError(
            "outputs must have shape (rounds, K) and weights (K,), "
            f"got {values.shape} and {heights.shape}."
        )
    if not 1 <= marked <= len(values):
        raise ValueError(f"marked must be a round from 1 to {len(values)}, got {marked}.")
    rounds, K = values.shape
    (picture,) = digit_strip(
        figure,
        np.asarray(image)[None],
        None,
        [f"called {given}"],
        [given == true],
        bounds=(0.03, 0.63, 0.2, 0.28),
    )
    picture.set_title(f"shows {true}", color=colour("text"), loc="center")

    table = figure.add_axes((0.38, 0.67, 0.6, 0.25))
    table.imshow(values / values.max(), cmap=sequential(), aspect="auto", vmin=0, vmax=1)
    for row, largest in enumerate(values.argmax(axis=1)):
        frame = Rectangle(
            (largest - 0.5, row - 0.5), 1, 1, fill=False, color=colour("accent"), lw=2.4
        )
        table.add_patch(frame)
    names = [f"▶ {t}" if t == marked else f"{t}" for t in range(1, rounds + 1)]
    table.set_yticks(range(rounds), names)
    table.set_xticks([])
    table.tick_params(length=0)
    table.set_title("outputs, round by round", color=colour("muted"))

    bars = figure.add_axes((0.38, 0.44, 0.6, 0.16))
    shades = [faded(colour("muted"), 0.5)] * K
    shades[given] = colour("given")
    shades[true] = colour("true")
    bars.bar(range(K), heights, 0.8, color=shades, label="weights")
    bars.axhline(0, color=colour("muted"), linewidth=1)
    bars.set(xlim=(-0.5, K - 0.5), ylim=(-0.4, 0.85))
    bars.set_xticks(range(K))
    bars.set_yticks([0, 0.5], ["0", "50%"])
    for k, actor in ((given, "given"), (true, "true")):
        bars.get_xticklabels()[k].set_color(colour(actor))
    bars.tick_params(length=0)
    bars.spines[["left", "bottom"]].set_visible(False)
    bars.set_title(f"weight of all images that show it, round {marked}", color=colour("muted"))


def confusion_table(ax: Axes, counts: ArrayLike, *, maximum: float) -> None:
    """Draw how often images of one class get another as their answer.

    Counts of a third of `maximum` or more are written as numbers.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : array of shape (K, K)
        One row for each true class, one column for each answer. The diagonal is not drawn.
    maximum : float
        The count that gets the strongest colour.

    Raises
    ------
    ValueError
        If `counts` is not square.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_history import confusion_table
    >>> ax = Figure().add_subplot()
    >>> confusion_table(ax, [[99, 6], [1, 99]], maximum=6)
    >>> [text.get_text() for text in ax.texts]
    ['6']
    """
    table = square("counts", counts)
    K = len(table)
    off = ~np.eye(K, dtype=bool)
    shown = np.ma.masked_where(~off, table)
    ax.imshow(shown, cmap=sequential(), vmin=0, vmax=maximum, aspect="auto")
    for row, column in np.argwhere(off & (table >= maximum / 3)):
        dark = table[row, column] > 0.55 * maximum
        ink = colour("background") if dark else colour("text")
        ax.text(column, row, f"{table[row, column]:.0f}", color=ink, ha="center", va="center")
    ax.plot(range(K), range(K), "o", color=faded(colour("muted"), 0.35), markersize=5)
    ax.set_xticks(range(K))
    ax.set_yticks(range(K))
    ax.tick_params(length=0)
    ax.set_xlabel("answer")
    ax.set_title("what the image shows", color=colour("muted"))
    ax.spines[:].set_visible(False)


def forecast_points(
    ax: Axes,
    forecast: ArrayLike,
    measured: ArrayLike,
    marked: ArrayLike,
    *,
    name: str,
    xlabel: str,
    ylabel: str,
) -> None:
    """Draw one point for each instance: how often something was predicted, and how often it came.

    Points on the diagonal are right predictions.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    forecast, measured : array of shape (N,)
        Shares from 0 to 1.
    marked : array of bool, shape (N,)
        Instances that stand out.
    name : str
        What the marked ones are, in their colour.
    xlabel, ylabel : str
        The latter is written above the y-axis.

    Raises
    ------
    ValueError
        If the arrays differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_history import forecast_points
    >>> ax, words = Figure().add_subplot(), {"xlabel": "predicted", "ylabel": "measured"}
    >>> forecast_points(ax, [0.1, 0.9], [0.2, 1], [False, True], name="few neighbours", **words)
    """
    x, y = np.asarray(forecast, dtype=float), np.asarray(measured, dtype=float)
    special = np.asarray(marked, dtype=bool)
    same_length(forecast=x, measured=y, marked=special)
    ax.plot((0, 1), (0, 1), color=colour("theory"), linewidth=1.2)
    style: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 4.5, "mew": 0}
    for label, chosen, actor, alpha in (
        ("others", ~special, "student", 0.3),
        (name, special, "corrupted", 0.9),
    ):
        ax.plot(x[chosen], y[chosen], color=colour(actor), alpha=alpha, label=label, **style)
    ax.text(0.98, 0.05, name, color=colour("corrupted"), ha="right", transform=ax.transAxes)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel)
    for axis in (ax.xaxis, ax.yaxis):
        percent_ticks(axis)
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1])
    ax.set_title(ylabel, color=colour("muted"))


def rounds_and_candidates(
    ax: Axes,
    accuracies: ArrayLike,
    candidates: Mapping[str, float],
    actors: Sequence[str],
    *,
    limits: tuple[float, float],
) -> None:
    """Draw test accuracy over the rounds, and with it that of students taught with candidates.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    accuracies : array of shape (rounds,)
        Shares.
    candidates : mapping of str to float
        The accuracy of each kind of student, a line from round 2 on, where it replaces the rounds.
    actors : sequence of str
        Whose colours these lines take.
    limits : (low, high)
        The limits of the y-axis.

    Raises
    ------
    ValueError
        If there is not one actor for each kind of student.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.label_history import rounds_and_candidates
    >>> ax, accuracies = Figure().add_subplot(), [0.5, 0.6, 0.7]
    >>> rounds_and_candidates(ax, accuracies, {"candidates": 0.65}, ["pll"], limits=(0.4, 1))
    """
    one_each("actors", actors, "student", len(candidates))
    curve = np.asarray(accuracies, dtype=float)
    rounds = len(curve)
    curves: dict[str, ArrayLike] = {"rounds": curve}
    for name, level in candidates.items():
        curves[name] = np.r_[np.nan, np.full(rounds - 1, level)]
    named = dict(zip(candidates, actors, strict=True))
    accuracy_curves(
        ax, curves, actors_of={"rounds": "student", **named}, limits=limits, ylabel="test accuracy"
    )
