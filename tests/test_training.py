"""The loop on a network: agrees with the exact solver, repeats itself, and survives a kill."""

from __future__ import annotations

import copy
import random
import signal
import subprocess
import sys
from collections import UserDict
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pytest

from sdbook import datasets, distill, noise, refine
from sdbook.solvers import CrossEntropy, GeneralisedCrossEntropy, softmax, solve

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[torch]'")

from torch import nn  # noqa: E402
from torch.utils.data import (  # noqa: E402
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    Sampler,
    TensorDataset,
)

from sdbook import training  # noqa: E402
from sdbook._device import choose_device  # noqa: E402
from sdbook.training.checkpoints import Checkpoints  # noqa: E402
from sdbook.training.data import Instances  # noqa: E402
from sdbook.training.device import autocast, seeded, to_device  # noqa: E402
from sdbook.training.identity import network_of  # noqa: E402

CPU = torch.device("cpu")
DATA = datasets.digits().take(range(200))
NEW = datasets.digits().take(range(200, 300))
GIVEN = noise.corrupt(DATA.labels, noise.symmetric(10, 0.4), rng=0)
INPUTS = torch.as_tensor(DATA.features, dtype=torch.float32)
EXACT = training.Recipe(
    epochs=1,
    batch_size=None,
    optimiser=partial(
        torch.optim.LBFGS,
        max_iter=120,
        history_size=50,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    ),
)
QUICK = training.Recipe(epochs=4, batch_size=50)


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


class OfItsOwn(Sampler):
    """An order that follows from what the sampler carries along."""

    def __init__(self, carried):
        self.carried = carried

    def __len__(self):
        return 200

    def __iter__(self):
        return self.carried(200) if callable(self.carried) else iter(range(200))


def linear():
    return nn.Linear(64, 10, bias=False, dtype=torch.float64)


def network():
    """With all that is hard to repeat: random weights, dropout, running statistics."""
    return nn.Sequential(
        nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 10)
    )


def trained(make_module=network, inputs=INPUTS, lam=1e-3, **options):
    options = {"rounds": 2, "recipe": QUICK, "device": "cpu", "progress": False} | options
    return training.distill(make_module, inputs, GIVEN, lam, **options)


def assert_same_bits(ours, theirs):
    assert len(ours.rounds) == len(theirs.rounds)
    for a, b in zip(ours.rounds, theirs.rounds, strict=True):
        assert torch.equal(a.outputs, b.outputs)
        ours, theirs = a.module.state_dict(), b.module.state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
        assert a.history == b.history


@pytest.mark.parametrize("refinement", [refine.as_is, refine.top_k(2)])
def test_a_linear_module_agrees_with_the_exact_solver(refinement):
    options = {"rounds": 2, "refinement": refinement, "true_labels": DATA.labels}
    lam, doubles = 1e-2, torch.as_tensor(NEW.features)
    exact = distill(DATA.features, GIVEN, lam, test=(NEW.features, NEW.labels), **options)
    run = trained(
        linear, torch.as_tensor(DATA.features), lam, recipe=EXACT,
        test=(doubles, NEW.labels), **options,
    )  # fmt: skip
    for ours, theirs in zip(run.rounds, exact.rounds, strict=True):
        np.testing.assert_allclose(ours.outputs, theirs.outputs, atol=1e-6)
        np.testing.assert_allclose(ours.test_outputs, theirs.test_outputs, atol=1e-6)
        np.testing.assert_allclose(ours.module.weight.detach().T, theirs.coef, atol=1e-4)
        assert ours.accuracy == theirs.accuracy
    assert run.accuracies("corrupted").tolist() == exact.accuracies("corrupted").tolist()
    assert str(run).startswith("Linear model, lambda = 0.01\n  round 1: clean")


def residual(loss, outputs, targets):
    """The derivative by the logits, as a solver makes it from the weights."""
    weights = loss.weights(np.log(outputs), targets)
    return weights.sum(axis=1, keepdims=True) * outputs - weights


def test_generalised_cross_entropy_ends_at_a_stationary_point_of_the_solvers_objective():
    """Not convex: the two end where they started from, so the gradient is compared, not a point."""
    lam, loss = 1e-2, GeneralisedCrossEntropy(0.7)
    run = trained(linear, torch.as_tensor(DATA.features), lam, rounds=1, recipe=EXACT, loss=loss)
    theta = run.teacher.module.weight.detach().numpy().T
    outputs, targets = softmax(DATA.features @ theta), run.teacher.targets.numpy()
    data_part = DATA.features.T @ residual(loss, outputs, targets) / len(DATA)
    assert np.abs(data_part + lam * theta).max() < 1e-8
    assert np.abs(data_part).max() > 1e-5
    cross = solve(DATA.features, targets, lam)
    assert np.abs(cross.outputs - outputs).max() > 0.05


@pytest.mark.parametrize("loss", [CrossEntropy(), GeneralisedCrossEntropy(0.5)])
def test_the_losses_of_the_solvers_differentiate_to_what_their_weights_say(loss):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 4, dtype=torch.float64, generator=generator, requires_grad=True)
    targets = torch.softmax(torch.randn(5, 4, dtype=torch.float64, generator=generator), dim=1)
    (training.fitting._mean_loss(loss, logits, targets) * len(logits)).backward()
    outputs = torch.softmax(logits.detach(), dim=1)
    expected = residual(loss, outputs.numpy(), targets.numpy())
    np.testing.assert_allclose(logits.grad, expected, atol=1e-12)


def test_the_same_seed_gives_the_same_bits_whatever_the_global_state():
    torch.manual_seed(1)
    first = trained()
    torch.manual_seed(2)
    np.random.default_rng()
    assert_same_bits(first, trained())
    assert not torch.equal(first.teacher.outputs, trained(rng=1).teacher.outputs)


