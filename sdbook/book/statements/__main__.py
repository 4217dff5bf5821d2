"""Print all statements and counter-examples: ``python -m sdbook.book.statements``."""

from sdbook.book import statements

if __name__ == "__main__":
    print(statements.cards())
    print()
    print(statements.counter_example_cards())
