"""What code reaches by its imports, what counts as a change of it, and which tests are run then."""

from __future__ import annotations

import subprocess
import textwrap

import pytest

import changed  # tools/changed.py
import notebooks  # tools/notebooks.py
import reach  # tools/reach.py
from reach import Reach

FILES = {
    "sdbook/__init__.py": """
        from sdbook import noise, theory
        from sdbook.distillation import distill
        from .table import *
        __all__ = ["distill", "noise", "theory"]
    """,
    "sdbook/noise.py": '''
        """Noise."""
        from sdbook import _validate
        def corrupt(rate):  # a comment
            """Corrupt."""
            return _validate.share(rate)
    ''',
    "sdbook/_validate.py": "def share(rate):\n    return rate\n",
    "sdbook/distillation.py": """
        def distill():
            from sdbook.solvers import solve
            return solve()
    """,
    "sdbook/solvers/__init__.py": """
        import lazy_loader
        __getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
    """,
    "sdbook/solvers/__init__.pyi": """
        from . import passes as passes
        from .exact import solve as solve
        from .fast import hurry as hurry
    """,
    "sdbook/solvers/exact.py": "def solve():\n    return 1\n",
    "sdbook/solvers/fast.py": "def hurry():\n    return 2\n",
    "sdbook/solvers/passes.py": "def passes():\n    return 3\n",
    "sdbook/theory/__init__.py": """
        from sdbook.theory.gaps import gap
        from sdbook.theory.rounds import rounds
    """,
    "sdbook/theory/gaps.py": "def gap():\n    return 1\n",
    "sdbook/theory/rounds.py": "def rounds():\n    return 1\n",
    "sdbook/training/__init__.py": """
        try:
            import torch
        except ImportError as error:
            raise ImportError("no torch") from error
        from sdbook.training.loop import train
    """,
    "sdbook/training/loop.py": "def train():\n    return 1\n",
    "sdbook/training/data.py": "class Data:\n    pass\n",
    "sdbook/words.py": """
        from pathlib import Path
        WORDS = Path(__file__).parent / "data" / "words.npz"
    """,
    "sdbook/data/words.npz": "words",
    "sdbook/data/README.md": "Words.",
    "sdbook/results.json": "{}",
    "sdbook/table.py": "",
    "tests/test_noise.py": "from sdbook import noise\n",
    "tests/test_theory.py": "from sdbook import theory\ntheory.gap()\n",
    "tests/test_patched.py": "def test(m):\n    m.setattr('sdbook.solvers.fast.hurry', 1)\n",
    "tests/test_process.py": "CODE = 'from sdbook import distill'\n",
    "tests/test_docstrings.py": "import sdbook\nsdbook.__path__\n",
    "tests/test_readme.py": """
        from pathlib import Path
        README = Path(__file__).parents[1] / "README.md"
    """,
    "README.md": "Read me.",
    "CHANGELOG.md": "",
    "conftest.py": "",
}


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        write(tmp_path, name, textwrap.dedent(text))
    return tmp_path


def write(root, name, text):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def replace(root, name, old, new):
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    write(root, name, text.replace(old, new))


def reached(root, *cells):
    """The modules and data that a notebook reaches, without packages that only pass on."""
    found = {path.relative_to(root / "sdbook") for path in Reach(root).of_notebook(list(cells))}
    return {path.as_posix() for path in found if path.stem != "__init__"}


