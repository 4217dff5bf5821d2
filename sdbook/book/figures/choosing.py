"""Choosing without clean labels: what is seen, what it is worth, and who wins in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from sdbook.book.figures.style import colour

Floats = NDArray[np.float64]


def leaderboard(
    ax: Axes,
    scores: Mapping[str, ArrayLike],
    *,
    best: Mapping[str, ArrayLike] | None = None,
    actors_of: Mapping[str, str] | None = None,
    limits: tuple[float, float],
) -> None:
    """Draw one row for each method: the mean of its scores as a number and a dot, and their sd.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    scores : mapping from name to array of shape (seeds,)
        Accuracies, as shares. The highest mean is the top row.
    best : mapping from name to array of shape (seeds,), optional
        What the same methods would have had with the best choice: a hollow dot.
    actors_of : mapping from name to actor, optional
        Colours; muted by default.
    limits : (low, high)
        Of the accuracy axis.

    Raises
    ------
    ValueError
        If `scores` is empty, or `best` lacks a method.
    """
    if not scores:
        raise ValueError("scores is empty; accepted is one entry or more")
    missing = sorted(set(scores) - set(best)) if best is not None else []
    if missing:
        raise ValueError(f"best has no entry for {missing[0]!r}; accepted is one for each score")
    means = {name: float(np.asarray(values).mean()) for name, values in scores.items()}
    order = sorted(means, key=lambda name: -means[name])
    for row, name in enumerate(order):
        shade = colour((actors_of or {}).get(name, "muted"))
        values = np.asarray(scores[name], dtype=float)
        spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
        ax.plot([limits[0], limits[1]], [row, row], color=colour("grid"), linewidth=1, zorder=0)
        ax.plot([means[name] - spread, means[name] + spread], [row, row], color=shade, linewidth=3)
        if best is not None:
            ideal = float(np.asarray(best[name]).mean())
            ax.plot(
                ideal, row, "o", markersize=7, markeredgecolor=shade, color=colour("background")
            )
        ax.plot(means[name], row, "o", color=shade, markersize=7)
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
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def seen_against_true(
    ax: Axes,
    seen: ArrayLike,
    true: ArrayLike,
    *,
    top: float,
    prices: Sequence[float],
    marked: Sequence[tuple[int, str, str]] = (),
    limits: tuple[tuple[float, float], tuple[float, float]],
    actor: str = "student",
) -> None:
    """Draw what held-out given labels say of each candidate against what is true.

    A line for each price: where all would be if each error cost that much. What lies outside all
    lines had luck, or bad luck, in its sample.

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
        Of the seen and of the true axis.
    actor : str
        Whose colour the points have.

    Raises
    ------
    ValueError
        If `seen` and `true` have different shapes.
    """
    x, y = np.asarray(seen, dtype=float), np.asarray(true, dtype=float)
    if x.shape != y.shape:
        raise ValueError(f"seen has shape {x.shape} and true {y.shape}; accepted are equal shapes")
    (left, right), (low, high) = limits
    accuracy = np.array([low, high])
    for price in prices:
        ax.plot(top - price * (1 - accuracy), accuracy, color=colour("theory"), linewidth=1.6)
    ax.plot(x, y, "o", color=colour(actor), markersize=4.5, alpha=0.65, markeredgewidth=0)
    for index, text, who in marked:
        above = y[index] >= max(y[other] for other, _, _ in marked)
        ax.plot(x[index], y[index], "o", color=colour(who), markersize=9)
        ax.annotate(
            text,
            (x[index], y[index]),
            xytext=(10, -4 if above else -14),
            textcoords="offset points",
            color=colour(who),
        )
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))  # whole per cents
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def found_in_order(
    ax: Axes,
    wrong: ArrayLike,
    suspicion: ArrayLike,
    *,
    xlabel: str = "how much of the list you read",
) -> Floats:
    """Draw which share of all wrong labels is found by reading the most suspicious first.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    wrong : array of bool, shape (N,)
        Whether the given label is wrong; at least one is.
    suspicion : array of shape (N,)
        The larger, the earlier it is read.
    xlabel : str

    Returns
    -------
    ndarray of shape (N,)
        Share found after reading 1, 2, ..., N.

    Raises
    ------
    ValueError
        If no label is wrong.
    """
    errors = np.asarray(wrong, dtype=bool)
    if not errors.any():
        raise ValueError("wrong has no wrong label; accepted is one at least")
    order = np.argsort(-np.asarray(suspicion, dtype=float), kind="stable")
    found: Floats = np.cumsum(errors[order]) / errors.sum()
    read = np.arange(1, len(found) + 1) / len(found)
    share = errors.mean()
    ax.plot([0, share, 1], [0, 1, 1], color=colour("muted"), linewidth=1.4, linestyle="--")
    ax.plot([0, 1], [0, 1], color=colour("muted"), linewidth=1.4, linestyle=":")
    ax.plot(read, found, color=colour("student"), linewidth=2.6)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=xlabel)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return found


def votes_with_luck(ax: Axes, row: ArrayLike, n: int, *, shown: int = 6) -> None:
    """Draw the votes of one class, each with twice its standard deviation.

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
    """
    chance = np.asarray(row, dtype=float)
    if not np.isclose(chance.sum(), 1):
        raise ValueError(f"row sums to {chance.sum():.4g}; accepted are chances, which sum to 1")
    others = np.sort(chance[1:][chance[1:] > 0])[::-1][: shown - 1]
    bars = np.array([chance[0], *others])
    shades = [colour("true")] + [colour("given")] * len(others)
    ax.bar(range(len(bars)), n * bars, 0.7, color=shades)
    luck = 2 * np.sqrt(n * bars * (1 - bars))
    ax.errorbar(
        range(len(bars)), n * bars, yerr=luck, fmt="none", color=colour("text"), linewidth=1.4
    )
    ax.set_xticks(range(len(bars)), ["the truth", *["wrong"] * len(others)])
    ax.tick_params(axis="x", length=0)
    ax.set(ylim=(0, n * 1.05), xlim=(-0.6, shown - 0.4))
    ax.set_title(f"votes of a class of {n}, and their luck", color=colour("muted"))


def rounds_by_penalty(
    ax: Axes, lams: ArrayLike, rounds: ArrayLike, candidates: ArrayLike, *, most: int = 12
) -> None:
    """Draw how many rounds theory wants for each penalty, and where two candidates are enough.

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
        If the three have different lengths.
    """
    penalty, needed = np.asarray(lams, dtype=float), np.asarray(rounds, dtype=float)
    works = np.asarray(candidates, dtype=bool)
    if not penalty.shape == needed.shape == works.shape:
        raise ValueError(
            f"lams, rounds and candidates have shapes {penalty.shape}, {needed.shape} and "
            f"{works.shape}; accepted are equal ones"
        )
    ax.plot(penalty, np.minimum(needed, most), "-", color=colour("student"))
    fits = needed <= most
    for chosen, filling in ((fits, "student"), (~fits, "background")):
        ax.plot(
            penalty[chosen],
            np.minimum(needed, most)[chosen],
            "o",
            color=colour(filling),
            markeredgecolor=colour("student"),
            markersize=7,
        )
    ax.plot(penalty[works], np.zeros(works.sum()), "s", color=colour("pll"), markersize=7)
    ax.set(xscale="log", ylim=(-0.9, most + 0.8), xlabel="penalty λ")
    ax.set_yticks([1, 4, 8, most], ["1", "4", "8", f"{most}+"])
    ax.minorticks_off()
    ax.set_title("rounds that theory wants", color=colour("student"))
    said = "■ two candidates are enough" if works.any() else "two candidates are never enough"
    ax.text(1, 1.04, said, color=colour("pll"), transform=ax.transAxes, ha="right", va="bottom")
