"""The numbered statements of the book, in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdbook import _validate
from sdbook.book.statements import deviations
from sdbook.noise import Seed

ROUNDING = 1e-9
"""What equations in float64 may differ by, in problems as small as those drawn here."""

BLOCKS = "block model: similarity 1, c, d or e, classes and superclasses of equal size"
LINEARISED = "softmax replaced by its tangent"
SHARES = "class means of the given labels are the rows of C (many instances, or exact shares)"
BALANCED = "wrong labels stay inside superclasses and are balanced there"
SETS = "the same holds for candidate sets"
BALANCED_SETS = (
    "candidate sets stay inside superclasses and are balanced there: the superclass mean of the "
    "targets is equal at all its classes, none is everybody's second candidate"
)


@dataclass(frozen=True)
class Statement:
    """A numbered statement of the book, with what states it and what checks it.

    Attributes
    ----------
    label : str
        Of the numbered block in the chapter.
    kind : str
        "definition", "lemma", "proposition", "theorem" or "corollary".
    title : str
    claim : str
        What is claimed, in a line.
    assumptions : tuple of str
    functions : tuple of str
        Dotted names of what states it in code, the main one first.
    test : str
        The test that checks it with more care than a hundred draws: file, and function.
    chapter : str
        Name of the notebook.
    deviation : callable
        Draws a random problem from a generator and returns by how much the two sides disagree.
    accepted : float
        How much they may. Zero for definitions that count, bounds, and what says "if and only if".
    """

    label: str
    kind: str
    title: str
    claim: str
    assumptions: tuple[str, ...]
    functions: tuple[str, ...]
    test: str
    chapter: str
    deviation: Callable[[np.random.Generator], float]
    accepted: float = ROUNDING

    @property
    def function(self) -> str:
        """What states it, in code."""
        return self.functions[0]

    @property
    def name(self) -> str:
        """Its kind and number: statements of a kind are numbered through the book."""
        alike = [other.label for other in STATEMENTS if other.kind == self.kind]
        return f"{self.kind.title()} {alike.index(self.label) + 1}"


def deviations_seen(statement: Statement, draws: int = 100, rng: Seed = 0) -> list[float]:
    """Return the deviation of each of some random problems.

    Parameters
    ----------
    statement : Statement
    draws : int
        Number of problems, >= 1.
    rng : int, numpy.random.Generator or None
        Source of the problems.

    Returns
    -------
    list of float

    Raises
    ------
    TypeError, ValueError
        If `draws` is not a whole number of at least 1.

    Examples
    --------
    >>> from sdbook.book import statements
    >>> statements.deviations_seen(statements.STATEMENTS[0], draws=3)
    [0.0, 0.0, 0.0]
    """
    generators = np.random.default_rng(rng).spawn(_validate.count("draws", draws))
    return [statement.deviation(generator) for generator in generators]


STATEMENTS: tuple[Statement, ...] = (
    Statement(
        "def-self-distillation",
        "definition",
        "Self-distillation",
        "Round 1 is trained on the given labels, each later round on the outputs of the one "
        "before; features and penalty stay.",
        (),
        ("sdbook.distill",),
        "tests/test_distillation.py::test_each_student_learns_what_the_round_before_answered",
        "01_student",
        deviations.self_distillation,
        0.0,
    ),
    Statement(
        "def-probe",
        "definition",
        "Linear probe",
        "Softmax of linear scores on fixed features; training minimises mean cross-entropy "
        "plus λ/2 times the squared norm of the parameters.",
        (),
        ("sdbook.solvers.solve",),
        "tests/test_softmax.py::test_gradient_vanishes",
        "02_gram_matrix",
        deviations.probe,
    ),
    Statement(
        "def-gram",
        "definition",
        "Gram matrix",
        "G holds the inner product of every two instances: how similar they are.",
        (),
        ("sdbook.datasets.Dataset.gram",),
        "tests/test_factorisation.py::test_both_spaces_hold_the_spectrum_of_the_gram_matrix",
        "02_gram_matrix",
        deviations.gram,
    ),
    Statement(
        "def-corruption",
        "definition",
        "Corruption matrix",
        "C has a row for each true class and a column for each given label; entry (k, j) is the "
        "probability that k is called j.",
        (),
        ("sdbook.noise.corruption_matrix", "sdbook.noise.corrupt"),
        "tests/test_noise.py::test_independent_draws_have_the_frequencies_of_the_matrix",
        "03_wrong_labels",
        deviations.corruption,
    ),
    Statement(
        "def-population-accuracy",
        "definition",
        "Population accuracy",
        "The share of (true, given) pairs whose largest output is at the truth, weighted by how "
        "common they are; a tie of m counts 1/m.",
        ("classes are equally frequent", "an output depends on true class and given label only"),
        ("sdbook.theory.population_accuracy", "sdbook.theory.recovered"),
        "tests/theory/test_theorems.py::test_who_is_recovered_is_who_is_right_for_any_noise",
        "03_wrong_labels",
        deviations.population_accuracy,
    ),
    Statement(
        "def-gap",
        "definition",
        "Gap",
        "Δ is the least lead of the truth over a wrong label in the rows of C.",
        (),
        ("sdbook.theory.gap",),
        "tests/theory/test_votes.py::test_the_gap_follows_from_the_share_of_the_favourite_lie",
        "03_wrong_labels",
        deviations.gap,
    ),
    Statement(
        "lem-votes",
        "lemma",
        "Votes",
        "Class means of given labels tend to the rows of C, and the truth has the most votes in "
        "every class if and only if Δ > 0; it fails to with a probability that falls "
        "exponentially in n.",
        ("n instances of each class, labels drawn independently",),
        ("sdbook.theory.gap",),
        "tests/theory/test_votes.py::test_the_truth_has_most_votes_exactly_if_the_gap_is_positive",
        "03_wrong_labels",
        deviations.votes,
    ),
    Statement(
        "prop-fixed-point",
        "proposition",
        "The optimum in one equation",
        "Y = softmax(G (T − Y) / (N λ)) has exactly one solution: the outputs of the optimum.",
        ("λ > 0", "rows of T sum to one"),
        ("sdbook.theory.fixed_point", "sdbook.solvers.solve"),
        "tests/theory/test_linearisation.py::test_only_the_optimum_solves_the_equation",
        "04_fixed_point",
        deviations.fixed_point,
        1e-8,
    ),
    Statement(
        "lem-certificate",
        "lemma",
        "Certificate",
        "Where the gradient has norm g, the objective is at most g² / (2λ) above its minimum and "
        "each output at most g / (2λ) from the optimum's.",
        ("λ > 0", "features of unit norm"),
        ("sdbook.solvers.Certificate",),
        "tests/test_softmax.py::test_gap_bound_bounds_the_gap",
        "04_fixed_point",
        deviations.certificate,
    ),
    Statement(
        "prop-linearised",
        "proposition",
        "The optimum with a linearised softmax",
        "Y − U = G (a I + G)⁻¹ (T − U) with a = K N λ.",
        (LINEARISED, "λ > 0", "rows of T sum to one"),
        ("sdbook.theory.linearised", "sdbook.solvers.LabelAveraging"),
        "tests/theory/test_linearisation.py::"
        "test_linearised_solves_the_equation_with_a_linearised_softmax",
        "05_straight_softmax",
        deviations.linearised,
    ),
    Statement(
        "prop-tangent-error",
        "proposition",
        "What the tangent costs",
        "The linearised outputs differ from the exact ones by at most the tangent's error E, "
        "whose row i is at most Rᵢ²/4 for logits of range Rᵢ; and the answer stays where the "
        "lead is large enough.",
        ("λ > 0", "logits of the exact optimum"),
        (
            "sdbook.book.tangent.tangent_error_bound",
            "sdbook.book.tangent.tangent_error",
            "sdbook.book.tangent.same_argmax",
        ),
        "tests/theory/test_linearisation.py::test_the_error_is_within_what_the_exact_logits_say",
        "05_straight_softmax",
        deviations.tangent_error,
        1e-8,
    ),
    Statement(
        "thm-averaging",
        "theorem",
        "Label averaging",
        "Yₜ − U = [G (a I + G)⁻¹]ᵗ (T₁ − U): every round multiplies each eigen-direction of G by "
        "s / (a + s).",
        (LINEARISED, "λ > 0"),
        ("sdbook.solvers.LabelAveraging",),
        "tests/test_linearised.py::test_round_t_is_the_matrix_power",
        "06_label_averaging",
        deviations.averaging,
    ),
    Statement(
        "def-block-model",
        "definition",
        "The block model",
        "Similarity is 1 for an instance with itself, c inside a class, d inside a superclass, "
        "e otherwise.",
        ("1 > c > d ≥ e", "no negative eigenvalue"),
        ("sdbook.datasets.block_correlated",),
        "tests/test_datasets.py::test_correlations_are_met_exactly_or_refused_rightly",
        "07_correlated_classes",
        deviations.block_model,
    ),
    Statement(
        "prop-block-spectrum",
        "proposition",
        "The spectrum of the block model",
        "Four eigenvalues: inside classes, between classes, between superclasses, global, with "
        "multiplicities K(n − 1), K − S, S − 1, 1.",
        (BLOCKS,),
        ("sdbook.theory.block_eigenvalues", "sdbook.theory.block_multiplicities"),
        "tests/theory/test_theorems.py::"
        "test_eigenvalues_and_multiplicities_are_those_of_the_gram_matrix",
        "07_correlated_classes",
        deviations.block_spectrum,
    ),
    Statement(
        "thm-blocks",
        "theorem",
        "Label averaging in blocks",
        "An output is pᵗ own label + (qᵗ − pᵗ) class mean + (rᵗ − qᵗ) superclass mean "
        "+ (gᵗ − rᵗ) global mean + (1 − gᵗ) uniform; for any labels and any n.",
        (BLOCKS, LINEARISED),
        (
            "sdbook.theory.block_outputs",
            "sdbook.theory.block_weights",
            "sdbook.theory.BlockWeights",
            "sdbook.theory.block_shrinkage",
            "sdbook.theory.population_outputs",
            "sdbook.theory.least_rounds",
            "sdbook.datasets.block_correlated",
        ),
        "tests/theory/test_theorems.py::test_theorem_2_is_the_matrix_power",
        "07_correlated_classes",
        deviations.block_averaging,
    ),
    Statement(
        "cor-own-label",
        "corollary",
        "Clustered predictions",
        "In t rounds, differences inside a class shrink by pᵗ, between classes by qᵗ, between "
        "superclasses by rᵗ, and p < q ≤ r.",
        (BLOCKS, LINEARISED),
        ("sdbook.theory.block_outputs",),
        "tests/theory/test_clusters.py::test_differences_shrink_at_the_rate_of_their_kind",
        "07_correlated_classes",
        deviations.clustering,
    ),
    Statement(
        "cor-clean-margins",
        "corollary",
        "Margins with clean labels",
        "With right labels the truth leads a class of its superclass by qᵗ, and any other by "
        "qᵗ + (rᵗ − qᵗ)/m.",
        (BLOCKS, LINEARISED, "all labels are right", "at least two superclasses of two classes"),
        ("sdbook.book.filters.clean_margins",),
        "tests/theory/test_filters.py::test_clean_margins_are_those_of_the_model",
        "08_clean_labels",
        deviations.clean_margins,
    ),
    Statement(
        "prop-ridge-of-rounds",
        "proposition",
        "The ridge of t rounds",
        "t rounds do to an eigenvalue s what one round does at the ridge s((1 + a/s)ᵗ − 1); for "
        "t > 1 this falls with s, so that no single λ replaces rounds.",
        (
            LINEARISED,
            "λ > 0",
            "for the last clause: labels with parts in two different eigenvalues",
        ),
        ("sdbook.theory.equivalent_ridge",),
        "tests/theory/test_filters.py::"
        "test_the_equivalent_ridge_falls_strictly_from_infinity_to_t_times_the_ridge",
        "08_clean_labels",
        deviations.ridge_of_rounds,
    ),
    Statement(
        "cor-same-proportions",
        "corollary",
        "Up to a common factor",
        "One round can keep two eigenvalues in the proportion of t rounds while this is below "
        "their ratio, and never three.",
        (LINEARISED, "λ > 0", "t > 1"),
        ("sdbook.book.filters.same_ratio_ridge", "sdbook.book.filters.matching_ridge"),
        "tests/theory/test_filters.py::"
        "test_two_directions_can_be_matched_exactly_while_the_ratio_allows_it",
        "08_clean_labels",
        deviations.same_proportions,
    ),
    Statement(
        "thm-rounds",
        "theorem",
        "How many rounds noise needs",
        "After t rounds all instances are right if and only if Δ > 0 and "
        "t > log(1 + 1/Δ) / log(q/p); and the same pair by pair.",
        (BLOCKS, LINEARISED, SHARES, BALANCED),
        (
            "sdbook.theory.rounds_bound",
            "sdbook.book.pairs.pair_recovers",
            "sdbook.theory.gap",
            "sdbook.theory.least_rounds",
            "sdbook.theory.assumptions",
        ),
        "tests/theory/test_theorems.py::"
        "test_theorem_3_says_yes_exactly_where_accuracy_is_100_percent",
        "09_counting_rounds",
        deviations.rounds,
        0.0,
    ),
    Statement(
        "cor-symmetric",
        "corollary",
        "Even noise",
        "With a share η of wrong labels spread evenly over a superclass of m classes, "
        "Δ = 1 − η m/(m − 1), and enough rounds exist if and only if η < (m − 1)/m.",
        (BLOCKS, LINEARISED, SHARES),
        ("sdbook.theory.gap",),
        "tests/theory/test_theorems.py::test_the_gap_of_even_noise_and_where_it_ends",
        "09_counting_rounds",
        deviations.even_noise,
    ),
    Statement(
        "cor-no-gap",
        "corollary",
        "Without a gap",
        "If Δ ≤ 0, no number of rounds makes all instances right; behind a leading wrong label, "
        "rounds lose the right ones too.",
        (BLOCKS, LINEARISED, SHARES, BALANCED),
        ("sdbook.book.pairs.pair_recovers",),
        "tests/theory/test_theorems.py::"
        "test_without_a_gap_wrong_labels_stay_and_right_ones_are_spoiled",
        "09_counting_rounds",
        deviations.no_gap,
        0.0,
    ),
    Statement(
        "def-partial-label",
        "definition",
        "Partial-label student",
        "One student that is taught the teacher's κ largest outputs, with weight 1/κ each.",
        (),
        ("sdbook.partial_label", "sdbook.refine.top_k"),
        "tests/test_refine.py::test_top_k_gives_the_k_largest_equal_shares",
        "10_partial_labels",
        deviations.candidate_sets,
        0.0,
    ),
    Statement(
        "thm-partial-label",
        "theorem",
        "One round with candidates",
        "If the truth is in every candidate set, all instances are right after one round if and "
        "only if no other class is in all sets of a class; the teacher's top κ hold the truth if "
        "Δ > 0. Without balance, an instance is right if and only if the truth is ahead in Theorem "
        "2 with the sets as targets.",
        (
            BLOCKS,
            LINEARISED,
            SHARES,
            f"but for the last clause: {BALANCED_SETS}",
            f"for the clause on Δ: {BALANCED}",
        ),
        (
            "sdbook.theory.partial_label_recovers",
            "sdbook.theory.partial_label_outputs",
            "sdbook.book.pairs.candidate_shares",
            "sdbook.theory.one_or_two_outputs",
            "sdbook.theory.assumptions",
        ),
        "tests/theory/test_theorems.py::"
        "test_theorem_4_says_yes_exactly_where_accuracy_is_100_percent",
        "10_partial_labels",
        deviations.partial_label,
        0.0,
    ),
    Statement(
        "cor-one-partner",
        "corollary",
        "One partner is none",
        "With two candidates and a favourite f in each class, all instances are right if and only "
        "if every class has another wrong label j with C(k,f) − C(k,j) < 1/(q/p − 1); a class "
        "without is left to coin tosses.",
        (BLOCKS, LINEARISED, SHARES, BALANCED, "Δ > 0", SETS),
        ("sdbook.theory.partial_label_recovers", "sdbook.book.pairs.candidate_shares"),
        "tests/theory/test_partners.py::test_one_partner_says_exactly_when_two_candidates_succeed",
        "10_partial_labels",
        deviations.one_partner,
        0.0,
    ),
    Statement(
        "cor-top-k",
        "corollary",
        "More than two",
        "With three or more candidates, ties in the order of classes, the favourite wrong label is "
        "in all sets of its class: one student never gets all instances right.",
        (BLOCKS, LINEARISED, SHARES, BALANCED, "candidate sets stay inside superclasses"),
        ("sdbook.theory.partial_label_recovers", "sdbook.theory.candidates"),
        "tests/theory/test_partners.py::test_more_than_two_candidates_always_share_the_favourite",
        "10_partial_labels",
        deviations.more_than_two,
        0.0,
    ),
    Statement(
        "cor-hesitate",
        "corollary",
        "One or two",
        "One candidate where the teacher's lead is above p and two elsewhere get all instances "
        "right whenever Δ > 0.",
        (BLOCKS, LINEARISED, SHARES, BALANCED, "Δ > 0", SETS),
        ("sdbook.theory.one_or_two_outputs", "sdbook.refine.one_or_two"),
        "tests/theory/test_partners.py::test_one_or_two_candidates_need_nothing_but_a_gap",
        "10_partial_labels",
        deviations.one_or_two,
        0.0,
    ),
    Statement(
        "prop-preconditioner",
        "proposition",
        "The theorem as a preconditioner",
        "The theorem's matrix M is the Hessian at uniform outputs, and everywhere the eigenvalues "
        "of M^(−1/2) H M^(−1/2) lie between K min(Y) and the smaller of K max(Y) and K/2.",
        ("λ > 0 and K ≥ 2", "parameters whose rows sum to zero, as training from zero leaves them"),
        (
            "sdbook.book.curvature.preconditioned_eigenvalues",
            "sdbook.book.curvature.linearised_hessian",
            "sdbook.book.curvature.eigenvalue_interval",
        ),
        "tests/book/test_curvature.py::test_preconditioned_eigenvalues_lie_in_the_interval",
        "11_agreement",
        deviations.preconditioner,
    ),
)
