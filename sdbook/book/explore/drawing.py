"""Drawing a picture for each state of its controls, and files of it."""

from __future__ import annotations

import gc
import inspect
import io
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from sdbook.book import figures
from sdbook.book.explore.controls import Control

CSS_PIXELS_PER_INCH = 100
MOST_STATES = 400

_DENSITY = 2  # image pixels to a CSS pixel: sharp on a phone and on a good screen
_COLOURS = 64  # in a frame; anti-aliased text needs about 32, a heat map some more


@dataclass(frozen=True)
class Frame:
    """The picture of one state, and the message that it has for the reader.

    Attributes
    ----------
    pixels : array of uint8, shape (height, width, 3)
    message : str
        What the picture shows, in a sentence: its alternative text.
    """

    pixels: np.ndarray = field(repr=False)
    message: str

    def webp(self, *, small: bool = False) -> bytes:
        """The picture as a file for a page: lossless WebP with few colours.

        Parameters
        ----------
        small : bool
            Whether to take longer for a file that is a fifth smaller, with the same pixels.
        """
        image = _reduced(Image.fromarray(self.pixels)).convert("RGB")
        effort = {"quality": 90, "method": 3} if small else {"quality": 20, "method": 1}
        return _encode(image, "webp", lossless=True, **effort)

    def quick_png(self) -> bytes:
        """The pixels of `webp` as a file for a page that waits.

        It takes a fifth of the time, and some two times the bytes.
        """
        return _encode(_reduced(Image.fromarray(self.pixels)), "png", compress_level=1)

    def png(self) -> bytes:
        """The picture as a small file for where no page is: PNG, one pixel to a CSS pixel."""
        image = Image.fromarray(self.pixels)
        size = (image.width // _DENSITY, image.height // _DENSITY)
        return _encode(_reduced(image.resize(size, Image.Resampling.LANCZOS)), "png", optimize=True)


class Drawing:
    """What an `Explorer` draws, in every state of its controls."""

    def __init__(
        self,
        draw: Callable[..., str],
        controls: Sequence[Control] = (),
        *,
        size: tuple[float, float] = (6.4, 4.0),
    ) -> None:
        self.draw = draw
        self.controls = tuple(controls)
        self.size = size
        self._check()

    def _check(self) -> None:
        if not callable(self.draw):
            raise TypeError(f"draw must be a function, got {self.draw!r}.")
        for control in self.controls:
            if not isinstance(control, Control):
                raise TypeError(f"controls must be Slider or Choice, got {control!r}.")
        names = [control.name for control in self.controls]
        if len(set(names)) < len(names):
            raise ValueError(f"controls must have different names, got {names}.")
        try:
            inspect.signature(self.draw).bind(None, **dict.fromkeys(names))
        except TypeError as error:
            raise TypeError(
                f"draw must take a figure and the keyword arguments {names}, "
                f"got one that does not: {error}."
            ) from None
        if len(self) > MOST_STATES:
            counts = " x ".join(str(len(control.values)) for control in self.controls)
            raise ValueError(
                f"controls must have at most {MOST_STATES} combinations of values, "
                f"got {counts} = {len(self)}. Leave out some values."
            )
        if len(self.size) != 2 or min(self.size) <= 0:
            raise ValueError(f"size must be (width, height) in inches, got {self.size}.")

    def __len__(self) -> int:
        return math.prod(len(control.values) for control in self.controls)

    @property
    def start(self) -> tuple[int, ...]:
        """The position shown first: for each control, the index of its value."""
        return tuple(control.start for control in self.controls)

    @property
    def css_size(self) -> tuple[int, int]:
        """Width and height of the picture on a page, in CSS pixels."""
        width, height = self.size
        return round(width * CSS_PIXELS_PER_INCH), round(height * CSS_PIXELS_PER_INCH)

    def positions(self) -> Iterator[tuple[int, ...]]:
        """All positions, those of the last control moving fastest."""
        return itertools.product(*(range(len(control.values)) for control in self.controls))

    def state(self, position: Sequence[int]) -> dict[str, Any]:
        """The keyword arguments that `draw` gets at a position."""
        return {
            control.name: control.values[index]
            for control, index in zip(self.controls, position, strict=True)
        }

    def figure(self, state: Mapping[str, Any], mode: str = "light") -> tuple[Figure, str]:
        """Draw one state.

        Parameters
        ----------
        state : mapping of str to value
            One value for each control.
        mode : {"light", "dark"}
            The page that the figure will stand on.

        Returns
        -------
        figure : matplotlib.figure.Figure
        message : str
        """
        with figures.theme(mode):
            figure = Figure(figsize=self.size, dpi=CSS_PIXELS_PER_INCH)
            try:
                message = self.draw(figure, **state)
                if not isinstance(message, str) or not message.strip():
                    raise TypeError(
                        "draw must return what the picture shows, as a sentence for those who "
                        f"do not see it, got {message!r}."
                    )
            except Exception as error:
                error.add_note(f"while an explorer drew {_spelled(state)}")
                raise
        return figure, " ".join(message.split())

    def frame(self, state: Mapping[str, Any], mode: str = "light") -> Frame:
        """Return the picture and the message of one state, as a widget or a page shows them.

        Parameters
        ----------
        state : mapping of str to value
            One value for each control.
        mode : {"light", "dark"}
            The page that the picture will stand on.
        """
        with collector_paused():
            return self._frame(state, mode)

    def _frame(self, state: Mapping[str, Any], mode: str) -> Frame:
        figure, message = self.figure(state, mode)
        canvas = FigureCanvasAgg(figure)
        with figures.theme(mode):
            figure.set_dpi(CSS_PIXELS_PER_INCH * _DENSITY)
            canvas.draw()  # type: ignore[no-untyped-call]
        # The canvas knows its size best: matplotlib may lose a pixel to rounding.
        pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        return Frame(pixels[..., :3].copy(), message)

    def __repr__(self) -> str:
        return self.figure(self.state(self.start))[1]


@contextmanager
def collector_paused() -> Iterator[None]:
    """Switch Python's garbage collector off while a figure is drawn.

    The objects of a figure refer to each other. Those that the collector meets while the figure is
    drawn it takes for long-lived, and every few figures it searches all objects of the kernel: a
    pause that is longer than the drawing. A figure that it meets only afterwards is freed at once.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _spelled(state: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in state.items()) or "its picture"


def _reduced(image: Image.Image) -> Image.Image:
    """The image with few colours, and with its background exactly as it was.

    Otherwise the background becomes the mean of similar colours, and stands out from the page.
    """
    reduced = image.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = np.array(reduced.getpalette()).reshape(-1, 3)
    palette[np.asarray(reduced)[0, 0]] = np.asarray(image)[0, 0]
    reduced.putpalette(palette.ravel().tolist())
    return reduced


def _encode(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()
