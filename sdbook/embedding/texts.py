"""Turn texts into features: tokenise and pad them, and run a language model over them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray

from sdbook import _validate
from sdbook.embedding.encoder import Encoder, Model, sequence
from sdbook.embedding.store import Store


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
        Cut texts that are longer than the model's positions or its tokenizer's ``model_max_length``
        (a limit that only sentence-transformers knows is not seen). If False, they are an error.
    batch_size : int
        Texts a batch; less where memory is short.
    device : str or torch.device
        "auto" takes CUDA, else MPS, else the CPU.
    folder : path, optional
        Keep finished batches there. A second call, also after an interruption, computes only what
        is missing.
    progress : bool
        Show a progress bar.

    Returns
    -------
    ndarray of shape (N, d), float32

    Raises
    ------
    TypeError
        If `texts` is not a sequence (or is one string), or a text is not a string.
    ValueError
        If `texts` is empty; if a text is empty, too long, made of nothing that the tokenizer knows,
        or has a token that the model does not know; if the model needs more than texts, or has a
        decoder; if an option is unknown; if `folder` holds features of other inputs or settings.
        The message names the index of a text, and begins to quote it.

    See Also
    --------
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
    encoder = Encoder(model, "texts", revision, pooling, normalise, device)
    known, longest = _limits(encoder)
    tokens = _tokenised(texts, encoder, known, None if truncate else longest)
    store = None
    if folder is not None:
        # Before anything is cut: a tokenizer that has cut something is saved with its limit.
        manifest = encoder.manifest(len(texts), _content(texts)) | {"truncate": truncate}
        store = Store(folder, manifest)
    if max(map(len, tokens["input_ids"])) > longest:
        tokens = encoder.processor(texts, truncation=True, max_length=longest)
    names = [n for n in ("input_ids", "attention_mask", "token_type_ids") if n in tokens]
    lengths = [len(ids) for ids in tokens["input_ids"]]
    # Longest first; the sort is stable, so the order follows from the inputs alone.
    order = sorted(range(len(texts)), key=lambda i: -lengths[i])
    masked = "attention_mask" in names and "attention_mask" in encoder.inputs
    fill = encoder.processor.pad_token_id or 0  # without such a token any will do: it is masked
    # SigLIP and its relatives read padding as they read words, and always as much of it.
    fixed = "siglip" in encoder.model.config.model_type
    if not fixed and fill >= known:  # the model has no row for it
        fill = 0

    def encode(indices: Sequence[int]) -> NDArray[np.float32]:
        groups = [list(indices)]
        if not masked and not fixed:  # no padding for a model that cannot be told what it is
            groups = [list(group) for _, group in groupby(indices, lengths.__getitem__)]
        return np.concatenate([encoder.encode(*padded(group)) for group in groups])

    def padded(group: list[int]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        # Padding comes last, whatever the tokenizer is used to, so that words have the positions
        # that they have in a text alone; up to a fixed length it comes where the model is used to.
        width = longest if fixed else max(lengths[i] for i in group)
        real = torch.arange(width) < torch.tensor([lengths[i] for i in group])[:, None]
        if fixed and encoder.processor.padding_side == "left":
            real = real.flip(1)
        tensors = {}
        for name in names:
            tensors[name] = torch.full(real.shape, fill if name == "input_ids" else 0)
            tensors[name][real] = torch.tensor([n for i in group for n in tokens[name][i]])
        return tensors, real

    return encoder.run(encode, order, store, batch_size, progress)


def _checked(texts: Sequence[str]) -> list[str]:
    items = list(sequence("texts", texts, "strings"))
    for i, text in enumerate(items):
        if not isinstance(text, str):
            raise TypeError(f"texts[{i}] must be a string, got {text!r:.60}.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"texts[{i}] must be valid Unicode, got {text!r:.60} ({error.reason})."
            ) from error
        if not text.strip():
            raise ValueError(f"texts[{i}] must have a word in it, got {text!r:.60}.")
    return items


def _limits(encoder: Encoder) -> tuple[float, int]:
    """Return how many tokens the model knows, and how many it can read."""
    config = encoder.model.config.get_text_config()
    known = getattr(config, "vocab_size", None) or float("inf")
    longest = encoder.processor.model_max_length
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions < 0:  # relative positions have no end
        return known, longest
    # RoBERTa and its relatives give the first word the position after that of padding.
    before = [
        module.padding_idx + 1
        for name, module in encoder.model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]
    return known, min(longest, positions - max(before, default=0))


def _tokenised(
    texts: list[str], encoder: Encoder, known: float, longest: int | None
) -> Mapping[str, list[list[int]]]:
    """Return token numbers of each text, with the special tokens that the model expects."""
    tokenizer = encoder.processor
    meaningless = {*tokenizer.all_special_ids, tokenizer.unk_token_id}
    encoded: Mapping[str, list[list[int]]] = tokenizer(texts, verbose=False)
    for i, ids in enumerate(encoded["input_ids"]):
        text = repr(texts[i] if len(texts[i]) <= 40 else f"{texts[i][:40]}…")
        if not set(ids) - meaningless:
            raise ValueError(
                f"texts[{i}] must have a word or sign that the tokenizer of {encoder.name} knows, "
                f"got {text}."
            )
        if max(ids) >= known:
            raise ValueError(
                f"texts[{i}] must have tokens that {encoder.name} knows, below {known}, got "
                f"{tokenizer.convert_ids_to_tokens(max(ids))!r} of number {max(ids)} in {text}. "
                "Use the tokenizer that belongs to the model."
            )
        if longest is not None and len(ids) > longest:
            raise ValueError(
                f"texts[{i}] must have at most the {longest} tokens that {encoder.name} can read, "
                f"got {len(ids)} in {text}. Shorten it, or pass truncate=True."
            )
    return encoded


def _content(texts: list[str]) -> str:
    content = hashlib.sha256()
    for data in map(str.encode, texts):
        content.update(len(data).to_bytes(8, "little") + data)  # where one ends, the next begins
    return content.hexdigest()
