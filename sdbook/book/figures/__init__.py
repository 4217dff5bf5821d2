"""The figures of the book: functions that draw plain arrays in one style.

What several chapters need can be imported from here: the style and its colours (`theme`,
`colour`), `accuracy_curves`, `output_heatmaps`, `filter_curves`, `digit_strip`. Other figures of
several chapters are in `outputs` (one instance as bars), `spectrum`, `gram`, `phase`, `penalty` and
`student_gains`.

A figure that only one chapter shows is in the module with the name of that chapter's subject:
`wrong_labels`, `fixed_point`, `linearised_softmax`, `label_averaging`, `correlated_classes`,
`clean_labels`, `partial_labels`, `agreement`, `label_history` (of the digits), `words`, `recipe`,
`network` and `speed`.
"""

from sdbook.book.figures.images import digit_strip
from sdbook.book.figures.outputs import output_heatmaps
from sdbook.book.figures.rounds import accuracy_curves
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