def test_global_random_states_are_left_as_they_were():
    torch.manual_seed(3)
    random.seed(3)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    trained(rounds=1)
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1] == after[1]
    assert all(np.array_equal(a, b) for a, b in zip(before[2], after[2], strict=True))


def test_global_random_states_are_restored_after_an_error():
    torch.manual_seed(3)
    before = torch.get_rng_state()

    def fail():
        with seeded(CPU, 0):
            torch.rand(3)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(before, torch.get_rng_state())


def test_rounds_and_runs_predict():
    run = trained(test=(INPUTS[:30], DATA.labels[:30]), true_labels=DATA.labels)
    for step in run.rounds:
        torch.testing.assert_close(step.predict(INPUTS), step.outputs)
        torch.testing.assert_close(step.predict(TensorDataset(INPUTS[:30])), step.test_outputs)
        assert step.coef is step.certificate is None
    assert torch.equal(run.predict(INPUTS), run.last.predict(INPUTS))


def test_students_start_afresh_or_from_their_teacher():
    """With a learning rate of zero a round ends where it started."""
    still = {"epochs": 1, "optimiser": partial(torch.optim.SGD, lr=0.0)}
    modules = {"make_module": partial(nn.Linear, 64, 10)}
    fresh = trained(recipe=training.Recipe(**still), **modules)
    warm = trained(recipe=training.Recipe(**still, warm_start=True), **modules)
    assert not torch.equal(fresh.last.module.weight, fresh.teacher.module.weight)
    assert torch.equal(warm.last.module.weight, warm.teacher.module.weight)


def test_early_stopping_keeps_the_epoch_of_least_held_out_loss():
    watched = {}

    def watch(t, epoch, module):
        watched[t, epoch] = {name: w.clone() for name, w in module.state_dict().items()}

    recipe = training.Recipe(
        epochs=200, batch_size=20, patience=3, hold_out=0.2,
        optimiser=partial(torch.optim.Adam, lr=0.03),
    )  # fmt: skip
    run = trained(recipe=recipe, rounds=1, callback=watch, lam=0.0)
    history = [epoch.held_out for epoch in run.teacher.history]
    assert run.teacher.best_epoch == np.argmin(history) + 1
    assert len(history) == run.teacher.best_epoch + 3 < 200
    best = watched[1, run.teacher.best_epoch]
    assert all(torch.equal(best[name], w) for name, w in run.teacher.module.state_dict().items())
    assert any(not torch.equal(watched[1, len(history)][name], w) for name, w in best.items())


def test_held_out_instances_are_not_trained_on():
    seen = set()

    class Seen(nn.Linear):
        def forward(self, inputs):
            if self.training:
                seen.update(inputs[:, 0].tolist())
            return super().forward(inputs)

    numbers = torch.arange(200.0)[:, None] / 200
    recipe = training.Recipe(epochs=2, patience=2, hold_out=0.25)
    trained(partial(Seen, 1, 10), numbers, recipe=recipe)
    assert len(seen) == 150


def test_the_held_out_loss_is_against_what_the_round_is_taught():
    recipe = training.Recipe(epochs=1, patience=1, hold_out=0.25)
    run = trained(partial(nn.Linear, 64, 10), recipe=recipe, refinement=refine.top_k(2))
    kept = training.loop._kept(len(DATA), recipe, 0)
    for step in run.rounds:
        loss = -(step.targets * step.outputs.log()).sum(dim=1)[~kept].mean()
        assert step.history[0].held_out == pytest.approx(float(loss), rel=1e-5)


def test_lambda_is_half_the_sum_of_squares_on_top_of_the_mean_loss():
    recipe = training.Recipe(epochs=1, batch_size=None, optimiser=partial(torch.optim.SGD, lr=0.0))
    plain = trained(recipe=recipe, rounds=1, lam=0.0).teacher
    weighted = trained(recipe=recipe, rounds=1, lam=0.5).teacher
    squares = sum(float(p.detach().square().sum()) for p in plain.module.parameters())
    difference = weighted.history[0].loss - plain.history[0].loss
    assert difference == pytest.approx(0.25 * squares, rel=1e-5)


def test_a_tensor_a_data_set_and_loaders_carry_the_same_instances():
    pairs = TensorDataset(INPUTS, torch.as_tensor(DATA.labels))
    in_order = [
        torch.cat([inputs for _, inputs in Instances(source, 64).in_order()])
        for source in (INPUTS, pairs, DataLoader(pairs, batch_size=32), DataLoader(INPUTS))
    ]
    assert all(torch.equal(inputs, INPUTS) for inputs in in_order)
    kept = torch.arange(200) % 3 > 0
    for source in (INPUTS, pairs, DataLoader(pairs, batch_size=32, shuffle=True)):
        batches = list(Instances(source, 64).shuffled(kept))
        numbers = torch.cat([numbers for numbers, _ in batches])
        assert torch.equal(numbers.sort().values, kept.nonzero()[:, 0])
        assert not torch.equal(numbers, kept.nonzero()[:, 0])
        assert torch.equal(torch.cat([inputs for _, inputs in batches]), INPUTS[numbers])


def test_a_loader_of_a_data_set_trains():
    pairs = TensorDataset(INPUTS, torch.as_tensor(DATA.labels))
    loader = DataLoader(pairs, batch_size=50, shuffle=True)
    run = trained(inputs=loader, recipe=training.Recipe(epochs=30, warm_start=True), rounds=1)
    assert (run.teacher.outputs.argmax(1).numpy() == DATA.labels).mean() > 0.3
    assert torch.equal(
        training.outputs_of(run.teacher.module, loader, device="cpu"), run.teacher.outputs
    )


