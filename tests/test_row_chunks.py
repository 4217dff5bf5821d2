"""RowChunks over rows: every row once, on as many threads as matrix products have."""

from __future__ import annotations

import contextlib
import sys
import threading

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from sdbook.solvers import row_chunks
from sdbook.solvers.row_chunks import RowChunks


@given(rows=st.integers(1, 3000), width=st.integers(1, 40), piece=st.integers(1, 20_000))
def test_every_row_is_in_one_piece(rows, width, piece):
    seen = np.zeros(rows, dtype=int)
    like = np.zeros((rows, width))

    def work(part):
        seen[part] += 1

    def add(part, total):
        total += part.stop - part.start

    with pytest.MonkeyPatch.context() as patch, threadpool_limits(2, user_api="blas"):
        patch.setattr(row_chunks, "CHUNK_BYTES", piece)
        with RowChunks(like) as some:
            some.over_rows(work, like)
            counted = some.sum_over_rows(add, like, np.zeros(1, dtype=int))
    assert (seen == 1).all()
    assert counted == rows


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_those_of_matrix_products(threads):
    wide = np.zeros((2**14, 64))
    assert wide.nbytes > 2 * row_chunks.CHUNK_BYTES
    at_work, products = set(), set()
    together = threading.Barrier(threads, timeout=60)

    def work(part):
        at_work.add(threading.get_ident())
        products.update(each["num_threads"] for each in threadpool_info() if is_blas(each))
        together.wait()

    def is_blas(library):
        return library["user_api"] == "blas"

    with threadpool_limits(threads, user_api="blas"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_chunks, "CHUNK_BYTES", wide.nbytes // 2)
        with RowChunks(wide) as some:
            some.over_rows(work, wide[: 2**13])
        after = {each["num_threads"] for each in threadpool_info() if is_blas(each)}
    assert len(at_work) == threads
    assert threads > 1 or at_work == {threading.get_ident()}
    assert products == {1}
    assert after == {threads}


def test_small_arrays_are_left_to_one_thread():
    small = np.zeros((1000, 4))
    at_work = set()
    with threadpool_limits(3, user_api="blas"), RowChunks(small) as some:
        some.over_rows(lambda _: at_work.add(threading.get_ident()), small)
    assert at_work == {threading.get_ident()}


def test_a_second_one_leaves_the_first_its_threads():
    wide = np.zeros((2**14, 64))
    with threadpool_limits(3, user_api="blas"):
        with RowChunks(wide), RowChunks(wide):
            pass
        found = {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
    assert found == {3}


def blas_threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("can't start new thread")])
def test_an_error_while_it_opens_leaves_products_their_threads(monkeypatch, error):
    def failing(*_):
        raise error

    monkeypatch.setattr(row_chunks, "ThreadPoolExecutor", failing)
    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        with pytest.raises(type(error) if isinstance(error, Exception) else error):
            RowChunks(np.zeros((2**14, 64))).__enter__()
        assert blas_threads() == before


def test_an_interrupt_at_any_step_leaves_products_their_threads():
    wide = np.zeros((2**14, 64))
    files = {row_chunks.__file__, contextlib.__file__, threadpoolctl.__file__}

    def interrupted_at(step):
        """Interrupt where Python looks for interrupts: as functions begin, and after built-in ones.

        Returns whether there is such a step.
        """
        left = step

        def count(frame, event, _):
            nonlocal left
            if frame.f_code.co_filename in files and event in ("call", "c_return"):
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt

        def use():
            with RowChunks(wide) as some:
                some.over_rows(lambda rows: None, wide)

        profiling = sys.getprofile()
        try:
            sys.setprofile(count)
            use()
        except KeyboardInterrupt:
            return True
        finally:
            sys.setprofile(profiling)
        return False

    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        step = 1
        while interrupted_at(step):
            assert blas_threads() == before, f"at step {step}"
            step += 1
        assert blas_threads() == before
    assert step > 50


def test_sums_do_not_depend_on_which_thread_is_faster():
    x = np.random.default_rng(0).normal(size=(2**14, 64))

    def add(part, total):
        total += x[part].sum(axis=0)

    with threadpool_limits(3, user_api="blas"), RowChunks(x) as some:
        sums = [some.sum_over_rows(add, x, np.zeros(64)) for _ in range(20)]
    assert (np.ptp(sums, axis=0) == 0).all()
    assert sums[0] == pytest.approx(x.sum(axis=0), abs=1e-9)


def test_other_libraries_get_all_rows_at_once():
    torch = pytest.importorskip("torch")
    parts = []
    like = torch.zeros((100_000, 64))
    with threadpool_limits(3, user_api="blas"), RowChunks(like) as some:
        some.over_rows(parts.append, like)
    assert parts == [slice(0, 100_000)]


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_come_through(threads):
    wide = np.zeros((100_000, 64))

    def work(part):
        if part.start > 0:
            raise ZeroDivisionError

    with (
        threadpool_limits(threads, user_api="blas"),
        pytest.raises(ZeroDivisionError),
        RowChunks(wide) as some,
    ):
        some.over_rows(work, wide)
