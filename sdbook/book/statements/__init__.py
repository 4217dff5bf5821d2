"""Every numbered statement of the book, and what holds it up.

A statement has a function that states it, a test that checks it, and a way to draw a random problem
and see by how much its two sides disagree. The same draws are made by the tests, which hold them to
a bound, and by a page of the book, which shows what was seen. Counter-examples are
computed as well. ``python -m sdbook.book.statements`` prints everything.
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