def test_inputs_may_be_dictionaries_of_tensors():
    class Named(nn.Linear):
        def forward(self, inputs):
            return super().forward(inputs["pixels"])

    class Set(torch.utils.data.Dataset):
        def __len__(self):
            return len(INPUTS)

        def __getitem__(self, i):
            return {"pixels": INPUTS[i]}, DATA.labels[i]

    run = trained(partial(Named, 64, 10), Set(), rounds=1)
    plain = trained(partial(nn.Linear, 64, 10), rounds=1)
    torch.testing.assert_close(run.teacher.outputs, plain.teacher.outputs)


class Encoding(UserDict):
    """As what a tokenizer returns: a mapping that is no dictionary, with attributes."""

    def __getattr__(self, name):
        try:
            return self.data[name]
        except KeyError:
            raise AttributeError(name) from None


class Pair(NamedTuple):
    pixels: torch.Tensor
    name: str


@dataclass(frozen=True)
class Record:
    pixels: torch.Tensor
    name: str


class FromPixels(nn.Linear):
    def forward(self, inputs):
        assert inputs.name == "digits"
        return super().forward(inputs.pixels)


@pytest.mark.parametrize(
    "collate",
    [
        lambda rows: Encoding(pixels=torch.stack(rows), name="digits"),
        lambda rows: (Encoding(pixels=torch.stack(rows), name="digits"), "labels"),
        lambda rows: (Pair(torch.stack(rows), "digits"), "labels"),
        lambda rows: Record(torch.stack(rows), "digits"),
        lambda rows: [Record(torch.stack(rows), "digits"), "labels"],
    ],
)
def test_a_batch_reaches_the_module_as_what_it_is(collate, tmp_path):
    loader = DataLoader(INPUTS, batch_size=50, collate_fn=collate)
    tensors = DataLoader(INPUTS, batch_size=50)
    run = trained(partial(FromPixels, 64, 10), loader, folder=tmp_path)
    assert_same_bits(run, trained(partial(nn.Linear, 64, 10), tensors))
    other = DataLoader(INPUTS.roll(1, 1), batch_size=50, collate_fn=collate)
    with pytest.raises(ValueError, match="of inputs = "):
        trained(partial(FromPixels, 64, 10), other, folder=tmp_path)


def test_everything_in_a_batch_is_moved():
    """To a device without memory, which every computer has."""
    here, there = torch.zeros(2), torch.device("meta")
    packed = nn.utils.rnn.pack_sequence([here])
    read_only = MappingProxyType({"x": here})
    batch = {"a": [here, (here, 1)], "b": Encoding(x=here), "c": Pair(here, "n"), "d": "text"}
    moved = to_device(batch | {"e": Record(here, "n"), "f": packed, "g": read_only}, there)
    assert isinstance(moved["b"], Encoding)
    assert moved["c"].name == moved["e"].name == "n"
    assert moved["d"] == "text"
    assert moved["a"][1][1] == 1
    found = [
        moved["a"][0], moved["a"][1][0], moved["b"]["x"], moved["c"].pixels, moved["e"].pixels,
        moved["f"].data, moved["g"]["x"],
    ]  # fmt: skip
    assert all(tensor.device == there for tensor in found)
    assert batch["b"]["x"].device == CPU


def test_what_a_hugging_face_tokenizer_returns_is_a_batch():
    transformers = pytest.importorskip("transformers")

    def collate(rows):
        return transformers.BatchEncoding({"pixels": torch.stack(rows), "name": "digits"})

    loader = DataLoader(INPUTS, batch_size=50, collate_fn=collate)
    run = trained(partial(FromPixels, 64, 10), loader, rounds=1)
    plain = trained(partial(nn.Linear, 64, 10), DataLoader(INPUTS, batch_size=50), rounds=1)
    assert_same_bits(run, plain)


def test_a_packed_sequence_is_one_input():
    class Summed(nn.Linear):
        def forward(self, inputs):
            return super().forward(nn.utils.rnn.pad_packed_sequence(inputs)[0].sum(0))

    loader = DataLoader(
        INPUTS[:, None], batch_size=50, collate_fn=lambda rows: nn.utils.rnn.pack_sequence(rows)
    )
    run = trained(partial(Summed, 64, 10), loader, rounds=1)
    plain = trained(partial(nn.Linear, 64, 10), DataLoader(INPUTS, batch_size=50), rounds=1)
    torch.testing.assert_close(run.last.outputs, plain.last.outputs)


def test_a_series_is_read_by_position_and_a_table_is_refused():
    pandas = pytest.importorskip("pandas")
    rows = pandas.Series(list(INPUTS.numpy()), index=range(199, -1, -1))
    for inputs in (rows, DataLoader(rows, batch_size=64)):
        batches = [inputs for _, inputs in Instances(inputs, 64).in_order()]
        assert torch.equal(torch.cat(batches), INPUTS)
    table = pandas.DataFrame(DATA.features)
    for inputs, kind in ((table, "DataFrame"), (DataLoader(table), "DataLoader of a DataFrame")):
        with pytest.raises(TypeError, match=f"inputs must be numbers, got a {kind}, a table"):
            trained(inputs=inputs)


def test_schedules_step_after_each_epoch():
    rates = []

    class Watched(torch.optim.SGD):
        def step(self, closure):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    halve = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    recipe = training.Recipe(
        epochs=3, batch_size=None, optimiser=partial(Watched, lr=1.0), schedule=halve
    )
    trained(recipe=recipe, rounds=1)
    assert rates == [1.0, 0.5, 0.25]


