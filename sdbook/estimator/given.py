"""Checks of what `fit` and `predict` get: features, labels or soft targets, weights, groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.validation import validate_data

from sdbook import _validate

__all__ = ["Given", "groups_of", "instances"]

Floats = NDArray[np.floating[Any]]

IDENTIFIER = 20
"""Labels that are all different may be a small example. More of them than this are no labels."""

LABELS = "labels of one kind (strings, integers or booleans)"
TARGETS = f"one column of {LABELS} or soft targets of shape (N, K)"


@dataclass(frozen=True, eq=False)
class Given:
    """Checked arguments of `fit`: N rows, and K classes in the order of `classes`.

    The labels of soft targets are the likeliest classes. Weights are scaled by a power of two.
    """

    X: Floats
    targets: Floats
    labels: NDArray[np.intp]
    classes: NDArray[Any]
    sample_weight: Floats | None

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, sample_weight: Any) -> Given:
        """Check the arguments of ``estimator.fit``, and note the features it was fitted on."""
        X = _features(estimator, X, y=None if y is None else "no_validation")
        values = _array("y", y)
        if values.ndim not in (1, 2):
            raise ValueError(f"y must be {TARGETS}, got shape {values.shape}.")
        soft = values.ndim == 2 and values.shape[1] > 1
        values = values if soft else column_or_1d(values, warn=True)
        if len(values) != len(X):
            raise ValueError(
                f"y must have one entry for each row of X, {len(X)}, got {len(values)}."
            )
        if soft:
            classes = _column_names(y, values.shape[1])
        else:
            classes, labels = _classes("y", values)
            if len(classes) == len(X) > IDENTIFIER:
                raise ValueError(
                    f"y must have labels that several rows share, got {len(classes)} classes in "
                    f"{len(X)} rows, like the column of an identifier."
                )
            if not hasattr(y, "dtype"):  # of a list of strings: strings, not objects
                classes = np.array(classes.tolist())
        K = len(classes)
        # Targets, outputs and parameters: better refused before they are made.
        elements = K * (3 * len(X) + X.shape[1])
        _validate.memory(f"y with {K} classes in {len(X)} rows", elements, X.itemsize)
        exact = _shares(values) if soft else labels[:, None] == np.arange(K)
        targets = exact.astype(X.dtype)
        weights = None if sample_weight is None else _weights(sample_weight, X)
        counted = targets if weights is None else targets[weights > 0]
        present = classes[counted.any(axis=0)].tolist()
        if len(present) < 2:
            where = "" if weights is None else " in rows with sample_weight > 0"
            raise ValueError(
                f"y must have at least 2 classes{where}, got one class, {present[0]!r}."
            )
        return cls(X, targets, targets.argmax(axis=1), classes, weights)

    @property
    def counts(self) -> NDArray[np.float64]:
        """How much each instance counts in a score."""
        weights = self.sample_weight
        return np.ones(len(self.X)) if weights is None else weights.astype(np.float64)

    def take(self, rows: NDArray[Any]) -> Given:
        """Return some of the instances, with all classes."""
        weights = None if self.sample_weight is None else self.sample_weight[rows]
        return Given(self.X[rows], self.targets[rows], self.labels[rows], self.classes, weights)


def instances(estimator: Any, X: Any) -> Floats:
    """Check new instances against what the estimator was fitted on."""
    return _features(estimator, X, reset=False).astype(estimator.coef_.dtype, copy=False)


def groups_of(values: Any, X: Floats) -> NDArray[np.intp]:
    """Check which group each row belongs to, and number the groups."""
    groups = _array("groups", values)
    if groups.shape != (len(X),):
        raise ValueError(f"groups must have shape ({len(X)},), got {groups.shape}.")
    return _classes("groups", groups)[1]


def _features(estimator: Any, X: Any, **how: Any) -> Floats:
    """Return dense, finite numbers; where `X` is something else, say what to do with it."""
    if issparse(X):
        raise TypeError(
            f"X must be dense, got a sparse {type(X).__name__} of shape {X.shape}. Put "
            "sklearn.decomposition.TruncatedSVD before this estimator in a pipeline, or pass "
            "X.toarray() if it is small."
        )
    _validate.unmasked("X", X)
    dtypes = [np.float64, np.float32]
    try:
        numbers = validate_data(estimator, X, dtype=dtypes, ensure_all_finite=False, **how)
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise ValueError(
            f"X must be numbers, got text ({error}). Make features from texts with TfidfVectorizer "
            "and TruncatedSVD of scikit-learn, or with sdbook.embedding.embed_texts."
        ) from None
    features: Floats = _validate.matrix("X", numbers, "features")
    return features


def _array(name: str, values: Any) -> NDArray[Any]:
    """Return an array. Entries of a sequence stay as they are: NumPy would make 1 and "1" alike."""
    _validate.unmasked(name, values)
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return np.array(list(values), dtype=object)
    return np.asarray(values)


def _column_names(y: Any, number: int) -> NDArray[Any]:
    """Return the names of the columns of soft targets, or their numbers where they have none."""
    names = getattr(y, "column_names", getattr(y, "columns", np.arange(number)))  # PyArrow's first
    listed = list(names)
    if len(set(listed)) < number:
        twice = next(name for name in listed if listed.count(name) > 1)
        raise ValueError(f"y must have columns with different names, got {twice!r} more than once.")
    return np.asarray(names)


def _classes(name: str, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the names of the classes, sorted, and the class of each row."""
    _no_missing(name, values)
    if values.dtype.kind == "O":
        values = _of_one_type(name, values)
    if values.dtype.kind not in "biufUOM":
        raise ValueError(f"{name} must be {LABELS}, got dtype {values.dtype}.")
    if values.dtype.kind == "f":
        continuous = ~np.isfinite(values) | (values != np.rint(values))
        _refuse(continuous, values, f"{name} must be {LABELS}, not a continuous quantity")
    classes, labels = np.unique(values, return_inverse=True)
    return classes, labels


