"""Sweeps find what single runs find, share what is shared, and can be killed at any time."""

from __future__ import annotations

import functools
import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pytest

from sdbook import datasets, distill, distill_all, noise
from sdbook._fingerprint import fingerprint
from sdbook.experiments.sweeps import Results, Sweep, resume, sweep
from sdbook.method import Method
from sdbook.refine import as_is, one_or_two, top_k
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy

LAM = 1e-3
SCEPTICAL = (CrossEntropy(), GeneralisedCrossEntropy(0.7))
METHODS = {
    "self-distillation": Method(rounds=3),
    "partial labels": Method(rounds=2, refinement=top_k(2), loss=SCEPTICAL),
    "straightened": Method(rounds=2, model="linearised"),
}
NOISES = {
    "symmetric": lambda rate: noise.symmetric(10, rate),
    "pair flip": lambda rate: noise.pair_flip(10, rate),
}


def make(**changes):
    """A sweep of seconds, or one that differs from it."""
    train, test = datasets.digits().take(range(300)).split(1 / 3, rng=0)
    settings = {
        "train": train,
        "test": test,
        "noises": NOISES,
        "rates": [0.2, 0.6],
        "seeds": range(2),
        "methods": METHODS,
        "lam": LAM,
    }
    return Sweep(**(settings | changes))


@pytest.fixture(scope="module")
def results():
    return make().run(progress=False)


def same(ours, theirs):
    """Whether two results hold the same numbers, however they were computed."""
    assert ours.outcomes.keys() == theirs.outcomes.keys()
    for place, outcome in ours.outcomes.items():
        for kind in ("test", "all", "clean", "corrupted", "converged"):
            assert outcome[kind] == theirs.outcomes[place][kind]
    return True


@pytest.mark.parametrize("name", METHODS)
def test_a_sweep_finds_what_single_runs_find(results, name):
    own, method = make(), METHODS[name]
    for kind in NOISES:
        found = {of: results.accuracy(name, noise=kind, kind=of) for of in ("test", "corrupted")}
        assert found["test"].shape == (2, 2, method.rounds)
        for r, rate in enumerate(own.rates):
            for s, seed in enumerate(own.seeds):
                given = noise.corrupt(own.train.labels, NOISES[kind](rate), rng=seed)
                alone = distill(
                    own.train.features,
                    given,
                    LAM,
                    n_classes=10,
                    rounds=method.rounds,
                    refinement=method.refinement,
                    loss=method.loss,
                    model=method.model,
                    true_labels=own.train.labels,
                    test=(own.test.features, own.test.labels),
                )
                for of, values in found.items():
                    np.testing.assert_allclose(values[r, s], alone.accuracies(of))


def test_methods_share_the_rounds_with_which_they_begin(monkeypatch):
    trained = []

    def counted(*arguments, warm_start=None, rounds, **options):
        trained.append(rounds - (0 if warm_start is None else len(warm_start[0].rounds)))
        return distill_all(*arguments, warm_start=warm_start, rounds=rounds, **options)

    monkeypatch.setattr(sweep, "distill_all", counted)
    methods = {
        "three rounds": Method(rounds=3),
        "five rounds": Method(rounds=5),
        "candidates": Method(rounds=2, refinement=top_k(2)),
        "another teacher": Method(rounds=2, loss=GeneralisedCrossEntropy(0.5)),
    }
    results = make(methods=methods, rates=[0.6], seeds=[0]).run(progress=False, stack=1)
    # In both noises: three rounds, two more of them, one on the teacher's candidates, two others.
    assert trained == 2 * [3, 2, 1, 2]
    short, long, other = (results.accuracy(name, noise="symmetric") for name in [*methods][:3])
    np.testing.assert_array_equal(long[:, :, :3], short)
    np.testing.assert_array_equal(other[:, :, 0], short[:, :, 0])


