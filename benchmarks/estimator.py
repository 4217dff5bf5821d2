"""How long `SelfDistilledClassifierCV().fit` takes with its default settings."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from benchmarks.fits import RATE
from benchmarks.machine import Options
from benchmarks.one_version import realistic
from sdbook import noise
from sdbook.estimator import SelfDistilledClassifierCV

SIZES = ((500, 64, 2), (2000, 64, 10), (2000, 384, 10), (6000, 384, 50))
QUICK = ((100, 16, 2),)


def measure(options: Options) -> dict[str, Any]:
    rows = []
    for instances, width, classes in QUICK if options.quick else SIZES:
        rng = np.random.default_rng(0)
        features, true = realistic(instances, width, classes, rng)
        labels = noise.corrupt(true, noise.symmetric(classes, RATE), rng=rng)
        model = SelfDistilledClassifierCV()
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it chose, which is not measured here
            model.fit(features, labels)
        seconds = time.perf_counter() - begin
        size = {"instances": instances, "width": width, "classes": classes}
        rows.append(size | {"seconds": seconds})
        options.report(str(rows[-1]))
    return {"rate": RATE, "rows": rows}
