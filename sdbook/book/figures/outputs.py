"""Outputs of a model: of all instances as colours, of one instance as bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from sdbook.book.figures._check import one_each
from sdbook.book.figures.style import colour, faded, frame, percent_ticks, sequential


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
    """Draw the outputs of all instances as colours, one panel for each round from left to right.

    Instances are rows, sorted by their true class from top to bottom; classes are columns. A
    student that has the right answer for every instance shows a diagonal of blocks.

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

    Raises
    ------
    ValueError
        If shapes do not fit, or `rounds` or `titles` have not one entry per panel.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import output_heatmaps
    >>> teacher, student = [[0.6, 0.4], [0.5, 0.5]], [[0.7, 0.3], [0.4, 0.6]]
    >>> panels = output_heatmaps(Figure(), [teacher, student], [0, 1])
    >>> [panel.get_title() for panel in panels]
    ['teacher', 'round 2']
    """
    panels = [np.asarray(panel, dtype=float) for panel in outputs]  # type: ignore[union-attr]
    labels = np.asarray(true_labels)
    if not panels or any(p.ndim != 2 or p.shape != (len(labels), p.shape[1]) for p in panels):
        raise ValueError(
            f"outputs must be arrays of shape ({len(labels)}, K), one row per true label, "
            f"got {[p.shape for p in panels]}."
        )
    rounds = list(range(1, len(panels) + 1)) if rounds is None else list(rounds)
    one_each("rounds", rounds, "panel", len(panels))
    if titles is None:
        titles = [f"round {t}" if t > 1 or len(panels) > 4 else "teacher" for t in rounds]
    one_each("titles", titles, "panel", len(panels))
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
        frame(ax, colour("grid"))
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


def class_bars(
    ax: Axes,
    values: ArrayLike,
    *,
    true: int,
    given: int,
    limits: tuple[float, float],
    ylabel: str,
    points: ArrayLike | None = None,
    xlabel: str = "class",
) -> None:
    """Draw one bar for each class; the true and the given label of an instance stand out.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : array of shape (K,)
        The heights of the bars, as shares: what theory says.
    true, given : int
        The class of the instance, and its label in the data. Where they are the same, its bar
        has the colour of the true label.
    limits : (low, high)
        The limits of the y-axis.
    ylabel : str
        Written above the y-axis.
    points : array of shape (K,), optional
        What an experiment says about the same heights.
    xlabel : str

    Raises
    ------
    ValueError
        If `values` or `points` have another shape.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.outputs import class_bars
    >>> ax, outputs = Figure().add_subplot(), [0.5, 0.3, 0.2]
    >>> class_bars(ax, outputs, true=0, given=2, limits=(0, 1), ylabel="output")
    """
    heights = np.asarray(values, dtype=float)
    if heights.ndim != 1:
        raise ValueError(f"values must have shape (K,), got {heights.shape}.")
    classes = np.arange(len(heights))
    colours = [faded(colour("muted"), 0.45)] * len(heights)
    colours[given] = colour("given")
    colours[true] = colour("true")
    ax.bar(classes, heights, width=0.78, color=colours, label="theory")
    ax.axhline(0, color=colour("muted"), linewidth=1)
    if points is not None:
        dots = np.asarray(points, dtype=float)
        if dots.shape != heights.shape:
            raise ValueError(f"points must have shape {heights.shape}, got {dots.shape}.")
        ax.plot(
            classes,
            dots,
            "o",
            color=colour("experiment"),
            markersize=6.5,
            markeredgecolor=colour("background"),
            markeredgewidth=1.2,
            label="experiment",
        )
    ax.set(xlim=(-0.6, len(heights) - 0.4), ylim=limits, xlabel=xlabel)
    ax.set_xticks(classes)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    percent_ticks(ax.yaxis)
    ax.grid(axis="y")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title(ylabel, color=colour("muted"))