def test_the_same_run_under_two_names_is_one_run(tmp_path):
    noises = {"symmetric": NOISES["symmetric"], "the same": lambda rate: noise.symmetric(10, rate)}
    methods = {
        "as it is": Method(rounds=2),
        "spelled out": Method(2, [as_is], [CrossEntropy()] * 2),
    }
    own = make(noises=noises, methods=methods, rates=[0.6], seeds=[0])
    results = own.run(tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert len(results.records()) == 2 * 2 * 2


# What a run is known by


CHANGES = {
    "data": {"train": datasets.digits().take(range(200))},
    "test": {"test": datasets.digits().take(range(300, 400))},
    "no test": {"test": None},
    "rate": {"rates": [0.3, 0.6]},
    "noise": {"noises": {"asymmetric": lambda rate: noise.asymmetric(10, rate)}},
    "seed": {"seeds": [2, 3]},
    "lam": {"lam": 2 * LAM},
    "exact": {"exact": True},
    "tolerance": {"tolerance": 1e-6},
    "refinement": {"methods": {"self-distillation": Method(3, one_or_two(0.1))}},
    "loss": {"methods": {"self-distillation": Method(3, loss=GeneralisedCrossEntropy(0.1))}},
    "rounds": {"methods": {"self-distillation": Method(2)}},
    "model": {"methods": {"self-distillation": Method(3, model="linearised")}},
}


def keys(own):
    return {place: cell.key for place, cell in own._cells().items()}


@pytest.mark.parametrize("change", CHANGES)
def test_another_setting_has_another_key(change):
    before, after = (
        keys(make(methods={"self-distillation": Method(3)})),
        keys(make(**CHANGES[change])),
    )
    kept = set(before.values()) & set(after.values())
    assert len(kept) == (4 if change == "rate" else 0)  # the rate of 0.6 is in both


def test_names_have_no_part_in_the_key():
    other = {f"my {name}": matrix for name, matrix in NOISES.items()}
    assert list(keys(make()).values()) == list(keys(make(noises=other)).values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, "1"),
        ([1, 2], [[1], 2]),
        ({"a": 1}, {"a": 2}),
        (np.zeros(4), np.zeros((2, 2))),
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (np.arange(9000.0)[:, None], np.append(np.arange(8999.0), 0)[:, None]),
        (lambda y: y**2, lambda y: y**3),
        (lambda y: (lambda z: z + 1)(y), lambda y: (lambda z: z + 2)(y)),
        (lambda y: np.exp(y), lambda y: np.log(y)),
        (lambda y, by=2: by * y, lambda y, by=3: by * y),
        (functools.partial(pow, 2), functools.partial(pow, 3)),
        (top_k(2), top_k(3)),
        (one_or_two(0.3), one_or_two(0.30001)),
        (GeneralisedCrossEntropy(0.7), GeneralisedCrossEntropy(0.6)),
        (np.random.default_rng(0), np.random.default_rng(1)),
        (np.int8(1), np.int64(1)),
        (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    ],
)
def test_fingerprints_tell_contents_apart(one, other):
    assert fingerprint(one) == fingerprint(one)
    assert fingerprint(one) != fingerprint(other)


