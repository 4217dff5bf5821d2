"""A model with what turns inputs into tensors for it, and how its outputs become one vector."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel

POOLINGS = ("mean", "cls", "pooled")

Model = str | PathLike[str] | tuple[Any, Any]
"""A name on the Hugging Face hub, a folder, or (model, tokenizer or image processor)."""


@dataclass(frozen=True)
class Encoder:
    """A model in use: what it is called, on which device it runs, how its outputs are pooled."""

    name: str
    revision: str | None
    model: Any
    processor: Any
    pooling: str
    device: torch.device

    @classmethod
    def load(
        cls,
        model: Model,
        processor_class: Any,
        *,
        revision: str | None,
        pooling: str,
        device: torch.device,
    ) -> Encoder:
        """Load by name or from a folder, or take objects as they are."""
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}; accepted are {', '.join(POOLINGS)}")
        if isinstance(model, tuple):
            if len(model) != 2 or not callable(model[0]) or not callable(model[1]):
                raise TypeError(
                    f"model is a tuple of {len(model)}; accepted are a name, a folder, or a pair "
                    "of a model and its tokenizer (for images: its image processor)"
                )
            network, processor = model
            name = getattr(network, "name_or_path", "") or type(network).__name__
        elif isinstance(model, (str, PathLike)):
            name = fspath(model)
            processor = processor_class.from_pretrained(name, revision=revision)
            network = AutoModel.from_pretrained(name, revision=revision)
        else:
            raise TypeError(
                f"model is a {type(model).__name__}; accepted are a name, a folder, or a pair "
                "of a model and its tokenizer (for images: its image processor)"
            )
        # The hub tells which commit a name or a branch stood for.
        commit = getattr(network.config, "_commit_hash", None)
        return cls(name, commit or revision, network, processor, pooling, device)

    def fingerprint(self) -> dict[str, str]:
        """Return hashes of the weights and of what comes before them.

        A name does not say what is in a folder, and a revision not what an object has become.
        """
        weights = hashlib.sha256(self.model.config.to_json_string().encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            array = tensor.detach().cpu().contiguous()
            weights.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
            weights.update(array.reshape(-1).view(torch.uint8).numpy().tobytes())
        inputs = hashlib.sha256()
        with tempfile.TemporaryDirectory() as folder:
            self.processor.save_pretrained(folder)
            for path in sorted(Path(folder).rglob("*.*")):
                inputs.update(path.name.encode())
                inputs.update(_settings(path))
        return {"weights": weights.hexdigest(), "processor": inputs.hexdigest()}

    def manifest(self, kind: str, count: int, content: str, normalise: bool) -> dict[str, Any]:
        """Return all that decides what the features of these inputs are."""
        return {
            "kind": kind,
            "count": count,
            "content": content,
            # Where a folder lies does not matter: what is in it has a hash of its own.
            "model": Path(self.name).name if Path(self.name).is_dir() else self.name,
            "revision": self.revision,
            "pooling": self.pooling,
            "normalise": normalise,
            **self.fingerprint(),
        }

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Place the model on the device, without dropout; leave it in the mode it came in."""
        was_training = self.model.training
        self.model.to(self.device).eval()
        try:
            yield
        finally:
            self.model.train(was_training)

    def encode(self, tensors: Mapping[str, torch.Tensor]) -> NDArray[np.float32]:
        """Return one vector per instance."""
        placed = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        with torch.inference_mode():
            vectors = self._pool(self.model(**placed), placed.get("attention_mask"))
        return vectors.float().cpu().numpy()

    def _pool(self, outputs: Any, mask: torch.Tensor | None) -> torch.Tensor:
        kind = "last_hidden_state" if self.pooling != "pooled" else "pooler_output"
        values = getattr(outputs, kind, None)
        if values is None:
            raise ValueError(
                f"pooling is {self.pooling!r}, and {self.name} ({type(self.model).__name__}) "
                f"returns no {kind}; accepted are models that do, or another pooling "
                f"({', '.join(POOLINGS)})"
            )
        if self.pooling == "pooled":
            return values.flatten(start_dim=1)
        if values.ndim == 4:  # feature maps of a convolution: (instances, channels, height, width)
            if self.pooling == "cls":
                raise ValueError(
                    f"pooling is 'cls', and {self.name} ({type(self.model).__name__}) is a "
                    "convolutional network without such a token; accepted are mean and pooled"
                )
            return values.mean(dim=(2, 3))
        if self.pooling == "cls":
            return values[:, 0]
        if mask is None:
            return values.mean(dim=1)
        weights = mask[:, :, None].to(values.dtype)  # padding does not count
        return (values * weights).sum(dim=1) / weights.sum(dim=1)


def _settings(path: Path) -> bytes:
    """Contents of a file, without the version of the library that wrote it."""
    if path.suffix != ".json":
        return path.read_bytes()
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings.pop("transformers_version", None)
    return json.dumps(settings, sort_keys=True).encode()
