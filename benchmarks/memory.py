"""Peak memory against the size of the features, in memory and on disk.

Each measurement is a program of its own, since a program's peak never falls. What Python and the
libraries take before there are any features is subtracted. Of features on disk, the system keeps in
memory what it has room for and counts that as the program's: `allocated` is what NumPy asked for.
And what one more problem costs that is solved at the same time.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from benchmarks.machine import Options

MEGABYTES = (50, 100, 200, 400)
WIDTH, CLASSES = 1000, 10
PROBLEMS = ((4000, 512, 20), (16000, 512, 20), (4000, 512, 80))  # instances, width, classes

PROGRAM = """
import pathlib, re, resource, sys, tempfile, tracemalloc
import numpy as np
from sdbook import distill

instances, width, classes, where = *map(int, sys.argv[1:4]), sys.argv[4]

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # ru_maxrss would start at the peak of the program that started this one
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) / 2**10
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 2**20 if sys.platform == "darwin" else size / 2**10

def rows(rng, number):
    block = rng.standard_normal((number, width))
    block /= np.linalg.norm(block, axis=1, keepdims=True)
    return block

rng = np.random.default_rng(0)
warm = rows(rng, 2 * classes)
distill(warm, np.arange(2 * classes) % classes, 1e-2, rounds=1)
before = peak()
tracemalloc.start()
with tempfile.TemporaryFile() as file:
    if where == "disk":
        features = np.memmap(file, dtype=float, shape=(instances, width))
    else:
        features = np.empty((instances, width))
    for first in range(0, instances, 1000):
        part = features[first : first + 1000]
        part[:] = rows(rng, len(part))
        if where == "disk":
            features.flush()
    labels = np.arange(instances) % classes
    distill(features, labels, 1e-3, rounds=2)
print(peak() - before, tracemalloc.get_traced_memory()[1] / 2**20)
"""


def peaks(n_samples: int, where: str) -> tuple[float, float]:
    """MiB of a run beyond what the libraries take: as the system counts, and as NumPy does."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(n_samples), str(WIDTH), str(CLASSES), where],
        capture_output=True,
        text=True,
        check=True,
    )
    resident, allocated = map(float, result.stdout.split())
    return resident, allocated


PER_PROBLEM = """
import sys, tracemalloc
import numpy as np
from sdbook.solvers import factorise, solve_all

instances, width, classes, problems = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
features = rng.standard_normal((instances, width))
fact = factorise(features / np.linalg.norm(features, axis=1, keepdims=True))
labels = rng.integers(0, classes, (problems, instances))
targets = np.eye(classes)[labels]
solve_all(fact, targets[:1], 1e-2)
tracemalloc.start()
solve_all(fact, targets, 1e-3)
print(tracemalloc.get_traced_memory()[1] / 2**20)
"""


def of_problems(n_samples: int, width: int, n_classes: int, problems: int) -> float:
    """MiB that NumPy asks for while so many problems are solved at a time."""
    sizes = map(str, (n_samples, width, n_classes, problems))
    command = [sys.executable, "-c", PER_PROBLEM, *sizes]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(result.stdout)


def one_more_problem(n_samples: int, width: int, n_classes: int, most: int) -> dict[str, Any]:
    """What one more problem costs, in MiB and in units of width x n_classes numbers."""
    peaks = {B: of_problems(n_samples, width, n_classes, B) for B in (1, most // 2, most)}
    each = (peaks[most] - peaks[1]) / (most - 1)
    unit = width * n_classes * 8 / 2**20
    return {
        "instances": n_samples,
        "width": width,
        "classes": n_classes,
        "peaks_mib": {str(B): peak for B, peak in peaks.items()},
        "mib_per_problem": each,
        "units_per_problem": each / unit,
    }


def measure(options: Options) -> dict[str, Any]:
    quick, report = options.quick, options.report
    rows = []
    for where in ("memory", "disk"):
        for size in (5,) if quick else MEGABYTES:
            instances = size * 2**20 // (8 * WIDTH)
            resident, allocated = peaks(instances, where)
            features = instances * WIDTH * 8 / 2**20
            rows.append(
                {
                    "where": where,
                    "features_mib": features,
                    "resident_mib": resident,
                    "allocated_mib": allocated,
                    "ratio": allocated / features,
                }
            )
            report(str(rows[-1]))
    problems = []
    for instances, width, classes in ((200, 16, 4),) if quick else PROBLEMS:
        problems.append(one_more_problem(instances, width, classes, 4 if quick else 10))
        report(str(problems[-1]))
    return {"width": WIDTH, "classes": CLASSES, "rows": rows, "problems": problems}
