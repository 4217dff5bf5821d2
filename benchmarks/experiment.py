"""The book's whole experiment against the same loop, written with PyTorch's L-BFGS run by run.

Ours is one call of `Sweep.run`, in a process of its own, on all cores, factorisation counted. The
loop trains the models of a sample of the draws, on all cores; its time for all is their mean times
their number. It is timed twice: plain, as one would write it, each model from zero to a tolerance;
and with every help, a student started at its teacher, one teacher for both methods, and stopped at
the very evaluation that is near enough, which nobody could know.

Compared at equal gap: each side has the loosest stopping rule of a grid with which all models of
the sample come within one millionth of their certified optimum. And by answers: the share of
training instances whose largest output is at another class than at the exact optimum, over the
models of the sample that are trained with cross-entropy, whose optimum is unique.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import torch_loop
from benchmarks.fits import GAP, GAPS
from benchmarks.machine import Options, certificate
from benchmarks.one_version import (
    ROOT,
    Q,
    experiment,
    measured_by,
    methods,
    name_of,
    trained,
)
from sdbook.experiments.sweeps import Sweep
from sdbook.solvers import Factorisation, Loss, Solution, factorise, solve

LAMS, FINE = (1e-3, 1e-4, 1e-5), 3e-8
EXACT = {"tolerance": 1e-6}  # of the optimum that all are compared with, in float64
FINER = (1e-8, 3e-9, 1e-9)  # where even that turns more answers than the plain loop does
TORCH_TOLERANCES = tuple(10 ** (-4 - step / 4) for step in range(13))  # 1e-4 to 1e-7
EARLIER = {1e-4: 5.6e-4, 1e-5: 3.2e-4}  # tolerances that were the loosest near enough
PATIENCE = 20.0  # seconds: longer turns are not repeated


@dataclass(frozen=True, eq=False)
class Model:
    """One model of the sample: what it is trained on, where it starts, what it reaches."""

    loss: Loss
    lam: float
    targets: Any
    start: Any  # parameters of the model whose outputs it is taught, None for a teacher
    objective: float
    answers: Any


def sample(sweep: Sweep, quick: bool) -> list[Model]:
    """The models of some draws, all methods, one teacher for each, trained to the optimum."""
    models: list[Model] = []
    before: Any = None
    rounds = sum(method.rounds for method in methods().values()) - 1
    for place, (loss, targets, coef) in enumerate(trained(sweep, quick, EXACT)):
        if place % rounds == 0:
            before, teacher = None, coef
        elif not loss.convex:  # the other method's student starts at the teacher again
            before = teacher
        reached = objective(sweep.train.features, loss, sweep.lam, targets, coef)
        answers = (sweep.train.features @ coef).argmax(axis=1)
        models.append(Model(loss, sweep.lam, targets, before, reached, answers))
        before = coef
    return models


def objective(features: Any, loss: Loss, lam: float, targets: Any, coef: Any) -> float:
    """What parameters reach, in float64."""
    theta = np.asarray(coef, dtype=np.float64)
    outputs = torch.log_softmax(torch.from_numpy(features @ theta), dim=1).numpy()
    return float(loss.value(outputs, targets).mean() + lam / 2 * np.sum(theta**2))


def gap(fact: Factorisation, loss: Loss, lam: float, targets: Any, coef: Any) -> float:
    """How far a model of some targets is above their optimum, in units of it, in float64."""
    targets = np.asarray(targets, dtype=np.float64)
    targets = targets / targets.sum(axis=1, keepdims=True)  # of float32 they do, but for rounding
    theta = np.asarray(coef, dtype=np.float64)
    start = Solution(theta, fact.features, "softmax")
    best = certificate(
        solve(fact, targets, lam, loss=loss, warm_start=start, tolerance=1e-5)
    ).objective
    return (objective(fact.features, loss, lam, targets, theta) - best) / abs(best)


def turned(models: list[Model], answers: Sequence[Any]) -> float:
    """Share of answers that differ from those of the exact optimum."""
    pairs = zip(models, answers, strict=True)
    shares = [np.mean(model.answers != own) for model, own in pairs if model.loss.convex]
    return float(np.mean(shares))


def of_ours(quick: bool, lam: float, dtype: str, models: list[Model], share: float) -> float:
    """Train the sample to a gap; return the answers turned."""
    features = experiment(quick, lam).train.features
    found = trained(experiment(quick, lam, dtype), quick, {"gap": share})
    return turned(models, [(features @ coef).argmax(axis=1) for _, _, coef in found])


def loosest(
    quick: bool, lam: float, dtype: str, models: list[Model], first: float
) -> dict[str, Any]:
    """The loosest gap, not above the first, with which all models of the sample come near enough.

    Where none does, the result is that of the smallest, and says so.
    """
    fact = factorise(experiment(quick, lam).train.features)
    for share in GAPS[GAPS.index(first) :]:
        largest, answers = 0.0, []
        for loss, targets, coef in trained(experiment(quick, lam, dtype), quick, {"gap": share}):
            largest = max(largest, gap(fact, loss, lam, targets, coef))
            answers.append((fact.features @ coef).argmax(axis=1))
            if largest > GAP and share != GAPS[-1]:
                break
        else:
            break
    share_turned = turned(models, answers)
    return {"gap": share, "largest_gap": largest, "missed": largest > GAP, "turned": share_turned}


def near(best: float) -> float:
    """The largest objective that counts as the same."""
    return best + GAP * abs(best)


def torch_loss(loss: Loss) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    return torch_loop.cross_entropy if loss.convex else torch_loop.generalised(Q)


def as_a_loop(
    features: Any,
    models: list[Model],
    dtype: str,
    device: str = "cpu",
    tolerance: float | None = None,
    until_missed: bool = False,
) -> dict[str, Any]:
    """Train the models one after the other with PyTorch: with every help, or to a tolerance.

    If asked to, give up at the first model that does not come near enough.
    """
    helped = tolerance is None

    def tensor(array: Any) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=dtype)).to(device)

    rows = tensor(features)
    spent, missed, evaluations, answers = 0.0, 0, 0, []
    for model in models:
        targets = tensor(model.targets)
        start = tensor(model.start) if helped and model.start is not None else None
        begin = time.perf_counter()
        found = torch_loop.train(
            rows,
            targets,
            model.lam,
            near(model.objective) if helped else -np.inf,
            loss=torch_loss(model.loss),
            start=start,
            tolerance=tolerance or 0.0,
            max_evaluations=500,
        )
        coef = found.coef.cpu().numpy()
        spent += time.perf_counter() - begin
        answers.append((features @ coef.astype(np.float64)).argmax(axis=1))
        reached = objective(features, model.loss, model.lam, model.targets, coef)
        missed += reached > near(model.objective)
        evaluations += found.evaluations
        if missed and until_missed:
            return {"missed": missed}
    return {
        "seconds": spent,
        "models": len(models),
        "evaluations": evaluations,
        "missed": missed,
        "tolerance": tolerance,
        "turned": turned(models, answers),
    }


def as_one_would(features: Any, models: list[Model], dtype: str) -> dict[str, Any]:
    """Train the models with the loosest tolerance that brings all of them near enough.

    Where the last of them does not, as float32 may not, the result says how many it missed.
    """
    for tolerance in TORCH_TOLERANCES:
        last = tolerance == TORCH_TOLERANCES[-1]
        loop = as_a_loop(features, models, dtype, tolerance=tolerance, until_missed=not last)
        if not loop["missed"]:
            break
    return loop


def compare(
    options: Options, lam: float, dtype: str, features: Any, models: list[Model], first: float
) -> dict[str, Any]:
    """One sweep against the two loops and an earlier version, in one precision."""
    quick = options.quick
    ours = loosest(quick, lam, dtype, models, first)
    plain = as_one_would(features, models, dtype)
    fine_turned = of_ours(quick, lam, dtype, models, FINE)
    given: dict[str, Any] = {"quick": quick, "lam": lam, "dtype": dtype}
    stops = {"ours": ours["gap"], "fine": FINE}
    right = as_right(quick, lam, dtype, models, plain["turned"], ours | {"fine": fine_turned})
    if right and right["gap"] not in stops.values():
        stops["right"] = right["gap"]
    folder = options.against[0] if options.against and lam in EARLIER else None
    times: dict[str, list[float]] = {}
    found: dict[str, dict[str, Any]] = {}

    def turn(name: str, result: dict[str, Any]) -> None:
        times.setdefault(name, []).append(result["seconds"])
        found[name] = result

    begin = time.perf_counter()
    while True:
        for name, share in stops.items():
            turn(name, measured_by(ROOT, "sweep", **given, options={"gap": share}))
        turn("plain", as_a_loop(features, models, dtype, tolerance=plain["tolerance"]))
        turn("helped", as_a_loop(features, models, dtype))
        if folder:
            stop = {"tolerance": EARLIER[lam]}
            turn("earlier", measured_by(folder, "sweep", **given, options=stop))
        if quick or len(times["ours"]) > 1 or time.perf_counter() - begin > PATIENCE:
            break

    seconds = {name: min(each) for name, each in times.items()}
    count = found["ours"]["models"]  # the teacher is one for both methods
    draws = count // (sum(method.rounds for method in methods().values()) - 1)
    whole = {
        "plain": seconds["plain"] / plain["models"] * (count + draws),
        "helped": seconds["helped"] / found["helped"]["models"] * count,
    }
    fine = {"gap": FINE, "turned": fine_turned}
    row: dict[str, Any] = {
        key: stop | {"seconds": seconds[key], "not_converged": found[key]["not_converged"],
                     "evaluations_per_model": found[key]["evaluations"] / count}
        for key, stop in (("ours", ours), ("fine", fine))
    }  # fmt: skip
    for key, loop in (("plain", plain), ("helped", found["helped"])):
        row[key] = loop | {
            "seconds": whole[key],
            "ratio": whole[key] / seconds["ours"],
            "evaluations_per_model": loop["evaluations"] / loop["models"],
        }
    row["ratio"] = row["plain"]["ratio"]
    row["right"], row["answers_ratio"] = right, None
    if right:
        time_of = {stop: seconds[name] for name, stop in stops.items()}
        row["answers_ratio"] = whole["plain"] / time_of[right["gap"]]
    row["earlier"] = None
    if folder:
        row["earlier"] = {
            "version": name_of(folder),
            "tolerance": EARLIER[lam],
            "largest_gap": earlier_gap(folder, given, features, models),
            "seconds": seconds["earlier"],
            "own_seconds": seconds["ours"],
            "ratio": seconds["earlier"] / seconds["ours"],
        }
    elif not options.against:
        row["earlier"] = stored(options, lam, dtype)
    return row


def as_right(
    quick: bool,
    lam: float,
    dtype: str,
    models: list[Model],
    most: float,
    known: dict[str, Any],
) -> dict[str, Any] | None:
    """The first gap of ours that turns no more answers than so many, if there is one."""
    shares = {known["gap"]: known["turned"], FINE: known["fine"]}
    for share in (*shares, *FINER):
        if share not in shares:
            shares[share] = of_ours(quick, lam, dtype, models, share)
        if shares[share] <= most:
            return {"gap": share, "turned": shares[share]}
    return None


def stored(options: Options, lam: float, dtype: str) -> dict[str, Any] | None:
    """What was measured of an earlier version the last time."""
    for row in options.stored.get("rows", []):
        if (row["lam"], row["dtype"]) == (lam, dtype):
            return row["earlier"]
    return None


def earlier_gap(folder: Path, given: dict[str, Any], features: Any, models: list[Model]) -> float:
    """The largest gap of an earlier version on the sample."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "sample.npz"
        stop = {"tolerance": EARLIER[given["lam"]]}
        count = measured_by(folder, "sample", **given, options=stop, path=str(path))["models"]
        fact = factorise(features)
        with np.load(path) as arrays:
            return max(
                gap(fact, models[i].loss, given["lam"], arrays[f"targets{i}"], arrays[f"coef{i}"])
                for i in range(count)
            )


