"""Every numbered statement of the book, with what states it and what checks it.

A statement has a function that states it, a test that checks it, and a way to draw a random problem
and to compute by how much its two sides differ. The tests hold these differences to a bound. A page
of the book shows them. Counter-examples are computed as well. ``python -m sdbook.book.statements``
prints everything.
"""

from sdbook.book.statements.counterexamples import COUNTER_EXAMPLES, CounterExample
from sdbook.book.statements.entries import STATEMENTS, Statement, deviations_seen
from sdbook.book.statements.page import Cards, cards, counter_example_cards

__all__ = [
    "COUNTER_EXAMPLES",
    "STATEMENTS",
    "Cards",
    "CounterExample",
    "Statement",
    "cards",
    "counter_example_cards",
    "deviations_seen",
]
