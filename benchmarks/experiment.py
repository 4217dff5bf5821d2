"""The book's whole experiment against the same loop, written with PyTorch's L-BFGS run by run.

Ours is one call of `Sweep.run`, factorisation counted, on all cores, with the loosest tolerance of
a grid that brings all models of a sample within one millionth of their certified optimum. The loop
trains the models of the sample; its time for all is their mean times their number. Twice: as one
would write it, each model from zero, with the loosest tolerance of the optimiser that brings all of
them as near; and with every help, started where ours starts (a student at its teacher), one teacher
for all methods, and stopped the moment it has come as near, which nobody could know. All in
float64 and in float32, and at two penalties: how far one is ahead depends on how hard the problems
are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks import torch_loop
from benchmarks.machine import certificate
from sdbook import Method, datasets, distill, noise
from sdbook.experiments.sweeps import Results, Sweep
from sdbook.refine import top_k
from sdbook.solvers import (
    CrossEntropy,
    Factorisation,
    GeneralisedCrossEntropy,
    Loss,
    Solution,
    factorise,
    solve,
)

LAMS, GAP, Q = (1e-4, 1e-5), 1e-6, 0.7
RATES, SEEDS = (0.1, 0.3, 0.5, 0.7, 0.9), (0, 1, 2)
METHODS = {
    "self-distillation": Method(rounds=5),
    "partial labels": Method(2, top_k(2), (CrossEntropy(), GeneralisedCrossEntropy(Q))),
}
SAMPLE = (("symmetric", 0.5), ("superclass", 0.7), ("asymmetric", 0.3))
TOLERANCES = tuple(10 ** (-2 - step / 4) for step in range(9))
TORCH_TOLERANCES = tuple(10 ** (-5 - step / 4) for step in range(9))


def experiment(quick: bool, lam: float = LAMS[0]) -> Sweep:
    """The paper's experiment on words: noises x rates x seeds x methods."""
    if quick:
        data = datasets.digits().take(range(300))
        kin = np.arange(10) // 5
    else:
        data = datasets.words()
        kin = data.superclasses
    train, test = data.split(test_share=4 / 15, rng=0)
    K = data.n_classes
    return Sweep(
        train=train,
        test=test,
        noises={
            "superclass": lambda rate: noise.superclass(kin, rate),
            "symmetric": lambda rate: noise.symmetric(K, rate),
            "asymmetric": lambda rate: noise.asymmetric(K, rate),
        },
        rates=RATES[2:3] if quick else RATES,
        seeds=SEEDS[:1] if quick else SEEDS,
        methods=METHODS,
        lam=lam,
    )


@dataclass(frozen=True)
class Model:
    """One model of the sample: what it is trained on, where it starts, what it reaches."""

    loss: Loss
    lam: float
    targets: Any
    start: Solution | None
    objective: float


def sample(sweep: Sweep, kind: str, rate: float) -> list[Model]:
    """The models of one noise, rate and seed, all methods, one teacher, trained to the optimum."""
    fact = factorise(sweep.train.features)
    given = noise.corrupt(sweep.train.labels, sweep.noises[kind](rate), rng=0)
    models: list[Model] = []
    for method in sweep.methods.values():
        run = distill(
            fact,
            given,
            sweep.lam,
            n_classes=sweep.train.n_classes,
            rounds=method.rounds,
            refinement=method.refinement,
            loss=method.loss,
        )
        before = None
        for step, loss in zip(run.rounds, method.losses, strict=True):
            if step.t > 1 or not models:
                found = (step.targets, before, certificate(step.solution).objective)
                models.append(Model(loss, sweep.lam, *found))
            before = step.solution
    return models


def tolerance_of(sweep: Sweep, models: list[Model], dtype: str) -> float:
    """The loosest tolerance with which all models come near enough."""
    fact = factorise(sweep.train.features.astype(dtype))
    double = factorise(sweep.train.features)
    for tolerance in TOLERANCES:
        for model in models:
            start = model.start
            if start is not None and start.coordinates is not None:
                start = replace(start, coordinates=start.coordinates.astype(dtype))
            solution = solve(
                fact,
                model.targets.astype(dtype),
                sweep.lam,
                loss=model.loss,
                warm_start=start,
                tolerance=tolerance,
            )
            if objective(double, model, solution.coef) > near(model.objective):
                break
        else:
            return tolerance
    raise RuntimeError(f"no tolerance down to {TOLERANCES[-1]:g} reaches all objectives")


def near(best: float) -> float:
    """The largest objective that counts as the same."""
    return best + GAP * abs(best)


def objective(fact: Factorisation, model: Model, weights: Any) -> float:
    """What `weights` reach, in float64."""
    theta = torch.from_numpy(np.asarray(weights, dtype=np.float64))
    outputs = torch.log_softmax(torch.from_numpy(fact.features) @ theta, dim=1)
    loss = torch_loss(model.loss)(outputs, torch.from_numpy(np.ascontiguousarray(model.targets)))
    return float(loss + model.lam / 2 * theta.square().sum())


