"""Fits of middle size to the default tolerance, by this version and by earlier ones.

Each version is a process of its own; they take turns, and the shortest time of each counts.
"""

from __future__ import annotations

from typing import Any

from benchmarks.machine import Options
from benchmarks.one_version import ROOT, measured_by, name_of

SHAPES = {
    "4,000 x 256, 20 classes": (4000, 256, 20),
    "2,000 x 64, 10 classes": (2000, 64, 10),
    "8,000 x 512, 50 classes": (8000, 512, 50),
}
QUICK = {"300 x 16, 4 classes": (300, 16, 4)}
LAM = 1e-4


def measure(options: Options) -> dict[str, Any]:
    kept = options.stored.get("rows", []) if not options.against else []
    rows: list[dict[str, Any]] = []
    for shape, (instances, width, classes) in (QUICK if options.quick else SHAPES).items():
        for dtype in ("float64", "float32"):
            size = {"n_samples": instances, "width": width, "n_classes": classes}
            times: dict[str, list[float]] = {}
            for _ in range(1 if options.quick else 2):
                for folder in (ROOT, *options.against):
                    found = measured_by(folder, "fit", **size, lam=LAM, dtype=dtype)
                    key = "now" if folder == ROOT else name_of(folder)
                    times.setdefault(key, []).append(found["seconds"])
            shortest = {name: min(each) for name, each in times.items()}
            seconds = shortest.pop("now")
            row: dict[str, Any] = {"shape": shape, "dtype": dtype, "seconds": seconds}
            earlier = {
                name: {"seconds": time, "own_seconds": seconds, "ratio": time / seconds}
                for name, time in shortest.items()
            }
            for old in kept:
                if (old["shape"], old["dtype"]) == (shape, dtype):
                    earlier = old["earlier"]
            rows.append(row | {"earlier": earlier})
            options.report(str(rows[-1]))
    ratios = [each["ratio"] for row in rows for each in row["earlier"].values()]
    return {"lam": LAM, "rows": rows, "least_ratio": min(ratios, default=None)}
