"""Whole experiments: kinds of noise x rates x seeds x methods, on the same features.

What is shared is computed once: the features' factorisation by all runs; the first rounds by
methods that begin alike (whoever its students are, a teacher is the same). Runs are stacked:
several of them are trained at once, in wide matrix products. Stacks are pieces of work for joblib,
on the processors of this machine or, if a cluster has taken joblib's place, elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate, noise
from sdbook._fingerprint import fingerprint
from sdbook.datasets import Dataset
from sdbook.distillation import Run, distill_all
from sdbook.experiments.sweeps.results import Results
from sdbook.experiments.sweeps.resume import resume
from sdbook.method import Method
from sdbook.refine import Refinement
from sdbook.solvers import Factorisation, factorise

__all__ = ["Sweep"]

VERSION = 2
"""Part of every key: raise it when the library's results change, so that no old one is taken."""

WIDTH = 512
"""Columns of the stacked matrix products: wide enough for their full speed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sweep:
    """Kinds of noise x rates x seeds x methods on one data set.

    Parameters
    ----------
    train : Dataset
        Features, of unit norm, and true labels, which are made wrong and never trained on.
    test : Dataset, optional
        Measured with its true labels.
    noises : mapping of str to callable
        By name, a function from a rate to a corruption matrix, such as
        ``lambda rate: noise.symmetric(10, rate)``.
    rates : sequence of float
        Corruption rates in [0, 1], all different.
    seeds : iterable of int
        Of the given labels, >= 0, all different. Runs with the same seed differ in what is done,
        not in what was drawn.
    methods : mapping of str to Method
        By name.
    lam : float
        L2 strength, > 0.
    exact : bool
        Whether given labels have the proportions of the corruption matrix exactly.
    tolerance, gap, float32_first
        How exact the softmax model is: as in `sdbook.solvers.solve`. For accuracies of real data,
        ``gap=3e-8`` is exact enough, and takes half the time.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Examples
    --------
    >>> from sdbook import datasets, noise
    >>> from sdbook.refine import top_k
    >>> from sdbook import Method
    >>> from sdbook.experiments.sweeps import Sweep
    >>> train = datasets.block_correlated(4, 50, c=0.4, d=0.1)
    >>> sweep = Sweep(
    ...     train=train,
    ...     noises={"symmetric": lambda rate: noise.symmetric(4, rate)},
    ...     rates=[0.3, 0.6],
    ...     seeds=range(2),
    ...     methods={
    ...         "self-distillation": Method(rounds=4),
    ...         "partial labels": Method(rounds=2, refinement=top_k(2)),
    ...     },
    ...     lam=5e-4,
    ...     exact=True,
    ... )
    >>> print(sweep.run(progress=False))
    Results(1 noise x 2 rates x 2 seeds x 2 methods)
    <BLANKLINE>
    symmetric: accuracy in %, round by round, mean of 2 seeds
    rate    self-distillation          partial labels
    0.3     70.0  70.0  100.0 100.0    70.0  100.0
    0.6     40.0  40.0  40.0  40.0     40.0  100.0
    """

    train: Dataset
    test: Dataset | None = None
    noises: Mapping[str, Callable[[float], ArrayLike]]
    rates: Sequence[float]
    seeds: Iterable[int]
    methods: Mapping[str, Method]
    lam: float
    exact: bool = False
    tolerance: float | None = None
    gap: float | None = None
    float32_first: bool = True

    def __post_init__(self) -> None:
        for name, kind in (("train", Dataset), ("noises", Mapping), ("methods", Mapping)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} must be a {kind.__name__}, got a {type(value).__name__}.")
        if self.test is not None and not isinstance(self.test, Dataset):
            raise TypeError(f"test must be a Dataset or None, got a {type(self.test).__name__}.")
        _validate.regularisation(self.lam)
        # So that an iterator serves, and nothing can be changed behind the keys.
        object.__setattr__(
            self, "rates", tuple(_validate.real("rates", r, 0, 1) for r in self.rates)
        )
        object.__setattr__(self, "seeds", tuple(_validate.count("seeds", s, 0) for s in self.seeds))
        object.__setattr__(self, "noises", dict(self.noises))
        object.__setattr__(self, "methods", dict(self.methods))
        for name in ("noises", "rates", "seeds", "methods"):
            values = getattr(self, name)
            if not values:
                raise ValueError(f"{name} must have at least one entry, got none.")
            if len(set(values)) < len(values):
                raise ValueError(f"{name} must have values that differ, got {values}.")
        for name, method in self.methods.items():
            if not isinstance(method, Method):
                raise TypeError(
                    f"methods[{name!r}] must be a Method, got a {type(method).__name__}."
                )

    def run(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        n_jobs: int | None = None,
        stack: int | None = None,
        progress: bool = True,
    ) -> Results:
        """Do what has not been done, and return the results of all.

        Parameters
        ----------
        folder : path, optional
            Where each finished run is kept, in a file of its own under a key made from all that
            decides its outcome, the code of your own refinements and losses among it (see
            `sdbook._fingerprint`). What is there is not computed again, whether this sweep computed
            it before it was interrupted, or another one did.
        n_jobs : int, optional
            Processes, -1 for as many as there are processors. By default, what
            ``joblib.parallel_config`` says, and one outside of it.
        stack : int, optional
            Runs that are trained together at most. By default, as many as make matrix products
            fast, and no fewer pieces of work than `n_jobs` can be busy with.
        progress : bool
            Show a progress bar.

        Returns
        -------
        Results

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described, the content of a refinement or loss cannot be told
            (see `sdbook._fingerprint`), or a file in the folder is not what was written.

        Warns
        -----
        NotConverged
            Where a model does not reach its tolerance; its worker says so, and the results count.
        """
        if stack is not None:
            _validate.count("stack", stack)
        cells = self._cells()
        by_key = {cell.key: cell for cell in cells.values()}
        outcomes = resume(
            {key: cell.setting for key, cell in by_key.items()},
            lambda missing: self._compute([by_key[key] for key in missing], n_jobs, stack),
            folder,
            name="sweep",
            unit="run",
            progress=progress,
        )
        return Results(
            noises=tuple(self.noises),
            rates=tuple(self.rates),
            seeds=tuple(self.seeds),
            methods=tuple(self.methods),
            outcomes={place: outcomes[cell.key] for place, cell in cells.items()},
        )

    @property
    def _options(self) -> dict[str, Any]:
        """What is passed to the softmax solver."""
        return {name: getattr(self, name) for name in ("tolerance", "gap", "float32_first")}

    def _cells(self) -> dict[tuple[str, float, int, str], _Cell]:
        """One run for each noise, rate, seed and method; some can be the same run."""
        test = None if self.test is None else (self.test.features, self.test.labels)
        whole = fingerprint(
            VERSION,
            (self.train.features, self.train.labels, self.train.n_classes, test),
            (float(self.lam), self._options, self.exact),
        )
        ends = {name: _round_keys(method)[-1] for name, method in self.methods.items()}
        matrices = {
            (name, rate): _validate.row_stochastic(
                f"noises[{name!r}]({rate:g})", make(rate), self.train.n_classes
            )
            for (name, make), rate in product(self.noises.items(), self.rates)
        }
        return {
            (name, rate, seed, method): _Cell(
                key=fingerprint(whole, matrices[name, rate], seed, ends[method]),
                matrix=matrices[name, rate],
                seed=seed,
                method=method,
                setting={
                    "data": repr(self.train),
                    "noise": name,
                    "rate": rate,
                    "seed": seed,
                    "method": f"{method}: {self.methods[method]}",
                    "lam": self.lam,
                },
            )
            for name, rate, seed, method in product(
                self.noises, self.rates, self.seeds, self.methods
            )
        }

    def _compute(
        self, missing: Sequence[_Cell], n_jobs: int | None, stack: int | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the key and outcome of each run, as they are finished."""
        draws: dict[tuple[str, int], dict[str, _Cell]] = {}
        for cell in missing:
            draws.setdefault((fingerprint(cell.matrix), cell.seed), {})[cell.method] = cell
        workers = joblib.effective_n_jobs(n_jobs)
        alike: dict[tuple[str, ...], list[dict[str, _Cell]]] = {}
        for draw in draws.values():
            alike.setdefault(tuple(draw), []).append(draw)
        pieces = []
        for together in alike.values():
            # Pieces of equal size, none wider than it helps, that keep all workers busy to the end.
            widest = max(1, WIDTH // self.train.n_classes) * workers
            count = (
                workers * -(-len(together) // widest)
                if stack is None
                else -(-len(together) // stack)
            )
            cuts = [len(together) * i // count for i in range(count + 1)]
            pieces += [together[a:b] for a, b in pairwise(cuts) if a < b]
        fact = factorise(self.train.features)
        task = _Task(
            methods=self.methods,
            round_keys={name: _round_keys(method) for name, method in self.methods.items()},
            n_classes=self.train.n_classes,
            lam=float(self.lam),
            exact=self.exact,
            options=self._options,
            space=fact.space,
            on_disk=isinstance(fact.features, np.memmap),
        )
        # Arrays travel as arguments of their own: joblib maps them into every worker's memory, and
        # Dask sends them to each worker once.
        arrays = [fact.features, fact.matrix, self.train.labels]
        if self.test is not None:
            arrays += [self.test.features, self.test.labels]
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        for finished in parallel(joblib.delayed(_work)(task, piece, *arrays) for piece in pieces):
            yield from finished


@dataclass(frozen=True, eq=False)
class _Cell:
    """One run of one method."""

    key: str
    matrix: NDArray[np.float64] = field(repr=False)
    seed: int
    method: str
    setting: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, eq=False)
class _Task:
    """What all pieces of work have in common, arrays apart."""

    methods: Mapping[str, Method]
    round_keys: Mapping[str, list[str]]
    n_classes: int
    lam: float
    exact: bool
    options: dict[str, Any]
    space: str
    on_disk: bool


def _work(
    task: _Task,
    piece: Sequence[Mapping[str, _Cell]],
    features: NDArray[Any],
    matrix: NDArray[Any],
    labels: NDArray[np.int64],
    test_features: NDArray[Any] | None = None,
    test_labels: NDArray[np.int64] | None = None,
) -> list[tuple[str, dict[str, Any]]]:
    """Train all methods on some draws of given labels that want the same ones."""
    if not task.on_disk:  # what joblib has mapped into memory is no file of the reader's
        features, matrix = map(np.asarray, (features, matrix))
    fact = Factorisation(features, matrix, task.space)
    cells = [next(iter(draw.values())) for draw in piece]
    given = np.stack(
        [noise.corrupt(labels, cell.matrix, rng=cell.seed, exact=task.exact) for cell in cells]
    )
    finished = []
    trained: dict[str, list[Run]] = {}  # by the key of their last round
    for name in piece[0]:
        method = task.methods[name]
        keys = task.round_keys[name]
        shared = sum(key in trained for key in keys)
        runs = [
            replace(run, rounds=run.rounds[:shared])
            for run in (trained[keys[shared - 1]] if shared else ())
        ]
        if shared < method.rounds:
            runs = distill_all(
                fact,
                given,
                task.lam,
                n_classes=task.n_classes,
                rounds=method.rounds,
                refinement=method.refinement,
                loss=method.loss,
                model=method.model,
                true_labels=labels,
                test=None if test_labels is None else (test_features, test_labels),
                **task.options,
                warm_start=runs or None,
            )
        trained |= {key: runs for key in keys if key not in trained}
        finished += [(draw[name].key, _outcome(run)) for draw, run in zip(piece, runs, strict=True)]
    return finished


def _round_keys(method: Method) -> list[str]:
    """A fingerprint for each round, of all that decides its outcome but the given labels."""
    taught: list[Refinement | None] = [None, *method.refinements]
    steps = list(zip(taught, method.losses, strict=True))
    return [fingerprint(method.model, steps[: t + 1]) for t in range(method.rounds)]


def _outcome(run: Run) -> dict[str, list[Any]]:
    """What is kept of a run: numbers, round by round."""
    measured = ("test", "all", "clean", "corrupted")
    solved = ("converged", "relative_gradient_norm", "evaluations")
    return {
        **{name: [getattr(step.accuracy, name) for step in run.rounds] for name in measured},
        **{name: [getattr(step.certificate, name, None) for step in run.rounds] for name in solved},
    }
