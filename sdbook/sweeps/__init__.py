"""Sweeps: whole experiments, noises x rates x seeds x methods, shared, stacked, kept, resumed."""

from sdbook.sweeps.fingerprint import fingerprint
from sdbook.sweeps.results import Results
from sdbook.sweeps.resume import resume
from sdbook.sweeps.store import Store
from sdbook.sweeps.sweep import Sweep

__all__ = ["Results", "Store", "Sweep", "fingerprint", "resume"]
