"""One fit, and the students of one kind of noise, on a CUDA GPU: ours and PyTorch's L-BFGS.

Both work on tensors that are on the GPU already; a result counts when it has come back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks import torch_loop
from benchmarks.experiment import LAMS, as_a_loop, sample
from benchmarks.fits import GAP, LAM, QUICK, RATE, SHAPES
from benchmarks.machine import Options, best_time, certificate
from benchmarks.one_version import experiment, realistic
from sdbook import datasets, distill_all, noise
from sdbook.solvers import factorise, solve


def fit(shape: str, sizes: dict[str, int], device: str) -> dict[str, Any]:
    """As `benchmarks.fits` in float64, with the tensors on the device."""
    rng = np.random.default_rng(0)
    array, true = realistic(sizes["instances"], sizes["width"], sizes["classes"], rng)
    given = noise.corrupt(true, noise.symmetric(sizes["classes"], RATE), rng=rng)
    targets = torch.from_numpy(datasets.one_hot(given, sizes["classes"])).to(device)
    features = torch.from_numpy(array).to(device)
    best = certificate(solve(features, targets, LAM)).objective
    goal = best * (1 + GAP)

    def ours() -> torch.Tensor:
        return solve(features, targets, LAM, gap=GAP / 2).coef.cpu()

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
    sweep = experiment(quick, LAMS[1])
    matrix = sweep.noises["symmetric"](0.5)
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
                gap=GAP / 2,
                warm_start=begun,
            )
            found[-1].last.outputs.cpu()
            begun = [replace(run, rounds=run.rounds[:1]) for run in found]

    seconds, _ = best_time(ours)
    models = sample(sweep, quick)
    loop = as_a_loop(sweep.train.features, models, "float64", device)
    each = sum(method.rounds for method in sweep.methods.values()) - 1
    torch_seconds = loop["seconds"] / len(models) * each * len(list(sweep.seeds))
    return {"seconds": seconds, "torch_seconds": torch_seconds, "ratio": torch_seconds / seconds}


def measure(options: Options, device: str = "cuda") -> dict[str, Any]:
    quick = options.quick
    if device == "cuda" and not torch.cuda.is_available():
        options.report("no CUDA GPU here")
        return {"measured": False}
    rows = [fit(shape, sizes, device) for shape, sizes in (QUICK if quick else SHAPES).items()]
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {"measured": True, "device": name, "rows": rows, "runs": runs(quick, device)}
