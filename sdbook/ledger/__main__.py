"""Print the ledger: ``python -m sdbook.ledger``."""

from sdbook import ledger

if __name__ == "__main__":
    print(ledger.statements())
    print()
    print(ledger.counter_examples())
