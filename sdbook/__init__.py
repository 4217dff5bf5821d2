"""Self-distillation and partial-label learning on fixed features, solved exactly and fast.

Data flows one way: `datasets` (features, true labels) and `noise` (given labels) feed the
`solvers` (`solvers.linearised`: label averaging, all rounds at once; `solvers.softmax`: the exact
optimum with a certificate); `distill` (in `distillation`) runs teacher and students, with
`refine` between them; `theory` holds closed forms. `plots` and `explore` show results, and are
imported only when asked for.
"""

from sdbook import datasets, noise, refine, solvers, theory
from sdbook.distillation import Run, distill, distill_all, partial_label

__version__ = "0.1.0"

__all__ = [
    "Run",
    "datasets",
    "distill",
    "distill_all",
    "noise",
    "partial_label",
    "refine",
    "solvers",
    "theory",
]
