"""A method: how many rounds, what students are taught, and the loss of each round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdbook import _validate
from sdbook.refine import Refinement, as_is
from sdbook.solvers.losses import CrossEntropy, Loss

__all__ = ["Method"]


@dataclass(frozen=True)
class Method:
    """What is done with given labels, in the words of `sdbook.distill`.

    Parameters
    ----------
    rounds : int
        Rounds in all, >= 1, the teacher among them.
    refinement : callable or sequence of callables
        What students are taught (see `sdbook.refine`): one for all students, or one for each of the
        ``rounds - 1`` students.
    loss : Loss or sequence of Loss, optional
        One for all rounds, or one for each; cross-entropy by default. Softmax model only.
    model : {"softmax", "linearised"}
        The exact optimum, or the linearised model (label averaging).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from sdbook import Method
    >>> from sdbook.refine import top_k
    >>> from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy
    >>> Method(rounds=2, refinement=top_k(2), loss=(CrossEntropy(), GeneralisedCrossEntropy(0.7)))
    Method(2 rounds: top_k(2); CrossEntropy(), GeneralisedCrossEntropy(q=0.7))
    """

    rounds: int = 5
    refinement: Refinement | Sequence[Refinement] = as_is
    loss: Loss | Sequence[Loss] | None = None
    model: str = "softmax"

    def __post_init__(self) -> None:
        _validate.count("rounds", self.rounds)
        if self.model not in ("softmax", "linearised"):
            raise ValueError(f"model must be 'softmax' or 'linearised', got {self.model!r}.")
        if self.model == "linearised" and self.loss is not None:
            raise ValueError(
                "loss must be None for the linearised model, which has a closed form, got "
                f"{self.loss!r}."
            )
        for each in self.refinements:
            if not callable(each):
                raise TypeError(f"refinement must be a callable, got {each!r}.")
        for loss in self.losses:
            if not hasattr(loss, "weights"):
                raise TypeError(f"loss must be a loss of sdbook.solvers or like one, got {loss!r}.")

    @property
    def refinements(self) -> list[Refinement]:
        """What each student is taught, the first student's first."""
        return _validate.one_each("refinement", self.refinement, self.rounds - 1, "student")

    @property
    def losses(self) -> list[Loss]:
        """The loss of each round, the teacher's first."""
        return _validate.one_each(
            "loss", CrossEntropy() if self.loss is None else self.loss, self.rounds, "round"
        )

    def __repr__(self) -> str:
        def short(values: list[Any]) -> str:
            names = [getattr(value, "__name__", repr(value)) for value in values]
            return names[0] if len(set(names)) == 1 else ", ".join(names)

        rounds = (
            f"{self.rounds} rounds: {short(self.refinements)}" if self.rounds > 1 else "1 round"
        )
        how = "linearised" if self.model == "linearised" else short(self.losses)
        return f"Method({rounds}; {how})"
