"""What a benchmark ran on, and how it is timed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def describe(*libraries: str) -> str:
    """Return processor, cores and versions in one line."""
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count()
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    return f"{processor}, {cores} cores, Python {platform.python_version()}, {versions}"


def best_time(work: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Return the shortest of several times, in seconds, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result
