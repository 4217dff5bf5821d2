"""The Gram matrix as a picture: every pair of instances, means over classes, all values."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from sdbook.book.figures.style import colour, frame, sequential
from sdbook.book.figures.text import typeset

__all__ = ["block_means", "gram_map", "gram_panels", "similarity_colours"]


def similarity_colours() -> LinearSegmentedColormap:
    """Return the colour map for similarities from -1 to 1: zero is the background of the page.

    Above zero it is :func:`sdbook.book.figures.sequential`, so that 1 looks the same in both.

    Examples
    --------
    >>> from matplotlib.colors import to_hex
    >>> from sdbook.book.figures.gram import similarity_colours
    >>> to_hex(similarity_colours()(0.5))  # half way between -1 and 1
    '#ffffff'
    """
    above = sequential()(np.linspace(0, 1, 129))
    below = LinearSegmentedColormap.from_list("below", [colour("corrupted"), colour("background")])
    return LinearSegmentedColormap.from_list(
        "signed", np.vstack([below(np.linspace(0, 1, 129))[:-1], above]), N=257
    )


def block_means(gram: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return the mean similarity of every two classes, leaving out each instance with itself.

    Parameters
    ----------
    gram : array of shape (N, N)
    labels : array of int, shape (N,)
        Classes, 0 to K - 1, each with at least two instances.

    Returns
    -------
    ndarray of shape (K, K)

    Raises
    ------
    ValueError
        If shapes do not fit, or a class has less than two instances.

    Examples
    --------
    >>> from sdbook import datasets
    >>> from sdbook.book.figures.gram import block_means
    >>> blocks = datasets.block_correlated(2, 3, c=0.5, d=0.2)
    >>> block_means(blocks.gram(), blocks.labels).round(6)
    array([[0.5, 0.2],
           [0.2, 0.5]])
    """
    G, classes = _square(gram, labels)
    member = np.eye(classes.max() + 1)[classes]
    sizes = member.sum(axis=0)
    if sizes.min() < 2:
        raise ValueError(
            "labels must have two instances of each class or more, "
            f"got {sizes.min():.0f} of class {sizes.argmin()}."
        )
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    return (member.T @ (G - np.diag(np.diag(G))) @ member) / pairs


def gram_map(
    ax: Axes, gram: ArrayLike, labels: ArrayLike, *, class_names: tuple[str, ...] | None = None
) -> None:
    """Draw similarities as colours, instances sorted by class, class names at the edge.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    gram : array of shape (N, N)
        Values beyond -1 and 1 get the colour of -1 and 1.
    labels : array of int, shape (N,)
        Classes, 0 to K - 1.
    class_names : tuple of str, optional
        One for each class; their numbers by default.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook.book.figures.gram import gram_map
    >>> gram_map(Figure().add_subplot(), [[1, 0.2], [0.2, 1]], [0, 1], class_names=("cat", "dog"))
    """
    G, classes = _square(gram, labels)
    order = np.argsort(classes, kind="stable")
    ax.imshow(G[np.ix_(order, order)], cmap=similarity_colours(), vmin=-1, vmax=1)
    sizes = np.bincount(classes)
    centres = np.cumsum(sizes) - sizes / 2 - 0.5
    names = class_names or tuple(str(k) for k in range(len(sizes)))
    ax.set_xticks(centres, names)
    ax.set_yticks(centres, names)
    ax.tick_params(length=0)
    frame(ax, colour("muted"), 0.8)


def gram_panels(
    figure: Figure,
    gram: ArrayLike,
    labels: ArrayLike,
    *,
    shown: ArrayLike,
) -> list[Axes]:
    """Draw a Gram matrix in three panels: every pair, the mean of every two classes, all values.

    The third panel has the values of pairs of the same class and of different classes as two
    histograms, each scaled to its own peak, with their means written above them. Its axis, from
    -1 to 1.5, is the key to the colours of the other two; what lies beyond is counted at its end.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        An empty figure, best 6.4 x 5 inches.
    gram : array of shape (N, N)
    labels : array of int, shape (N,)
        Classes, 0 to K - 1.
    shown : array of int
        The instances in the first panel. The other two are about all of them.

    Returns
    -------
    list of matplotlib.axes.Axes
        The three panels.

    Raises
    ------
    ValueError
        If shapes do not fit, or a class has less than two instances.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sdbook import datasets
    >>> from sdbook.book.figures.gram import gram_panels
    >>> data = datasets.block_correlated(2, 3, c=0.5, d=0.2)
    >>> panels = gram_panels(Figure((6.4, 5)), data.gram(), data.labels, shown=range(6))
    >>> [text.get_text() for text in panels[2].texts]
    ['different classes 0.20', 'same class 0.50']
    """
    limits = (-1.0, 1.5)
    G, classes = _square(gram, labels)
    some = np.asarray(shown)
    pairs = figure.add_axes((0.06, 0.43, 0.4, 0.51))
    gram_map(pairs, G[np.ix_(some, some)], classes[some])
    pairs.set_title("every pair")
    means = figure.add_axes((0.56, 0.43, 0.4, 0.51))
    gram_map(means, block_means(G, classes), np.arange(classes.max() + 1))
    means.set_title("mean of each block")

    values = figure.add_axes((0.06, 0.145, 0.9, 0.18))
    same = classes[:, None] == classes[None, :]
    other_self = ~np.eye(len(G), dtype=bool)
    bins = np.linspace(*limits, 101)
    kinds = {"same class": (same & other_self, "student"), "different classes": (~same, "muted")}
    peaks = {}
    for name, (mask, actor) in kinds.items():
        heights, _ = np.histogram(np.clip(G[mask], *limits), bins)
        heights = heights / heights.max()  # a spike must not hide the other
        values.stairs(heights, bins, fill=True, color=colour(actor), alpha=0.45, label=name)
        values.stairs(heights, bins, color=colour(actor), linewidth=1.4)
        peaks[name] = float(G[mask].mean())
    top = 1.08
    for name, mean in peaks.items():
        actor = kinds[name][1]
        values.plot([mean, mean], [0, top], color=colour(actor), linewidth=1.6, label=name)
    order = sorted(peaks, key=lambda name: peaks[name])
    for name, side in zip(order, (-6, 6), strict=True):
        values.annotate(
            f"{name} {typeset(peaks[name], '.2f')}",
            (peaks[name], top),
            xytext=(side, 1),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="bottom",
            color=colour(kinds[name][1]),
        )
    values.set(xlim=limits, ylim=(0, top), yticks=[])
    values.spines["left"].set_visible(False)
    key = values.inset_axes((0, -0.13, 1, 0.13))
    key.imshow(
        np.linspace(*limits, 256)[None, :],
        cmap=similarity_colours(), vmin=-1, vmax=1, aspect="auto", extent=(*limits, 0, 1),
    )  # fmt: skip
    key.set(yticks=[], xlim=limits)
    key.set_xticks([-1, -0.5, 0, 0.5, 1], ["\N{MINUS SIGN}1", "", "0", "", "1"])
    key.set_xlabel("similarity of two instances", labelpad=2)
    values.set_xticks([])
    return [pairs, means, values]


def _square(gram: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    G, classes = np.asarray(gram, dtype=float), np.asarray(labels)
    if G.ndim != 2 or G.shape[0] != G.shape[1] or classes.shape != G.shape[:1]:
        raise ValueError(
            f"gram must have shape (N, N) and labels (N,), got {G.shape} and {classes.shape}."
        )
    return G, classes
