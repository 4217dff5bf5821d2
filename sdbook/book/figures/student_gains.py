"""What students gain over their teacher, over the share of wrong labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from numpy.typing import ArrayLike

from sdbook.book.figures._check import one_each
from sdbook.book.figures.style import colour


def gain_bars(
    ax: Axes,
    rates: ArrayLike,
    gains: Mapping[str, tuple[ArrayLike, ArrayLike]],
    colours: Sequence[str],
    *,
    limits: tuple[float, float],
    teacher: ArrayLike,
    key: Mapping[str, str],
) -> None:
    """Draw what students gain over their teacher: one bar for each at each rate, with its error.

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
    teacher : array of shape (R,)
        The teacher's accuracy, a share, written under each rate.
    key : mapping of str to str
        Texts and their colours, written above the axes.

    Raises
    ------
    ValueError
        If numbers of rates, students or colours do not agree.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import colour, theme
    >>> from sdbook.book.figures.student_gains import gain_bars
    >>> gains = {"round 2": ([1.5, 4.0], [0.5, 0.4]), "two candidates": ([-1, 6.0], [0.3, 0.6])}
    >>> with theme("dark"):
    ...     ax, shades = Figure().add_subplot(), [colour("student"), colour("pll")]
    ...     look = {"limits": (-3, 8), "teacher": [0.7, 0.5], "key": dict(zip(gains, shades))}
    ...     gain_bars(ax, [0.5, 0.8], gains, shades, **look)
    """
    shares = np.asarray(rates, dtype=float)
    one_each("colours", colours, "student", len(gains))
    one_each("teacher", np.asarray(teacher), "rate", len(shares))
    places, width = np.arange(len(shares)), 0.84 / len(gains)
    for number, (name, (mean, error)) in enumerate(gains.items()):
        heights, half = np.asarray(mean, dtype=float), np.asarray(error, dtype=float)
        if heights.shape != shares.shape or half.shape != shares.shape:
            raise ValueError(
                f"gains[{name!r}] must hold two arrays of shape ({len(shares)},), "
                f"got {heights.shape} and {half.shape}."
            )
        x = places + (number - (len(gains) - 1) / 2) * width
        ax.bar(x, heights, 0.86 * width, color=colours[number], label=name)
        # On the bar it must be seen, and beside it: a line of the page's colour around it.
        for shade, thick in ((colour("background"), 2.6), (colour("muted"), 1.3)):
            ax.errorbar(x, heights, half, fmt="none", ecolor=shade, elinewidth=thick, label=name)
    ax.axhline(0, color=colour("text"), linewidth=1)
    texts = zip(shares, np.asarray(teacher), strict=True)
    ax.set_xticks(places, [f"{rate:.0%}\n{accuracy:.0%}" for rate, accuracy in texts])
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(-0.5, len(shares) - 0.5), ylim=limits)
    ax.set_xlabel("share of wrong labels; below it, the teacher's accuracy")
    _text_key(ax, key)


def _text_key(ax: Axes, key: Mapping[str, str]) -> None:
    """Write what colours mean above the axes, each text in its colour."""
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
