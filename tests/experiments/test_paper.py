"""The paper's experiment on fake copies of its data sets: written on the spot, never fetched."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"
pytest.importorskip("sklearn")

from sdbook import datasets, distill, noise, partial_label
from sdbook.estimator import SelfDistilledClassifierCV
from sdbook.experiments import paper
from sdbook.experiments.paper.__main__ import main, parser
from sdbook.experiments.paper.sources import load_pictures, subset
from sdbook.solvers import GeneralisedCrossEntropy

TOY = paper.Source("Toy", "nobody/toy", 3)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The library that reads copies of data sets, with its cache in a folder of the test."""
    library = pytest.importorskip("datasets")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    library.disable_progress_bars()
    return library


def picture(k, rng):
    """An image of class k: a colour, and noise."""
    pixels = rng.integers(0, 60, (8, 8, 3))
    pixels[..., k % 3] += 40 + 60 * (k // 3 % 3)
    return Image.fromarray(pixels.astype(np.uint8))


def split_of(hub, source, per_class, rng, names, bare=False):
    """One split in the form that the copies on the hub have."""
    labels = np.repeat(np.arange(len(names)), per_class)
    columns = {source.image: [picture(k, rng) for k in labels], source.label: labels}
    features = {source.image: hub.Image()}
    features[source.label] = hub.Value("int64") if bare else hub.ClassLabel(names=names)
    if source.names is not None:
        columns[source.names] = [names[k] for k in labels]
        features[source.names] = hub.Value("string")
    return hub.Dataset.from_dict(columns, features=hub.Features(features))


def write_copy(hub, source, folder, per_class=None, extra=(), seed=0):
    """A copy with all splits of a source, as `DatasetDict.save_to_disk` leaves it."""
    rng = np.random.default_rng(seed)
    names = [*extra, *(f"thing {k}" for k in range(source.n_classes))]
    sizes = per_class or {}
    splits = {
        name: split_of(hub, source, sizes.get(name, 2), rng, names, bare=source.names is not None)
        for name in dict.fromkeys([*source.train, *source.test])
    }
    hub.DatasetDict(splits).save_to_disk(folder)
    return folder


def tiny_model(folder):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1]}
    transformers.ResNetModel(transformers.ResNetConfig(**sizes)).save_pretrained(folder)
    size = {"height": 16, "width": 16}
    transformers.ViTImageProcessor(size=size).save_pretrained(folder)
    return str(folder)


# Loading


@pytest.mark.parametrize("name", list(paper.SOURCES))
def test_every_source_reads_a_copy_of_its_form(hub, tmp_path, name):
    source = paper.SOURCES[name]
    extra = [] if source.without is None else [f"{source.without}_google"]
    # Three of a class per split for training and two for testing tell the two apart.
    sizes = dict.fromkeys(source.train, 3) | dict.fromkeys(source.test, 2)
    copy = write_copy(hub, source, tmp_path / "copy", sizes, extra)
    train, test, names = load_pictures(source, copy)
    assert names == tuple(f"thing {k}" for k in range(source.n_classes))
    whole = source.n_classes * 3 * len(source.train)
    if source.test:
        np.testing.assert_array_equal(np.bincount(train.labels), [3] * source.n_classes)
        np.testing.assert_array_equal(np.bincount(test.labels), [2] * source.n_classes)
    else:
        assert len(test.labels) == whole // 5
        assert len(train.labels) == whole - whole // 5
    assert train.images[0].size == (8, 8)
    assert train.content != test.content


def test_no_instance_is_in_both_parts(hub, tmp_path):
    source = replace(TOY, test=())
    copy = write_copy(hub, source, tmp_path / "copy", {"train": 20})
    train, test, _ = load_pictures(source, copy)
    parts = [{np.asarray(image).tobytes() for image in part.images} for part in (train, test)]
    assert len(parts[0]) == 48
    assert len(parts[1]) == 12
    assert not parts[0] & parts[1]