@pytest.mark.parametrize(
    ("cell", "files"),
    [
        ("1 + 1", ""),
        ("import numpy as np", ""),
        ("from sdbook import noise", "noise.py _validate.py"),
        ("import sdbook.noise\nsdbook.noise.corrupt(1)", "noise.py _validate.py"),
        ("import sdbook\nsdbook.noise.corrupt(1)", "noise.py _validate.py"),
        ("from sdbook import __version__", ""),
        ("%matplotlib inline\nfrom sdbook import noise", "noise.py _validate.py"),
        ("def f():\n    from sdbook.solvers import exact", "solvers/exact.py"),
        # Names that are passed on, by an import or by the stub of a lazy loader.
        ("from sdbook import distill", "distillation.py solvers/exact.py"),
        ("from sdbook.solvers import solve", "solvers/exact.py"),
        ("from sdbook import solvers\nsolvers.hurry()", "solvers/fast.py"),
        ("from sdbook.solvers import passes", "solvers/passes.py"),
        ("from sdbook import theory\ntheory.gap()", "theory/gaps.py"),
        ("import sdbook as sd\nsd.theory.gap()", "theory/gaps.py"),
        # As a whole, and by a name that nobody passes on.
        ("from sdbook import theory\ndir(theory)", "theory/gaps.py theory/rounds.py"),
        ("from sdbook import theory\ntheory.odd", "theory/gaps.py theory/rounds.py"),
        ("from sdbook.theory import *", "theory/gaps.py theory/rounds.py"),
        # A package that does something of its own is executed as a whole.
        ("from sdbook.training.data import Data", "training/loop.py training/data.py"),
        # Data.
        ("from sdbook import words", "words.py data/words.npz data/README.md results.json"),
        (
            "from importlib.resources import files\nfiles('sdbook').joinpath('results.json')",
            "results.json",
        ),
    ],
)
def test_a_notebook_reaches(root, cell, files):
    assert reached(root, cell) == set(files.split())


@pytest.mark.parametrize("cell", ["import sdbook\nsdbook.__file__", "one two", "import sdbook"])
def test_when_in_doubt_everything_is_reached(root, cell):
    everything = {path.relative_to(root).as_posix() for path in (root / "sdbook").rglob("*.*")}
    assert reached(root, cell) == {
        name.removeprefix("sdbook/") for name in everything if "__init__" not in name
    }


def hashes(root):
    cells = {
        "noise": "from sdbook import noise",
        "distill": "from sdbook import distill",
        "words": "from sdbook import words",
        "training": "from sdbook import training\ntraining.train()",
    }
    found = Reach(root)
    return {name: found.hash_of_notebook([cell]) for name, cell in cells.items()}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("sdbook/noise.py", '"""Corrupt."""', '"""Corrupt, or not.\n\n    At a rate.\n    """'),
        ("sdbook/noise.py", '"""Noise."""', '"""Label noise."""'),
        ("sdbook/noise.py", "# a comment", "# another one"),
        ("sdbook/noise.py", "share(rate)", "share(\n        rate\n    )"),
        ("sdbook/__init__.py", '"noise", ', ""),
        ("sdbook/solvers/__init__.pyi", "from . import passes as passes", ""),
        ("sdbook/theory/gaps.py", "1", "2"),  # nobody reaches it
        ("sdbook/data/README.md", "Words", "Nouns"),
        ("sdbook/data/words.npz", "words", "words"),
    ],
)
def test_what_no_notebook_can_see_changes_no_hash(root, name, old, new):
    before = hashes(root)
    replace(root, name, old, new)
    assert hashes(root) == before


@pytest.mark.parametrize(
    ("name", "old", "new", "concerned"),
    [
        ("sdbook/noise.py", "share(rate)", "share(2 * rate)", "noise"),
        ("sdbook/_validate.py", "return rate", "return +rate", "noise"),
        ("sdbook/solvers/exact.py", "1", "2", "distill"),
        ("sdbook/solvers/__init__.pyi", ".exact import solve", ".fast import solve", "distill"),
        ("sdbook/training/__init__.py", "no torch", "torch?", "training"),
        ("sdbook/data/words.npz", "words", "nouns", "words"),
    ],
)
def test_a_change_of_code_concerns_who_reaches_it_and_nobody_else(root, name, old, new, concerned):
    before = hashes(root)
    replace(root, name, old, new)
    after = hashes(root)
    assert {name for name in before if before[name] != after[name]} == {concerned}


def test_line_endings_are_no_change(root):
    path = root / "sdbook" / "results.json"
    with_them = path.read_bytes().replace(b"{", b"{\r\n")
    assert reach.hash_of(path, with_them) == reach.hash_of(path, with_them.replace(b"\r\n", b"\n"))


