"""Embedding with tiny models that are made on the spot: no network, no weights."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

os.environ["HF_HUB_OFFLINE"] = "1"
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("safetensors")

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


def tokenizer(**options):
    return transformers.BertTokenizer({w: number for number, w in enumerate(WORDS)}, **options)


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


SMALL = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
READS = {"vocab_size": len(WORDS), "max_position_embeddings": LONGEST, **SMALL}
SEES = {"image_size": 24, "patch_size": 8, **SMALL}


def made(name, seed=0, **sizes):
    """A tiny model of any kind, by the name of its class without the last word."""
    torch.manual_seed(seed)
    return getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**sizes))


def clip():
    text = {**READS, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    return made("CLIP", text_config=text, vision_config=SEES, projection_dim=6)


def siglip():
    text = {**READS, "projection_size": 8}
    return made("Siglip", text_config=text, vision_config=SEES)


def preparation():
    return transformers.ViTImageProcessor(size={"height": 24, "width": 24})


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
        TEXTS, language, pooling=pooling, batch_size=batch, normalise=False, progress=False
    )
    expected = np.array([by_hand(language, text, pooling) for text in TEXTS])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, atol=1e-6)


GPT2 = {"vocab_size": len(WORDS), "n_positions": LONGEST, "n_embd": 8, "n_layer": 1, "n_head": 2}
T5 = {"vocab_size": len(WORDS), "d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 1}
BART = {
    "vocab_size": len(WORDS),
    "max_position_embeddings": LONGEST,
    "d_model": 8,
    **{f"{part}_layers": 1 for part in ("encoder", "decoder")},
    **{f"{part}_attention_heads": 2 for part in ("encoder", "decoder")},
    **{f"{part}_ffn_dim": 16 for part in ("encoder", "decoder")},
}
XLNET = {"vocab_size": len(WORDS), "d_model": 8, "n_layer": 1, "n_head": 2, "d_inner": 16}
FNET = {**READS, "use_tpu_fourier_optimizations": False}
MODELS = {
    "BERT": lambda: made("Bert", **READS),
    "RoBERTa": lambda: made("Roberta", pad_token_id=0, **READS),
    "GPT-2": lambda: made("GPT2", **GPT2),
    "XLNet": lambda: made("XLNet", **XLNET),
    "FNet, which knows no mask": lambda: made("FNet", **FNET),
    "CLIP": clip,
    "SigLIP": siglip,
}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("name", MODELS)
def test_a_vector_does_not_depend_on_the_batch_however_a_tokenizer_pads(name, pooling, side):
    pair = MODELS[name](), tokenizer(padding_side=side)
    options = {"pooling": pooling, "normalise": False, "progress": False}
    together = embed_texts(TEXTS, pair, **options)
    alone = [embed_texts([text], pair, **options) for text in TEXTS]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


@pytest.mark.parametrize("make", [clip, siglip], ids=["CLIP", "SigLIP"])
@pytest.mark.parametrize("kind", ["text", "image"])
def test_of_a_pair_of_towers_the_one_for_the_inputs_is_taken(make, kind):
    model = make().eval()
    if kind == "text":
        features = embed_texts(
            TEXTS, (model, tokenizer()), pooling="pooled", normalise=False, progress=False
        )
        tensors = tokenizer()(TEXTS, padding="max_length", max_length=LONGEST, return_tensors="pt")
        del tensors["token_type_ids"]
    else:
        pair = model, preparation()
        features = embed_images(pictures(), pair, normalise=False, progress=False)
        tensors = preparation()(pictures(), return_tensors="pt")
    with torch.no_grad():
        tower = getattr(model, f"get_{kind}_features")(**tensors)
    expected = getattr(tower, "pooler_output", tower)  # a tensor before transformers 5
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_one_processor_for_both_towers_will_do(tmp_path):
    both = transformers.CLIPProcessor(preparation(), tokenizer())
    for embed, items, part in (
        (embed_texts, TEXTS, tokenizer()),
        (embed_images, pictures(), preparation()),
    ):
        np.testing.assert_array_equal(
            embed(items, (clip(), both), progress=False),
            embed(items, (clip(), part), progress=False),
        )


def test_a_vision_model_with_a_projection_is_asked_for_it():
    config = transformers.CLIPVisionConfig(projection_dim=6, **SEES)
    pair = transformers.CLIPVisionModelWithProjection(config), preparation()
    assert embed_images(pictures(), pair, progress=False).shape == (5, 6)


@pytest.mark.parametrize(
    ("embed", "inputs", "model", "prepare", "named"),
    [
        (embed_texts, TEXTS, lambda: made("ViT", **SEES), tokenizer, "T5EncoderModel"),
        (embed_texts, TEXTS, lambda: made("T5", **T5), tokenizer, "T5EncoderModel"),
        (embed_texts, TEXTS, lambda: made("Bart", **BART), tokenizer, "T5EncoderModel"),
        (embed_images, pictures(), lambda: made("Bert", **READS), preparation, "a vision model"),
    ],
    ids=["vision", "decoder", "decoder that needs no inputs", "language"],
)
def test_a_model_of_something_else_is_named(embed, inputs, model, prepare, named):
    with pytest.raises(
        ValueError, match=rf"model must be .*{named}.*, got \w+ \(\w+\), which does"
    ):
        embed(inputs, (model(), prepare()), progress=False)


def test_the_encoder_of_a_model_with_a_decoder_is_taken_by_itself():
    encoder = made("Bart", **BART).get_encoder().eval()
    features = embed_texts(TEXTS[:1], (encoder, tokenizer()), normalise=False, progress=False)
    ids = tokenizer()(TEXTS[0], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        expected = encoder(ids).last_hidden_state.mean(1)
    np.testing.assert_allclose(features, expected, atol=1e-6)


class Constant(torch.nn.Module):
    """Its states are all the same number, so that their mean is known."""

    def __init__(self, number, dtype):
        super().__init__()
        self.config = transformers.BertConfig(**READS)
        self.number = torch.nn.Parameter(torch.tensor(number, dtype=dtype))

    def forward(self, input_ids, attention_mask=None):
        states = self.number.expand(*input_ids.shape, 2)
        return transformers.modeling_outputs.BaseModelOutput(last_hidden_state=states)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("number", [20_000.0, 1.0078125])
def test_the_mean_of_half_precision_has_no_less_precision(dtype, number):
    pair = Constant(number, dtype), tokenizer()
    features = embed_texts(["cat " * 13], pair, normalise=False, progress=False)
    np.testing.assert_allclose(features, pair[0].number.item(), rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("pooling", ["pooled", "mean"])
def test_images_come_in_the_precision_of_the_model(vision, dtype, pooling):
    model, processor = vision_model()
    features = embed_images(
        pictures(2), (model.to(dtype), processor), pooling=pooling, progress=False
    )
    expected = embed_images(pictures(2), vision, pooling=pooling, progress=False)
    np.testing.assert_allclose(features, expected, atol=0.05)


def test_a_short_text_does_not_change_how_later_texts_are_read():
    sparse = {**READS, "max_position_embeddings": 64, "block_size": 2, "num_random_blocks": 1}
    pair = made("BigBird", **sparse), tokenizer()
    call = {"model": pair, "batch_size": 1, "progress": False}
    long = "the old dog sat on the mat " * 6
    before = embed_texts([long], **call)
    short, after = embed_texts(["dog"], **call), embed_texts([long], **call)
    assert short.shape == (1, 8)
    np.testing.assert_array_equal(after, before)
    assert pair[0].attention_type == "block_sparse"


class Wrapper(torch.nn.Module):
    """As adapters do it: what the inputs are called is known to the inner model alone."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.config = inner, inner.config

    def forward(self, **inputs):
        return self.inner(**inputs)