def measure(options: Options) -> dict[str, Any]:
    rows = []
    for lam in LAMS[1:2] if options.quick else LAMS:
        sweep = experiment(options.quick, lam)
        features, models = sweep.train.features, sample(sweep, options.quick)
        as_a_loop(features, models[:1], "float64")  # warm up
        first = GAPS[0]
        for dtype in ("float64", "float32"):
            row = compare(options, lam, dtype, features, models, first)
            first = row["ours"]["gap"]  # it hardly depends on the precision
            rows.append({"lam": lam, "dtype": dtype} | row)
            options.report(str(rows[-1]))
    draws = len(sweep.noises) * len(list(sweep.rates)) * len(list(sweep.seeds))
    return {
        "data": repr(sweep.train),
        "shape": {
            "instances": len(sweep.train),
            "width": sweep.train.features.shape[1],
            "classes": sweep.train.n_classes,
        },
        "draws": draws,
        "models": draws * (sum(method.rounds for method in methods().values()) - 1),
        "gap": GAP,
        "rows": rows,
        "least": {dtype: least(rows, dtype) for dtype in ("float64", "float32")},
    }


def least(rows: list[dict[str, Any]], dtype: str) -> dict[str, float | None]:
    """The smallest ratios in one precision."""
    own = [row for row in rows if row["dtype"] == dtype]
    by_answers = [row["answers_ratio"] for row in own]
    earlier = [row["earlier"]["ratio"] for row in own if row["earlier"]]
    return {
        "plain": min(row["ratio"] for row in own),
        "helped": min(row["helped"]["ratio"] for row in own),
        "answers": None if None in by_answers else min(by_answers),
        "earlier": min(earlier, default=None),
    }
