"""Explorers: one drawing function, live in a notebook and without a kernel on a page."""

from sdbook.explore.controls import Choice, Control, Slider
from sdbook.explore.drawing import Frame
from sdbook.explore.explorer import Explorer, Picture

__all__ = ["Choice", "Control", "Explorer", "Frame", "Picture", "Slider"]