KILLED = """
import os, signal, sys
import torch
from torch import nn
from sdbook import datasets, noise, training

folder, calls = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
data = datasets.digits().take(range(200))
given = noise.corrupt(data.labels, noise.symmetric(10, 0.4), rng=0)

class Fatal(nn.Linear):
    left = calls
    def forward(self, inputs):
        Fatal.left -= 1
        if Fatal.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(inputs)

def make():
    return nn.Sequential(Fatal(64, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Linear(16, 10))

recipe = training.Recipe(epochs=6, batch_size=50, patience=4, warm_start=True)
run = training.distill(
    make, torch.as_tensor(data.features, dtype=torch.float32), given, 1e-3, rounds=3,
    recipe=recipe, device="cpu", folder=folder, progress=False,
)
kept = [(step.outputs, step.module.state_dict(), step.history) for step in run.rounds]
torch.save(kept, os.path.join(folder, "end.pt"))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.slow
def test_a_run_killed_amid_a_round_continues_to_the_same_bits(tmp_path):
    def run(folder, calls):
        command = [sys.executable, "-c", KILLED, str(folder), str(calls)]
        return subprocess.run(command, check=False, timeout=300).returncode

    assert run(tmp_path / "whole", 0) == 0
    # An epoch is four batches, one look at what is held out and one at what is kept; a round is
    # six epochs and four looks at all instances: the 49th call is a batch of the second epoch of
    # round 2.
    killed = tmp_path / "killed"
    assert run(killed, 49) == -signal.SIGKILL
    assert (killed / "round-002.pt").exists()
    assert not (killed / "round-003.pt").exists()
    assert run(killed, 0) == 0
    whole, pieced = (
        torch.load(folder / "end.pt", weights_only=False) for folder in (tmp_path / "whole", killed)
    )
    for (outputs, weights, history), (ours, our_weights, our_history) in zip(
        whole, pieced, strict=True
    ):
        assert torch.equal(outputs, ours)
        assert all(torch.equal(weights[name], our_weights[name]) for name in weights)
        assert history == our_history


def test_finished_rounds_are_not_trained_again_and_more_can_be_asked_for(tmp_path):
    epochs = []
    whole = trained(rounds=3)
    trained(folder=tmp_path)
    run = trained(rounds=3, folder=tmp_path, callback=lambda t, epoch, _: epochs.append((t, epoch)))
    assert epochs == [(3, 1), (3, 2), (3, 3), (3, 4)]
    assert_same_bits(run, whole)


class Activated(nn.Module):
    """Two layers; what comes between them is an attribute, or only happens in training."""

    def __init__(self, activation=torch.relu, dropped=0.1):
        super().__init__()
        self.first, self.last = nn.Linear(64, 16), nn.Linear(16, 10)
        self.activation, self.dropped = activation, dropped

    def forward(self, inputs):
        hidden = self.activation(self.first(inputs))
        return self.last(nn.functional.dropout(hidden, self.dropped, self.training))


class Times:
    """A callable of the reader's, of which no more than the class is compared."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, hidden):
        return self.factor * hidden


def other_code(base=Activated):
    class Activated(base):
        def forward(self, inputs):
            hidden = self.activation(self.first(inputs))
            return self.last(nn.functional.dropout(hidden, 0.9, self.training))

    return Activated()


def quick(**changed):
    return training.Recipe(**{"epochs": 4, "batch_size": 50} | changed)


class Likelihood:
    """A loss of the reader's, of which `repr` says nothing."""

    def __init__(self, share=1.0):
        self.share = share

    def value(self, log_outputs, targets):
        return -self.share * (targets * log_outputs).sum(1)


SOURCE = TensorDataset(INPUTS, torch.as_tensor(DATA.labels))
SGD, STEP = partial(torch.optim.SGD, lr=0.1), torch.optim.lr_scheduler.StepLR
LAST_CHANGED = INPUTS + (torch.arange(200) == 199)[:, None]


@pytest.mark.parametrize(
    ("first", "changed", "message"),
    [
        ({}, {"lam": 0.1}, r"lam = 0.001 \(here 0.1\)"),
        ({}, {"rng": 1}, r"rng = 0 \(here 1\)"),
        ({}, {"recipe": quick(epochs=5)}, r"epochs = 4 \(here 5\)"),
        ({}, {"recipe": quick(batch_size=40)}, r"batch_size = 50 \(here 40\)"),
        ({}, {"recipe": quick(mixed_precision=False)}, "mixed_precision = True"),
        ({}, {"make_module": partial(nn.Linear, 64, 10)}, "network that make_module returns"),
        ({}, {"inputs": INPUTS.roll(1, 1)}, "of inputs = "),
        ({}, {"inputs": LAST_CHANGED}, "of inputs = "),
        ({"inputs": SOURCE}, {"inputs": TensorDataset(LAST_CHANGED)}, "of inputs = "),
        ({}, {"inputs": INPUTS.double()}, "of inputs = "),
        (
            {"inputs": DataLoader(SOURCE, batch_size=50)},
            {"inputs": DataLoader(SOURCE, batch_size=50, shuffle=True)},
            "of order of inputs = ",
        ),
        (
            {"recipe": quick(optimiser=SGD)},
            {"recipe": quick()},
            r"optimiser = .*SGD.* \(here .*Adam",
        ),
        (
            {"recipe": quick(optimiser=SGD)},
            {"recipe": quick(optimiser=partial(torch.optim.SGD, lr=0.2))},
            r"'lr': 0.1.* \(here .*'lr': 0.2",
        ),
        (
            {"recipe": quick(optimiser=SGD)},
            {"recipe": quick(optimiser=lambda p: torch.optim.SGD([{"params": p, "lr": 1}], 0.1))},
            "of optimiser = ",
        ),
        (
            {},
            {"recipe": quick(schedule=partial(STEP, step_size=1))},
            r"schedule = None \(here 'StepLR",
        ),
        (
            {"recipe": quick(schedule=partial(STEP, step_size=1))},
            {"recipe": quick()},
            r"'StepLR.*\(here None\)",
        ),
        (
            {"recipe": quick(schedule=partial(STEP, step_size=1))},
            {"recipe": quick(schedule=partial(STEP, step_size=2))},
            "of schedule = 'StepLR",
        ),
        ({}, {"loss": GeneralisedCrossEntropy()}, r"round 1 with another loss \(CrossEntropy"),
        ({"loss": Likelihood()}, {"loss": Likelihood(0.5)}, "round 1 with another loss"),
        ({}, {"refinement": refine.top_k(1)}, "round 2 with another refinement, or inputs"),
        (
            {"make_module": partial(Activated, Times(1))},
            {"make_module": partial(Activated, Times(2))},
            "round 1 with another network, or inputs, so that the same weights give other logits",
        ),
        ({"make_module": Activated}, {"make_module": partial(Activated, dropped=0.5)}, "network"),
        ({"make_module": Activated}, {"make_module": other_code}, "network that make_module ret"),
    ],
)
def test_a_folder_refuses_another_run(tmp_path, first, changed, message):
    trained(folder=tmp_path, **first)
    with pytest.raises(ValueError, match=message):
        trained(folder=tmp_path, **first | changed)


