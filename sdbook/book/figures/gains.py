"""What students gain over their teacher, against the share of wrong labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from numpy.typing import ArrayLike

from sdbook.book.figures.style import colour


def gain_bars(
    ax: Axes,
    rates: ArrayLike,
    gains: Mapping[str, tuple[ArrayLike, ArrayLike]],
    colours: Sequence[str],
    *,
    limits: tuple[float, float],
    teacher: ArrayLike | None = None,
    key: Mapping[str, str] | None = None,
) -> None:
    """Draw one bar for each student at each rate, with an error bar.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    rates : array of shape (R,)
        Shares of wrong labels; equally spaced on the page, whatever they are.
    gains : mapping of str to (mean, error)
        For each student, two arrays of shape (R,): gain over the teacher in points, and half the
        length of the error bar. In the order of the bars, from the left.
    colours : sequence of str
        One for each student: colours, not names of actors.
    limits : (low, high)
        Ends of the y-axis, in points.
    teacher : array of shape (R,), optional
        The teacher's accuracy, a share, written under each rate.
    key : mapping of str to str, optional
        Texts and their colours, written above the axes; the students' names by default.

    Raises
    ------
    ValueError
        If numbers of rates, students or colours do not agree.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import colour, theme
    >>> from sdbook.book.figures.gains import gain_bars
    >>> gains = {"round 2": ([1.5, 4.0], [0.5, 0.4]), "two candidates": ([-1, 6.0], [0.3, 0.6])}
    >>> with theme("light"):
    ...     ax = Figure().add_subplot()
    ...     gain_bars(ax, [0.5, 0.8], gains, [colour("student"), colour("pll")], limits=(-3, 8))
    """
    shares = np.asarray(rates, dtype=float)
    if len(colours) != len(gains):
        raise ValueError(
            f"colours must have one entry for each of the {len(gains)} students, got {len(colours)}"
        )
    places, width = np.arange(len(shares)), 0.84 / len(gains)
    for number, (name, (mean, error)) in enumerate(gains.items()):
        heights, half = np.asarray(mean, dtype=float), np.asarray(error, dtype=float)
        if heights.shape != shares.shape or half.shape != shares.shape:
            raise ValueError(
                f"gains[{name!r}] must hold two arrays of shape ({len(shares)},), "
                f"got {heights.shape} and {half.shape}"
            )
        x = places + (number - (len(gains) - 1) / 2) * width
        ax.bar(x, heights, 0.86 * width, color=colours[number])
        # On the bar it must be seen, and beside it: a line of the page's colour around it.
        for shade, thick in ((colour("background"), 2.6), (colour("muted"), 1.3)):
            ax.errorbar(x, heights, half, fmt="none", ecolor=shade, elinewidth=thick)
    ax.axhline(0, color=colour("text"), linewidth=1)
    texts = [f"{rate:.0%}" for rate in shares]
    if teacher is not None:
        texts = [f"{a}\n{b:.0%}" for a, b in zip(texts, np.asarray(teacher), strict=True)]
    ax.set_xticks(places, texts)
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(-0.5, len(shares) - 0.5), ylim=limits)
    ax.set_xlabel(
        "share of wrong labels" + ("" if teacher is None else "; below it, the teacher's accuracy")
    )
    text_key(ax, key or dict(zip(gains, colours, strict=True)))


def text_key(ax: Axes, key: Mapping[str, str]) -> None:
    """Write what colours mean above the axes, each text in its colour.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    key : mapping of str to str
        Texts and their colours.
    """
    words: list[Artist] = [
        TextArea(text, textprops={"color": shade}) for text, shade in key.items()
    ]
    ax.add_artist(
        AnchoredOffsetbox(
            loc="lower left",
            child=HPacker(children=words, pad=0, sep=14),
            bbox_to_anchor=(0, 1.01),
            bbox_transform=ax.transAxes,
            borderpad=0,
            frameon=False,
        )
    )
