"""What all checks share: ask the reader's function, look at the form of its answer, find a slip."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Answerer = Callable[..., Any]
"""A function that the reader wrote."""

NOTHING = "Nothing came back yet."


def ask(function: Answerer, *arguments: Any, **named: Any) -> Any:
    """Call the reader's function with copies of arrays: it may work in place."""
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}.")
    return function(
        *(value.copy() if isinstance(value, np.ndarray) else value for value in arguments), **named
    )


def numbers(answer: Any) -> NDArray[Any] | None:
    """Return an answer as an array of real numbers, or None if it cannot be read as one."""
    try:
        array = np.asarray(answer)
    except (TypeError, ValueError, RuntimeError):  # a list of rows of different lengths, say
        return None
    if array.dtype.kind == "c":
        array = np.real_if_close(array, tol=1e6)  # some solvers leave imaginary parts of 1e-16
    return array if array.dtype.kind in "biuf" else None


def read(answer: Any, shape: tuple[int, ...], wanted: str) -> tuple[Any, str]:
    """Return an answer as an array, and what is wrong with its form: "" if nothing is."""
    if answer is None:
        return None, NOTHING
    array = numbers(answer)
    if array is None:
        kind = type(answer).__name__
        return None, f"What came back, of type {kind}, cannot be read as real numbers; {wanted}."
    return array, "" if array.shape == shape else f"The shape is {array.shape}; {wanted}."


def is_number(answer: Any, value: float) -> bool:
    """Whether an answer is one number, and this one."""
    array = numbers(answer)
    return array is not None and array.shape == () and bool(array == value)


def recognise(
    answer: ArrayLike, known: Iterable[tuple[ArrayLike, str]], atol: float = 1e-8
) -> str | None:
    """Return what is to be said about the first known answer that this one equals, or None."""
    for array, sentence in known:
        if np.allclose(answer, array, atol=atol):
            return sentence
    return None
