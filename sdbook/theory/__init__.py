"""Closed forms: what self-distillation does, without data and without a solver.

The block model is that of Jeong & Chung (2024): instances are correlated 1 with themselves, c
within a class, d within a superclass and e otherwise (``1 > c > d >= e``); S superclasses of equal
size. The formulas are derived afresh in the book. They are exact for the linearised model. What
they assume of the noise, `assumptions` can check.

Correlations, shrinkage factors, corruption matrices and (real) numbers of rounds may be arrays that
broadcast, so that a phase diagram is one call.
"""

from sdbook.theory.assumptions import Assumption, Assumptions, assumptions
from sdbook.theory.blocks import (
    BlockSpectrum,
    BlockWeights,
    block_eigenvalues,
    block_multiplicities,
    block_outputs,
    block_shrinkage,
    block_weights,
)
from sdbook.theory.optimum import equivalent_ridge, fixed_point, linearised
from sdbook.theory.partial import (
    candidates,
    one_or_two_outputs,
    partial_label_outputs,
    partial_label_recovers,
)
from sdbook.theory.population import (
    PopulationAccuracy,
    population_accuracy,
    population_outputs,
    recovered,
)
from sdbook.theory.rounds import gap, least_rounds, rounds_bound

__all__ = [
    "Assumption",
    "Assumptions",
    "BlockSpectrum",
    "BlockWeights",
    "PopulationAccuracy",
    "assumptions",
    "block_eigenvalues",
    "block_multiplicities",
    "block_outputs",
    "block_shrinkage",
    "block_weights",
    "candidates",
    "equivalent_ridge",
    "fixed_point",
    "gap",
    "least_rounds",
    "linearised",
    "one_or_two_outputs",
    "partial_label_outputs",
    "partial_label_recovers",
    "population_accuracy",
    "population_outputs",
    "recovered",
    "rounds_bound",
]
