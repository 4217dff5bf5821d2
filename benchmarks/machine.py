"""What a benchmark ran on, and how it is timed."""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
import threadpoolctl

from sdbook.solvers import Certificate, Solution

LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "joblib",
    "sdbook",
    "scikit-learn-intelex",
    "cyanure",
    "jax",
    "jaxopt",
)


@dataclass(frozen=True)
class Options:
    """How a benchmark is to run."""

    quick: bool
    report: Callable[[str], None]
    against: list[Path] = field(default_factory=list)  # folders of earlier versions
    stored: Mapping[str, Any] = field(default_factory=dict)  # what it found the last time


def machine() -> dict[str, Any]:
    """What decides how long something takes: equal machines can be compared."""
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    np.ones((2, 2)) @ np.ones((2, 2))  # loads the library that is asked about
    blas = [info for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    return {
        "processor": processor,
        "cores": joblib.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "blas": " and ".join(
            sorted({f"{each['internal_api']} {each['version']}" for each in blas})
        ),
        "threads": max((each["num_threads"] for each in blas), default=1),
        "python": platform.python_version(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of those libraries that are installed."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def now() -> str:
    """Date and time, to the minute."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")


def load() -> float | None:
    """How many programs wanted a processor in the last minute, this one among them."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def certificate(solution: Solution) -> Certificate:
    """Return the certificate, which every solution of the softmax model has."""
    assert solution.certificate is not None
    return solution.certificate


def best_time(work: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the shortest of several times, in seconds, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def take_turns(
    works: Mapping[str, Callable[[], Any]], repeats: int = 3, limit: float = 4.0
) -> dict[str, float]:
    """Return the shortest of several times of each, in seconds; they take turns.

    What has taken longer than `limit` seconds in all is not repeated.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            if sum(times[name]) < limit:
                begin = time.perf_counter()
                work()
                times[name].append(time.perf_counter() - begin)
    return {name: min(each) for name, each in times.items()}


def product_rate(dtype: Any, size: int = 3000, repeats: int = 5) -> float:
    """Multiply large square matrices on all cores: the most that the machine can do, in flop/s."""
    a = np.random.default_rng(0).standard_normal((size, size)).astype(dtype)
    b = a.T.copy()
    seconds, _ = best_time(lambda: a @ b, repeats)
    return 2 * size**3 / seconds