def test_a_folder_of_images_is_a_copy(hub, tmp_path):
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("test", 2)):
        for k, name in enumerate(("ant", "bee", "cow")):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                picture(k, rng).save(folder / f"{i}.png")
    train, test, names = load_pictures(
        replace(TOY, image="img", label="fine_label"), tmp_path / "images"
    )
    assert names == ("ant", "bee", "cow")
    np.testing.assert_array_equal(np.bincount(train.labels), [4, 4, 4])
    np.testing.assert_array_equal(np.bincount(test.labels), [2, 2, 2])


def test_labels_follow_the_images(hub, tmp_path):
    source = replace(TOY, without="nothing", test=())
    copy = write_copy(hub, source, tmp_path / "copy", {"train": 5}, ["nothing at all"])
    train, _, _ = load_pictures(source, copy)
    # Class k of the three that count is class k + 1 of the copy, whose pictures have that colour.
    brightest = [np.asarray(image).mean(axis=(0, 1)) for image in train.images]
    expected = [(k + 1) % 3 for k in train.labels]
    for colour, label in zip(brightest, expected, strict=True):
        assert colour.argmax() == label


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": ("validation",)}, r"must have a split 'validation', got .*\['test', 'train'\]"),
        ({"image": "photo"}, r"Toy must have a column 'photo', got .*\['image', 'label'\]"),
        ({"label": "kind"}, r"Toy must have a column 'kind'"),
        ({"names": "text"}, r"Toy must have a column 'text'"),
        ({"n_classes": 4}, r"Toy must have 4 classes, got a copy with 3"),
        ({"without": "thing 1"}, r"Toy must have 3 classes, got a copy with 2"),
    ],
)
def test_a_copy_of_another_form_is_refused(hub, tmp_path, change, message):
    copy = write_copy(hub, TOY, tmp_path / "copy")
    with pytest.raises(ValueError, match=message):
        load_pictures(replace(TOY, **change), copy)


def test_a_missing_folder_and_a_missing_network_are_named(hub, tmp_path):
    with pytest.raises(ValueError, match=r"copy must be a folder .*, got '.*nowhere'"):
        paper.load(TOY, copy=tmp_path / "nowhere")
    with pytest.raises(ConnectionError, match=r"nobody/toy cannot be loaded .*words or digits"):
        paper.load(TOY)


def test_images_become_centred_unit_features(hub, tmp_path):
    copy = write_copy(hub, TOY, tmp_path / "copy", {"train": 6, "test": 3})
    model = tiny_model(tmp_path / "model")
    train, test = paper.load(TOY, copy=copy, model=model, folder=tmp_path / "f", progress=False)
    assert train.features.shape == (18, 12)
    assert test.features.shape == (9, 12)
    np.testing.assert_allclose(np.linalg.norm(train.features, axis=1), 1, atol=1e-5)
    from sdbook.embedding import embed_images

    pictures = [load_pictures(TOY, copy)[part].images for part in (0, 1)]
    raw = [embed_images(each, model, normalise=False, progress=False) for each in pictures]
    expected = raw[1] - raw[0].mean(axis=0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(test.features, expected, atol=1e-4)
    np.testing.assert_array_equal(
        train.superclasses, noise.confusable_superclasses(train.features, train.labels)
    )
    assert {path.name for path in (tmp_path / "f").iterdir()} == {"train", "test"}


def test_other_images_do_not_take_the_kept_features(hub, tmp_path):
    model = tiny_model(tmp_path / "model")
    call = {"model": model, "folder": tmp_path / "f", "progress": False}
    paper.load(TOY, copy=write_copy(hub, TOY, tmp_path / "one"), **call)
    with pytest.raises(ValueError, match="content"):
        paper.load(TOY, copy=write_copy(hub, TOY, tmp_path / "two", seed=1), **call)


def test_local_data_keep_or_find_their_superclasses():
    train, test = paper.load("words")
    assert len(set(train.superclasses.tolist())) >= 10
    np.testing.assert_array_equal(train.superclasses, test.superclasses)
    train, _ = paper.load("digits")
    np.testing.assert_array_equal(
        train.superclasses, noise.confusable_superclasses(train.features, train.labels)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": "mnist"}, "data must be one of cifar100, .*, words, digits, .* got 'mnist'"),
        ({"data": "words", "copy": "here"}, "copy must be None with data 'words', got 'here'"),
    ],
)
def test_data_must_be_known(arguments, message):
    with pytest.raises(ValueError, match=message):
        paper.load(**arguments)


