"""The table of candidate sets: every kind of instance, its candidates, what they have in common."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sdbook import noise, theory
from sdbook.book import figures
from sdbook.book.figures.candidates import candidate_table


def drawn(C, *, mode="light", true=0, classes=None):
    shrinkage = theory.BlockSpectrum(0.4, 0.9, 0.9, 0.9)
    teacher = theory.population_outputs(shrinkage, C)
    sets = theory.candidates(teacher, C)
    K = len(C)
    with figures.theme(mode):
        figure = Figure(figsize=(6.4, 5.2))
        candidate_table(
            figure,
            teacher[true],
            sets[true],
            C[true],
            [str(true)] * K,
            true=true,
            classes=range(K) if classes is None else classes,
        )
        colours = {name: figures.colour(name) for name in ("pll", "true")}
    return figure, teacher[true], sets[true], colours


@pytest.mark.parametrize("mode", figures.MODES)
def test_a_filled_cell_for_each_candidate_and_no_other(mode):
    C = noise.symmetric(5, 0.5)
    figure, teacher, sets, colours = drawn(C, mode=mode)
    table = figure.axes[0]
    places = {(round(patch.get_y() + 0.4), round(patch.get_x() + 0.43)) for patch in table.patches}
    assert places == set(zip(*np.nonzero(sets), strict=True))
    assert {to_hex(patch.get_facecolor()) for patch in table.patches} == {colours["pll"]}
    for row, column in np.ndindex(5, 5):
        assert f"{teacher[row, column]:.2f}" in {
            text.get_text() for text in table.texts if text.get_position() == (column, row)
        }


def test_bars_are_the_shares_of_sets_with_a_class():
    C = noise.asymmetric(5, 0.5)
    figure, _, sets, colours = drawn(C, true=2)
    bars = figure.axes[1].patches
    expected = [sum(C[2, j] * (sets[j, k] > 0) for j in range(5)) for k in range(5)]
    assert np.allclose([bar.get_height() for bar in bars], expected)
    assert to_hex(bars[2].get_facecolor()) == colours["true"]
    assert to_hex(bars[1].get_facecolor()) == colours["pll"]


def test_labels_that_never_occur_have_an_empty_row():
    figure, *_ = drawn(noise.pair_flip(5, 0.4))
    table = figure.axes[0]
    names = [t.get_text() for t in table.texts if "called" in t.get_text()]
    assert names == ["60% called 0", "40% called 1", *(f"none called {j}" for j in (2, 3, 4))]
    assert {round(patch.get_y() + 0.4) for patch in table.patches} == {0, 1}


def test_a_student_that_is_wrong_is_marked():
    C = noise.symmetric(3, 0.5)
    with figures.theme("light"):
        figure = Figure(figsize=(6.4, 5.2))
        answers = ["0", "0 or 1", "2"]
        candidate_table(figure, np.eye(3), np.eye(3), C[0], answers, true=0, classes=range(3))
    marks = [t.get_text() for t in figure.axes[0].texts if "✓" in t.get_text()]
    assert marks == ["0 ✓"]
    assert {"0 or 1 ✗", "2 ✗"} <= {t.get_text() for t in figure.axes[0].texts}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outputs": np.eye(2)}, "outputs"),
        ({"answers": ["0"]}, "answers"),
        ({"classes": [1, 2]}, "classes"),
    ],
)
def test_errors_name_the_argument(change, message):
    good = {"outputs": np.eye(3), "sets": np.eye(3), "shares": [0.6, 0.2, 0.2]}
    good |= {"answers": list("012"), "true": 0, "classes": [0, 1, 2]}
    with pytest.raises(ValueError, match=message):
        candidate_table(Figure(), **(good | change))
