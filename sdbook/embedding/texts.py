"""Texts to features."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdbook import _validate
from sdbook._device import choose_device
from sdbook.embedding.batches import in_batches, in_order
from sdbook.embedding.models import Encoder, Model
from sdbook.embedding.store import Store

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def embed_texts(
    texts: Sequence[str],
    model: Model,
    *,
    revision: str | None = None,
    pooling: str = "mean",
    normalise: bool = True,
    truncate: bool = False,
    batch_size: int = 64,
    device: str | torch.device = "auto",
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Embed texts with a language model.

    Parameters
    ----------
    texts : sequence of str
        One per instance; also a column of a pandas frame, in its own order.
    model : str, path or (model, tokenizer)
        A name on the Hugging Face hub, such as "sentence-transformers/all-MiniLM-L6-v2"; a folder
        with a model; or the two objects. Of a pair of a text model and a vision model, such as
        CLIP or SigLIP, the text model is taken.
    revision : str, optional
        Branch, tag or commit, for a name on the hub.
    pooling : {"mean", "cls", "pooled"}
        From token vectors to one: their mean (padding does not count), the first, or what the
        model itself calls its pooled output (in CLIP and its like what is compared with images).
    normalise : bool
        Scale each vector to unit norm, as the theory assumes.
    truncate : bool
        Cut what is longer than the model can read. If False, such a text is an error. The limit
        follows from the model's positions and its tokenizer's ``model_max_length``; a shorter one
        that the library sentence-transformers sets for its own use is not looked at.
    batch_size : int
        Texts a batch; less where memory is short.
    device : str or torch.device
        "auto" takes CUDA, else MPS, else the CPU.
    folder : path, optional
        Keep finished batches there. A second call, also after an interruption, computes only what
        is missing.
    progress : bool
        Show a bar.

    Returns
    -------
    ndarray of shape (N, d), float32

    Raises
    ------
    TypeError
        If a text is not a string (such as None or NaN), the message names its index; if `texts` is
        a data frame, a dictionary or a set.
    ValueError
        If a text is empty, too long, made of nothing that the tokenizer knows, or has a word that
        the model does not know (the message names its index and begins to quote it); if the model
        needs more than texts, or has a decoder; if an option is unknown; if `folder` holds features
        of other texts, another model or other settings.

    See Also
    --------
    embed_images : The same for images.
    sdbook.datasets.centre : What to do next: subtract the mean, and normalise again.

    Notes
    -----
    Texts are encoded in batches of similar length, longest first, so that little time goes into
    padding, and a batch that does not fit into memory fails at once. A text's features do not
    depend on the others: padding comes after the words, where the model cannot see it.

    Examples
    --------
    >>> from transformers import BertConfig, BertModel, BertTokenizer
    >>> from sdbook.embedding import embed_texts
    >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "mat"]
    >>> tokenizer = BertTokenizer({word: number for number, word in enumerate(words)})
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> model = BertModel(BertConfig(vocab_size=len(words), **sizes))
    >>> embed_texts(["a cat", "mat"], (model, tokenizer), progress=False).shape
    (2, 8)
    """
    batch_size = _validate.count("batch_size", batch_size)
    texts = _checked(texts)
    encoder = Encoder.load(
        model, "texts", revision=revision, pooling=pooling, device=choose_device(device)
    )
    tokens = _tokenised(texts, encoder)
    # Before anything is cut: a tokenizer that has cut something is saved with its scissors.
    manifest = {} if folder is None else _manifest(texts, encoder, normalise, truncate)
    tokens = _fitting(tokens, texts, encoder, truncate)
    store = None if folder is None else Store(folder, manifest)
    lengths = [len(ids) for ids in tokens["input_ids"]]
    # Longest first; the sort is stable, so the order follows from the inputs alone.
    order = sorted(range(len(texts)), key=lambda i: -lengths[i])
    # Models of this family read padding as they read words, and always as much of it.
    width = _longest(encoder) if "siglip" in encoder.model.config.model_type else None
    masked = "attention_mask" in tokens and encoder.takes("attention_mask")

    def encode(indices: Sequence[int]) -> NDArray[np.float32]:
        # A model that cannot be told what is padding is given none.
        alike = (
            [indices]
            if masked or width
            else [list(group) for _, group in groupby(indices, key=lengths.__getitem__)]
        )
        return np.concatenate(
            [encoder.encode(*_padded(tokens, some, encoder, width)) for some in alike]
        )

    with encoder.in_use():
        return in_batches(
            encode,
            order,
            what="texts",
            batch_size=batch_size,
            normalise=normalise,
            store=store,
            progress=progress,
        )


