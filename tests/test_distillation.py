"""The one loop: teacher, students, what they are taught, how they are measured."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sdbook import (
    Method,
    datasets,
    distill,
    distill_all,
    distillation,
    noise,
    partial_label,
    refine,
    solvers,
)
from sdbook.solvers import (
    CrossEntropy,
    GeneralisedCrossEntropy,
    LabelAveraging,
    NotConverged,
    factorise,
    solve,
)

LAM = 1e-3


@pytest.fixture(scope="module")
def digits():
    """Training digits with wrong labels, and test digits with true ones."""
    train, test = datasets.digits().take(range(600)).split(1 / 3, rng=0)
    return train, test, noise.corrupt(train.labels, noise.symmetric(10, 0.6), rng=0)


@pytest.fixture(scope="module")
def run(digits):
    train, test, given = digits
    return distill(
        train.features,
        given,
        LAM,
        rounds=4,
        true_labels=train.labels,
        test=(test.features, test.labels),
    )


def test_rounds_are_counted_from_the_teacher(run, digits):
    assert [step.t for step in run.rounds] == [1, 2, 3, 4]
    assert run.teacher is run.rounds[0]
    assert run.last is run.rounds[3]
    np.testing.assert_array_equal(run.given_labels, digits[2])


def test_teacher_learns_the_given_labels(run, digits):
    train, _, given = digits
    np.testing.assert_array_equal(run.teacher.targets, datasets.one_hot(given, 10))
    alone = solve(train.features, datasets.one_hot(given, 10), LAM)
    np.testing.assert_array_equal(run.teacher.outputs, alone.outputs)
    assert run.teacher.certificate == alone.certificate


def test_each_student_learns_what_the_round_before_answered(run, digits):
    features = digits[0].features
    for before, after in zip(run.rounds, run.rounds[1:], strict=False):
        np.testing.assert_array_equal(after.targets, before.outputs)
        alone = solve(features, before.outputs, LAM)  # without the warm start
        np.testing.assert_allclose(after.outputs, alone.outputs, atol=1e-5)
        assert after.certificate.converged


def test_test_outputs_are_predictions(run, digits):
    for step in run.rounds:
        logits = digits[1].features @ step.coef
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(step.test_outputs, shares, atol=1e-12)


def test_accuracies_count_true_labels(run, digits):
    train, test, given = digits
    for step in run.rounds:
        right = step.outputs.argmax(axis=1) == train.labels
        wrong = given != train.labels
        assert step.accuracy.all == pytest.approx(right.mean())
        assert step.accuracy.clean == pytest.approx(right[~wrong].mean())
        assert step.accuracy.corrupted == pytest.approx(right[wrong].mean())
        correct = step.test_outputs.argmax(axis=1) == test.labels
        assert step.accuracy.test == pytest.approx(correct.mean())
    np.testing.assert_array_equal(
        run.accuracies("test"), [step.accuracy.test for step in run.rounds]
    )


def test_students_beat_the_teacher_on_wrong_labels(run):
    for kind in ("test", "all", "corrupted"):
        assert run.accuracies(kind)[-1] > run.accuracies(kind)[0] + 0.03


def test_true_labels_never_train(run, digits):
    train, _, given = digits
    blind = distill(train.features, given, LAM, rounds=4)
    np.testing.assert_array_equal(blind.last.outputs, run.last.outputs)
    assert blind.last.accuracy is None
    assert blind.last.test_outputs is None


def test_ties_count_as_fair_coins():
    """Two identical instances with two labels: each output is uniform."""
    same = np.tile([[1.0, 0.0]], (2, 1))
    tied = distill(same, [0, 1], 0.1, rounds=1, true_labels=[0, 0])
    assert tied.teacher.accuracy.all == 0.5
    assert tied.teacher.accuracy.clean == 0.5
    assert tied.teacher.accuracy.corrupted == 0.5


@pytest.mark.parametrize(("dtype", "rounds"), [(np.float64, 9), (np.float32, 3)])
def test_outputs_that_are_nearly_uniform_are_no_ties(dtype, rounds):
    """Strong regularisation leaves small differences, and they still decide."""
    data = datasets.digits().take(range(500))
    run = distill(
        data.features.astype(dtype), data.labels, 0.1, rounds=rounds, true_labels=data.labels
    )
    assert np.ptp(run.last.outputs) < (1e-6 if dtype == np.float64 else 1e-2)
    decided = (run.last.outputs.argmax(axis=1) == data.labels).mean()
    assert run.last.accuracy.all == pytest.approx(decided, abs=0.01)


def test_shares_of_nothing_are_none(digits):
    train = digits[0]
    clean = distill(train.features, train.labels, LAM, rounds=1, true_labels=train.labels)
    assert clean.teacher.accuracy.corrupted is None
    assert clean.teacher.accuracy.test is None
    assert "corrupted" not in str(clean)


def test_a_run_prints_its_accuracies(run):
    lines = str(run).splitlines()
    assert lines[0] == "softmax model, lambda = 0.001"
    assert lines[1] == f"  round 1: {run.teacher.accuracy}"
    assert len(lines) == 5


def test_linear_model_is_label_averaging(digits):
    train, test, given = digits
    run = distill(
        train.features,
        given,
        LAM,
        rounds=4,
        model="linearised",
        true_labels=train.labels,
        test=(test.features, test.labels),
    )
    averaging = LabelAveraging(train.features, LAM, 10)
    targets = datasets.one_hot(given, 10)
    for step in run.rounds:
        np.testing.assert_allclose(step.outputs, averaging.outputs(targets, step.t), atol=1e-10)
        np.testing.assert_allclose(step.coef, averaging.coef(targets, step.t), atol=1e-10)
        np.testing.assert_allclose(
            step.test_outputs,
            averaging.solution(targets, step.t).predict(test.features),
            atol=1e-10,
        )
        assert step.certificate is None


def test_linear_model_goes_on_where_outputs_are_negative():
    """At weak regularisation the tangent leaves [0, 1]; its rounds go on all the same."""
    data = datasets.digits().take(range(300))
    run = distill(data.features, data.labels, 1e-5, rounds=3, model="linearised")
    assert run.teacher.outputs.min() < 0
    expected = LabelAveraging(data.features, 1e-5, 10).outputs(run.teacher.targets, 3)
    np.testing.assert_allclose(run.last.outputs, expected, atol=1e-10)


def test_many_rounds_at_strong_regularisation_end_at_uniform_outputs():
    data = datasets.block_correlated(4, 20, c=0.4, d=0.1)
    given = noise.corrupt(data.labels, noise.symmetric(4, 0.3), rng=0)
    run = distill(data.features, given, 0.1, rounds=40)
    np.testing.assert_allclose(run.last.outputs, 0.25, atol=1e-12)
    assert all(step.certificate.converged for step in run.rounds)


def test_a_factorisation_is_shared(digits):
    train, _, given = digits
    fact = factorise(train.features)
    for model in ("softmax", "linearised"):
        shared = distill(fact, given, 1e-2, rounds=2, model=model)
        alone = distill(train.features, given, 1e-2, rounds=2, model=model)
        np.testing.assert_array_equal(shared.last.outputs, alone.last.outputs)


# --- refinements ----------------------------------------------------------------------------------


def test_partial_label_student_learns_the_two_best_guesses(digits):
    train, _, given = digits
    pll = partial_label(train.features, given, LAM)
    assert len(pll.rounds) == 2
    expected = refine.top_k(2)(pll.teacher.outputs)
    np.testing.assert_array_equal(pll.last.targets, expected)
    alone = solve(train.features, expected, LAM)
    np.testing.assert_allclose(pll.last.outputs, alone.outputs, atol=1e-5)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_partial_label_student_with_k_candidates(digits, k):
    train, _, given = digits
    pll = partial_label(train.features, given, LAM, k=k)
    assert set((pll.last.targets > 0).sum(axis=1)) == {k}


def test_partial_label_student_with_generalised_cross_entropy_starts_at_the_teacher(digits):
    train, _, given = digits
    fact, loss = factorise(train.features), GeneralisedCrossEntropy(0.7)
    pll = partial_label(fact, given, LAM, loss=loss)
    teacher = solve(fact, datasets.one_hot(given, 10), LAM)
    student = solve(fact, pll.last.targets, LAM, loss=loss, warm_start=teacher)
    np.testing.assert_allclose(pll.last.outputs, student.outputs, atol=1e-7)
    assert pll.teacher.certificate.gap_bound is not None
    assert pll.last.certificate.gap_bound is None


def test_one_refinement_and_one_loss_for_each_round(digits):
    train, _, given = digits
    mixed = distill(
        train.features,
        given,
        LAM,
        rounds=3,
        refinement=[refine.top_k(2), refine.as_is],
        loss=[CrossEntropy(), GeneralisedCrossEntropy(), CrossEntropy()],
    )
    teacher, student, last = mixed.rounds
    np.testing.assert_array_equal(student.targets, refine.top_k(2)(teacher.outputs))
    np.testing.assert_array_equal(last.targets, student.outputs)
    assert [step.certificate.gap_bound is None for step in mixed.rounds] == [False, True, False]


def test_any_function_is_a_refinement(digits):
    train, _, given = digits

    def half_way_to_uniform(outputs):
        return 0.5 * outputs + 0.05

    run = distill(train.features, given, LAM, rounds=2, refinement=half_way_to_uniform)
    np.testing.assert_allclose(run.last.targets, 0.5 * run.teacher.outputs + 0.05, rtol=1e-14)


def sharpened(outputs):
    return outputs**2 / (outputs**2).sum(axis=1, keepdims=True)


def in_place(outputs):
    outputs **= 2
    outputs /= outputs.sum(axis=1, keepdims=True)
    return outputs


class OneArray:
    """A refinement that always returns the same array, and spoils what it was given before."""

    def __init__(self):
        self.given, self.array = [], None

    def __call__(self, outputs):
        for earlier in self.given:
            earlier[:] = np.nan
        self.given.append(outputs)
        self.array = np.empty_like(outputs) if self.array is None else self.array
        self.array[:] = sharpened(outputs)
        return self.array


@pytest.mark.parametrize("make", [lambda: in_place, OneArray], ids=["in place", "one array"])
@pytest.mark.parametrize("model", ["softmax", "linearised"])
def test_a_refinement_changes_nothing_that_is_kept(digits, make, model):
    train, _, given = digits
    options = {"rounds": 4, "model": model}
    both = [given, np.roll(given, 1)]
    found = distill_all(train.features, both, 1e-2, refinement=make(), **options)
    expected = distill_all(train.features, both, 1e-2, refinement=sharpened, **options)
    for one, other in zip(found, expected, strict=True):
        for step, same in zip(one.rounds, other.rounds, strict=True):
            np.testing.assert_array_equal(step.targets, same.targets)
            np.testing.assert_array_equal(step.outputs, same.outputs)


def test_a_refinement_changes_nothing_in_the_run_that_it_continues(digits):
    train, _, given = digits
    teacher = distill(train.features, given, LAM, rounds=1)
    before = teacher.last.outputs.copy()
    student = distill(train.features, given, LAM, rounds=2, refinement=in_place, warm_start=teacher)
    np.testing.assert_array_equal(teacher.last.outputs, before)
    np.testing.assert_array_equal(student.last.targets, sharpened(before))


@pytest.mark.parametrize("returned", [[[0.5, 0.5]], None, "soft"])
def test_a_refinement_that_returns_no_array_is_refused(returned):
    with pytest.raises(
        TypeError,
        match=r"the refinement returned for round 2 must be an array .* got a (list|None|str)",
    ):
        distill(np.eye(4), [0, 1, 0, 1], 0.1, rounds=2, refinement=lambda outputs: returned)


def test_what_a_run_was_told_stays_when_the_arrays_change(digits):
    train, _, given = digits
    soft = datasets.one_hot(given, 10) * 0.9 + 0.01
    told = [soft, soft.copy(), soft]
    runs = distill_all(train.features, told, LAM, rounds=1)
    alone = distill(train.features, soft, LAM, rounds=1)
    before = soft.copy()
    soft[:] = 0.1
    for run in (*runs, alone):
        np.testing.assert_array_equal(run.teacher.targets, before)
    assert runs[0].teacher.taught is runs[2].teacher.taught


# --- classes --------------------------------------------------------------------------------------


def test_a_class_may_be_absent_when_classes_are_counted(digits):
    train, _, given = digits
    few = given.copy()
    few[few == 9] = 0
    run = distill(train.features, few, LAM, n_classes=10, rounds=2)
    assert run.last.outputs.shape == (400, 10)
    assert run.last.outputs[:, 9].mean() < 0.1


def test_number_of_classes_is_read_off_the_labels():
    data = datasets.block_correlated(3, 4, c=0.5, d=0.1)
    assert distill(data.features, data.labels, LAM, rounds=1).last.outputs.shape == (12, 3)


def test_labels_may_be_a_plain_list():
    run = distill(np.eye(4), [0, 1, 0, 1], 0.1, rounds=1)
    assert run.last.outputs.argmax(axis=1).tolist() == [0, 1, 0, 1]


def test_float32_stays_float32(digits):
    train, test, given = digits
    single = distill(
        train.features.astype(np.float32),
        given,
        LAM,
        rounds=2,
        true_labels=train.labels,
        test=(test.features.astype(np.float32), test.labels),
    )
    double = distill(train.features, given, LAM, rounds=2)
    for step, exact in zip(single.rounds, double.rounds, strict=True):
        assert step.outputs.dtype == step.coef.dtype == step.test_outputs.dtype == np.float32
        np.testing.assert_allclose(step.outputs, exact.outputs, atol=5e-3)


def test_rounds_that_are_not_exact_are_said_aloud_unless_told_otherwise(digits):
    train, _, given = digits
    features = train.features

    class Misleading(CrossEntropy):
        def weights(self, log_outputs, targets):
            return -targets

    few = {"rounds": 2, "loss": Misleading()}
    with pytest.warns(NotConverged):
        loud = distill(features, given, 1e-2, **few)
    quiet = distill(features, given, 1e-2, **few, warn=False)
    (side_by_side,) = distill_all(features, [given], 1e-2, **few, warn=False)
    for run in (quiet, side_by_side):
        assert not run.teacher.certificate.converged
        np.testing.assert_array_equal(run.last.outputs, loud.last.outputs)


def test_a_masked_array_with_nothing_masked_is_an_array():
    data = datasets.digits().take(range(60))
    plain = distill(data.features, data.labels, 1e-3, rounds=2, sample_weight=np.ones(60))
    masked = [np.ma.masked_array(x) for x in (data.features, data.labels, np.ones(60))]
    run = distill(masked[0], masked[1], 1e-3, rounds=2, sample_weight=masked[2])
    np.testing.assert_array_equal(run.last.outputs, plain.last.outputs)
    with pytest.raises(ValueError, match=r"sample_weight must have no masked values, .* row 3"):
        distill(
            data.features,
            data.labels,
            1e-3,
            sample_weight=np.ma.masked_array(np.ones(60), np.arange(60) == 3),
        )


def test_a_student_of_unchanged_outputs_reads_no_targets(digits, monkeypatch):
    """Its targets' statistic and its first gradients come from its teacher."""
    train, _, given = digits
    read = []
    whole = distillation.GivenLabels.__getitem__
    monkeypatch.setattr(
        distillation.GivenLabels,
        "__getitem__",
        lambda self, rows: read.append(rows) or whole(self, rows),
    )
    outputs = []
    monkeypatch.setattr(solvers.Solution, "outputs", property(lambda self: outputs.append(self)))
    run = distill(train.features, given, 1e-3, rounds=4, n_classes=10)
    assert {(rows.start, rows.stop) for rows in read} == {(0, len(given))}
    assert len(read) == 1
    assert outputs == []
    monkeypatch.undo()
    for before, after in pairwise(run.rounds):
        alone = solve(train.features, before.outputs, 1e-3)
        np.testing.assert_allclose(after.outputs, alone.outputs, atol=1e-6)
        np.testing.assert_array_equal(after.targets, before.outputs)


def test_methods_side_by_side_are_the_methods_alone(digits):
    """With a loss and a refinement for each run."""
    train, _, given = digits
    fact, K = factorise(train.features), 10
    told = distillation.GivenLabels.of(given, fact, K)
    methods = [
        Method(3),
        Method(3, refine.hard),
        Method(3, refine.top_k(2), [CrossEntropy(), GeneralisedCrossEntropy(), CrossEntropy()]),
    ]
    runs = distillation.train_runs(fact, [told] * 3, [1e-3] * 3, methods)
    for run, method in zip(runs, methods, strict=True):
        options = {"refinement": method.refinements, "loss": method.losses, "n_classes": K}
        alone = distill(fact, given, 1e-3, rounds=3, **options)
        for one, other in zip(run.rounds, alone.rounds, strict=True):
            np.testing.assert_allclose(one.outputs, other.outputs, atol=1e-5)