def test_a_folder_refuses_another_network_of_a_student(tmp_path):
    def growing(rates):
        return lambda: nn.Sequential(nn.Dropout(next(rates)), nn.Linear(64, 10))

    trained(growing(iter([0.1, 0.2])), folder=tmp_path)
    with pytest.raises(ValueError, match=r"round-002.pt' of a round 2 with another network"):
        trained(growing(iter([0.1, 0.3])), folder=tmp_path)


def test_a_folder_knows_its_run_whatever_it_is_written_with(tmp_path):
    """The same run, in other words, is continued: nothing is trained again."""
    share = torch.ones(10) / 10
    halve = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    first = trained(
        lambda: nn.Sequential(nn.Linear(64, 10)), folder=tmp_path, loss=Likelihood(),
        recipe=quick(optimiser=SGD, schedule=halve), refinement=lambda y: (y + share) / 2,
    )  # fmt: skip
    (tmp_path / ".DS_Store").write_bytes(b"what a file manager leaves")
    mine = 0.5
    again = trained(
        lambda: nn.Sequential(nn.Linear(in_features=64, out_features=10)),
        TensorDataset(INPUTS.clone()),
        folder=tmp_path,
        loss=Likelihood(),
        recipe=quick(
            optimiser=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
            schedule=lambda optimiser: halve(optimiser),
        ),
        refinement=lambda y: mine * y + mine * share,
        true_labels=DATA.labels,
        test=(INPUTS[:3], DATA.labels[:3]),
        callback=lambda *_: pytest.fail("an epoch was trained again"),
    )
    assert_same_bits(first, again)
    assert torch.equal(again.last.test_outputs, again.last.outputs[:3])


@pytest.mark.parametrize("name", ["round-001.pt", "round-002.pt", "options.json"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: b"PK\3\4half",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-30],
        lambda content: b"\xff" + content[1:],
        lambda content: b"[]",
    ],
)
def test_damaged_files_are_named(tmp_path, name, spoil):
    make = partial(nn.Linear, 64, 10)
    trained(make, folder=tmp_path)
    path = tmp_path / name
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=f"{name}' is damaged, or was not written by this"):
        trained(make, folder=tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: [1, 2],
        lambda state: {},
        lambda state: state | {"targets": state["targets"][:5]},
        lambda state: state | {"module": {"weight": torch.zeros(2, 2)}},
        lambda state: state | {"optimiser": None},
        lambda state: state | {"history": [1]},
    ],
)
def test_a_round_of_another_shape_is_named(tmp_path, change):
    make = partial(nn.Linear, 64, 10)
    trained(make, folder=tmp_path)
    path = tmp_path / "round-001.pt"
    torch.save(change(torch.load(path, weights_only=True)), path)
    with pytest.raises(ValueError, match=r"round-001.pt' is damaged, or was not written by this"):
        trained(make, folder=tmp_path)


def test_a_damaged_round_that_is_deleted_is_trained_again(tmp_path):
    first = trained(folder=tmp_path)
    (tmp_path / "round-001.pt").unlink()
    assert_same_bits(first, trained(folder=tmp_path))


def test_rounds_without_their_options_are_refused(tmp_path):
    trained(folder=tmp_path)
    (tmp_path / "options.json").unlink()
    with pytest.raises(ValueError, match=r"have a 'options.json'.*with 'round-001.pt' alone"):
        trained(folder=tmp_path)


def modules_that_share(shared):
    """Return what makes modules with a part in common."""
    return lambda: nn.Sequential(shared, nn.Linear(16, 10))


def test_rounds_may_not_share_what_training_changes():
    net, weight = nn.Linear(64, 10), nn.Parameter(torch.zeros(10, 64))

    def tied():
        module = nn.Linear(64, 10)
        module.weight = weight
        return module

    def viewed():
        module = nn.Linear(64, 10)
        module.weight = nn.Parameter(weight.data)
        return module

    statistics = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16)).requires_grad_(False)
    for make, name in [
        (lambda: net, "weight"),
        (tied, "weight"),
        (viewed, "weight"),
        (modules_that_share(nn.Linear(64, 16)), "0.weight"),
        (modules_that_share(statistics), "0.1.running_mean"),
    ]:
        with pytest.raises(
            ValueError, match=f"make_module must return a new .* in round 2 that shares '{name}"
        ):
            trained(make)


def test_rounds_may_share_what_is_frozen_and_start_from_copies():
    run = trained(modules_that_share(nn.Linear(64, 16).requires_grad_(False)))
    for step in run.rounds:
        asked = training.outputs_of(step.module, INPUTS, batch_size=50, device="cpu")
        torch.testing.assert_close(asked, step.outputs)
    still = training.Recipe(epochs=1, optimiser=partial(torch.optim.SGD, lr=0.0))
    before = run.last.module
    copied = trained(lambda: copy.deepcopy(before), recipe=still)
    assert all(torch.equal(step.module[1].bias, before[1].bias) for step in copied.rounds)
    # One round may train a module that is there.
    net = nn.Linear(64, 10)
    assert trained(lambda: net, rounds=1).last.module is net


