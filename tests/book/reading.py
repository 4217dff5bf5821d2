"""What a reader sees of a figure: texts and their colours, the values of named lines and bars."""

from __future__ import annotations

import numpy as np
from live_explorers import PHONE, SMALLEST_TEXT, shown_texts
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer


def written(parent):
    """The texts of axes or of a figure itself, without ticks and titles."""
    return [text.get_text() for text in parent.texts]


def ink(parent):
    """The colour of each of these texts."""
    return {text.get_text(): to_hex(text.get_color()) for text in parent.texts}


def ticks(axis):
    """The texts beside an axis."""
    return [label.get_text() for label in axis.get_ticklabels()]


def line(ax, label):
    """The line with a name."""
    (found,) = [each for each in ax.lines if each.get_label() == label]
    return found


def points(ax, label):
    """Where the points of a line lie."""
    return [tuple(point) for point in line(ax, label).get_xydata().tolist()]


def heights(ax, label):
    """The y-values of a line."""
    return np.asarray(line(ax, label).get_ydata()).tolist()


def shade(artist):
    """The colour of a line or a bar."""
    get = getattr(artist, "get_facecolor", None) or artist.get_color
    return to_hex(get())


def bars(ax, label):
    """The lengths of the bars with a name."""
    (found,) = [each for each in _bars(ax) if each.get_label() == label]
    return list(found.datavalues)


def bar_shades(ax, label):
    """The colours of the bars with a name."""
    (found,) = [each for each in _bars(ax) if each.get_label() == label]
    return [shade(bar) for bar in found]


def bar_names(ax):
    """The names of all bars, in the order in which they are drawn."""
    return [each.get_label() for each in _bars(ax)]


def errors(ax, label):
    """Half the lengths of error bars with a name, once for each time that they are drawn."""
    drawn = [
        e for e in ax.containers if isinstance(e, ErrorbarContainer) and e.get_label() == label
    ]
    assert drawn, label
    for _, _, (lines,) in drawn:
        yield [(high - low) / 2 for (_, low), (_, high) in lines.get_segments()]


def strokes(ax, label):
    """How many lines are drawn in one go under a name."""
    found = [each for each in ax.collections if each.get_label() == label]
    return sum(len(each.get_segments()) for each in found)


def unreadable(figure):
    """What cannot be read: text that is too small, cut off, or over another text."""
    smallest = SMALLEST_TEXT * figure.get_figwidth() * 100 / PHONE * 72 / 100
    figure.draw_without_rendering()
    texts = shown_texts(figure)
    boxes = np.array([text.get_window_extent().extents for text in texts])
    for text, (left, low, right, high) in zip(texts, boxes, strict=True):
        if text.get_fontsize() < smallest - 0.1:
            yield f"too small: {text.get_text()!r}"
        if min(left, low) < -1 or right > figure.bbox.width + 1 or high > figure.bbox.height + 1:
            yield f"cut off: {text.get_text()!r}"
    corners, ends = np.split(boxes, 2, axis=1)
    shared = np.minimum(ends[:, None], ends) - np.maximum(corners[:, None], corners)
    for one, other in np.argwhere(np.triu(shared.min(axis=2) > 3, 1)):
        yield f"{texts[one].get_text()!r} over {texts[other].get_text()!r}"


def linear(rgb):
    """Light of a colour, without the gamma of a screen."""
    rgb = np.asarray(rgb)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """The contrast of two colours, from 1 to 21."""
    low, high = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def _bars(ax):
    return [each for each in ax.containers if isinstance(each, BarContainer)]