def torch_loss(loss: Loss) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    return torch_loop.cross_entropy if loss.convex else torch_loop.generalised(Q)


def as_a_loop(
    sweep: Sweep,
    models: list[Model],
    dtype: str,
    device: str = "cpu",
    tolerance: float | None = None,
) -> dict[str, Any]:
    """Train the models one after the other with PyTorch: with every help, or to a tolerance."""
    helped = tolerance is None

    def tensor(array: Any) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype)).to(device)

    double = factorise(sweep.train.features)
    features = tensor(sweep.train.features)
    spent, missed, evaluations = 0.0, 0, 0
    for model in models:
        targets = tensor(model.targets)
        start = tensor(model.start.coef) if helped and model.start is not None else None
        loss = torch_loss(model.loss)
        begin = time.perf_counter()
        trained = torch_loop.train(
            features,
            targets,
            sweep.lam,
            near(model.objective) if helped else -np.inf,
            loss=loss,
            start=start,
            tolerance=tolerance or 0.0,
            max_evaluations=500,
        )
        weights = trained.coef.cpu()
        spent += time.perf_counter() - begin
        missed += objective(double, model, weights) > near(model.objective)
        evaluations += trained.evaluations
    return {
        "seconds": spent,
        "models": len(models),
        "evaluations": evaluations,
        "missed": missed,
        "tolerance": tolerance,
    }


def as_one_would(sweep: Sweep, models: list[Model], dtype: str) -> dict[str, Any]:
    """Train the models with the loosest tolerance that brings all of them near enough.

    Where the last of them does not, as float32 may not, the result says how many it missed.
    """
    for tolerance in TORCH_TOLERANCES:
        loop = as_a_loop(sweep, models, dtype, tolerance=tolerance)
        if not loop["missed"]:
            break
    return loop


def measure(quick: bool, report: Callable[[str], None]) -> dict[str, Any]:
    rows = []
    for lam in LAMS:
        sweep = experiment(quick, lam)
        models = [
            model
            for kind, rate in ([("symmetric", 0.5)] if quick else SAMPLE)
            for model in sample(sweep, kind, rate)
        ]
        as_a_loop(sweep, models[:1], "float64")  # warm up
        for dtype in ("float64", "float32"):
            rows.append({"lam": lam, "dtype": dtype} | compare(sweep, models, dtype))
            report(str(rows[-1]))
    return {
        "data": repr(sweep.train),
        "shape": {
            "instances": len(sweep.train),
            "width": sweep.train.features.shape[1],
            "classes": sweep.train.n_classes,
        },
        "draws": draws(sweep),
        "models": models_of(sweep),
        "gap": GAP,
        "rows": rows,
        "least_ratio": min(row["ratio"] for row in rows),
        "least_helped_ratio": min(row["helped_ratio"] for row in rows),
    }


def compare(sweep: Sweep, models: list[Model], dtype: str) -> dict[str, Any]:
    """One sweep against the two loops, in one precision."""
    helped, alone = as_a_loop(sweep, models, dtype), as_one_would(sweep, models, dtype)
    assert sweep.test is not None, "experiment() gives one"
    cast = replace(
        sweep,
        train=replace(sweep.train, features=sweep.train.features.astype(dtype)),
        test=replace(sweep.test, features=sweep.test.features.astype(dtype)),
        tolerance=tolerance_of(sweep, models, dtype),
    )
    begin = time.perf_counter()
    results = cast.run(n_jobs=-1, progress=False)
    seconds = time.perf_counter() - begin
    alone_count = draws(sweep) * sum(method.rounds for method in METHODS.values())
    torch_seconds = alone["seconds"] / alone["models"] * alone_count
    helped_seconds = helped["seconds"] / helped["models"] * models_of(sweep)
    return {
        "tolerance": cast.tolerance,
        "seconds": seconds,
        "evaluations_per_model": evaluations(results) / models_of(sweep),
        "not_converged": results.unfinished,
        "torch": alone,
        "torch_seconds": torch_seconds,
        "ratio": torch_seconds / seconds,
        "helped": helped,
        "helped_seconds": helped_seconds,
        "helped_ratio": helped_seconds / seconds,
    }


def draws(sweep: Sweep) -> int:
    return len(sweep.noises) * len(list(sweep.rates)) * len(list(sweep.seeds))


def models_of(sweep: Sweep) -> int:
    """Models that one sweep trains; the teacher is one for both methods."""
    return draws(sweep) * (sum(method.rounds for method in METHODS.values()) - 1)


def evaluations(results: Results) -> int:
    """Gradients in all."""
    return sum(
        record["evaluations"]
        for record in results.records()
        if record["round"] > 1 or record["method"] == next(iter(METHODS))
    )
