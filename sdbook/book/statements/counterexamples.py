"""Tempting claims, and a computed example against each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdbook import datasets, distillation, noise, solvers, theory
from sdbook.book import filters


@dataclass(frozen=True)
class CounterExample:
    """A tempting claim, and a computed example that refutes it.

    Attributes
    ----------
    label : str
        A name for tests and links.
    claim : str
        What one would like to believe.
    example : callable
        Returns whether the claim survives the example (it does not), and what happens there,
        in a sentence with numbers.
    functions : tuple of str
        Dotted names of what the example uses, the main one first.
    test : str
        Test that looks at it more closely: file, and function.
    chapter : str
        Notebook that shows it.
    """

    label: str
    claim: str
    example: Callable[[], tuple[bool, str]]
    functions: tuple[str, ...]
    test: str
    chapter: str

    @property
    def function(self) -> str:
        """What the example uses, in code."""
        return self.functions[0]


SIX = {"n_superclasses": 2, "c": 0.5, "d": 0.2, "e": 0.05}
TEN = {"n_superclasses": 2, "c": 0.4, "d": 0.15, "e": 0.0}
TWO = {"n_superclasses": 1, "c": 0.5, "d": 0.2, "e": 0.2}
EIGHT = {"n_superclasses": 4, "c": 0.4, "d": 0.15, "e": 0.0}
ONE = {"n_superclasses": 1, "c": 0.4, "d": 0.15, "e": 0.15}


def _blocks(
    K: int, n: int, block: dict[str, float], C: np.ndarray
) -> tuple[datasets.Dataset, np.ndarray]:
    data = datasets.block_correlated(K, n, **block)  # type: ignore[arg-type]
    return data, noise.corrupt(data.labels, C, rng=0, exact=True)


def _first_right(K: int, n: int, block: dict[str, float], C: np.ndarray, lam: float) -> list[int]:
    """First round with every label right: promised, linearised, exact."""
    data, given = _blocks(K, n, block, C)
    spectrum = theory.block_eigenvalues(K, n, **block)  # type: ignore[arg-type]
    bound = theory.rounds_bound(theory.block_shrinkage(spectrum, K * K * n * lam), C)
    found = [math.floor(bound) + 1]
    for model in ("linearised", "softmax"):
        run = distillation.distill(
            data.features, given, lam, rounds=10, model=model, true_labels=data.labels
        )
        found.append(int((run.accuracies("all") == 1).argmax()) + 1)
    return found


def _teacher_and_student(K: int, n: int, block: dict[str, float], C: np.ndarray) -> list[float]:
    """Accuracies of the exact model, teacher and partial-label student."""
    data, given = _blocks(K, n, block, C)
    run = distillation.partial_label(data.features, given, 2e-4, true_labels=data.labels)
    return [float(share) for share in run.accuracies("all")]


def _copies() -> tuple[bool, str]:
    rng = np.random.default_rng(0)
    features = datasets.normalise(rng.standard_normal((400, 20)))
    labels = rng.integers(4, size=400)
    outputs = solvers.solve(features, np.eye(4)[labels], 1e-8).outputs
    copied = float((outputs.argmax(axis=1) == labels).mean())
    return copied > 0.99, (
        f"400 instances with 20 random features and 4 random labels, λ = 10⁻⁸: {copied:.0%} of the "
        "labels are the largest output. There are more labels than parameters to hold them."
    )


def _undercounted() -> tuple[bool, str]:
    six = _first_right(6, 60, SIX, noise.superclass([0] * 3 + [1] * 3, 0.5), 3e-4)
    ten = _first_right(10, 50, TEN, noise.superclass([0] * 5 + [1] * 5, 0.72), 2e-4)
    return six[0] == six[2] and ten[0] == ten[2], (
        f"Six classes, half of the labels wrong: {six[0]} rounds promised, {six[1]} in the "
        f"linearised model, {six[2]} with the exact softmax. Ten classes, 72% wrong: {ten[0]}, "
        f"{ten[1]} and {ten[2]}."
    )


def _overcounted() -> tuple[bool, str]:
    promised, linearised, exact = _first_right(2, 60, TWO, noise.symmetric(2, 0.25), 3e-4)
    return exact >= promised, (
        f"Two classes, a quarter of the labels wrong: {promised} rounds promised, {linearised} in "
        f"the linearised model, {exact} with the exact softmax. With two classes no softmax is "
        "steeper than its tangent at uniform outputs."
    )


def _spoiled() -> tuple[bool, str]:
    inside = [[0.49, 0.03, 0.48], [0.40, 0.56, 0.04], [0.11, 0.41, 0.48]]
    C = noise.corruption_matrix(np.kron(np.eye(2), inside))
    block = {"n_superclasses": 2, "c": 0.43, "d": 0.411, "e": 0.389}
    data, given = _blocks(6, 100, block, C)
    shares = {
        model: distillation.distill(
            data.features, given, 7e-4, rounds=20, model=model, true_labels=data.labels
        ).accuracies("all")
        for model in ("linearised", "softmax")
    }
    linearised, exact = (shares[model] == 1 for model in ("linearised", "softmax"))
    first, last = exact.argmax() + 1, len(exact) - exact[::-1].argmax()
    return bool(exact[exact.argmax() :].all()), (
        f"Six classes in two superclasses, lopsided noise with a gap of {theory.gap(C):g} that "
        f"meets every assumption of Theorem 3. The linearised model has all labels right from "
        f"round {linearised.argmax() + 1} on, the exact softmax from round {first} to {last}; in "
        f"round 20 it has {shares['softmax'][-1]:.0%}."
    )


def _one_ridge() -> tuple[bool, str]:
    eigenvalues = [0.3, 1.0, 3.0]
    match = filters.matching_ridge(eigenvalues, ridge=1.0, t=6)
    ridges = np.asarray(theory.equivalent_ridge(eigenvalues, ridge=1.0, t=6))
    return match.left_over < 1e-3, (
        f"Six rounds at ridge 1 do to the eigenvalues 0.3, 1 and 3 what one round does at the "
        f"ridges {ridges[0]:.0f}, {ridges[1]:.0f} and {ridges[2]:.0f}. The nearest single ridge "
        f"misses by {match.left_over:.0%}, even up to a common factor."
    )


def _pairs() -> tuple[bool, str]:
    teacher, student = _teacher_and_student(6, 50, ONE, noise.pair_flip(6, 0.4))
    return student >= teacher, (
        f"Pair flips, six classes, 40% wrong: every candidate set holds the truth and the same "
        f"neighbour. The teacher has {teacher:.0%}, its student {student:.0%}: a coin flip."
    )


def _superclasses_of_two() -> tuple[bool, str]:
    C = noise.superclass([0, 0, 1, 1, 2, 2, 3, 3], 0.3)
    teacher, student = _teacher_and_student(8, 50, EIGHT, C)
    return student >= teacher, (
        f"Four superclasses of two classes, 30% wrong inside them: the teacher has {teacher:.0%}, "
        f"its partial-label student {student:.0%}. Rounds of self-distillation repair everything."
    )


def _favourite() -> tuple[bool, str]:
    C, shrinkage = noise.asymmetric(4, 0.4), theory.BlockSpectrum(0.05, 0.9, 0.9, 0.9)
    outputs = [theory.population_outputs(shrinkage, C), theory.partial_label_outputs(shrinkage, C)]
    teacher, student = (float(theory.population_accuracy(one, C).all) for one in outputs)
    return student >= teacher, (
        f"Asymmetric noise, four classes, 40% wrong, q/p = 18: own labels weigh so little that "
        f"the second candidate is always the favourite wrong class. The teacher has {teacher:.0%}, "
        f"its student {student:.0%}."
    )


def _everybodys_second() -> tuple[bool, str]:
    s, large, *_ = map(float, theory.block_eigenvalues(5, 50, c=0.4, d=0.15))
    lam = 7 * s * large / (large - 8 * s) / (5 * 250)  # q/p = 8
    # One wrong label to each class in a class of 50: an exact tie. Then one more to class 0.
    even = noise.symmetric(5, 0.08)
    leaning = even + 0.02 * (np.eye(5)[[1, 0, 0, 0, 0]] - np.eye(5))
    repaired, found = [], []
    for C in (even, leaning):
        data, given = _blocks(5, 50, {"n_superclasses": 1, "c": 0.4, "d": 0.15}, C)
        for model in ("linearised", "softmax"):
            box = (data.features, given, lam)
            rounds = distillation.distill(*box, rounds=2, model=model, true_labels=data.labels)
            student = distillation.partial_label(*box, model=model, true_labels=data.labels)
            repaired.append(float(rounds.accuracies("all")[-1]))
            found.append(float(student.accuracies("all")[-1]))
    return min(found) > 0.999, (
        f"Five classes in one superclass, q/p = 8, 8% wrong labels, evenly: class 0 is the second "
        f"candidate of all right labels but its own. Two rounds of self-distillation have "
        f"{min(repaired):.0%}, one partial-label student {found[0]:.0%} in the linearised model "
        f"and {found[1]:.0%} with the exact softmax. With 10%, a little more of them called 0 and "
        f"no tie: {found[2]:.0%} and {found[3]:.0%}."
    )


def _negative() -> tuple[bool, str]:
    rng = np.random.default_rng(0)
    features = datasets.normalise(rng.standard_normal((30, 5)))
    model = solvers.LabelAveraging(features, 1e-3, 3)
    least = min(float(model.averaging_weights(i, t=2).min()) for i in range(30))
    return least >= 0, (
        f"30 instances with five random features, two rounds: the least weight is "
        f"{least:.2f}".replace("-", "−")
        + ". Labels of instances that point the other way are "
        "held against theirs."
    )


def _not_a_gram_matrix() -> tuple[bool, str]:
    rng, n = np.random.default_rng(0), 250
    blocks = np.kron(np.full((4, 4), 0.1) + 0.3 * np.eye(4), np.ones((n, n)))
    scatter = rng.uniform(-0.05, 0.05, blocks.shape)
    scattered = blocks + (scatter + scatter.T) / 2
    np.fill_diagonal(scattered, 1)
    least = float(np.linalg.eigvalsh(scattered)[0])
    return least >= 0, (
        f"Four classes of 250, correlations 0.4 and 0.1, each entry moved by up to 0.05: the least "
        f"eigenvalue is {least:.1f}".replace("-", "−")
        + ". No vectors have these correlations, "
        "which is why the book makes vectors first."
    )


COUNTER_EXAMPLES: tuple[CounterExample, ...] = (
    CounterExample(
        "copies",
        "With a small enough penalty, a probe gives every instance the label it was given.",
        _copies,
        ("sdbook.solvers.solve",),
        "tests/book/test_statements.py::test_no_tempting_claim_survives",
        "04_fixed_point",
    ),
    CounterExample(
        "undercounted",
        "The exact softmax needs as many rounds as the linearised one.",
        _undercounted,
        ("sdbook.theory.rounds_bound", "sdbook.distill"),
        "tests/theory/test_numbers.py::"
        "test_ten_classes_three_linearised_rounds_five_exact_ones_or_one_partial_label_student",
        "09_counting_rounds",
    ),
    CounterExample(
        "overcounted",
        "The exact softmax never needs fewer rounds than the linearised one.",
        _overcounted,
        ("sdbook.theory.rounds_bound", "sdbook.distill"),
        "tests/theory/test_numbers.py::test_two_classes_need_fewer_exact_rounds_than_linearised_ones",
        "09_counting_rounds",
    ),
    CounterExample(
        "spoiled",
        "Where the assumptions of Theorem 3 hold, what rounds have repaired stays repaired.",
        _spoiled,
        ("sdbook.distill", "sdbook.theory.assumptions", "sdbook.theory.rounds_bound"),
        "tests/theory/test_numbers.py::test_lopsided_noise_repaired_and_spoiled_by_exact_rounds",
        "11_agreement",
    ),
    CounterExample(
        "one-ridge",
        "Several rounds are one round with a larger penalty.",
        _one_ridge,
        ("sdbook.book.filters.matching_ridge", "sdbook.theory.equivalent_ridge"),
        "tests/theory/test_filters.py::"
        "test_three_directions_are_never_matched_not_even_up_to_a_factor",
        "08_clean_labels",
    ),
    CounterExample(
        "pair-flips",
        "Where rounds repair the labels, one partial-label student does as well.",
        _pairs,
        ("sdbook.partial_label", "sdbook.book.pairs.candidate_shares"),
        "tests/theory/test_numbers.py::"
        "test_pair_flip_rounds_help_but_the_partial_label_student_falls",
        "10_partial_labels",
    ),
    CounterExample(
        "superclasses-of-two",
        "A partial-label student is at least as good as its teacher.",
        _superclasses_of_two,
        ("sdbook.partial_label", "sdbook.book.pairs.candidate_shares"),
        "tests/theory/test_numbers.py::"
        "test_superclasses_of_two_classes_rounds_help_but_the_partial_label_student_falls",
        "10_partial_labels",
    ),
    CounterExample(
        "favourite",
        "The more classes differ (the larger q/p), the better for the partial-label student.",
        _favourite,
        ("sdbook.theory.partial_label_outputs", "sdbook.book.pairs.candidate_shares"),
        "tests/book/test_statements.py::test_no_tempting_claim_survives",
        "10_partial_labels",
    ),
    CounterExample(
        "everybodys-second",
        "Fewer wrong labels than 1/(q/p − 1), of several kinds in each class, never defeat a "
        "partial-label student.",
        _everybodys_second,
        ("sdbook.partial_label", "sdbook.distill"),
        "tests/theory/test_unbalanced.py::test_little_even_noise_defeats_candidates_and_not_rounds",
        "10_partial_labels",
    ),
    CounterExample(
        "negative-weights",
        "Averaging weights are shares: none is negative.",
        _negative,
        ("sdbook.solvers.LabelAveraging",),
        "tests/book/test_statements.py::test_no_tempting_claim_survives",
        "06_label_averaging",
    ),
    CounterExample(
        "scattered-correlations",
        "Block correlations with a little scatter are the correlations of some features.",
        _not_a_gram_matrix,
        ("sdbook.datasets.block_correlated",),
        "tests/test_datasets.py::test_constant_blocks_with_scattered_entries_are_no_gram_matrix",
        "07_correlated_classes",
    ),
)
