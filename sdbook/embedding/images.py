"""Images to features."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from transformers import AutoImageProcessor

from sdbook import _validate
from sdbook._device import choose_device
from sdbook.embedding.batches import in_batches
from sdbook.embedding.models import Encoder, Model
from sdbook.embedding.store import Store


def embed_images(
    images: Sequence[Any],
    model: Model,
    *,
    revision: str | None = None,
    pooling: str = "pooled",
    normalise: bool = True,
    content: str | None = None,
    batch: int = 64,
    device: str | torch.device = "auto",
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Embed images with a vision model.

    Parameters
    ----------
    images : sequence of paths, PIL images or arrays
        One per instance: files, `PIL.Image.Image`, or uint8 arrays of shape (height, width) or
        (height, width, 3). Each is opened when its batch comes, so a long list of files (or a
        column of a `datasets.Dataset`) needs no memory.
    model : str, path or (model, image processor)
        A name on the Hugging Face hub, such as "microsoft/resnet-34"; a folder with a model; or
        the two objects.
    revision : str, optional
        Branch, tag or commit, for a name on the hub.
    pooling : {"pooled", "mean", "cls"}
        What the model itself calls its pooled output (in a ResNet the mean over the last feature
        maps), the mean over patches, or the first token.
    normalise : bool
        Scale each vector to unit norm, as the theory assumes.
    content : str, optional
        What stands for the images in the manifest, where reading all of them to compute a hash is
        slow: it must change whenever they do. By default a hash of the files or of the pixels.
    batch, device, folder, progress
        As in `embed_texts`.

    Returns
    -------
    ndarray of shape (N, d), float32

    Raises
    ------
    TypeError
        If an item is not an image or a path (such as None); the message names its index.
    ValueError
        If an image cannot be read or is empty (the message names its index and its file); if an
        option is unknown; if `folder` holds features of other images, another model or other
        settings.

    See Also
    --------
    embed_texts : The same for texts.

    Examples
    --------
    >>> import numpy as np
    >>> from transformers import ConvNextImageProcessor, ResNetConfig, ResNetModel
    >>> from sdbook.embedding import embed_images
    >>> sizes = ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1])
    >>> pair = ResNetModel(sizes), ConvNextImageProcessor(size={"shortest_edge": 32})
    >>> pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3), dtype=np.uint8)
    >>> embed_images(pictures, pair, progress=False).shape
    (3, 8)
    """
    batch = _validate.count("batch", batch)
    if isinstance(images, (str, bytes, os.PathLike)) or not len(images):
        raise ValueError(
            f"images is {images!r:.60}; accepted is a sequence of at least one path, PIL image or "
            "array"
        )
    encoder = Encoder.load(
        model, AutoImageProcessor, revision=revision, pooling=pooling, device=choose_device(device)
    )
    store = None
    if folder is not None:
        hashed = _content(images) if content is None else content
        store = Store(folder, encoder.manifest("images", len(images), hashed, normalise))

    def encode(indices: Sequence[int]) -> NDArray[np.float32]:
        opened = [_opened(images[i], i) for i in indices]
        pixels = encoder.processor(images=opened, return_tensors="pt")["pixel_values"]
        return encoder.encode({"pixel_values": pixels})

    with encoder.in_use():
        return in_batches(
            encode,
            range(len(images)),
            what="images",
            batch=batch,
            normalise=normalise,
            store=store,
            progress=progress,
        )


def _opened(image: Any, i: int) -> Image.Image:
    """Return an item as an RGB image in memory."""
    if isinstance(image, (str, os.PathLike)):
        try:
            with Image.open(image) as file:
                return file.convert("RGB")
        except (OSError, UnidentifiedImageError, SyntaxError) as error:
            raise ValueError(
                f"images[{i}] is {os.fspath(image)!r}, which cannot be read: "
                f"{_reason(error)}; accepted are files of images"
            ) from error
    if isinstance(image, np.ndarray):
        grey_or_colour = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
        if image.dtype != np.uint8 or not grey_or_colour or not image.size:
            raise ValueError(
                f"images[{i}] is an array of shape {image.shape} and dtype {image.dtype}; accepted "
                "are uint8 arrays of shape (height, width) or (height, width, 3)"
            )
        return Image.fromarray(image).convert("RGB")
    if not isinstance(image, Image.Image):
        raise TypeError(
            f"images[{i}] is {image!r:.60}; accepted are paths, PIL images and uint8 arrays"
        )
    try:
        return image.convert("RGB")
    except (OSError, SyntaxError) as error:  # a file that PIL opened, and reads only now
        raise ValueError(f"images[{i}] cannot be read: {error}; accepted are images") from error


def _content(images: Sequence[Any]) -> str:
    """Hash the files as they are, and all else by its pixels."""
    content = hashlib.sha256()
    for i in range(len(images)):
        image = images[i]
        if isinstance(image, (str, os.PathLike)):
            try:
                data = Path(image).read_bytes()
            except OSError as error:
                raise ValueError(
                    f"images[{i}] is {os.fspath(image)!r}, which cannot be read: "
                    f"{_reason(error)}; accepted are files of images"
                ) from error
            content.update(len(data).to_bytes(8, "little"))
        else:
            opened = _opened(image, i)
            content.update(str(opened.size).encode())
            data = opened.tobytes()
        content.update(data)
    return content.hexdigest()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
