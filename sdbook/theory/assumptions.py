"""What the theorems assume of the noise, as checks that one can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
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
            raise ValueError(f"targets has shape {sets.shape}; accepted is ({K}, {K}, {K})")
        means = np.einsum("kj,kjl->kl", matrix, sets)
    groups = np.zeros(K) if superclasses is None else np.asarray(superclasses)
    if groups.shape != (K,):
        raise ValueError(
            f"superclasses has shape {groups.shape}; accepted is one for each class, ({K},)"
        )
    return Assumptions(
        (_equal_size(groups), _inside(means, groups), _balanced(means, groups), _leads(matrix))
    )


Array = NDArray[Any]


def _equal_size(groups: Array) -> Assumption:
    sizes = np.unique(groups, return_counts=True)[1]
    equal = sizes.min() == sizes.max()
    found = "" if equal else f"they have {sizes.min()} to {sizes.max()} classes"
    return Assumption("superclasses have equal size", bool(equal), found)


def _inside(means: Array, groups: Array) -> Assumption:
    outside = np.where(groups[:, None] == groups, 0, means)
    true, given = np.unravel_index(outside.argmax(), outside.shape)
    inside = outside.max() <= ROUNDING
    found = "" if inside else f"class {true} is called {given} with share {outside.max():.3g}"
    return Assumption("noise stays inside superclasses", bool(inside), found)


def _balanced(means: Array, groups: Array) -> Assumption:
    same = groups[:, None] == groups
    received = (same / same.sum(axis=1)) @ means  # the mean of each class's superclass
    fair = np.where(same, received, 0).sum(axis=1) / same.sum(axis=1)
    excess = np.where(same, received - fair[:, None], 0)
    name = int(np.unravel_index(excess.argmax(), excess.shape)[1])
    balanced = excess.max() <= ROUNDING
    found = "" if balanced else f"class {name} gets {excess.max():.3g} more than its share"
    return Assumption("noise is balanced inside superclasses", bool(balanced), found)


def _leads(matrix: Array) -> Assumption:
    margin = gap(matrix)
    leads = margin > 0
    return Assumption("the true label leads", bool(leads), "" if leads else f"gap {margin:g}")