# The experiment


@pytest.fixture(scope="module")
def digits():
    return paper.load("digits")


def test_noises_are_those_of_the_library(digits):
    train, test = digits
    train = replace(train, superclasses=np.arange(10) // 2)
    sweep = paper.experiment(train, test, lam=1e-4)
    for name, expected in {
        "superclass": noise.superclass(train.superclasses, 0.4),
        "symmetric": noise.symmetric(10, 0.4),
        "asymmetric": noise.asymmetric(10, 0.4),
    }.items():
        np.testing.assert_allclose(sweep.noises[name](0.4), expected)
    assert sweep.rates == paper.RATES
    assert sweep.seeds == (0, 1, 2)


def test_a_class_alone_in_its_superclass_keeps_its_labels(digits):
    train, test = digits
    sweep = paper.experiment(
        replace(train, superclasses=np.array([0, 0, *range(1, 9)])), test, lam=1e-4
    )
    C = np.asarray(sweep.noises["superclass"](0.3))
    np.testing.assert_allclose(C[2:], np.eye(10)[2:])
    np.testing.assert_allclose(C[:2, :2], [[0.7, 0.3], [0.3, 0.7]])


def test_an_unknown_noise_is_named(digits):
    with pytest.raises(ValueError, match="noises must be among superclass, symmetric"):
        paper.experiment(*digits, lam=1e-4, noises=["pink"])
    with pytest.raises(ValueError, match="noises must be among superclass, symmetric"):
        paper.choose(digits[0], noises=["pink"])


@pytest.fixture(scope="module")
def results(digits):
    options = {"noises": ["symmetric"], "rates": [0.3, 0.7], "seeds": 2, "rounds": 3}
    return paper.experiment(*digits, lam=1e-4, **options).run(progress=False)


def test_gains_are_over_the_teacher_of_the_same_run(results):
    records = paper.gains(results)
    assert [record["student"] for record in records[:3]] == ["round 2", "round 3", "partial labels"]
    accuracy = results.accuracy("self-distillation", noise="symmetric")
    candidates = results.accuracy("partial labels", noise="symmetric")
    np.testing.assert_allclose(candidates[..., 0], accuracy[..., 0])  # one teacher for both
    difference = accuracy[1, :, 2] - accuracy[1, :, 0]
    found = next(r for r in records if r["rate"] == 0.7 and r["student"] == "round 3")
    assert found["gain"] == pytest.approx(difference.mean())
    assert found["gain_sd"] == pytest.approx(difference.std(ddof=1))
    assert found["teacher"] == pytest.approx(accuracy[1, :, 0].mean())
    found = next(r for r in records if r["rate"] == 0.7 and r["student"] == "partial labels")
    assert found["gain"] == pytest.approx((candidates[1, :, 1] - candidates[1, :, 0]).mean())


def test_the_table_shows_what_was_found(results):
    lines = paper.table(results).splitlines()
    assert lines[0] == "symmetric noise: test accuracy of the teacher, and gain over it, in %"
    assert lines[2].startswith("30%")
    found = next(
        r for r in paper.gains(results) if r["rate"] == 0.7 and r["student"] == "partial labels"
    )
    shown = f"{100 * found['gain']:+.1f} ± {100 * found['gain_sd']:.1f}"
    assert lines[3].endswith(shown)


def test_the_protocol_says_where_it_differs():
    assert {setting.same for setting in paper.PROTOCOL} == {True, False}
    assert all(setting.authors and setting.here for setting in paper.PROTOCOL)


# The choice of λ


def test_the_grid_surrounds_what_suits_the_features():
    for classes, width in ((10, 64), (55, 384), (100, 512), (256, 2048)):
        features = np.eye(classes, width)
        train = blobs(classes, 1)
        train = replace(train, features=features)
        lams = np.array(paper.grid(train))
        ridge = classes * width * lams  # in units of the mean eigenvalue
        assert ridge[0] <= 4e-3
        assert ridge[-1] >= 30
        np.testing.assert_allclose(lams[1:] / lams[:-1], 10)


def blobs(classes, per_class, seed=0, spread=0.35):
    """Instances around one direction for each class, of unit norm."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    features = np.eye(classes)[labels] + spread * rng.standard_normal((len(labels), classes))
    return datasets.Dataset(
        name="blobs",
        features=datasets.normalise(features),
        labels=labels,
        superclasses=np.zeros(classes, dtype=np.int64),
        class_names=tuple(map(str, range(classes))),
    )


TOLD = {"noises": ["symmetric"], "seeds": 2, "rounds": 2, "progress": False}


@pytest.mark.filterwarnings("ignore::sdbook.experiments.paper.EndOfGrid")
def test_the_choice_is_the_best_on_held_out_given_labels():
    train, lams = blobs(4, 30), [1e-4, 1e-2, 1.0]
    found = paper.choose(train, rates=[0.4], lams=lams, **TOLD)
    assert [each.model for each in found] == ["teacher", "round 2", "partial labels"]
    # The same once more, fold by fold.
    parts = np.array_split(np.random.default_rng(0).permutation(120), 5)
    for seed in range(2):
        given = noise.corrupt(train.labels, noise.symmetric(4, 0.4), rng=seed)
        for j, lam in enumerate(lams):
            right = np.zeros((3, 5))
            for i, part in enumerate(parts):
                rest = np.setdiff1d(np.arange(120), part)
                options = {"n_classes": 4, "tolerance": 1e-8}
                runs = (
                    distill(train.features[rest], given[rest], lam, rounds=2, **options),
                    partial_label(
                        train.features[rest],
                        given[rest],
                        lam,
                        loss=GeneralisedCrossEntropy(0.7),
                        **options,
                    ),
                )
                steps = [*runs[0].rounds, runs[1].last]
                for m, step in enumerate(steps):
                    answers = (train.features[part] @ step.coef).argmax(axis=1)
                    right[m, i] = (answers == given[part]).mean()
            for m, each in enumerate(found):
                # A solver that stops earlier may answer a held-out instance or two otherwise.
                assert abs(each.scores[seed, j] - right[m].mean()) <= 2 / 120 + 1e-12
    for each in found:
        assert each.lam == lams[last_best(each.scores.mean(axis=0, keepdims=True))[0]]
        assert each.alone == tuple(lams[j] for j in last_best(each.scores))


def last_best(scores):
    """Place of the best in each row, the last of equals."""
    good = scores >= scores.max(axis=1, keepdims=True) - 1e-12
    return scores.shape[1] - 1 - good[:, ::-1].argmax(axis=1)


@pytest.mark.filterwarnings("ignore::sdbook.experiments.paper.EndOfGrid")
def test_true_labels_decide_nothing(monkeypatch):
    train = blobs(4, 30)
    first = paper.choose(train, rates=[0.4], **TOLD)
    drawn = {
        seed: noise.corrupt(train.labels, noise.symmetric(4, 0.4), rng=seed) for seed in (0, 1)
    }
    monkeypatch.setattr(noise, "corrupt", lambda labels, C, *, rng: drawn[rng])
    other = replace(train, labels=np.roll(train.labels, 7))
    again = paper.choose(other, rates=[0.4], **TOLD)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.scores, two.scores)


def test_an_end_of_the_grid_is_warned_of():
    message = "symmetric noise at 40%, .*: λ = 1e-05 is the highest that was tried, and one beyond"
    with pytest.warns(paper.EndOfGrid, match=message):
        found = paper.choose(blobs(4, 30), rates=[0.4], lams=[1e-6, 1e-5], **TOLD)
    assert found[0].end == "highest"
    low = paper.Strength("symmetric", 0.4, "teacher", 1e-6, (1e-6, 1e-5), np.array([[1.0, 0]]))
    assert low.end == "lowest"
    assert "teacher: λ = 1e-06 is the lowest" in low.warning


def test_no_warning_inside_the_grid_and_with_one_strength(recwarn):
    strength = paper.Strength(
        "symmetric", 0.5, "teacher", 1e-3, (1e-4, 1e-3, 1e-2), np.ones((1, 3))
    )
    assert (strength.end, strength.warning) == ("", "")
    (one, *_) = paper.choose(blobs(4, 10), rates=[0.3], lams=[1e-3], **TOLD)
    assert one.warning == ""
    assert not recwarn.list
    assert paper.fixed(1e-3)[0].end == ""


def test_choices_are_resumed_and_equal_draws_are_judged_once(tmp_path, monkeypatch):
    train = blobs(4, 20)
    options = TOLD | {"noises": paper.NOISES, "rates": [0.0, 0.5], "folder": tmp_path}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", paper.EndOfGrid)
        first = paper.choose(train, **options)
        # Without noise one; else two of each kind, of which two are the same: there is but one
        # superclass.
        assert len(list(tmp_path.iterdir())) == 1 + 2 * 2
        monkeypatch.setattr(SelfDistilledClassifierCV, "fit", None)  # to call it is an error
        again = paper.choose(train, **options)
    for one, two in zip(first, again, strict=True):
        assert one.lam == two.lam
        np.testing.assert_array_equal(one.scores, two.scores)


@pytest.mark.parametrize(("instances", "expected"), [(100, 5), (5500, 3), (12500, 1), (50000, 1)])
def test_large_sets_are_judged_on_fewer_folds(monkeypatch, instances, expected):
    class Seen(Exception):
        """What the estimator was told to judge by."""

    def fit(self, X, y):
        raise Seen(self.cv)

    monkeypatch.setattr(SelfDistilledClassifierCV, "fit", fit)
    with pytest.raises(Seen) as seen:
        paper.choose(blobs(4, instances // 4), rates=[0.4], lams=[1e-3], **TOLD)
    (folds,) = seen.value.args
    assert len(folds) == expected
    for train, test in folds:
        np.testing.assert_array_equal(np.sort(np.r_[train, test]), np.arange(instances))
        assert len(test) == pytest.approx(instances / 5, abs=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lams": []}, "lams must"),
        ({"lams": [1e-3, 0]}, "lams must"),
        ({"rates": [70]}, "rates must"),
        ({"seeds": 0}, "seeds must"),
        ({"rounds": 0}, "rounds must"),
    ],
)
def test_what_cannot_be_chosen_from_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        paper.choose(blobs(4, 10), **{"rates": [0.3], **TOLD, **change})


@pytest.mark.slow
def test_each_model_is_trained_with_its_own_strength():
    train, test = blobs(4, 20), blobs(4, 20, seed=1)
    lams = {"teacher": 1e-2, "round 2": 1e-4, "round 3": 1e-3, "partial labels": 1e-5}
    none = np.empty((0, 1))
    strengths = [
        paper.Strength("symmetric", rate, model, lam * (1 + rate), (lam * (1 + rate),), none)
        for rate in (0.3, 0.5)
        for model, lam in lams.items()
    ]
    results = paper.run(train, test, strengths, seeds=2, progress=False)
    for row, rate in enumerate((0.3, 0.5)):
        options = {"noises": ["symmetric"], "rates": [rate], "seeds": 2, "rounds": 3}
        alone = {
            model: paper.experiment(train, test, lam=lam * (1 + rate), **options).run(
                progress=False
            )
            for model, lam in lams.items()
        }
        for t, model in enumerate(("teacher", "round 2", "round 3")):
            np.testing.assert_array_equal(
                results.accuracy("self-distillation")[row, :, t],
                alone[model].accuracy("self-distillation")[0, :, t],
            )
        candidates = results.accuracy("partial labels")[row]
        expected = alone["teacher"].accuracy("partial labels")[0, :, 0]
        np.testing.assert_array_equal(candidates[:, 0], expected)
        expected = alone["partial labels"].accuracy("partial labels")[0, :, 1]
        np.testing.assert_array_equal(candidates[:, 1], expected)


@pytest.mark.slow
def test_one_strength_for_all_is_the_plain_experiment(digits, results):
    strengths = paper.fixed(1e-4, noises=["symmetric"], rates=[0.3, 0.7], rounds=3)
    found = paper.run(*digits, strengths, seeds=2, progress=False)
    assert found.records() == results.records()


def test_strengths_must_be_one_for_each(digits):
    strengths = paper.fixed(1e-4, noises=["symmetric"], rates=[0.3, 0.7], rounds=2)
    for wrong in ([], strengths[:-1], [*strengths, strengths[0]]):
        with pytest.raises(
            ValueError, match=f"strengths must be one for each .* got {len(wrong)} "
        ):
            paper.run(*digits, wrong)


def test_a_trial_keeps_all_classes():
    labels = np.repeat([0, 1, 2], [50, 3, 10])
    chosen = subset(labels, 20)
    np.testing.assert_array_equal(np.bincount(labels[chosen]), [9, 3, 8])
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(subset(labels, 1000), np.arange(63))
    with pytest.raises(ValueError, match="limit must be an integer >= 10, got 9"):
        paper.load("digits", limit=9)


# The command


def test_the_command_runs_a_copy_from_images_to_a_table(hub, tmp_path, capsys):
    source = paper.SOURCES["cifar100"]
    copy = write_copy(hub, source, tmp_path / "copy", {"train": 3, "test": 1})
    arguments = ["--data", "cifar100", "--copy", str(copy), "--out", str(tmp_path / "out")]
    arguments += ["--model", tiny_model(tmp_path / "model"), "--device", "cpu"]
    arguments += ["--batch-size", "100", "--n-jobs", "1"]
    arguments += ["--rates", "0.5", "--seeds", "2", "--rounds", "2", "--noises", "symmetric"]
    arguments += ["--lam", "1e-4", "1e-3"]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert "partial labels" in first
    with (tmp_path / "out" / "cifar100.csv").open() as file:
        records = list(csv.DictReader(file))
    assert [record["student"] for record in records] == ["round 2", "partial labels"]
    lams = {float(record["lam"]) for record in records}
    settings = json.loads((tmp_path / "out" / "cifar100.json").read_text())
    assert settings["train"] == "Dataset('CIFAR-100': 300 instances, 12 features, 100 classes)"
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").iterdir()}
    kept |= {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")}
    kept |= {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "choices").iterdir()}
    # Two choices; two draws and two methods with one λ or two; features and their index twice.
    assert len(kept) == 2 + 4 * len({float(records[0]["teacher_lam"]), *lams}) + 4
    assert main(arguments) == 0
    assert capsys.readouterr().out == first
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


def test_an_interrupted_command_goes_on(tmp_path, monkeypatch, capsys):
    arguments = ["--data", "digits", "--rates", "0.3", "0.7", "--seeds", "1", "--rounds", "2"]
    arguments += ["--noises", "symmetric", "--out", str(tmp_path / "out")]
    arguments += ["--lam", "1e-4", "1e-3", "1e-2"]

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(paper, "gains", interrupt)
        assert main(arguments) == 130
    assert "The same command goes on" in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "choices").iterdir())) == 2
    kept = len(list((tmp_path / "out" / "runs").iterdir()))
    assert kept >= 4
    assert main(arguments) == 0
    assert len(list((tmp_path / "out" / "runs").iterdir())) == kept
    assert "100%" in capsys.readouterr().err  # the bar starts where it ends


def refused(capsys, *arguments):
    """What the command says when it refuses arguments."""
    with pytest.raises(SystemExit) as stopped:
        main(["--data", "digits", *map(str, arguments)])
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rates", "70"], "rates must be in [0, 1), got 70.0. 70% is 0.7."),
        (["--rates", "0.3", "1"], "rates must be in [0, 1), got 1.0."),
        (["--rates", "-0.1"], "rates must be in [0, 1), got -0.1."),
        (["--rates", "half"], "rates must be a real number, got 'half'."),
        (["--rates", "0.3", "0.30"], "rates must have no value twice, got 0.3 0.3."),
        (["--noises", "pink"], "'pink' (choose from"),
        (["--noises", "symmetric", "symmetric"], "noises must have no value twice"),
        (["--lam", "0"], "lam must be > 0, got 0.0."),
        (["--lam", "1e-3", "-1"], "lam must be > 0, got -1.0."),
        (["--lam", "nan"], "lam must be finite and > 0, got nan."),
        (["--seeds", "0"], "seeds must be an integer >= 1, got 0."),
        (["--seeds", "1.5"], "seeds must be an integer, got '1.5'."),
        (["--rounds", "1"], "rounds must be an integer >= 2, got 1."),
        (["--batch-size", "0"], "batch_size must be an integer >= 1, got 0."),
        (["--n-jobs", "0"], "n_jobs must be -1 or an integer >= 1, got 0."),
        (["--n-jobs", "two"], "n_jobs must be -1 or an integer >= 1, got 'two'."),
        (["--limit", "0"], "limit must be an integer >= 1, got 0."),
        (["--data", "mnist"], "'mnist' (choose from"),
        (["--copy", "here"], "copy must be left out with 'digits', got 'here'."),
        (["--data", "cifar100", "--limit", "99"], "limit must be an integer >= 100, got 99."),
        (["--data", "cifar100", "--copy", "nowhere"], "copy must be a folder, got 'nowhere'."),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(
    tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.setattr(paper, "load", None)  # to call it would be an error of another kind
    assert message in refused(capsys, "--out", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_is_named_before_anything_is_loaded(capsys, monkeypatch):
    pytest.importorskip("transformers")
    pytest.importorskip("safetensors")
    monkeypatch.setattr(paper, "load", None)
    said = refused(capsys, "--data", "cifar100", "--device", "abacus")
    assert "device must be" in said
    assert "'abacus'" in said


def shown(capsys):
    """What the command says of itself."""
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


OPTIONS = (
    "data copy limit model device batch-size features noises rates seeds rounds lam n-jobs out"
)


def test_help_explains_every_option(capsys):
    options = shown(capsys).partition("examples:")[0]
    said = dict(re.findall(r"^  --([\w-]+)((?:.|\n(?!  -))*)", options, re.M))
    assert set(said) == set(OPTIONS.split())
    for name, text in said.items():
        assert re.search(r"\b[a-z]+ [a-z]+ ", text), name


def test_the_examples_of_the_help_can_be_typed(capsys):
    examples = shown(capsys).partition("examples:")[2].replace("\\\n", "")
    lines = [line.split() for line in examples.splitlines() if "python -m" in line]
    assert len(lines) >= 3
    for line in lines:
        assert line[:3] == ["python", "-m", "sdbook.experiments.paper"]
        parser().parse_args(line[3:])


SMALL = ["--data", "digits", "--limit", "60", "--noises", "symmetric", "--rates", "0.3"]
SMALL += ["--rounds", "2"]


def test_results_of_other_settings_are_not_written_over(tmp_path, capsys):
    out = tmp_path / "out"
    first = [*SMALL, "--lam", "1e-3", "--seeds", "1", "--out", str(out)]
    assert main(first) == 0
    report = capsys.readouterr().out
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    said = refused(capsys, *first, "--lam", "1e-4", "--seeds", "2")
    assert "out must be of the same settings" in said
    assert "of seeds = 1 (here 2), lam = [0.001] (here [0.0001])" in said
    assert "Use another --out" in said
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    # What decides nothing may differ, and so may the order.
    assert main([*first, "--batch-size", "7"]) == 0
    assert capsys.readouterr().out == report
    # Another data set has files of its own, and what was moved away is no obstacle.
    for path in out.glob("digits*"):
        path.rename(tmp_path / path.name)
    assert main([*first, "--seeds", "2"]) == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("digits.csv", "noise", "with 'digits.csv' alone"),
        ("digits.json", "{}", "digits.json' is damaged"),
        ("digits.json", "[", "digits.json' is damaged"),
        ("digits.json", '{"settings": {"seeds": 3}}', "limit = None (here 60)"),
    ],
)
def test_a_folder_of_something_else_is_left_alone(tmp_path, capsys, name, text, message):
    (tmp_path / name).write_text(text)
    if "limit" not in message:
        assert message in refused(capsys, "--out", tmp_path)
    else:
        assert message in refused(capsys, *SMALL, "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == text


def test_a_file_is_no_folder_of_results(tmp_path, capsys):
    (tmp_path / "out").touch()
    assert "which is a file" in refused(capsys, "--out", tmp_path / "out")


def test_one_seed_has_no_spread(tmp_path, capsys):
    arguments = [*SMALL, "--lam", "1e-3", "--seeds", "1", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    report = capsys.readouterr().out
    assert "One seed: how much the numbers scatter is not known." in report
    assert "±" not in report
    written = [path.read_text() for path in (tmp_path / "out").glob("digits*")]
    assert len(written) == 3
    assert not any("nan" in text.lower() for text in [report, *written])


def test_a_trial_says_so(tmp_path, capsys):
    assert main([*SMALL, "--lam", "1e-3", "--seeds", "1", "--out", str(tmp_path / "out")]) == 0
    report = capsys.readouterr().out
    assert report.startswith("digits: 60 instances for training, 60 for testing")
    assert "TRIAL: at most 60 instances of each part (--limit)." in report
    assert (tmp_path / "out" / "digits.txt").read_text() == report


def test_the_choice_is_in_results_and_report(tmp_path, capsys):
    out = tmp_path / "out"
    arguments = [*SMALL, "--seeds", "2", "--lam", "1e-2", "1e-4", "1e-3", "--out", str(out)]
    assert main(arguments) == 0
    report = capsys.readouterr().out
    assert "λ is the best of 0.0001, 0.001, 0.01, judged by agreement" in report
    chosen = json.loads((out / "digits.json").read_text())["lam"]
    assert [each["model"] for each in chosen] == ["teacher", "round 2", "partial labels"]
    with (out / "digits.csv").open() as file:
        records = list(csv.DictReader(file))
    assert [float(r["lam"]) for r in records] == [each["lam"] for each in chosen[1:]]
    assert {float(r["teacher_lam"]) for r in records} == {chosen[0]["lam"]}
    with (out / "digits-lambda.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert len(scores) == 3 * 2 * 3  # models, seeds, strengths
    for each in chosen:
        mine = [s for s in scores if s["model"] == each["model"]]
        means = {
            lam: np.mean([float(s["held_out"]) for s in mine if float(s["lam"]) == lam])
            for lam in each["tried"]
        }
        assert means[each["lam"]] == pytest.approx(max(means.values()))
        end = {0.0001: "lowest", 0.01: "highest"}.get(each["lam"], "")
        assert each["end_of_grid"] == end
        assert (f"{each['model']}: λ = {each['lam']:g} is the {end}" in report) == bool(end)


def test_features_can_be_kept_elsewhere(hub, tmp_path, capsys):
    copy = write_copy(hub, paper.SOURCES["cifar100"], tmp_path / "copy", {"train": 3, "test": 1})
    arguments = ["--data", "cifar100", "--copy", str(copy), "--device", "cpu", "--limit", "200"]
    arguments += ["--model", tiny_model(tmp_path / "model"), "--features", str(tmp_path / "kept")]
    arguments += ["--rates", "0.5", "--seeds", "1", "--rounds", "2", "--noises", "symmetric"]
    assert main([*arguments, "--lam", "1e-5", "--out", str(tmp_path / "one")]) == 0
    assert "CIFAR-100: 200 instances for training, 100 for testing" in capsys.readouterr().out
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.safetensors")}
    assert kept
    assert {path.relative_to(tmp_path / "kept").parts[0] for path in kept} == {"cifar100-200"}
    assert main([*arguments, "--lam", "1e-4", "--out", str(tmp_path / "two")]) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not (tmp_path / "one" / "features").exists()


@pytest.mark.slow
def test_local_data_need_neither_torch_nor_the_hub():
    code = """
import sys
class Missing:
    def find_spec(self, name, *rest):
        if name in ("torch", "transformers", "datasets", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from sdbook.experiments import paper
paper.experiment(*paper.load("digits"), lam=1e-4, rates=[0.5], seeds=1, rounds=1)
try:
    paper.load("cifar100")
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    expected = "image data sets need datasets, which is not installed: pip install 'sdbook[paper]'"
    assert result.stdout.strip() == expected
