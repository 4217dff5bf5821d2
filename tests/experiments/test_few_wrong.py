"""The experiment on files in which few labels are wrong, and what README and chapter say of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cleanlab")  # which the other experiments need
from sdbook.experiments import few_wrong, recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def store():
    return few_wrong.load()


def test_stored_results_are_complete_and_add_up(store):
    assert set(store["pieces"]) == {recipe.key(*each) for each in few_wrong.wanted()}
    for name, piece in store["pieces"].items():
        assert piece["suggested"] == piece["right"] - piece["spoiled"] + piece["mended"], name
        assert piece["mended"] <= piece["rows"] - piece["right"], name
        assert piece["found"] <= min(few_wrong.FIRST, piece["rows"] - piece["right"]), name


@pytest.mark.parametrize("sizes", few_wrong.SIZES)
@pytest.mark.parametrize("source", few_wrong.SOURCES)
def test_files_are_as_the_settings_say(source, sizes):
    X, given, truth = few_wrong.file(source, sizes, 0.1, 3)
    assert len(X) == len(given) == len(truth)
    assert np.bincount(truth).tolist() == few_wrong.SIZES[sizes]
    assert abs((given != truth).mean() - 0.1) < 0.05
    again, *_ = few_wrong.file(source, sizes, 0.1, 3)
    np.testing.assert_allclose(again, X)


@pytest.mark.slow
@pytest.mark.parametrize("each", [("digits", "unequal", 0.1, 0), ("texts", "unequal", 0.02, 1)])
def test_a_sample_computed_again_is_what_is_stored(store, each):
    stored, now = store["pieces"][recipe.key(*each)], few_wrong.piece(*each)
    assert now["right"] == stored["right"]
    for name in ("suggested", "mended", "spoiled", "found"):  # one row in a hundred may be a tie
        assert abs(now[name] - stored[name]) <= 0.01 * stored["rows"], name


def test_the_readme_says_what_the_results_say(store):
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert " ".join(few_wrong.as_markdown(store).split()) in text
    (texts,) = re.findall(r"better than the labels only from (\d+)% wrong labels on", text)
    (digits,) = re.findall(r"Digits [^.]*suggestions are better from (\d+)% on", text)
    for sizes in few_wrong.SIZES:
        assert few_wrong.worth_taking(store, "texts", sizes) == float(texts) / 100
        assert few_wrong.worth_taking(store, "digits", sizes) == float(digits) / 100
        rows = few_wrong.table(store, "texts", sizes)
        assert abs(rows[0.1]["gain"][0]) < 2 * rows[0.1]["gain"][1]  # at 10 %, no better
        assert all(rows[rate]["gain"][0] < -2 * rows[rate]["gain"][1] for rate in (0, 0.02, 0.05))
