"""One probe, and the students of one kind of noise, on a CUDA GPU: ours and PyTorch's L-BFGS.

Both work on tensors that are on the GPU already; a result counts when it has come back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks import torch_loop
from benchmarks.experiment import as_a_loop, experiment, sample
from benchmarks.machine import best_time, certificate
from benchmarks.probe import GAP, LAM, QUICK, RATE, SHAPES, realistic
from sdbook import datasets, distill_all, noise
from sdbook.solvers import factorise, solve


def probe(shape: str, sizes: dict[str, int], device: str) -> dict[str, Any]:
    """As `benchmarks.probe` in float64, with the tensors on the device."""
    rng = np.random.default_rng(0)
    array, true = realistic(sizes["instances"], sizes["width"], sizes["classes"], rng)
    given = noise.corrupt(true, noise.symmetric(sizes["classes"], RATE), rng=rng)
    targets = torch.from_numpy(datasets.one_hot(given, sizes["classes"])).to(device)
    features = torch.from_numpy(array).to(device)
    best = certificate(solve(features, targets, LAM)).objective
    goal = best * (1 + GAP)

    def ours() -> torch.Tensor:
        # A gradient of this norm bounds the objective's gap where it has to be.
        return solve(features, targets, LAM, tolerance=1e-3).coef.cpu()

    def theirs() -> torch.Tensor:
        return torch_loop.train(features, targets, LAM, goal).coef.cpu()

    seconds, _ = best_time(ours)
    torch_seconds, _ = best_time(theirs)
    return {
        "shape": shape,
        "seconds": seconds,
        "torch_seconds": torch_seconds,
        "ratio": torch_seconds / seconds,
    }


def runs(quick: bool, device: str) -> dict[str, Any]:
    """The methods of the experiment on all seeds of one noise: stacked, against the loop."""
    sweep = experiment(quick)
    kind, rate = "symmetric", 0.5
    matrix = sweep.noises[kind](rate)
    given = np.stack([noise.corrupt(sweep.train.labels, matrix, rng=s) for s in sweep.seeds])
    features = torch.from_numpy(sweep.train.features).to(device)

    def ours() -> None:
        fact = factorise(features)
        begun = None
        for method in sweep.methods.values():
            found = distill_all(
                fact,
                given,
                sweep.lam,
                n_classes=sweep.train.n_classes,
                rounds=method.rounds,
                refinement=method.refinement,
                loss=method.loss,
                tolerance=1e-3,
                warm_start=begun,
            )
            found[-1].last.outputs.cpu()
            begun = [replace(run, rounds=run.rounds[:1]) for run in found]

    seconds, _ = best_time(ours)
    loop = as_a_loop(sweep, sample(sweep, kind, rate), "float64", device)
    torch_seconds = loop["seconds"] * len(list(sweep.seeds))
    return {"seconds": seconds, "torch_seconds": torch_seconds, "ratio": torch_seconds / seconds}


def measure(quick: bool, report: Callable[[str], None], device: str = "cuda") -> dict[str, Any]:
    if device == "cuda" and not torch.cuda.is_available():
        report("no CUDA GPU here")
        return {"measured": False}
    rows = [probe(shape, sizes, device) for shape, sizes in (QUICK if quick else SHAPES).items()]
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {"measured": True, "device": name, "rows": rows, "runs": runs(quick, device)}
