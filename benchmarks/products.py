"""What share of its time the solver spends as if it did nothing but matrix products.

The products that the algorithm needs (two of 2 N d K flops for each gradient, and two of 2 d d K
with the eigenvectors to precondition it), divided by its time and by the rate at which this machine
multiplies large square matrices. On one core, as the workers of a sweep run, and on all of them.
A third product with the eigenvectors, which scales the preconditioner, is not counted: a gradient
that only tries a step has none of the three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import threadpoolctl

from benchmarks.machine import best_time, product_rate
from benchmarks.probe import LAM, RATE, realistic
from sdbook import datasets, noise
from sdbook.solvers import factorise, solve_all

INSTANCES, CLASSES, PROBLEMS = 6000, 50, 10
WIDTHS = (384, 768, 1536)


def flops(n_samples: int, width: int, n_classes: int, evaluations: int) -> float:
    """Multiplications and additions of the products that this many gradients need."""
    return 4.0 * width * n_classes * evaluations * (n_samples + width)


def measure(quick: bool, report: Callable[[str], None]) -> dict[str, Any]:
    instances = 300 if quick else INSTANCES
    rows = []
    for threads in (1, None):
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            for dtype in ("float64", "float32"):
                rate = product_rate(dtype, 500 if quick else 4000)
                for width in (16,) if quick else WIDTHS:
                    row = {"threads": threads or "all", "dtype": dtype, "width": width}
                    rows.append(row | solver_rate(instances, width, dtype, rate))
                    report(str(rows[-1]))
    return {
        "instances": instances,
        "classes": CLASSES,
        "problems": PROBLEMS,
        "rows": rows,
        "least_share": min(row["share"] for row in rows if row["threads"] == 1),
        "least_share_all": min(row["share"] for row in rows if row["threads"] == "all"),
    }


def solver_rate(n_samples: int, width: int, dtype: str, rate: float) -> dict[str, Any]:
    """Train models on the same features and compare with a rate in flop/s."""
    rng = np.random.default_rng(0)
    features, true = realistic(n_samples, width, CLASSES, rng)
    wrong = noise.symmetric(CLASSES, RATE)
    given = [noise.corrupt(true, wrong, rng=rng) for _ in range(PROBLEMS)]
    targets = np.stack([datasets.one_hot(labels, CLASSES) for labels in given]).astype(dtype)
    fact = factorise(features.astype(dtype))
    seconds, solutions = best_time(lambda: solve_all(fact, targets, LAM), 3)
    evaluations = sum(each.certificate.evaluations for each in solutions)
    needed = flops(n_samples, width, CLASSES, evaluations)
    return {
        "seconds": seconds,
        "gflops": needed / seconds / 1e9,
        "machine_gflops": rate / 1e9,
        "share": needed / seconds / rate,
    }
