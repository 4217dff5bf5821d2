"""Data flows one way: compute knows nothing of pictures, pictures nothing of widgets."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sdbook

PACKAGE = Path(sdbook.__file__).parent
WINGS = ("book", "experiments")  # what only the pages of the book need, and what takes long
FILES = sorted(PACKAGE.rglob("*.py"))
LIBRARY = [path for path in FILES if path.relative_to(PACKAGE).parts[0] not in WINGS]
FIGURES = sorted((PACKAGE / "book" / "figures").glob("*.py"))


def imported(path):
    """Names of all modules that a file imports anywhere, relative imports resolved."""
    package = ("sdbook", *path.relative_to(PACKAGE).parts[:-1])
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def imports_any(path, forbidden):
    beginnings = tuple(f"{module}." for module in forbidden)
    return sorted(name for name in imported(path) if f"{name}.".startswith(beginnings))


def name_of(path):
    return str(path.relative_to(PACKAGE))


def module_of(path):
    """The module of the package that a file is, or is part of."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_the_library_knows_nothing_of_its_wings_nor_of_pictures(path):
    pictures = ["matplotlib", "ipywidgets", "anywidget", "IPython"]
    assert imports_any(path, ["sdbook.book", "sdbook.experiments", *pictures]) == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "book").rglob("*.py")), ids=name_of)
def test_the_wing_of_the_book_knows_no_experiments(path):
    assert imports_any(path, ["sdbook.experiments"]) == []


# Libraries that take seconds to import, or that not everybody has, and the modules that may.
GUESTS = {
    "PIL": {"embedding"},
    "safetensors": {"embedding"},
    "sklearn": {"datasets", "estimator"},
    "torch": {"_device", "embedding", "training"},
    "transformers": {"embedding"},
}


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_compute_imports_large_libraries_only_where_they_are_needed(path):
    others = [name for name, hosts in GUESTS.items() if module_of(path) not in hosts]
    assert imports_any(path, others) == []


@pytest.mark.parametrize("path", FIGURES, ids=name_of)
def test_figures_import_no_widgets(path):
    assert imports_any(path, ["ipywidgets", "anywidget", "IPython", "sdbook.book.explore"]) == []


def test_all_layers_were_found():
    assert {"noise.py", "softmax.py"} <= {path.name for path in LIBRARY}
    assert "style.py" in {path.name for path in FIGURES}


ORDER = [
    "_files",
    "_fingerprint",
    "_validate",
    "_device",
    "noise",
    "datasets",
    "refine",
    "theory",
    "solvers",
    "method",
    "accuracy",
    "distillation",
    "blocks",
    "estimator",
    "embedding",
    "training",
]


def test_every_module_has_its_place_in_the_order():
    assert {module_of(path) for path in LIBRARY} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_modules_know_only_those_above_them(module):
    below = ORDER[ORDER.index(module) + 1 :]
    files = [path for path in LIBRARY if module_of(path) == module]
    assert files
    for path in files:
        assert imports_any(path, [f"sdbook.{name}" for name in below]) == []


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
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.strip() == "[]"


def test_without_psutil_all_that_needs_no_pytorch_works():
    """As in a browser, which has no psutil. What is free is not known there: the work goes on."""
    files = [path for path in FILES if module_of(path) not in {*GUESTS["torch"], "experiments"}]
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files}
    names = sorted(name.removesuffix(".__init__") for name in names if "__main__" not in name)
    assert {
        "sdbook.estimator",
        "sdbook.solvers.softmax",
        "sdbook.book.figures",
        "sdbook.book.explore",
    } <= {*names}
    code = f"""
import importlib, sys
sys.modules["psutil"] = None
for name in {names}:
    importlib.import_module(name)
import numpy as np
from sdbook import datasets, distill
print(distill(np.eye(4), [0, 1, 0, 1], 0.1).last.outputs.argmax(axis=1).tolist())
print(datasets.block_correlated(3, 4, c=0.5, d=0.1).features.shape)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.split("\n") == ["[0, 1, 0, 1]", "(12, 12)", ""]


def test_importing_figures_loads_no_widgets():
    code = """
import sys
import sdbook.book.figures
print(sorted({"torch", "ipywidgets", "anywidget"} & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.strip() == "[]"
