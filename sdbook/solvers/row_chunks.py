"""Work on the rows of large arrays, chunk by chunk, on several threads.

What is done with a row of logits takes a dozen steps. Done for a few rows at a time, all of them
find their numbers in the processor's cache. And all of them are shared out to threads, not only the
matrix products.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from itertools import pairwise
from typing import Any, Self

from array_api_compat import is_numpy_array
from threadpoolctl import ThreadpoolController

from sdbook._validate import Array

__all__ = ["RowChunks"]

CHUNK_BYTES = 2**21
"""Bytes of a chunk: few enough for a cache, many enough for fast products and few calls."""

_COUNTING = threading.Lock()


class RowChunks:
    """The rows of arrays in chunks, with threads of their own for as long as this is open.

    There are as many as matrix products run on outside, which meanwhile run on one thread: theirs
    would be in the way even when they wait, as waiting keeps a processor busy. Small arrays are
    left to one thread. Arrays that are not NumPy's are not even cut into chunks.
    """

    def __init__(self, *arrays: Array) -> None:
        self._arrays = arrays
        self._threads = 1
        self._before: Any = None
        self._open = ExitStack()
        self._late = weakref.finalize(self, self._open.close)  # if an interrupt stops `__exit__`

    def __enter__(self) -> Self:
        whole = sum(array.nbytes for array in self._arrays if is_numpy_array(array))
        try:
            with _COUNTING:  # so that nobody takes another's limit for how it was outside
                if whole >= 2 * CHUNK_BYTES and (threads := _product_threads()) > 1:
                    self._limit()
                    self._pool = self._open.enter_context(ThreadPoolExecutor(threads))
                    self._threads = threads
            return self
        except BaseException:
            self._close()
            raise

    def __exit__(self, *_: object) -> None:
        self._close()

    def _limit(self) -> None:
        """Let matrix products run on one thread, for as long as this is open and no longer.

        An interrupt can come between any two steps: so that the limit ends is settled before it
        begins.
        """
        self._before = self._open.enter_context(_blas().limit(limits=None))  # changes nothing
        _blas().limit(limits=1)

    def _close(self) -> None:
        try:
            self._open.close()
        except BaseException:  # maybe just before products had their threads back
            if self._before is not None:
                self._before.restore_original_limits()
            raise
        finally:
            self._late.detach()

    def over_rows(self, work: Callable[[slice], None], like: Array) -> None:
        """Call ``work`` with slices that cut an array (N, ...) into chunks of about `CHUNK_BYTES`.

        The calls must not depend on each other.
        """

        def one_share(chunks: list[slice]) -> None:
            for rows in chunks:
                work(rows)

        self._do(one_share, self._shares(like))

    def sum_over_rows(
        self, add: Callable[[slice, Array], None], like: Array, total: Array
    ) -> Array:
        """Return the total of what ``add(rows, total)`` adds to it for each chunk of rows.

        `total` are zeros. Each further thread has a total of its own, and they are added in their
        order: the sum depends on how many threads there are, but not on which is faster.
        """

        def one_share(chunks: list[slice], own: Array) -> None:
            for rows in chunks:
                add(rows, own)

        shares = self._shares(like)
        totals = [total, *(0 * total for _ in shares[1:])]
        self._do(one_share, shares, totals)
        for other in totals[1:]:
            total += other
        return total

    def _shares(self, like: Array) -> list[list[slice]]:
        """Pieces of rows, neighbours to the same thread."""
        total = int(like.shape[0])
        if not is_numpy_array(like):
            return [[slice(0, total)]]
        threads = min(self._threads, total)
        each = -(-like.nbytes // (CHUNK_BYTES * threads))  # chunks of a thread
        count = min(total, threads * max(1, each))
        cuts = [total * i // count for i in range(count + 1)]
        chunks = [slice(*ends) for ends in pairwise(cuts)]
        return [chunks[count * i // threads : count * (i + 1) // threads] for i in range(threads)]

    def _do(self, work: Callable[..., None], *jobs: list[Any]) -> None:
        """Do each job on a thread of its own."""
        if self._threads == 1:
            for job in zip(*jobs, strict=True):
                work(*job)
        else:
            for _ in self._pool.map(work, *jobs):
                pass


def _product_threads() -> int:
    """How many threads matrix products run on now: what limits those limits us as well."""
    return min((library.num_threads for library in _blas().lib_controllers), default=1)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
