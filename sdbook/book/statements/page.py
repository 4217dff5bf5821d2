"""Statements and counter-examples as cards that a page shows."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sdbook.book.statements.counterexamples import COUNTER_EXAMPLES, CounterExample
from sdbook.book.statements.entries import STATEMENTS, Statement, deviations_seen
from sdbook.noise import Seed

STATIC_FOLDER = "SDBOOK_STATIC"
"""Set while the book is built: then cards link to the numbered blocks and the reference."""


@dataclass(frozen=True)
class Cards:
    """Cards that a notebook shows as the last line of a cell.

    Attributes
    ----------
    cards : tuple of (Statement or CounterExample, str)
        What each card is about, and what was found. They become MyST when they are shown.
    plain : tuple of str
        The same as lines of text.
    """

    cards: tuple[tuple[Statement | CounterExample, str], ...]
    plain: tuple[str, ...]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        cards = (
            _statement(one, found) if isinstance(one, Statement) else _counter_example(one, found)
            for one, found in self.cards
        )
        return {"text/markdown": "\n\n".join(map(_card, cards)), "text/plain": str(self)}

    def __str__(self) -> str:
        return "\n".join(self.plain)


def cards(chapters: Sequence[str] | None = None, draws: int = 100, rng: Seed = 0) -> Cards:
    """Check statements on random problems, and return a card for each.

    Parameters
    ----------
    chapters : sequence of str, optional
        Beginnings of the names of the chapters to show, such as ``["02", "03"]``. All by default.
    draws : int
        Random problems for each statement, >= 1.
    rng : int, numpy.random.Generator or None
        Source of the problems. With an integer, each statement has those of `deviations_seen`.

    Returns
    -------
    Cards

    Examples
    --------
    >>> from sdbook.book import statements
    >>> print(statements.cards(["01"], draws=10))
    Definition 1. Self-distillation: equal in all of 10 problems
    """
    shown = [each for each in STATEMENTS if _in(each.chapter, chapters)]
    seen = [_seen(each, deviations_seen(each, draws, rng)) for each in shown]
    made = tuple(zip(shown, seen, strict=True))
    return Cards(made, tuple(f"{one.name}. {one.title}: {found}" for one, found in made))


def counter_example_cards() -> Cards:
    """Compute the counter-examples, and return a card for each.

    Returns
    -------
    Cards

    Examples
    --------
    >>> from sdbook.book import statements
    >>> print(statements.counter_example_cards().plain[0][:81])
    “With a small enough penalty, a probe gives every instance the label it was given
    """
    found = tuple((each, each.example()[1]) for each in COUNTER_EXAMPLES)
    return Cards(found, tuple(f"“{each.claim}” No. {text}" for each, text in found))


def _in(chapter: str, chapters: Sequence[str] | None) -> bool:
    return chapters is None or chapter.startswith(tuple(chapters))


def _seen(statement: Statement, deviations: Sequence[float]) -> str:
    """What a number of random problems showed, so that it holds on any machine."""
    number, largest = len(deviations), max(deviations)
    if statement.accepted == 0:
        off = sum(each != 0 for each in deviations)
        return (
            f"{off} of {number} problems disagree" if off else f"equal in all of {number} problems"
        )
    least = 1e-12  # below, the size of rounding errors differs from machine to machine
    power = math.ceil(math.log10(max(largest, least)) - 1e-9)
    return f"below {_power_of_ten(power)} in {number} problems"


def _power_of_ten(exponent: int) -> str:
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _statement(statement: Statement, seen: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    name = f"[{statement.name}]({statement.chapter}.ipynb)"
    if os.environ.get(STATIC_FOLDER):
        name = f"{{prf:ref}}`{statement.label}`"
    rows = [
        ("assumes", "; ".join(statement.assumptions)),
        ("stated by", _names(statement.functions)),
        ("checked by", _test(statement.test)),
        ("largest deviation", seen),
    ]
    return f"{name}. {statement.title}", statement.claim, tuple(row for row in rows if row[1])


def _counter_example(
    example: CounterExample, found: str
) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    number = int(example.chapter[:2])
    rows = (
        ("computed with", _names(example.functions)),
        ("checked by", _test(example.test)),
        ("shown in", f"[chapter {number}]({example.chapter}.ipynb)"),
    )
    return f"“{example.claim}”", f"No. {found}", rows


def _names(functions: Iterable[str]) -> str:
    if os.environ.get(STATIC_FOLDER):
        return ", ".join(f"{{py:obj}}`~{name}`" for name in functions)
    return ", ".join(f"`{name.removeprefix('sdbook.')}`" for name in functions)


def _test(test: str) -> str:
    file, _, function = test.partition("::")
    return f"`{function}` in `{file}`"


def _card(card: tuple[str, str, tuple[tuple[str, str], ...]]) -> str:
    title, text, rows = card
    below = "".join(f"\n\n{name}\n: {value}" for name, value in rows)
    if os.environ.get(STATIC_FOLDER):
        return f":::{{card}} {title}\n:class-card: sdbook-statements\n\n{text}{below}\n:::"
    below = "".join(f"\n* *{name}*: {value}" for name, value in rows)
    return f"**{title}**\n\n{text}\n{below}"
