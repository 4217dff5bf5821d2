"""What `conftest.py` adds to pytest, seen in runs of small projects."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
ASIDE = {"PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "SDBOOK_NO_SKIPS", "SDBOOK_WITHOUT"}


@pytest.fixture
def run(tmp_path):
    """Run pytest in a folder: run(options, named=[...], VARIABLE=value) is its status and output.

    Without ``named`` the folder itself is named.
    """

    def start(*options, named=None, **environment):
        kept = {name: value for name, value in os.environ.items() if name not in ASIDE}
        paths = [ROOT, ROOT / "tools", tmp_path, os.environ.get("PYTHONPATH", "")]
        path = os.pathsep.join(map(str, paths))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "conftest"),
                *("--rootdir", tmp_path, *options),
                *([tmp_path] if named is None else named),
            ],
            env={**kept, **environment, "PYTHONPATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return start


def test_a_stuck_test_is_named_and_the_others_run(tmp_path, run):
    (tmp_path / "test_some.py").write_text(
        """
import threading
import pytest

@pytest.mark.parametrize("i", range(20))
def test_quick(i):
    pass

def test_stuck():
    threading.Event().wait()

@pytest.mark.parametrize("i", range(20))
def test_later(i):
    pass
"""
    )
    status, output = run(
        "--numprocesses=2", "--timeout=10", "--override-ini=faulthandler_timeout=8"
    )
    assert status == 1
    assert "crashed while running 'test_some.py::test_stuck'" in output
    assert "in test_stuck" in output  # where it was: the stacks of its worker
    assert "1 failed, 40 passed" in output


DRAWS = """
from sdbook.book.explore import Explorer, Slider
def draw(figure, *, share):
    figure.add_subplot().bar([0], [share])
    return f"The bar reaches {HEIGHT}."
"""


def write(path, *cells, **metadata):
    code = [new_code_cell(source, metadata=metadata) for source in cells]
    nbformat.write(new_notebook(cells=code), path)


def test_explorers_of_a_notebook_are_moved_after_its_last_cell(tmp_path, run):
    show = 'Explorer(draw, [Slider("share", "Share", [0.2, 0.4])]);'
    write(tmp_path / "good.ipynb", DRAWS.replace("HEIGHT", "share"), f"display({show[:-1]})")
    write(tmp_path / "stuck.ipynb", f"HEIGHT = 1{DRAWS}", f"display({show[:-1]})")
    status, output = run("--numprocesses=2", "-rA")
    assert status == 1
    assert "PASSED good.ipynb::explorers" in output
    assert "FAILED stuck.ipynb::explorers" in output
    assert "control 'share' does not change the message 'The bar reaches 1.'" in output


def test_a_notebook_without_its_library_is_skipped_unless_skips_are_not_welcome(tmp_path, run):
    write(tmp_path / "page.ipynb", "import nowhere_to_be_found", tags=["needs-nowhere_to_be_found"])
    status, output = run()
    assert status == 0
    assert "2 skipped" in output
    assert "could not import nowhere_to_be_found" in output
    status, output = run(SDBOOK_NO_SKIPS="1")
    assert status == 1
    assert "so this skip is a failure" in output
    status, output = run(SDBOOK_NO_SKIPS="1", SDBOOK_WITHOUT="torch,nowhere_to_be_found")
    assert status == 0
    assert "2 skipped" in output


def test_what_was_skipped_can_be_run_alone_once_the_library_is_there(tmp_path, run):
    write(tmp_path / "chapter.ipynb", "import perhaps", tags=["needs-perhaps"])
    (tmp_path / "test_some.py").write_text(
        """
import pytest

@pytest.mark.parametrize("name", ["chapter", "other"])
def test_page(name):
    pass

def test_other():
    pass

def test_perhaps():
    pytest.importorskip("perhaps")
""",
        encoding="utf-8",
    )
    (tmp_path / "test_whole.py").write_text(
        "import pytest\npytest.importorskip('perhaps')\ndef test_one():\n    pass\n",
        encoding="utf-8",
    )
    status, output = run("--numprocesses=2")
    assert "3 passed, 4 skipped" in output
    (tmp_path / "perhaps.py").write_text("", encoding="utf-8")
    for _ in range(2):  # a second time the same
        status, output = run("--numprocesses=2", "--skipped-before", "-rA")
        assert status == 0
        assert passed(output) == {
            "chapter.ipynb::Cell",
            "chapter.ipynb::explorers",
            "test_some.py::test_page[chapter]",
            "test_some.py::test_perhaps",
            "test_whole.py::test_one",
        }


def passed(output):
    return {line.split()[1] for line in output.splitlines() if line.startswith("PASSED")}


UNIT, NOTEBOOK = {"tests/test_some.py::test_one"}, {"page.ipynb::Cell", "page.ipynb::explorers"}


@pytest.mark.parametrize(
    ("named", "options", "tests"),
    [
        ([], "", UNIT),
        (["tests"], "", UNIT),
        ([], "--all", UNIT | {f"notebooks/{name}" for name in NOTEBOOK}),
        ([], "-m notebook", {f"notebooks/{name}" for name in NOTEBOOK}),
        (["notebooks/page.ipynb"], "", {f"notebooks/{name}" for name in NOTEBOOK}),
        (["notebooks", "tests"], "", UNIT | {f"notebooks/{name}" for name in NOTEBOOK}),
        (["notebooks"], "-m 'not notebook'", set()),
    ],
)
def test_notebooks_are_run_where_they_are_named(tmp_path, run, named, options, tests):
    for folder in ("tests", "notebooks"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "notebooks" / "page.ipynb", "1")
    (tmp_path / "tests" / "test_some.py").write_text("def test_one():\n    pass\n")
    status, output = run("-rA", *shlex.split(options), named=named)
    assert status == (0 if tests else 5)
    assert passed(output) == tests


def test_a_cell_that_says_something_else_is_seen(tmp_path, run):
    write(tmp_path / "page.ipynb", "1", "2")
    notebook = nbformat.read(tmp_path / "page.ipynb", as_version=4)
    for cell, text in zip(notebook.cells, ("1", "3"), strict=True):
        cell.execution_count = 1
        cell.outputs = [new_output("execute_result", {"text/plain": text}, execution_count=1)]
    nbformat.write(notebook, tmp_path / "page.ipynb")
    status, output = run("-rA")
    assert status == 1
    assert "Cell outputs differ" in output
    assert "1 failed, 2 passed" in output
