"""One fit against the solvers that people use, at equal objective.

All minimise the same regularised cross-entropy (``C = 1 / (lambda N)``, no intercept). Each stops
by its own rule, at the loosest tolerance of a grid that brings the objective, evaluated in float64,
within one millionth of a certified optimum. Ours is the share of the objective that is left to
gain. All then take turns, and the shortest time of each counts.
"""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import psutil
import torch
from sklearn.linear_model import LogisticRegression

from benchmarks import torch_loop
from benchmarks.machine import Options, certificate, take_turns
from benchmarks.one_version import realistic
from sdbook import datasets, noise
from sdbook.solvers import solve

SHAPES: dict[str, dict[str, int]] = {
    "wide": {"instances": 1000, "width": 4096, "classes": 20},
    "tall": {"instances": 100_000, "width": 64, "classes": 10},
    "many classes": {"instances": 10_000, "width": 256, "classes": 200},
    "a model of the sweep": {"instances": 6050, "width": 384, "classes": 55},
}
QUICK = {"tall": {"instances": 2000, "width": 16, "classes": 4}}
LAM, RATE, GAP = 1e-4, 0.4, 1e-6
GAPS = (1e-6, 7e-7, 5e-7, 3.5e-7, 2.5e-7, 1.7e-7, 1.2e-7)
TOLERANCES = tuple(10 ** (-power / 4) for power in range(4, 33))  # 0.1 to 1e-8
PATIENCE = 20.0  # seconds, after which no other tolerance is tried
LARGEST_HESSIAN = 12_000  # rows: more would take longer than that to factorise


@dataclass(frozen=True, eq=False)
class Data:
    """One problem in one precision, and the objective that is to be reached."""

    double: Any  # features in float64
    features: Any
    labels: Any
    classes: int
    best: float

    @classmethod
    def of(cls, shape: str, sizes: dict[str, int]) -> Data:
        """Draw one of the shapes, in float64."""
        rng = np.random.default_rng(0)
        if shape == "a model of the sweep":
            words = datasets.words()
            train, _ = words.split(test_share=4 / 15, rng=0)
            features, true, rate = train.features, train.labels, 0.5
        else:
            features, true = realistic(sizes["instances"], sizes["width"], sizes["classes"], rng)
            rate = RATE
        labels = noise.corrupt(true, noise.symmetric(sizes["classes"], rate), rng=rng)
        optimum = solve(features, datasets.one_hot(labels, sizes["classes"]), LAM)
        found = cls(features, features, labels, sizes["classes"], 0.0)
        return replace(found, best=found.objective(optimum.coef))

    def gap(self, coef: Any) -> float:
        """How far above the best objective this is, in units of it."""
        return self.objective(coef) / self.best - 1

    def objective(self, coef: Any) -> float:
        """The objective in float64, whatever the precision of the parameters."""
        theta = np.asarray(coef, dtype=np.float64)
        logits = self.double @ theta
        top = logits.max(axis=1)
        log_norm = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        loss = np.mean(log_norm - logits[np.arange(len(self.labels)), self.labels])
        return float(loss + LAM / 2 * np.sum(theta**2))

    @property
    def targets(self) -> Any:
        """One-hot labels (N, K)."""
        return datasets.one_hot(self.labels, self.classes).astype(self.features.dtype)


Fit = Callable[[float], Any]
"""From a tolerance to parameters (d, K)."""


def ours(data: Data) -> Fit:
    targets = data.targets
    return lambda gap: solve(data.features, targets, LAM, gap=gap).coef


def of_torch(data: Data) -> Fit:
    features, targets = torch.from_numpy(data.features), torch.from_numpy(data.targets)

    def fit(tolerance: float) -> Any:
        found = torch_loop.train(
            features, targets, LAM, -np.inf, tolerance=tolerance, max_evaluations=500
        )
        return found.coef.numpy()

    return fit