def test_a_model_that_does_not_name_its_inputs_is_given_the_text(language):
    np.testing.assert_allclose(
        embed_texts(TEXTS, (Wrapper(language[0]), language[1]), progress=False),
        embed_texts(TEXTS, language, progress=False),
        atol=1e-6,
    )


def test_a_pooled_output_that_is_no_vector_is_named():
    configs = {"text_config": READS, "image_config": SEES, "multimodal_config": SMALL}
    pair = made("Flava", hidden_size=8, projection_dim=6, **configs), preparation()
    with pytest.raises(
        ValueError, match=r"pooling must be 'mean' or 'cls' for Flava.* shape \(10, 6\)"
    ):
        embed_images(pictures(), pair, progress=False)


def test_a_tokenizer_without_a_padding_token_is_fine():
    bare = tokenizer(pad_token=None)
    bare.pad_token = None
    model = made("GPT2", **GPT2)
    np.testing.assert_allclose(
        embed_texts(TEXTS, (model, bare), progress=False),
        embed_texts(TEXTS, (model, tokenizer()), progress=False),
        atol=1e-6,
    )


def test_padding_that_the_model_has_no_row_for_does_not_matter(language):
    added = tokenizer()
    added.add_special_tokens({"pad_token": "<filling>"})
    assert added.pad_token_id == len(WORDS)
    np.testing.assert_allclose(
        embed_texts(TEXTS, (language[0], added), progress=False),
        embed_texts(TEXTS, language, progress=False),
        atol=1e-6,
    )


def test_a_word_that_the_model_has_no_row_for_is_named(language):
    added = tokenizer()
    added.add_tokens(["cow"])
    with pytest.raises(
        ValueError, match=r"texts\[1\] must have .* below 14, got 'cow' of number 14 in 'a cow'"
    ):
        embed_texts(["a cat", "a cow"], (language[0], added), progress=False)


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


