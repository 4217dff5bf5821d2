"""Folds of cross-validation: copies of a row, and rows of a group, stay together."""

from __future__ import annotations

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
"""Rows to train on, and rows that are held out."""


def folds_of(cv: Any, given: Given, groups: Any) -> list[Fold]:
    """Return the folds that `cv` means, as in scikit-learn; checked.

    With a number, copies and groups stay together. A splitter, or a list of folds, is taken as it
    is.
    """
    together = None if groups is None else groups_of(groups, given.X)
    splitter = check_cv(cv, given.labels, classifier=True)
    if cv is None or isinstance(cv, Integral):
        found = _stratified(splitter.n_splits, given, together)
    elif groups is not None and not hasattr(cv, "split"):
        raise ValueError(
            "groups must be None where cv is a list of folds, got both. Pass a number of folds or "
            "a splitter that takes groups as cv."
        )
    elif hasattr(cv, "split"):
        found = list(cv.split(given.X, given.labels, together))
    else:
        found = splitter.cv
    if not found:
        raise ValueError(
            f"cv must give at least one fold, got none from {cv!r}. An iterator gives its folds "
            "only once: pass a list."
        )
    return [_checked(number, fold, given) for number, fold in enumerate(found)]


def same_rows(X: Floats) -> NDArray[np.intp]:
    """Number each row by the first that is equal to it, in time and memory of a sort."""
    rows = np.ascontiguousarray(X + 0.0)  # which makes 0 of -0
    whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))[:, 0]
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    return first[number]


def _copies(given: Given, folds: int) -> NDArray[np.intp]:
    """Number each row by the first that it is a copy of, or by itself.

    Copies are rows that are equal and have one label: where equal rows have several, each was
    labelled by itself. And rows of which there are few different ones, as with a column of
    categories, are no copies: to hold out a category asks about something that was never seen.
    """
    same, alone = same_rows(given.X), np.arange(len(given.X))
    different = len(np.unique(same))
    if different < 2 * folds or len(same) > MOST_COPIES * different:
        return alone
    several = np.zeros(len(same), dtype=bool)
    several[same[given.labels != given.labels[same]]] = True
    return np.where(several[same], alone, same)


def _stratified(folds: int, given: Given, groups: NDArray[np.intp] | None) -> list[Fold]:
    """Return stratified folds; without copies and groups, those of scikit-learn."""
    same = _copies(given, folds)
    parts = same if groups is None else _connected(same, groups)
    leaders = np.unique(parts, return_index=True)[1]  # the first row of each part
    if groups is not None and len(leaders) < folds:
        raise ValueError(
            f"groups must have at least as many groups as cv has folds, {folds}, got "
            f"{len(leaders)}. Groups that share copies of a row count as one."
        )
    if groups is not None or folds > np.bincount(given.labels[leaders]).max():
        return list(StratifiedGroupKFold(folds).split(given.X, given.labels, parts))
    # A copy goes where the first of its kind goes: k copies are as one row of weight k.
    fold_of = np.empty(len(parts), dtype=np.intp)
    split = StratifiedKFold(folds).split(leaders, given.labels[leaders])
    for number, (_, held_out) in enumerate(split):
        fold_of[leaders[held_out]] = number
    held = [fold_of[parts] == number for number in range(folds)]
    return [(np.flatnonzero(~part), np.flatnonzero(part)) for part in held]


def _connected(same: NDArray[np.intp], groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number what must stay together: rows that are copies, and rows of a group."""
    N = len(same)
    ends = np.concatenate([same, N + groups])  # a graph of rows and groups
    nodes = N + int(groups.max()) + 1
    edges = coo_array((np.ones(2 * N), (np.tile(np.arange(N), 2), ends)), shape=(nodes, nodes))
    parts: NDArray[np.intp] = connected_components(edges, directed=False)[1][:N]
    return parts


def _checked(number: int, fold: Any, given: Given) -> Fold:
    """Check the two parts of a fold, each given by the numbers of rows or by a mask."""
    rows_of_X = np.arange(len(given.X))
    try:
        indices = [np.asarray(part) for part in fold]
        train, held_out = (rows_of_X[part if part.size else slice(0)] for part in indices)
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"cv must give pairs (train, test) of rows of X, got something else as fold {number} "
            f"({error})."
        ) from None
    for what, rows in (("to train on", train), ("held out", held_out)):
        if rows.ndim != 1 or not given.counts[rows].any():
            raise ValueError(
                f"cv must give rows {what} with sample_weight > 0 in each fold, got none in fold "
                f"{number}."
            )
    return train, held_out