# Code of the reader's as `f`, what is edited in it, and what it is edited to.
EDITS = {
    "a method": ("class A:\n  def __call__(self, y): return y\nf = A()", "y\n", "2 * y\n"),
    "a method that a method calls": (
        "class A:\n  def g(self): return 1\n  def __call__(self, y): return y + self.g()\nf = A()",
        "return 1",
        "return 2",
    ),
    "a method of a base class": (
        "class B:\n  def g(self): return 1\nclass A(B):\n  pass\nf = A()",
        "return 1",
        "return 2",
    ),
    "a bound method": ("class A:\n  def g(self, y): return 1\nf = A().g", "1", "2"),
    "a class method": ("class A:\n  @classmethod\n  def g(cls): return 1\nf = A.g", "1", "2"),
    "a static method": ("class A:\n  @staticmethod\n  def g(): return 1\nf = A()", "1", "2"),
    "a property": ("class A:\n  @property\n  def p(self): return 1\nf = A()", "1", "2"),
    "a class attribute": ("class A: by = 1\nf = A()", "by = 1", "by = 2"),
    "a class attribute that a function reads": ("class A: by = 1\ndef f(y): return A.by", "1", "2"),
    "an attribute": ("class A: pass\nf = A()\nf.by = 1", "by = 1", "by = 2"),
    "a function in an attribute": ("class A: pass\nf = A()\nf.g = lambda y: y * 1", "1", "2"),
    "a slot": ("class A: __slots__ = ['by']\nf = A()\nf.by = 1", "= 1", "= 2"),
    "a field": ("@dataclass\nclass A:\n  by: float\nf = A(1)", "A(1)", "A(2)"),
    "a method of a data class": (
        "@dataclass\nclass A:\n  by: float\n  def __call__(self, y): return y * 1\nf = A(1)",
        "y * 1",
        "y * 2",
    ),
    "a method of a loss": (
        "class A(GeneralisedCrossEntropy):\n  def weights(self, y, t): return t * 1\nf = A()",
        "t * 1",
        "t * 2",
    ),
    "a constant around": ("by = 1\ndef f(y): return y * by", "by = 1", "by = 2"),
    "an attribute of a constant": ("o = SimpleNamespace(by=1)\ndef f(y): return o.by", "1", "2"),
    "a member": ("class E(Enum): by = 1\ndef f(y): return y * E.by.value", "by = 1", "by = 2"),
    "a default": ("def f(y, by=1): return y * by", "by=1", "by=2"),
    "how arguments are passed": ("def f(y, *, by=1): return y * by", "*, ", ""),
    "what is caught": ("def f(y):\n  try: return y\n  except KeyError: return 1", "Key", "Index"),
    "a nested function": ("def f(y):\n  def g(z): return z + 1\n  return g(y)", "z + 1", "z + 2"),
    "what a nested class reads": (
        "by = 1\ndef f(y):\n  class A: b = by\n  return y * A.b",
        "by = 1",
        "by = 2",
    ),
    "a lambda": ("g = lambda y: y + 1\nf = lambda y: g(y)", "y + 1", "y + 2"),
    "a helper of a helper": (
        "def h(): return 1\ndef g(): return h()\ndef f(y): return g()",
        "1",
        "2",
    ),
    "functions that call each other": (
        "def g(y): return f(y, 1)\ndef f(y, n=0): return y if n else g(y)",
        "y, 1",
        "y, 2",
    ),
    "a partial function": ("def g(by, y): return y * by\nf = partial(g, 1)", "y * by", "y / by"),
    "a cached helper": ("@cache\ndef g(): return 1\ndef f(y): return y * g()", "1", "2"),
    "a cached method": ("class A:\n  @lru_cache(9)\n  def g(self): return 1\nf = A()", "1", "2"),
    "a cached property": (
        "class A:\n  @cached_property\n  def g(self): return 1\nf = A()",
        "1",
        "2",
    ),
    "a wrapped function": (
        "def twice(g):\n  @wraps(g)\n  def h(y): return g(g(y))\n  return h\n"
        "@twice\ndef f(y): return y + 1",
        "y + 1",
        "y + 2",
    ),
    "a wrapper": (
        "def but(g):\n  @wraps(g)\n  def h(y): return g(y) + 1\n  return h\n"
        "@but\ndef f(y): return y",
        "+ 1",
        "+ 2",
    ),
    "a generic function": (
        "@singledispatch\ndef g(y): return 0\n@g.register\ndef _(y: int): return 1\n"
        "f = lambda y: g(y)",
        "return 1",
        "return 2",
    ),
    "a vectorised function": ("g = np.vectorize(lambda y: y + 1)\nf = lambda y: g(y)", "1", "2"),
    "a function of NumPy": ("g = np.exp\nf = lambda y: g(y)", "exp", "log"),
    "a method of an array": ("f = np.eye(3).dot", "3", "2"),
    "a built-in method": ("f = {'a': 1}.get", "1", "2"),
    "a set": ("f = lambda y: y in {1, 'x'}", "'x'", "'y'"),
}


