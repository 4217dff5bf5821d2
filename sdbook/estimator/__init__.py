"""Self-distillation as scikit-learn classifiers, for pipelines and data frames.

`SelfDistilledClassifier` runs the loop of `sdbook.distill`. `SelfDistilledClassifierCV` chooses
rounds, lambda and method by cross-validation on the given labels, right or wrong. `select_best` is
the rule by which it chooses.
"""

from sdbook.estimator.chooser import NoBetterThanConstant, SelfDistilledClassifierCV
from sdbook.estimator.classifier import SelfDistilledClassifier
from sdbook.estimator.selection import select_best

__all__ = [
    "NoBetterThanConstant",
    "SelfDistilledClassifier",
    "SelfDistilledClassifierCV",
    "select_best",
]
