"""Run the paper's experiment: ``python -m sdbook.experiments.paper --data words``."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sdbook import _validate
from sdbook.experiments import paper
from sdbook.experiments.paper.features import BACKBONE
from sdbook.experiments.paper.record import Record
from sdbook.experiments.paper.sources import check_limit

EXAMPLES = """\
examples:
  a first look, without network and in a minute:
    python -m sdbook.experiments.paper --data digits --noises symmetric --rates 0.3 0.7 --out trial
  does everything work here? 2000 images, one seed:
    python -m sdbook.experiments.paper --data cifar100 --limit 2000 --seeds 1 --out trial
  the experiment:
    python -m sdbook.experiments.paper --data cifar100 --out results
  the same with a fixed penalty, and the features of before:
    python -m sdbook.experiments.paper --data cifar100 --lam 1e-6 --out fixed \\
        --features results/features

Interrupt it whenever you like: the same command goes on where it stopped.
"""


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults beside the options, examples as they are written."""


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    reader = argparse.ArgumentParser(
        prog="python -m sdbook.experiments.paper",
        description="The experiment of Jeong & Chung (2024): gain of self-distillation and of the\n"
        "partial-label student over their teacher, by kind and rate of label noise.",
        epilog=EXAMPLES,
        formatter_class=_Help,
    )
    data = reader.add_argument_group("data and features")
    data.add_argument(
        "--data",
        required=True,
        choices=[*paper.SOURCES, *paper.LOCAL],
        help=f"a data set of the paper, or one that needs no network: {', '.join(paper.LOCAL)}",
    )
    data.add_argument(
        "--copy",
        type=Path,
        help="a folder with the images, SPLIT/CLASS/FILE or written by the datasets library, "
        "instead of the Hugging Face hub",
    )
    data.add_argument(
        "--limit",
        type=_whole("limit"),
        metavar="N",
        help="a trial: at most N instances of the training set and of the test set, as many of "
        "each class as can be; no fewer than classes",
    )
    data.add_argument("--model", default=BACKBONE, help="a vision model for images: name or folder")
    data.add_argument(
        "--device", default="auto", help="where the model runs: auto, cpu, cuda, cuda:1, mps"
    )
    data.add_argument(
        "--batch-size",
        type=_whole("batch_size"),
        default=64,
        metavar="N",
        help="images a batch, >= 1",
    )
    data.add_argument(
        "--features",
        type=Path,
        metavar="FOLDER",
        help="where features are kept and found again; OUT/features if not given",
    )
    tried = reader.add_argument_group("experiment")
    tried.add_argument(
        "--noises",
        nargs="+",
        default=list(paper.NOISES),
        choices=paper.NOISES,
        help="kinds of label noise, one or more of these",
    )
    tried.add_argument(
        "--rates",
        nargs="+",
        type=_number(float, _rate),
        default=list(paper.RATES),
        metavar="RATE",
        help="shares of wrong labels, 0 or more and below 1: 0.7 for 70%%",
    )
    tried.add_argument(
        "--seeds",
        type=_whole("seeds"),
        default=3,
        metavar="N",
        help="draws of wrong labels for each kind and rate, 1 or more; two or more tell how much "
        "the numbers scatter",
    )
    tried.add_argument(
        "--rounds",
        type=_whole("rounds", 2),
        default=5,
        metavar="N",
        help="rounds of self-distillation, 2 or more; round 1 is the teacher",
    )
    tried.add_argument(
        "--lam",
        nargs="+",
        type=_number(float, _validate.regularisation),
        metavar="λ",
        help="L2 strength of the mean loss, above 0: one that is fixed, or several to choose from; "
        "if not given, chosen from powers of ten that suit the features. Chosen for each model, "
        "kind and rate of noise, by agreement with held-out given labels, which takes several "
        "times as long as the experiment itself",
    )
    work = reader.add_argument_group("results")
    work.add_argument(
        "--n-jobs",
        type=_number(int, _n_jobs),
        default=1,
        metavar="N",
        help="processes, which share the processors; -1 for as many as processors",
    )
    work.add_argument(
        "--out",
        type=Path,
        default=Path("paper-results"),
        metavar="FOLDER",
        help="folder of results; results of other settings are never written over",
    )
    return reader


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for, and return its exit status."""
    reader = parser()
    options = reader.parse_args(arguments)
    try:
        record = check(options)
        print(run(options, record))
    except (ConnectionError, ImportError, ValueError) as error:
        reader.exit(2, f"{reader.prog}: {error}\n")
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


def check(options: argparse.Namespace) -> Record:
    """Check what the options say together, before anything is loaded; put lists in order."""
    for name in ("noises", "rates", "lam"):
        values = getattr(options, name) or []
        if len(set(values)) < len(values):
            raise ValueError(f"{name} must have no value twice, got {' '.join(map(str, values))}.")
    options.noises.sort(key=paper.NOISES.index)
    options.rates.sort()
    if options.lam:
        options.lam.sort()
    if options.data in paper.SOURCES:
        check_limit(options.limit, paper.SOURCES[options.data].n_classes)
        if options.copy is not None and not options.copy.is_dir():
            raise ValueError(f"copy must be a folder, got {str(options.copy)!r}.")
        # First the one that says which extra is missing.
        import sdbook.embedding  # noqa: F401
        from sdbook._device import choose_device

        choose_device(options.device)
    elif options.copy is not None:
        raise ValueError(f"copy must be left out with {options.data!r}, got {str(options.copy)!r}.")
    # Not device, batch_size and n_jobs, which decide when and where but not what.
    names = ["limit", "noises", "rates", "seeds", "rounds", "lam"]
    if options.data in paper.SOURCES:
        names = ["copy", "model", *names]
    settings = {name: getattr(options, name) for name in names}
    if options.copy is not None:
        settings["copy"] = str(options.copy)
    return Record(options.out, options.data, settings)


def run(options: argparse.Namespace, record: Record) -> str:
    """Embed, choose λ, distil, write the files of the record, and return the report."""
    kept = options.features or options.out / "features"
    part = options.data if options.limit is None else f"{options.data}-{options.limit}"
    train, test = paper.load(
        options.data,
        copy=options.copy,
        model=options.model,
        folder=kept / part,
        device=options.device,
        batch_size=options.batch_size,
        limit=options.limit,
    )
    record.begin()
    names = ("noises", "rates", "rounds")
    settings: dict[str, Any] = {name: getattr(options, name) for name in names}
    if options.lam and len(options.lam) == 1:
        strengths = paper.fixed(options.lam[0], **settings)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", paper.EndOfGrid)  # the report says it
            strengths = paper.choose(
                train,
                **settings,
                seeds=options.seeds,
                lams=options.lam,
                folder=options.out / "choices",
                n_jobs=options.n_jobs,
            )
    results = paper.run(
        train,
        test,
        strengths,
        seeds=options.seeds,
        folder=options.out / "runs",
        n_jobs=options.n_jobs,
    )
    sizes = f"{len(train)} instances for training, {len(test)} for testing"
    lines = [
        f"{train.name}: {sizes}, {train.features.shape[1]} features, {train.n_classes} classes"
    ]
    if options.limit is not None:
        lines.append(f"TRIAL: at most {options.limit} instances of each part (--limit).")
    notes = paper.notes(results, strengths)
    lines += [*notes, "", paper.table(results, strengths)]
    report = "\n".join(lines)
    facts = {
        "train": repr(train),
        "test": repr(test),
        "superclasses": train.superclasses.tolist(),
        "lam": [
            {
                "noise": each.noise,
                "rate": each.rate,
                "model": each.model,
                "lam": each.lam,
                "tried": each.lams,
                "seeds_alone": each.alone,
                "end_of_grid": each.end,
            }
            for each in strengths
        ],
        "notes": notes,
    }
    record.finish(facts, paper.gains(results, strengths), paper.scores(strengths), report)
    return report


def _number(kind: type, check: Callable[[Any], Any]) -> Callable[[str], Any]:
    """Return what reads a number from the command line, and says what is wrong with it."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = text  # which the check refuses
        try:
            return check(value)
        except (TypeError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _whole(name: str, least: int = 1) -> Callable[[str], Any]:
    return _number(int, lambda value: _validate.count(name, value, least))


def _rate(value: float) -> float:
    try:
        return _validate.real("rates", value, 0, 1, open_high=True)
    except ValueError as error:
        remedy = f" {value:g}% is {value / 100:g}." if 1 < value < 100 else ""
        raise ValueError(f"{error}{remedy}") from None


def _n_jobs(value: int) -> int:
    if not isinstance(value, int) or (value < 1 and value != -1):
        raise ValueError(f"n_jobs must be -1 or an integer >= 1, got {value!r}.")
    return value


if __name__ == "__main__":
    sys.exit(main())
