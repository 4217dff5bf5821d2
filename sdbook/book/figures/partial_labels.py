"""Partial labels (chapter 10): candidate sets of one class, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour


def candidate_table(
    figure: Figure,
    outputs: ArrayLike,
    sets: ArrayLike,
    shares: ArrayLike,
    answers: Sequence[str],
    *,
    true: int,
    classes: Sequence[int],
) -> None:
    """Draw the candidate sets of one class, and below them in how many sets each class is.

    One row for each given label, one column for each class: the teacher's output as a number, on a
    filled cell where the class is a candidate. On the right what the student answers. Below, a bar
    for each column; one that reaches the top is in every set.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure.
    outputs : array of shape (K, K)
        The teacher's outputs for instances of the class; one row for each given label.
    sets : array of shape (K, K)
        Positive where a class is a candidate.
    shares : array of shape (K,)
        How much of the class has each given label. The row of a label without a share is empty.
    answers : sequence of str
        What the student says, for each given label, K in all.
    true : int
        The class whose instances these are.
    classes : sequence of int
        The columns, and the order of the rows.

    Raises
    ------
    ValueError
        If shapes do not fit, or `classes` lacks the true class.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.partial_labels import candidate_table
    >>> figure, outputs, sets = Figure((6.4, 5.2)), [[0.8, 0.2], [0.6, 0.4]], [[1, 1], [1, 0]]
    >>> candidate_table(figure, outputs, sets, [0.7, 0.3], ["0", "0"], true=0, classes=[0, 1])
    >>> [text.get_text() for text in figure.axes[1].texts][:2]
    ['100%', '70%']
    """
    values, members = np.asarray(outputs, dtype=float), np.asarray(sets) > 0
    part = np.asarray(shares, dtype=float)
    K = len(part)
    if values.shape != (K, K) or members.shape != (K, K) or len(answers) != K:
        raise ValueError(
            f"outputs, sets and answers must have shapes ({K}, {K}), ({K}, {K}) and ({K},), as "
            f"many as shares, got {values.shape}, {members.shape} and ({len(answers)},)."
        )
    if true not in classes:
        raise ValueError(f"classes must contain true={true}, got {list(classes)}.")
    table = figure.add_axes((0.27, 0.42, 0.5, 0.5))
    for y, j in enumerate(classes):
        if part[j] == 0:
            table.text(-0.62, y, f"none called {j}", color=colour("muted"), ha="right", va="center")
            continue
        own = colour("true" if j == true else "given")
        table.text(-0.62, y, f"{part[j]:.0%} called {j}", color=own, ha="right", va="center")
        for x, k in enumerate(classes):
            _cell(table, x, y, f"{values[j, k]:.2f}", bool(members[j, k]))
        right = answers[j] == str(true)
        shade = colour("true" if right else "given")
        mark = "✓" if right else "✗"
        table.text(len(classes) - 0.35, y, f"{answers[j]} {mark}", color=shade, va="center")
    table.set(
        xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5), xticks=[], yticks=[]
    )
    table.spines[:].set_visible(False)
    table.text(-0.43, -0.72, "teacher's outputs", color=colour("muted"), va="bottom")
    table.text(len(classes) - 0.35, -0.72, "student", color=colour("muted"), va="bottom")

    total = (part[:, None] * members).sum(axis=0)
    bars = figure.add_axes((0.27, 0.16, 0.5, 0.15))
    shades = [colour("true") if k == true else colour("pll") for k in classes]
    bars.bar(range(len(classes)), total[list(classes)], width=0.86, color=shades, label="shares")
    bars.axhline(1, color=colour("muted"), linewidth=1.2)
    for x, k in enumerate(classes):
        if total[k] > 0:
            bars.text(x, 1.08, f"{total[k]:.0%}", ha="center", color=colour("text"))
    bars.set(xlim=(-0.5, len(classes) - 0.5), ylim=(0, 1.1), yticks=[], xlabel="class")
    bars.set_xticks(range(len(classes)), [str(k) for k in classes])
    bars.tick_params(length=0)
    bars.spines["left"].set_visible(False)
    bars.text(-0.62, 0.5, "in the sets of", ha="right", va="bottom", color=colour("muted"))
    whose = f"this share of {true}s"
    bars.text(-0.62, 0.45, whose, ha="right", va="top", color=colour("muted"))


def _cell(ax: Axes, x: float, y: float, text: str, member: bool) -> None:
    """A number, on a filled cell if it belongs to a candidate."""
    ink = colour("muted")
    if member:
        ax.add_patch(Rectangle((x - 0.43, y - 0.4), 0.86, 0.8, color=colour("pll"), linewidth=0))
        ink = colour("background")
    ax.text(x, y, text, color=ink, ha="center", va="center")
