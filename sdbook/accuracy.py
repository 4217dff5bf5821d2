"""Accuracy: how many instances a model gets right. True labels are never used for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import to_device
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook._validate import Array

__all__ = ["Accuracy", "Evaluator"]


@dataclass(frozen=True)
class Accuracy:
    """Share of instances whose *true* label has the largest output.

    Where several classes share the largest output (to 1e-6 of the outputs' range in float64), a
    fair coin would decide: the instance counts as 1/m of a right one if its true label is among
    the m.

    Attributes
    ----------
    clean : float or None
        Among training instances whose given label is true. None where there are none.
    corrupted : float or None
        Among training instances whose given label is wrong. None where there are none.
    all : float
        Among all training instances.
    test : float or None
        Among test instances. None without a test set.
    """

    clean: float | None
    corrupted: float | None
    all: float
    test: float | None

    def __str__(self) -> str:
        shares = {
            "clean": self.clean,
            "corrupted": self.corrupted,
            "all": self.all,
            "test": self.test,
        }
        return ", ".join(
            f"{name} {share:.1%}" for name, share in shares.items() if share is not None
        )


@dataclass(frozen=True, eq=False)
class Evaluator:
    """True labels of the training and test instances of one run; made by `Evaluator.of`."""

    true: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    test: NDArray[np.int64] | None

    @classmethod
    def of(
        cls,
        given: NDArray[np.int64],
        n_classes: int,
        true_labels: ArrayLike,
        test_labels: ArrayLike | None,
        n_test: int,
    ) -> Evaluator:
        """Check the true labels, which are only compared with outputs."""
        true = _validate.labels("true_labels", true_labels, n_classes, len(given))
        test = None
        if test_labels is not None:
            test = _validate.labels("test labels", test_labels, n_classes, n_test)
        return cls(true, true != given, test)

    def accuracy(self, outputs: Array, test_outputs: Array | None) -> Accuracy:
        """Compare outputs with the true labels."""
        right = _right(outputs, self.true)
        test = None
        if test_outputs is not None and self.test is not None:
            test = _mean(_right(test_outputs, self.test))
        return Accuracy(
            clean=_mean(right[~self.wrong]),
            corrupted=_mean(right[self.wrong]),
            all=float(right.mean()),
            test=test,
        )


def _right(outputs: Array, true: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 where the true label has the largest output, 1/m where m share it, else 0."""
    values = np.asarray(to_device(outputs, "cpu"))
    top = values.max(axis=1, keepdims=True) - _validate.tie_width(values)
    best = values >= top
    return best[np.arange(len(true)), true] / best.sum(axis=1)


def _mean(right: NDArray[np.float64]) -> float | None:
    return float(right.mean()) if right.size else None
