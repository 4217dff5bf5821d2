"""How tests share a computer, what is tested of a notebook, and which tests may be skipped.

`pytest --numprocesses auto` runs one worker a processor. The cells of a notebook stay with one
worker, in their order. All other tests go to whoever is free.

After the last cell of a notebook, while its kernel still runs, `live_explorers.py` moves what it
shows.

Tests skip where a browser or a library is missing, so that everybody can run the rest. Where all
are installed on purpose a skip would hide that they were not found: `SDBOOK_NO_SKIPS=1` turns every
skip into a failure, and `SDBOOK_WITHOUT=torch,transformers` excuses those for want of these.
A run notes what it skipped: once something was installed, `pytest --skipped-before` runs just that,
and all tests of a notebook that could not be executed, which has another page now.

No property test has a deadline: a slow machine is not a bug. All of them try the same examples
each time: what is red stays red.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import settings

import notebooks  # tools/notebooks.py

if "PYTEST_XDIST_WORKER" in os.environ:  # set before anything imports NumPy; kernels inherit it
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

settings.register_profile("calm", deadline=None, derandomize=True)
settings.load_profile("calm")

CHECK = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent / "tests")!r})
import live_explorers
live_explorers.check()
"""
NO_SKIPS = os.environ.get("SDBOOK_NO_SKIPS", "") not in ("", "0")
EXCUSED = re.compile(
    "|".join(rf"\b{name}\b" for name in os.environ.get("SDBOOK_WITHOUT", "").split(",") if name)
    or "(?!)"
)
SKIPPED = "sdbook/skipped"  # where pytest's cache has what the last whole run skipped


def pytest_addoption(parser):
    """Add an option for after something was installed."""
    parser.addoption(
        "--skipped-before",
        action="store_true",
        help="run only what the last run without this option skipped",
    )


# Notebooks


class Explorers(pytest.Item):
    """What a notebook shows, moved in its kernel after all cells ran."""

    def runtest(self):
        """Run the checks in the kernel of the notebook."""
        kernel = self.parent.kernel
        if not kernel.is_alive():
            raise RuntimeError("the kernel is dead")
        said = []
        reply = kernel.kc.execute_interactive(
            CHECK,
            store_history=False,
            allow_stdin=False,
            timeout=self.config.option.nbval_cell_timeout,
            output_hook=lambda message: said.append(message["content"]),
        )
        if reply["content"]["status"] != "ok":
            lines = [line for each in said for line in each.get("traceback", ())]
            raise AssertionError("\n".join(lines) or str(reply["content"]))

    def repr_failure(self, excinfo, style=None):
        """Return what the kernel said, without the way there."""
        return str(excinfo.value)

    def reportinfo(self):
        """Return where the test is, and its name."""
        return self.path, 0, f"{self.path.name}::{self.name}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Add the explorers after the last cell of each notebook; skip notebooks that cannot run."""
    cells = {}
    for index, item in enumerate(items):
        if item.path.suffix == ".ipynb":
            cells.setdefault(item.parent, []).append(index)
    for notebook, indices in reversed(cells.items()):
        items.insert(indices[-1] + 1, Explorers.from_parent(notebook, name="explorers"))
    if config.option.skipped_before:
        before = set(config.cache.get(SKIPPED, []))
        pages = {Path(name).stem for name in before if name.endswith(".ipynb")}
        chosen = [
            item
            for item in items
            if before & {item.nodeid, item.nodeid.split("::")[0]}
            or any(page in item.nodeid for page in pages)
        ]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
    needs = {notebook: notebooks.missing(notebook.nb) for notebook in cells}
    for item in items:
        if missing := needs.get(item.parent):
            item.add_marker(pytest.mark.skip(reason=f"could not import {', '.join(missing)}"))


# Workers


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Return a scheduler that takes each notebook as one piece of work."""
    from xdist.scheduler import LoadScopeScheduling

    class NotebooksWhole(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            whole = re.match(r".*\.ipynb(?=::)", nodeid)
            return whole[0] if whole else nodeid

        def remove_node(self, node):
            """Give the work of a worker that died to others, except the test that killed it.

            That one is reported as failed. It would kill the next worker as well, and so on.
            """
            work = self.assigned_work.pop(node)
            left = [(unit, test) for unit in work.values() for test in unit if not unit[test]]
            if not left:
                return None
            unit, killer = left[0]
            unit[killer] = True
            self.workqueue.update({n: unit for n, unit in work.items() if not all(unit.values())})
            for other in self.assigned_work:
                self._reschedule(other)
            return killer

    return NotebooksWhole(config, log)


# Skips


def refuse_skip(report):
    """Turn a report of a skip into one of a failure, where skips are not welcome."""
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        if not EXCUSED.search(str(reason)):
            report.outcome = "failed"
            report.longrepr = f"{reason}\n(SDBOOK_NO_SKIPS is set, so this skip is a failure)"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Look at the report of each test."""
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Look at the report of each file: modules can skip as a whole."""
    return refuse_skip((yield))


def pytest_terminal_summary(terminalreporter, config):
    """Note what was skipped: tests, files, and notebooks as a whole."""
    if config.option.skipped_before or not hasattr(config, "cache"):
        return
    names = {report.nodeid for report in terminalreporter.stats.get("skipped", [])}
    whole = {name.split("::")[0] for name in names if ".ipynb::" in name}
    config.cache.set(SKIPPED, sorted(names | whole))
