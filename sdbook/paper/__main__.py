"""Run the paper's experiment: ``python -m sdbook.paper --data words``."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sdbook import paper
from sdbook.paper.features import BACKBONE


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    reader = argparse.ArgumentParser(
        prog="python -m sdbook.paper",
        description="The experiment of Jeong & Chung (2024): gain of self-distillation and of the "
        "partial-label student over their teacher, by kind and rate of label noise.",
        epilog="Interrupt it whenever you like: the same command goes on where it stopped.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    reader.add_argument(
        "--data",
        required=True,
        choices=[*paper.SOURCES, *paper.LOCAL],
        help=f"a data set of the paper, or one that needs no network: {', '.join(paper.LOCAL)}",
    )
    reader.add_argument(
        "--copy", type=Path, help="a folder with the images, instead of the Hugging Face hub"
    )
    reader.add_argument("--model", default=BACKBONE, help="a vision model: name or folder")
    reader.add_argument("--device", default="auto", help="where the model runs")
    reader.add_argument("--batch", type=int, default=64, help="images a batch")
    reader.add_argument("--lam", type=float, default=1e-4, help="L2 strength λ")
    reader.add_argument("--noises", nargs="+", default=list(paper.NOISES), choices=paper.NOISES)
    reader.add_argument("--rates", nargs="+", type=float, default=list(paper.RATES))
    reader.add_argument("--seeds", type=int, default=3, help="draws of wrong labels")
    reader.add_argument("--rounds", type=int, default=5, help="the teacher is round 1")
    reader.add_argument("--jobs", type=int, default=1, help="processes; -1 for all processors")
    reader.add_argument("--out", type=Path, default=Path("paper-results"), help="folder of results")
    return reader


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for, and return its exit status."""
    reader = parser()
    options = reader.parse_args(arguments)
    try:
        run(options)
    except (ConnectionError, ImportError, ValueError) as error:
        reader.exit(2, f"{reader.prog}: {error}\n")
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


def run(options: argparse.Namespace) -> None:
    """Embed, distil, and write ``DATA.csv`` and ``DATA.json`` beside what was computed."""
    out = options.out
    train, test = paper.load(
        options.data,
        copy=options.copy,
        model=options.model,
        folder=out / "features" / options.data,
        device=options.device,
        batch=options.batch,
    )
    sweep = paper.experiment(
        train,
        test,
        lam=options.lam,
        noises=options.noises,
        rates=options.rates,
        seeds=options.seeds,
        rounds=options.rounds,
    )
    results = sweep.run(out / "runs", jobs=options.jobs)
    records = paper.gains(results)
    with (out / f"{options.data}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    settings = {name: str(value) for name, value in vars(options).items()} | {
        "train": repr(train),
        "test": repr(test),
        "superclasses": train.superclasses.tolist(),
    }
    text = json.dumps(settings, indent=2) + "\n"
    (out / f"{options.data}.json").write_text(text, encoding="utf-8")
    print(paper.table(results))


if __name__ == "__main__":
    sys.exit(main())
