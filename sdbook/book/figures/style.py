"""Colours and style of the figures, for light and for dark pages.

Every figure of the book is drawn inside :func:`theme`, once for a light page and once for a dark
one. An actor is what a colour stands for: the teacher, a student, wrongly labelled instances, ...
Inside the theme, :func:`colour` gives the colour of an actor, so that the same thing has the same
colour in all chapters.

The colours keep a contrast of at least 4.5 to 1 to the background, so that they serve for text as
well as for lines, and stay apart for readers with any of the three colour vision deficiencies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.text import Annotation

from sdbook.book.figures._check import same_length
from sdbook.book.figures.text import typeset

MODES = ("light", "dark")

_COLOURS = {
    "light": {
        "text": "#1b2430",
        "muted": "#5f6875",
        "grid": "#e6e9ee",
        "background": "#ffffff",
        "teacher": "#1b2430",
        "student": "#1253b8",
        "pll": "#8a1f7a",
        "clean": "#0a7d59",
        "corrupted": "#a33200",
        "theory": "#1b2430",
        "experiment": "#877000",
        "accent": "#877000",
    },
    "dark": {
        "text": "#e9edf2",
        "muted": "#a2abb7",
        "grid": "#2a2e34",
        "background": "#121212",
        "teacher": "#e9edf2",
        "student": "#5b9bf5",
        "pll": "#f5a3f0",
        "clean": "#5fd4a8",
        "corrupted": "#f0803a",
        "theory": "#e9edf2",
        "experiment": "#f2cc50",
        "accent": "#f2cc50",
    },
}
for _palette in _COLOURS.values():
    # A true label is what makes an instance clean, a given one what can make it corrupted.
    _palette["true"] = _palette["clean"]
    _palette["given"] = _palette["corrupted"]

# From the second round (faint) to the last (strong).
_ROUND_RAMP = {
    "light": ("#2b79cc", "#1253b8", "#0a2a66"),
    "dark": ("#4784d6", "#6fa8f7", "#cfe2ff"),
}

# Nothing is the background, one is the strongest colour.
_SEQUENTIAL_RAMP = {
    "light": ("#ffffff", "#cfe1f5", "#6aa5dd", "#1253b8", "#0a2e73"),
    "dark": ("#121212", "#16335c", "#2c69b5", "#6fb0f7", "#e6f1ff"),
}

_mode: ContextVar[str] = ContextVar("mode", default="light")


def _check_mode(mode: str) -> str:
    if mode not in MODES:
        raise ValueError(f"mode must be 'light' or 'dark', got {mode!r}.")
    return mode


@cache
def _style(mode: str) -> mpl.RcParams:
    return mpl.rc_params_from_file(Path(__file__).with_name(f"{mode}.mplstyle"), False, False)


@contextmanager
def theme(mode: str = "light") -> Iterator[None]:
    """Draw in the book's style, as long as the block lasts.

    Parameters
    ----------
    mode : {"light", "dark"}
        The page that the figure will stand on.

    Raises
    ------
    ValueError
        If `mode` is another word.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sdbook.book.figures import colour, theme
    >>> with theme("dark"):
    ...     figure, ax = plt.subplots()
    ...     _ = ax.plot([1, 2, 3], [0.67, 0.71, 0.74], color=colour("student"))
    """
    token = _mode.set(_check_mode(mode))
    try:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_style(mode))
            yield
    finally:
        _mode.reset(token)


def mode() -> str:
    """Return the active theme, ``"light"`` or ``"dark"``; without a theme it is ``"light"``.

    Examples
    --------
    >>> from sdbook.book import figures
    >>> with figures.theme("dark"):
    ...     figures.mode()
    'dark'
    """
    return _mode.get()


def colour(actor: str) -> str:
    """Return the colour of an actor in the active theme, as a hexadecimal string.

    Parameters
    ----------
    actor : str
        One of ``teacher``, ``student``, ``pll``, ``clean``, ``corrupted``, ``true``, ``given``,
        ``theory``, ``experiment``, ``accent``, ``text``, ``muted``, ``grid``, ``background``.

    Raises
    ------
    ValueError
        If `actor` is none of them.

    Examples
    --------
    >>> from sdbook.book.figures import colour
    >>> colour("student")
    '#1253b8'
    """
    palette = _COLOURS[_mode.get()]
    if actor not in palette:
        raise ValueError(f"actor must be one of {', '.join(palette)}, got {actor!r}.")
    return palette[actor]


def actors() -> tuple[str, ...]:
    """Return the names that :func:`colour` knows.

    Examples
    --------
    >>> from sdbook.book import figures
    >>> figures.actors()[:3]
    ('text', 'muted', 'grid')
    """
    return tuple(_COLOURS["light"])


def round_colour(t: float, rounds: int) -> str:
    """Return the colour of a round: the teacher's, or a blue that is stronger in later rounds.

    Parameters
    ----------
    t : float
        The round, from 1 (the teacher) to `rounds`.
    rounds : int
        The last round that the figure shows.

    Raises
    ------
    ValueError
        If there is no such round.

    Examples
    --------
    >>> from sdbook.book.figures import round_colour
    >>> round_colour(1, 6), round_colour(2, 6), round_colour(6, 6)
    ('#1b2430', '#2b79cc', '#0a2a66')
    """
    if not 1 <= t <= rounds:
        raise ValueError(f"t must be between 1 and rounds={rounds}, got {t}.")
    if t == 1:
        return colour("teacher")
    share = 1.0 if rounds <= 2 else max(0.0, (t - 2) / (rounds - 2))
    return to_hex(_ramp(_ROUND_RAMP)(share))


def sequential() -> LinearSegmentedColormap:
    """Return the colour map for shares from 0 to 1: zero is the background of the page.

    Examples
    --------
    >>> from matplotlib.colors import to_hex
    >>> from sdbook.book import figures
    >>> to_hex(figures.sequential()(0.0)) == figures.colour("background")
    True
    """
    return _ramp(_SEQUENTIAL_RAMP)


def _ramp(ramps: Mapping[str, Sequence[str]]) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("ramp", ramps[_mode.get()])


def faded(shade: str, share: float) -> str:
    """Mix a colour with the background: opaque, so that nothing shines through."""
    pairs = zip(to_rgb(shade), to_rgb(colour("background")), strict=True)
    red, green, blue = (share * top + (1 - share) * page for top, page in pairs)
    return to_hex((red, green, blue))


def percent_ticks(axis: Axis) -> None:
    """Write the shares at the ticks of an axis in per cent."""
    axis.set_major_formatter(lambda share, _: typeset(100 * share, ".6g") + "%")


def frame(ax: Axes, shade: str, linewidth: float = 1.0) -> None:
    """Draw a line around the axes."""
    ax.spines[:].set(visible=True, color=shade, linewidth=linewidth)


def label_line(
    ax: Axes, x: float, y: float, text: str, colour: str, *, gap: float = 8
) -> Annotation:
    """Write `text` to the right of the point (x, y), in place of an entry in a legend.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x, y : float
        The end of the line, in data coordinates.
    text : str
    colour : str
        A colour, not the name of an actor: ``colour("student")``.
    gap : float
        Points between the end of the line and the text.

    Returns
    -------
    matplotlib.text.Annotation

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import colour, label_line
    >>> label_line(Figure().add_subplot(), 1.0, 0.5, "test", colour("student")).get_text()
    'test'
    """
    return ax.annotate(
        text,
        (x, y),
        xytext=(gap, 0),
        textcoords="offset points",
        color=colour,
        va="center",
        annotation_clip=False,
    )


def label_lines(
    ax: Axes,
    ends: Sequence[tuple[float, float]],
    texts: Sequence[str],
    colours: Sequence[str],
) -> list[Annotation]:
    """Write a text at the end of each of several lines, so that the texts do not overlap.

    The labels keep the order of their lines, each as near to its line as the others let it, and
    the x-axis is made longer where there is no room for them. Call it last: limits and scale of
    the y-axis must not change afterwards.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    ends : sequence of (x, y)
        The end of each line, in data coordinates.
    texts, colours : sequence of str
        One text and one colour for each line: colours, not names of actors.

    Returns
    -------
    list of matplotlib.text.Annotation

    Raises
    ------
    ValueError
        If `ends`, `texts` and `colours` differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures import colour, label_lines
    >>> ends, shades = [(5, 0.81), (5, 0.8)], [colour("clean"), colour("corrupted")]
    >>> labels = label_lines(Figure().add_subplot(), ends, ["right", "wrong"], shades)
    >>> [label.get_text() for label in labels]
    ['right', 'wrong']
    """
    same_length(ends=ends, texts=texts, colours=colours)
    gap = 8  # points
    labels = [
        label_line(ax, x, y, text, colour, gap=gap)
        for (x, y), text, colour in zip(ends, texts, colours, strict=True)
    ]
    if not labels:
        return labels
    points = 72 / ax.figure.dpi
    sizes = [label.get_window_extent() for label in labels]
    _make_room(ax, max(x for x, _ in ends), gap + max(box.width for box in sizes) * points)
    wanted = np.array([ax.transData.transform((x, y))[1] * points for x, y in ends])
    line_height = max(box.height for box in sizes) * points
    low, high = ax.bbox.y0 * points, ax.bbox.y1 * points
    placed = _spread(np.clip(wanted, low, high), line_height, low, high)
    for label, offset in zip(labels, placed - wanted, strict=True):
        label.set_position((gap, offset))
    return labels


def _make_room(ax: Axes, x: float, needed: float) -> None:
    """Move the right end of the x-axis so that `needed` points are free to the right of x."""
    width = ax.bbox.width * 72 / ax.figure.dpi
    share = max(0.2, 1 - needed / width)
    left, right = ax.transScale.transform([(edge, 1) for edge in ax.get_xlim()])[:, 0]
    end = ax.transScale.transform((x, 1))[0]
    new_right = left + (end - left) / share
    if new_right > right:
        ax.set_xlim(right=ax.transScale.inverted().transform((new_right, 1))[0])


def _spread(wanted: np.ndarray, step: float, low: float, high: float) -> np.ndarray:
    """The positions nearest to `wanted` that keep their order and are `step` apart.

    Least squares with an order constraint: subtract what each rank needs at least, then pool
    neighbours that are out of order (isotonic regression) and add it back.
    """
    order = np.argsort(wanted, kind="stable")
    ranks = step * np.arange(len(wanted))
    pools: list[tuple[float, int]] = []
    for value in wanted[order] - ranks:
        mean, size = float(value), 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    fitted = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    last = max(low, high - float(ranks[-1]))
    placed = np.empty_like(wanted)
    placed[order] = np.clip(fitted, low, last) + ranks
    return placed
