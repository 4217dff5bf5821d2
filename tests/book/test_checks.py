"""Checks of exercises: the chapter's own solution is right, and each usual slip is told apart."""

from __future__ import annotations

import ast
import builtins
import functools
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, confusion_matrix

import notebooks  # tools/notebooks.py
from sdbook import refine
from sdbook.book import checks
from sdbook.theory import block_eigenvalues, block_shrinkage
from sdbook.theory import block_weights as weights_of_blocks

NOTHING = "Nothing came back yet."
CHAPTERS = {
    "centred_gram": "02_gram_matrix",
    "label_shares": "03_wrong_labels",
    "smallest_case": "04_fixed_point",
    "safe_answers": "05_straight_softmax",
    "averaging_weights": "06_label_averaging",
    "block_weights": "07_correlated_classes",
    "limit_filter": "08_clean_labels",
    "least_rounds": "09_counting_rounds",
    "two_hot_targets": "10_partial_labels",
    "index_by_luck": "13_words",
    "inferred_accuracy": "14_recipe",
    "probe_recipe": "15_network",
    "seeds_needed": "16_paper",
}
FUNCTIONS = [name for name in CHAPTERS if name != "probe_recipe"]  # what takes a function
# What a page prints, where it is not "Nothing came back yet." for the stub, and "Right." at last.
STUB = {
    "smallest_case": "λ = 0.05: 0.500 is not 1.000.",
    "safe_answers": "Not yet: you vouch for 537 images, and 25 of them get another answer.",
}
SOLUTION = {
    "smallest_case": "The two sides agree for each λ.",
    "safe_answers": "Right: 413 of 537 images are safe.",
    "probe_recipe": "Yes: it is the probe.",
    "seeds_needed": "Right: 2 seeds in pairs, 26 without.",
}


# The pages


@functools.cache
def statements(chapter):
    """The statements of all code cells of a chapter, in their order."""
    page = notebooks.read(notebooks.FOLDER / f"{chapter}.md")
    cells = [cell.source for cell in page.cells if cell.cell_type == "code"]
    return [statement for cell in cells for statement in ast.parse(cell).body]


def calls(name, chapter):
    """Where a chapter calls a check: the place of the statement, and the call."""
    return [
        (place, node)
        for place, statement in enumerate(statements(chapter))
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"checks.{name}"
    ]


def bound(statement):
    """The names that a statement gives to something."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and stores(n)}


def stores(name):
    return isinstance(name.ctx, ast.Store)


def needed(node):
    """The names that a statement or an expression takes from outside."""
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    own = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    own |= {n.id for n in names if stores(n)}
    return {n.id for n in names} - own - set(dir(builtins))


def said(name, which):
    """What a chapter's check says: run the call, and before it only what it needs."""
    chapter = CHAPTERS[name]
    place, call = calls(name, chapter)[which]
    before, wanted, chosen = statements(chapter)[:place], needed(call), []
    for statement in reversed(before):
        if wanted & bound(statement):
            wanted = (wanted - bound(statement)) | needed(statement)
            chosen.insert(0, statement)
    namespace = {}
    exec(compile(ast.Module(chosen, []), chapter, "exec"), namespace)
    return eval(compile(ast.Expression(call), chapter, "eval"), namespace)


def test_each_check_has_a_chapter_which_calls_it_for_the_stub_and_for_the_solution():
    assert sorted(CHAPTERS) == sorted(checks.__all__)
    for name, chapter in CHAPTERS.items():
        assert len(calls(name, chapter)) == 2, name


def test_no_chapter_defines_a_check():
    for pair in notebooks.find_pairs():
        assert "def check" not in pair.md.read_text(encoding="utf-8"), pair.name


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_stub_is_not_finished(name):
    if name == "probe_recipe":
        assert checks.probe_recipe(None) == NOTHING  # the chapter's imports need PyTorch
    else:
        assert said(name, 0) == STUB.get(name, NOTHING)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_solution_in_the_chapter_is_right(name):
    if name == "probe_recipe":
        pytest.importorskip("torch")
    assert said(name, 1) == SOLUTION.get(name, "Right.")


