"""Checks of arguments, with errors that say what must be, and what came.

The functions return what they checked, converted at most to an array, never repaired. They raise
`TypeError` for a wrong kind of thing and `ValueError` for a wrong value.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import array_api_compat
import numpy as np

Array = Any
"""An array of any library that follows the array API standard (NumPy, PyTorch, CuPy, JAX...)."""


def namespace(name: str, array: Array) -> Any:
    """Return the array API namespace of an array, with a clear error for anything else."""
    try:
        return array_api_compat.array_namespace(array)
    except TypeError:
        raise TypeError(
            f"{name} must be an array of a library that follows the array API standard, such as "
            f"NumPy or PyTorch, got a {type(array).__name__}."
        ) from None


def tie_width(outputs: Array) -> float:
    """Return how near outputs must be to count as equal: what default tolerances vouch for.

    In proportion to how far apart outputs are at all, because so are the errors of a solver.
    """
    xp = namespace("outputs", outputs)
    share = 1e-6 if outputs.dtype == xp.float64 else 1e-3
    spread = float(xp.max(outputs)) - float(xp.min(outputs))
    return max(share * spread, 8 * float(xp.finfo(outputs.dtype).eps))


def count(name: str, value: int, least: int = 1, most: int | None = None) -> int:
    """Check an integer in a range."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if value < least or (most is not None and value > most):
        accepted = f">= {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer {accepted}, got {value}.")
    return int(value)


def real(
    name: str,
    value: float,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Check a finite real number in an interval, each end of which may be open."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r}.")
    number = float(value)
    inside = (low < number if open_low else low <= number) and (
        number < high if open_high else number <= high
    )
    if not math.isfinite(number) or not inside:
        if math.isinf(low) and math.isinf(high):
            accepted = "finite"
        elif math.isinf(high):
            accepted = f"{'>' if open_low else '>='} {low:g}"
        else:
            accepted = f"in {'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        finite = "" if math.isfinite(number) or accepted == "finite" else "finite and "
        raise ValueError(f"{name} must be {finite}{accepted}, got {value}.")
    return number


