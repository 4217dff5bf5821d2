"""What the theorems assume of the noise, as checks that one can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sdbook import _validate
from sdbook.theory._arrays import Floats, members
from sdbook.theory.rounds import gap

__all__ = ["Assumption", "Assumptions", "assumptions"]

ROUNDING = 1e-12


@dataclass(frozen=True)
class Assumption:
    """One assumption, and whether it holds.

    Attributes
    ----------
    name : str
        What is assumed.
    holds : bool
    detail : str
        Where it is violated worst; empty where it holds.
    """

    name: str
    holds: bool
    detail: str = ""

    def __str__(self) -> str:
        return f"{'holds' if self.holds else 'violated'}: {self.name}" + (
            f" ({self.detail})" if self.detail else ""
        )


@dataclass(frozen=True)
class Assumptions:
    """All assumptions of a theorem; iterate over them, or print them.

    Attributes
    ----------
    each : tuple of Assumption
    """

    each: tuple[Assumption, ...]

    def __iter__(self) -> Iterator[Assumption]:
        return iter(self.each)

    def __str__(self) -> str:
        return "\n".join(map(str, self.each))

    @property
    def hold(self) -> bool:
        """Whether all hold."""
        return not self.violated

    @property
    def violated(self) -> tuple[str, ...]:
        """Names of those that do not hold."""
        return tuple(one.name for one in self.each if not one.holds)


def assumptions(
    C: ArrayLike, superclasses: ArrayLike | None = None, *, targets: ArrayLike | None = None
) -> Assumptions:
    """Check what Theorems 3 and 4 assume of the noise.

    Parameters
    ----------
    C : array_like of shape (K, K)
        Corruption matrix.
    superclasses : array_like of int, shape (K,), optional
        The superclass of each class. One superclass by default.
    targets : array_like of shape (K, K, K), optional
        Candidate sets, from `candidates`, for Theorem 4; the given labels themselves by default,
        for Theorem 3.

    Returns
    -------
    Assumptions
        "superclasses have equal size"; "noise stays inside superclasses", so that the class means
        of targets are zero outside; "noise is balanced inside superclasses", so that the mean of
        each superclass is the same at all its classes; "the true label leads", so that the
        gap is above 0. For Theorem 4, parts (a) and (b), the first three matter, of the candidate
        sets: where most classes share their second candidate, the third is violated.

    Raises
    ------
    ValueError
        If `C` is not row-stochastic, or a shape does not fit.

    Examples
    --------
    >>> from sdbook import noise, theory
    >>> print(theory.assumptions(noise.symmetric(4, 0.3), superclasses=[0, 0, 1, 1]))
    holds: superclasses have equal size
    violated: noise stays inside superclasses (class 0 is called 2 with share 0.1)
    holds: noise is balanced inside superclasses
    holds: the true label leads
    """
    matrix = _validate.row_stochastic("C", C)
    K = len(matrix)
    means = matrix
    if targets is not None:
        sets = np.asarray(targets, dtype=float)
        if sets.shape != (K, K, K):
            raise ValueError(f"targets must have shape ({K}, {K}, {K}), got {sets.shape}.")
        means = np.einsum("kj,kjl->kl", matrix, sets)
    same = members(K, superclasses, equal=False)
    sizes, margin = same.sum(axis=1), gap(matrix)
    unequal = f"they have {sizes.min():g} to {sizes.max():g} classes"
    return Assumptions(
        (
            _assumption("superclasses have equal size", sizes.min() == sizes.max(), unequal),
            _inside(means, same),
            _balanced(means, same),
            _assumption("the true label leads", margin > 0, f"gap {margin:g}"),
        )
    )


def _assumption(name: str, holds: object, violation: str) -> Assumption:
    return Assumption(name, bool(holds), "" if holds else violation)


def _inside(means: Floats, same: Floats) -> Assumption:
    outside = np.where(same, 0, means)
    true, given = np.unravel_index(outside.argmax(), outside.shape)
    return _assumption(
        "noise stays inside superclasses",
        outside.max() <= ROUNDING,
        f"class {true} is called {given} with share {outside.max():.3g}",
    )


def _balanced(means: Floats, same: Floats) -> Assumption:
    shares = same / same.sum(axis=1)
    received = shares @ means  # the mean of each class's superclass
    fair = (shares * received).sum(axis=1, keepdims=True)
    excess = np.where(same, received - fair, 0)
    name = np.unravel_index(excess.argmax(), excess.shape)[1]
    return _assumption(
        "noise is balanced inside superclasses",
        excess.max() <= ROUNDING,
        f"class {name} gets {excess.max():.3g} more than its share",
    )
