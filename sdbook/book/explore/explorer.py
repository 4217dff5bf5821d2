"""Figures with controls, live in a notebook and on a page without a kernel.

An :class:`Explorer` draws one picture for each state of its controls. In a notebook it shows a
widget that draws on demand. When the book is built it draws all of its pictures, and shows a
player that needs no kernel. Both show the same pictures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sdbook.book.explore.drawing import Drawing
from sdbook.book.explore.live import LiveExplorer
from sdbook.book.explore.player import player_html

STATIC_FOLDER = "SDBOOK_STATIC"
"""The environment variable that names the folder of the frames while the book is built."""


class Explorer(Drawing):
    """A picture with controls.

    Parameters
    ----------
    draw : callable
        ``draw(figure, **state)`` draws on an empty matplotlib figure, with one keyword argument
        for each control, and returns the message: one or two sentences with what the picture
        shows in this state. It must depend on nothing but its arguments, because a picture that
        was drawn is kept, and should take some tens of milliseconds: compute outside what does
        not depend on the state.
    controls : sequence of Slider or Choice
        There is one picture for each combination of their values, 400 at most.
    size : (width, height)
        Of the figure in inches. On a page, an inch is 100 pixels.

    Raises
    ------
    TypeError
        If `draw` is no such function, or a control is neither a slider nor a choice.
    ValueError
        If two controls have the same name, there are too many combinations, or `size` is not above
        zero.

    Examples
    --------
    >>> from sdbook.book.explore import Explorer, Slider
    >>> def draw(figure, *, power):
    ...     ax = figure.add_subplot()
    ...     _ = ax.plot([0, 1, 2], [0, 1, 2**power])
    ...     return f"Two to the power of {power} is {2**power}."
    >>> Explorer(draw, [Slider("power", "Power", [1, 2, 3])])
    Two to the power of 1 is 2.
    """

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        folder = os.environ.get(STATIC_FOLDER)
        if folder:
            html = player_html(self, Path(folder))
            return {"text/plain": repr(self), "image/png": self._still(), "text/html": html}, {}
        widget = LiveExplorer(self)
        return {
            "text/plain": widget.first["message"],
            "image/png": self._still(),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": widget.model_id,
            },
        }, {}

    def _still(self) -> bytes:
        """What is shown where neither a kernel nor a page is: the start, as it is stored."""
        return self.frame(self.state(self.start)).png()


class Picture(Explorer):
    """A figure with an alternative text, light and dark: an explorer without controls.

    Parameters
    ----------
    draw : callable
        ``draw(figure)`` draws on an empty matplotlib figure and returns the message: one or two
        sentences with what the picture shows.
    size : (width, height)
        Of the figure in inches. On a page, an inch is 100 pixels.

    Raises
    ------
    TypeError
        If `draw` is no such function.
    ValueError
        If `size` is not above zero.

    Examples
    --------
    >>> from sdbook.book.explore import Picture
    >>> def draw(figure):
    ...     _ = figure.add_subplot().plot([0, 1, 4])
    ...     return "A curve that rises from 0 to 4."
    >>> Picture(draw)
    A curve that rises from 0 to 4.
    """

    def __init__(self, draw: Callable[..., str], *, size: tuple[float, float] = (6.4, 4.0)) -> None:
        super().__init__(draw, size=size)