def _of_one_type(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return labels of any type as an array in which those that differ still do."""
    plain = [value.item() if getattr(value, "ndim", None) == 0 else value for value in values]
    kinds = [next((k for k in (str, bool, Real) if isinstance(value, k)), None) for value in plain]
    like = "" if kinds[0] is None else f", all like {plain[0]!r} in row 0"
    odd = np.array([kind is None or kind is not kinds[0] for kind in kinds])
    strings = f" {name}.astype(str) makes strings of all."
    _refuse(odd, plain, f"{name} must be {LABELS}{like}", strings)
    if kinds[0] is str:
        return values
    numbers = np.array(plain)
    # Whole numbers that no one integer type holds become floats, some of them equal.
    lost = [
        numbers.dtype.kind == "O" or a != b for a, b in zip(numbers.tolist(), plain, strict=True)
    ]
    _refuse(np.array(lost), plain, f"{name} must be numbers that one NumPy type holds exactly")
    return numbers


def _shares(values: NDArray[Any]) -> Floats:
    """Return shares that sum to one in each row."""
    _no_missing("y", values)
    if values.dtype.kind == "O" and all(isinstance(share, Real) for share in values.flat):
        values = values.astype(float)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"y must be {TARGETS}, got shape {values.shape} and dtype {values.dtype}.")
    shares = values.astype(float)
    _refuse((shares < 0) | np.isinf(shares), shares, "y must have shares that are finite and >= 0")
    sums = shares.sum(axis=1, keepdims=True)
    # As far as float32 shares can be off. The rest is divided out, because solvers want more.
    _refuse(abs(sums - 1) > 1e-4, sums, f"y must be {TARGETS} with row sums of 1")
    normalised: Floats = shares / sums
    return normalised


def _weights(values: Any, X: Floats) -> Floats:
    must = "sample_weight must be finite numbers >= 0, not all of them zero"
    _validate.unmasked("sample_weight", values)
    try:
        weights = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{must}, got a {type(values).__name__} ({error}).") from None
    if weights.shape != (len(X),):
        raise ValueError(f"sample_weight must have shape ({len(X)},), got {weights.shape}.")
    _refuse(~np.isfinite(weights) | (weights < 0) | ~weights.any(), weights, must)
    # Only proportions count. A power of two changes none, and keeps the largest in float32.
    return np.ldexp(weights, -np.frexp(weights.max())[1]).astype(X.dtype)


def _no_missing(name: str, values: NDArray[Any]) -> None:
    """Say in which row a value is missing: NaN, None, or what pandas has for them."""
    if values.dtype.kind == "O":
        missing = np.frompyfunc(_is_missing, 1, 1)(values).astype(bool)
    else:
        missing = values != values  # NaN and NaT, and nothing else
    rows = int(missing.reshape(len(values), -1).any(axis=1).sum())
    _refuse(
        missing,
        values,
        f"{name} must have no missing values",
        f" Such rows are {rows} of {len(values)}: leave them out, as DataFrame.dropna does.",
    )


def _is_missing(value: Any) -> bool:
    # By name, because pandas need not be there.
    unknown = type(value).__name__ in ("NoneType", "NAType", "NaTType", "MaskedConstant")
    return unknown or (isinstance(value, Real) and value != value)


def _refuse(bad: NDArray[np.bool_], values: Any, must: str, remedy: str = "") -> None:
    """Show the first of the bad values and its row, if there is one."""
    if bad.any():
        place = tuple(np.argwhere(bad)[0])
        value = values[place[0]] if bad.ndim == 1 else values[place]
        value = value.item() if isinstance(value, np.generic) else value
        shown = f"{value:.10g}" if isinstance(value, float) else repr(value)
        raise ValueError(f"{must}, got {shown} in row {place[0]}.{remedy}")
