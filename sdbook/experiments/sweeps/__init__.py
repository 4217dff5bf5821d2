"""Sweeps: kinds of noise x rates x seeds x methods, trained together, kept in files, resumed."""

from sdbook.experiments.sweeps.results import Results
from sdbook.experiments.sweeps.resume import resume
from sdbook.experiments.sweeps.sweep import Sweep

__all__ = ["Results", "Sweep", "resume"]