MPNET = {**READS, "pad_token_id": 1}


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda: made("Bert", **READS), LONGEST),
        (lambda: made("Roberta", pad_token_id=0, **READS), LONGEST - 1),
        (lambda: made("Roberta", pad_token_id=3, **READS), LONGEST - 4),
        (lambda: made("MPNet", **MPNET), LONGEST - 2),
        (clip, LONGEST),
        (siglip, LONGEST),
    ],
    ids=["BERT", "RoBERTa", "RoBERTa with another padding", "MPNet", "CLIP", "SigLIP"],
)
def test_the_limit_is_what_the_model_can_read(make, most):
    pair = make(), tokenizer()
    longest = " ".join(["cat"] * (most - 2))
    fits = embed_texts([longest, "dog"], pair, progress=False)
    with pytest.raises(
        ValueError, match=rf"at most the {most} tokens that \w+ can read, got {most + 1} "
    ):
        embed_texts([f"{longest} cat", "dog"], pair, progress=False)
    cut = embed_texts([f"{longest} cat dog", "dog"], pair, truncate=True, progress=False)
    np.testing.assert_allclose(cut, fits, atol=1e-6)


@pytest.mark.parametrize("limited", [False, True])
def test_without_positions_that_end_the_tokenizer_says_how_long(limited):
    tokens = tokenizer(**({"model_max_length": 10} if limited else {}))
    pair = made("XLNet", **XLNET), tokens
    if limited:
        with pytest.raises(ValueError, match="at most the 10 tokens"):
            embed_texts(["cat " * 100], pair, progress=False)
    else:
        assert embed_texts(["cat " * 100], pair, progress=False).shape == (1, 8)


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