def sizes(inputs, kept=None, batch_size=4):
    instances = Instances(inputs, batch_size)
    kept = torch.ones(len(instances), dtype=torch.bool) if kept is None else kept
    batches = [numbers for numbers, _ in instances.shuffled(kept)]
    assert torch.equal(torch.cat(batches).sort().values, kept.nonzero()[:, 0])
    return [len(batch) for batch in batches]


def test_an_instance_left_over_alone_joins_a_batch_and_none_is_lost():
    for inputs in (INPUTS[:9], TensorDataset(INPUTS[:9]), DataLoader(INPUTS[:9], batch_size=4)):
        assert sizes(inputs) == [4, 5]
    assert sizes(INPUTS[:10]) == [4, 4, 2]
    assert sizes(INPUTS[:5]) == [5]
    assert sizes(INPUTS[:1]) == [1]
    # What is held out leaves a loader's batches smaller.
    kept = torch.tensor([1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 1]) > 0
    assert sizes(DataLoader(INPUTS[:14], batch_size=4), kept) == [5, 3]
    assert sizes(DataLoader(INPUTS[:4], batch_size=4), torch.arange(4) == 2) == [1]


def test_batches_of_one_that_were_asked_for_are_kept():
    assert sizes(INPUTS[:3], batch_size=1) == [1, 1, 1]
    assert sizes(DataLoader(INPUTS[:3], batch_size=1)) == [1, 1, 1]
    own = DataLoader(INPUTS[:6], batch_sampler=[[3, 4], [0], [1, 2, 5]])
    numbers = [n.tolist() for n, _ in Instances(own, None).shuffled(torch.ones(6) > 0)]
    assert numbers == [[3, 4], [0], [1, 2, 5]]


@pytest.mark.parametrize("patience", [None, 1])
def test_batch_normalisation_trains_where_one_instance_is_left_over(patience):
    recipe = training.Recipe(epochs=2, batch_size=199, patience=patience, hold_out=0.75)
    for inputs in (INPUTS, DataLoader(INPUTS, batch_size=3, shuffle=True)):
        assert len(trained(inputs=inputs, recipe=recipe, rounds=1).last.history) == 2


def test_the_loss_of_an_epoch_is_the_mean_of_the_instances_in_it():
    still = training.Recipe(epochs=1, optimiser=partial(torch.optim.SGD, lr=0.0))
    zeros = partial(torch.zeros, 64)

    def even():
        module = nn.Linear(64, 10)
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
        return module

    some = DataLoader([zeros()] * 200, batch_size=150, drop_last=True)
    run = trained(even, some, recipe=still, rounds=1)
    assert run.last.history[0].loss == pytest.approx(np.log(10))
    with pytest.raises(ValueError, match="inputs must give a batch of the instances to train on"):
        trained(inputs=DataLoader(INPUTS, batch_size=300, drop_last=True))


def test_a_write_that_fails_leaves_the_earlier_file(tmp_path, monkeypatch):
    files = Checkpoints(tmp_path, {})
    files.save(1, {"epoch": 1})
    with pytest.raises(Exception, match="pickle"):
        files.save(1, {"epoch": lambda: None})
    assert files.load(1) == {"epoch": 1}


def test_a_module_that_diverges_is_reported():
    recipe = training.Recipe(epochs=5, optimiser=partial(torch.optim.SGD, lr=1e30))
    with pytest.raises(FloatingPointError, match=r"in epoch \d of round 1; a smaller learning"):
        trained(recipe=recipe)


def test_devices():
    assert choose_device("auto").type in ("cuda", "mps", "cpu")
    assert choose_device(CPU) == CPU
    for unknown in ("abacus", "meta"):
        with pytest.raises(ValueError, match=f"device must be one of .*, got '{unknown}'"):
            choose_device(unknown)
    for nothing in ([1], {"input_ids": [[1, 2], [3]]}, (), "text"):
        kind = type(nothing).__name__
        with pytest.raises(TypeError, match=f"must come in batches of tensors.*, got a {kind}"):
            to_device(nothing, CPU)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")]
)
def test_auto_prefers_the_fastest_device_at_hand(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: bool(mps))
    assert choose_device("auto").type == expected