# Any answer


def returns(answer):
    return lambda *arguments, **named: answer


def check(name, function):
    return getattr(checks, name)(function)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_none_is_nothing(name):
    assert check(name, returns(None)) == NOTHING


PAIRS = ("inferred_accuracy", "seeds_needed")
WANTED = {
    "centred_gram": ((200, 200), "a Gram matrix of 200 instances is (200, 200)."),
    "label_shares": ((10, 10), "one row a true class, one column a label is (10, 10)."),
    "smallest_case": ((), "one number is wanted."),
    "safe_answers": ((537,), "one truth value for each image is (537,)."),
    "averaging_weights": ((1198,), "one weight for each of the N instances is (1198,)."),
    "block_weights": ((5,), "five weights are wanted."),
    "limit_filter": ((40,), "one share for each eigenvalue is (40,)."),
    "least_rounds": ((), "one number is wanted."),
    "two_hot_targets": (
        (40, 10),
        "one row for each instance and one column for each class is (40, 10).",
    ),
    "index_by_luck": ((), "one number is wanted."),
    "inferred_accuracy": ((2,), "Return two numbers: the accuracy, and its standard error."),
    "seeds_needed": ((2,), "Return two numbers: paired, unpaired."),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wrong_shape_is_named(name):
    wanted = WANTED[name][1]
    sentence = wanted if name in PAIRS else f"The shape is (3, 7); {wanted}"
    assert check(name, returns(np.zeros((3, 7)))) == sentence
    assert check(name, returns(np.zeros((3, 7)).tolist())) == sentence


@pytest.mark.parametrize("odd", ["two", {}, [[1], [1, 2]], 1j, [None, None]], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_numbers_is_no_error(name, odd):
    wanted = WANTED[name][1]
    kind = f"What came back, of type {type(odd).__name__}, cannot be read as real numbers; {wanted}"
    assert check(name, returns(odd)) == (wanted if name in PAIRS else kind)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0, -1, True, 10**6, 0.5 + 1e-17j])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_array_of_the_right_shape_is_an_error(name, value):
    sentence = check(name, returns(np.full(WANTED[name][0], value)))
    assert isinstance(sentence, str)
    assert sentence != SOLUTION.get(name, "Right.")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_check_asks_a_function(name):
    with pytest.raises(TypeError, match=r"^function must be callable, got 3\.$"):
        check(name, 3)


def test_what_the_function_raises_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        checks.centred_gram(lambda G: 1 / 0)


def two_hot(outputs):
    return refine.top_k(2)(outputs)


def test_a_function_may_work_in_place():
    def clears(outputs):
        targets = two_hot(outputs)
        outputs[:] = 0
        return targets

    assert checks.two_hot_targets(clears) == "Right."
    assert checks.two_hot_targets(two_hot) == "Right."


def test_rounding_may_leave_imaginary_parts():
    assert checks.limit_filter(lambda s, c: np.exp(-c / s) + 1e-17j) == "Right."


# Slips


def mean_of(G, axis):
    return G.mean(axis=axis, keepdims=True)


def counted(true, given, *, by=None):
    counts = confusion_matrix(true, given).astype(float)
    return counts / counts.sum(axis=by, keepdims=True)


def vouched(Z, HE, *, by=np.ptp, lead=True, K=3):
    second, first = np.sort(Z, axis=1)[:, -2:].T
    return (first - second if lead else np.ptp(Z, axis=1)) / K > by(HE, axis=1)


def averaging(features, i, t, lam, n_classes, *, K=True, N=True, power=True):
    ridge = (n_classes if K else 1) * (len(features) if N else 1) * lam
    vectors, s, _ = np.linalg.svd(features, full_matrices=False)
    return vectors @ ((s**2 / (ridge + s**2)) ** (t if power else 1) * vectors[i])


def five(K, n, S, c, d, e, lam, t, *, ridge=lambda K, n: K * K * n, power=True):
    spectrum = block_eigenvalues(K, n, n_superclasses=S, c=c, d=d, e=e)
    kept = block_shrinkage(spectrum, ridge(K, n) * lam)
    return list(weights_of_blocks(kept, t if power else 1))