def written(source):
    """What `f` is after this has been typed."""
    around = {"np": np, "GeneralisedCrossEntropy": GeneralisedCrossEntropy}
    exec(
        "from dataclasses import dataclass\nfrom enum import Enum\nfrom functools import *\n"
        "from types import SimpleNamespace\n" + source,
        around,
    )
    return around["f"]


@pytest.mark.parametrize("edit", EDITS)
def test_fingerprints_know_the_code_of_the_reader(edit):
    source, before, after = EDITS[edit]
    assert before in source
    assert fingerprint(written(source)) == fingerprint(written(source))
    assert fingerprint(written(source)) != fingerprint(written(source.replace(before, after)))


def test_a_sweep_does_what_an_edited_class_says(tmp_path):
    def taught(source):
        methods = {"taught": Method(2, written(source))}
        return make(methods=methods, rates=[0.6], seeds=[0], test=None)

    source = "class A:\n  def __call__(self, y): return y\nf = A()"
    edited = source.replace("return y", "return 0 * y + 0.1")
    before = taught(source).run(tmp_path, progress=False)
    after = taught(edited).run(tmp_path, progress=False)
    assert same(after, taught(edited).run(progress=False))
    assert before.outcomes != after.outcomes
    assert same(before, taught(source).run(tmp_path, progress=False))


