"""The table of candidate sets of chapter 10: each label, its candidates, what they share."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from reading import bar_shades, bars, ink, shade, written

from sdbook import noise, theory
from sdbook.book import figures
from sdbook.book.figures.partial_labels import candidate_table


@pytest.fixture(params=figures.MODES)
def drawn(request):
    """Draw the class with a row of a corruption matrix; its table, its bars, and its numbers."""
    with figures.theme(request.param):

        def draw(C, true=0, answers=None):
            teacher = theory.population_outputs(theory.BlockSpectrum(0.4, 0.9, 0.9, 0.9), C)
            sets = theory.candidates(teacher, C)
            figure, K = Figure((6.4, 5.2)), len(C)
            answers = answers or [str(true)] * K
            candidate_table(
                figure, teacher[true], sets[true], C[true], answers, true=true, classes=range(K)
            )
            return *figure.axes, teacher[true], sets[true]

        yield draw


def cells(table, K):
    """What is written in each cell."""
    inside = {text.get_position(): text for text in table.texts}
    return {(row, column): inside[column, row] for row, column in np.ndindex(K, K)}


def test_candidates_have_the_colour_of_partial_labels_and_others_none(drawn):
    table, _, teacher, sets = drawn(noise.symmetric(5, 0.5))
    for place, text in cells(table, 5).items():
        assert text.get_text() == f"{teacher[place]:.2f}"
        candidate = "background" if sets[place] else "muted"
        assert text.get_color() == figures.colour(candidate)
    assert len(table.patches) == np.count_nonzero(sets)
    assert {shade(patch) for patch in table.patches} == {figures.colour("pll")}


def test_bars_are_the_shares_of_sets_with_a_class(drawn):
    C = noise.asymmetric(5, 0.5)
    _, below, _, sets = drawn(C, true=2)
    expected = [sum(C[2, j] * (sets[j, k] > 0) for j in range(5)) for k in range(5)]
    assert bars(below, "shares") == pytest.approx(expected)
    assert {f"{share:.0%}" for share in expected if share} <= set(written(below))
    others = [figures.colour("pll")] * 2
    assert bar_shades(below, "shares") == [*others, figures.colour("true"), *others]


def test_labels_that_never_occur_have_an_empty_row(drawn):
    table, *_ = drawn(noise.pair_flip(5, 0.4))
    names = [text for text in written(table) if "called" in text]
    assert names == ["60% called 0", "40% called 1", *(f"none called {j}" for j in (2, 3, 4))]
    assert ink(table)["60% called 0"] == figures.colour("true")
    assert ink(table)["40% called 1"] == figures.colour("given")
    assert sum(text.count(".") for text in written(table)) == 10, "two rows of numbers"


def test_a_student_that_is_wrong_is_marked(drawn):
    table, *_ = drawn(noise.symmetric(3, 0.5), answers=["0", "0 or 1", "2"])
    colours = ink(table)
    assert colours["0 ✓"] == figures.colour("true")
    assert colours["0 or 1 ✗"] == colours["2 ✗"] == figures.colour("given")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outputs": np.eye(2)}, r"outputs, sets and answers must have .*got \(2, 2\)"),
        ({"answers": ["0"]}, r"answers must .* \(1,\)"),
        ({"classes": [1, 2]}, r"classes must contain true=0, got \[1, 2\]"),
    ],
)
def test_errors_name_the_argument(change, message):
    good = {"outputs": np.eye(3), "sets": np.eye(3), "shares": [0.6, 0.2, 0.2]}
    good |= {"answers": list("012"), "true": 0, "classes": [0, 1, 2]}
    with pytest.raises(ValueError, match=message):
        candidate_table(Figure(), **(good | change))