def saved(tmp_path, image, name, **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


RAMP = np.arange(400, dtype=np.uint8).reshape(20, 20)
DEEP = RAMP.astype(np.uint16) * 257
GREY = Image.fromarray(RAMP)


@pytest.mark.parametrize(
    ("mode", "make"),
    [
        ("1", lambda at: (saved(at, GREY.convert("1"), "a.png"), GREY.convert("1").convert("L"))),
        ("I;16", lambda at: (saved(at, Image.fromarray(DEEP), "a.png"), GREY)),
        ("I;16B", lambda at: (Image.frombytes("I;16B", (20, 20), DEEP.astype(">u2")), GREY)),
        ("I", lambda at: (saved(at, Image.fromarray(DEEP), "a.pgm"), GREY)),
        ("I", lambda at: (saved(at, Image.fromarray(RAMP.astype(np.int32)), "a.tif"), GREY)),
        (
            "F",
            lambda at: (saved(at, Image.fromarray(RAMP / np.float32(255)), "a.tif"), GREY),
        ),
        ("CMYK", lambda at: (saved(at, GREY.convert("CMYK"), "a.tif"), GREY)),
        ("P", lambda at: (saved(at, GREY.convert("P"), "a.png"), GREY)),
    ],
)
def test_an_image_with_other_numbers_is_the_same_image(vision, tmp_path, mode, make):
    other, same = make(tmp_path)
    opened = other if isinstance(other, Image.Image) else Image.open(other)
    assert opened.mode == mode
    for given in (other, opened):
        np.testing.assert_array_equal(
            embed_images([given], vision, progress=False),
            embed_images([same], vision, progress=False),
        )


@pytest.mark.parametrize(
    "same",
    [
        DEEP,
        DEEP.astype(">u2"),
        RAMP[:, :, None],
        np.stack([RAMP] * 3, axis=2),
        np.stack([DEEP] * 3, axis=2),
        np.stack([RAMP] * 3 + [np.full_like(RAMP, 255)], axis=2),
    ],
    ids=["16 bits", "big-endian", "one channel", "RGB", "16 bits RGB", "RGBA"],
)
def test_arrays_of_other_shapes_and_depths_are_the_same_image(vision, same):
    np.testing.assert_array_equal(
        embed_images([same], vision, progress=False), embed_images([RAMP], vision, progress=False)
    )


def ink(colour=(0, 0, 0), alpha=255):
    """A mark on a transparent ground, and what can be seen of it on white."""
    mark = np.zeros((20, 20, 4), np.uint8)
    mark[5:12, 3:17] = [*colour, alpha]
    seen = np.full((20, 20, 3), 255, np.uint8)
    seen[5:12, 3:17] = np.rint(255 + (np.array(colour) - 255) * (alpha / 255))
    return Image.fromarray(mark), Image.fromarray(seen)


def in_a_palette():
    """The mark in two colours, the first of them for the ground."""
    image = Image.fromarray(np.asarray(ink()[0])[:, :, 3] // 255)
    image.putpalette([9, 9, 9, 0, 0, 0])
    return image


def grey_ground(dtype):
    """The mark on a grey that a file may call transparent."""
    return Image.fromarray(np.where(np.asarray(ink()[0])[:, :, 3] > 0, 0, 99).astype(dtype))


@pytest.mark.parametrize(
    "make",
    [
        lambda at: (saved(at, ink()[0], "a.png"), ink()[1]),
        lambda at: (saved(at, ink(alpha=51)[0], "a.png"), ink(alpha=51)[1]),
        lambda at: (np.asarray(ink()[0]), ink()[1]),
        lambda at: (saved(at, ink()[0].convert("LA"), "a.png"), ink()[1]),
        lambda at: (saved(at, in_a_palette(), "a.gif", transparency=0), ink()[1]),
        lambda at: (saved(at, grey_ground(np.uint8), "a.png", transparency=99), ink()[1]),
        lambda at: (saved(at, grey_ground(np.uint16), "a.png", transparency=99), ink()[1]),
    ],
    ids=["RGBA", "half", "array", "LA", "palette", "grey", "16 bits"],
)
def test_what_is_transparent_lies_on_white(vision, tmp_path, make):
    image, seen = make(tmp_path)
    np.testing.assert_array_equal(
        embed_images([image], vision, progress=False), embed_images([seen], vision, progress=False)
    )


def test_what_would_vanish_on_white_is_named(vision):
    white = ink(colour=(255, 255, 255))[0]
    with pytest.raises(ValueError, match=r"images\[1\] must .*: it is white on a transp"):
        embed_images([ink()[0], white], vision, progress=False)


def test_what_is_transparent_everywhere_is_named(vision):
    clear = ink(alpha=0)[0]
    with pytest.raises(ValueError, match=r"images\[1\] must .*: it is transparent everywh"):
        embed_images([ink()[0], clear], vision, progress=False)


def retagged(path, tag, before, after):
    """A TIFF file in which one number of its header is another."""
    data = path.read_bytes()
    entry = struct.pack("<HHIHH", tag, 3, 1, before, 0)
    assert data.count(entry) == 1
    path.write_bytes(data.replace(entry, struct.pack("<HHIHH", tag, 3, 1, after, 0)))
    return path


@pytest.mark.parametrize("dtype_and_white", [(np.uint16, 65535), (np.float32, 1)], ids=str)
def test_where_nothing_is_white_the_image_is_no_negative(vision, tmp_path, dtype_and_white):
    dtype, white = dtype_and_white
    values = (RAMP / np.float64(255) * white).round(6).astype(dtype)
    path = saved(tmp_path, Image.fromarray((white - values).astype(dtype)), "a.tif")
    path = retagged(path, 262, 1, 0)
    for given in (path, Image.open(path)):
        np.testing.assert_allclose(
            embed_images([given], vision, progress=False),
            embed_images([GREY], vision, progress=False),
            atol=1e-6,
        )


def test_grey_of_twelve_bits_is_named(vision, tmp_path):
    path = retagged(saved(tmp_path, Image.fromarray(DEEP), "a.tif"), 258, 16, 12)
    with Image.open(path) as image:
        assert image.mode == "I;16"
    with pytest.raises(ValueError, match=r"images\[1\] .*got '.*a.tif': it has 12 bits a sample"):
        embed_images([*pictures(1), path], vision, progress=False)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_upright(vision, tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, pictures(1)[0], "a.png", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(path))
    expected = embed_images([np.asarray(upright)], vision, progress=False)
    for given in (path, Image.open(path)):
        np.testing.assert_array_equal(embed_images([given], vision, progress=False), expected)


def test_of_an_animation_the_first_image_counts(vision, tmp_path):
    first, *others = [image.quantize() for image in pictures(3)]
    path = saved(tmp_path, first, "a.gif", save_all=True, append_images=others)
    with Image.open(path) as image:
        assert getattr(image, "n_frames", None) == 3
    np.testing.assert_array_equal(
        embed_images([path], vision, progress=False), embed_images([first], vision, progress=False)
    )


@pytest.mark.parametrize(
    "values",
    [RAMP.astype(np.float32), RAMP / np.float32(100) - 1, RAMP * np.float32("nan")],
    ids=["to 255", "negative", "nan"],
)
def test_floats_whose_white_is_not_known_are_named(vision, tmp_path, values):
    path = saved(tmp_path, Image.fromarray(values), "a.tif")
    with pytest.raises(
        ValueError, match=r"images\[1\] .*got '.*a.tif': .* from .* white is 1. Scale"
    ):
        embed_images([*pictures(1), path], vision, progress=False)


def test_integers_whose_white_is_not_known_are_named(vision):
    with pytest.raises(ValueError, match=r"images\[0\] .* from 0 to 65535, .* white is 255. Scale"):
        embed_images([Image.fromarray(DEEP.astype(np.int32))], vision, progress=False)


# A column of a data frame has an order and an index, and they may differ


def test_a_column_of_images_is_read_in_its_own_order(vision, tmp_path):
    pandas = pytest.importorskip("pandas")
    paths = [saved(tmp_path, image, f"{i}.png") for i, image in enumerate(pictures())]
    column = pandas.Series([str(path) for path in paths]).sample(frac=1, random_state=1)
    assert list(column.index) != sorted(column.index)
    some = column[column.index > 1]
    for series in (column, some, some.astype("category"), some.map(Image.open)):
        for folder in (None, tmp_path / f"{len(list(tmp_path.iterdir()))}"):
            features = embed_images(series, vision, folder=folder, progress=False)
            expected = embed_images(list(series), vision, progress=False)
            np.testing.assert_array_equal(features, expected)


def test_a_column_of_texts_is_read_in_its_own_order(language):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(TEXTS).sample(frac=1, random_state=1)[:5]
    np.testing.assert_array_equal(
        embed_texts(column, language, progress=False),
        embed_texts(list(column), language, progress=False),
    )


def test_a_row_that_is_missing_is_counted_by_its_place(language, vision):
    pandas = pytest.importorskip("pandas")
    texts = pandas.Series(["a cat", None, "dog"], index=[7, 8, 9])
    with pytest.raises(TypeError, match=r"texts\[1\] must be a string, got (None|nan)"):
        embed_texts(texts, language, progress=False)
    images = pandas.Series([*pictures(1), float("nan")], index=[7, 8])
    with pytest.raises(TypeError, match=r"images\[1\] must be .*, got nan"):
        embed_images(images, vision, progress=False)


@pytest.mark.parametrize("make", ["frame", "dictionary", "set"])
def test_what_has_no_order_or_several_columns_is_refused(language, vision, make):
    if make == "frame":
        items = pytest.importorskip("pandas").DataFrame({"text": TEXTS})
    else:
        items = dict.fromkeys(TEXTS) if make == "dictionary" else set(TEXTS)
    named = type(items).__name__
    with pytest.raises(TypeError, match=f"texts must be a sequence of strings, got a {named}"):
        embed_texts(items, language, progress=False)
    with pytest.raises(TypeError, match=f"images must be a sequence of .*, got a {named}"):
        embed_images(items, vision, progress=False)


def test_an_image_does_not_depend_on_the_size_of_its_neighbours():
    large = Image.fromarray(np.random.default_rng(1).integers(0, 256, (60, 90, 3), dtype=np.uint8))
    images = [*pictures(2), large, *pictures(1)]
    torch.manual_seed(0)
    config = transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1])
    pads = transformers.DetrImageProcessor(do_resize=False)
    pair = transformers.ResNetModel(config), pads
    alone = [embed_images([image], pair, progress=False) for image in images]
    together = embed_images(images, pair, progress=False)
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)


