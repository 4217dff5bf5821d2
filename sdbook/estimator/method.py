"""A way to self-distil, from the words of a constructor to what `sdbook.distill` takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sdbook import _validate, refine
from sdbook.refine import Refinement
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy, Loss

__all__ = ["LOSSES", "REFINEMENTS", "Method"]

LOSSES: dict[str, Loss] = {"cross-entropy": CrossEntropy(), "gce": GeneralisedCrossEntropy(0.7)}
REFINEMENTS: dict[str, Callable[[int, float], Refinement]] = {
    "as is": lambda k, lead: refine.as_is,
    "hard": lambda k, lead: refine.top_k(1),
    "top-k": lambda k, lead: refine.top_k(k),
    "one or two": lambda k, lead: refine.one_or_two(lead),
}


@dataclass(frozen=True)
class Method:
    """What students are taught, and with which losses.

    Attributes
    ----------
    refinement : callable
        From outputs (N, K) to targets (N, K).
    loss, student_loss : Loss
        The teacher's and the students'.

    Examples
    --------
    >>> from sdbook.estimator.method import Method
    >>> Method.of(refinement="top-k", k=2, loss="cross-entropy", student_loss="gce").losses(3)
    [CrossEntropy(), GeneralisedCrossEntropy(q=0.7), GeneralisedCrossEntropy(q=0.7)]
    """

    refinement: Refinement
    loss: Loss
    student_loss: Loss

    @classmethod
    def of(
        cls,
        *,
        refinement: str | Refinement = "as is",
        k: int = 2,
        lead: float = 0.1,
        loss: str | Loss = "cross-entropy",
        student_loss: str | Loss | None = None,
    ) -> Method:
        """Look up what is given by name."""
        teacher = _loss("loss", loss)
        student = teacher if student_loss is None else _loss("student_loss", student_loss)
        if not isinstance(refinement, str):
            if not callable(refinement):
                raise TypeError(f"refinement is {refinement!r}; accepted are {_names(REFINEMENTS)}")
            return cls(refinement, teacher, student)
        if refinement not in REFINEMENTS:
            raise ValueError(f"refinement is {refinement!r}; accepted are {_names(REFINEMENTS)}")
        return cls(REFINEMENTS[refinement](k, lead), teacher, student)

    def losses(self, rounds: int) -> list[Loss]:
        """Return the loss of each round."""
        rounds = _validate.count("rounds", rounds)
        return [self.loss] + [self.student_loss] * (rounds - 1)


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
