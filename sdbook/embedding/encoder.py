"""Run a Hugging Face model over instances, batch by batch, for one vector each."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from inspect import signature
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, ProcessorMixin

from sdbook import _validate
from sdbook._device import choose_device
from sdbook.embedding.store import Store

FORMAT = "sdbook embedding, 3"
"""Changes when the same inputs, model and settings no longer give the same vectors."""

Model = str | PathLike[str] | tuple[Any, Any]
"""A name on the Hugging Face hub, a folder, or (model, tokenizer or image processor)."""

Vectors = NDArray[np.float32]


def sequence(name: str, items: Any, accepted: str) -> Any:
    """Check a sequence; return one of which ``items[i]`` is the i-th item."""
    ordered = hasattr(items, "__len__") and hasattr(items, "__getitem__")
    single = isinstance(items, (str, bytes, PathLike, Mapping)) or hasattr(items, "columns")
    if single or not ordered:
        raise TypeError(
            f"{name} must be a sequence of {accepted}, got a {type(items).__name__}. Pass a list, "
            "or one column of a data frame."
        )
    if not len(items):
        raise ValueError(f"{name} must have at least one entry, got none.")
    return list(items) if hasattr(items, "iloc") else items  # pandas looks up its index


class Encoder:
    """A model with its tokenizer or image processor, and how its outputs become vectors."""

    def __init__(
        self,
        model: Model,
        kind: str,
        revision: str | None,
        pooling: str,
        normalise: bool,
        device: str | torch.device,
    ) -> None:
        """Take what embeds "texts" or "images": by name, from a folder, or objects as they are."""
        if pooling not in ("mean", "cls", "pooled"):
            raise ValueError(f"pooling must be 'mean', 'cls' or 'pooled', got {pooling!r}.")
        self.device = choose_device(device)
        part = "tokenizer" if kind == "texts" else "image_processor"
        if isinstance(model, (str, PathLike)):
            self.name = fspath(model)
            auto = AutoTokenizer if kind == "texts" else AutoImageProcessor
            self.processor = auto.from_pretrained(self.name, revision=revision)
            self.model = AutoModel.from_pretrained(self.name, revision=revision)
        elif isinstance(model, tuple) and len(model) == 2 and all(map(callable, model)):
            self.model, self.processor = model
            if isinstance(self.processor, ProcessorMixin):  # both in one, as CLIPProcessor
                self.processor = getattr(self.processor, part)
            self.name = getattr(self.model, "name_or_path", "") or type(self.model).__name__
        else:
            raise TypeError(
                f"model must be a name, a folder or a pair (model, {part}), got {model!r:.60}."
            )
        self.title = f"{self.name} ({type(self.model).__name__})"
        self.kind, self.pooling, self.normalise = kind, pooling, normalise
        # The hub tells which commit a name or a branch stood for.
        self.revision = getattr(self.model.config, "_commit_hash", None) or revision
        self.call: Any = self.model
        if hasattr(self.model, "get_text_features") and hasattr(self.model, "get_image_features"):
            self.call = getattr(self.model, f"get_{kind[:-1]}_features")  # of a pair such as CLIP
        self.inputs = {*signature(getattr(self.call, "forward", self.call)).parameters}
        # Its last states are those of the decoder, whose inputs some models make up themselves.
        if any(name.startswith("decoder_") for name in self.inputs):
            raise self._unsuitable("it has a decoder besides the encoder that get_encoder() gives")

    def manifest(self, n_samples: int, content: str) -> dict[str, Any]:
        """Return all that decides what the features of these inputs are."""
        # A name does not say what is in a folder, and a revision not what an object has become.
        weights = hashlib.sha256(_settings(self.model.config.to_json_string()))
        for name, tensor in sorted(self.model.state_dict().items()):
            array = tensor.detach().cpu().contiguous()
            weights.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
            weights.update(array.reshape(-1).view(torch.uint8).numpy().tobytes())
        inputs = hashlib.sha256()
        with tempfile.TemporaryDirectory() as folder:
            self.processor.save_pretrained(folder)
            for path in sorted(Path(folder).rglob("*.*")):
                data = path.read_bytes()
                inputs.update(path.name.encode())
                inputs.update(_settings(data) if path.suffix == ".json" else data)
        return {
            "format": FORMAT,
            "kind": self.kind,
            "count": n_samples,
            "content": content,
            # Where a folder lies does not matter: what is in it has a hash of its own.
            "model": Path(self.name).name if Path(self.name).is_dir() else self.name,
            "revision": self.revision,
            "pooling": self.pooling,
            "normalise": self.normalise,
            "weights": weights.hexdigest(),
            "processor": inputs.hexdigest(),
        }

    def run(
        self,
        encode: Callable[[Sequence[int]], Vectors],
        order: Sequence[int],
        store: Store | None,
        batch_size: int,
        progress: bool,
    ) -> Vectors:
        """Return the vectors of all instances, of which the store has rows in the given order."""
        n_samples = len(order)
        parts = [] if store is None else list(store.read(n_samples))
        gaps = list(_gaps([(start, stop) for start, stop, _ in parts], n_samples, batch_size))
        done = n_samples - sum(stop - start for start, stop in gaps)
        bar = tqdm(total=n_samples, initial=done, desc=self.kind, disable=not progress)
        with bar, ExitStack() as stack:
            stack.callback(self.model.train, self.model.training)  # leave it in the mode it came in
            self.model.to(self.device).eval()
            for start, stop in gaps:
                rows = self._finished(encode(order[start:stop]), order[start:stop])
                if store is not None:
                    store.write(start, rows)
                parts.append((start, stop, rows))
                bar.update(stop - start)
        width = parts[0][2].shape[1]
        _validate.memory(f"{n_samples} vectors of {self.kind}", n_samples * width, 4)
        features = np.empty((n_samples, width), dtype=np.float32)
        for start, stop, rows in parts:
            features[np.asarray(order[start:stop])] = rows
        return features

    def encode(self, tensors: dict[str, torch.Tensor], real: torch.Tensor | None = None) -> Vectors:
        """Return one vector per instance; tokens that `real` does not mark are padding."""
        # Convolutions want their inputs in the precision of their weights.
        floats = (weight.dtype for weight in self.model.parameters() if weight.is_floating_point())
        precision = next(floats, torch.float32)
        placed = {
            name: tensor.to(self.device, precision if tensor.is_floating_point() else tensor.dtype)
            for name, tensor in tensors.items()
            if name in {"input_ids", "pixel_values", *self.inputs}
        }
        attention = getattr(self.model, "attention_type", None)
        with torch.inference_mode():
            try:
                outputs = self.call(**placed)
            except (AttributeError, TypeError, ValueError) as error:  # it asks for other inputs
                raise self._unsuitable(error) from error
            finally:
                # After a short text, BigBird would read all later ones with another attention.
                if attention is not None and attention != self.model.attention_type:
                    self.model.set_attention_type(attention)
            vectors = self._pool(outputs, None if real is None else real.to(self.device))
        return vectors.float().cpu().numpy()

    def _pool(self, outputs: Any, real: torch.Tensor | None) -> torch.Tensor:
        if self.pooling == "pooled":
            values = getattr(outputs, "pooler_output", None)
            if values is None:  # with a projection
                values = getattr(outputs, f"{self.kind[:-1]}_embeds", None)
            if isinstance(outputs, torch.Tensor):  # of one of a pair, before transformers 5
                values = outputs
            if values is None:
                raise self._unpoolable("'mean' or 'cls'", "which returns no pooler_output")
            if values[0].numel() != values.shape[1]:
                shape = tuple(values.shape[1:])
                raise self._unpoolable("'mean' or 'cls'", f"whose pooled output has shape {shape}")
            return values.flatten(start_dim=1)
        values = getattr(outputs, "last_hidden_state", None)
        if values is None:
            raise self._unpoolable("'pooled'", "which returns no last_hidden_state")
        if values.ndim == 4:  # feature maps of a convolution: (instances, channels, height, width)
            if self.pooling == "cls":
                raise self._unpoolable("'mean' or 'pooled'", "which is convolutional")
            return values.float().mean(dim=(2, 3))
        if real is None:
            real = values.new_ones(values.shape[:2])
        if self.pooling == "cls":
            first = real.int().argmax(dim=1)
            return values[torch.arange(len(values), device=first.device), first]
        # Half precision has too few digits, and too small a range, for the sum of a long text.
        values = values.float()
        weights = real[:, :, None].to(values.dtype)
        return (values * weights).sum(dim=1) / weights.sum(dim=1)

    def _finished(self, rows: Vectors, indices: Sequence[int]) -> Vectors:
        """Check the vectors of a batch, and scale them."""
        norms = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
        usable = np.isfinite(norms) & ((norms > 0) | (not self.normalise))
        if not usable.all():
            bad = int(np.argmin(usable))
            raise ValueError(
                f"{self.kind}[{indices[bad]}] must have an embedding of finite norm"
                f"{' > 0' if self.normalise else ''}, got {norms[bad]:.4g}. Check that it is a "
                "sensible input for this model."
            )
        return (rows / norms[:, None] if self.normalise else rows).astype(np.float32)

    def _unpoolable(self, others: str, reason: str) -> ValueError:
        return ValueError(
            f"pooling must be {others} for {self.title}, {reason}, got {self.pooling!r}."
        )

    def _unsuitable(self, reason: object) -> ValueError:
        accepted = "a vision model"
        if self.kind == "texts":
            accepted = "a model of texts alone (not with a decoder: T5EncoderModel, not T5Model)"
        return ValueError(
            f"model must be {accepted}, or a pair of a text model and a vision model such as "
            f"CLIPModel, got {self.title}, which does not run on these {self.kind} ({reason})."
        )


def _gaps(kept: list[tuple[int, int]], end: int, batch_size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most `batch_size` rows that fill the gaps between those that are kept."""
    begin = 0
    for start, stop in [*sorted(kept), (end, end)]:
        for low in range(begin, start, batch_size):
            yield low, min(low + batch_size, start)
        begin = max(begin, stop)


def _settings(text: str | bytes) -> bytes:
    """Contents of a JSON file, without the version of the library that wrote it."""

    def unversioned(part: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in part.items() if name != "transformers_version"}

    return json.dumps(json.loads(text, object_hook=unversioned), sort_keys=True).encode()
