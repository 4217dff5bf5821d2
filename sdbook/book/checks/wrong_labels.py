"""Chapter 3: check the shares of given labels in each true class."""

from __future__ import annotations

import numpy as np

from sdbook import datasets, noise
from sdbook.book.checks._answers import Answerer, ask, read, recognise

__all__ = ["label_shares"]


def label_shares(function: Answerer) -> str:
    """Check the table of the shares of given labels in each true class.

    Parameters
    ----------
    function : callable
        From true labels (N,), given labels (N,) and the number of classes K to the shares (K, K),
        one row for each true class.

    Returns
    -------
    str
        "Right.", or what is wrong.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.book import checks
    >>> def counts(true_labels, given_labels, n_classes):
    ...     table = np.zeros((n_classes, n_classes))
    ...     np.add.at(table, (true_labels, given_labels), 1)
    ...     return table
    >>> checks.label_shares(counts)
    'These are counts. Shares of each class sum to one.'
    """
    K = 10
    true = datasets.digits().split(test_share=1 / 3, rng=0)[0].labels
    given = noise.corrupt(true, noise.asymmetric(K, 0.6), rng=3)
    form = f"one row a true class, one column a label is ({K}, {K})"
    answer, complaint = read(ask(function, true, given, K), (K, K), form)
    if complaint:
        return complaint
    counts = np.zeros((K, K))
    np.add.at(counts, (true, given), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    known = [
        (shares, "Right."),
        (counts, "These are counts. Shares of each class sum to one."),
        (shares.T, "Transposed: true classes belong in the rows."),
        (
            counts / counts.sum(axis=0, keepdims=True),
            "Columns sum to one: this is how often a given label is true, another question.",
        ),
        (
            counts / counts.sum(),
            "Divided by the number of all instances: each row should sum to one.",
        ),
    ]
    off = abs(answer - shares).max()
    return recognise(answer, known) or f"Not yet: the largest difference is {off:.2g}."
