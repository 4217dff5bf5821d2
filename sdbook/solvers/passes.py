"""Passes over the instances, a few rows at a time.

What is done with a row of logits takes a dozen steps. Done for a few rows at a time, all of them
find their numbers in the processor's cache; and the pieces are shared out to as many threads as the
matrix products run on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from array_api_compat import is_numpy_array
from threadpoolctl import ThreadpoolController

from sdbook._validate import Array

__all__ = ["over_rows"]

PIECE = 2**20
"""Bytes of a piece: few enough for a cache, many enough that threads seldom wait for Python."""


def over_rows(work: Callable[[slice], None], like: Array) -> None:
    """Call ``work`` with slices that cut an array into pieces of rows.

    Parameters
    ----------
    work : callable
        Takes a slice of rows; the calls must not depend on each other.
    like : array of shape (N, ...)
        What is worked on. One that is not NumPy's is not cut: its library has its own ways.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.solvers.passes import over_rows
    >>> x = np.zeros((100_000, 8))
    >>> def raise_by_one(rows):
    ...     x[rows] += 1
    >>> over_rows(raise_by_one, x)
    >>> float(x.min()), float(x.max())
    (1.0, 1.0)
    """
    total = int(like.shape[0])
    rows = total
    if is_numpy_array(like):
        rows = max(1, PIECE * total // like.nbytes)
    pieces = [slice(first, min(first + rows, total)) for first in range(0, total, rows)]
    threads = min(len(pieces), _threads()) if len(pieces) > 1 else 1
    if threads == 1:
        for piece in pieces:
            work(piece)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, pieces):
            pass


def _threads() -> int:
    """How many threads matrix products run on now: what limits those limits us as well."""
    return min((library.num_threads for library in _blas().lib_controllers), default=1)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