def test_a_processor_computes_in_full_precision():
    with autocast(CPU, mixed_precision=True):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_a_gpu_learns_what_the_processor_learns():
    on_cpu = trained(rounds=1)
    for mixed, tolerance in ((False, 1e-3), (True, 0.05)):
        recipe = training.Recipe(epochs=4, batch_size=50, mixed_precision=mixed)
        make = partial(nn.Linear, 64, 10)
        gpu = trained(make, recipe=recipe, rounds=1, device="cuda").teacher
        cpu = trained(make, recipe=recipe, rounds=1).teacher
        assert gpu.outputs.device.type == "cpu"
        torch.testing.assert_close(gpu.outputs, cpu.outputs, atol=tolerance, rtol=0)
    assert on_cpu.teacher.outputs.shape == (200, 10)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"make_module": nn.Linear(64, 10)},
            TypeError,
            "make_module must be a function .* got a Linear",
        ),
        (
            {"make_module": lambda: 3},
            TypeError,
            "make_module must return a torch.nn.Module .* got a int",
        ),
        ({"make_module": nn.ReLU}, TypeError, "with parameters to train"),
        ({"make_module": partial(nn.Linear, 64, 9)}, ValueError, r"shape \(instances, 10\)"),
        ({"inputs": INPUTS[:3]}, ValueError, "given_labels must have one entry per sample"),
        ({"inputs": INPUTS[:0]}, ValueError, "inputs must have one instance or more"),
        ({"inputs": Stream()}, TypeError, "without numbered instances"),
        ({"inputs": {"x": INPUTS}}, TypeError, "got a dict without numbered instances"),
        ({"inputs": set(range(200))}, TypeError, "got a set without numbered instances"),
        ({"lam": -1.0}, ValueError, "lam must be >= 0"),
        ({"rng": -1}, ValueError, "rng must be an integer >= 0"),
        ({"rng": np.random.default_rng(0)}, TypeError, "rng must be an integer, got Generator"),
        ({"rounds": 0}, ValueError, "rounds must be an integer >= 1"),
        ({"test": (INPUTS, DATA.labels)}, ValueError, "true_labels must be given with test"),
        (
            {"refinement": lambda y: 2 * y},
            ValueError,
            "returned for round 2 must have rows that sum to 1",
        ),
        ({"loss": [CrossEntropy()]}, ValueError, "loss must be one for all"),
        (
            {"inputs": DataLoader(INPUTS, generator=torch.Generator())},
            ValueError,
            "a DataLoader with a generator",
        ),
        ({"inputs": DataLoader(INPUTS, batch_size=None)}, ValueError, "with batch_size=None"),
        (
            {
                "inputs": DataLoader(
                    INPUTS,
                    batch_sampler=BatchSampler(
                        RandomSampler(INPUTS, generator=torch.Generator()), 50, drop_last=False
                    ),
                )
            },
            ValueError,
            "a DataLoader with a generator",
        ),
        (
            {"inputs": DataLoader(INPUTS, sampler=OfItsOwn(np.random.default_rng(0)))},
            ValueError,
            "a DataLoader with a generator",
        ),
        (
            {"inputs": DataLoader(INPUTS, sampler=OfItsOwn(random.Random(0)))},
            ValueError,
            "a DataLoader with a generator",
        ),
        (
            {"recipe": quick(schedule=torch.optim.lr_scheduler.ReduceLROnPlateau)},
            TypeError,
            "schedule must make .* without a metric, got a ReduceLROnPlateau",
        ),
        (
            {"make_module": lambda: nn.Linear(64, 10).half()},
            TypeError,
            r"make_module .*'weight' in torch.float16.*Recipe\(mixed_precision=True\)",
        ),
        (
            {"make_module": partial(nn.Linear, 64, 10, dtype=torch.bfloat16)},
            TypeError,
            r"make_module .*torch.bfloat16",
        ),
        (
            {"recipe": training.Recipe(optimiser=partial(torch.optim.AdamW, weight_decay=0.1))},
            ValueError,
            "optimiser must have weight_decay 0, got 0.1",
        ),
        (
            {"recipe": training.Recipe(patience=1, hold_out=0.999)},
            ValueError,
            "hold_out must leave an instance to train on, got 0.999",
        ),
    ],
)
def test_what_is_not_accepted_is_named(options, kind, message):
    with pytest.raises(kind, match=message):
        trained(**options)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be an integer >= 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1"),
        ({"patience": 0}, ValueError, "patience must be an integer >= 1"),
        ({"hold_out": 1.0}, ValueError, "hold_out must be in"),
        ({"warm_start": "teacher"}, TypeError, "warm_start must be True or False, got 'teacher'"),
        (
            {"optimiser": "adam"},
            TypeError,
            "optimiser must be a callable that makes one, got 'adam'",
        ),
        ({"schedule": 3}, TypeError, "schedule must be a callable that makes one, got 3"),
    ],
)
def test_recipes_check_themselves(options, kind, message):
    with pytest.raises(kind, match=message):
        training.Recipe(**options)


def test_a_refinement_that_works_in_place_changes_nothing_that_is_kept():
    def sharpen(outputs):
        outputs **= 2
        outputs /= outputs.sum(dim=1, keepdim=True)
        return outputs

    X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    y = X[:, :2].argmax(1).numpy()
    options = {"recipe": training.Recipe(epochs=2), "device": "cpu", "progress": False}
    alone, taught = (
        training.distill(partial(nn.Linear, 4, 2), X, y, 1e-3, rounds=t, **more, **options)
        for t, more in ((1, {}), (2, {"refinement": sharpen}))
    )
    assert torch.equal(taught.rounds[0].outputs, alone.rounds[0].outputs)
    assert not torch.equal(taught.rounds[1].targets, alone.rounds[0].outputs)


LR = torch.optim.lr_scheduler


class Table(LR.LRScheduler):
    """A schedule of the reader's with an array inside."""

    def __init__(self, optimizer):
        self.rates = np.linspace(0.1, 0.01, 9, dtype=np.float32)
        super().__init__(optimizer)

    def get_lr(self):
        return [self.rates[self.last_epoch] for _ in self.optimizer.param_groups]


@pytest.mark.parametrize(
    "changed",
    [
        {"optimiser": partial(torch.optim.SGD, lr=np.logspace(-3, -1, 3)[1])},
        {"optimiser": partial(torch.optim.SGD, lr=np.float32(0.1), momentum=np.float64(0.9))},
        {"optimiser": partial(torch.optim.Adam, lr=np.float32(0.01), betas=tuple(np.r_[0.8, 0.9]))},
        {"schedule": partial(LR.StepLR, step_size=np.int64(1), gamma=np.float32(0.3))},
        {"schedule": partial(LR.MultiStepLR, milestones=np.array([1, 3]))},
        {"schedule": lambda o: LR.LambdaLR(o, lambda e: np.exp(-e, dtype=np.float32))},
        {"schedule": Table},
    ],
)
def test_numbers_of_numpy_are_kept_and_continue_to_the_same_bits(tmp_path, changed):
    def stop(t, epoch, module):
        if (t, epoch) == (1, 2):
            raise KeyboardInterrupt

    recipe = quick(**changed)
    with pytest.raises(KeyboardInterrupt):
        trained(folder=tmp_path, recipe=recipe, callback=stop)
    torch.load(tmp_path / "round-001.pt", weights_only=True)
    assert_same_bits(trained(folder=tmp_path, recipe=recipe), trained(recipe=recipe))


