"""Figures of the book: one style, one colour for each actor, functions that take plain arrays."""

from sdbook.plots.rounds import accuracy_curves, output_heatmaps
from sdbook.plots.spectrum import digit_strip, filter_curves, weight_bars
from sdbook.plots.style import (
    MODES,
    actors,
    colour,
    diverging,
    label_line,
    label_lines,
    mode,
    round_colour,
    sequential,
    text_on,
    theme,
)

__all__ = [
    "MODES",
    "accuracy_curves",
    "actors",
    "colour",
    "digit_strip",
    "diverging",
    "filter_curves",
    "label_line",
    "label_lines",
    "mode",
    "output_heatmaps",
    "round_colour",
    "sequential",
    "text_on",
    "theme",
    "weight_bars",
]
