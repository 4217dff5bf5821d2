"""How the time grows with the number of instances, features, classes and rounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.fits import LAM, RATE
from benchmarks.machine import Options, best_time
from benchmarks.one_version import realistic
from sdbook import distill, noise

# In the order of the arguments of `one`.
BASE = {"instances": 4000, "width": 256, "classes": 20, "rounds": 2}
VALUES = {
    "instances": (2000, 4000, 8000, 16000, 32000),
    "width": (64, 128, 256, 512, 1024),
    "classes": (5, 10, 20, 40, 80, 160),
    "rounds": (1, 2, 4, 8, 16),
}
QUICK = {"instances": (200, 400), "rounds": (1, 2)}


def one(n_samples: int, width: int, n_classes: int, rounds: int) -> tuple[float, int]:
    """Seconds of a whole run, factorisation counted, and the gradients it needed."""
    rng = np.random.default_rng(0)
    features, true = realistic(n_samples, width, n_classes, rng)
    given = noise.corrupt(true, noise.symmetric(n_classes, RATE), rng=rng)
    seconds, run = best_time(
        lambda: distill(features, given, LAM, n_classes=n_classes, rounds=rounds), 2
    )
    return seconds, sum(step.certificate.evaluations for step in run.rounds)


def measure(options: Options) -> dict[str, Any]:
    quick, report = options.quick, options.report
    base = BASE | {"instances": 400, "width": 32, "classes": 4} if quick else BASE
    curves = {}
    for name, values in (QUICK if quick else VALUES).items():
        found = [one(*(base | {name: value}).values()) for value in values]
        seconds, evaluations = zip(*found, strict=True)
        slope = np.polyfit(np.log(values), np.log(seconds), 1)[0]
        curves[name] = {
            "values": list(values),
            "seconds": list(seconds),
            "evaluations": list(evaluations),
            "slope": float(slope),
        }
        report(f"{name}: slope {slope:.2f}, {curves[name]}")
    return {"base": base, "lam": LAM, "curves": curves}