def swapped(**problem):
    weights = five(**problem)
    return weights[:1] + weights[:0:-1]


def shifted(**problem):
    weights = five(**problem)
    return [weights[0] + 0.1, weights[1] - 0.1, *weights[2:]]


def least(p, q, C, *, gap=None, plus=1, whole=lambda bound: int(np.floor(bound + 1e-9)) + 1):
    off = np.where(np.eye(len(C), dtype=bool), 0, C)
    if off.max() == 0:
        return 1
    lead = gap(np.diag(C), off) if gap else (np.diag(C) - off.max(axis=1)).min()
    return np.inf if lead <= 1e-12 else whole(np.log(plus + 1 / lead) / np.log(q / p))


def taken(outputs, columns):
    """One half at two places of each row."""
    targets = np.zeros_like(outputs)
    np.put_along_axis(targets, columns, 1 / 2, axis=1)
    return targets


def unequal(outputs, total):
    kept = (two_hot(outputs) > 0) * outputs
    return kept / kept.sum(axis=1, keepdims=True) if total else kept


def with_ties(outputs):
    second = np.sort(outputs, axis=1)[:, -2:-1]
    members = outputs >= second - 1e-9
    return members / members.sum(axis=1, keepdims=True)


def average_luck(theirs, ours):
    rng = np.random.default_rng(0)
    return np.mean([adjusted_rand_score(rng.permutation(theirs), ours) for _ in range(50)])


def inferred(seen, rate, K, held_out, *, wrong=-1, error=lambda spread, slope: spread / slope):
    floor = rate / (K + wrong)
    slope, spread = 1 - rate - floor, np.sqrt(seen * (1 - seen) / held_out)
    return (seen - floor) / slope, error(spread, slope)


def seeds(teacher, student, *, unit=0.01**2, added=lambda a, b: a**2 + b**2):
    paired = (student - teacher).std(ddof=1) ** 2
    return [
        int(np.ceil(v / unit)) for v in (paired, added(student.std(ddof=1), teacher.std(ddof=1)))
    ]


def given(function, **changes):
    return functools.partial(function, **changes)


