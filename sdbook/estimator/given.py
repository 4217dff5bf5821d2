"""What `fit` is told, checked: instances, given labels or soft targets, weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

LABELS = "labels of one kind: strings, whole numbers or booleans"
SHARES = "soft targets of shape (N, K): shares >= 0 that sum to 1 in each row"
TARGETS = f"one column of {LABELS}; or {SHARES}"


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
    sample_weight: Floats | None

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, sample_weight: Any) -> Given:
        """Check the arguments of ``estimator.fit``, and note the features it was fitted on."""
        X = _features(estimator, X, y=None if y is None else "no_validation")
        values = _array(y)
        if values.ndim == 2 and values.shape[1] > 1:
            classes = _columns(y, values.shape[1])
            _one_each("y", values, X)
            _enough_memory(X, len(classes))
            targets = _soft(values).astype(X.dtype)
            labels = targets.argmax(axis=1)
        else:
            values = column_or_1d(_apart(y, values), warn=True)
            _one_each("y", values, X)
            classes, labels = _classes("y", values)
            if isinstance(y, list | tuple):
                classes = np.array(classes.tolist())
            if len(classes) == len(X) > IDENTIFIER:
                raise ValueError(
                    f"y has {len(classes)} classes in {len(X)} rows, each its own, like the column "
                    "of an identifier; accepted are labels that several rows share"
                )
            _enough_memory(X, len(classes))
            targets = np.zeros((len(X), len(classes)), dtype=X.dtype)
            np.put_along_axis(targets, labels[:, None], 1, axis=1)
        _two_classes("y has", classes, targets)
        weights = None
        if sample_weight is not None:
            weights = _weights(sample_weight, X)
            _two_classes("sample_weight leaves", classes, targets[weights > 0])
        return cls(X, targets, labels, classes, weights)

    def take(self, chosen: NDArray[Any]) -> Given:
        """Return some of the instances, with all classes."""
        weights = None if self.sample_weight is None else self.sample_weight[chosen]
        return Given(
            self.X[chosen], self.targets[chosen], self.labels[chosen], self.classes, weights
        )


def instances(estimator: Any, X: Any) -> Floats:
    """Check new instances against what the estimator was fitted on."""
    return _features(estimator, X, reset=False).astype(estimator.coef_.dtype, copy=False)


def groups_of(values: Any, X: Floats) -> NDArray[np.intp]:
    """Check which group each row belongs to, and number the groups."""
    named = _apart(values, _array(values, "groups"))
    if named.ndim != 1:
        raise ValueError(f"groups has shape {named.shape}; accepted is one for each row of X")
    _one_each("groups", named, X)
    return _classes("groups", named)[1]


def _features(estimator: Any, X: Any, **options: Any) -> Floats:
    """Return dense, finite numbers; where `X` is something else, say what to do with it."""
    if issparse(X):
        raise TypeError(
            f"X is sparse ({type(X).__name__} of shape {X.shape}); accepted are dense features: "
            "centring would fill it anyway. Put sklearn.decomposition.TruncatedSVD before this "
            "estimator in a pipeline, or pass X.toarray() if it is small"
        )
    _validate.unmasked("X", X)
    numbers = {"dtype": [np.float64, np.float32], "ensure_all_finite": False}
    try:
        checked = validate_data(estimator, X, **numbers, **options)
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise ValueError(
            f"X has text in it ({error}); accepted are features, numbers only. Make them from "
            "texts with TfidfVectorizer and TruncatedSVD of scikit-learn, or with "
            "sdbook.embedding.embed_texts"
        ) from None
    features: Floats = _validate.matrix("X", checked, "features")
    return features


def _array(y: Any, name: str = "y") -> NDArray[Any]:
    _validate.unmasked(name, y)
    y = _listed(y)
    try:
        values = np.asarray(y)
    except ValueError:
        raise ValueError(f"{name} has rows of unequal length; accepted are {TARGETS}") from None
    if values.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {values.shape}; accepted are {TARGETS}")
    return values


def _listed(y: Any) -> Any:
    """Return a list of what is a sequence but no array, such as a `deque`."""
    return list(y) if isinstance(y, Sequence) and not isinstance(y, str | bytes) else y


def _apart(y: Any, values: NDArray[Any]) -> NDArray[Any]:
    """Return one column of a sequence as it was before NumPy made its entries alike."""
    listed = _listed(y)
    mixed = isinstance(listed, list) and values.dtype.kind != "M"
    return np.array(listed, dtype=object) if mixed else values


def _columns(y: Any, number: int) -> NDArray[Any]:
    """Return the names of the columns of soft targets, or their numbers where they have none."""
    names = getattr(y, "column_names", getattr(y, "columns", None))  # PyArrow's first
    if names is None:
        return np.arange(number)
    first: dict[Any, int] = {}
    for column, name in enumerate(names):
        if first.setdefault(name, column) != column:
            raise ValueError(
                f"y has the name {name!r} for columns {first[name]} and {column}; accepted are "
                "names that differ, one for each class"
            )
    return np.asarray(names)


def _enough_memory(X: Floats, n_classes: int) -> None:
    """Refuse classes for which targets, outputs and parameters do not fit, before making them."""
    (instances, width), K = X.shape, n_classes
    _validate.memory(
        f"y with {K} classes in {instances} rows", K * (3 * instances + width), X.itemsize
    )


def _one_each(name: str, values: NDArray[Any], X: Floats) -> None:
    if len(values) != len(X):
        raise ValueError(
            f"{name} has {len(values)} rows; accepted is one for each row of X, {len(X)}"
        )


def _two_classes(start: str, classes: NDArray[Any], targets: Floats) -> None:
    present = classes[targets.any(axis=0)].tolist()
    if len(present) < 2:
        raise ValueError(f"{start} one class, {present[0]!r}; accepted are two classes or more")


def _classes(name: str, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the names of the classes, sorted, and the class of each row."""
    _refuse_missing(name, values)
    if values.dtype.kind == "O":
        values = _of_one_kind(name, values)
    if values.dtype.kind not in "biufUOM":
        raise ValueError(f"{name} has dtype {values.dtype}; accepted are {LABELS}")
    if values.dtype.kind == "f":
        _refuse(
            ~np.isfinite(values) | (values != np.rint(values)),
            lambda row: f"{name} is {values[row]} in row {row}",
            f"{LABELS}, not a continuous quantity",
        )
    classes, labels = np.unique(values, return_inverse=True)
    return classes, labels


