"""What share of its time the solver spends as if it did nothing but matrix products.

The products that the algorithm needs (two of 2 N d K flops for each gradient, and two with the
eigenvectors to precondition it), divided by its time and by the rate at which this machine
multiplies large square matrices on all cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.machine import best_time, product_rate
from benchmarks.probe import LAM, RATE, realistic
from sdbook import datasets, noise
from sdbook.solvers import factorise, solve_all

INSTANCES, CLASSES, PROBLEMS = 6000, 50, 10
WIDTHS = (384, 768, 1536)


def flops(instances: int, width: int, classes: int, evaluations: int) -> float:
    """Multiplications and additions of the products that this many gradients need."""
    return 4.0 * width * classes * evaluations * (instances + width)


def measure(quick: bool, report: Callable[[str], None]) -> dict[str, Any]:
    instances = 300 if quick else INSTANCES
    rows = []
    for dtype in ("float64", "float32"):
        rate = product_rate(dtype, 500 if quick else 4000)
        for width in (16,) if quick else WIDTHS:
            rng = np.random.default_rng(0)
            features, true = realistic(instances, width, CLASSES, rng)
            wrong = noise.symmetric(CLASSES, RATE)
            targets = np.stack(
                [
                    datasets.one_hot(noise.corrupt(true, wrong, rng=rng), CLASSES)
                    for _ in range(PROBLEMS)
                ]
            ).astype(dtype)
            fact = factorise(features.astype(dtype))
            seconds, solutions = best_time(lambda: solve_all(fact, targets, LAM), 3)  # noqa: B023
            evaluations = sum(each.certificate.evaluations for each in solutions)
            needed = flops(instances, width, CLASSES, evaluations)
            rows.append(
                {
                    "dtype": dtype,
                    "width": width,
                    "seconds": seconds,
                    "gflops": needed / seconds / 1e9,
                    "machine_gflops": rate / 1e9,
                    "share": needed / seconds / rate,
                }
            )
            report(str(rows[-1]))
    return {
        "instances": instances,
        "classes": CLASSES,
        "problems": PROBLEMS,
        "rows": rows,
        "least_share": min(row["share"] for row in rows),
    }
