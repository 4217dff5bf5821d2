"""Run the benchmarks and write what they measure.

python -m benchmarks                 # those that the stored results lack for this machine
python -m benchmarks fits adam       # these, again
python -m benchmarks --against ../earlier            # earlier versions beside this one
python -m benchmarks --quick --out elsewhere.json    # tiny sizes: does it work?
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import (
    adam,
    estimator,
    experiment,
    fits,
    gpu,
    growth,
    memory,
    middle,
    minibatch,
    products,
    torch_loop,
)
from benchmarks.machine import Options, load, machine, now

BENCHMARKS = {
    "fits": fits,
    "experiment": experiment,
    "minibatch": minibatch,
    "products": products,
    "middle": middle,
    "growth": growth,
    "memory": memory,
    "estimator": estimator,
    "gpu": gpu,
    "adam": adam,
}
RESULTS = Path(__file__).resolve().parents[1] / "sdbook/book/data/benchmarks.json"


def read(path: Path, quick: bool) -> dict[str, Any]:
    """What has been measured on this machine with these versions and sizes, or nothing yet."""
    here = {"machine": machine(), "quick": quick}
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if here.items() <= found.items():
            return found
    return {**here, "benchmarks": {}}


def write(path: Path, results: dict[str, Any]) -> None:
    """Replace the file in one step, so that an interruption loses one benchmark at most."""
    beside = path.with_suffix(".unfinished")
    beside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--out", type=Path, help="where to write (what the book shows, by default)")
    parser.add_argument(
        "--against",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="checkouts of earlier versions: `middle` times fits of all, `experiment` sweeps of the"
        " first; without any, what is stored of them is kept",
    )
    options = parser.parse_args()
    # Names after --against are taken for folders; those of benchmarks are not.
    options.names += [str(each) for each in options.against if str(each) in BENCHMARKS]
    against = [each.resolve() for each in options.against if str(each) not in BENCHMARKS]
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {unknown.pop()!r}; there are {', '.join(BENCHMARKS)}")
    for folder in against:
        if not (folder / "sdbook/__init__.py").exists():
            parser.error(f"--against must be folders with a version of sdbook, got {folder}")
    if options.quick and options.out is None:
        parser.error("--quick needs --out: what it measures says nothing about speed")
    path = options.out or RESULTS

    # What is missing of PyTorch should show now, and not after some minutes.
    torch_loop.train(torch.ones(2, 1), torch.eye(2), 1.0, 0.0, max_evaluations=2)
    results = read(path, options.quick)
    done = results["benchmarks"]
    for name in options.names or [name for name in BENCHMARKS if name not in done]:
        print(f"\n{name}: {str(BENCHMARKS[name].__doc__).splitlines()[0]}", flush=True)
        busy, begin = load(), time.perf_counter()
        given = Options(
            options.quick, lambda line: print(line, flush=True), against, done.get(name, {})
        )
        found = BENCHMARKS[name].measure(given)
        took = time.perf_counter() - begin
        done[name] = {"date": now(), "took": took, "load_before": busy, **found}
        write(path, results)
        print(f"{name} took {took:.0f} s", flush=True)
    done = {name: done[name] for name in BENCHMARKS if name in done}
    write(path, results | {"benchmarks": done})
    print(f"\nAll is in {path}")


if __name__ == "__main__":
    main()
