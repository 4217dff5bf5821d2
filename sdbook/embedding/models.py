"""A model with what turns inputs into tensors for it, and how its outputs become one vector."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer, ProcessorMixin
from transformers.modeling_outputs import BaseModelOutputWithPooling

POOLINGS = ("mean", "cls", "pooled")
PAIRS = "pairs of a text model and a vision model, such as CLIPModel"
SUITABLE = {
    "texts": "models of texts alone (of an encoder with a decoder the encoder, such as "
    f"T5EncoderModel), and {PAIRS}",
    "images": f"vision models, and {PAIRS}",
}

FORMAT = "sdbook embedding, 3"
"""Changes when the same inputs, model and settings no longer give the same vectors."""

Model = str | PathLike[str] | tuple[Any, Any]
"""A name on the Hugging Face hub, a folder, or (model, tokenizer or image processor)."""


@dataclass(frozen=True)
class Encoder:
    """A model in use: what it is called, on which device it runs, how its outputs are pooled."""

    kind: str
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
        kind: str,
        *,
        revision: str | None,
        pooling: str,
        device: torch.device,
    ) -> Encoder:
        """Load what embeds "texts" or "images": by name, from a folder, or objects as they are."""
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is {pooling!r}; accepted are {', '.join(POOLINGS)}")
        if isinstance(model, tuple):
            if len(model) != 2 or not callable(model[0]) or not callable(model[1]):
                raise TypeError(
                    f"model is a tuple of {len(model)}; accepted are a name, a folder, or a pair "
                    "of a model and its tokenizer (for images: its image processor)"
                )
            network, processor = model
            if isinstance(processor, ProcessorMixin):  # both in one, as CLIPProcessor
                processor = processor.tokenizer if kind == "texts" else processor.image_processor
            name = getattr(network, "name_or_path", "") or type(network).__name__
        elif isinstance(model, (str, PathLike)):
            name = fspath(model)
            prepares = AutoTokenizer if kind == "texts" else AutoImageProcessor
            processor = prepares.from_pretrained(name, revision=revision)
            network = AutoModel.from_pretrained(name, revision=revision)
        else:
            raise TypeError(
                f"model is a {type(model).__name__}; accepted are a name, a folder, or a pair "
                "of a model and its tokenizer (for images: its image processor)"
            )
        # The hub tells which commit a name or a branch stood for.
        commit = getattr(network.config, "_commit_hash", None)
        encoder = cls(kind, name, commit or revision, network, processor, pooling, device)
        # Its last states are those of the decoder, whose inputs some models make up themselves.
        if any(name.startswith("decoder_") for name in encoder._inputs):
            raise encoder._unsuitable(
                "it has a decoder besides the encoder that get_encoder() gives"
            )
        return encoder

    def fingerprint(self) -> dict[str, str]:
        """Return hashes of the weights and of what comes before them.

        A name does not say what is in a folder, and a revision not what an object has become.
        """
        weights = hashlib.sha256(_settings(self.model.config.to_json_string()))
        for name, tensor in sorted(self.model.state_dict().items()):
            array = tensor.detach().cpu().contiguous()
            weights.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
            weights.update(array.reshape(-1).view(torch.uint8).numpy().tobytes())
        inputs = hashlib.sha256()
        with tempfile.TemporaryDirectory() as folder:
            self.processor.save_pretrained(folder)
            for path in sorted(Path(folder).rglob("*.*")):
                inputs.update(path.name.encode())
                inputs.update(
                    _settings(path.read_text(encoding="utf-8"))
                    if path.suffix == ".json"
                    else path.read_bytes()
                )
        return {"weights": weights.hexdigest(), "processor": inputs.hexdigest()}

    def manifest(self, count: int, content: str, normalise: bool) -> dict[str, Any]:
        """Return all that decides what the features of these inputs are."""
        return {
            "format": FORMAT,
            "kind": self.kind,
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

    @property
    def tower(self) -> Any:
        """What is called: the model, or of a pair of towers (as CLIP) the one for these inputs."""
        towers = {
            kind: getattr(self.model, f"get_{kind[:-1]}_features", None)
            for kind in ("texts", "images")
        }
        return towers[self.kind] if all(towers.values()) else self.model

    @property
    def _inputs(self) -> Mapping[str, Any]:
        called = self.tower
        return signature(getattr(called, "forward", called)).parameters

    def takes(self, name: str) -> bool:
        """Whether the model has an input of this name."""
        return name in self._inputs

    def encode(
        self, tensors: Mapping[str, torch.Tensor], counted: torch.Tensor | None = None
    ) -> NDArray[np.float32]:
        """Return one vector per instance.

        Of the inputs, the model is given those that it has. Tokens that `counted` does not mark
        are padding: no mean counts them, and the first token is not among them.
        """
        needed = "input_ids" if self.kind == "texts" else "pixel_values"
        # Convolutions want their inputs in the precision of their weights.
        floats = (weight.dtype for weight in self.model.parameters() if weight.is_floating_point())
        precision = next(floats, torch.float32)
        placed = {
            name: tensor.to(self.device, precision if tensor.is_floating_point() else tensor.dtype)
            for name, tensor in tensors.items()
            if name == needed or self.takes(name)
        }
        attention = getattr(self.model, "attention_type", None)
        with torch.inference_mode():
            try:
                outputs = self.tower(**placed)
            except (AttributeError, TypeError, ValueError) as error:  # it asks for other inputs
                raise self._unsuitable(error) from error
            finally:
                # After a short text, BigBird would read all later ones with another attention.
                if attention is not None and attention != self.model.attention_type:
                    self.model.set_attention_type(attention)
            if isinstance(outputs, torch.Tensor):  # of a tower, before transformers 5
                outputs = BaseModelOutputWithPooling(pooler_output=outputs)
            vectors = self._pool(outputs, None if counted is None else counted.to(self.device))
        return vectors.float().cpu().numpy()

    @property
    def _title(self) -> str:
        return f"{self.name} ({type(self.model).__name__})"

    def _unsuitable(self, reason: object) -> ValueError:
        return ValueError(
            f"model is {self._title}, which does not run on these {self.kind} ({reason}); "
            f"accepted are {SUITABLE[self.kind]}"
        )

    def _pool(self, outputs: Any, counted: torch.Tensor | None) -> torch.Tensor:
        kinds = ["last_hidden_state"]
        if self.pooling == "pooled":
            kinds = ["pooler_output", "text_embeds" if self.kind == "texts" else "image_embeds"]
        found = (getattr(outputs, kind, None) for kind in kinds)
        values = next((values for values in found if values is not None), None)
        if values is None:
            raise ValueError(
                f"pooling is {self.pooling!r}, and {self._title} returns no {kinds[0]}; accepted "
                f"are models that do, or another pooling ({', '.join(POOLINGS)})"
            )
        if self.pooling == "pooled":
            if values[0].numel() != values.shape[1]:
                raise ValueError(
                    f"pooling is 'pooled', and {self._title} returns an array of shape "
                    f"{tuple(values.shape[1:])} for each instance; accepted are models that "
                    "return one vector, or another pooling (mean, cls)"
                )
            return values.flatten(start_dim=1)
        if values.ndim == 4:  # feature maps of a convolution: (instances, channels, height, width)
            if self.pooling == "cls":
                raise ValueError(
                    f"pooling is 'cls', and {self._title} is a convolutional network without such "
                    "a token; accepted are mean and pooled"
                )
            return values.float().mean(dim=(2, 3))
        if counted is None:
            counted = values.new_ones(values.shape[:2])
        if self.pooling == "cls":
            first = counted.int().argmax(dim=1)
            return values[torch.arange(len(values), device=first.device), first]
        # Half precision has too few digits, and too small a range, for the sum of a long text.
        values = values.float()
        weights = counted[:, :, None].to(values.dtype)
        return (values * weights).sum(dim=1) / weights.sum(dim=1)


def _settings(text: str) -> bytes:
    """Contents of a JSON file, without the version of the library that wrote it."""

    def unversioned(part: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in part.items() if name != "transformers_version"}

    return json.dumps(json.loads(text, object_hook=unversioned), sort_keys=True).encode()
