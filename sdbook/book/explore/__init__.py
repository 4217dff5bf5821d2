"""Figures with controls: live in a notebook, and without a kernel on a page of the book."""

from sdbook.book.explore.controls import Choice, Control, Slider
from sdbook.book.explore.drawing import Frame
from sdbook.book.explore.explorer import Explorer, Picture

__all__ = ["Choice", "Control", "Explorer", "Frame", "Picture", "Slider"]