@pytest.mark.parametrize(
    "reading",
    [
        "import helpers\nf = lambda y: helpers.scaled(y)",
        "from helpers import scaled as f",
        "import helpers\nf = lambda y: getattr(helpers, 'scaled')(y)",
        "def f(y):\n  import helpers as h\n  return h.scaled(y)",
        "def f(y):\n  from helpers import scaled\n  return scaled(y)",
        "import helpers\ndef g(module): return lambda y: module.scaled(y)\nf = g(helpers)",
        "import helpers\nclass A: module = helpers\nf = A()",
    ],
)
def test_fingerprints_know_modules_of_the_reader(reading, tmp_path, monkeypatch):
    (tmp_path / "helpers.py").write_text("by = 1\ndef scaled(y): return by * y\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        before = fingerprint(written(reading))
        assert fingerprint(written(reading)) == before
        monkeypatch.setattr("helpers.by", 2)
        assert fingerprint(written(reading)) != before
    finally:
        sys.modules.pop("helpers", None)


def test_a_module_of_the_reader_counts_with_what_is_read_in_it(tmp_path, monkeypatch):
    (tmp_path / "helpers.py").write_text("used = 1\nfile = open(__file__)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import helpers

    try:
        before = fingerprint(lambda y: y * helpers.used)
        monkeypatch.setattr(helpers, "another", 2, raising=False)
        assert fingerprint(lambda y: y * helpers.used) == before
        with pytest.raises(TypeError, match=r"'file' of the module helpers.*cannot be told"):
            fingerprint(lambda y: helpers.file.read())
    finally:
        helpers.file.close()
        sys.modules.pop("helpers", None)


def test_what_pip_has_put_into_a_folder_is_a_library(tmp_path, monkeypatch):
    for name in ("theirs", "mine"):
        (tmp_path / f"{name}.py").write_text("file = open(__file__)\n", encoding="utf-8")
    (tmp_path / "theirs-1.0.dist-info").mkdir()
    record = tmp_path / "theirs-1.0.dist-info" / "RECORD"
    record.write_text("theirs.py,sha256=0,0\ntheirs-1.0.dist-info/RECORD,,\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    theirs, mine = map(importlib.import_module, ("theirs", "mine"))
    try:
        assert fingerprint(lambda: theirs.file.read())
        with pytest.raises(TypeError, match="'file' of the module mine"):
            fingerprint(lambda: mine.file.read())
    finally:
        for module in (theirs, mine):
            module.file.close()
            del sys.modules[module.__name__]


def test_libraries_count_with_their_version(monkeypatch):
    mine, own = fingerprint(lambda y: np.exp(y)), fingerprint(top_k(2))
    monkeypatch.setattr(np, "__version__", "0.1")
    assert fingerprint(lambda y: np.exp(y)) != mine
    assert fingerprint(top_k(2)) == own


@pytest.mark.parametrize(
    "source",
    [
        "@cache\ndef g(): return 1\ndef f(y): return g()",
        "@singledispatch\ndef f(y): return 1",
        "class A:\n  @cached_property\n  def g(self): return 1\n"
        "  def __call__(self, y): return self.g\nf = A()",
    ],
)
def test_what_is_remembered_does_not_count(source):
    f = written(source)
    before = fingerprint(f)
    assert f(2) == 1
    assert fingerprint(f) == before


def test_fingerprints_of_what_contains_itself():
    def endless(value):
        items = [value]
        items.append(items)
        return items

    assert fingerprint(endless(1)) == fingerprint(endless(1)) != fingerprint(endless(2))
    assert fingerprint(endless(1)) != fingerprint([1, [1]])
    one, other = (SimpleNamespace(by=1) for _ in range(2))
    assert fingerprint([one, one]) == fingerprint([one, other])


@pytest.mark.slow
def test_fingerprints_are_the_same_in_another_process():
    code = """
import numpy as np, scipy.special, scipy.stats
from sdbook.refine import one_or_two
from sdbook._fingerprint import fingerprint

class Mine:
    known = {'u', 'v'}
    def __call__(self, y):
        return scipy.stats.norm.cdf(np.exp(y)) if y in {'u', 'v'} else scipy.special.expit(y)

print(fingerprint({'a': {1, 2, 'x', (1, 'y')}}, one_or_two(0.3), Mine(), scipy.stats.norm))
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in (1, 2)
    }
    assert len(found) == 1


def test_what_cannot_be_told_has_no_fingerprint(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(TypeError, match="cannot be told"):
        fingerprint(file)


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (
            "import threading\nclass A:\n  lock = threading.Lock()\n"
            "  def __call__(self, y): return y\nf = A()",
            "'lock' of the class A",
        ),
        ("g = np.frompyfunc(lambda y: y, 1, 1)\ndef f(y): return g(y)", "'g' of the function f"),
        ("g = (i for i in [1])\ndef f(y): return next(g)", "'g' of the function f"),
    ],
)
def test_what_cannot_be_told_is_named(source, named):
    with pytest.raises(TypeError, match=f"{named}.* cannot be told"):
        make(methods={"mine": Method(2, written(source))}).run(progress=False)


# Interrupted and continued


def test_nothing_is_computed_again(tmp_path, results, monkeypatch):
    make(rates=[0.6]).run(tmp_path, progress=False)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == 2 * 2 * 3
    worked = []
    work = sweep._work
    monkeypatch.setattr(
        sweep,
        "_work",
        lambda task, piece, *arrays: worked.append(piece) or work(task, piece, *arrays),
    )
    assert same(make().run(tmp_path, progress=False), results)
    done = [cell.setting["rate"] for piece in worked for draw in piece for cell in draw.values()]
    assert done == [0.2] * 12
    worked.clear()
    assert same(make().run(tmp_path, progress=False), results)
    assert worked == []
    assert before.items() <= {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}.items()


KILLED = """
import os, pathlib, sys, time
sys.path.insert(0, {tests!r})
import test_sweeps

replace = os.replace

def replace_four_and_hang(source, target):
    if len(list(pathlib.Path({folder!r}).glob("*.json"))) == 4:
        print("now", flush=True)
        time.sleep(600)
    replace(source, target)

os.replace = replace_four_and_hang
test_sweeps.make().run({folder!r}, progress=False, stack=1)
"""


@pytest.mark.slow
def test_killed_while_it_writes_and_continued(tmp_path, results):
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "now\n"
    finally:
        process.kill()  # SIGKILL: nothing can be tidied up
        process.communicate()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    assert len(before) == 4
    assert len(list(tmp_path.glob("*.unfinished"))) == 1
    assert same(make().run(tmp_path, progress=False), results)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    assert len(after) == len(results.outcomes)
    assert before.items() <= after.items()


@pytest.mark.slow
def test_an_error_loses_nothing_that_was_finished(tmp_path):
    def broken(outputs):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        make(methods={"sound": Method(2), "broken": Method(2, broken)}).run(
            tmp_path, progress=False
        )
    assert list(tmp_path.iterdir()) == []  # the first piece has both methods
    own = make(methods={"sound": Method(2)}, rates=[0.6], seeds=[0])
    own.run(tmp_path, progress=False)
    with pytest.raises(RuntimeError, match="broken"):
        make(methods={"sound": Method(2), "broken": Method(2, broken)}).run(
            tmp_path, progress=False
        )
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace("true", "false", 1),
        lambda text: text.replace("sweep, 1", "sweep, 0"),
        lambda text: json.dumps({"outcome": json.loads(text)["outcome"]}),
    ],
)
def test_damaged_files_are_refused(tmp_path, damage):
    own = make(methods={"teacher": Method(1)}, rates=[0.6], seeds=[0])
    own.run(tmp_path, progress=False)
    path = min(tmp_path.iterdir())
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError, match=f"{path.name}.*damaged.*Delete it"):
        own.run(tmp_path, progress=False)
    path.unlink()
    assert len(own.run(tmp_path, progress=False).outcomes) == 2


def test_files_that_changed_places_and_binary_ones_are_refused(tmp_path):
    own = make(methods={"teacher": Method(1)}, rates=[0.6], seeds=[0])
    own.run(tmp_path, progress=False)
    one, other = sorted(tmp_path.iterdir())
    other.write_bytes(one.read_bytes())
    with pytest.raises(ValueError, match="damaged"):
        own.run(tmp_path, progress=False)
    other.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="damaged"):
        own.run(tmp_path, progress=False)


def test_folders_of_others_are_refused(tmp_path):
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(ValueError, match=r"'thesis.docx', which no sweep has written"):
        make().run(tmp_path, progress=False)


LEFT_BEHIND = [
    *(".DS_Store", "._a.json", ".nfs0001", ".ipynb_checkpoints", ".sync", "Thumbs.db"),
    *("desktop.ini", "Desktop.ini", "Icon\r", "__MACOSX", "@eaDir", "lost+found"),
    *(f"{32 * '0'}.json{ending}" for ending in ("~", ".bak", ".orig", ".swp", ".tmp")),
    *(f"#{32 * '0'}.json#", f".{32 * '0'}.json.swp", f"{32 * '0'}.json.1a2b.unfinished"),
]


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_what_was_left_behind_in_a_folder_stops_no_sweep(tmp_path, name):
    (tmp_path / name).touch()
    own = make(methods={"teacher": Method(1)}, rates=[0.6], seeds=[0])
    first = own.run(tmp_path, progress=False)
    assert same(own.run(tmp_path, progress=False), first)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["notes.txt~", "thesis.bak", "a.json", "data", "#notes#", "a.tmp"])
def test_backups_of_what_no_sweep_has_written_are_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=f"'{name}', which no sweep has written"):
        make().run(tmp_path, progress=False)


def test_what_a_killed_program_was_writing_is_ignored(tmp_path):
    (tmp_path / "tmpabc.unfinished").write_text('{"format"', encoding="utf-8")
    work = {"a" * 32: {}}, lambda keys: [(keys[0], {"all": [0.1, None, True]})], tmp_path
    bar = {"name": "sweep", "unit": "run", "progress": False}
    assert resume(*work, **bar) == resume(*work, **bar) == {"a" * 32: {"all": [0.1, None, True]}}


# Several processes


@pytest.mark.slow
def test_processes_find_the_same(results):
    assert same(make().run(n_jobs=2, progress=False), results)


def test_joblib_decides_where_it_runs(results):
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert same(make().run(progress=False), results)


@pytest.mark.slow
def test_features_are_mapped_not_copied(monkeypatch):
    data = datasets.block_correlated(4, 200, c=0.4, d=0.1)  # 5 MB

    def look(task, piece, features, matrix, *rest):
        mapped = [isinstance(array, np.memmap) for array in (features, matrix)]
        return [(cell.key, {"all": [all(mapped)], "test": [None]}) for cell in piece[0].values()]

    monkeypatch.setattr(sweep, "_work", look)
    noises = {"symmetric": lambda rate: noise.symmetric(4, rate)}
    own = make(train=data, test=None, noises=noises, methods={"teacher": Method(1)})
    assert own.run(n_jobs=2, stack=1, progress=False).accuracy("teacher", kind="all").all()


def test_a_dask_cluster_takes_over(results, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        assert same(make().run(tmp_path, progress=False), results)
    assert len(list(tmp_path.iterdir())) == len(results.outcomes)


# What comes out


def outcome(*accuracies, test=True):
    return {
        "test": list(accuracies) if test else [None] * len(accuracies),
        "all": [2 * x for x in accuracies],
        "clean": [None] * len(accuracies),
        "corrupted": list(accuracies),
        "converged": [x != 0.4 for x in accuracies],
        "relative_gradient_norm": [1e-9] * len(accuracies),
        "evaluations": [10] * len(accuracies),
    }


@pytest.fixture
def small():
    outcomes = {
        ("flip", 0.1, 0, "twice"): outcome(0.1, 0.2),
        ("flip", 0.1, 1, "twice"): outcome(0.2, 0.4),
        ("flip", 0.3, 0, "twice"): outcome(0.3, 0.3),
        ("flip", 0.3, 1, "twice"): outcome(0.1, 0.1),
    }
    return Results(("flip",), (0.1, 0.3), (0, 1), ("twice",), outcomes)


def test_axes_are_rates_seeds_rounds(small):
    accuracy = small.accuracy("twice")
    np.testing.assert_allclose(accuracy, [[[0.1, 0.2], [0.2, 0.4]], [[0.3, 0.3], [0.1, 0.1]]])
    np.testing.assert_allclose(small.accuracy("twice", kind="all"), 2 * accuracy)
    assert np.isnan(small.accuracy("twice", kind="clean")).all()
    assert small.rounds("twice") == 2


def test_gain_is_over_the_teacher_of_the_same_run(small):
    np.testing.assert_allclose(small.gain("twice"), [[[0, 0.1], [0, 0.2]], [[0, 0], [0, 0]]])


def test_mean_and_deviation_over_seeds(small):
    mean, sd = small.over_seeds("twice")
    np.testing.assert_allclose(mean, [[0.15, 0.3], [0.2, 0.2]])
    np.testing.assert_allclose(sd, np.sqrt([[0.005, 0.02], [0.02, 0.02]]))
    mean, sd = small.over_seeds("twice", gain=True)
    np.testing.assert_allclose(mean, [[0, 0.15], [0, 0]])
    np.testing.assert_allclose(sd, [[0, np.sqrt(0.005)], [0, 0]])
    one = replace(small, seeds=(0,))
    assert np.isnan(one.over_seeds("twice")[1]).all()


def test_records_make_a_table(small):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(small.records())
    assert list(table.columns[:6]) == ["noise", "rate", "seed", "method", "round", "test"]
    means = table.groupby(["rate", "round"])["test"].mean()
    np.testing.assert_allclose(means.to_numpy().reshape(2, 2), small.over_seeds("twice")[0])


def test_results_say_what_they_are(small):
    assert repr(small) == ("Results(1 noise x 2 rates x 2 seeds x 1 method, NOT converged: 1)")
    assert str(small).splitlines()[1:] == [
        "",
        "flip: accuracy in %, round by round, mean of 2 seeds",
        "rate    twice",
        "0.1     15.0  30.0",
        "0.3     20.0  20.0",
    ]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.accuracy("once"), "method must be one of 'twice', got 'once'"),
        (lambda r: r.accuracy("twice", noise="x"), "noise must be one of 'flip', got 'x'"),
        (lambda r: r.accuracy("twice", kind="x"), "kind must be one of 'test', 'all'"),
        (
            lambda r: replace(r, noises=("flip", "x")).gain("twice"),
            "noise must be one of 'flip', 'x', got None",
        ),
    ],
)
def test_wrong_questions_are_refused(small, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(small)


def test_without_a_test_set_accuracy_is_that_of_all(small):
    without = replace(small, outcomes={p: outcome(0.1, test=False) for p in small.outcomes})
    np.testing.assert_allclose(without.accuracy("twice"), 0.2)
    with pytest.raises(ValueError, match="without a test set, got 'test'"):
        without.accuracy("twice", kind="test")


def test_progress_is_shown_and_counts_what_was_there(tmp_path, capsys):
    own = make(methods={"teacher": Method(1)}, seeds=[0])
    own.run(progress=False)
    assert capsys.readouterr().err == ""
    own.run(tmp_path)
    assert "4/4" in capsys.readouterr().err
    make(methods={"teacher": Method(1)}).run(tmp_path)
    shown = capsys.readouterr().err
    assert "4/8" in shown
    assert "8/8" in shown


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"train": [[1.0]]}, TypeError, "train must be a Dataset, got a list"),
        ({"test": [[1.0]]}, TypeError, "test must be a Dataset or None, got a list"),
        ({"noises": [noise.symmetric]}, TypeError, "noises must be a Mapping, got a list"),
        ({"noises": {}}, ValueError, "noises must have at least one entry"),
        ({"rates": []}, ValueError, "rates must have at least one entry"),
        ({"rates": [0.2, 1.5]}, ValueError, r"rates must be in \[0, 1\], got 1.5"),
        ({"seeds": [0, 0]}, ValueError, r"seeds must have values that differ, got \(0, 0\)"),
        ({"seeds": [0.5]}, TypeError, "seeds must be an integer, got 0.5"),
        ({"methods": {"x": 3}}, TypeError, r"methods\['x'\] must be a Method, got a int"),
        ({"lam": 0}, ValueError, "lam must be > 0, got 0"),
    ],
)
def test_wrong_settings_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        make(**changes)


def test_wrong_matrices_and_stacks_are_refused():
    with pytest.raises(ValueError, match=r"noises\['small'\]\(0.2\) must be for 10 classes, got 3"):
        make(noises={"small": lambda rate: noise.symmetric(3, rate)}).run()
    with pytest.raises(ValueError, match="stack must be an integer >= 1, got 0"):
        make().run(stack=0, progress=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rounds": 0}, "rounds must be an integer >= 1, got 0"),
        (
            {"rounds": 3, "refinement": [as_is]},
            "one for each student, 2, got 1",
        ),
        (
            {"rounds": 3, "loss": SCEPTICAL},
            "one for each round, 3, got 2",
        ),
        ({"model": "quadratic"}, "model must be 'softmax' or 'linearised', got 'quadratic'"),
    ],
)
def test_wrong_methods_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Method(**settings)


def test_methods_say_what_they_do():
    assert repr(Method(1)) == "Method(1 round; CrossEntropy())"
    assert repr(Method(3, [as_is, top_k(2)])) == "Method(3 rounds: as_is, top_k(2); CrossEntropy())"
    assert repr(Method(2, model="linearised")) == "Method(2 rounds: as_is; linearised)"