SLIPS = {
    "centred_gram": [
        (
            lambda G: G - G.mean(),
            "You subtracted one number from all entries. Instances differ in how much they share "
            "with the mean.",
        ),
        (
            lambda G: G - mean_of(G, 1),
            "Rows are centred, columns are not: a Gram matrix is symmetric.",
        ),
        (
            lambda G: G - mean_of(G, 0),
            "Columns are centred, rows are not: a Gram matrix is symmetric.",
        ),
        (
            lambda G: G - mean_of(G, 0) - mean_of(G, 1),
            "You took the mean image off twice where both meet. Add the overall mean once.",
        ),
        (lambda G: G, "Not yet: the largest difference is "),
    ],
    "label_shares": [
        (
            lambda true, given, K: confusion_matrix(true, given),
            "These are counts. Shares of each class sum to one.",
        ),
        (
            lambda true, given, K: counted(true, given, by=1).T,
            "Transposed: true classes belong in the rows.",
        ),
        (
            lambda true, given, K: counted(true, given, by=0),
            "Columns sum to one: this is how often a given label is true, another question.",
        ),
        (
            lambda true, given, K: counted(true, given),
            "Divided by the number of all instances: each row should sum to one.",
        ),
        (lambda true, given, K: np.eye(K), "Not yet: the largest difference is "),
    ],
    "smallest_case": [
        (lambda lam: 0.7394, "λ = 0.05: 0.739 is not 1.000."),
        (lambda lam: 1.0, "λ = 0.05: 1.000 is not 0.500."),
        (lambda lam: np.nan, "λ = 0.05: nan is not nan."),
    ],
    "safe_answers": [
        (
            given(vouched, K=1),
            "Logits are K times as large as what they do to outputs: where is K?",
        ),
        (
            given(vouched, lead=False),
            "That is the range of the logits. Wanted is the lead: first minus second.",
        ),
        (
            given(vouched, by=lambda HE, axis: abs(HE).max(axis=axis)),
            "Two entries of HE can move in opposite directions: take the range, not the largest.",
        ),
        (
            lambda Z, HE: np.zeros(len(Z), dtype=bool),
            "Not yet: you vouch for 0 images, and 0 of them get another answer.",
        ),
    ],
    "averaging_weights": [
        (
            given(averaging, power=False),
            "These are the weights of round 1: raise the filter to the power t.",
        ),
        (given(averaging, K=False), "Your ridge is N lambda. Where is K?"),
        (given(averaging, N=False), "Your ridge is K lambda. The loss is a mean: where is N?"),
        (given(averaging, K=False, N=False), "Your ridge is lambda. It should be K N lambda."),
        (
            lambda features, i, t, lam, n_classes: np.eye(len(features))[i],
            "Not yet: the largest difference to the library is ",
        ),
    ],
    "block_weights": [
        (
            given(five, power=False),
            "These are the weights of round 1: raise the factors to the power t.",
        ),
        (given(five, ridge=lambda K, n: K * n), "Your ridge is N lambda. Where is K?"),
        (
            given(five, ridge=lambda K, n: n),
            "Your ridge is n lambda. It should be K N lambda, with N = K n.",
        ),
        (given(five, ridge=lambda K, n: 1), "Your ridge is lambda. It should be K N lambda."),
        (lambda **problem: [*five(**problem)[:4], 0], "The weights sum to "),
        (
            swapped,
            "The own weight is right, the others are not yet: look at the eigenvalues "
            "s_q, s_r, s_g.",
        ),
        (shifted, "Not yet: the own weight is "),
    ],
    "limit_filter": [
        (
            lambda s, c: s / (c + s),
            "That is one round at ridge c. Rounds are steeper: see how small it must get at "
            "s = 0.1.",
        ),
        (
            lambda s, c: 1 - np.exp(-s / c),
            "That is what gradient descent from zero keeps, with the roles turned round. Take the "
            "logarithm of (s / (a + s))^t.",
        ),
        (lambda s, c: np.exp(-s / c), "Not yet: off by up to "),
    ],
    "least_rounds": [
        (lambda p, q, C: 2, "Without noise the teacher is enough: 1, and not 2."),
        (
            given(least, gap=lambda own, off: 0.1),
            "With pair flips of 60% the gap is negative: no number of rounds is enough.",
        ),
        (given(least, plus=0), "You took log(1/gap). Where is the 1 +?"),
        (
            given(least, gap=lambda own, off: (own - off.max(axis=1)).mean()),
            "You averaged the gap over the classes; the worst class decides.",
        ),
        (
            given(least, gap=lambda own, off: (own - off.max(axis=1)).max()),
            "You took the best class; the worst decides.",
        ),
        (
            given(least, gap=lambda own, off: own.min() if own.min() >= off.max() else 0),
            "You took the share of right labels for the gap; subtract the strongest rival.",
        ),
        (
            given(least, gap=lambda own, off: (own - off.sum(axis=1)).min()),
            "You subtracted the sum of all rivals; only the strongest counts.",
        ),
        (
            given(least, whole=lambda bound: int(np.ceil(bound - 1e-9))),
            "Where the bound is a whole number, here 2, equality is a tie: you need strictly more.",
        ),
        (
            given(least, whole=lambda bound: int(bound)),
            "Not yet: 13 rounds, and you say 12.",
        ),
    ],
    "two_hot_targets": [
        (
            lambda outputs: 2 * two_hot(outputs),
            "Your rows sum to two: the candidates share one, a half each.",
        ),
        (
            given(unequal, total=True),
            "You kept the teacher's weights. Forget them: a half each.",
        ),
        (
            given(unequal, total=False),
            "You kept the outputs as they were, and set the rest to zero. Rows must sum to one, "
            "with equal halves.",
        ),
        (
            lambda outputs: two_hot(-outputs),
            "These are the two smallest outputs: which way does your sort go?",
        ),
        (refine.hard, "One candidate is not enough: this is the teacher's decision."),
        (lambda outputs: 3 * two_hot(outputs), "Rows must sum to one; yours sum to 3 to 3."),
        (with_ties, "Row 3 has 5 candidates: what do you do with ties?"),
        (
            lambda outputs: taken(outputs, np.argsort(outputs.round(9), axis=1)[:, -3:-1]),
            "Row 0 has the candidates ",
        ),
    ],
    "index_by_luck": [
        (adjusted_rand_score, "Too large: was the order of one of the two really shuffled?"),
        (average_luck, "That is not the largest of a thousand: a mean?"),
    ],
    "inferred_accuracy": [
        (
            lambda seen, rate, K, held_out: (seen / (1 - rate - rate / (K - 1)), 0),
            "You forgot what wrong answers find: subtract η/(K − 1) first.",
        ),
        (given(inferred, wrong=0), "There are K − 1 wrong classes, not K."),
        (
            lambda seen, rate, K, held_out: (seen / (1 - rate), 0),
            "1 − η is what a perfect classifier finds, but nobody starts at zero.",
        ),
        (
            lambda seen, rate, K, held_out: (seen, 0),
            "For 26% of 240, ten classes and 70% wrong the accuracy is not 0.260. Solve the line "
            "for a.",
        ),
        (
            given(inferred, error=lambda spread, slope: spread),
            "The accuracy is right. Its error is that of the share, divided by the slope.",
        ),
        (
            given(inferred, error=lambda spread, slope: spread**2 / slope),
            "The accuracy is right. You returned a variance: take the root.",
        ),
        (
            given(inferred, error=lambda spread, slope: spread**2 / slope**2),
            "The accuracy is right. You returned a variance: take the root.",
        ),
        (
            given(inferred, error=lambda spread, slope: 0.2),
            "The accuracy is right; the standard error is not 0.200.",
        ),
    ],
    "seeds_needed": [
        (
            lambda teacher, student: seeds(teacher, student)[::-1],
            "The other way round: paired first.",
        ),
        (
            given(seeds, unit=0.01),
            "The standard error is the deviation over the root of the seeds: square the 0.01, too.",
        ),
        (
            given(seeds, added=lambda a, b: (a + b) ** 2),
            "Variances of independent numbers add up, standard deviations do not.",
        ),
        (
            lambda teacher, student: np.array([3, 3]),
            "Not these: you say [3, 3]. Paired: the deviation of the differences. Unpaired: the "
            "two variances together.",
        ),
    ],
}
EACH = [(name, *slip) for name, slips in SLIPS.items() for slip in slips]


