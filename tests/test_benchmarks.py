"""The benchmarks run; how long they take is never part of the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_quick_benchmarks_store_all_that_they_measure(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")
    path = tmp_path / "quick.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", path]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stdout + result.stderr
    stored = json.loads((ROOT / "sdbook/book/data/benchmarks.json").read_text(encoding="utf-8"))
    found = json.loads(path.read_text(encoding="utf-8"))
    assert set(found["benchmarks"]) == set(stored["benchmarks"])
    for name, values in found["benchmarks"].items():
        if name != "gpu":  # what it stores depends on whether there is one
            assert set(values) == set(stored["benchmarks"][name]), name