def test_what_could_not_be_loaded_again_is_named_at_the_first_save(tmp_path):
    def optimiser(parameters):
        return torch.optim.SGD([{"params": parameters, "note": [1, Times(2)]}], lr=0.1)

    message = r"optimiser\['param_groups'\]\[0\]\['note'\]\[1\] must be made of .*, a Times"
    with pytest.raises(TypeError, match=message):
        trained(folder=tmp_path, recipe=quick(optimiser=optimiser))
    assert not list(tmp_path.glob("*.pt"))


def test_a_folder_refuses_an_order_that_does_not_follow_from_the_seed(tmp_path):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="inputs must have an order that follows from rng"):
        trained(
            inputs=DataLoader(INPUTS, 50, sampler=OfItsOwn(lambda n: iter(rng.permutation(n)))),
            folder=tmp_path,
        )
    sampler = OfItsOwn(lambda n: iter(random.sample(range(n), n)))
    trained(inputs=DataLoader(INPUTS, 50, sampler=sampler), folder=tmp_path)


def scaled(share):
    return lambda gradient: share * gradient


def hooked(hook, of="weight"):
    def make():
        module = nn.Linear(64, 10)
        if of == "weight":
            module.weight.register_hook(hook)
        else:
            module.register_forward_pre_hook(hook)
        return module

    return make


@pytest.mark.parametrize(
    ("make", "other"),
    [
        (partial(Activated, torch.sin), partial(Activated, torch.cos)),
        (partial(Activated, nn.functional.relu), partial(Activated, nn.functional.silu)),
        (partial(Activated, lambda x: x + 1), partial(Activated, lambda x: x + 2)),
        (
            partial(Activated, partial(nn.functional.dropout, p=0.1)),
            partial(Activated, partial(nn.functional.dropout, p=0.9)),
        ),
        (hooked(scaled(1)), hooked(scaled(2))),
        (hooked(scaled(1)), partial(nn.Linear, 64, 10)),
        (hooked(lambda m, x: (x[0] * 1,), "all"), hooked(lambda m, x: (x[0] * 2,), "all")),
    ],
)
def test_functions_and_hooks_are_part_of_a_network(make, other):
    def known(make):
        torch.manual_seed(0)
        return network_of(make())

    assert known(make) == known(make)
    assert known(make) != known(other)


# A class `Net` of the reader's, what is edited around it, and what it is edited to.
AROUND = {
    "a variable": (
        "by = 1\nclass Net(nn.Linear):\n  def forward(self, x): return by * x",
        "1",
        "2",
    ),
    "a helper": (
        "def g(x): return 1 * x\nclass Net(nn.Linear):\n  def forward(self, x): return g(x)",
        "1 * x",
        "2 * x",
    ),
    "an attribute of the class": (
        "class Net(nn.Linear):\n  by = 0.1\n  def forward(self, x): return self.by * x",
        "0.1",
        "0.5",
    ),
    "a base class": (
        "class Base(nn.Linear):\n  def forward(self, x): return 1 * x\nclass Net(Base): pass",
        "1 * x",
        "2 * x",
    ),
    "a property": (
        "class Net(nn.Linear):\n  @property\n  def by(self): return 1",
        "return 1",
        "return 2",
    ),
}


def net_of(source):
    around = {"nn": nn, "torch": torch}
    exec(source, around)
    torch.manual_seed(0)
    return around["Net"](2, 3)


@pytest.mark.parametrize("edit", AROUND)
def test_what_code_finds_around_it_is_part_of_a_network(edit):
    source, before, after = AROUND[edit]
    assert network_of(net_of(source)) == network_of(net_of(source))
    assert network_of(net_of(source)) != network_of(net_of(source.replace(before, after)))


def test_what_a_network_records_is_no_part_of_it():
    module = net_of(
        "seen, calls = [], 0\n"
        "class Net(nn.Linear):\n"
        "  calls = 0\n"
        "  def forward(self, x):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    Net.calls += 1\n"
        "    seen.append(len(x))\n"
        "    return super().forward(x)"
    )
    before = network_of(module)
    module(torch.zeros(1, 2))
    assert type(module).calls == 1
    assert network_of(module) == before


def test_a_compiled_network_is_the_same_whatever_its_address():
    torch.manual_seed(0)
    module = nn.Linear(2, 3)
    assert network_of(torch.compile(module)) == network_of(torch.compile(module))


def test_tied_weights_are_another_network():
    tied, apart = (nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)) for _ in range(2))
    apart.load_state_dict(tied.state_dict())
    apart[1].weight.data.copy_(apart[0].weight.data)
    tied[1].weight = tied[0].weight
    assert network_of(tied) != network_of(apart)


def test_what_a_hook_recorded_is_no_part_of_a_network(tmp_path):
    seen, calls = [], 0

    def record(module, inputs):
        nonlocal calls
        calls += 1
        seen.append(len(inputs[0]))

    first = trained(hooked(record, "all"), folder=tmp_path)
    assert_same_bits(first, trained(hooked(record, "all"), folder=tmp_path))


def test_a_recipe_of_numpy_numbers_is_the_same_recipe(tmp_path):
    theirs = training.Recipe(
        epochs=np.int64(4), batch_size=np.int64(50), patience=np.int8(2),
        hold_out=np.float32(0.25), mixed_precision=np.bool_(True), warm_start=np.bool_(False),
    )  # fmt: skip
    ours = training.Recipe(epochs=4, batch_size=50, patience=2, hold_out=0.25)
    assert repr(theirs) == repr(ours)
    assert_same_bits(trained(recipe=theirs, folder=tmp_path), trained(recipe=ours, folder=tmp_path))


def test_inputs_are_given_no_gradients():
    inputs = INPUTS.clone().requires_grad_()
    assert_same_bits(trained(inputs=inputs), trained())
    trained(inputs=DataLoader(inputs, batch_size=50), rounds=1)
    assert inputs.grad is None