def test_the_book_itself_is_told_apart():
    """A figure concerns the chapters that draw it, and a check of arguments all that compute."""
    found = Reach()
    pairs = {pair.name: pair for pair in notebooks.find_pairs()}
    by_name = {
        name: {path.relative_to(reach.ROOT).as_posix() for path in found.of_notebook(cells)}
        for name, cells in (
            (name, notebooks.code_of(notebooks.read(pairs[name].md)))
            for name in ("index", "01_student", "13_words", "14_recipe")
        )
    }
    for files in by_name.values():
        assert {"sdbook/distillation.py", "sdbook/_validate.py", "sdbook/noise.py"} <= files
        assert "sdbook/book/figures/dark.mplstyle" in files
    assert "sdbook/book/explore/assets/live.js" in by_name["01_student"]
    assert "sdbook/data/words.npz" in by_name["13_words"]
    assert "sdbook/book/figures/phase.py" not in by_name["01_student"]
    assert [name for name in by_name if "sdbook/estimator/chooser.py" in by_name[name]] == [
        "14_recipe"
    ]
    assert "sdbook/experiments/recipe.json" in by_name["14_recipe"]


# Which tests are run


@pytest.fixture
def repository(root, monkeypatch):
    for command in (
        "init -q -b main",
        "add .",
        "-c user.name=a -c user.email=a@b.c commit -q -m one",
    ):
        subprocess.run(["git", "-C", str(root), *command.split()], check=True)
    monkeypatch.setattr(changed, "ROOT", root)
    monkeypatch.setattr(changed, "Reach", lambda: Reach(root))
    return root


def chosen(root):
    names = changed.changed(changed.beginning())
    found = changed.tests_of(names, changed.beginning())
    return [name.removeprefix("tests/test_").removesuffix(".py") for name in found]


def test_nothing_changed(repository, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["changed.py"])
    assert changed.main() == 0
    assert capsys.readouterr().out.startswith("Nothing changed since ")


EXAMPLES = "docstrings.py::test_examples_print_what_they_say[sdbook.{}]"


@pytest.mark.parametrize(
    ("name", "old", "new", "tests"),
    [
        ("sdbook/noise.py", "(rate)", "(rate, rate)", ["noise", EXAMPLES.format("noise")]),
        ("sdbook/noise.py", '"""Noise', '"""Label noise', [EXAMPLES.format("noise")]),
        ("sdbook/theory/gaps.py", "1", "2", ["theory", EXAMPLES.format("theory.gaps")]),
        ("sdbook/solvers/fast.py", "2", "3", ["patched", EXAMPLES.format("solvers.fast")]),
        ("sdbook/solvers/exact.py", "1", "2", ["process", EXAMPLES.format("solvers.exact")]),
        ("tests/test_theory.py", "gap", "rounds", ["theory"]),
        ("README.md", "Read", "Do read", ["readme"]),
        ("CHANGELOG.md", "", "News.", []),
    ],
)
def test_tests_that_a_change_can_reach(repository, name, old, new, tests):
    replace(repository, name, old, new)
    assert chosen(repository) == tests


def test_new_files_count_and_so_does_what_is_committed(repository):
    write(repository, "tests/test_new.py", "")
    subprocess.run(["git", "-C", str(repository), "checkout", "-q", "-b", "branch"], check=True)
    replace(repository, "README.md", "Read", "Do read")
    commit = ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "two", "-a"]
    subprocess.run(["git", "-C", str(repository), *commit], check=True)
    assert chosen(repository) == ["new", "readme"]


@pytest.mark.parametrize("name", ["conftest.py", "sdbook/table.py"])
def test_everything_is_run_when_all_depend_on_it_or_it_is_gone(repository, name):
    if name == "conftest.py":
        write(repository, name, "NEW = 1\n")
    else:
        (repository / name).unlink()
    assert len(chosen(repository)) == len(list(repository.glob("tests/test_*.py")))