def reals(
    name: str,
    values: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Check a real number, or an array of them, as `real` does."""
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number or an array of them, got {values!r}.")
    for extreme in (array.min(), array.max()) if array.size else ():
        real(name, extreme.item(), low, high, open_low=open_low, open_high=open_high)
    return array.astype(float)


def regularisation(lam: float) -> float:
    """Check the L2 strength lambda."""
    return real("lam", lam, 0, open_low=True)


def one_lam_each(lam: Any, number: int, what: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Check the L2 strength lambda, one for all or one for each, and return one for each."""
    strengths = reals("lam", lam, 0, open_low=True)
    if strengths.shape not in ((), (number,)):
        raise ValueError(
            f"lam must be one number or one per {what}, shape ({number},), got shape "
            f"{strengths.shape}."
        )
    return np.broadcast_to(strengths, (number,)).copy()


def unmasked(name: str, values: Any) -> Any:
    """Return an array without its mask, and check that no entry is masked.

    A conversion would bring to light what the mask hides. And the type alone, with nothing masked,
    calculates by rules of its own.
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if np.ma.is_masked(values):
        mask = np.ma.getmaskarray(values)
        rows: Any = np.any(mask.reshape(mask.shape[0], -1), axis=1)
        raise ValueError(
            f"{name} must have no masked values, got some in {rows.sum()} of {len(rows)} rows, "
            f"first in row {int(rows.argmax())}. Leave these rows out."
        )
    return values.data


def matrix(name: str, array: Array, columns: str = "columns") -> Array:
    """Check a non-empty real floating matrix without NaN or infinity."""
    array = unmasked(name, array)
    xp = namespace(name, array)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} must be a non-empty matrix (samples, {columns}), got shape "
            f"{tuple(array.shape)}."
        )
    if array.dtype not in (xp.float32, xp.float64):
        raise TypeError(
            f"{name} must have dtype float32 or float64, got {array.dtype}. Convert it first."
        )
    # The sum of numbers that are all finite can overflow, but no sum hides one that is not.
    with np.errstate(over="ignore", invalid="ignore"):
        total = xp.sum(array)
    if not bool(xp.isfinite(total)) and not bool(xp.all(xp.isfinite(array))):
        finite = xp.all(xp.isfinite(array), axis=1)
        bad = int(xp.argmin(xp.astype(finite, xp.int32)))
        raise ValueError(f"{name} must be finite, got a NaN or an infinity, first in row {bad}.")
    return array


def unit_rows(name: str, array: Array) -> Array:
    """Check that each row has unit norm."""
    xp = namespace(name, array)
    with np.errstate(over="ignore"):  # an infinite norm is not 1 either
        norms = xp.sqrt(xp.vecdot(array, array))
    tolerance = 1e-6 if array.dtype == xp.float64 else 1e-3
    if float(xp.max(xp.abs(norms - 1))) > tolerance:
        raise ValueError(
            f"{name} must have rows of norm 1, got norms from {float(xp.min(norms)):.4g} to "
            f"{float(xp.max(norms)):.4g}. Use sdbook.datasets.normalise(features); or, to keep "
            "them as they are, pass sdbook.solvers.factorise(features, unit_norm=False)."
        )
    return array


def same_kind(name: str, array: Array, like: Array) -> Array:
    """Check that an array is of the library, dtype and device of the training features."""
    same_library = namespace(name, array) is namespace("features", like)
    if not same_library or array.dtype != like.dtype or array.device != like.device:
        raise TypeError(
            f"{name} must be the same kind of array as the training features, "
            f"{type(like).__name__} of {like.dtype} on {like.device}, got {type(array).__name__} "
            f"of {array.dtype} on {array.device}."
        )
    return array


def new_instances(name: str, array: Array, width: int, like: Array) -> Array:
    """Check features of new samples: as wide as the training features, and of their kind."""
    matrix(name, array, "features")
    if array.shape[1] != width:
        raise ValueError(f"{name} must have {width} columns, got {array.shape[1]}.")
    return same_kind(name, array, like)


def targets(
    name: str, array: Array, like: Array, n_classes: int | None = None, *, signed: bool = False
) -> Array:
    """Check targets: one row per row of `like`, each summing to one, >= 0 unless `signed`."""
    matrix(name, array, "classes")
    xp = namespace(name, array)
    same_kind(name, array, like)
    if array.shape[0] != like.shape[0]:
        raise ValueError(
            f"{name} must have one row per sample, {like.shape[0]}, got {array.shape[0]}."
        )
    if n_classes is not None and array.shape[1] != n_classes:
        raise ValueError(
            f"{name} must have one column per class, {n_classes}, got {array.shape[1]}."
        )
    if array.shape[1] < 2:
        raise ValueError(f"{name} must have two columns (classes) or more, got {array.shape[1]}.")
    if not signed and float(xp.min(array)) < 0:
        raise ValueError(f"{name} must be >= 0, got {float(xp.min(array)):.4g}.")
    sums = xp.sum(array, axis=1)
    worst = int(xp.argmax(xp.abs(sums - 1)))
    tolerance = 1e-9 if array.dtype == xp.float64 else 1e-4
    if abs(float(sums[worst]) - 1) > tolerance:
        raise ValueError(
            f"{name} must have rows that sum to 1, got {float(sums[worst]):.6g} in row {worst}."
        )
    return array


def parameters(name: str, array: Array, shape: tuple[int, int], like: Array) -> Array:
    """Check parameters of as many features and classes, of the kind of the training features."""
    same_kind(name, array, like)
    if tuple(array.shape) != shape:
        raise ValueError(
            f"{name} must have parameters of shape {shape}, as many features and classes as this "
            f"problem, got {tuple(array.shape)}."
        )
    return array


def sample_weight(name: str, array: Array, like: Array) -> Array:
    """Check one non-negative weight per sample, not all zero."""
    array = unmasked(name, array)
    xp = namespace(name, array)
    if tuple(array.shape) != (like.shape[0],):
        raise ValueError(
            f"{name} must have one entry per sample, shape ({like.shape[0]},), got shape "
            f"{tuple(array.shape)}."
        )
    same_kind(name, array, like)
    least, most = float(xp.min(array)), float(xp.max(array))  # NaN if there is one
    if not (least >= 0 and 0 < most < math.inf):
        raise ValueError(
            f"{name} must be finite and >= 0, with one above 0, got {least:.4g} to {most:.4g}."
        )
    return array


def weights_each(name: str, array: Array | None, like: Array, problems: int) -> list[Array | None]:
    """Check sample weights of all problems or of each, and return one of mean 1 for each."""
    if array is None:
        return [None] * problems
    xp = namespace(name, array)
    each = [array] * problems if array.ndim == 1 else list(array)
    if len(each) != problems:
        raise ValueError(
            f"{name} must have shape (samples,) for all problems, or one row for each of the "
            f"{problems}, got {len(each)} rows."
        )
    each = [sample_weight(name, one, like) for one in each]
    return [one * (one.shape[0] / float(xp.sum(one, dtype=xp.float64))) for one in each]


def labels(
    name: str, values: Any, n_classes: int, n_samples: int | None = None
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Check integer labels 0 ... n_classes - 1 and return them as a NumPy vector."""
    unmasked(name, values)
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be one label per sample, got shape {array.shape}.")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}.")
    if n_samples is not None and array.shape[0] != n_samples:
        raise ValueError(
            f"{name} must have one entry per sample, {n_samples}, got {array.shape[0]}."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_classes:
        raise ValueError(f"{name} must be from 0 to {n_classes - 1}, got {low} to {high}.")
    return array.astype(np.int64)


def one_each(name: str, value: Any, number: int, what: str) -> list[Any]:
    """Return a value for each of a number of things: one for all of them, or a sequence."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * number
    if len(value) != number:
        raise ValueError(
            f"{name} must be one for all, or one for each {what}, {number}, got {len(value)}."
        )
    return list(value)


def given_labels(
    values: Any, n_samples: int, n_classes: int | None
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
    """Check given labels, and return them with the number of classes."""
    if n_classes is not None:
        K = count("n_classes", n_classes, 2)
        return labels("given_labels", values, K, n_samples), K
    raw = np.asarray(values)
    largest = int(raw.max()) if raw.size and raw.dtype.kind in "iu" else 1
    K = max(largest + 1, 2)
    given = labels("given_labels", values, K, n_samples)
    present = np.unique(given)
    if len(present) < K:  # without a list of all K, which an identifier would make huge
        absent = int(np.argmax(np.append(present, -1) != np.arange(len(present) + 1)))
        raise ValueError(
            f"given_labels must have a sample of each class, got none of class {absent}. Pass "
            "n_classes to allow classes without one."
        )
    return given, K


def row_stochastic(
    name: str, values: Any, n_classes: int | None = None, *, stack: bool = False
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Check a square matrix of probabilities whose rows sum to one, or a `stack` of them."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a matrix of real numbers, got {error}.") from None
    square = array.ndim >= 2 and array.shape[-2] == array.shape[-1] >= 2
    if not square or (array.ndim > 2 and not stack):
        shape = "(..., n_classes, n_classes)" if stack else "(n_classes, n_classes)"
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}.")
    if n_classes is not None and array.shape[-1] != n_classes:
        raise ValueError(f"{name} must be for {n_classes} classes, got {array.shape[-1]}.")
    if not np.isfinite(array).all() or array.min(initial=0) < 0:
        raise ValueError(f"{name} must hold probabilities, got a negative, NaN or infinite entry.")
    sums = array.sum(axis=-1)
    off = np.abs(sums - 1)
    if off.max(initial=0) > 1e-9:
        worst = np.unravel_index(off.argmax(), off.shape)
        transposed = np.allclose(array.sum(axis=-2), 1)
        columns = " Its columns sum to 1: transpose it?" if transposed else ""
        where = worst[0] if array.ndim == 2 else tuple(int(i) for i in worst)
        raise ValueError(
            f"{name} must have rows that sum to 1 (row = true class, column = given class), got "
            f"{sums[worst]:.6g} in row {where}.{columns}"
        )
    return array


def memory(what: str, elements: int, bytes_per_element: int) -> None:
    """Refuse work whose arrays cannot fit into the memory that is free now.

    Without psutil, as in a browser, nobody knows what is free: the work goes on, and fails only
    where memory ends.
    """
    try:
        import psutil
    except ImportError:
        return
    needed = elements * bytes_per_element
    available = psutil.virtual_memory().available
    if needed > available:
        raise MemoryError(
            f"{what} needs {needed / 2**30:.1f} GiB, but only {available / 2**30:.1f} GiB are free."
        )
