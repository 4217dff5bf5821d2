"""Compare methods against wrong labels with one tuning budget and no clean labels.

Each method has four configurations for each penalty: values of its own knob, or for the plain
probe a grid that is four times as fine. A twelfth, which is told the noise, has one. All are
trained on the same folds of the same noisy training set, and chosen by the share of held-out
*given* labels that they predict (`chosen`). True labels of the test set are only used to say
afterwards how good the choice was. Results are kept in `recipe.json`, one piece for each data set,
noise and seed; a second call does what is missing.

    python -m sdbook.experiments.recipe              # what is missing: some hours on one core
    python -m sdbook.experiments.recipe --n-jobs 8   # on eight cores

Both need cleanlab (extra ``book``).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from tqdm.auto import tqdm

from sdbook import datasets, noise
from sdbook._files import Folder
from sdbook.datasets import Dataset
from sdbook.estimator import select_best
from sdbook.experiments.methods import KNOBS, METHODS, Floats, Task
from sdbook.solvers import NotConverged, Solution, factorise

RESULTS = Path(__file__).with_suffix(".json")
SEEDS = (0, 1, 2, 3, 4)
BY_ROUNDS = ("self-distillation", "hard students")
"""Methods whose knob is the number of rounds."""

TWO_ROUNDS = ("candidates", "candidates, generalised", "one or two")
"""Methods with one student."""


@dataclass(frozen=True)
class Bench:
    """One data set and how it is used.

    Attributes
    ----------
    folds : int
        How many of five folds are held out in turn.
    lams : tuple of float
        The penalties of every method.
    noises : tuple of (kind, rate)
    dtype : str
        Precision of the features, and so of everything.
    """

    folds: int
    lams: tuple[float, ...]
    noises: tuple[tuple[str, float], ...]
    dtype: str

    @property
    def finer(self) -> list[float]:
        """Four times as many penalties over the same range."""
        grid = np.geomspace(self.lams[0], self.lams[-1], 4 * len(self.lams))
        return [float(lam) for lam in grid]


BENCHES = {
    "digits": Bench(
        folds=5,
        lams=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
        noises=(("symmetric", 0.5), ("symmetric", 0.7), ("pair", 0.35)),
        dtype="float64",
    ),
    "words": Bench(
        folds=1,
        lams=(3e-5, 1e-4, 3e-4, 1e-3),
        noises=(("symmetric", 0.7), ("superclass", 0.5)),
        dtype="float32",
    ),
}


def data(name: str) -> tuple[Dataset, Dataset]:
    """Return the training and the test set."""
    if name == "digits":
        return datasets.digits().split(test_share=1 / 3, rng=0)
    return datasets.words().split(test_share=40 / 150, rng=0)


def corruption(kind: str, rate: float, superclasses: NDArray[np.int64]) -> Floats:
    """Return the corruption matrix of a noise."""
    if kind == "superclass":
        return noise.superclass(superclasses, rate)
    make = {"symmetric": noise.symmetric, "pair": noise.pair_flip}[kind]
    return make(len(superclasses), rate)


def tasks(
    name: str, kind: str, rate: float, seed: int
) -> list[tuple[Task, Floats, NDArray[np.int64]]]:
    """Return one task for each fold, with the test set's features and true labels."""
    bench = BENCHES[name]
    train, test = data(name)
    C = corruption(kind, rate, train.superclasses)
    given = noise.corrupt(train.labels, C, rng=seed)
    features = train.features.astype(bench.dtype)
    splits = StratifiedKFold(5, shuffle=True, random_state=seed).split(features, given)
    return [
        (
            Task(
                fact=factorise(features[fit]),
                given=given[fit],
                held_out=(features[held], given[held]),
                n_classes=train.n_classes,
                lams=bench.lams,
                finer=bench.finer,
                C=C,
            ),
            test.features.astype(bench.dtype),
            test.labels,
        )
        for _, (fit, held) in zip(range(bench.folds), splits, strict=False)
    ]


def piece(
    name: str, kind: str, rate: float, seed: int, methods: Sequence[str] = tuple(METHODS)
) -> dict[str, Any]:
    """Train every configuration of these methods, and count what it gets right.

    Returns
    -------
    dict
        ``methods[name]``: ``knobs``, and counts of shape (knobs, penalties) summed over the folds,
        ``held_out`` (given labels predicted) and ``test`` (true labels predicted); ``held_out``
        and ``test`` of the piece are how many there were; ``seconds`` is what it took.
    """
    start = time.perf_counter()
    totals: dict[str, Any] = {}
    sizes = np.zeros(2, dtype=int)
    for task, test_features, test_labels in tasks(name, kind, rate, seed):
        sizes += len(task.held_out[1]), len(test_labels)
        for method in methods:
            judged = [(*task.held_out,), (test_features, test_labels)]
            rows = [(knob, _right(solutions, judged)) for knob, solutions in METHODS[method](task)]
            so_far = totals.get(method, (None, 0))[1]
            totals[method] = [knob for knob, _ in rows], so_far + np.array([n for _, n in rows])
    return {
        "held_out": int(sizes[0]),
        "test": int(sizes[1]),
        "seconds": round(time.perf_counter() - start, 1),
        "methods": {
            method: {
                "knobs": knobs,
                "held_out": both[..., 0].tolist(),
                "test": both[..., 1].tolist(),
            }
            for method, (knobs, both) in totals.items()
        },
    }


