"""The statements and the book say the same, and what is stated holds.

Each check is also run on errors that are planted for it.
"""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from sdbook import datasets, distillation, noise, solvers, theory
from sdbook.book import curvature, filters, pairs, statements, tangent
from sdbook.book.statements import deviations

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("definition", "lemma", "proposition", "theorem", "corollary")
label_of = {"ids": lambda entry: entry.label}


# --- what the checks read -------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A numbered block in a chapter."""

    chapter: str
    kind: str
    title: str
    label: str


BLOCK = re.compile(
    rf"^(?:`{{3,}}|:{{3,}})\{{prf:({'|'.join(KINDS)})\}}[ ]*(.*)\n((?::\w+:.*\n)*)", re.MULTILINE
)


def blocks_in(chapter, text):
    for kind, title, options in BLOCK.findall(text):
        label = re.search(r":label:\s*(\S+)", options)
        yield Block(chapter, kind, title.strip(), label[1] if label else "")


def blocks_of_the_book():
    """All numbered blocks, in the order of the table of contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    texts = {Path(page).name: (ROOT / f"{page}.md").read_text(encoding="utf-8") for page in pages}
    return [block for name, text in texts.items() for block in blocks_in(name, text)]


QUOTE = re.compile(
    r"\b(Definition|Lemma|Proposition|Theorem|Corollar)(?:y|ies|s)?\s+(\d+)(?:\s+(and|to)\s+(\d+))?"
)


def quotes(text):
    """Names such as "Theorem 2" in a text; "Theorems 2 and 3" and "Theorems 2 to 4" count."""
    for kind, first, joint, last in QUOTE.findall(text):
        numbers = [int(first)]
        if joint:
            numbers = range(int(first), int(last) + 1) if joint == "to" else [int(first), int(last)]
        for number in numbers:
            yield f"{kind.replace('Corollar', 'Corollary')} {number}"


def docstrings(module, source):
    """Dotted names of a module and what is in it, each with its docstring."""

    def walk(node, name):
        yield name, ast.get_docstring(node) or ""
        for child in node.body:
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                yield from walk(child, f"{name}.{child.name}")

    yield from walk(ast.parse(source), module)


def docstrings_of_the_library():
    for path in sorted((ROOT / "sdbook").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield from docstrings(module, path.read_text(encoding="utf-8"))


def find(dotted):
    """The object that a public name leads to; functions come before modules of the same name."""
    first, *parts = dotted.split(".")
    found, path = importlib.import_module(first), first
    for part in parts:
        path = f"{path}.{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = importlib.import_module(path)
            except ModuleNotFoundError:
                raise AttributeError(f"no {path}") from None
    return found


def where_defined(dotted):
    found = find(dotted)
    return f"{found.__module__}.{found.__qualname__}"


# --- the checks: each returns problems ------------------------------------------------------------


def block_problems(blocks, statements):
    """Blocks without an entry, entries without a block, and what differs between the two."""
    problems = [
        f"{block.chapter}: {block.title} has no label" for block in blocks if not block.label
    ]
    entries = {entry.label: entry for entry in statements}
    labels = [block.label for block in blocks if block.label]
    problems += [f"{label} has no entry" for label in labels if label not in entries]
    problems += [f"{label} has no block" for label in entries if label not in labels]
    if len(entries) < len(statements):
        problems.append("two entries have the same label")
    for block in blocks:
        if entry := entries.get(block.label):
            for what in ("chapter", "kind", "title"):
                ours, theirs = getattr(entry, what), getattr(block, what)
                if ours != theirs:
                    problems.append(f"{block.label}: {what} {ours!r}, in the book {theirs!r}")
    for kind in KINDS:  # numbers follow from the order
        ours = [entry.label for entry in statements if entry.kind == kind]
        theirs = [block.label for block in blocks if block.kind == kind and block.label]
        if sorted(ours) == sorted(theirs) and ours != theirs:
            problems.append(f"order of {kind}s: {ours}, in the book {theirs}")
    return problems


def reference_problems(entries):
    """Functions and tests that do not exist."""
    problems = []
    for entry in entries:
        for function in entry.functions:
            try:
                find(function)
            except AttributeError:
                problems.append(f"{entry.label}: no function {function}")
        file, _, test = entry.test.partition("::")
        path = ROOT / file
        defined = path.is_file() and {
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)
        }
        if not test.startswith("test_") or not defined or test not in defined:
            problems.append(f"{entry.label}: no test {entry.test}")
    return problems


def quote_problems(documented, statements):
    """Numbers in docstrings that are not those of the statement, or not there where they must be.

    Whoever quotes a statement is among its functions; a module has one of them.
    """
    places = {}
    for entry in statements:
        places.setdefault(entry.name, set()).update(map(where_defined, entry.functions))
    problems, quoted = [], {}
    for name, text in documented:
        if name.startswith("sdbook.book.statements."):  # which prints them all
            continue
        for quote in quotes(text):
            quoted.setdefault(quote, set()).add(name)
            known = places.get(quote, set())
            if name not in known and not any(place.startswith(f"{name}.") for place in known):
                problems.append(f"{name} quotes {quote}, which is not its own")
    for entry in statements:
        place = where_defined(entry.function)
        if entry.kind in ("theorem", "proposition") and not any(
            place == name or place.startswith(f"{name}.") for name in quoted.get(entry.name, ())
        ):
            problems.append(f"{entry.function} does not quote {entry.name}")
    return problems


def deviation_problems(statement, draws, rng):
    largest = max(statements.deviations_seen(statement, draws, rng))
    if largest > statement.accepted:
        return [f"{statement.name} is off by {largest:.2g}, accepted is {statement.accepted:.2g}"]
    return []


# --- the statements as they are -------------------------------------------------------------------


def test_every_numbered_block_has_an_entry_and_every_entry_a_block():
    assert block_problems(blocks_of_the_book(), statements.STATEMENTS) == []


def test_functions_and_tests_exist():
    assert reference_problems([*statements.STATEMENTS, *statements.COUNTER_EXAMPLES]) == []


def test_numbers_in_docstrings_are_those_of_the_book():
    assert quote_problems(docstrings_of_the_library(), statements.STATEMENTS) == []


@pytest.mark.parametrize("statement", statements.STATEMENTS, **label_of)
def test_statement_holds(statement):
    assert deviation_problems(statement, draws=100, rng=1) == []


@pytest.mark.parametrize("example", statements.COUNTER_EXAMPLES, **label_of)
def test_no_tempting_claim_survives(example):
    survives, text = example.example()
    assert not survives
    assert re.search(r"\d", text)
    assert (ROOT / "notebooks" / f"{example.chapter}.md").is_file()


def test_labels_of_counter_examples_differ():
    labels = [example.label for example in statements.COUNTER_EXAMPLES]
    assert len(set(labels)) == len(labels)


def test_problems_are_drawn_from_a_seed_or_a_generator():
    gram = next(each for each in statements.STATEMENTS if each.label == "def-gram")
    seen = statements.deviations_seen(gram, 5, 3)
    assert statements.deviations_seen(gram, 5, np.random.default_rng(3)) == seen
    with pytest.raises(ValueError, match=r"^draws "):
        statements.deviations_seen(gram, 0)


# --- each check can fail --------------------------------------------------------------------------

CHAPTER = """
```{prf:definition} A thing
:label: def-a
Text.
```