def of_sklearn(solver: str, estimator: Any = LogisticRegression) -> Callable[[Data], Fit]:
    def prepare(data: Data) -> Fit:
        options = {"C": 1 / (LAM * len(data.labels)), "fit_intercept": False, "solver": solver}
        return lambda tolerance: (
            estimator(**options, tol=tolerance, max_iter=3000)
            .fit(data.features, data.labels)
            .coef_.T
        )

    return prepare


def of_intelex(data: Data) -> Fit:
    module = importlib.import_module("sklearnex.linear_model")
    return of_sklearn("lbfgs", module.LogisticRegression)(data)


def of_cyanure(solver: str) -> Callable[[Data], Fit]:
    def prepare(data: Data) -> Fit:
        module = importlib.import_module("cyanure.estimators")
        features = np.ascontiguousarray(data.features)

        def fit(tolerance: float) -> Any:
            model = module.Classifier(
                loss="multiclass-logistic",
                penalty="l2",
                lambda_1=LAM,
                solver=solver,
                tol=tolerance,
                max_iter=3000,
                fit_intercept=False,
                duality_gap_interval=1,
                verbose=False,
            )
            model.fit(features, data.labels)
            coef = np.asarray(model.coef_)
            return coef if coef.shape == (features.shape[1], data.classes) else coef.T

        return fit

    return prepare


def of_jaxopt(data: Data) -> Fit:
    jax, jaxopt = importlib.import_module("jax"), importlib.import_module("jaxopt")
    jax.config.update("jax_enable_x64", True)
    xp = jax.numpy
    features, labels = xp.asarray(data.features), xp.asarray(data.labels)

    def objective(theta: Any) -> Any:
        logits = features @ theta
        right = xp.take_along_axis(logits, labels[:, None], 1)[:, 0]
        loss = xp.mean(jax.nn.logsumexp(logits, axis=1) - right)
        return loss + LAM / 2 * xp.sum(theta**2)

    def run(theta: Any, tolerance: Any) -> Any:
        solver = jaxopt.LBFGS(objective, tol=tolerance, maxiter=500, implicit_diff=False)
        return solver.run(theta).params

    compiled = jax.jit(run)
    zero = xp.zeros((features.shape[1], data.classes), features.dtype)
    compiled(zero, 1.0).block_until_ready()  # compiles it, which is not counted
    return lambda tolerance: np.asarray(compiled(zero, tolerance).block_until_ready())


CYANURE = tuple(10 ** (-power / 2) for power in range(6, 15))  # 1e-3 to 1e-7
SOLVERS: dict[str, tuple[Callable[[Data], Fit], Sequence[float]]] = {
    "sdbook": (ours, (*GAPS, 3e-8, 1e-8)),
    "scikit-learn lbfgs": (of_sklearn("lbfgs"), TOLERANCES),
    "scikit-learn newton-cg": (of_sklearn("newton-cg"), TOLERANCES),
    "scikit-learn newton-cholesky": (of_sklearn("newton-cholesky"), TOLERANCES),
    "PyTorch L-BFGS": (of_torch, TOLERANCES),
    "scikit-learn-intelex lbfgs": (of_intelex, TOLERANCES),
    "jaxopt L-BFGS": (of_jaxopt, TOLERANCES),
    "cyanure qning-miso": (of_cyanure("qning-miso"), CYANURE),
    "cyanure catalyst-miso": (of_cyanure("catalyst-miso"), CYANURE),
    "cyanure miso": (of_cyanure("miso"), CYANURE),
}


def why_not(name: str, data: Data) -> str | None:
    """Why a solver cannot be tried on a problem, if so."""
    rows = data.features.shape[1] * data.classes
    if "cholesky" not in name:
        return None
    if 4 * rows**2 * 8 > psutil.virtual_memory().available:
        return f"its Hessian alone is {rows**2 * 8 / 2**30:.0f} GiB"
    return f"its Hessian has {rows:,} rows" if rows > LARGEST_HESSIAN else None


