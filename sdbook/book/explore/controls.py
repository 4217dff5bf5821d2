"""Controls of an explorer: sliders and choices with a fixed list of values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Control:
    """A list of values for one argument of the drawing function.

    Made by :class:`Slider` or :class:`Choice`.

    Attributes
    ----------
    name : str
        The argument.
    label : str
        What the reader sees of it.
    values : tuple
        What the argument can be.
    texts : tuple of str
        What the reader sees of each value.
    start : int
        The index of the value that is shown first.

    Raises
    ------
    ValueError
        If a name, a label or the values cannot be used.
    """

    name: str
    label: str
    values: tuple[Any, ...]
    texts: tuple[str, ...]
    start: int

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"name must be the name of an argument, got {self.name!r}.")
        if not self.label.strip():
            raise ValueError(
                f"label of {self.name!r} must say what the control does, got {self.label!r}."
            )
        if len(self.values) < 2:
            raise ValueError(
                f"values of {self.name!r} must be two or more, got {list(self.values)}."
            )
        if len(set(self.texts)) < len(self.texts):
            raise ValueError(
                f"texts of {self.name!r} must differ, got {list(self.texts)}. "
                "Write the values with more digits."
            )


class Slider(Control):
    """Ordered numbers, moved through with a slider.

    Parameters
    ----------
    name : str
        The argument of the drawing function that gets the value.
    label : str
        What the reader sees beside the slider.
    values : sequence of numbers
        At least two, in ascending order.
    start : number, optional
        The value shown first, one of `values`; the first by default.
    format : str or callable
        How a value is written: a format string such as ``"{:.0%}"``, or a function of the value.

    Raises
    ------
    TypeError
        If a value is not a number.
    ValueError
        If values do not ascend or look alike, or `start` is none of them.

    Examples
    --------
    >>> from sdbook.book.explore import Slider
    >>> slider = Slider("rate", "Share of wrong labels", [0.5, 0.7], start=0.7, format="{:.0%}")
    >>> slider.texts
    ('50%', '70%')
    """

    def __init__(
        self,
        name: str,
        label: str,
        values: Sequence[float],
        *,
        start: float | None = None,
        format: str | Callable[[Any], str] = "{:g}",
    ) -> None:
        grid = tuple(_plain(value) for value in values)
        for value in grid:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"values of {name!r} must be numbers, got {value!r}.")
        if any(not a < b for a, b in pairwise(grid)):
            raise ValueError(f"values of {name!r} must be ascending, got {list(grid)}.")
        write = format.format if isinstance(format, str) else format
        index = 0
        if start is not None:
            near = [i for i, value in enumerate(grid) if math.isclose(value, start, abs_tol=1e-12)]
            if not near:
                raise ValueError(f"start of {name!r} must be one of {list(grid)}, got {start}.")
            index = near[0]
        super().__init__(name, label, grid, tuple(write(value) for value in grid), index)


class Choice(Control):
    """Named options, of which one is chosen.

    Parameters
    ----------
    name : str
        The argument of the drawing function that gets the value.
    label : str
        What the reader sees above the options.
    options : sequence of str, or mapping of str to any value
        What the reader sees of each option, and the value that it stands for if it is not the
        text itself.
    start : optional
        The value shown first; the first by default.

    Raises
    ------
    ValueError
        If there are less than two options, or `start` is none of the values.

    Examples
    --------
    >>> from sdbook.book.explore import Choice
    >>> Choice("noise", "Kind of noise", {"any class": "symmetric", "the next": "pair"}).values
    ('symmetric', 'pair')
    """

    def __init__(
        self,
        name: str,
        label: str,
        options: Sequence[str] | Mapping[str, Any],
        *,
        start: Any = None,
    ) -> None:
        pairs = (
            dict(options) if isinstance(options, Mapping) else {str(text): text for text in options}
        )
        values = tuple(_plain(value) for value in pairs.values())
        if start is not None and start not in values:
            raise ValueError(f"start of {name!r} must be one of {list(values)}, got {start!r}.")
        index = 0 if start is None else values.index(start)
        super().__init__(name, label, values, tuple(pairs), index)


def _plain(value: Any) -> Any:
    """A NumPy scalar as the Python number it holds, anything else unchanged."""
    return value.item() if hasattr(value, "item") and not getattr(value, "shape", ()) else value
