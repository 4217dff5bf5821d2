"""An explorer in a notebook: a Jupyter widget that draws the frames that its page asks for.

The sliders of ipywidgets have no accessible name, and none can be given to them. This widget,
made with anywidget, has the markup of the player instead: native range inputs with labels.

Page and kernel talk in questions and answers. The page asks for the frame of one state, and asks
for the next one only once it has its answer. So the kernel never has more than one question of a
page before it, however fast a reader drags. The page keeps what it got, and while the reader rests
it asks for the frames that the control in the reader's hand leads to.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import OrderedDict
from typing import Any

import anywidget
import traitlets

from sdbook.book.explore.drawing import Drawing, collector_paused
from sdbook.book.explore.player import ASSETS, STYLES, markup

MOST_BYTES = 64 * 2**20
"""What is kept of all explorers of a kernel, in bytes of files."""

KEPT: OrderedDict[tuple[Any, ...], tuple[str, bytes]] = OrderedDict()
"""Messages and files of frames, those last that were asked for last."""


def _source(*names: str) -> str:
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class LiveExplorer(anywidget.AnyWidget):
    """An explorer as a widget.

    A page asks with the message ``{"position": [...], "dark": ...}``. The answer repeats it, and
    adds what `picture` returns: ``message``, and the file. If the drawing fails, the answer has
    ``error`` instead, and the traceback is shown where Jupyter shows those of widgets.

    JupyterLab hands over such questions in a thread of their own, even while a cell runs. The
    answer waits for the thread that made the widget: styles of matplotlib are common to all
    threads, so a drawing must not run beside the drawing of a cell.

    Parameters
    ----------
    drawing : Drawing

    Attributes
    ----------
    drawing : Drawing
    position : list of int
        For each control, the index of its value. The page and the kernel may both set it.
    first : dict
        The answer for the start on a light page, so that a page has something to show at once.
    """

    _esm = _source("controls.js", "live.js")
    _css = _source(*(path.name for path in STYLES))

    markup = traitlets.Unicode().tag(sync=True)
    position = traitlets.List(traitlets.Int()).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self._loop = _running_loop()
        start = list(drawing.start)
        message, image = self.picture(start)
        super().__init__(
            position=start,
            first={"position": start, "dark": False, "message": message, "image": image},
            markup=markup(drawing, message),
        )
        self.on_msg(self._asked)

    def picture(self, position: list[int], dark: bool = False) -> tuple[str, bytes]:
        """What a page gets for a state: the message and the file of its frame.

        It is drawn only if it is not among those kept.

        Parameters
        ----------
        position : list of int
            For each control, the index of its value.
        dark : bool
            Whether the page is dark.
        """
        key = (self, *self._checked(position), dark)
        if key in KEPT:
            KEPT.move_to_end(key)
            return KEPT[key]
        frame = self.drawing.frame(self.drawing.state(position), "dark" if dark else "light")
        KEPT[key] = answer = frame.message, frame.quick_png()
        while sum(len(file) for _, file in KEPT.values()) > MOST_BYTES:
            KEPT.popitem(last=False)
        return answer

    @traitlets.validate("position")
    def _check_position(self, proposal: dict[str, Any]) -> list[int]:
        return self._checked(proposal["value"])

    def _checked(self, position: list[int]) -> list[int]:
        sizes = [len(control.values) for control in self.drawing.controls]
        if len(position) != len(sizes) or not all(
            0 <= index < size for index, size in zip(position, sizes, strict=True)
        ):
            raise traitlets.TraitError(
                f"position must have one index for each control, below {sizes}, got {position}."
            )
        return position

    def _asked(self, _: Any, question: dict[str, Any], __: Any) -> None:
        if self._loop in (None, _running_loop()):
            self._answer(question)
        else:
            self._loop.call_soon_threadsafe(self._answer, question)

    def _answer(self, question: dict[str, Any]) -> None:
        with collector_paused():  # until the answer is on its way
            try:
                message, image = self.picture(question["position"], question["dark"])
            except BaseException as error:  # an interrupt as well: the page waits for an answer
                what = "".join(traceback.format_exception_only(error)).strip()
                self.send({**question, "error": what})
                raise
            self.send({**question, "message": message}, [image])