# What does not go in


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ("", ValueError, r"texts\[2\] must have a word in it, got ''"),
        ("  \n", ValueError, r"texts\[2\] must have a word in it, got '  \\n'"),
        (None, TypeError, r"texts\[2\] must be a string, got None"),
        (float("nan"), TypeError, r"texts\[2\] must be a string, got nan"),
        (b"cat", TypeError, r"texts\[2\] must be a string, got b'cat'"),
        ("\ud800 cat", ValueError, r"texts\[2\] must be valid Unicode"),
        ("xyzzy plugh", ValueError, r"texts\[2\] must have a word or sign .* 'xyzzy plugh'"),
        (
            "cat " * 40,
            ValueError,
            r"texts\[2\] must have at most the 16 .* got 42 in 'cat cat .*…'\. .* truncate=True",
        ),
    ],
    ids=["empty", "blank", "None", "nan", "bytes", "surrogate", "unknown", "too long"],
)
def test_a_text_that_cannot_be_embedded_is_named(language, bad, error, message):
    with pytest.raises(error, match=message):
        embed_texts(["a cat", "the dog", bad, "the mat"], language, progress=False)


def test_unknown_words_among_known_ones_are_fine(language):
    assert embed_texts(["the xyzzy cat"], language, progress=False).shape == (1, 8)


@pytest.mark.parametrize(
    ("embed", "name", "one"), [(embed_texts, "texts", "a cat"), (embed_images, "images", "cat.png")]
)
def test_inputs_must_be_several(language, embed, name, one):
    with pytest.raises(TypeError, match=f"{name} must be a sequence of .*, got a str"):
        embed(one, language, progress=False)
    with pytest.raises(ValueError, match=f"{name} must have at least one entry, got none"):
        embed([], language, progress=False)


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


