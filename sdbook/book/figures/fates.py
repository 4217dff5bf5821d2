"""Fates of single labels: counts over rounds, stories of instances, who is taken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from sdbook.book.figures.images import digit_strip
from sdbook.book.figures.rounds import accuracy_curves
from sdbook.book.figures.style import colour, label_lines, sequential


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
        Write the y-axis in percent.

    Raises
    ------
    ValueError
        If there is not one actor for each part, or parts differ in length.
    """
    heights = {name: np.asarray(values, dtype=float) for name, values in parts.items()}
    if len(actors) != len(heights):
        raise ValueError(
            f"actors must be one for each of the {len(heights)} parts, got {len(actors)}"
        )
    if len({values.shape for values in heights.values()}) != 1:
        raise ValueError("parts must have the same length, one number for each round")
    bottom = np.zeros(len(next(iter(heights.values()))))
    rounds = np.arange(1, len(bottom) + 1)
    ends: list[tuple[float, float]] = []
    shades = [colour(actor.rstrip("*")) for actor in actors]
    for values, actor, shade in zip(heights.values(), actors, shades, strict=True):
        face = _thin(shade, 0.4) if actor.endswith("*") else shade
        ax.bar(rounds, values, 0.78, bottom=bottom, color=face)
        bottom = bottom + values
        ends.append((rounds[-1] + 0.3, float(bottom[-1] - values[-1] / 2)))
    ax.set(xlim=(0.5, rounds[-1] + 0.5), ylim=limits, xticks=rounds, xlabel="round")
    ax.set_title(ylabel, color=colour("muted"))
    ax.tick_params(axis="x", length=0)
    if percent:
        ax.yaxis.set_major_formatter(_percent)
    label_lines(ax, ends, list(heights), shades)


def story(
    figure: Figure,
    image: ArrayLike,
    outputs: ArrayLike,
    weights: ArrayLike,
    *,
    true: int,
    given: int,
    marked: int,
) -> None:
    """Draw the upper half of an instance's story: its outputs in all rounds, and who it hears.

    On the left the image. On the right its outputs, one row for each round, darker where larger,
    with a frame around the largest; and under each class the sum of the averaging weights of the
    instances that show it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    image : array of shape (height, width)
    outputs : array of shape (rounds, K)
    weights : array of shape (K,)
        In the marked round.
    true, given : int
        What it shows, and what it is called.
    marked : int
        The round that an arrow points at, counted from 1.

    Raises
    ------
    ValueError
        If shapes do not fit, or there is no round `marked`.
    """
    values, heights = np.asarray(outputs, dtype=float), np.asarray(weights, dtype=float)
    if values.ndim != 2 or heights.shape != values.shape[1:]:
        raise ValueError(
            "outputs must have shape (rounds, K) and weights (K,), "
            f"got {values.shape} and {heights.shape}"
        )
    if not 1 <= marked <= len(values):
        raise ValueError(f"marked must be a round from 1 to {len(values)}, got {marked}")
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
    table.set_yticks(range(rounds), [f"▶ {t}" if t == marked else f"{t}" for t in _up_to(rounds)])
    table.set_xticks([])
    table.tick_params(length=0)
    table.set_title("outputs, round by round", color=colour("muted"))

    bars = figure.add_axes((0.38, 0.44, 0.6, 0.16))
    shades = [_thin(colour("muted"), 0.5)] * K
    shades[given] = colour("given")
    shades[true] = colour("true")
    bars.bar(range(K), heights, 0.8, color=shades)
    bars.axhline(0, color=colour("muted"), linewidth=1)
    bars.set(xlim=(-0.5, K - 0.5), ylim=(-0.4, 0.85))
    bars.set_xticks(range(K), [str(k) for k in range(K)])
    bars.set_yticks([0, 0.5], ["0", "50%"])
    for k, actor in ((given, "given"), (true, "true")):
        bars.get_xticklabels()[k].set_color(colour(actor))
    bars.tick_params(length=0)
    bars.spines["left"].set_visible(False)
    bars.spines["bottom"].set_visible(False)
    bars.set_title(f"weight of all images that show it, round {marked}", color=colour("muted"))


