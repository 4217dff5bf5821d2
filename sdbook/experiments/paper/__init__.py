"""The experiment of Jeong & Chung (2024) on its six data sets, or on two that need no network.

``python -m sdbook.experiments.paper --data cifar100`` loads the images from the Hugging Face hub,
embeds them with a pretrained network, gives them wrong labels, and trains teachers, students and
partial-label students by exact solves (extra ``paper``; a GPU helps). ``--data words`` and ``--data
digits`` run the same protocol on data that come with Python packages. The L2 strength is chosen on
given labels (`choose`), or fixed.

`PROTOCOL` says what is known of the paper's own set-up, and where this one differs.
"""

from sdbook.experiments.paper.features import load
from sdbook.experiments.paper.protocol import NOISES as NOISES
from sdbook.experiments.paper.protocol import PROTOCOL as PROTOCOL
from sdbook.experiments.paper.protocol import RATES as RATES
from sdbook.experiments.paper.protocol import Setting, experiment
from sdbook.experiments.paper.report import gains, notes, scores, table
from sdbook.experiments.paper.running import run
from sdbook.experiments.paper.sources import LOCAL as LOCAL
from sdbook.experiments.paper.sources import SOURCES as SOURCES
from sdbook.experiments.paper.sources import Source
from sdbook.experiments.paper.strength import EndOfGrid, Strength, choose, fixed, grid

__all__ = [
    "EndOfGrid",
    "Setting",
    "Source",
    "Strength",
    "choose",
    "experiment",
    "fixed",
    "gains",
    "grid",
    "load",
    "notes",
    "run",
    "scores",
    "table",
]
