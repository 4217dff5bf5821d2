"""The examples in docstrings run, and everything public that computes has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import sdbook

MODULES = sorted(found.name for found in pkgutil.walk_packages(sdbook.__path__, prefix="sdbook."))
COMPUTE = [
    "sdbook.datasets",
    "sdbook.distillation",
    "sdbook.noise",
    "sdbook.refine",
    "sdbook.solvers",
    "sdbook.theory",
]
# What is only ever received from a function whose example shows it, and what is only a type.
RECEIVED = {
    "Accuracy",
    "Assumption",
    "Assumptions",
    "BlockSpectrum",
    "BlockWeights",
    "PopulationAccuracy",
    "Certificate",
    "CleanMargins",
    "Factorisation",
    "Loss",
    "Match",
    "NotConverged",
    "Refinement",
    "Round",
    "Run",
    "Solution",
}


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", COMPUTE)
def test_everything_public_has_an_example(name):
    module = importlib.import_module(name)
    without = {
        public
        for public in module.__all__
        if "Examples\n" not in (inspect.getdoc(getattr(module, public)) or "")
    }
    assert without <= RECEIVED