def loosest(
    fit: Fit, grid: Sequence[float], data: Data, first: float | None = None
) -> dict[str, Any]:
    """Find the largest tolerance that comes near enough, or say why there is none.

    By bisection; or, where it is known in another precision, from there on.
    """
    gaps: dict[float, float] = {}

    def near(tolerance: float) -> bool:
        gaps[tolerance] = data.gap(fit(tolerance))
        return gaps[tolerance] <= GAP

    begin = time.perf_counter()
    low, high = 0, len(grid)
    if first is not None:
        low = grid.index(first)
        while low < high and time.perf_counter() - begin < PATIENCE and not near(grid[low]):
            low += 1
    else:
        while low < high and time.perf_counter() - begin < PATIENCE:
            middle = (low + high) // 2
            low, high = (low, middle) if near(grid[middle]) else (middle + 1, high)
        low = high
    if low < len(grid) and gaps.get(grid[low], 1.0) <= GAP:
        return {"tolerance": grid[low], "gap": gaps[grid[low]]}
    if time.perf_counter() - begin > PATIENCE:
        return {"why_not": f"not near enough after {PATIENCE:.0f} s"}
    return {"why_not": f"no tolerance down to {grid[-1]:g} comes near enough"}


def compare(
    shape: str,
    data: Data,
    report: Callable[[str], None],
    known: dict[str, float],
    best: dict[str, str],
) -> list[dict[str, Any]]:
    """One table: all solvers on one shape in one precision.

    What is known from another precision is used: loosest tolerances, and the best of cyanure.
    """
    rows: dict[str, dict[str, Any]] = {}
    works: dict[str, Callable[[], Any]] = {}
    # Of the solvers of cyanure only the best, where that is known.
    for name, (prepare, grid) in SOLVERS.items():
        if name.startswith("cyanure") and best.get("cyanure", name) != name:
            continue
        row: dict[str, Any] = {"shape": shape, "dtype": str(data.features.dtype), "solver": name}
        if reason := why_not(name, data):
            rows[name] = row | {"why_not": reason}
            continue
        try:
            fit = prepare(data)
            rows[name] = row | loosest(fit, grid, data, known.get(name))
        except ImportError:
            rows[name] = row | {"why_not": "not installed"}
        except Exception as error:  # of another library: that one has no result, all others have
            if name == "sdbook":
                raise
            rows[name] = row | {"why_not": f"{type(error).__name__}: {error}".split("\n")[0]}
        if "tolerance" in rows[name]:
            known[name] = rows[name]["tolerance"]
            works[name] = partial(fit, rows[name]["tolerance"])
    times = take_turns(works, 5, 2.5)
    for name, row in rows.items():
        if name in times:
            row |= {"seconds": times[name], "ratio": times[name] / times["sdbook"]}
    if "sdbook" in times:
        gap = rows["sdbook"]["tolerance"]
        solution = solve(data.features, data.targets, LAM, gap=gap)
        rows["sdbook"]["evaluations"] = certificate(solution).evaluations
    found = best_of_cyanure(rows, report)
    best["cyanure"] = found["cyanure"]["of"]
    return list(found.values())


def best_of_cyanure(
    rows: dict[str, dict[str, Any]], report: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Keep of its solvers the fastest, under the name of the library."""
    group = {name: rows.pop(name) for name in list(rows) if name.startswith("cyanure")}
    for row in (*rows.values(), *group.values()):
        report(str(row))
    best = min(group.values(), key=lambda row: row.get("seconds", np.inf))
    return rows | {"cyanure": best | {"solver": "cyanure", "of": best["solver"]}}


def measure(options: Options) -> dict[str, Any]:
    rows, shapes = [], QUICK if options.quick else SHAPES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that end early
        for shape, sizes in shapes.items():
            data = Data.of(shape, sizes)
            known: dict[str, float] = {}
            best: dict[str, str] = {}
            for dtype in ("float64", "float32"):
                cast = replace(data, features=data.double.astype(dtype))
                rows += compare(shape, cast, options.report, known, best)
    others = [row["ratio"] for row in rows if row["solver"] != "sdbook" and "ratio" in row]
    return {
        "shapes": shapes,
        "lam": LAM,
        "rate": RATE,
        "gap": GAP,
        "rows": rows,
        "least_ratio": min(others),
    }
