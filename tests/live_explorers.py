"""What each explorer of a notebook must do in its kernel, once all cells ran.

Imported by the kernel, see `tools/recording.py`: names that a drawing reads may have changed since
it was shown, and a reader who moves a control meets what they are now.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import os
from unittest.mock import patch

from IPython import get_ipython

from sdbook.book.explore import Frame, live
from sdbook.book.explore.explorer import STATIC_FOLDER
from sdbook.book.explore.live import LiveExplorer

PHONE = 358  # CSS pixels that a page of 390 leaves to a figure
SMALLEST_TEXT = 9  # CSS pixels


def show_both_faces(name):
    """From now on, what a page shows has what a program would show in its metadata, by a name."""
    formatter = get_ipython().display_formatter
    for_pages = formatter.format

    def both(thing, *args, **kwargs):
        data, metadata = for_pages(thing, *args, **kwargs)
        if type(thing).__module__.split(".")[0] == "sdbook":
            with patch.dict(os.environ):
                os.environ.pop(STATIC_FOLDER, None)
                face, _ = for_pages(thing, *args, **kwargs)
            # Pictures are bytes, which have no place in there, and are not compared.
            texts = {key: face[key] for key in face if not isinstance(face[key], bytes)}
            metadata = {**metadata, name: texts}
        return data, metadata

    formatter.format = both


def check():
    """Raise an error with all problems of all explorers that were shown."""
    found = {problem for widget in shown() for problem in problems(widget)}
    assert not found, "\n".join(sorted(found))


def shown():
    """The widgets of all explorers that this process showed; Jupyter keeps them alive."""
    # Not isinstance(), which makes objects that stand for others load what they stand for.
    return [each for each in gc.get_objects() if issubclass(type(each), LiveExplorer)]


def problems(widget):
    """What is wrong with one explorer, in sentences."""
    explorer = widget.drawing
    yield from changed_since_shown(widget)
    with (
        # Any other name for the pixels is as good as a file, and quicker to make.
        patch.object(Frame, "quick_png", lambda frame: hashlib.sha256(frame.pixels).digest()),
        # What was drawn before is drawn again.
        patch.dict(live.KEPT, clear=True),
    ):
        # First the dark ones, so that the light ones of the start are drawn again.
        dark = explorer.frame(explorer.state(explorer.start), "dark")
        yield from differs(widget, explorer.start, dark, dark=True)
        frames = {}
        for position in sorted({explorer.start, *itertools.chain(*one_at_a_time(explorer))}):
            frames[position] = explorer.frame(explorer.state(position))
            yield from differs(widget, position, frames[position])
            yield from hard_to_read(explorer, position)
    for control, positions in zip(explorer.controls, one_at_a_time(explorer), strict=True):
        yield from stuck(control, [frames[position] for position in positions])


def one_at_a_time(explorer):
    """For each control: it at its first, middle and last value, the others where they start."""
    for k, control in enumerate(explorer.controls):
        last = len(control.values) - 1
        yield [
            (*explorer.start[:k], index, *explorer.start[k + 1 :])
            for index in sorted({0, (last + 1) // 2, last})
        ]


def changed_since_shown(widget):
    """A picture that the cells below it changed."""
    explorer = widget.drawing
    now = explorer.frame(explorer.state(explorer.start))
    shown = widget.first["message"]
    if (shown, widget.first["image"]) != (now.message, now.quick_png()):
        yield f"changed after it was shown: {shown!r} is now {now.message!r}"


def differs(widget, position, frame, dark=False):
    """A state in which the widget does not show the frame that a page has for it."""
    message, image = widget.picture(list(position), dark)
    if message != frame.message:
        yield f"drawn again, {frame.message!r} is {message!r}"
    elif image != frame.quick_png():
        colours = "dark" if dark else "light"
        yield f"drawn again, {frame.message!r} in {colours} colours is another picture"


def stuck(control, frames):
    """A control that leaves the picture or the message as it is."""
    for one, other in itertools.combinations(frames, 2):
        if one.message == other.message:
            yield f"control {control.name!r} does not change the message {one.message!r}"
        if (one.pixels == other.pixels).all():
            yield f"control {control.name!r} does not change the picture of {one.message!r}"


def hard_to_read(explorer, position):
    """Text that is too small for a phone, or reaches over the edge."""
    width, _ = explorer.css_size
    smallest = SMALLEST_TEXT * max(1, width / PHONE) * 72 / 100  # points
    figure, message = explorer.figure(explorer.state(position))
    figure.draw_without_rendering()
    for text in shown_texts(figure):
        place = f"{text.get_text()!r} in the picture of {message!r}"
        if text.get_fontsize() < smallest - 0.1:
            yield f"too small: {place}"
        if figure.bbox.padded(1).count_contains(text.get_window_extent().corners()) < 4:
            yield f"cut off: {place}"


def shown_texts(figure):
    """Every text that has ink in the figure."""
    hidden = set()
    for ax in figure.axes:
        if not ax.get_visible() or not ax.axison:
            hidden.update(ax.get_xticklabels() + ax.get_yticklabels())
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not low <= tick.get_loc() <= high:
                    hidden.update((tick.label1, tick.label2))
    texts = figure.findobj(lambda artist: hasattr(artist, "get_fontsize"))
    return [
        text
        for text in texts
        if text.get_visible() and text.get_text().strip() and text not in hidden
    ]
