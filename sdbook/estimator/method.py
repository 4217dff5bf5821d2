"""From the words of a constructor to a `sdbook.sweeps.Method`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sdbook import _validate, refine
from sdbook.method import Method
from sdbook.refine import Refinement
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy, Loss

__all__ = ["LOSSES", "REFINEMENTS", "method"]

LOSSES: dict[str, Loss] = {
    "cross_entropy": CrossEntropy(),
    "generalised_cross_entropy": GeneralisedCrossEntropy(0.7),
}
REFINEMENTS: dict[str, Callable[[int, float], Refinement]] = {
    "as_is": lambda k, margin: refine.as_is,
    "hard": lambda k, margin: refine.top_k(1),
    "top_k": lambda k, margin: refine.top_k(k),
    "one_or_two": lambda k, margin: refine.one_or_two(margin),
}


def method(
    rounds: int,
    *,
    refinement: str | Refinement = "as_is",
    k: int = 2,
    margin: float = 0.1,
    loss: str | Loss = "cross_entropy",
    student_loss: str | Loss | None = None,
) -> Method:
    """Look up what is given by name.

    Examples
    --------
    >>> from sdbook.estimator.method import method
    >>> method(2, refinement="top_k", k=2, student_loss="generalised_cross_entropy")
    Method(2 rounds: top_k(2); CrossEntropy(), GeneralisedCrossEntropy(q=0.7))
    """
    students = _validate.count("rounds", rounds) - 1
    teacher = _loss("loss", loss)
    student = teacher if student_loss is None else _loss("student_loss", student_loss)
    if isinstance(refinement, str):
        if refinement not in REFINEMENTS:
            raise ValueError(f"refinement is {refinement!r}; accepted are {_names(REFINEMENTS)}")
        refinement = REFINEMENTS[refinement](k, margin)
    if not callable(refinement):
        raise TypeError(f"refinement is {refinement!r}; accepted are {_names(REFINEMENTS)}")
    return Method(rounds, refinement, [teacher] + [student] * students)


def _loss(name: str, value: Any) -> Loss:
    if isinstance(value, str):
        if value not in LOSSES:
            raise ValueError(f"{name} is {value!r}; accepted are {_names(LOSSES)}")
        return LOSSES[value]
    if not hasattr(value, "residual"):
        raise TypeError(f"{name} is {value!r}; accepted are {_names(LOSSES)}")
    loss: Loss = value
    return loss


def _names(choices: dict[str, Any]) -> str:
    what = "a callable" if choices is REFINEMENTS else "a loss of sdbook.solvers"
    return ", ".join(repr(name) for name in choices) + f" and {what}"
