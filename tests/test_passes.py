"""Passes over rows: every row once, on as many threads as matrix products have."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from sdbook.solvers import passes


@given(rows=st.integers(1, 3000), width=st.integers(1, 40), piece=st.integers(1, 20_000))
def test_every_row_is_in_one_piece(rows, width, piece):
    seen = np.zeros(rows, dtype=int)

    def work(part):
        seen[part] += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "PIECE", piece)
        passes.over_rows(work, np.zeros((rows, width)))
    assert (seen == 1).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_those_of_matrix_products(threads):
    wide = np.zeros((2**14, 64))
    assert wide.nbytes > 4 * passes.PIECE
    at_work = set()
    together = threading.Barrier(threads, timeout=60)

    def work(part):
        at_work.add(threading.get_ident())
        if part.start < threads * (part.stop - part.start):  # the first pieces wait for each other
            together.wait()

    with threadpool_limits(threads, user_api="blas"):
        passes.over_rows(work, wide)
    assert len(at_work) == threads
    assert threads > 1 or at_work == {threading.get_ident()}


def test_other_libraries_get_all_rows_at_once():
    torch = pytest.importorskip("torch")
    parts = []
    passes.over_rows(parts.append, torch.zeros((100_000, 8)))
    assert parts == [slice(0, 100_000)]


def test_errors_come_through():
    def work(part):
        if part.start > 0:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        passes.over_rows(work, np.zeros((100_000, 64)))
