"""Self-distillation and partial-label learning on fixed features, solved exactly and fast.

From the data to the result: `datasets` has features and true labels, and `noise` makes them wrong.
`distill` trains a teacher and students, with the exact solvers of `solvers`; a `Method` says how
many rounds, what students are taught (`refine`) and by which loss. `theory` holds closed forms.
`SelfDistilledClassifier` speaks scikit-learn, `embedding` makes features of images and texts, and
`training` trains networks.
"""

import lazy_loader

__version__ = "0.1.0"

# What __init__.pyi lists, each loaded when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ = [name for name in __all__ if name not in ("embedding", "training")]  # need extras
