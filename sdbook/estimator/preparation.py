"""From features as they come to features as the theory wants them: centred, of unit norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook.datasets import prepare

__all__ = ["Preparation"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Preparation:
    """What is done to each instance before the model sees it; made by `Preparation.of`.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        Subtracted from each instance; float64, whatever the features are.
    normalise : bool
        Whether what is left is divided by its norm. An instance at the mean stays zero.
    intercept : bool
        Whether a constant feature, 1, is appended.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.estimator.preparation import Preparation
    >>> X = np.array([[1.0, 2.0], [7.0, 10.0]])
    >>> prepared = Preparation.of(X, centre=True, normalise=True, intercept=True)
    >>> prepared.apply(X)
    array([[-0.6, -0.8,  1. ],
           [ 0.6,  0.8,  1. ]])
    """

    mean: NDArray[np.float64]
    normalise: bool
    intercept: bool

    @classmethod
    def of(
        cls,
        X: Floats,
        sample_weight: Floats | None = None,
        *,
        centre: bool,
        normalise: bool,
        intercept: bool,
    ) -> Preparation:
        """Take the (weighted) mean from training instances, or none where `centre` is false."""
        mean = prepare.mean(X, sample_weight) if centre else np.zeros(X.shape[1])
        return cls(mean, normalise, intercept)

    def apply(self, X: Floats) -> Floats:
        """Return the prepared instances, of shape (N, d), or (N, d + 1) with an intercept."""
        mean = self.mean
        if self.normalise and max(-X.min(), X.max()) > np.finfo(X.dtype).max / 4:
            X, mean = X / 4, mean / 4  # a difference of the largest numbers there are is no number
        prepared = np.empty_like(X, subok=False)
        np.subtract(X, mean, out=prepared, casting="same_kind")  # in float64, whatever X is
        if self.normalise:
            # What rounding leaves of an instance at the mean has no direction worth scaling up.
            rounding = np.abs(prepared) <= 4 * np.finfo(X.dtype).eps * np.abs(X)
            prepared[rounding.all(axis=1)] = 0
            prepared = prepare.directions(prepared)
        if self.intercept:
            prepared = np.hstack([prepared, np.ones((len(X), 1), X.dtype)])
        return prepared