def _right(
    solutions: list[Solution], judged: list[tuple[Floats, NDArray[np.int64]]]
) -> list[list[int]]:
    """Count, for each solution and each set of instances, whose label has the largest output."""
    return [
        [int((solution.predict(X).argmax(axis=1) == y).sum()) for X, y in judged]
        for solution in solutions
    ]


def chosen(name: str, piece: dict[str, Any], methods: Sequence[str] = tuple(METHODS)) -> int:
    """Choose a configuration by held-out given labels, by `sdbook.estimator.select_best`.

    Parameters
    ----------
    name : str
        Of the data set.
    piece : dict
        Stored results.
    methods : sequence of str
        Whose configurations to choose from.

    Returns
    -------
    int
        Its place among all configurations of these methods: method by method, of each the knobs in
        their order, of each the penalties in theirs. With equal scores, fewer rounds win, and
        then larger penalties. Whatever is no student counts as one round.
    """
    held_out: list[int] = []
    lams: list[float] = []
    rounds: list[int] = []
    for method in methods:
        results = piece["methods"][method]
        penalties = BENCHES[name].finer if method == "plain" else BENCHES[name].lams
        for knob, counts in zip(results["knobs"], results["held_out"], strict=True):
            held_out += counts
            lams += penalties
            length = int(knob) if method in BY_ROUNDS else 1 + (method in TWO_ROUNDS)
            rounds += [length] * len(penalties)
    (place,) = select_best(held_out, lams=lams, rounds=rounds)
    return place


def settings() -> dict[str, Any]:
    """Return what results depend on."""
    benches = {name: vars(bench) for name, bench in BENCHES.items()}
    return json.loads(json.dumps({"benches": benches, "knobs": KNOBS, "methods": list(METHODS)}))


def load(path: Path = RESULTS, present: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return stored results, or an empty store.

    Parameters
    ----------
    path : Path
    present : dict, optional
        The settings that results must have been made with; those of this program by default.

    Raises
    ------
    ValueError
        If they were made with other settings than the present ones.
    """
    present = settings() if present is None else present
    if not path.exists():
        return {"settings": present, "made_with": {}, "pieces": {}}
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["settings"] != present:
        raise ValueError(
            f"{path.name} must be results of the present settings, got others. Delete the file and "
            "run this program again."
        )
    return stored


def save(store: dict[str, Any], path: Path = RESULTS) -> None:
    """Write all results at once, so that an interruption leaves the old file or the new one."""
    text = json.dumps(store, indent=1)
    # One line for each list of numbers: a difference that a person can read.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found.group()), text)
    Folder(path.parent).write(path.name, f"{text}\n")


def key(name: str, kind: str, rate: float, seed: int) -> str:
    """Return the name of a piece: of which data, which noise or kind of file, and which seed."""
    return f"{name} {kind} {rate:g} seed {seed}"


def wanted() -> list[tuple[str, str, float, int]]:
    """Return all pieces."""
    return [
        (name, kind, rate, seed)
        for name, bench in BENCHES.items()
        for kind, rate in bench.noises
        for seed in SEEDS
    ]


def made_with() -> dict[str, str]:
    """Return date, machine and versions."""
    libraries = ("sdbook", "numpy", "scikit-learn", "cleanlab")
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        **{library: version(library) for library in libraries},
    }


def compute(
    store: dict[str, Any],
    pieces: Sequence[Any],
    work: Callable[[Any], tuple[str, dict[str, Any]]],
    path: Path,
    n_jobs: int,
) -> None:
    """Add pieces to a store, under the key that `work` returns with each, and save every time."""
    run = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    results = run(delayed(work)(each) for each in pieces)
    for name, result in tqdm(results, total=len(pieces), disable=not sys.stderr.isatty()):
        store["pieces"][name] = result
        store["made_with"] = made_with()
        save(store, path)


def main() -> None:
    """Do what is missing."""
    parser = argparse.ArgumentParser(
        "python -m sdbook.experiments.recipe", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (1 by default)")
    parser.add_argument("--only", choices=list(BENCHES), help="one data set")
    arguments = parser.parse_args()
    store = load()
    missing = [
        each
        for each in wanted()
        if key(*each) not in store["pieces"] and arguments.only in (None, each[0])
    ]
    compute(store, missing, _keyed_piece, RESULTS, arguments.n_jobs)


def _keyed_piece(each: tuple[str, str, float, int]) -> tuple[str, dict[str, Any]]:
    warnings.simplefilter("error", NotConverged)  # an optimum, or no result
    return key(*each), piece(*each)


if __name__ == "__main__":
    main()
