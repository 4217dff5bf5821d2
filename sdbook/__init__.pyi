from . import datasets as datasets
from . import embedding as embedding
from . import estimator as estimator
from . import noise as noise
from . import refine as refine
from . import solvers as solvers
from . import theory as theory
from . import training as training
from .blocks import BlockRun as BlockRun
from .blocks import distill_blocks as distill_blocks
from .distillation import Accuracy as Accuracy
from .distillation import Round as Round
from .distillation import Run as Run
from .distillation import distill as distill
from .distillation import distill_all as distill_all
from .distillation import partial_label as partial_label
from .estimator import SelfDistilledClassifier as SelfDistilledClassifier
from .estimator import SelfDistilledClassifierCV as SelfDistilledClassifierCV
from .method import Method as Method

__version__: str
