"""Figures of the book: one style, one colour for each actor, functions that take plain arrays."""

from sdbook.book.figures.images import digit_strip
from sdbook.book.figures.rounds import accuracy_curves, output_heatmaps
from sdbook.book.figures.spectrum import filter_curves
from sdbook.book.figures.style import (
    MODES,
    actors,
    colour,
    label_line,
    label_lines,
    mode,
    round_colour,
    sequential,
    theme,
)
from sdbook.book.figures.text import at_most, power_of_ten

__all__ = [
    "MODES",
    "accuracy_curves",
    "actors",
    "at_most",
    "colour",
    "digit_strip",
    "filter_curves",
    "label_line",
    "label_lines",
    "mode",
    "output_heatmaps",
    "power_of_ten",
    "round_colour",
    "sequential",
    "theme",
]
