"""Data to learn on: features, true labels, superclasses.

Features have one instance per row. Labels are whole numbers ``0 ... K - 1``.
"""

from sdbook.datasets.blocks import block_correlated
from sdbook.datasets.dataset import Dataset
from sdbook.datasets.prepare import centre, normalise, one_hot
from sdbook.datasets.real import digits, words

__all__ = ["Dataset", "block_correlated", "centre", "digits", "normalise", "one_hot", "words"]
