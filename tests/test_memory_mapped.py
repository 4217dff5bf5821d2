"""Features larger than memory: read from their file block by block."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sdbook import datasets, distill
from sdbook.solvers import LabelAveraging, factorise, products, solve


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """Digits in a file, read in blocks of 7 instances; and in memory."""
    data = datasets.digits().take(range(200))
    np.save(tmp_path / "features.npy", data.features)
    features = np.load(tmp_path / "features.npy", mmap_mode="r")
    monkeypatch.setattr(products, "BLOCK", 7 * 64 * 8)
    assert len(list(products._blocks(features))) == 29
    return data, features


def test_blocks_cover_each_row_once(mapped):
    _, features = mapped
    rows = np.concatenate([np.arange(200)[block] for block in products._blocks(features)])
    np.testing.assert_array_equal(rows, np.arange(200))


@pytest.mark.parametrize("space", ["feature", "instance"])
def test_the_answer_is_that_of_features_in_memory(mapped, space):
    data, features = mapped
    targets = datasets.one_hot(data.labels, 10)
    file, memory = (
        solve(factorise(each, space=space), targets, 1e-3, tolerance=1e-11)
        for each in (features, data.features)
    )
    np.testing.assert_allclose(file.outputs, memory.outputs, atol=1e-9)
    np.testing.assert_allclose(file.predict(features), memory.outputs, atol=1e-9)
    lines = [LabelAveraging(each, 1e-3, 10) for each in (features, data.features)]
    for what in ("outputs", "coef"):
        ours, theirs = (getattr(line, what)(targets, 2) for line in lines)
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    runs = [
        distill(
            each,
            data.labels,
            1e-3,
            rounds=2,
            true_labels=data.labels,
            test=(each, data.labels),
            tolerance=1e-11,
        )
        for each in (features, data.features)
    ]
    np.testing.assert_allclose(runs[0].last.test_outputs, runs[1].last.test_outputs, atol=1e-9)


PROBE = """
import resource, sys
import numpy as np
from sdbook import distill
limit = int(sys.argv[2])
features = np.load(sys.argv[1], mmap_mode="r")
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.array(features)
except MemoryError:
    print("too large to copy")
labels = np.arange(len(features)) % 4
run = distill(features, labels, 1e-2, rounds=2, true_labels=labels, test=(features, labels))
print(run.last.accuracy.test > 0.9, run.last.certificate.converged)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
def test_a_file_larger_than_the_memory_that_a_process_may_take(tmp_path):
    """300 MB of features; 250 MB for everything that is not the file, the interpreter included."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((150_000, 512), dtype=np.float32)
    features[:, :4] += 30 * np.eye(4, dtype=np.float32)[np.arange(len(features)) % 4]
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    np.save(tmp_path / "features.npy", features)
    del features
    result = subprocess.run(
        [sys.executable, "-c", PROBE, tmp_path / "features.npy", str(250 * 2**20)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.stdout.split("\n")[:2] == ["too large to copy", "True True"], result.stderr
