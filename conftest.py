"""Which tests are run, how they share a computer, and which may be skipped.

`pytest` alone runs the unit tests, those marked `slow` included. Notebooks (marked `notebook`) and
what looks at the built book (`browser`) take minutes: they are run where they are named, by a file,
a folder or `-m`, and `pytest --all` runs everything.

`pytest --numprocesses auto` runs one worker a processor. The cells of a notebook stay with one
worker, in their order. All other tests go to whoever is free.

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

if "PYTEST_XDIST_WORKER" in os.environ:  # set before anything imports NumPy; kernels inherit it
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

settings.register_profile("calm", deadline=None, derandomize=True)
settings.load_profile("calm")

NO_SKIPS = os.environ.get("SDBOOK_NO_SKIPS", "") not in ("", "0")
EXCUSED = re.compile(
    "|".join(rf"\b{name}\b" for name in os.environ.get("SDBOOK_WITHOUT", "").split(",") if name)
    or "(?!)"
)
SKIPPED = "sdbook/skipped"  # where pytest's cache has what the last whole run skipped


BROWSER = Path(__file__).resolve().parent / "tests" / "browser"


def pytest_addoption(parser):
    """Add options for everything, and for after something was installed."""
    parser.addoption("--all", action="store_true", help="run notebooks and browser tests as well")
    parser.addoption(
        "--skipped-before",
        action="store_true",
        help="run only what the last run without this option skipped",
    )


# Which tests


def pytest_configure(config):
    """Leave out what takes minutes, unless it is asked for."""
    option = config.option
    option.nbval = False  # notebooks are collected here, for the environment of pytest
    option.nbval_current_env = True
    option.nbval_cell_timeout = min(getattr(option, "nbval_cell_timeout", 400), 400)
    if not (option.markexpr or option.all or option.skipped_before):
        named = [Path(argument.split("::")[0]).resolve() for argument in config.args]
        if config.args_source != pytest.Config.ArgsSource.ARGS:
            named = []
        left_out = []
        if not any(path.suffix == ".ipynb" or [*path.glob("*.ipynb")] for path in named):
            left_out.append("not notebook")
        if not any(BROWSER in (path, *path.parents) for path in named):
            left_out.append("not browser")
        option.markexpr = " and ".join(left_out)


def pytest_report_header(config):
    """Say what is left out."""
    return f"tests: {config.option.markexpr or 'all'} (see CONTRIBUTING.md)"


def pytest_ignore_collect(collection_path, config):
    """Do not even read what is left out."""
    return True if collection_path == BROWSER and "not browser" in config.option.markexpr else None


def pytest_collect_file(file_path, parent):
    """Collect notebooks."""
    if file_path.suffix == ".ipynb" and "not notebook" not in parent.config.option.markexpr:
        from notebook_tests import Notebook  # tools/notebook_tests.py, which takes a second

        return Notebook.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark tests by where they are, and choose those that were skipped before."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("notebook")
        elif BROWSER in item.path.parents:
            item.add_marker("browser")
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
