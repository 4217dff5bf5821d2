"""Measure the README's recipe on files in which few labels are wrong.

For each share of wrong labels, each kind of file and each of twenty draws, a file is made, and the
default `SelfDistilledClassifierCV` is fitted to its labels. What it says is compared with the
truth: how many labels are right if all suggestions are taken, and how many of the fifty most
suspicious labels are wrong. A draw has its own classes (of the texts), instances and wrong labels.

Texts are turned into numbers as in the README: words are counted and compressed to 100 numbers.
Wrong labels are spread evenly over the other classes. Results are kept in `few_wrong.json`, one
piece for each file; a second call does what is missing. It needs cleanlab (extra ``book``).

    python -m sdbook.experiments.few_wrong              # what is missing: 40 minutes on one core
    python -m sdbook.experiments.few_wrong --n-jobs 2   # on two cores
"""

from __future__ import annotations

import argparse
import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from sdbook import datasets, noise
from sdbook.estimator import NoBetterThanConstant, SelfDistilledClassifierCV
from sdbook.experiments import recipe

RESULTS = Path(__file__).with_suffix(".json")
SOURCES = ("texts", "digits")
RATES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
DRAWS = range(20)
CLASSES = 10
SIZES = {
    # how many instances of each class, from the most frequent to the rarest
    "equal": [100] * CLASSES,
    "unequal": np.geomspace(150, 8, CLASSES).round().astype(int).tolist(),
}
FIRST = 50  # how far somebody reads a list that is sorted by suspicion


def file(
    source: str, sizes: str, rate: float, draw: int
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64], NDArray[np.int64]]:
    """Make a file.

    Returns
    -------
    X : ndarray of shape (N, d)
        Features, as the README makes them.
    given, truth : ndarray of int, shape (N,)
        Labels as they are in the file, and as they should be.
    """
    rng = np.random.default_rng([draw, SOURCES.index(source)])
    data = datasets.words() if source == "texts" else datasets.digits(centred=False)
    chosen = rng.permutation(data.n_classes)[:CLASSES]
    rows: list[int] = []
    truth: list[int] = []
    for place, (k, number) in enumerate(zip(chosen, SIZES[sizes], strict=True)):
        rows.extend(rng.permutation(np.flatnonzero(data.labels == k))[:number])
        truth.extend([place] * number)
    labels = np.array(truth)
    given = noise.corrupt(labels, noise.symmetric(CLASSES, rate), rng=rng)
    if source == "digits":
        return data.features[rows], given, labels
    assert data.texts is not None, "words() has them"
    counts = TfidfVectorizer(stop_words="english").fit_transform([data.texts[i] for i in rows])
    return TruncatedSVD(100, random_state=0).fit_transform(counts), given, labels


def piece(source: str, sizes: str, rate: float, draw: int) -> dict[str, Any]:
    """Fit one file, and count.

    Returns
    -------
    dict
        ``rows`` of the file; ``right`` labels as they are, and ``suggested`` ones that are right;
        ``mended`` and ``spoiled``, wrong labels that the suggestion sets right and right ones that
        it sets wrong; ``found``, wrong ones among the 50 most suspicious; whether the model warns
        that it is no better than a constant; and what was chosen.
    """
    X, given, truth = file(source, sizes, rate, draw)
    model = SelfDistilledClassifierCV().fit(X, given)
    suggested, wrong = model.corrected_labels_, given != truth
    first = np.argsort(-model.suspicion_, kind="stable")[:FIRST]
    return {
        "rows": len(truth),
        "right": int((~wrong).sum()),
        "suggested": int((suggested == truth).sum()),
        "mended": int((suggested == truth)[wrong].sum()),
        "spoiled": int((suggested != truth)[~wrong].sum()),
        "found": int(wrong[first].sum()),
        "no better than a constant": bool(model.best_score_ <= model.baseline_score_),
        "method": {**model.method_, "lam": model.lam_, "rounds": model.n_rounds_},
    }


def settings() -> dict[str, Any]:
    """Return what results depend on."""
    parameters = SelfDistilledClassifierCV().get_params()
    for name in ("n_jobs", "progress"):
        del parameters[name]
    return json.loads(json.dumps({"sizes": SIZES, "estimator": parameters}, default=list))


def load(path: Path = RESULTS) -> dict[str, Any]:
    """Return stored results, or an empty store; see `recipe.load`."""
    return recipe.load(path, settings())


def wanted() -> list[tuple[str, str, float, int]]:
    """Return all pieces."""
    return list(itertools.product(SOURCES, SIZES, RATES, DRAWS))


def table(
    store: dict[str, Any], source: str, sizes: str
) -> dict[float, dict[str, tuple[float, float]]]:
    """Summarise the draws of one kind of file.

    Returns
    -------
    dict
        For each share of wrong labels the mean over the draws and its standard error, of the
        ``right`` and ``suggested`` labels as shares of the rows, of the ``gain`` (their
        difference), and of ``found`` as a share of the 50 rows that were read.
    """
    rows = {}
    for rate in RATES:
        pieces = [store["pieces"][recipe.key(source, sizes, rate, draw)] for draw in DRAWS]
        right, suggested = [
            np.array([each[name] / each["rows"] for each in pieces])
            for name in ("right", "suggested")
        ]
        found = np.array([each["found"] / FIRST for each in pieces])
        shares = {"right": right, "suggested": suggested, "gain": suggested - right, "found": found}
        rows[rate] = {
            name: (values.mean(), values.std(ddof=1) / len(values) ** 0.5)
            for name, values in shares.items()
        }
    return rows


def worth_taking(store: dict[str, Any], source: str, sizes: str) -> float:
    """Return the least share of wrong labels from which on suggestions are clearly better.

    Clearly: by more than two standard errors, there and at all larger shares.
    """
    rows = table(store, source, sizes)
    clear = [rate for rate in RATES if rows[rate]["gain"][0] > 2 * rows[rate]["gain"][1]]
    return next(rate for rate in RATES if all(later in clear for later in RATES if later >= rate))


def as_markdown(store: dict[str, Any], source: str = "texts") -> str:
    """Return the table for readers: right labels before and after, in per cent, with errors."""
    tables = {sizes: table(store, source, sizes) for sizes in SIZES}

    def percent(found: tuple[float, float]) -> str:
        return f"{100 * found[0]:.1f} ± {100 * found[1]:.1f}"

    lines = [
        "| wrong labels | equal classes | unequal classes | of the first 50, wrong |",
        "|---|---|---|---|",
    ]
    for rate in RATES:
        after = " | ".join(percent(tables[sizes][rate]["suggested"]) for sizes in SIZES)
        found = f"{100 * tables['equal'][rate]['found'][0]:.0f}%"
        lines.append(f"| {rate:.0%} | {after} | {found} |")
    return "\n".join(lines)


def main() -> None:
    """Do what is missing, and print the tables."""
    parser = argparse.ArgumentParser(
        "python -m sdbook.experiments.few_wrong", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (1 by default)")
    arguments = parser.parse_args()
    store = load()
    missing = [each for each in wanted() if recipe.key(*each) not in store["pieces"]]
    recipe.compute(store, missing, _keyed_piece, RESULTS, arguments.n_jobs)
    for source in SOURCES:
        print(f"\n{source}: right labels if every suggestion is taken (%)\n")
        print(as_markdown(store, source))


def _keyed_piece(each: tuple[str, str, float, int]) -> tuple[str, dict[str, Any]]:
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", NoBetterThanConstant)  # which is counted
    return recipe.key(*each), piece(*each)


if __name__ == "__main__":
    main()
