"""The linearised softmax (chapter 5): outputs for three classes as points in a triangle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike, NDArray

from sdbook.book.figures._check import one_each
from sdbook.book.figures.style import colour

_HEIGHT = float(np.sqrt(3)) / 2
# Where certainty lies: class 0 bottom left, class 1 bottom right, class 2 on top.
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, _HEIGHT]])


def in_triangle(outputs: ArrayLike) -> NDArray[np.float64]:
    """Return where outputs for three classes lie in a triangle with sides of length one.

    Parameters
    ----------
    outputs : array of shape (..., 3)
        Rows sum to one; entries below 0 lie outside.

    Returns
    -------
    ndarray of shape (..., 2)

    Raises
    ------
    ValueError
        If there are not three classes.

    Examples
    --------
    >>> from sdbook.book.figures.linearised_softmax import in_triangle
    >>> in_triangle([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
    array([[0. , 0. ],
           [1. , 0. ],
           [0.5, 0. ]])
    """
    y = np.asarray(outputs, dtype=float)
    if y.ndim == 0 or y.shape[-1] != 3:
        raise ValueError(f"outputs must have shape (..., 3), got {y.shape}.")
    return np.asarray(y @ _CORNERS)


def output_triangle(ax: Axes, names: Sequence[str], *, margin: float) -> None:
    """Draw the triangle of outputs for three classes; dashed lines part the classes' regions.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    names : sequence of str
        One for each class, written at its corner.
    margin : float
        How much is shown outside of the triangle, in units of its sides.

    Raises
    ------
    ValueError
        If there are not three names.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.linearised_softmax import output_triangle
    >>> output_triangle(Figure().add_subplot(), ["0", "1", "2"], margin=0.2)
    """
    one_each("names", names, "corner", 3)
    centre = _CORNERS.mean(axis=0)
    outline = np.vstack([_CORNERS, _CORNERS[:1]])
    ax.fill(*outline.T, color=colour("grid"), alpha=0.45, linewidth=0, zorder=0)
    ax.plot(*outline.T, color=colour("muted"), linewidth=1.3, zorder=1)
    for corner in range(3):
        # From the centre through the middle of the side opposite to a corner, and beyond.
        middle = _CORNERS[[k for k in range(3) if k != corner]].mean(axis=0)
        end = middle + (middle - centre) / np.linalg.norm(middle - centre) * margin
        ax.plot(*np.transpose([centre, end]), color=colour("muted"), linewidth=1.0, alpha=0.7,
                dashes=(4, 3), zorder=1, label="border")  # fmt: skip
    places = [(-6, -4, "right", "top"), (6, -4, "left", "top"), (0, 6, "center", "bottom")]
    for at, name, (dx, dy, side, height) in zip(_CORNERS, names, places, strict=True):
        ax.annotate(name, at, xytext=(dx, dy), textcoords="offset points", ha=side, va=height,
                    color=colour("text"), zorder=6)  # fmt: skip
    ax.set(xlim=(-margin, 1 + margin), ylim=(-margin, _HEIGHT + margin), aspect="equal")
    ax.set_axis_off()


def output_arrows(
    ax: Axes,
    starts: ArrayLike,
    ends: ArrayLike,
    actor: str,
    *,
    size: float = 4.0,
    linewidth: float = 1.0,
    zorder: float = 3,
) -> None:
    """Draw a line from one output to another for each instance, with a dot where it ends.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Prepared by `output_triangle`.
    starts, ends : array of shape (n, 3)
        Outputs for three classes.
    actor : str
        Whose colour the arrows have.
    size, linewidth : float
        Of the dots and of the lines, in points. Lines are paler, so that dots lead the eye.
    zorder : float
        What is larger covers what is smaller.

    Raises
    ------
    ValueError
        If there are not three classes, or the two have different shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.linearised_softmax import output_arrows, output_triangle
    >>> ax = Figure().add_subplot()
    >>> output_triangle(ax, ["0", "1", "2"], margin=0.2)
    >>> output_arrows(ax, np.full((3, 3), 1 / 3), np.eye(3), "clean")
    """
    tail, head = in_triangle(starts), in_triangle(ends)
    if tail.shape != head.shape:
        raise ValueError(
            "starts and ends must have the same shape, "
            f"got {np.shape(starts)} and {np.shape(ends)}."
        )
    lines = LineCollection(
        list(np.stack([tail, head], axis=1)), colors=colour(actor), linewidths=linewidth,
        alpha=0.6, zorder=zorder, label="arrows",
    )  # fmt: skip
    ax.add_collection(lines, autolim=False)
    ax.plot(*head.T, "o", color=colour(actor), markersize=size, markeredgewidth=0, zorder=zorder,
            label="ends")  # fmt: skip
