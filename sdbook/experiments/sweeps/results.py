"""What a sweep has found: accuracies with named axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Results"]

KINDS = ("test", "all", "clean", "corrupted")


@dataclass(frozen=True, eq=False)
class Results:
    """Accuracies of a sweep; made by `Sweep.run`.

    Attributes
    ----------
    noises, methods : tuple of str
    rates : tuple of float
    seeds : tuple of int
    """

    noises: tuple[str, ...]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    # By noise, rate, seed and method: one entry for each round.
    outcomes: Mapping[tuple[str, float, int, str], Mapping[str, Any]] = field(repr=False)

    def rounds(self, method: str) -> int:
        """Return the number of rounds of a method, the teacher among them."""
        self._known("method", method, self.methods)
        first = (self.noises[0], self.rates[0], self.seeds[0], method)
        return len(self.outcomes[first]["all"])

    def accuracy(
        self, method: str, *, noise: str | None = None, kind: str | None = None
    ) -> NDArray[np.float64]:
        """Return the accuracies of one method under one kind of noise.

        Parameters
        ----------
        method : str
        noise : str, optional
            Not needed where the sweep has only one.
        kind : {"test", "all", "clean", "corrupted"}, optional
            Of which instances, as in `sdbook.distillation.Accuracy`. "test" by default, or "all"
            if the sweep has no test set.

        Returns
        -------
        ndarray of shape (rates, seeds, rounds)
            NaN where there is no instance of the kind.

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        chosen = self._noise(noise)
        rounds = self.rounds(method)
        first = self.outcomes[chosen, self.rates[0], self.seeds[0], method]
        if kind is None:
            kind = "all" if first["test"][0] is None else "test"
        self._known("kind", kind, KINDS)
        if kind == "test" and first["test"][0] is None:
            raise ValueError(
                "kind must be 'all', 'clean' or 'corrupted' without a test set, got 'test'."
            )
        values = [
            [self.outcomes[chosen, rate, seed, method][kind] for seed in self.seeds]
            for rate in self.rates
        ]
        return np.array(values, dtype=float).reshape(len(self.rates), len(self.seeds), rounds)

    def gain(
        self, method: str, *, noise: str | None = None, kind: str | None = None
    ) -> NDArray[np.float64]:
        """Return what each round has gained over the teacher of the same run.

        This is the measure of Jeong & Chung (2024). Teacher and students saw the same given labels,
        so that their difference scatters less from seed to seed than either accuracy.

        Parameters
        ----------
        method, noise, kind
            As in `accuracy`.

        Returns
        -------
        ndarray of shape (rates, seeds, rounds)
            Zero for round 1.

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        accuracy = self.accuracy(method, noise=noise, kind=kind)
        return accuracy - accuracy[:, :, :1]

    def over_seeds(
        self,
        method: str,
        *,
        noise: str | None = None,
        kind: str | None = None,
        gain: bool = False,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation over the seeds.

        Parameters
        ----------
        method, noise, kind
            As in `accuracy`.
        gain : bool
            Of the gain over the teacher instead of the accuracy.

        Returns
        -------
        mean, sd : ndarray of shape (rates, rounds)
            The standard deviation is that of a sample, and NaN where there is one seed.

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        values = (self.gain if gain else self.accuracy)(method, noise=noise, kind=kind)
        mean = values.mean(axis=1)
        if len(self.seeds) == 1:
            return mean, np.full_like(mean, np.nan)
        return mean, values.std(axis=1, ddof=1)

    def records(self) -> list[dict[str, Any]]:
        """Return one record for each round of each run, for ``pandas.DataFrame``.

        Returns
        -------
        list of dict
            noise, rate, seed, method and round; the accuracies of each kind (None where there is
            no instance of it); converged, relative_gradient_norm and evaluations of the solver
            (None for the linearised model).
        """
        records = []
        for (noise, rate, seed, method), outcome in self.outcomes.items():
            setting = {"noise": noise, "rate": rate, "seed": seed, "method": method}
            for i in range(len(outcome["all"])):
                found = {name: values[i] for name, values in outcome.items()}
                records.append({**setting, "round": i + 1, **found})
        return records

    @property
    def unfinished(self) -> int:
        """Number of trained models that did not reach their tolerance."""
        return sum(record["converged"] is False for record in self.records())

    def _noise(self, noise: str | None) -> str:
        if noise is None and len(self.noises) > 1:
            raise ValueError(f"noise must be one of {', '.join(map(repr, self.noises))}, got None.")
        chosen = self.noises[0] if noise is None else noise
        self._known("noise", chosen, self.noises)
        return chosen

    @staticmethod
    def _known(name: str, value: str, accepted: tuple[str, ...]) -> None:
        if value not in accepted:
            raise ValueError(
                f"{name} must be one of {', '.join(map(repr, accepted))}, got {value!r}."
            )

    def __repr__(self) -> str:
        sizes = {
            "noises": self.noises,
            "rates": self.rates,
            "seeds": self.seeds,
            "methods": self.methods,
        }
        counts = " x ".join(
            f"{len(values)} {name if len(values) > 1 else name[:-1]}"
            for name, values in sizes.items()
        )
        unfinished = f", NOT converged: {self.unfinished}" if self.unfinished else ""
        return f"Results({counts}{unfinished})"

    def __str__(self) -> str:
        """Return a table for each noise: what each round of each method has reached."""
        seeds = f"mean of {len(self.seeds)} seeds" if len(self.seeds) > 1 else "one seed"
        width = {method: max(len(method), 6 * self.rounds(method)) for method in self.methods}

        def line(first: str, cells: Mapping[str, str]) -> str:
            padded = (f"{cell:<{width[method]}}" for method, cell in cells.items())
            return f"{first:<8}{'   '.join(padded)}".rstrip()

        lines = [repr(self)]
        for noise in self.noises:
            lines += ["", f"{noise}: accuracy in %, round by round, {seeds}"]
            lines.append(line("rate", {method: method for method in self.methods}))
            means = {method: self.over_seeds(method, noise=noise)[0] for method in self.methods}
            for i, rate in enumerate(self.rates):
                percent = {m: [f"{100 * x:<6.1f}" for x in mean[i]] for m, mean in means.items()}
                lines.append(line(f"{rate:g}", {m: "".join(row) for m, row in percent.items()}))
        return "\n".join(lines)
