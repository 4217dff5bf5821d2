"""The face with a kernel: a Jupyter widget that draws the frame of its state on demand.

The sliders of ipywidgets have no accessible name, and none can be given to them. This widget,
made with anywidget, has the markup of the player instead: native range inputs with labels.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from sdbook.explore.drawing import Drawing
from sdbook.explore.player import ASSETS, STYLES, markup


def _source(*names: str) -> str:
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


class LiveExplorer(anywidget.AnyWidget):
    """An explorer as a widget.

    Parameters
    ----------
    drawing : Drawing

    Attributes
    ----------
    position : list of int
        For each control, the index of its value. The page and the kernel may both set it.
    dark : bool
        Whether the notebook has a dark theme. The page sets it.
    image : bytes
        The frame of the state, as a WebP file.
    message : str
        The message of the state: caption and alternative text.
    """

    _esm = _source("controls.js", "live.js")
    _css = _source(*(path.name for path in STYLES))

    markup = traitlets.Unicode().tag(sync=True)
    position = traitlets.List(traitlets.Int()).tag(sync=True)
    dark = traitlets.Bool(False).tag(sync=True)
    image = traitlets.Bytes().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        frame = drawing.frame(drawing.state(drawing.start))
        super().__init__(
            position=list(drawing.start),
            image=frame.webp(),
            message=frame.message,
            markup=markup(drawing, frame.message),
        )
        self.observe(self._redraw, ["position", "dark"])

    @traitlets.validate("position")
    def _check_position(self, proposal: dict[str, Any]) -> list[int]:
        position: list[int] = proposal["value"]
        sizes = [len(control.values) for control in self._drawing.controls]
        if len(position) != len(sizes) or not all(
            0 <= index < size for index, size in zip(position, sizes, strict=True)
        ):
            raise traitlets.TraitError(
                f"position must have one index for each control, below {sizes}, got {position}"
            )
        return position

    def _redraw(self, _: Any) -> None:
        state = self._drawing.state(self.position)
        frame = self._drawing.frame(state, "dark" if self.dark else "light")
        # Together, so that the page never shows a picture with the message of another.
        with self.hold_sync():
            self.message = frame.message
            self.image = frame.webp()
