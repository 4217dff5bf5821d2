"""What `fit` is told, checked: instances, given labels or soft targets, weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from sdbook.datasets import one_hot

__all__ = ["Given", "instances"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Given:
    """Checked arguments of `fit`.

    Attributes
    ----------
    X : ndarray of shape (N, d)
        Features, float32 or float64.
    targets : ndarray of shape (N, K)
        What the teacher is taught, of the dtype of `X`.
    labels : ndarray of int, shape (N,)
        The given label of each instance, an index into `classes`: the likeliest where `targets`
        are soft.
    classes : ndarray of shape (K,)
        Names of the classes, sorted unless they are the columns of a data frame.
    weights : ndarray of shape (N,) or None
        Instance weights.
    """

    X: Floats
    targets: Floats
    labels: NDArray[np.intp]
    classes: NDArray[Any]
    weights: Floats | None

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, sample_weight: Any) -> Given:
        """Check the arguments of ``estimator.fit``, and note the features it was fitted on."""
        refuse_sparse(X)
        options = {"dtype": [np.float64, np.float32]}
        shape = np.asarray(y).shape
        if len(shape) == 2 and shape[1] > 1:
            X, values = validate_data(estimator, X, y, multi_output=True, **options)
            classes = np.asarray(getattr(y, "columns", np.arange(shape[1])))
            targets = _soft(values).astype(X.dtype)
            labels = targets.argmax(axis=1)
        else:
            X, values = validate_data(estimator, X, y, **options)
            check_classification_targets(values)
            classes, labels = np.unique(values, return_inverse=True)
            if len(classes) < 2:
                raise ValueError(f"y has one class, {classes.item()!r}; accepted are two or more")
            targets = one_hot(labels, len(classes)).astype(X.dtype)
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, X, dtype=X.dtype, ensure_non_negative=True
            )
            present = int((weights @ targets > 0).sum())
            if present < 2:
                raise ValueError(
                    f"sample_weight leaves {present} class with weight; accepted are weights that "
                    "leave two classes or more"
                )
        return cls(X, targets, labels, classes, weights)

    def take(self, chosen: NDArray[Any]) -> Given:
        """Return some of the instances, with all classes."""
        weights = None if self.weights is None else self.weights[chosen]
        return Given(
            self.X[chosen], self.targets[chosen], self.labels[chosen], self.classes, weights
        )


def instances(estimator: Any, X: Any) -> Floats:
    """Check new instances against what the estimator was fitted on."""
    refuse_sparse(X)
    checked = validate_data(estimator, X, reset=False, dtype=[np.float64, np.float32])
    return checked.astype(estimator.mean_.dtype, copy=False)


def refuse_sparse(X: Any) -> None:
    """Say what to do with a sparse matrix, as text counts are."""
    if issparse(X):
        raise TypeError(
            f"X is sparse ({type(X).__name__} of shape {X.shape}); accepted are dense features: "
            "centring would fill it anyway. Put sklearn.decomposition.TruncatedSVD before this "
            "estimator in a pipeline, or pass X.toarray() if it is small"
        )


def _soft(values: NDArray[Any]) -> Floats:
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"y has shape {values.shape} and dtype {values.dtype}; accepted are labels of shape "
            "(N,), or soft targets of shape (N, K): numbers"
        )
    shares = values.astype(float)
    if shares.min() < 0:
        raise ValueError(
            f"y has the share {shares.min():.4g} in row {int(shares.min(axis=1).argmin())}; "
            "accepted are soft targets >= 0"
        )
    sums = shares.sum(axis=1, keepdims=True)
    worst = int(np.abs(sums - 1).argmax())
    # As far as float32 shares can be off; what is left is divided out, because solvers want
    # more.
    if abs(sums[worst, 0] - 1) > 1e-4:
        raise ValueError(
            f"y has a row that sums to {sums[worst, 0]:.6g} (row {worst}); accepted are labels of "
            "shape (N,), or soft targets of shape (N, K) whose rows sum to 1"
        )
    return shares / sums