def answer_table(ax: Axes, counts: ArrayLike, *, maximum: float | None = None) -> None:
    """Draw how often one class is taken for another.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    counts : array of shape (K, K)
        One row for each true class, one column for each answer. The diagonal is not drawn.
    maximum : float, optional
        The count that gets the darkest colour; the largest off the diagonal by default.

    Raises
    ------
    ValueError
        If `counts` is not square.
    """
    table = np.asarray(counts, dtype=float)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"counts must have shape (K, K), got {table.shape}")
    K = len(table)
    off = ~np.eye(K, dtype=bool)
    top = float(table[off].max()) if maximum is None else maximum
    ax.imshow(np.ma.masked_where(~off, table), cmap=sequential(), vmin=0, vmax=top, aspect="auto")
    for row, column in np.argwhere(off & (table >= top / 3)):
        dark = table[row, column] > 0.55 * top
        ink = colour("background") if dark else colour("text")
        ax.text(column, row, f"{table[row, column]:.0f}", color=ink, ha="center", va="center")
    ax.plot(range(K), range(K), "o", color=_thin(colour("muted"), 0.35), markersize=5)
    ax.set_xticks(range(K), [str(k) for k in range(K)])
    ax.set_yticks(range(K), [str(k) for k in range(K)])
    ax.tick_params(length=0)
    ax.set_xlabel("answer")
    ax.set_title("what the image shows", color=colour("muted"))
    for spine in ax.spines.values():
        spine.set_visible(False)


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
    """Draw one point for each instance: how often something was foretold, and how often it was.

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
    """
    x, y = np.asarray(forecast, dtype=float), np.asarray(measured, dtype=float)
    special = np.asarray(marked, dtype=bool)
    if not len(x) == len(y) == len(special):
        raise ValueError(
            "forecast, measured and marked must have the same length, "
            f"got {len(x)}, {len(y)} and {len(special)}"
        )
    ax.plot((0, 1), (0, 1), color=colour("theory"), linewidth=1.2)
    style: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 4.5, "mew": 0}
    ax.plot(x[~special], y[~special], color=colour("student"), alpha=0.3, **style)
    ax.plot(x[special], y[special], color=colour("corrupted"), alpha=0.9, **style)
    ax.text(0.98, 0.05, name, color=colour("corrupted"), ha="right", transform=ax.transAxes)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(_percent)
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
    """Draw accuracy over the rounds, and beside it that of students taught candidates.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    accuracies : array of shape (rounds,)
    candidates : mapping of str to float
        One level for each kind of student, drawn from round 2 on, where it replaces the rounds.
    actors : sequence of str
        Whose colours these levels take.
    limits : (low, high)
        The limits of the y-axis.

    Raises
    ------
    ValueError
        If there is not one actor for each kind of student.
    """
    if len(actors) != len(candidates):
        raise ValueError(
            f"actors must be one for each of the {len(candidates)} candidates, got {len(actors)}"
        )
    curve = np.asarray(accuracies, dtype=float)
    rounds = len(curve)
    curves: dict[str, ArrayLike] = {"rounds": curve}
    for name, level in candidates.items():
        curves[name] = np.r_[np.nan, np.full(rounds - 1, level)]
    named = dict(zip(candidates, actors, strict=True))
    accuracy_curves(
        ax, curves, actors_of={"rounds": "student", **named}, limits=limits, ylabel="test accuracy"
    )


def _up_to(rounds: int) -> range:
    return range(1, rounds + 1)


def _thin(shade: str, share: float) -> str:
    """A colour thinned with the background: opaque, so that nothing shines through."""
    pairs = zip(to_rgb(shade), to_rgb(colour("background")), strict=True)
    red, green, blue = (share * top + (1 - share) * page for top, page in pairs)
    return to_hex((red, green, blue))


def _percent(share: float, _: float) -> str:
    return f"{100 * share:.6g}%".replace("-", "\N{MINUS SIGN}")
