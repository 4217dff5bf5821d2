"""Small images in a row, each with its label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour, frame, mode
from sdbook.book.figures.text import typeset


def digit_strip(
    figure: Figure,
    images: ArrayLike,
    weights: ArrayLike | None,
    labels: Sequence[object],
    right: ArrayLike,
    *,
    bounds: tuple[float, float, float, float] = (0.02, 0.05, 0.96, 0.9),
    columns: int | None = None,
) -> list[Axes]:
    r"""Draw small images in a row, each with its label and its weight underneath.

    A tick or a cross, and the colour, say whether the label is right.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    images : array of shape (n, height, width)
        Grey values of any scale; the larger, the more ink.
    weights : array of shape (n,) or None
        Shares, written in per cent. None for images without a weight.
    labels : sequence of length n
        What is written: the given label of each image.
    right : array of bool, shape (n,)
        Whether the label is right.
    bounds : (left, bottom, width, height)
        The part of the figure that the strip fills, in shares of the figure.
    columns : int, optional
        Start a new row after so many images; all in one row by default.

    Returns
    -------
    list of matplotlib.axes.Axes
        One for each image.

    Raises
    ------
    ValueError
        If `images` are not images, or the arguments differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import digit_strip
    >>> strip = digit_strip(Figure(), np.eye(8)[None], [0.25], [3], [True])
    >>> strip[0].get_xlabel()
    '3 ✓\n25.0%'
    """
    pictures = np.asarray(images, dtype=float)
    shares = None if weights is None else np.asarray(weights, dtype=float)
    flags = np.asarray(right, dtype=bool)
    lengths = {len(pictures), len(labels), len(flags)} | (
        set() if shares is None else {len(shares)}
    )
    if pictures.ndim != 3 or len(lengths) > 1:
        raise ValueError(
            "images must have shape (n, height, width), and weights, labels and right length n, "
            f"got {pictures.shape} and lengths {sorted(lengths)}."
        )
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    left, bottom, width, height = bounds
    grid = figure.add_gridspec(
        rows,
        columns,
        left=left,
        right=left + width,
        bottom=bottom,
        top=bottom + height,
        wspace=0.15,
        hspace=0.75,
    )
    axes = []
    for i, picture in enumerate(pictures):
        ax = figure.add_subplot(grid[i // columns, i % columns], anchor="N")
        actor = "clean" if flags[i] else "corrupted"
        draw_image(ax, picture, colour(actor), 1.6)
        mark = "✓" if flags[i] else "✗"
        text = f"{labels[i]} {mark}"
        if shares is not None:
            text += f"\n{typeset(100 * shares[i], '.1f')}%"
        ax.set_xlabel(text, color=colour(actor), labelpad=4)
        axes.append(ax)
    return axes


def draw_image(ax: Axes, image: ArrayLike, shade: str, linewidth: float = 1.0) -> None:
    """Draw one image in the ink of the page, with a line around it."""
    ax.imshow(np.asarray(image), cmap="gray" if mode() == "dark" else "gray_r")
    ax.set(xticks=[], yticks=[])
    frame(ax, shade, linewidth)