:::{prf:theorem} A theorem
:class: wide
:label: thm-a
:::

```{prf:proof}
None, and {prf:ref}`thm-a` is not a block.
```

````{prf:theorem} Another
:label: thm-b
````
"""


def entry(label, kind="theorem", title="A theorem", chapter="01_one", **changes):
    return replace(
        statements.STATEMENTS[0], label=label, kind=kind, title=title, chapter=chapter, **changes
    )


RIGHT = [
    entry("def-a", "definition", "A thing"),
    entry("thm-a"),
    entry("thm-b", title="Another"),
]


def test_blocks_are_found():
    found = [(block.kind, block.label) for block in blocks_in("01_one", CHAPTER)]
    assert found == [("definition", "def-a"), ("theorem", "thm-a"), ("theorem", "thm-b")]
    assert block_problems(list(blocks_in("01_one", CHAPTER)), RIGHT) == []


@pytest.mark.parametrize(
    ("chapter", "statements", "problem"),
    [
        (CHAPTER, RIGHT[:2], "thm-b has no entry"),
        (CHAPTER, [*RIGHT, entry("thm-c")], "thm-c has no block"),
        (CHAPTER, [*RIGHT, RIGHT[0]], "two entries have the same label"),
        (CHAPTER.replace(":label: thm-b\n", ""), RIGHT[:2], "01_one: Another has no label"),
        (
            CHAPTER,
            [RIGHT[0], RIGHT[2], RIGHT[1]],
            "order of theorems: ['thm-b', 'thm-a'], in the book ['thm-a', 'thm-b']",
        ),
        (
            CHAPTER,
            [replace(RIGHT[0], title="Some thing"), *RIGHT[1:]],
            "def-a: title 'Some thing', in the book 'A thing'",
        ),
        (
            CHAPTER,
            [replace(RIGHT[0], chapter="02_two"), *RIGHT[1:]],
            "def-a: chapter '02_two', in the book '01_one'",
        ),
        (
            CHAPTER.replace("{prf:definition}", "{prf:lemma}"),
            RIGHT,
            "def-a: kind 'definition', in the book 'lemma'",
        ),
    ],
)
def test_block_problems_are_found(chapter, statements, problem):
    assert block_problems(list(blocks_in("01_one", chapter)), statements) == [problem]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"functions": ("sdbook.theory.oracle",)}, "thm-a: no function sdbook.theory.oracle"),
        ({"functions": ("sdbook.nowhere.f",)}, "thm-a: no function sdbook.nowhere.f"),
        (
            {"test": "tests/book/test_statements.py::test_x"},
            "thm-a: no test tests/book/test_statements.py::test_x",
        ),
        ({"test": "tests/test_x.py::test_x"}, "thm-a: no test tests/test_x.py::test_x"),
        ({"test": "tests/book/test_statements.py"}, "thm-a: no test tests/book/test_statements.py"),
        (
            {"test": "tests/book/test_statements.py::find"},
            "thm-a: no test tests/book/test_statements.py::find",
        ),
    ],
)
def test_reference_problems_are_found(change, problem):
    assert reference_problems([RIGHT[1]]) == []
    assert reference_problems([replace(RIGHT[1], **change)]) == [problem]


def test_quotes_are_read():
    text = "Theorem 2, Propositions 1 to 3, Lemmas 4\nand 6 and Corollary 5; no theorem 7."
    assert list(quotes(text)) == [
        *("Theorem 2", "Proposition 1", "Proposition 2", "Proposition 3"),
        *("Lemma 4", "Lemma 6", "Corollary 5"),
    ]


def test_quote_problems_are_found():
    bound = "sdbook.theory.rounds.rounds_bound"
    stated = [each for each in statements.STATEMENTS if each.label == "thm-rounds"]
    number = stated[0].name
    assert quote_problems([(bound, f"More than this ({number}).")], stated) == []
    assert quote_problems([("sdbook.theory.rounds", f"{number} and more.")], stated) == []
    assert quote_problems([(bound, "No number.")], stated) == [
        f"sdbook.theory.rounds_bound does not quote {number}"
    ]
    assert quote_problems([(bound, f"{number}, not Theorem 99.")], stated) == [
        f"{bound} quotes Theorem 99, which is not its own"
    ]
    assert quote_problems(
        [(bound, number), ("sdbook.noise.symmetric", f"See {number}.")], stated
    ) == [f"sdbook.noise.symmetric quotes {number}, which is not its own"]


def test_docstrings_are_found_in_classes_too():
    source = '"""Top."""\nclass A:\n    """Of A."""\n    def f(self):\n        """Of f."""\n'
    assert dict(docstrings("m", source)) == {"m": "Top.", "m.A": "Of A.", "m.A.f": "Of f."}


# Spoil what a statement is about, and its deviation must show it.


def spoiled(value):
    """A result that is slightly, or for a yes or no entirely, wrong."""
    if isinstance(value, tuple):
        changed = [spoiled(part) for part in value]
        return type(value)(*changed) if hasattr(value, "_fields") else tuple(changed)
    array = np.asarray(value)
    if array.dtype == bool:
        return ~array
    return value * (1 + 1e-6) + 1e-6


def wrong(function):
    return lambda *arguments, **options: spoiled(function(*arguments, **options))


SPOILED = {
    "def-population-accuracy": (theory, "population_accuracy"),
    "def-gap": (theory, "gap"),
    "prop-fixed-point": (theory, "fixed_point"),
    "prop-linearised": (theory, "linearised"),
    "prop-tangent-error": (tangent, "tangent_error"),
    "prop-block-spectrum": (theory, "block_eigenvalues"),
    "thm-blocks": (theory, "block_outputs"),
    "cor-own-label": (theory, "block_shrinkage"),
    "cor-clean-margins": (filters, "clean_margins"),
    "prop-ridge-of-rounds": (theory, "equivalent_ridge"),
    "cor-same-proportions": (filters, "same_ratio_ridge"),
    "thm-rounds": (pairs, "pair_recovers"),
    "cor-symmetric": (theory, "gap"),
    "thm-partial-label": (theory, "partial_label_recovers"),
    "prop-preconditioner": (curvature, "linearised_hessian"),
}
by_label = {statement.label: statement for statement in statements.STATEMENTS}


@pytest.mark.parametrize("label", SPOILED)
def test_a_spoiled_function_is_seen(label, monkeypatch):
    module, name = SPOILED[label]
    monkeypatch.setattr(module, name, wrong(getattr(module, name)))
    assert deviation_problems(by_label[label], draws=20, rng=1) != []


def other(**changes):
    """A function whose result, a dataclass, has other fields."""

    def change(function):
        def changed(*arguments, **options):
            result = function(*arguments, **options)
            assert is_dataclass(result)
            return replace(
                result, **{name: f(getattr(result, name)) for name, f in changes.items()}
            )

        return changed

    return change


class Heavier(solvers.LabelAveraging):
    """Every weight a little too large."""

    def averaging_weights(self, instance, t=1):
        return super().averaging_weights(instance, t) + 1e-6


CHANGED = {
    "def-corruption": (noise, "corrupt", lambda _: lambda true, C, **options: true),
    "def-self-distillation": (
        *(distillation, "distill"),
        other(rounds=lambda rounds: tuple(reversed(rounds))),
    ),
    "def-probe": (solvers, "solve", other(coef=lambda coef: coef + 1e-2)),
    "def-gram": (datasets, "Dataset", lambda _: lambda *a, **o: Bent(*a, **o)),
    "lem-votes": (noise, "corrupt", lambda _: lambda true, C, **options: np.roll(true, 5000)),
    "prop-fixed-point": (solvers, "solve", other(coef=lambda coef: coef + 1e-6)),
    "lem-certificate": (
        *(solvers, "solve"),
        other(certificate=lambda one: replace(one, gap_bound=one.gap_bound / 4)),
    ),
    "prop-tangent-error": (tangent, "tangent_error_bound", lambda f: lambda Z: f(Z) / 3),
    "thm-averaging": (solvers, "LabelAveraging", lambda _: Heavier),
    "def-block-model": (
        *(datasets, "block_correlated"),
        other(features=lambda features: features * (1 + 1e-6)),
    ),
    "cor-no-gap": (
        theory,
        "block_shrinkage",
        lambda _: lambda *a: theory.BlockSpectrum(0.1, 0.9, 0.9, 0.9),
    ),
    "def-partial-label": (
        *(distillation, "partial_label"),
        other(rounds=lambda rounds: (rounds[0], replace(rounds[1], taught=rounds[0].taught))),
    ),
    "cor-one-partner": (theory, "block_shrinkage", lambda f: lambda *a: sharper(f(*a))),
    "cor-top-k": (deviations, "top", lambda f: lambda outputs, k: f(outputs, 2)),
    "cor-hesitate": (theory, "one_or_two_outputs", wrong),
    "prop-preconditioner": (
        curvature,
        "eigenvalue_interval",
        lambda f: lambda Y: (f(Y)[0] * 3, f(Y)[1]),
    ),
    "thm-rounds": (theory, "rounds_bound", lambda f: lambda *a: f(*a) + 1),
}


def sharper(shrinkage):
    """As if own labels weighed half as much."""
    return shrinkage._replace(instance=shrinkage.instance / 2)


class Bent(datasets.Dataset):
    """With a Gram matrix that is not one."""

    def gram(self):
        return super().gram() + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("label", CHANGED)
def test_a_changed_function_is_seen(label, monkeypatch):
    module, name, change = CHANGED[label]
    monkeypatch.setattr(module, name, change(getattr(module, name)))
    assert deviation_problems(by_label[label], draws=100, rng=1) != []


def test_every_statement_is_spoiled_somehow():
    assert {*SPOILED, *CHANGED} == set(by_label)


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize(
    ("label", "module", "name"),
    [
        ("thm-rounds", pairs, "pair_recovers"),
        ("thm-partial-label", theory, "partial_label_recovers"),
    ],
)
def test_always_the_same_answer_is_wrong(label, module, name, answer, monkeypatch):
    """So that both answers occur in the draws."""
    monkeypatch.setattr(
        module, name, lambda _, C, *a, **o: np.full(C.shape if name[:4] == "pair" else (), answer)
    )
    assert deviation_problems(by_label[label], draws=100, rng=1) != []


# --- the page -------------------------------------------------------------------------------------


def test_cards_of_the_book_link_to_blocks_and_functions(monkeypatch):
    monkeypatch.setenv("SDBOOK_STATIC", "somewhere")
    (markdown, _) = (shown := statements.cards(["07"], draws=2)._repr_mimebundle_()).values()
    assert list(shown) == ["text/markdown", "text/plain"]
    assert "{prf:ref}`thm-blocks`" in markdown
    assert "{py:obj}`~sdbook.theory.block_outputs`" in markdown
    assert "thm-rounds" not in markdown


def test_cards_without_the_book_have_numbers_and_no_roles(monkeypatch):
    monkeypatch.delenv("SDBOOK_STATIC", raising=False)
    cards = statements.cards(["07"], draws=2)._repr_mimebundle_()
    assert f"[{by_label['thm-blocks'].name}](07_correlated_classes.ipynb)" in cards["text/markdown"]
    assert "{" not in cards["text/markdown"]
    assert "below 10⁻¹² in 2 problems" in cards["text/plain"]


def test_disagreements_are_counted_and_deviations_rounded_up(monkeypatch):
    answers = iter([0.0, 1.0, 0.0, 1.0, 1.0] + [2e-8] * 5)
    draw = replace(by_label["thm-rounds"], deviation=lambda rng: next(answers))
    monkeypatch.setattr(
        "sdbook.book.statements.page.STATEMENTS", (draw, replace(draw, accepted=1e-3, chapter="x"))
    )
    assert str(statements.cards(["09"], draws=5)).endswith("3 of 5 problems disagree")
    assert str(statements.cards(["x"], draws=5)).endswith("below 10⁻⁷ in 5 problems")


@pytest.mark.slow
def test_counter_examples_make_cards():
    cards = statements.counter_example_cards()
    assert str(cards).count("No. ") == len(statements.COUNTER_EXAMPLES)
