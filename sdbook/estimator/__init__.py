"""Self-distillation with the interface of scikit-learn: in pipelines, with data frames and names.

`SelfDistilledClassifier` runs the loop of `sdbook.distill`; `SelfDistilledClassifierCV` chooses
rounds, lambda and method from wrong labels alone.
"""

from sdbook.estimator.chooser import NoBetterThanConstant, SelfDistilledClassifierCV
from sdbook.estimator.classifier import SelfDistilledClassifier

__all__ = ["NoBetterThanConstant", "SelfDistilledClassifier", "SelfDistilledClassifierCV"]
