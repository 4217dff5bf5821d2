"""What changes from round to round: accuracies as lines, outputs as heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from sdbook.book.figures.style import actors, colour, label_lines, sequential


def accuracy_curves(
    ax: Axes,
    curves: Mapping[str, ArrayLike],
    *,
    actors_of: Mapping[str, str] | None = None,
    first_round: int = 1,
    limits: tuple[float, float] | None = None,
    ylabel: str = "accuracy",
) -> None:
    """Draw one line for each named curve over the rounds, with its name at its end.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    curves : mapping of str to array of shape (rounds,)
        Name, as it will be written at the end of the line, and accuracies between 0 and 1.
    actors_of : mapping of str to str, optional
        The actor whose colour a curve takes, by name. A curve named like an actor takes its
        colour by default, any other the student's.
    first_round : int
        The round of the first accuracy. Round 1 is the teacher.
    limits : (low, high), optional
        The limits of the y-axis. Fix them in an explorer, or the axis moves with the data.
    ylabel : str
        Written above the y-axis, where it can be read without turning one's head.
    """
    if not curves:
        raise ValueError("curves must name at least one curve, got an empty mapping")
    chosen = {name: name if name in actors() else "student" for name in curves} | dict(
        actors_of or {}
    )
    ends, colours = [], []
    for name, values in curves.items():
        y = np.asarray(values, dtype=float)
        if y.ndim != 1 or not y.size:
            raise ValueError(f"curves[{name!r}] must have shape (rounds,), got {y.shape}")
        rounds = first_round + np.arange(len(y))
        # A point on the edge of the axes is shown whole, one outside of them is not.
        outside = limits is not None and (y.min() < limits[0] or y.max() > limits[1])
        ax.plot(rounds, y, "o-", color=colour(chosen[name]), clip_on=bool(outside))
        ends.append((float(rounds[-1]), float(y[-1])))
        colours.append(colour(chosen[name]))
    last = max(x for x, _ in ends)
    if limits is not None:
        ax.set_ylim(*limits)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="%"))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    ax.set_xlim(first_round - 0.15, last + 0.15)
    label_lines(ax, ends, list(curves), colours)
    ax.set_xticks(_round_ticks(first_round, int(last)))
    ax.spines["bottom"].set_bounds(first_round, last)
    # Lines of a grid would run on through the labels.
    low, high = ax.get_ylim()
    levels = [y for y in ax.get_yticks() if low <= y <= high]
    ax.hlines(levels, first_round, last, color=colour("grid"), linewidth=1, zorder=0.5)
    ax.set_ylim(low, high)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("round (1 is the teacher)" if first_round == 1 else "round")
    ax.set_title(ylabel, color=colour("muted"))


def _round_ticks(first: int, last: int) -> list[int]:
    """All rounds where they fit, otherwise the first and round numbers after it."""
    if last - first < 12:
        return list(range(first, last + 1))
    step = next(s for s in (2, 5, 10, 20, 50, 100, 1000) if (last - first) / s < 10)
    return [first, *(t for t in range(step, last + 1, step) if t - first >= step / 2)]


def output_heatmaps(
    figure: Figure,
    outputs: ArrayLike | Sequence[ArrayLike],
    true_labels: ArrayLike,
    *,
    rounds: Sequence[int] | None = None,
    titles: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    maximum: float = 1.0,
) -> list[Axes]:
    """Draw the outputs as heat maps, one panel for each round from left to right.

    Instances are rows, sorted by their true class from top to bottom; classes are columns. A
    student that has the right answer for every instance shows a clean diagonal of blocks.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    outputs : array of shape (rounds, N, K), or a sequence of arrays of shape (N, K)
        Rows are outputs: shares of the classes.
    true_labels : array of shape (N,)
        Integers from 0 to K - 1.
    rounds : sequence of int, optional
        The round of each panel; 1, 2, ... by default.
    titles : sequence of str, optional
        What stands above each panel, in one line or more; its round by default.
    class_names : sequence of str, optional
        Ticks for the classes; their numbers by default.
    maximum : float
        The output that gets the strongest colour.

    Returns
    -------
    list of matplotlib.axes.Axes
        One for each panel.
    """
    panels = [np.asarray(panel, dtype=float) for panel in outputs]  # type: ignore[union-attr]
    labels = np.asarray(true_labels)
    if not panels or any(p.ndim != 2 or p.shape != (len(labels), p.shape[1]) for p in panels):
        raise ValueError(
            f"outputs must be arrays of shape ({len(labels)}, K), as many rows as true_labels, "
            f"got {[p.shape for p in panels]}"
        )
    rounds = list(range(1, len(panels) + 1)) if rounds is None else list(rounds)
    if len(rounds) != len(panels):
        raise ValueError(f"rounds must name {len(panels)} panels, got {len(rounds)}")
    if titles is None:
        titles = [f"round {t}" if t > 1 or len(panels) > 4 else "teacher" for t in rounds]
    if len(titles) != len(panels):
        raise ValueError(f"titles must name {len(panels)} panels, got {len(titles)}")
    classes = panels[0].shape[1]
    names = [str(k) for k in range(classes)] if class_names is None else list(class_names)
    order = np.argsort(labels, kind="stable")
    edges = np.searchsorted(labels[order], np.arange(classes + 1))
    # Text has the same size in every figure, so that the margins are in inches.
    width, height = figure.get_size_inches()
    lines = 1 + max(title.count("\n") for title in titles)
    grid = figure.add_gridspec(
        1,
        len(panels),
        left=0.65 / width,
        right=1 - 0.1 / width,
        bottom=0.55 / height,
        top=1 - (0.15 + 0.21 * lines) / height,
        wspace=0.12,
    )
    axes = [figure.add_subplot(grid[0, column]) for column in range(len(panels))]
    for ax, panel, title in zip(axes, panels, titles, strict=True):
        ax.imshow(
            panel[order],
            cmap=sequential(),
            vmin=0,
            vmax=maximum,
            aspect="auto",
            interpolation="antialiased",
            extent=(-0.5, classes - 0.5, len(labels), 0),
        )
        ax.set_title(title, color=colour("text"))
        ax.hlines(edges[1:-1], -0.5, classes - 0.5, color=colour("grid"), linewidth=0.8)
        _class_ticks(ax, classes, names, len(panels))
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(True)
            spine.set_color(colour("grid"))
    axes[0].set_yticks((edges[:-1] + edges[1:]) / 2, names)
    axes[0].tick_params(axis="y", length=0)
    axes[0].set_ylabel("instances, by true class")
    figure.supxlabel("output for class", fontsize=12, color=colour("muted"), y=0.06 / height)
    return axes


def _class_ticks(ax: Axes, n_classes: int, names: Sequence[str], panels: int) -> None:
    """Label as many classes as fit under a panel."""
    step = (
        1 if n_classes * panels <= 20 else 3 if n_classes * panels <= 40 else max(1, n_classes - 1)
    )
    shown = range(0, n_classes, step)
    ax.set_xticks(list(shown), [names[k] for k in shown])
    ax.tick_params(axis="x", length=0)
