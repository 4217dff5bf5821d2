"""How tests share a computer: `pytest --numprocesses auto` runs one worker a processor.

The cells of a notebook stay with one worker, in their order, and so do tests of a module that share
a notebook, `test_it[04_fixed_point]`. All other tests go to whoever is free.
"""

from __future__ import annotations

import os
import re

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # set before anything imports NumPy; kernels inherit it
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Return a scheduler that takes each notebook as one piece of work."""
    from xdist.scheduler import LoadScopeScheduling

    class NotebooksWhole(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            for pattern in (r".*\.ipynb(?=::)", r"(.*)::\w+\[(\d\d_\w+|index)\]"):
                if whole := re.match(pattern, nodeid):
                    return " ".join(whole.groups() or [whole[0]])
            return nodeid

    return NotebooksWhole(config, log)
