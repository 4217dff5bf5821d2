"""The paper's experiment on fake copies of its data sets: written on the spot, never fetched."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"
pytest.importorskip("sklearn")

from sdbook import noise, paper
from sdbook.paper.__main__ import main
from sdbook.paper.sources import load_pictures

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
    names = [*extra, *(f"thing {k}" for k in range(source.classes))]
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
    assert names == tuple(f"thing {k}" for k in range(source.classes))
    whole = source.classes * 3 * len(source.train)
    if source.test:
        np.testing.assert_array_equal(np.bincount(train.labels), [3] * source.classes)
        np.testing.assert_array_equal(np.bincount(test.labels), [2] * source.classes)
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
        ({"test": ("validation",)}, r"Toy has no split 'validation' here; .*\['test', 'train'\]"),
        ({"image": "photo"}, r"Toy has no column 'photo' here; .*\['image', 'label'\]"),
        ({"label": "kind"}, r"Toy has no column 'kind' here"),
        ({"names": "text"}, r"Toy has no column 'text' here"),
        ({"classes": 4}, r"Toy has 3 classes here; accepted is a copy with the 4 of the paper"),
        ({"without": "thing 1"}, r"Toy has 2 classes here"),
    ],
)
def test_a_copy_of_another_form_is_refused(hub, tmp_path, change, message):
    copy = write_copy(hub, TOY, tmp_path / "copy")
    with pytest.raises(ValueError, match=message):
        load_pictures(replace(TOY, **change), copy)


def test_a_missing_folder_and_a_missing_network_are_named(hub, tmp_path):
    with pytest.raises(ValueError, match=r"folder is '.*nowhere', which is not a folder"):
        load_pictures(TOY, tmp_path / "nowhere")
    with pytest.raises(ConnectionError, match=r"nobody/toy cannot be loaded .*'words', 'digits'"):
        load_pictures(TOY)


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
    with pytest.raises(ValueError, match="its content is"):
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
        ({"data": "mnist"}, "data is 'mnist'; accepted are cifar100, .*, words, digits"),
        ({"data": "words", "copy": "here"}, "copy is 'here'; accepted with 'words' is none"),
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
    sweep = paper.experiment(train, test)
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
    sweep = paper.experiment(replace(train, superclasses=np.array([0, 0, *range(1, 9)])), test)
    C = np.asarray(sweep.noises["superclass"](0.3))
    np.testing.assert_allclose(C[2:], np.eye(10)[2:])
    np.testing.assert_allclose(C[:2, :2], [[0.7, 0.3], [0.3, 0.7]])


def test_an_unknown_noise_is_named(digits):
    with pytest.raises(ValueError, match="noises has 'pink'; accepted are superclass, symmetric"):
        paper.experiment(*digits, noises=["pink"])


@pytest.fixture(scope="module")
def results(digits):
    options = {"noises": ["symmetric"], "rates": [0.3, 0.7], "seeds": 2, "rounds": 3}
    return paper.experiment(*digits, **options).run(progress=False)


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
    assert {choice.same for choice in paper.PROTOCOL} == {True, False}
    assert all(choice.authors and choice.here for choice in paper.PROTOCOL)


# The command


def test_the_command_runs_a_copy_from_images_to_a_table(hub, tmp_path, capsys):
    source = paper.SOURCES["cifar100"]
    copy = write_copy(hub, source, tmp_path / "copy", {"train": 3, "test": 1})
    arguments = ["--data", "cifar100", "--copy", str(copy), "--out", str(tmp_path / "out")]
    arguments += ["--model", tiny_model(tmp_path / "model"), "--device", "cpu", "--batch", "100"]
    arguments += ["--rates", "0.5", "--seeds", "2", "--rounds", "2", "--noises", "symmetric"]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert "partial labels" in first
    with (tmp_path / "out" / "cifar100.csv").open() as file:
        records = list(csv.DictReader(file))
    assert [record["student"] for record in records] == ["round 2", "partial labels"]
    settings = json.loads((tmp_path / "out" / "cifar100.json").read_text())
    assert settings["train"] == "Dataset('CIFAR-100': 300 instances, 12 features, 100 classes)"
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "runs").iterdir()}
    kept |= {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")}
    assert len(kept) == 4 + 4
    assert main(arguments) == 0
    assert capsys.readouterr().out == first
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


def test_an_interrupted_command_goes_on(tmp_path, monkeypatch, capsys):
    arguments = ["--data", "digits", "--rates", "0.3", "0.7", "--seeds", "1", "--rounds", "2"]
    arguments += ["--noises", "symmetric", "--out", str(tmp_path / "out")]

    def interrupt(results):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(paper, "gains", interrupt)
        assert main(arguments) == 130
    assert "The same command goes on" in capsys.readouterr().err
    assert len(list((tmp_path / "out" / "runs").iterdir())) == 4
    assert main(arguments) == 0
    assert "100%" in capsys.readouterr().err  # the bar starts where it ends


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rates", "1.5"], "rates is 1.5"),
        (["--lam", "0"], "lam is 0"),
        (["--seeds", "0"], "seeds is empty"),
        (["--copy", "here"], "copy is 'here'"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path, capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(["--data", "digits", "--out", str(tmp_path), *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_local_data_need_neither_torch_nor_the_hub():
    code = """
import sys
class Missing:
    def find_spec(self, name, *rest):
        if name in ("torch", "transformers", "datasets", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from sdbook import paper
paper.experiment(*paper.load("digits"), rates=[0.5], seeds=1, rounds=1).run(progress=False)
try:
    paper.load("cifar100")
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    expected = "image data sets need datasets, which is not installed: pip install 'sdbook[paper]'"
    assert result.stdout.strip() == expected
