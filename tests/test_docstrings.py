"""The examples in docstrings run, and everything public that computes has one."""

from __future__ import annotations

import doctest
import inspect
import pkgutil

import pytest

import sdbook

MODULES = sorted(found.name for found in pkgutil.walk_packages(sdbook.__path__, prefix="sdbook."))
COMPUTE = [
    "sdbook.blocks",
    "sdbook.book.checks",
    "sdbook.datasets",
    "sdbook.distillation",
    "sdbook.embedding",
    "sdbook.estimator",
    "sdbook.noise",
    "sdbook.experiments.paper",
    "sdbook.refine",
    "sdbook.solvers",
    "sdbook.experiments.sweeps",
    "sdbook.theory",
    "sdbook.training",
]
# What is only ever received from a function whose example shows it, and what is only a type.
RECEIVED = {
    "Accuracy",
    "Assumption",
    "Assumptions",
    "BlockRun",
    "BlockSpectrum",
    "BlockWeights",
    "PopulationAccuracy",
    "Certificate",
    "CleanMargins",
    "Epoch",
    "Factorisation",
    "Loss",
    "Match",
    "NotConverged",
    "Refinement",
    "Results",
    "Round",
    "Run",
    "Solution",
}


def module(name):
    """The module, or a skip that names the library that it lacks."""
    return pytest.importorskip(name, exc_type=ImportError)


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name):
    assert doctest.testmod(module(name)).failed == 0


@pytest.mark.parametrize("name", COMPUTE)
def test_everything_public_has_an_example(name):
    found = module(name)
    without = {
        public
        for public in found.__all__
        if "Examples\n" not in (inspect.getdoc(getattr(found, public)) or "")
    }
    assert without <= RECEIVED
