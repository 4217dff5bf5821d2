"""What share of its time the stacked solver spends as if it did nothing but matrix products.

The products of its passes, each at the rate at which this machine multiplies large square matrices
in the precision of that pass, divided by the time that the solver takes. A pass needs two products
of 2 N d K flops for each problem (the first pass, at zero, one), and two of 2 d d K where
coordinates are turned by the eigenvectors instead of the features, which takes 2 N d d once. On one
core, as the workers of a sweep run, and on all of them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from unittest import mock

import numpy as np
import threadpoolctl

from benchmarks.fits import LAM, RATE
from benchmarks.machine import Options, best_time, product_rate
from benchmarks.one_version import realistic
from sdbook import datasets, noise
from sdbook.solvers import factorise, solve_all, stack
from sdbook.solvers.passes import visit

INSTANCES, CLASSES, PROBLEMS, GAP = 6000, 50, 10, 3e-8
WIDTHS = (384, 768, 1536)
# Precision of the features, and whether float64 is solved in float32 first.
MODES = {"float64": ("float64", False), "float32": ("float32", False), "both": ("float64", True)}


class Flops:
    """Counts flops of a solver's products by precision."""

    def __init__(self) -> None:
        self.by_dtype: Counter[str] = Counter()
        self.passes: Counter[str] = Counter()
        self._turned: set[int] = set()

    def visit(self, space: Any, problems: Any, xs: Any, kept: Any = None) -> Any:
        """Count one pass, and make it."""
        columns, dtype = sum(x.shape[1] for x in xs), np.dtype(space.dtype).name
        once = 2.0 * space.N * space.height * columns
        flops = once * (2 if any(x.any() for x in xs) else 1)
        if space.basis is not None:
            flops += 4.0 * space.height**2 * columns
        elif id(space) not in self._turned:
            self._turned.add(id(space))
            flops += 2.0 * space.N * space.height**2
        self.by_dtype[dtype] += int(flops)
        self.passes[dtype] += len(xs)
        return visit(space, problems, xs, kept)


def measure(options: Options) -> dict[str, Any]:
    quick = options.quick
    instances, size = (300, 500) if quick else (INSTANCES, 3000)
    rows: list[dict[str, Any]] = []
    for threads in (1, None):
        # The rate is measured again after each row, and the highest counts for all of them.
        rates: dict[str, float] = {"float64": 0.0, "float32": 0.0}
        own: list[dict[str, Any]] = []
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            for mode in MODES:
                for width in (16,) if quick else WIDTHS:
                    place = {"threads": threads or "all", "mode": mode, "width": width}
                    own.append(place | solver_time(instances, width, mode))
                    rates = {key: max(rates[key], product_rate(key, size, 1)) for key in rates}
        for row in own:
            row["products_seconds"] = sum(row["flops"][key] / rates[key] for key in row["flops"])
            row["share"] = row["products_seconds"] / row["seconds"]
            options.report(str(row))
        rows += own
    return {
        "instances": instances,
        "classes": CLASSES,
        "problems": PROBLEMS,
        "gap": GAP,
        "rows": rows,
        "rates": {key: rate / 1e9 for key, rate in rates.items()},  # of all cores, in Gflop/s
        "least_share": min(row["share"] for row in rows if row["threads"] == 1),
        "least_share_all": min(row["share"] for row in rows if row["threads"] == "all"),
    }


def solver_time(n_samples: int, width: int, mode: str) -> dict[str, Any]:
    """Train models on the same features, and count the flops of the products."""
    rng = np.random.default_rng(0)
    features, true = realistic(n_samples, width, CLASSES, rng)
    wrong = noise.symmetric(CLASSES, RATE)
    given = [noise.corrupt(true, wrong, rng=rng) for _ in range(PROBLEMS)]
    dtype, float32_first = MODES[mode]
    targets = np.stack([datasets.one_hot(labels, CLASSES) for labels in given]).astype(dtype)
    fact = factorise(features.astype(dtype))

    def work() -> Any:
        return solve_all(fact, targets, LAM, gap=GAP, float32_first=float32_first)

    count = Flops()
    with mock.patch.object(stack, "visit", count.visit):
        work()  # warms up, too: the eigenvectors are there
    seconds, _ = best_time(work, 3)
    return {
        "seconds": seconds,
        "flops": dict(count.by_dtype),
        "passes": {key: number / PROBLEMS for key, number in count.passes.items()},
    }
