"""Figures of the book: one style, one colour for each actor, functions that take plain arrays."""

from sdbook.plots.images import digit_strip
from sdbook.plots.rounds import accuracy_curves, output_heatmaps
from sdbook.plots.spectrum import filter_curves
from sdbook.plots.style import (
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
from sdbook.plots.text import at_most, power_of_ten

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
