"""The recipe (chapter 14): choosing a method without clean labels, and finding wrong labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from sdbook.book.figures._check import Floats, same_length
from sdbook.book.figures.style import colour, percent_ticks


def leaderboard(
    ax: Axes,
    scores: Mapping[str, ArrayLike],
    *,
    best: Mapping[str, ArrayLike],
    actors_of: Mapping[str, str],
    limits: tuple[float, float],
) -> None:
    """Draw methods in the order of their accuracy, the best in the top row.

    The mean of a method is a dot and a number; the line through it reaches one standard deviation
    to each side.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    scores : mapping of str to array of shape (seeds,)
        Accuracies of each method, as shares.
    best : mapping of str to array of shape (seeds,)
        What the same methods would have had with the best choice: a hollow dot at their mean.
    actors_of : mapping of str to str
        The actors whose colours methods take; "muted" for one that is not in it.
    limits : (low, high)
        Of the accuracy axis.

    Raises
    ------
    ValueError
        If `scores` is empty, or `best` lacks a method.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.recipe import leaderboard
    >>> ax, scores = Figure().add_subplot(), {"teacher": [0.5, 0.6], "student": [0.7, 0.9]}
    >>> leaderboard(ax, scores, best=scores, actors_of={"student": "student"}, limits=(0.4, 1))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['student', 'teacher']
    """
    if not scores:
        raise ValueError("scores must have at least one entry, got none.")
    if missing := sorted(set(scores) - set(best)):
        raise ValueError(f"best must have one entry per method, got none for {missing[0]!r}.")
    means = {name: float(np.asarray(values).mean()) for name, values in scores.items()}
    order = sorted(means, key=lambda name: -means[name])
    for row, name in enumerate(order):
        shade = colour(actors_of.get(name, "muted"))
        values = np.asarray(scores[name], dtype=float)
        spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
        ax.plot([limits[0], limits[1]], [row, row], color=colour("grid"), linewidth=1, zorder=0)
        ends = [means[name] - spread, means[name] + spread]
        ax.plot(ends, [row, row], color=shade, linewidth=3, label=f"spread of {name}")
        ax.plot(
            float(np.asarray(best[name]).mean()),
            row,
            "o",
            markersize=7,
            markeredgecolor=shade,
            color=colour("background"),
            label=f"best of {name}",
        )
        ax.plot(means[name], row, "o", color=shade, markersize=7, label=name)
        ax.text(
            1.02,
            row,
            f"{means[name]:.1%}",
            color=shade,
            transform=ax.get_yaxis_transform(),
            va="center",
        )
    ax.set(xlim=limits, ylim=(len(order) - 0.5, -0.6))
    ax.set_yticks(range(len(order)), order)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    percent_ticks(ax.xaxis)


def held_out_against_true(
    ax: Axes,
    seen: ArrayLike,
    true: ArrayLike,
    *,
    top: float,
    prices: Sequence[float],
    marked: Sequence[tuple[int, str, str]],
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    """Draw the accuracy of each candidate on held-out given labels against its true accuracy.

    There is a line for each price: where all points would lie if each error cost that much. What
    lies outside of all lines is there by the chance of its sample.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    seen : array of shape (candidates,)
        Share of held-out given labels that each predicts.
    true : array of shape (candidates,)
        Its accuracy.
    top : float
        Share of held-out given labels that is predicted by being always right.
    prices : sequence of float
        What an error costs, as a share of those labels: one line for each.
    marked : sequence of (index, text, actor)
        Candidates to name.
    limits : ((low, high), (low, high))
        Of the x-axis, for `seen`, and of the y-axis, for `true`.

    Raises
    ------
    ValueError
        If `seen` and `true` differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.recipe import held_out_against_true
    >>> look = {"marked": [(1, "chosen", "accent")], "limits": ((0.3, 0.7), (0.4, 1.0))}
    >>> ax, seen, true = Figure().add_subplot(), [0.5, 0.6], [0.7, 0.8]
    >>> held_out_against_true(ax, seen, true, top=0.65, prices=[0.3, 0.65], **look)
    """
    x, y = np.asarray(seen, dtype=float), np.asarray(true, dtype=float)
    same_length(seen=x, true=y)
    (left, right), (low, high) = limits
    accuracy = np.array([low, high])
    for price in prices:
        line, label = top - price * (1 - accuracy), f"price {price:g}"
        ax.plot(line, accuracy, color=colour("theory"), linewidth=1.6, label=label)
    style: dict[str, Any] = {"markersize": 4.5, "alpha": 0.65, "markeredgewidth": 0}
    ax.plot(x, y, "o", color=colour("student"), label="candidates", **style)
    for index, text, who in marked:
        above = y[index] >= max(y[other] for other, _, _ in marked)
        ax.plot(x[index], y[index], "o", color=colour(who), markersize=9, label=text)
        ax.annotate(
            text,
            (x[index], y[index]),
            xytext=(10, -4 if above else -14),
            textcoords="offset points",
            color=colour(who),
        )
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))  # whole per cents
    percent_ticks(ax.xaxis)
    percent_ticks(ax.yaxis)


def wrong_labels_found(ax: Axes, wrong: ArrayLike, suspicion: ArrayLike) -> Floats:
    """Draw which share of all wrong labels is found by reading the most suspicious first.

    Over the share of the list that is read. The dashed line is a perfect order, the dotted one
    an order by chance.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    wrong : array of bool, shape (N,)
        Whether the given label is wrong; at least one is.
    suspicion : array of shape (N,)
        The larger, the earlier it is read.

    Returns
    -------
    ndarray of shape (N,)
        Share found after reading 1, 2, ..., N.

    Raises
    ------
    ValueError
        If no label is wrong, or the two differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.recipe import wrong_labels_found
    >>> wrong, suspicion = [False, True, True, False], [0.1, 0.9, 0.2, 0.5]
    >>> wrong_labels_found(Figure().add_subplot(), wrong, suspicion)
    array([0.5, 0.5, 1. , 1. ])
    """
    errors = np.asarray(wrong, dtype=bool)
    same_length(wrong=errors, suspicion=np.asarray(suspicion))
    if not errors.any():
        raise ValueError("wrong must have at least one wrong label, got none.")
    order = np.argsort(-np.asarray(suspicion, dtype=float), kind="stable")
    found: Floats = np.cumsum(errors[order]) / errors.sum()
    read = np.arange(1, len(found) + 1) / len(found)
    share = errors.mean()
    ax.plot(
        [0, share, 1],
        [0, 1, 1],
        color=colour("muted"),
        linewidth=1.4,
        linestyle="--",
        label="perfect",
    )
    ax.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1.4, linestyle=":", label="chance")
    ax.plot(read, found, color=colour("student"), linewidth=2.6, label="found")
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="how much of the list you read")
    percent_ticks(ax.xaxis)
    percent_ticks(ax.yaxis)
    return found


def votes_with_spread(ax: Axes, row: ArrayLike, n: int, *, shown: int) -> None:
    """Draw how often each label is given in one class, with twice its standard deviation.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    row : array of shape (K,)
        Chances of the given labels, the true class first.
    n : int
        Instances of the class.
    shown : int
        How many labels to draw: the truth and the most frequent others.

    Raises
    ------
    ValueError
        If `row` does not sum to one.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.recipe import votes_with_spread
    >>> votes_with_spread(Figure().add_subplot(), [0.5, 0.1, 0.4], 100, shown=3)
    """
    chance = np.asarray(row, dtype=float)
    if not np.isclose(chance.sum(), 1):
        raise ValueError(f"row must sum to 1, got {chance.sum():.4g}.")
    others = np.sort(chance[1:][chance[1:] > 0])[::-1][: shown - 1]
    bars = np.array([chance[0], *others])
    shades = [colour("true")] + [colour("given")] * len(others)
    ax.bar(range(len(bars)), n * bars, 0.7, color=shades, label="votes")
    spread = 2 * np.sqrt(n * bars * (1 - bars))
    ink, places = colour("text"), range(len(bars))
    ax.errorbar(places, n * bars, spread, fmt="none", color=ink, linewidth=1.4, label="spread")
    ax.set_xticks(range(len(bars)), ["the truth", *["wrong"] * len(others)])
    ax.tick_params(axis="x", length=0)
    ax.set(ylim=(0, n * 1.05), xlim=(-0.6, shown - 0.4))
    ax.set_title(f"votes of a class of {n}, and their luck", color=colour("muted"))


def rounds_by_penalty(
    ax: Axes, lams: ArrayLike, rounds: ArrayLike, candidates: ArrayLike, *, most: int
) -> None:
    """Draw how many rounds theory asks for at each penalty, and where two candidates are enough.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    lams : array of shape (L,)
        Penalties, ascending.
    rounds : array of shape (L,)
        Least rounds; infinite where none is enough.
    candidates : array of bool, shape (L,)
        Whether one student with candidates gets everything right.
    most : int
        Top of the axis; more is drawn at the top, as a hollow point.

    Raises
    ------
    ValueError
        If the three differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.recipe import rounds_by_penalty
    >>> lams, rounds, candidates = [1e-3, 1e-2, 1e-1], [float("inf"), 3, 1], [True, False, False]
    >>> rounds_by_penalty(Figure().add_subplot(), lams, rounds, candidates, most=12)
    """
    penalty, needed = np.asarray(lams, dtype=float), np.asarray(rounds, dtype=float)
    works = np.asarray(candidates, dtype=bool)
    same_length(lams=penalty, rounds=needed, candidates=works)
    ax.plot(penalty, np.minimum(needed, most), "-", color=colour("student"))
    fits = needed <= most
    for name, chosen, filling in (("rounds", fits, "student"), ("more", ~fits, "background")):
        ax.plot(
            penalty[chosen],
            np.minimum(needed, most)[chosen],
            "o",
            color=colour(filling),
            markeredgecolor=colour("student"),
            markersize=7,
            label=name,
        )
    feet, ink = np.zeros(works.sum()), colour("pll")
    ax.plot(penalty[works], feet, "s", color=ink, markersize=7, label="candidates")
    ax.set(xscale="log", ylim=(-0.9, most + 0.8), xlabel="penalty λ")
    ax.set_yticks([1, 4, 8, most], ["1", "4", "8", f"{most}+"])
    ax.minorticks_off()
    ax.set_title("rounds that theory wants", color=colour("student"))
    said = "■ two candidates are enough" if works.any() else "two candidates are never enough"
    ax.text(1, 1.04, said, color=colour("pll"), transform=ax.transAxes, ha="right", va="bottom")