def _checked(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts is {texts!r:.60}; accepted is a sequence of strings")
    items = list(in_order("texts", texts, "strings"))
    if not items:
        raise ValueError("texts is empty; accepted is at least one text")
    for i, text in enumerate(items):
        if not isinstance(text, str):
            raise TypeError(f"texts[{i}] is {text!r:.60}; accepted are strings")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"texts[{i}] is {text!r:.60}, which is not valid Unicode ({error.reason}); "
                "accepted are strings that can be written as UTF-8"
            ) from error
        if not text.strip():
            raise ValueError(f"texts[{i}] is {text!r:.60}; accepted are texts with a word in them")
    return items


def _tokenised(texts: list[str], encoder: Encoder) -> dict[str, list[list[int]]]:
    """Token numbers of each text, with the special tokens that the model expects."""
    tokenizer = encoder.processor
    empty = {*tokenizer.all_special_ids, tokenizer.unk_token_id}
    encoded = tokenizer(texts, verbose=False)
    known = _vocabulary(encoder)
    for i, ids in enumerate(encoded["input_ids"]):
        if not set(ids) - empty:
            raise ValueError(
                f"texts[{i}] ({_beginning(texts[i])}) has no word or sign that the tokenizer of "
                f"{encoder.name} knows; accepted are texts with at least one"
            )
        if known is not None and max(ids) >= known:
            raise ValueError(
                f"texts[{i}] ({_beginning(texts[i])}) has the token "
                f"{tokenizer.convert_ids_to_tokens(max(ids))!r} of number {max(ids)}, and "
                f"{encoder.name} knows {known} tokens, counted from 0; accepted are texts in the "
                "words of the model, and a tokenizer that belongs to it"
            )
    return {name: encoded[name] for name in INPUTS if name in encoded}


def _vocabulary(encoder: Encoder) -> int | None:
    """Return how many tokens the model knows, where it says so."""
    return getattr(encoder.model.config.get_text_config(), "vocab_size", None)


def _longest(encoder: Encoder) -> int:
    """Return how many tokens the model can read."""
    longest: int = encoder.processor.model_max_length
    positions = getattr(encoder.model.config.get_text_config(), "max_position_embeddings", None)
    if positions is None or positions < 0:  # relative positions have no end
        return longest
    # RoBERTa and its relatives give the first word the position after that of padding.
    before = [
        module.padding_idx + 1
        for name, module in encoder.model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    return min(longest, positions - max(before, default=0))


def _fitting(
    tokens: dict[str, list[list[int]]], texts: list[str], encoder: Encoder, truncate: bool
) -> dict[str, list[list[int]]]:
    """Cut what is longer than the model can read, or say where it is."""
    longest = _longest(encoder)
    long = [i for i, ids in enumerate(tokens["input_ids"]) if len(ids) > longest]
    if not long:
        return tokens
    first = long[0]
    if not truncate:
        raise ValueError(
            f"texts[{first}] ({_beginning(texts[first])}) has {len(tokens['input_ids'][first])} "
            f"tokens, and {encoder.name} reads at most {longest}; accepted are shorter texts, or "
            "truncate=True"
        )
    cut = encoder.processor([texts[i] for i in long], truncation=True, max_length=longest)
    fitting = {name: list(rows) for name, rows in tokens.items()}
    for name, rows in fitting.items():
        for i, row in zip(long, cut[name], strict=True):
            rows[i] = row
    return fitting


def _padded(
    tokens: Mapping[str, list[list[int]]],
    indices: Sequence[int],
    encoder: Encoder,
    width: int | None,
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return the tensors of some texts, and which of their tokens are no padding.

    Padding comes last, whatever the tokenizer is used to, so that words have the positions that
    they have in a text alone; but up to a fixed `width` it comes where the model is used to it.
    """
    lengths = torch.tensor([len(tokens["input_ids"][i]) for i in indices])
    real = torch.arange(width or int(lengths.max())) < lengths[:, None]
    if width is not None and encoder.processor.padding_side == "left":
        real = real.flip(1)
    fill = encoder.processor.pad_token_id or 0  # without such a token any will do: it is masked
    known = _vocabulary(encoder)
    if width is None and known is not None and fill >= known:  # one that the model has no row for
        fill = 0
    tensors = {}
    for name, rows in tokens.items():
        tensors[name] = torch.full(real.shape, fill if name == "input_ids" else 0)
        tensors[name][real] = torch.tensor([number for i in indices for number in rows[i]])
    return tensors, real


def _manifest(
    texts: list[str], encoder: Encoder, normalise: bool, truncate: bool
) -> dict[str, Any]:
    content = hashlib.sha256()
    for text in texts:
        data = text.encode()
        content.update(len(data).to_bytes(8, "little"))  # where one ends and the next begins
        content.update(data)
    return encoder.manifest(len(texts), content.hexdigest(), normalise) | {"truncate": truncate}


def _beginning(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