def odd_file(tmp_path):
    path = tmp_path / "cat.png"  # a PPM inside: its decoder raises a ValueError of its own
    path.write_bytes(b"P6\n4\xc40 40\n255\n" + bytes(4800))
    return path


def bomb(tmp_path):
    path = saved(tmp_path, Image.new("L", (4, 4)), "cat.png")
    data = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + data[24:29]
    path.write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])
    return path


def directory(tmp_path):
    path = tmp_path / "cat.png"
    path.mkdir()
    return path


def no_path(tmp_path):
    return f"{tmp_path}\0cat.png"


@pytest.mark.parametrize(
    "make", [broken_file, cut_file, no_file, odd_file, bomb, directory, no_path]
)
@pytest.mark.parametrize("cached", [False, True])
def test_a_file_that_is_no_image_is_named(vision, tmp_path, make, cached):
    images = [*pictures(3), make(tmp_path)]
    folder = tmp_path / "features" if cached else None
    with pytest.raises(ValueError, match=r"images\[3\] must be .* read, got '.*cat.png': \w"):
        embed_images(images, vision, folder=folder, progress=False)


class Lazily:
    """As a column of a data set: an image is decoded when it is asked for."""

    def __init__(self, files):
        self.files = files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return Image.open(io.BytesIO(self.files[i].read_bytes()))


@pytest.mark.parametrize("make", [broken_file, cut_file, odd_file])
@pytest.mark.parametrize("cached", [False, True])
def test_an_image_that_a_column_cannot_decode_is_named(vision, tmp_path, make, cached):
    files = [saved(tmp_path, pictures(1)[0], "dog.png"), make(tmp_path)]
    folder = tmp_path / "features" if cached else None
    with pytest.raises(
        ValueError, match=r"images\[1\] must be an image that can be read, got .*: \w"
    ):
        embed_images(Lazily(files), vision, folder=folder, progress=False)


def test_an_image_that_the_processor_refuses_is_named():
    torch.manual_seed(0)
    config = transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1])
    strict = transformers.ConvNextImageProcessor(size={"shortest_edge": 32})
    strict.image_mean = [0.5]
    with pytest.raises(
        ValueError, match=r"images\[0\] must be .* processor takes, got 30 x 20 pixels: \w"
    ):
        embed_images(pictures(2), (transformers.ResNetModel(config), strict), progress=False)


def test_an_image_without_pixels_is_named(vision):
    with pytest.raises(ValueError, match=r"images\[1\] must be .*: its size is 0 x 5"):
        embed_images([*pictures(1), Image.new("RGB", (0, 5))], vision, progress=False)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (None, TypeError, r"images\[1\] must be a path, a PIL image or an array, got None"),
        (
            np.zeros((4, 4)),
            ValueError,
            r"images\[1\] must be .*, got shape \(4, 4\) and dtype float",
        ),
        (np.zeros((0, 4), np.uint8), ValueError, r"images\[1\] must be .*, got shape \(0, 4\)"),
        (
            np.zeros((4, 4, 2), np.uint8),
            ValueError,
            r"images\[1\] must be .*, got shape \(4, 4, 2\)",
        ),
    ],
)
def test_what_is_no_image_is_named(vision, bad, error, message):
    with pytest.raises(error, match=message):
        embed_images([*pictures(1), bad], vision, progress=False)


@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30, 4), (20, 30), ()])
def test_an_array_that_may_be_one_picture_is_refused(vision, shape):
    named = rf"got an array of shape {re.escape(str(shape))}. Pass \[image\] for one"
    with pytest.raises(ValueError, match=f"images must be several .*{named}"):
        embed_images(np.zeros(shape, np.uint8), vision, progress=False)


@pytest.mark.parametrize(
    "make",
    [lambda at: pictures(1)[0], lambda at: iter(pictures()), lambda at: at.glob("*.png")],
    ids=["picture", "iterator", "files"],
)
def test_what_is_no_sequence_of_pictures_is_refused(vision, tmp_path, make):
    with pytest.raises(
        TypeError, match=r"images must be a sequence of .*, got a \w+\. Pass a list"
    ):
        embed_images(make(tmp_path), vision, progress=False)


@pytest.mark.parametrize("shape", [(5, 20, 30, 3), (5, 20, 30), (5, 20, 30, 1)])
def test_one_array_of_several_pictures_is_a_sequence_of_them(vision, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(
        embed_images(array, vision, progress=False),
        embed_images(list(array), vision, progress=False),
    )


@pytest.mark.parametrize("normalise", [True, False])
def test_an_embedding_that_is_not_finite_is_named(normalise):
    pair = language_model()
    with torch.no_grad():
        pair[0].embeddings.word_embeddings.weight[WORDS.index("mat")] = float("nan")
    with pytest.raises(ValueError, match=r"texts\[1\] must have .* finite norm.*, got nan"):
        embed_texts(["a cat", "the mat", "a dog"], pair, normalise=normalise, progress=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, "pooling must be 'mean', 'cls' or 'pooled', got 'max'"),
        ({"batch_size": 0}, "batch_size must be an integer >= 1, got 0"),
        ({"device": "abacus"}, "device must be one of .*, got 'abacus'"),
        ({"device": "cuda:63"}, "device must be one of .*, got 'cuda:63'"),
    ],
)
def test_options_are_checked(language, options, message):
    with pytest.raises(ValueError, match=message):
        embed_texts(TEXTS, language, progress=False, **options)


