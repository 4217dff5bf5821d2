"""Embedding with tiny models that are made on the spot: no network, no weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("safetensors")

from sdbook._device import choose_device  # noqa: E402
from sdbook.embedding import embed_images, embed_texts  # noqa: E402

KNOWN = ["a", "the", "cat", "dog", "mat", "sat", "on", "is", "old"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *KNOWN]
TEXTS = [
    "a cat",
    "the old dog sat on the mat",
    "dog",
    "the mat is old",
    "a dog is a dog is a dog",
    "the cat sat",
    "old old old",
]
LONGEST = 16


def language_model(seed=0):
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=LONGEST,
    )
    return transformers.BertModel(config), tokenizer()


def tokenizer():
    return transformers.BertTokenizer({word: number for number, word in enumerate(WORDS)})


def vision_model(seed=0):
    torch.manual_seed(seed)
    config = transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1])
    processor = transformers.ViTImageProcessor(size={"height": 24, "width": 24})
    return transformers.ResNetModel(config), processor


def pictures(count=5, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)) for _ in range(count)
    ]


def counted(model):
    """Count the instances that pass through a model."""
    seen = []
    model.register_forward_pre_hook(
        lambda module, args, named: seen.append(len(next(iter(named.values())))), with_kwargs=True
    )
    return seen


@pytest.fixture(scope="module")
def language():
    return language_model()


@pytest.fixture(scope="module")
def vision():
    return vision_model()


# What comes out


def by_hand(pair, text, pooling):
    model, tokens = pair
    model.eval()
    with torch.no_grad():
        outputs = model(**tokens(text, return_tensors="pt"))
    vector = {
        "mean": outputs.last_hidden_state[0].mean(0),
        "cls": outputs.last_hidden_state[0, 0],
        "pooled": outputs.pooler_output[0],
    }[pooling]
    return vector.numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooled"])
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_each_text_is_embedded_as_if_it_were_alone(language, pooling, batch):
    features = embed_texts(
        TEXTS, language, pooling=pooling, batch=batch, normalise=False, progress=False
    )
    expected = np.array([by_hand(language, text, pooling) for text in TEXTS])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_rows_have_unit_norm_and_the_same_direction(language):
    unit = embed_texts(TEXTS, language, progress=False)
    raw = embed_texts(TEXTS, language, normalise=False, progress=False)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(unit, raw / np.linalg.norm(raw, axis=1)[:, None], atol=1e-6)


def test_a_model_in_training_mode_is_used_without_dropout_and_left_as_it_was():
    pair = language_model()
    pair[0].train()
    first, second = (embed_texts(TEXTS, pair, progress=False) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert pair[0].training


def test_a_folder_with_a_model_is_the_model(language, tmp_path):
    for part in language:
        part.save_pretrained(tmp_path)
    np.testing.assert_array_equal(
        embed_texts(TEXTS, tmp_path, progress=False), embed_texts(TEXTS, language, progress=False)
    )


def test_too_long_texts_can_be_cut(language):
    long = "cat " * 40
    features = embed_texts([long, "dog"], language, truncate=True, progress=False)
    alone = embed_texts(["cat " * (LONGEST - 2)], language, progress=False)
    np.testing.assert_allclose(features[:1], alone, atol=1e-6)


def test_images_from_files_arrays_and_memory_are_the_same(vision, tmp_path):
    images = pictures()
    paths = [tmp_path / f"{i}.png" for i in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    expected = embed_images(images, vision, progress=False)
    assert expected.shape == (5, 6)
    for same in (paths, [str(path) for path in paths], [np.asarray(image) for image in images]):
        np.testing.assert_array_equal(embed_images(same, vision, progress=False), expected)


def test_pooled_output_of_a_resnet_is_the_mean_of_its_feature_maps(vision):
    pooled, mean = (
        embed_images(pictures(), vision, pooling=pooling, progress=False)
        for pooling in ("pooled", "mean")
    )
    np.testing.assert_allclose(pooled, mean, atol=1e-6)


def test_a_vision_transformer_has_a_first_token():
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=24, patch_size=8
    )
    processor = transformers.ViTImageProcessor(size={"height": 24, "width": 24})
    pair = transformers.ViTModel(config), processor
    cls, mean = (
        embed_images(pictures(), pair, pooling=pooling, progress=False)
        for pooling in ("cls", "mean")
    )
    assert cls.shape == mean.shape == (5, 8)
    assert np.abs(cls - mean).max() > 1e-3


def test_grey_images_are_read_as_colour(vision):
    grey = np.arange(400, dtype=np.uint8).reshape(20, 20)
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    grey_features, colour_features = (
        embed_images([array], vision, progress=False) for array in (grey, colour)
    )
    np.testing.assert_array_equal(grey_features, colour_features)


# What does not go in


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ("", ValueError, r"texts\[2\] is ''"),
        ("  \n", ValueError, r"texts\[2\] is '  \\n'"),
        (None, TypeError, r"texts\[2\] is None; accepted are strings"),
        (float("nan"), TypeError, r"texts\[2\] is nan"),
        (b"cat", TypeError, r"texts\[2\] is b'cat'"),
        ("\ud800 cat", ValueError, r"texts\[2\] is .* not valid Unicode"),
        ("xyzzy plugh", ValueError, r"texts\[2\] \('xyzzy plugh'\) has no word or sign"),
        (
            "cat " * 40,
            ValueError,
            r"texts\[2\] \('cat cat .*…'\) has 42 tokens, .* reads at most 16; .* truncate=True",
        ),
    ],
    ids=["empty", "blank", "None", "nan", "bytes", "surrogate", "unknown", "too long"],
)
def test_a_text_that_cannot_be_embedded_is_named(language, bad, error, message):
    with pytest.raises(error, match=message):
        embed_texts(["a cat", "the dog", bad, "the mat"], language, progress=False)


def test_unknown_words_among_known_ones_are_fine(language):
    assert embed_texts(["the xyzzy cat"], language, progress=False).shape == (1, 8)


@pytest.mark.parametrize("texts", ["a cat", []])
def test_texts_must_be_several(language, texts):
    with pytest.raises((TypeError, ValueError), match="texts is"):
        embed_texts(texts, language, progress=False)


def broken_file(tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return path


def cut_file(tmp_path):
    path = tmp_path / "cat.png"
    pictures(1)[0].save(path)
    path.write_bytes(path.read_bytes()[:200])
    return path


def no_file(tmp_path):
    return tmp_path / "cat.png"


@pytest.mark.parametrize("make", [broken_file, cut_file, no_file])
@pytest.mark.parametrize("cached", [False, True])
def test_a_file_that_is_no_image_is_named(vision, tmp_path, make, cached):
    images = [*pictures(3), make(tmp_path)]
    folder = tmp_path / "features" if cached else None
    with pytest.raises(ValueError, match=r"images\[3\] is '.*cat.png', which cannot be read: \w"):
        embed_images(images, vision, folder=folder, progress=False)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (None, TypeError, r"images\[1\] is None"),
        (
            np.zeros((4, 4)),
            ValueError,
            r"images\[1\] is an array of shape \(4, 4\) and dtype float",
        ),
        (np.zeros((0, 4), np.uint8), ValueError, r"images\[1\] is an array of shape \(0, 4\)"),
        (
            np.zeros((4, 4, 2), np.uint8),
            ValueError,
            r"images\[1\] is an array of shape \(4, 4, 2\)",
        ),
    ],
)
def test_what_is_no_image_is_named(vision, bad, error, message):
    with pytest.raises(error, match=message):
        embed_images([*pictures(1), bad], vision, progress=False)


def test_an_embedding_that_is_not_finite_is_named():
    pair = language_model()
    with torch.no_grad():
        pair[0].embeddings.word_embeddings.weight[WORDS.index("mat")] = float("nan")
    with pytest.raises(ValueError, match=r"texts\[1\] has an embedding of norm nan"):
        embed_texts(["a cat", "the mat", "a dog"], pair, progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, "pooling is 'max'; accepted are mean, cls, pooled"),
        ({"batch": 0}, "batch is 0"),
        ({"device": "abacus"}, "device is 'abacus'"),
        ({"device": "cuda:63"}, "device is 'cuda:63', and this computer has"),
    ],
)
def test_options_are_checked(language, options, message):
    with pytest.raises(ValueError, match=message):
        embed_texts(TEXTS, language, progress=False, **options)


def test_a_convolutional_network_has_no_first_token(vision):
    with pytest.raises(ValueError, match=r"pooling is 'cls'.*convolutional"):
        embed_images(pictures(1), vision, pooling="cls", progress=False)


@pytest.mark.parametrize("model", [3, (1, 2), ("name",)])
def test_model_must_be_a_name_a_folder_or_a_pair(model):
    with pytest.raises(TypeError, match="model is a"):
        embed_texts(TEXTS, model, progress=False)


def test_a_model_without_a_pooled_output_says_so():
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2
    )
    pair = transformers.BertModel(config, add_pooling_layer=False), tokenizer()
    with pytest.raises(ValueError, match=r"pooling is 'pooled'.*returns no pooler_output"):
        embed_texts(TEXTS, pair, pooling="pooled", progress=False)


def test_auto_is_a_device_that_is_there():
    assert torch.zeros(2, device=choose_device("auto")).sum() == 0


# What is kept


def test_the_manifest_says_what_the_features_are(language, tmp_path):
    embed_texts(TEXTS, language, batch=3, folder=tmp_path / "f", progress=False)
    manifest = json.loads((tmp_path / "f" / "manifest.json").read_text())
    assert manifest["kind"] == "texts"
    assert manifest["count"] == len(TEXTS)
    assert manifest["pooling"] == "mean"
    assert {"model", "revision", "content", "weights", "processor"} <= set(manifest)
    names = sorted(path.name for path in (tmp_path / "f").glob("*.safetensors"))
    assert names == [
        "000000000-000000003.safetensors",
        "000000003-000000006.safetensors",
        "000000006-000000007.safetensors",
    ]


def test_a_second_call_computes_nothing(tmp_path):
    pair = language_model()
    seen = counted(pair[0])
    first = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch=2, progress=False)
    assert sum(seen) == len(TEXTS)
    second = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch=5, progress=False)
    assert sum(seen) == len(TEXTS)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_only_what_is_missing_is_computed_whatever_the_batch(tmp_path, lost, batch):
    pair = language_model()
    whole = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch=2, progress=False)
    shard = sorted((tmp_path / "f").glob("*.safetensors"))[lost]
    start, stop = map(int, shard.stem.split("-"))
    shard.unlink()
    seen = counted(pair[0])
    again = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch=batch, progress=False)
    assert sum(seen) == stop - start
    assert max(seen) <= batch
    np.testing.assert_allclose(again, whole, atol=1e-6)


def test_an_interrupted_call_keeps_its_batches(vision, tmp_path):
    images = pictures(7)
    expected = embed_images(images, vision, batch=2, progress=False)
    pair = vision_model()
    seen = counted(pair[0])

    def interrupt(module, arguments, named):
        if len(seen) == 3:
            raise KeyboardInterrupt

    handle = pair[0].register_forward_pre_hook(interrupt, with_kwargs=True)
    with pytest.raises(KeyboardInterrupt):
        embed_images(images, pair, batch=2, folder=tmp_path / "f", progress=False)
    handle.remove()
    assert len(list((tmp_path / "f").glob("*.safetensors"))) == 2
    seen.clear()
    features = embed_images(images, pair, batch=2, folder=tmp_path / "f", progress=False)
    assert sum(seen) == 7 - 4
    np.testing.assert_array_equal(features, expected)


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from test_embedding import TEXTS, embed_texts, language_model
pair = language_model()
calls = []
def die(module, arguments, named):
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
pair[0].register_forward_pre_hook(die, with_kwargs=True)
embed_texts(TEXTS, pair, batch=2, folder={folder!r}, progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_process_loses_nothing_that_it_finished(tmp_path):
    folder = tmp_path / "f"
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
    killed = subprocess.run([sys.executable, "-c", code], timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(folder.glob("*.safetensors"))) == 2
    pair = language_model()
    expected = embed_texts(TEXTS, pair, batch=2, progress=False)
    seen = counted(pair[0])
    features = embed_texts(TEXTS, pair, batch=2, folder=folder, progress=False)
    assert sum(seen) == len(TEXTS) - 4
    np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"texts": [*TEXTS[:-1], "old"]}, "content"),
        ({"texts": TEXTS[:-1]}, "count"),
        ({"texts": [TEXTS[1], TEXTS[0], *TEXTS[2:]]}, "content"),
        ({"pooling": "cls"}, "pooling"),
        ({"normalise": False}, "normalise"),
        ({"truncate": True}, "truncate"),
        ({"model": "other weights"}, "weights"),
        ({"model": "other tokenizer"}, "processor"),
    ],
    ids=["text", "fewer", "order", "pooling", "norm", "truncate", "weights", "tokenizer"],
)
def test_features_of_something_else_are_refused(tmp_path, change, named):
    call = {"texts": TEXTS, "model": language_model(), "folder": tmp_path / "f", "progress": False}
    embed_texts(**call)
    if change.get("model") == "other weights":
        change = {"model": language_model(seed=1)}
    elif change.get("model") == "other tokenizer":
        model, _ = language_model()
        shifted = [*WORDS[:5], *WORDS[6:], WORDS[5]]
        change = {
            "model": (model, transformers.BertTokenizer({w: n for n, w in enumerate(shifted)}))
        }
    with pytest.raises(ValueError, match=f"features of something else: its {named} is"):
        embed_texts(**{**call, **change})


def test_two_texts_are_not_the_same_as_their_sum(tmp_path):
    call = {"model": language_model(), "folder": tmp_path / "f", "progress": False}
    embed_texts(["a cat", "sat on"], **call)
    with pytest.raises(ValueError, match="its content is"):
        embed_texts(["a cats", "at on cat"], **call)


def test_other_images_are_refused_unless_their_content_is_vouched_for(vision, tmp_path):
    call = {"model": vision, "folder": tmp_path / "f", "progress": False}
    first = embed_images(pictures(), content="these", **call)
    same = embed_images(pictures(seed=1), content="these", **call)
    np.testing.assert_array_equal(first, same)
    with pytest.raises(ValueError, match="its content is 'these', not 'those'"):
        embed_images(pictures(), content="those", **call)


def test_a_folder_with_other_files_is_refused(language, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="holds files but no manifest"):
        embed_texts(TEXTS, language, folder=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_damaged_shard_is_named(language, tmp_path):
    embed_texts(TEXTS, language, folder=tmp_path / "f", batch=3, progress=False)
    shard = sorted((tmp_path / "f").glob("*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:20])
    with pytest.raises(ValueError, match=r"000000003-000000006.safetensors' cannot be read"):
        embed_texts(TEXTS, language, folder=tmp_path / "f", progress=False)


def test_progress_counts_what_was_there_before(language, tmp_path, capsys):
    embed_texts(TEXTS, language, folder=tmp_path / "f", batch=3, progress=False)
    assert capsys.readouterr().err == ""
    sorted((tmp_path / "f").glob("*.safetensors"))[-1].unlink()
    embed_texts(TEXTS, language, folder=tmp_path / "f", batch=3, progress=True)
    shown = capsys.readouterr().err
    assert "6/7" in shown
    assert "7/7" in shown


def test_what_is_missing_is_named_with_its_extra():
    code = "import sys; sys.modules['transformers'] = None; import sdbook.embedding"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: sdbook.embedding needs transformers" in result.stderr
    assert "pip install 'sdbook[features]'" in result.stderr
