"""Which instances are trained on and which are held out: what belongs together stays together."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv

from sdbook.estimator.given import Floats, Given, groups_of

__all__ = ["Fold", "folds_of", "same_rows"]

MOST_COPIES = 10
"""How often a row is there on average, at most, where equal rows are taken for copies."""

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows to train on, and rows to judge by."""

ACCEPTED = "a number of folds, a splitter of scikit-learn, or a list of pairs (train, test) of rows"


def folds_of(cv: Any, given: Given, groups: Any) -> list[Fold]:
    """Return the folds of a chooser.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        With a number, copies and groups stay together.
    given : Given
        What is to be cut into folds.
    groups : array_like of shape (N,) or None

    Returns
    -------
    list of Fold

    Raises
    ------
    TypeError, ValueError
        If `cv` gives no folds, or folds that are empty, without weight or of rows that are not
        there; or if `groups` is not as described, or of no use with this `cv`.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.estimator.folds import folds_of
    >>> from sdbook.estimator.given import Given
    >>> X = np.array([[1.0], [2.0], [1.0], [3.0], [4.0]])
    >>> y = np.array([0, 1, 0, 1, 0])
    >>> given = Given(X, np.eye(2)[y], y, np.arange(2), None)
    >>> [held_out.tolist() for _, held_out in folds_of(2, given, None)]
    [[0, 1, 2], [3, 4]]
    """
    together = None if groups is None else groups_of(groups, given.X)
    found: list[Any]
    if cv is None or isinstance(cv, Integral):
        splitter = check_cv(cv, given.labels, classifier=True)
        found = _numbered(splitter.n_splits, given, together)
    elif isinstance(cv, str) or not (hasattr(cv, "split") or isinstance(cv, Iterable)):
        raise ValueError(f"cv is {cv!r}; accepted are {ACCEPTED}")
    elif hasattr(cv, "split"):
        try:
            found = list(cv.split(given.X, given.labels, together))
        except ValueError as error:
            if groups is not None or "groups" not in str(error):
                raise
            raise ValueError(
                f"cv is {cv!r}, which needs groups; accepted is fit(X, y, groups=...), the group "
                "of each row"
            ) from error
    elif groups is None:
        found = list(cv)
    else:
        raise ValueError(
            f"groups is given with folds that are settled, cv of type {type(cv).__name__}; "
            "accepted with groups is a number of folds or a splitter that takes groups"
        )
    if not found:
        raise ValueError(
            f"cv is {cv!r} and gives no folds; an iterator gives them only once, and is exhausted "
            f"after that; accepted are {ACCEPTED}"
        )
    return [_checked(number, fold, given) for number, fold in enumerate(found)]


def same_rows(X: Floats) -> NDArray[np.intp]:
    """Number each row by the first that is equal to it, in time and memory of a sort.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.estimator.folds import same_rows
    >>> same_rows(np.array([[0.0, 1.0], [2.0, 3.0], [-0.0, 1.0]]))
    array([0, 1, 0])
    """
    rows = np.ascontiguousarray(X + 0.0)  # which makes 0 of -0
    whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    return first[number]


def copies(given: Given, folds: int) -> NDArray[np.intp]:
    """Number each row by the first that it is a copy of, or by itself.

    Copies are rows that are equal and have one label. Where equal rows have several labels, each
    was labelled by itself: one tells nothing about the label of another that it should not. And
    rows of which there are few different ones, as with a column of categories, are no copies: to
    hold out a whole category would ask about something that was never seen.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.estimator.folds import copies
    >>> from sdbook.estimator.given import Given
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0], [0.0], [1.0]])
    >>> y = np.array([0, 0, 1, 1, 0, 1])
    >>> copies(Given(X, np.eye(2)[y], y, np.arange(2), None), folds=2)
    array([0, 1, 2, 3, 0, 5])
    """
    same, alone = same_rows(given.X), np.arange(len(given.X))
    different = len(np.unique(same))
    if different < 2 * folds or len(same) > MOST_COPIES * different:
        return alone
    several = np.zeros(len(same), dtype=bool)
    several[same[given.labels != given.labels[same]]] = True
    return np.where(several[same], alone, same)


def _numbered(folds: int, given: Given, groups: NDArray[np.intp] | None) -> list[Fold]:
    """Return stratified folds; without copies and groups, those of scikit-learn."""
    same = copies(given, folds)
    parts = same if groups is None else _tied(same, groups)
    leaders = np.unique(parts, return_index=True)[1]  # the first row of each part
    if groups is not None and len(leaders) < folds:
        raise ValueError(
            f"groups has {len(leaders)} groups; accepted are as many as cv has folds, {folds}, or "
            "more, as groups stay together, and copies"
        )
    if groups is not None or folds > np.bincount(given.labels[leaders]).max():
        return list(StratifiedGroupKFold(folds).split(given.X, given.labels, parts))
    # Copies go where the first of them goes: so what is there k times is as what weighs k times.
    fold_of = np.empty(len(parts), dtype=np.intp)
    split = StratifiedKFold(folds).split(leaders, given.labels[leaders])
    for number, (_, held_out) in enumerate(split):
        fold_of[leaders[held_out]] = number
    fold_of = fold_of[parts]
    return [
        (np.flatnonzero(fold_of != number), np.flatnonzero(fold_of == number))
        for number in range(folds)
    ]


def _tied(same: NDArray[np.intp], groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number what hangs together: each row, the first that equals it, and its group."""
    N = len(same)
    ends = np.concatenate([same, N + groups])
    nodes = N + int(groups.max()) + 1
    ties = coo_array((np.ones(2 * N), (np.tile(np.arange(N), 2), ends)), shape=(nodes, nodes))
    parts: NDArray[np.intp] = connected_components(ties, directed=False)[1][:N]
    return parts


def _checked(number: int, fold: Any, given: Given) -> Fold:
    try:
        train, held_out = fold
    except (TypeError, ValueError):
        raise ValueError(f"cv has {fold!r} as fold {number}; accepted are {ACCEPTED}") from None
    return (
        _rows(f"to train on in fold {number}", train, given),
        _rows(f"held out in fold {number}", held_out, given),
    )


def _rows(where: str, part: Any, given: Given) -> NDArray[np.intp]:
    """Check the numbers of rows, or a mask of them."""
    rows, N = np.asarray(part), len(given.X)
    if rows.dtype == bool and rows.shape == (N,):
        rows = np.flatnonzero(rows)
    if rows.size == 0:
        raise ValueError(f"cv has no rows {where}; accepted are folds with some in both parts")
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min() < -N or rows.max() >= N:
        raise ValueError(
            f"cv has rows {where} that are not there, or no rows; accepted are whole numbers "
            f"from 0 to {N - 1}"
        )
    if given.sample_weight is not None and not given.sample_weight[rows].any():
        raise ValueError(
            f"sample_weight leaves the rows {where} of cv without weight; accepted are weights "
            "that leave some in each"
        )
    return rows.astype(np.intp)