def _of_one_kind(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return labels of any type as an array in which those that differ still do."""
    plain = [value.item() if getattr(value, "ndim", None) == 0 else value for value in values]
    kinds = [
        next((kind for kind in (str, bool, Real) if isinstance(value, kind)), None)
        for value in plain
    ]
    for row, kind in enumerate(kinds):
        if kind is None or kind is not kinds[0]:
            first = "" if row == 0 else f"{plain[0]!r} in row 0 and "
            raise ValueError(
                f"{name} is {first}{plain[row]!r} in row {row}; accepted are {LABELS} "
                f"({name}.astype(str) makes strings of all)"
            )
    if kinds[0] is str:
        return values
    # Whole numbers that no one integer type holds would become floats, some of them equal.
    numbers = np.array(plain)
    lost = np.array(
        [numbers.dtype.kind == "O" or a != b for a, b in zip(numbers.tolist(), plain, strict=True)]
    )
    _refuse(
        lost,
        lambda row: f"{name} is {plain[row]!r} in row {row}, which is beyond NumPy's integers",
        f"{LABELS} of at most 64 bits ({name}.astype(str) makes strings of all)",
    )
    return numbers


def _soft(values: NDArray[Any]) -> Floats:
    """Return shares that sum to one in each row."""
    _refuse_missing("y", values)
    if values.dtype.kind == "O" and all(isinstance(share, Real) for share in values.flat):
        values = values.astype(float)
    if values.dtype.kind not in "biuf":
        raise ValueError(
            f"y has shape {values.shape} and dtype {values.dtype}; accepted are {TARGETS}"
        )
    shares = values.astype(float)
    bad = (shares < 0) | np.isinf(shares)
    _refuse(
        bad.any(axis=1),
        lambda row: f"y has the share {shares[row][bad[row]][0]:g} in row {row}",
        SHARES,
    )
    sums = shares.sum(axis=1, keepdims=True)
    # As far as float32 shares can be off; what is left is divided out, because solvers want
    # more.
    _refuse(
        abs(sums[:, 0] - 1) > 1e-4,
        lambda row: f"y has a row that sums to {sums[row, 0]:.6g} (row {row})",
        TARGETS,
    )
    normalised: Floats = shares / sums
    return normalised


def _weights(values: Any, X: Floats) -> Floats:
    accepted = "finite numbers >= 0, one for each row of X"
    _validate.unmasked("sample_weight", values)
    try:
        weights = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"sample_weight is a {type(values).__name__} ({error}); accepted are {accepted}"
        ) from None
    if weights.shape != (len(X),):
        raise ValueError(
            f"sample_weight has shape {weights.shape}; accepted are {accepted}, ({len(X)},)"
        )
    _refuse(
        ~(np.isfinite(weights) & (weights >= 0)),
        lambda row: f"sample_weight is {weights[row]} in row {row}",
        accepted,
    )
    if not weights.any():
        raise ValueError(f"sample_weight is zero in all rows; accepted are {accepted}, not all 0")
    # Only proportions count. A power of two changes none, and keeps the largest in float32.
    return np.ldexp(weights, -np.frexp(weights.max())[1]).astype(X.dtype)


def _refuse(bad: NDArray[np.bool_], what: Callable[[int], str], accepted: str) -> None:
    """Say what is wrong in the first of the bad rows, if there is one."""
    if bad.any():
        raise ValueError(f"{what(int(bad.argmax()))}; accepted are {accepted}")


def _refuse_missing(name: str, values: NDArray[Any]) -> None:
    """Say in which row a value is missing: NaN, None, or what pandas has for them."""
    if values.dtype.kind == "O":
        missing = np.frompyfunc(_is_missing, 1, 1)(values).astype(bool)
    else:
        missing = values != values  # NaN and NaT, and nothing else
    rows = missing.reshape(len(values), -1).any(axis=1)
    _refuse(
        rows,
        lambda row: (
            f"{name} is {values[row]} in row {row} "
            f"(missing values in {rows.sum()} of {len(rows)} rows)"
        ),
        "rows without missing values: leave the others out, as DataFrame.dropna does",
    )


def _is_missing(value: Any) -> bool:
    # By name, because pandas need not be there.
    unknown = type(value).__name__ in ("NoneType", "NAType", "NaTType", "MaskedConstant")
    return unknown or (isinstance(value, Real) and value != value)