@pytest.mark.parametrize(
    ("name", "function", "sentence"), EACH, ids=[f"{name}: {said}" for name, _, said in EACH]
)
def test_a_slip_is_recognised(name, function, sentence):
    found = check(name, function)
    assert found.startswith(sentence)
    assert found == sentence or not sentence.endswith(".")  # whole, unless a number follows


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("safe_answers", vouched),
        ("averaging_weights", averaging),
        ("block_weights", five),
        ("least_rounds", least),
        ("inferred_accuracy", inferred),
        ("seeds_needed", seeds),
    ],
)
def test_without_the_slip_the_same_code_is_right(name, function):
    assert check(name, function) == SOLUTION.get(name, "Right.")


# Networks


def test_a_recipe_that_is_not_there_yet_says_how_far_it_is():
    training = pytest.importorskip("sdbook.training", exc_type=ImportError)
    short = training.Recipe(epochs=1)
    assert checks.probe_recipe(short).startswith("Outputs are still off by up to 0.")
    with pytest.raises(TypeError, match=r"^recipe must be a sdbook\.training\.Recipe or None, got"):
        checks.probe_recipe("adam")


# What is loaded


def test_checks_load_no_pictures_and_no_torch():
    code = """
import sys
from sdbook.book import checks
print(sorted({"matplotlib", "ipywidgets", "torch", "sklearn"} & set(sys.modules)))
print(checks.probe_recipe(None), checks.block_weights(lambda **problem: None))
print(sorted({"matplotlib", "ipywidgets", "torch"} & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.splitlines() == ["[]", f"{NOTHING} {NOTHING}", "[]"]
