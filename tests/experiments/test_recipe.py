"""The comparison of chapter 14: its own loss, its estimates, and its store of results."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("cleanlab")
from sdbook import datasets, noise
from sdbook.experiments import methods, recipe
from sdbook.solvers import factorise, softmax, solve


@pytest.fixture(scope="module")
def task():
    train, held = datasets.digits().split(test_share=0.8, rng=0)
    C = noise.symmetric(10, 0.3)
    return methods.Task(
        fact=factorise(train.features),
        given=noise.corrupt(train.labels, C, rng=0),
        held_out=(held.features[:300], noise.corrupt(held.labels[:300], C, rng=1)),
        n_classes=10,
        lams=[1e-3, 1e-2],
        finer=[1e-3, 3e-3, 1e-2],
        C=C,
    )


def test_the_posterior_of_forward_correction_gives_its_gradient():
    rng = np.random.default_rng(0)
    loss = methods.Forward(noise.asymmetric(4, 0.4))
    logits, targets = rng.normal(size=(6, 4)), np.eye(4)[rng.integers(0, 4, 6)]

    def value(z):
        return loss.value(np.log(softmax(z)), targets)

    step = 1e-6
    numeric = np.stack(
        [(value(logits + step * e) - value(logits - step * e)) / (2 * step) for e in np.eye(4)],
        axis=1,
    )
    posterior = loss.weights(np.log(softmax(logits)), targets)
    np.testing.assert_allclose(softmax(logits) - posterior, numeric, atol=1e-8)


def test_forward_correction_without_noise_is_cross_entropy(task):
    plain = solve(task.fact, task.labels, 1e-3)
    forward = solve(task.fact, task.labels, 1e-3, loss=methods.Forward(np.eye(10)))
    np.testing.assert_allclose(forward.outputs, plain.outputs, atol=1e-6)


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_method_solves_for_every_penalty_and_value_of_its_knob(task, name):
    rows = list(methods.METHODS[name](task))
    lams = task.finer if name == "plain" else task.lams
    assert all(len(solutions) == len(lams) for _, solutions in rows)
    assert len(rows) == (1 if name in ("plain", "forward, told") else 4)
    assert all(s.certificate.converged for _, solutions in rows for s in solutions)


@pytest.mark.slow
def test_losses_that_are_not_convex_start_at_the_plain_probe(task, monkeypatch):
    started = []

    def recorded(*args, loss=None, warm_start=None, **options):
        if loss is not None and not loss.convex:
            started.append((args[2], warm_start))
        return solve(*args, loss=loss, warm_start=warm_start, **options)

    probes = dict(zip(task.lams, task.teachers, strict=True))
    monkeypatch.setattr(methods, "solve", recorded)
    for method in methods.METHODS.values():
        list(method(task))
    assert len(started) == (4 + 4 + 4 + 1) * len(task.lams)
    assert all(start is probes[lam] for lam, start in started)


def test_estimated_matrices_have_rows_of_shares_and_a_leading_truth(task):
    for C in methods.estimated_matrices(task).values():
        np.testing.assert_allclose(C.sum(axis=1), 1, atol=1e-6)
        assert (C >= 0).all()
    assert np.argmax(methods.estimated_matrices(task)["joint"], axis=1).tolist() == list(range(10))


def test_the_surest_share_keeps_one_candidate(task):
    targets = methods.surest(0.25)(task.teachers[0].outputs)
    assert abs(((targets > 0).sum(axis=1) == 1).mean() - 0.25) < 0.02


def test_results_come_back_as_they_were_saved(tmp_path):
    store = recipe.load(tmp_path / "none.json")
    assert store["pieces"] == {}
    store["pieces"]["a"] = {"methods": {"plain": {"held_out": [[1, 2]], "test": [[3, 4]]}}}
    recipe.save(store, tmp_path / "some.json")
    assert recipe.load(tmp_path / "some.json") == store
    assert list(tmp_path.iterdir()) == [tmp_path / "some.json"]


def test_each_finished_piece_is_saved(tmp_path):
    def work(number):
        if number == 2:
            raise RuntimeError("interrupted")
        return f"piece {number}", {"methods": {}}

    path = tmp_path / "some.json"
    with pytest.raises(RuntimeError, match="interrupted"):
        recipe.compute(recipe.load(path), [0, 1, 2], work, path, n_jobs=1)
    stored = recipe.load(path)
    assert set(stored["pieces"]) == {"piece 0", "piece 1"}
    assert stored["made_with"] == recipe.made_with()


@pytest.mark.slow
def test_what_is_missing_is_named_with_its_extra():
    code = "import sys; sys.modules['cleanlab'] = None; import sdbook.experiments.recipe"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: sdbook.experiments.methods needs cleanlab, " in result.stderr
    assert "pip install 'sdbook[book]'" in result.stderr


def test_results_of_other_settings_are_refused(tmp_path):
    store = recipe.load(tmp_path / "none.json")
    store["settings"]["knobs"]["q"] = [0.5]
    recipe.save(store, tmp_path / "old.json")
    with pytest.raises(ValueError, match="must be results of the present settings"):
        recipe.load(tmp_path / "old.json")


def test_stored_results_are_complete_and_of_these_settings():
    store = recipe.load()
    assert set(store["pieces"]) == {recipe.key(*each) for each in recipe.wanted()}
    for piece in store["pieces"].values():
        assert list(piece["methods"]) == list(methods.METHODS)
        for counts in piece["methods"].values():
            assert np.shape(counts["held_out"]) == np.shape(counts["test"])
            assert np.max(counts["held_out"]) <= piece["held_out"]
            assert np.max(counts["test"]) <= piece["test"]


def test_the_choice_is_the_best_held_out_and_on_a_tie_the_simplest():
    lams = recipe.BENCHES["words"].lams
    blank = [0] * len(lams)
    piece = {
        "methods": {
            "plain": {"knobs": [""], "held_out": [[1, 3, 2] + [0] * (4 * len(lams) - 3)]},
            "hard students": {"knobs": ["2", "3"], "held_out": [blank, [0, 5, 5, 4]]},
            "candidates": {"knobs": ["2", "3"], "held_out": [[0, 5, 5, 0], [0, 0, 5, 0]]},
        }
    }
    plain = len(recipe.BENCHES["words"].finer)
    assert recipe.chosen("words", piece, ["plain"]) == 1
    assert recipe.chosen("words", piece, ["hard students"]) == 4 + 2
    assert recipe.chosen("words", piece, list(piece["methods"])) == plain + 8 + 2
    piece["methods"]["plain"]["held_out"][0][0] = 5  # one round
    assert recipe.chosen("words", piece, list(piece["methods"])) == 0
