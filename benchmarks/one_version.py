"""The same work with one version of this library: a program of its own, for any of them.

Called as a program, it imports the version that PYTHONPATH leads to, does what is asked, and
prints what it measured. Versions have given things different names; they all are tried.
`measured_by` calls it so, and each version has a fresh process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RATES, SEEDS, Q = (0.1, 0.3, 0.5, 0.7, 0.9), (0, 1, 2), 0.7
SAMPLE = (("symmetric", 0.5), ("superclass", 0.7), ("asymmetric", 0.3))


def measured_by(folder: Path, work: str, **what: Any) -> dict[str, Any]:
    """Do some work with the version in a folder, and return what it measured."""
    command = [sys.executable, "-P", str(Path(__file__).resolve()), work, json.dumps(what)]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{work} with the version in {folder} failed.\n{result.stderr}")
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    if Path(found["imported"]) != folder.resolve() / "sdbook":
        raise RuntimeError(f"{folder} must hold a version of sdbook, got {found['imported']}.")
    return found


def name_of(folder: Path) -> str:
    """The commit that a folder holds, or its name where it is no checkout."""
    command = ["git", "-C", str(folder), "log", "-1", "--format=%h of %as"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() or folder.name


def realistic(n_samples: int, width: int, n_classes: int, rng: np.random.Generator) -> Any:
    """Features as a network gives them: anisotropic, unit norm, centred, classes that overlap."""
    spectrum = np.arange(1, width + 1) ** -0.5
    centres = rng.standard_normal((n_classes, width)) * spectrum
    labels = np.arange(n_samples) % n_classes
    inside = rng.standard_normal((n_samples, width)) * spectrum
    features = 0.27 * centres[labels] + inside
    features -= features.mean(axis=0)
    return features / np.linalg.norm(features, axis=1, keepdims=True), labels


def first_of(name: str, *modules: str) -> Any:
    """Import something from the first of some modules that exists."""
    for module in modules[:-1]:
        with contextlib.suppress(ImportError):
            return getattr(importlib.import_module(module), name)
    return getattr(importlib.import_module(modules[-1]), name)


def methods() -> dict[str, Any]:
    """The two methods of the experiment."""
    from sdbook.refine import top_k
    from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy

    Method = first_of("Method", "sdbook.method", "sdbook.sweeps")
    return {
        "self-distillation": Method(rounds=5),
        "partial labels": Method(2, top_k(2), (CrossEntropy(), GeneralisedCrossEntropy(Q))),
    }


def experiment(quick: bool, lam: float, dtype: str = "float64", **options: Any) -> Any:
    """The paper's experiment on words: noises x rates x seeds x methods."""
    from sdbook import datasets, noise

    Sweep = first_of("Sweep", "sdbook.experiments.sweeps", "sdbook.sweeps")

    data = datasets.digits().take(range(300)) if quick else datasets.words()
    kin = np.arange(10) // 5 if quick else data.superclasses
    K = int(data.labels.max()) + 1
    train, test = (
        replace(part, features=part.features.astype(dtype))
        for part in data.split(test_share=4 / 15, rng=0)
    )
    return Sweep(
        train=train,
        test=test,
        noises={
            "superclass": lambda rate: noise.superclass(kin, rate),
            "symmetric": lambda rate: noise.symmetric(K, rate),
            "asymmetric": lambda rate: noise.asymmetric(K, rate),
        },
        rates=RATES[2:3] if quick else RATES,
        seeds=SEEDS[:1] if quick else SEEDS,
        methods=methods(),
        lam=lam,
        **options,
    )


def sweep(quick: bool, lam: float, dtype: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Time one sweep on all cores."""
    whole = experiment(quick, lam, dtype, **options)
    names = type(whole).run.__code__.co_varnames
    cores = {"jobs" if "jobs" in names else "n_jobs": -1}
    begin = time.perf_counter()
    results = whole.run(progress=False, **cores)
    seconds = time.perf_counter() - begin
    first = next(iter(whole.methods))  # the teacher is one for both methods
    counted = [
        record["evaluations"]
        for record in results.records()
        if record["round"] > 1 or record["method"] == first
    ]
    return {
        "seconds": seconds,
        "models": len(counted),
        "evaluations": int(sum(counted)),
        "not_converged": int(results.unfinished),
    }


def sample(
    quick: bool, lam: float, dtype: str, options: Mapping[str, Any], path: str
) -> dict[str, Any]:
    """Train the models of a sample of the draws, and store their targets and parameters."""
    arrays: dict[str, Any] = {}
    for _, targets, coef in trained(experiment(quick, lam, dtype), quick, options):
        arrays[f"targets{len(arrays) // 2}"], arrays[f"coef{len(arrays) // 2}"] = targets, coef
    np.savez(path, **arrays)
    return {"models": len(arrays) // 2}


def trained(whole: Any, quick: bool, options: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield loss, targets and parameters of the models of some draws, trained as a sweep does."""
    from sdbook import distill, noise
    from sdbook.solvers import CrossEntropy, factorise

    train: Any = distill
    names = train.__code__.co_varnames
    classes = "n_classes" if "n_classes" in names else "classes"
    before = "warm_start" if "warm_start" in names else "after"
    fact = factorise(whole.train.features)
    for kind, rate in SAMPLE[:1] if quick else SAMPLE:
        given = noise.corrupt(whole.train.labels, whole.noises[kind](rate), rng=0)
        teacher = None
        for method in whole.methods.values():
            loss = method.loss or CrossEntropy()
            losses = loss if isinstance(loss, tuple) else (loss,)
            run = train(
                fact,
                given,
                whole.lam,
                rounds=method.rounds,
                refinement=method.refinement,
                loss=loss,
                **{classes: int(whole.train.labels.max()) + 1, before: teacher},
                **options,
            )
            for step in run.rounds[0 if teacher is None else 1 :]:
                coef = step.coef if hasattr(step, "coef") else step.weights
                yield losses[min(step.t, len(losses)) - 1], step.targets, coef
            teacher = replace(run, rounds=run.rounds[:1])


def fit(n_samples: int, width: int, n_classes: int, lam: float, dtype: str) -> dict[str, Any]:
    """Time one fit to the default tolerance, the shortest of several."""
    from sdbook.solvers import solve

    rng = np.random.default_rng(0)
    features, labels = realistic(n_samples, width, n_classes, rng)
    wrong = rng.random(n_samples) < 0.4
    labels = np.where(wrong, rng.integers(0, n_classes, n_samples), labels)
    features, targets = features.astype(dtype), np.eye(n_classes, dtype=dtype)[labels]
    times: list[float] = []
    while len(times) < 3 or (sum(times) < 1.5 and len(times) < 20):
        begin = time.perf_counter()
        solution: Any = solve(features, targets, lam)
        times.append(time.perf_counter() - begin)
    return {"seconds": min(times), "evaluations": solution.certificate.evaluations}


if __name__ == "__main__":
    import sdbook

    warnings.simplefilter("ignore")
    work: Any = {"sweep": sweep, "sample": sample, "fit": fit}[sys.argv[1]]
    found = work(**json.loads(sys.argv[2]))
    print(json.dumps(found | {"imported": str(Path(sdbook.__file__).resolve().parent)}))
