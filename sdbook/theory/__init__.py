"""Closed forms: what self-distillation does, without data and without a solver.

The block model is that of Jeong & Chung (2024): instances are correlated 1 with themselves, c
within a class, d within a superclass and e otherwise (``1 > c > d >= e``); S superclasses of equal
size. The formulas are derived afresh in the book. They are exact for the linearised model; what
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
from sdbook.theory.filters import (
    CleanMargins,
    Match,
    clean_margins,
    equivalent_ridge,
    matching_ridge,
    same_ratio_ridge,
)
from sdbook.theory.linearisation import (
    fixed_point,
    linearised,
    same_argmax,
    tangent,
    tangent_error,
    tangent_error_bound,
)
from sdbook.theory.partial import (
    candidate_shares,
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
from sdbook.theory.preconditioner import (
    eigenvalue_interval,
    hessian,
    linearised_hessian,
    preconditioned_eigenvalues,
)
from sdbook.theory.rounds import gap, least_rounds, pair_recovers, rounds_bound

__all__ = [
    "Assumption",
    "Assumptions",
    "BlockSpectrum",
    "BlockWeights",
    "CleanMargins",
    "Match",
    "PopulationAccuracy",
    "assumptions",
    "block_eigenvalues",
    "block_multiplicities",
    "block_outputs",
    "block_shrinkage",
    "block_weights",
    "candidate_shares",
    "candidates",
    "clean_margins",
    "eigenvalue_interval",
    "equivalent_ridge",
    "fixed_point",
    "gap",
    "hessian",
    "least_rounds",
    "linearised",
    "linearised_hessian",
    "matching_ridge",
    "one_or_two_outputs",
    "pair_recovers",
    "partial_label_outputs",
    "partial_label_recovers",
    "population_accuracy",
    "population_outputs",
    "preconditioned_eigenvalues",
    "recovered",
    "rounds_bound",
    "same_argmax",
    "same_ratio_ridge",
    "tangent",
    "tangent_error",
    "tangent_error_bound",
]