def test_a_convolutional_network_has_no_first_token(vision):
    with pytest.raises(ValueError, match=r"pooling must be 'mean' or 'pooled' .*convolutional"):
        embed_images(pictures(1), vision, pooling="cls", progress=False)


@pytest.mark.parametrize("model", [3, (1, 2), ("name",)])
def test_model_must_be_a_name_a_folder_or_a_pair(model):
    with pytest.raises(TypeError, match="model must be a name, a folder or a pair"):
        embed_texts(TEXTS, model, progress=False)


def test_a_model_without_a_pooled_output_says_so():
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2
    )
    pair = transformers.BertModel(config, add_pooling_layer=False), tokenizer()
    with pytest.raises(ValueError, match=r"pooling must be 'mean' or 'cls' .* no pooler_output"):
        embed_texts(TEXTS, pair, pooling="pooled", progress=False)


def test_auto_is_a_device_that_is_there(language):
    auto, cpu = (
        embed_texts(TEXTS, language, device=device, progress=False) for device in ("auto", "cpu")
    )
    np.testing.assert_allclose(auto, cpu, atol=1e-3)


# What is kept


def test_the_manifest_says_what_the_features_are(language, tmp_path):
    embed_texts(TEXTS, language, batch_size=3, folder=tmp_path / "f", progress=False)
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
    first = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch_size=2, progress=False)
    assert sum(seen) == len(TEXTS)
    second = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch_size=5, progress=False)
    assert sum(seen) == len(TEXTS)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_only_what_is_missing_is_computed_whatever_the_batch(tmp_path, lost, batch):
    pair = language_model()
    whole = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch_size=2, progress=False)
    shard = sorted((tmp_path / "f").glob("*.safetensors"))[lost]
    start, stop = map(int, shard.stem.split("-"))
    shard.unlink()
    seen = counted(pair[0])
    again = embed_texts(TEXTS, pair, folder=tmp_path / "f", batch_size=batch, progress=False)
    assert sum(seen) == stop - start
    assert max(seen) <= batch
    np.testing.assert_allclose(again, whole, atol=1e-6)


def test_an_interrupted_call_keeps_its_batches(vision, tmp_path):
    images = pictures(7)
    expected = embed_images(images, vision, batch_size=2, progress=False)
    pair = vision_model()
    seen = counted(pair[0])

    def interrupt(module, arguments, named):
        if len(seen) == 3:
            raise KeyboardInterrupt

    handle = pair[0].register_forward_pre_hook(interrupt, with_kwargs=True)
    with pytest.raises(KeyboardInterrupt):
        embed_images(images, pair, batch_size=2, folder=tmp_path / "f", progress=False)
    handle.remove()
    assert len(list((tmp_path / "f").glob("*.safetensors"))) == 2
    seen.clear()
    features = embed_images(images, pair, batch_size=2, folder=tmp_path / "f", progress=False)
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
embed_texts(TEXTS, pair, batch_size=2, folder={folder!r}, progress=False)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_it_finished(tmp_path):
    folder = tmp_path / "f"
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
    killed = subprocess.run([sys.executable, "-c", code], timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(folder.glob("*.safetensors"))) == 2
    pair = language_model()
    expected = embed_texts(TEXTS, pair, batch_size=2, progress=False)
    seen = counted(pair[0])
    features = embed_texts(TEXTS, pair, batch_size=2, folder=folder, progress=False)
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
    with pytest.raises(ValueError, match=f"folder must be of the same settings.* {named} = "):
        embed_texts(**{**call, **change})


def test_features_outlive_an_upgrade_of_transformers(tmp_path, monkeypatch):
    pair = clip(), tokenizer()
    embed_texts(TEXTS, pair, folder=tmp_path, progress=False)
    seen = counted(pair[0].text_model)
    monkeypatch.setattr("transformers.configuration_utils.__version__", "99.0")
    assert '"99.0"' in pair[0].config.to_json_string()
    embed_texts(TEXTS, pair, folder=tmp_path, progress=False)
    assert seen == []


def test_two_texts_are_not_the_same_as_their_sum(tmp_path):
    call = {"model": language_model(), "folder": tmp_path / "f", "progress": False}
    embed_texts(["a cat", "sat on"], **call)
    with pytest.raises(ValueError, match=" content = "):
        embed_texts(["a cats", "at on cat"], **call)


