"""The ledger: every numbered statement of the book, and what holds it up.

A statement has a function that states it, a test that checks it, and a way to draw a random problem
and see by how much its two sides disagree. The same draws are made by the tests, which hold them to
a bound, and by the ledger's page in the book, which shows what was seen. Counter-examples are
computed as well. ``python -m sdbook.ledger`` prints everything.
"""

from sdbook.ledger.counterexamples import COUNTER_EXAMPLES, CounterExample
from sdbook.ledger.entries import STATEMENTS, Statement, deviations_seen
from sdbook.ledger.page import Cards, counter_examples, statements

__all__ = [
    "COUNTER_EXAMPLES",
    "STATEMENTS",
    "Cards",
    "CounterExample",
    "Statement",
    "counter_examples",
    "deviations_seen",
    "statements",
]
