"""Texts to features."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoTokenizer

from sdbook import _validate
from sdbook._device import choose_device
from sdbook.embedding.batches import in_batches
from sdbook.embedding.models import Encoder, Model
from sdbook.embedding.store import Store


def embed_texts(
    texts: Sequence[str],
    model: Model,
    *,
    revision: str | None = None,
    pooling: str = "mean",
    normalise: bool = True,
    truncate: bool = False,
    batch: int = 64,
    device: str | torch.device = "auto",
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Embed texts with a language model.

    Parameters
    ----------
    texts : sequence of str
        One per instance; also a column of a pandas frame.
    model : str, path or (model, tokenizer)
        A name on the Hugging Face hub, such as "sentence-transformers/all-MiniLM-L6-v2"; a folder
        with a model; or the two objects.
    revision : str, optional
        Branch, tag or commit, for a name on the hub.
    pooling : {"mean", "cls", "pooled"}
        From token vectors to one: their mean (padding does not count), the first, or what the
        model itself calls its pooled output.
    normalise : bool
        Scale each vector to unit norm, as the theory assumes.
    truncate : bool
        Cut what is longer than the model can read. If False, such a text is an error.
    batch : int
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
        If a text is not a string (such as None); the message names its index.
    ValueError
        If a text is empty, too long, or made of nothing that the tokenizer knows (the message
        names its index and begins to quote it); if an option is unknown; if `folder` holds
        features of other texts, another model or other settings.

    See Also
    --------
    embed_images : The same for images.
    sdbook.datasets.centre : What to do next: subtract the mean, and normalise again.

    Notes
    -----
    Texts are encoded in batches of similar length, longest first, so that little time goes into
    padding, and a batch that does not fit into memory fails at once.

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
    batch = _validate.count("batch", batch)
    texts = _checked(texts)
    encoder = Encoder.load(
        model, AutoTokenizer, revision=revision, pooling=pooling, device=choose_device(device)
    )
    tokens = _tokenised(texts, encoder)
    # Before anything is cut: a tokenizer that has cut something is saved with its scissors.
    manifest = {} if folder is None else _manifest(texts, encoder, normalise, truncate)
    tokens = _fitting(tokens, texts, encoder, truncate)
    store = None if folder is None else Store(folder, manifest)
    # Longest first; the sort is stable, so the order follows from the inputs alone.
    order = sorted(range(len(texts)), key=lambda i: -len(tokens[i]))

    def encode(indices: Sequence[int]) -> NDArray[np.float32]:
        padded = encoder.processor.pad(
            {"input_ids": [tokens[i] for i in indices]}, return_tensors="pt"
        )
        return encoder.encode(padded)

    with encoder.in_use():
        return in_batches(
            encode,
            order,
            what="texts",
            batch=batch,
            normalise=normalise,
            store=store,
            progress=progress,
        )


def _checked(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts is {texts!r:.60}; accepted is a sequence of strings")
    items = list(texts)
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


def _tokenised(texts: list[str], encoder: Encoder) -> list[list[int]]:
    """Token numbers of each text, with the special tokens that the model expects."""
    tokenizer = encoder.processor
    empty = {*tokenizer.all_special_ids, tokenizer.unk_token_id}
    encoded: list[list[int]] = tokenizer(texts, verbose=False)["input_ids"]
    for i, ids in enumerate(encoded):
        if not set(ids) - empty:
            raise ValueError(
                f"texts[{i}] ({_beginning(texts[i])}) has no word or sign that the tokenizer of "
                f"{encoder.name} knows; accepted are texts with at least one"
            )
    return encoded


def _fitting(
    tokens: list[list[int]], texts: list[str], encoder: Encoder, truncate: bool
) -> list[list[int]]:
    """Cut what is longer than the model can read, or say where it is."""
    tokenizer = encoder.processor
    positions = getattr(encoder.model.config, "max_position_embeddings", None)
    longest = min(tokenizer.model_max_length, positions or tokenizer.model_max_length)
    long = [i for i, ids in enumerate(tokens) if len(ids) > longest]
    if not long:
        return tokens
    first = long[0]
    if not truncate:
        raise ValueError(
            f"texts[{first}] ({_beginning(texts[first])}) has {len(tokens[first])} tokens, and "
            f"{encoder.name} reads at most {longest}; accepted are shorter texts, or truncate=True"
        )
    cut = tokenizer([texts[i] for i in long], truncation=True, max_length=longest)["input_ids"]
    fitting = tokens.copy()
    for i, ids in zip(long, cut, strict=True):
        fitting[i] = ids
    return fitting


def _manifest(
    texts: list[str], encoder: Encoder, normalise: bool, truncate: bool
) -> dict[str, Any]:
    content = hashlib.sha256()
    for text in texts:
        data = text.encode()
        content.update(len(data).to_bytes(8, "little"))  # where one ends and the next begins
        content.update(data)
    return encoder.manifest("texts", len(texts), content.hexdigest(), normalise) | {
        "truncate": truncate
    }


def _beginning(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
