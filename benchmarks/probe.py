"""One probe against the solvers that people use, at equal objective.

All minimise the same regularised cross-entropy (``C = 1 / (lambda N)``, no intercept). Each runs
just long enough that its objective, evaluated in float64, is within one millionth of a certified
optimum: scikit-learn's and ours with the loosest tolerance of a grid that gets there, PyTorch's
L-BFGS until the very evaluation that does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks import torch_loop
from benchmarks.machine import best_time, certificate
from sdbook import datasets, noise
from sdbook.solvers import NotConverged, solve

SHAPES = {
    "wide": {"instances": 1000, "width": 4096, "classes": 20},
    "tall": {"instances": 100_000, "width": 64, "classes": 10},
    "many classes": {"instances": 10_000, "width": 256, "classes": 200},
}
QUICK = {"tall": {"instances": 2000, "width": 16, "classes": 4}}
LAM, RATE, GAP = 1e-4, 0.4, 1e-6
TOLERANCES = [10 ** (-power / 2) for power in range(2, 17)]  # 0.1 to 1e-8


def realistic(n_samples: int, width: int, n_classes: int, rng: np.random.Generator) -> Any:
    """Features as a network gives them: anisotropic, unit norm, centred, classes that overlap."""
    spectrum = np.arange(1, width + 1) ** -0.5
    centres = rng.standard_normal((n_classes, width)) * spectrum
    labels = np.arange(n_samples) % n_classes
    inside = rng.standard_normal((n_samples, width)) * spectrum
    features = datasets.centre(0.27 * centres[labels] + inside)
    return datasets.normalise(features), labels


def objective(features: Any, labels: Any, weights: Any) -> float:
    """The objective in float64, whatever the weights' precision."""
    theta = np.asarray(weights, dtype=np.float64)
    logits = features @ theta
    top = logits.max(axis=1)
    log_norm = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    loss = np.mean(log_norm - logits[np.arange(len(labels)), labels])
    return float(loss + LAM / 2 * np.sum(theta**2))


def loosest(reaches: Callable[[float], bool]) -> float | None:
    """Return the largest tolerance of the grid that reaches the goal, by bisection, or None."""
    low, high = 0, len(TOLERANCES)
    while low < high:
        middle = (low + high) // 2
        if reaches(TOLERANCES[middle]):
            high = middle
        else:
            low = middle + 1
    return TOLERANCES[low] if low < len(TOLERANCES) else None


def sklearn(solver: str, features: Any, labels: Any) -> Callable[[float], Any]:
    def fit(tolerance: float) -> Any:
        model = LogisticRegression(
            C=1 / (LAM * len(labels)),
            fit_intercept=False,
            solver=solver,
            tol=tolerance,
            max_iter=3000,
        ).fit(features, labels)
        return model.coef_.T, int(model.n_iter_.max())

    return fit


def compare(shape: str, sizes: dict[str, int], dtype: str, report: Callable[[str], None]) -> Any:
    """One table: all solvers on one shape in one precision."""
    rng = np.random.default_rng(0)
    double, true = realistic(sizes["instances"], sizes["width"], sizes["classes"], rng)
    classes = sizes["classes"]
    labels = noise.corrupt(true, noise.symmetric(classes, RATE), rng=rng)
    targets = datasets.one_hot(labels, classes)
    best = objective(double, labels, solve(double, targets, LAM).coef)
    goal = best * (1 + GAP)
    features, shares = double.astype(dtype), targets.astype(dtype)

    def ours(tolerance: float) -> Any:
        solution = solve(features, shares, LAM, tolerance=tolerance)
        return solution.coef, certificate(solution).evaluations

    def torchs(_: float) -> Any:
        # What float32 sums to differs from the objective in float64 by its rounding.
        slack = goal if dtype == "float64" else best * (1 + GAP / 2)
        trained = torch_loop.train(torch.from_numpy(features), torch.from_numpy(shares), LAM, slack)
        return trained.coef.numpy(), trained.evaluations

    solvers = {
        "sdbook": ours,
        "PyTorch L-BFGS": torchs,
        "scikit-learn lbfgs": sklearn("lbfgs", features, labels),
        "scikit-learn newton-cg": sklearn("newton-cg", features, labels),
        "scikit-learn newton-cholesky": sklearn("newton-cholesky", features, labels),
    }
    rows: list[dict[str, Any]] = []
    for name, fit in solvers.items():
        row: dict[str, Any] = {"shape": shape, "dtype": dtype, "solver": name}
        hessian = (sizes["width"] * classes) ** 2 * 8
        if "cholesky" in name and 4 * hessian > psutil.virtual_memory().available:
            row["why_not"] = f"its Hessian alone is {hessian / 2**30:.0f} GiB"
        else:

            def reaches(tolerance: float) -> bool:
                return objective(double, labels, fit(tolerance)[0]) <= goal  # noqa: B023

            tolerance = 0.0 if "PyTorch" in name else loosest(reaches)
            if tolerance is None:
                row["why_not"] = f"no tolerance down to {TOLERANCES[-1]:g} reaches the objective"
            else:
                seconds, (weights, steps) = best_time(lambda: fit(tolerance), 1)  # noqa: B023
                if seconds < 2:
                    again, (weights, steps) = best_time(lambda: fit(tolerance), 3)  # noqa: B023
                    seconds = min(seconds, again)
                gap = objective(double, labels, weights) / best - 1
                row |= {"seconds": seconds, "steps": steps, "tolerance": tolerance, "gap": gap}
                if gap > GAP:
                    row["why_not"] = "stops before it reaches the objective"
        if "seconds" in row:
            row["ratio"] = row["seconds"] / rows[0]["seconds"] if rows else 1.0
        rows.append(row)
        report(str(row))
    return rows


def measure(quick: bool, report: Callable[[str], None]) -> dict[str, Any]:
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", NotConverged)
        for shape, sizes in (QUICK if quick else SHAPES).items():
            for dtype in ("float64", "float32"):
                rows += compare(shape, sizes, dtype, report)
    others = [row for row in rows if row["solver"] != "sdbook" and "why_not" not in row]
    return {
        "shapes": QUICK if quick else SHAPES,
        "lam": LAM,
        "rate": RATE,
        "gap": GAP,
        "rows": rows,
        "least_ratio": min(row["ratio"] for row in others),
    }