def test_other_images_are_refused_unless_their_content_is_vouched_for(vision, tmp_path):
    call = {"model": vision, "folder": tmp_path / "f", "progress": False}
    first = embed_images(pictures(), content="these", **call)
    same = embed_images(pictures(seed=1), content="these", **call)
    np.testing.assert_array_equal(first, same)
    with pytest.raises(ValueError, match=r"content = 'these' \(here 'those'\)"):
        embed_images(pictures(), content="those", **call)


def test_a_folder_with_other_files_is_refused(language, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match=r"have a 'manifest.json'.* with 'thesis.txt' alone"):
        embed_texts(TEXTS, language, folder=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


# What file managers, notebooks and network drives leave behind, and what nobody finished
LEFT_BEHIND = [
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".ipynb_checkpoints",
    ".nfs0001",
    "._000000000-000000003.safetensors",
    "manifest.json.0123.unfinished",
    "000000000-000000003.safetensors.0123.unfinished",
]


@pytest.mark.parametrize("name", LEFT_BEHIND)
@pytest.mark.parametrize("begun", [False, True])
def test_what_others_leave_in_the_folder_does_not_stop_a_run(language, tmp_path, name, begun):
    call = {"model": language, "folder": tmp_path, "batch_size": 3, "progress": False}
    if begun:
        embed_texts(TEXTS, **call)
    (tmp_path / name).write_text("")
    np.testing.assert_array_equal(
        embed_texts(TEXTS, **call), embed_texts(TEXTS, language, batch_size=3, progress=False)
    )


@pytest.mark.parametrize("name", ["000000000-000000003 (1).safetensors", "best-model.safetensors"])
def test_only_files_with_our_names_are_read(language, tmp_path, name):
    call = {"model": language, "folder": tmp_path, "batch_size": 3, "progress": False}
    first = embed_texts(TEXTS, **call)
    (tmp_path / name).write_text("")
    np.testing.assert_array_equal(embed_texts(TEXTS, **call), first)


@pytest.mark.parametrize("content", ["", "{", "[1]", "3"])
def test_a_damaged_manifest_is_named(language, tmp_path, content):
    embed_texts(TEXTS, language, folder=tmp_path, progress=False)
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match=r"manifest.json' is damaged"):
        embed_texts(TEXTS, language, folder=tmp_path, progress=False)


def test_features_that_an_earlier_version_made_otherwise_are_refused(language, tmp_path):
    embed_texts(TEXTS, language, folder=tmp_path, progress=False)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["format"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"format = None \(here 'sdbook embedding, 3'\)"):
        embed_texts(TEXTS, language, folder=tmp_path, progress=False)


def test_a_damaged_shard_is_named(language, tmp_path):
    embed_texts(TEXTS, language, folder=tmp_path / "f", batch_size=3, progress=False)
    shard = sorted((tmp_path / "f").glob("*.safetensors"))[1]
    shard.write_bytes(shard.read_bytes()[:20])
    with pytest.raises(ValueError, match=r"000000003-000000006.safetensors' is damaged"):
        embed_texts(TEXTS, language, folder=tmp_path / "f", progress=False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("000000003-000000005", r"rows from 3 up to 5 of 7, got an array of shape \(3, 8\)"),
        ("000000006-000000009", r"rows from 6 up to 9 of 7, got an array of shape \(3, 8\)"),
    ],
    ids=["other number", "beyond the end"],
)
def test_a_shard_that_is_not_what_its_name_says_is_named(language, tmp_path, name, message):
    embed_texts(TEXTS, language, folder=tmp_path / "f", batch_size=3, progress=False)
    shard = sorted((tmp_path / "f").glob("*.safetensors"))[1]
    shard.rename(shard.with_name(f"{name}.safetensors"))
    with pytest.raises(ValueError, match=f"{name}.safetensors' must hold the {message}"):
        embed_texts(TEXTS, language, folder=tmp_path / "f", progress=False)


def test_progress_counts_what_was_there_before(language, tmp_path, capsys):
    embed_texts(TEXTS, language, folder=tmp_path / "f", batch_size=3, progress=False)
    assert capsys.readouterr().err == ""
    sorted((tmp_path / "f").glob("*.safetensors"))[-1].unlink()
    embed_texts(TEXTS, language, folder=tmp_path / "f", batch_size=3, progress=True)
    shown = capsys.readouterr().err
    assert "6/7" in shown
    assert "7/7" in shown


def test_what_is_missing_is_named_with_its_extra():
    code = "import sys; sys.modules['transformers'] = None; import sdbook.embedding"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: sdbook.embedding needs transformers" in result.stderr
    assert "pip install 'sdbook[features]'" in result.stderr
