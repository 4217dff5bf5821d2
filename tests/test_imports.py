"""Which part of the package knows which, and what an import loads.

The rules stand in `pyproject.toml`, under `tool.importlinter`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import architecture  # tools/architecture.py
import sdbook

PACKAGE = Path(sdbook.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
WINGS = {"book", "experiments"}  # what only the pages of the book need, and what takes long
EXTRAS = {"_device", "embedding", "training"}  # need what `pip install sdbook` does not bring


def modules(without):
    """Names of all modules of the package, but for those in some parts of it."""
    found = []
    for path in FILES:
        names = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if names[1] not in without and "__main__" not in names:
            found.append(".".join(names).removesuffix(".__init__"))
    return found


def said(code):
    """Run code in a Python of its own, and return what it prints."""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_the_rules_of_imports_are_kept(capsys):
    status = lint_imports(str(architecture.ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_the_picture_in_contributing_shows_the_imports():
    stored = architecture.between_markers(architecture.PAGE.read_text(encoding="utf-8"))
    drawn = architecture.picture(architecture.ROOT)
    assert architecture.without_counts(stored) == architecture.without_counts(drawn), (
        "run: python tools/architecture.py --write"
    )


def test_solving_with_numpy_loads_no_other_library():
    code = """
import sys
import numpy as np
from sdbook import distill, partial_label
distill(np.eye(4), [0, 1, 0, 1], 0.1, true_labels=[0, 1, 0, 1])
partial_label(np.eye(4), [0, 1, 0, 1], 0.1, model="linearised")
heavy = {"torch", "sklearn", "scipy", "joblib", "tqdm", "pandas"}
heavy |= {"matplotlib", "ipywidgets", "anywidget", "IPython"}
print(sorted(heavy & set(sys.modules)))
"""
    assert said(code) == "[]"


LEAN = modules(without={*WINGS, *EXTRAS})
BROWSER = modules(without={"experiments", *EXTRAS})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "absent"),
    [
        # As `pip install sdbook` leaves it, where nothing of the book was asked for.
        (LEAN, ["PIL", "IPython", "anywidget", "ipywidgets", "matplotlib", "pandas"]),
        # As in a browser, which has no psutil: how much memory is free is not known there.
        (BROWSER, ["psutil"]),
    ],
    ids=["lean", "browser"],
)
def test_the_library_works_without_what_it_does_not_ask_for(names, absent):
    assert {"sdbook.estimator", "sdbook.solvers.softmax"} <= {*names}
    assert ("sdbook.book.figures" in names) == (names is BROWSER)
    code = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({absent}))
for name in {names}:
    importlib.import_module(name)
import numpy as np
from sdbook import datasets, distill
print(distill(np.eye(4), [0, 1, 0, 1], 0.1).last.outputs.argmax(axis=1).tolist())
print(datasets.block_correlated(3, 4, c=0.5, d=0.1).features.shape)
"""
    assert said(code).split("\n") == ["[0, 1, 0, 1]", "(12, 12)"]


def test_importing_figures_loads_no_widgets():
    code = """
import sys
import sdbook.book.figures
print(sorted({"torch", "ipywidgets", "anywidget"} & set(sys.modules)))
"""
    assert said(code) == "[]"
