"""The same code on PyTorch tensors gives the same answers."""

from __future__ import annotations

import numpy as np
import pytest

from sdbook import datasets, distill, noise, partial_label, refine
from sdbook.solvers import (
    CrossEntropy,
    GeneralisedCrossEntropy,
    LabelAveraging,
    factorise,
    solve,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

SPACES = ("instance", "feature")
DTYPES = {"float64": (torch.float64, 1e-9), "float32": (torch.float32, 2e-3)}
LAM = 1e-3
DATA = datasets.digits().take(range(120))
NEW = datasets.digits().take(range(120, 150))
GIVEN = noise.corrupt(DATA.labels, noise.symmetric(10, 0.4), rng=0)
TARGETS = datasets.one_hot(GIVEN, 10)


@pytest.fixture(params=list(DTYPES.values()), ids=list(DTYPES))
def kind(request):
    return request.param


def assert_same(tensor, array, kind):
    """A tensor of the dtype that came in, with the values that NumPy has in float64."""
    dtype, tolerance = kind
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == dtype
    np.testing.assert_allclose(tensor.numpy(), array, atol=tolerance)


@pytest.mark.parametrize("space", SPACES)
def test_factorisation(kind, space):
    fact = factorise(torch.tensor(DATA.features, dtype=kind[0]), space=space)
    assert isinstance(fact.basis, torch.Tensor)
    assert_same(fact.eigenvalues, factorise(DATA.features, space=space).eigenvalues, kind)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("t", [1, 2.5])
def test_label_averaging(kind, space, t):
    features, targets, new = (
        torch.tensor(array, dtype=kind[0]) for array in (DATA.features, TARGETS, NEW.features)
    )
    ours = LabelAveraging(factorise(features, space=space), LAM, 10)
    theirs = LabelAveraging(factorise(DATA.features, space=space), LAM, 10)
    assert_same(ours.outputs(targets, t), theirs.outputs(TARGETS, t), kind)
    assert_same(ours.coef(targets, t), theirs.coef(TARGETS, t), kind)
    expected = theirs.solution(TARGETS, t).predict(NEW.features)
    assert_same(ours.solution(targets, t).predict(new), expected, kind)
    assert_same(ours.averaging_weights(7, t), theirs.averaging_weights(7, t), kind)
    assert_same(ours.shrinkage, theirs.shrinkage, kind)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", [CrossEntropy(), GeneralisedCrossEntropy()], ids=repr)
def test_softmax_solver(kind, space, weighted, loss):
    weights = np.linspace(0.5, 2, len(DATA)) if weighted else None
    tolerance = 1e-11 if kind[0] == torch.float64 else None

    def solution(convert):
        fact = factorise(convert(DATA.features), space=space)
        start = solve(fact, convert(TARGETS), LAM, tolerance=tolerance)
        return solve(
            fact,
            convert(TARGETS),
            LAM,
            loss=loss,
            sample_weight=None if weights is None else convert(weights),
            warm_start=start,
            tolerance=tolerance,
        )

    ours = solution(lambda array: torch.tensor(array, dtype=kind[0]))
    theirs = solution(lambda array: array)
    assert ours.certificate.converged
    assert isinstance(ours.certificate.gradient_norm, float)
    assert_same(ours.outputs, theirs.outputs, kind)
    assert isinstance(ours.coef, torch.Tensor)
    new = torch.tensor(NEW.features, dtype=kind[0])
    assert_same(ours.predict(new), theirs.predict(NEW.features), kind)


@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_top_k(kind, k):
    outputs = np.random.default_rng(0).dirichlet(np.ones(10), 50)
    outputs[0] = 0.1  # ties
    tensor = torch.tensor(outputs, dtype=kind[0])
    assert_same(refine.top_k(k)(tensor), refine.top_k(k)(tensor.numpy()), kind)


@pytest.mark.parametrize("model", ["softmax", "linearised"])
def test_distill(kind, model):
    ours, theirs = (
        distill(
            convert(DATA.features),
            GIVEN,
            LAM,
            rounds=3,
            model=model,
            true_labels=DATA.labels,
            test=(convert(NEW.features), NEW.labels),
            tolerance=1e-11 if kind[0] == torch.float64 else None,
        )
        for convert in (lambda array: torch.tensor(array, dtype=kind[0]), lambda array: array)
    )
    for step, expected in zip(ours.rounds, theirs.rounds, strict=True):
        assert_same(step.outputs, expected.outputs, kind)
        assert_same(step.test_outputs, expected.test_outputs, kind)
        assert isinstance(step.targets, torch.Tensor)
    if kind[0] == torch.float64:
        for name in ("clean", "corrupted", "all", "test"):
            np.testing.assert_allclose(ours.accuracies(name), theirs.accuracies(name))


@pytest.mark.parametrize("loss", [None, GeneralisedCrossEntropy()], ids=["cross-entropy", "gce"])
def test_partial_label(loss):
    kind = DTYPES["float64"]
    ours, theirs = (
        partial_label(convert(DATA.features), GIVEN, LAM, k=3, loss=loss, tolerance=1e-11)
        for convert in (torch.tensor, np.asarray)
    )
    assert_same(ours.last.targets, theirs.last.targets, kind)
    assert_same(ours.last.outputs, theirs.last.outputs, kind)


def test_labels_may_be_tensors():
    run = distill(torch.tensor(DATA.features), torch.tensor(GIVEN), LAM, rounds=1)
    expected = distill(DATA.features, GIVEN, LAM, rounds=1)
    np.testing.assert_allclose(run.last.outputs.numpy(), expected.last.outputs, atol=1e-9)


def test_tensors_stay_untouched():
    features, targets = torch.tensor(DATA.features), torch.tensor(TARGETS)
    distill(features, GIVEN, LAM, rounds=2)
    solve(features, targets, LAM)
    np.testing.assert_array_equal(features.numpy(), DATA.features)
    np.testing.assert_array_equal(targets.numpy(), TARGETS)


MIXED = "must be the same kind of array as the training features"


@pytest.mark.parametrize(
    ("here", "there"), [(np.asarray, torch.tensor), (torch.tensor, np.asarray)], ids=["np", "torch"]
)
class TestMixingLibrariesIsRefused:
    """Before anything is computed, and by name."""

    def test_targets(self, here, there):
        with pytest.raises(TypeError, match="^targets " + MIXED):
            solve(here(DATA.features), there(TARGETS), LAM)
        with pytest.raises(TypeError, match="^targets " + MIXED):
            LabelAveraging(here(DATA.features), LAM, 10).outputs(there(TARGETS))

    def test_weights(self, here, there):
        with pytest.raises(TypeError, match="^sample_weight " + MIXED):
            solve(here(DATA.features), here(TARGETS), LAM, sample_weight=there(np.ones(120)))

    def test_start(self, here, there):
        start = solve(there(DATA.features), there(TARGETS), LAM)
        with pytest.raises((TypeError, ValueError), match="^warm_start " + MIXED):
            solve(here(DATA.features), here(TARGETS), LAM, warm_start=start)

    def test_new_features(self, here, there):
        solution = solve(here(DATA.features), here(TARGETS), LAM)
        averaging = LabelAveraging(here(DATA.features), LAM, 10)
        with pytest.raises(TypeError, match="^features " + MIXED):
            solution.predict(there(NEW.features))
        with pytest.raises(TypeError, match="^features " + MIXED):
            averaging.solution(here(TARGETS)).predict(there(NEW.features))

    def test_test_features(self, here, there):
        test = (there(NEW.features), NEW.labels)
        with pytest.raises(TypeError, match="^test features " + MIXED):
            distill(here(DATA.features), GIVEN, LAM, true_labels=DATA.labels, test=test)


def test_a_refinement_that_works_in_place_changes_nothing_that_is_kept(kind):
    def in_place(outputs):
        outputs **= 2
        outputs /= outputs.sum(dim=1, keepdim=True)
        return outputs

    def pure(outputs):
        return outputs**2 / (outputs**2).sum(dim=1, keepdim=True)

    features = torch.tensor(DATA.features, dtype=kind[0])
    found = distill(features, GIVEN, LAM, rounds=3, refinement=in_place)
    expected = distill(features, GIVEN, LAM, rounds=3, refinement=pure)
    for one, other in zip(found.rounds, expected.rounds, strict=True):
        assert torch.equal(one.targets, other.targets)
        assert torch.equal(one.outputs, other.outputs)
