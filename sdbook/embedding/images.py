"""Turn images into features: read each as a viewer shows it, and run a vision model over them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from sdbook import _validate
from sdbook.embedding.encoder import Encoder, Model, sequence
from sdbook.embedding.store import Store

PATHS = (str, os.PathLike)
CHANNELS = (1, 3, 4)


def embed_images(
    images: Sequence[Any],
    model: Model,
    *,
    revision: str | None = None,
    pooling: str = "pooled",
    normalise: bool = True,
    content: str | None = None,
    batch_size: int = 64,
    device: str | torch.device = "auto",
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Embed images with a vision model.

    Parameters
    ----------
    images : sequence of paths, PIL images or arrays
        Arrays are uint8 or uint16, of shape (height, width) or (height, width, channels) with 1, 3
        (RGB) or 4 (RGBA) channels. A column of a pandas frame is read in its own order. Each image
        is opened when its batch comes, so that many files need no memory.
    model : str, path or (model, image processor)
        As in `embed_texts`, such as "microsoft/resnet-34". Of a pair of a text model and a vision
        model, such as CLIP or SigLIP, the vision model is taken.
    pooling : {"pooled", "mean", "cls"}
        What the model itself calls its pooled output (in a ResNet the mean over the last feature
        maps; in CLIP and its like what is compared with texts), the mean over patches, or the first
        token.
    content : str, optional
        What stands for the images in the manifest of `folder`, instead of a hash of all files or
        pixels, which takes time. It must change whenever the images do.
    revision, normalise, batch_size, device, folder, progress
        As in `embed_texts`.

    Returns
    -------
    ndarray of shape (N, d), float32

    Raises
    ------
    TypeError
        If `images` is not a sequence, or an item is neither an image nor a path.
    ValueError
        If `images` is empty, or an array that may be one image (its last axis may be channels); if
        an image cannot be read, is empty, or leaves open what is black and what is white; if the
        model is not for images, or has a decoder; if an option is unknown; if `folder` holds
        features of other inputs or settings. The message names the index of an image, and its file.

    Notes
    -----
    An image's features do not depend on the others. The model sees an RGB image of 8 bits a
    channel, as a viewer shows it:

    - turned upright, where the camera noted how it was held (EXIF);
    - on white, where it is transparent. An image that cannot be seen on white is an error;
    - grey of 16 bits from 0, black, to 65535, white; floats from 0 to 1; integers of 32 bits from 0
      to 255. Other values, and 12 bits, are an error. In a TIFF file that says so, 0 is white;
    - of an animation, or another file of several images, the first.

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
    batch_size = _validate.count("batch_size", batch_size)
    if isinstance(images, np.ndarray) and images.dtype.kind not in "OSUT":
        shape = images.shape
        if len(shape) < 3 or (len(shape) == 3 and shape[2] in CHANNELS):
            raise ValueError(
                f"images must be several images beyond doubt, got an array of shape {shape}. "
                "Pass [image] for one image, a list for several."
            )
    images = sequence("images", images, "paths, PIL images or arrays")
    encoder = Encoder(model, "images", revision, pooling, normalise, device)
    store = None
    if folder is not None:
        hashed = _content(images) if content is None else content
        store = Store(folder, encoder.manifest(len(images), hashed))

    def prepared(i: int) -> dict[str, torch.Tensor]:
        image = _opened(_item(images, i), i)
        size = f"{image.width} x {image.height} pixels"
        with _named(i, size, "an image that the model's image processor takes"):
            return dict(encoder.processor(images=[image], return_tensors="pt"))

    def encode(indices: Sequence[int]) -> NDArray[np.float32]:
        # One by one, because some processors pad a small image until it is as large as its
        # neighbours. Those that come out in one shape go through the model together.
        rows = []
        tensors = map(prepared, indices)
        for names, group in groupby(tensors, lambda each: {n: t.shape for n, t in each.items()}):
            parts = list(group)
            together = {name: torch.cat([part[name] for part in parts]) for name in names}
            rows.append(encoder.encode(together, together.get("pixel_attention_mask")))
        return np.concatenate(rows)

    return encoder.run(encode, range(len(images)), store, batch_size, progress)


@contextmanager
def _named(i: int, came: str, accepted: str = "an image that can be read") -> Iterator[None]:
    """Turn any error into one that says which image it is about."""
    try:
        yield
    except Exception as error:  # decoders raise all kinds, down to struct.error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(
            f"images[{i}] must be {accepted}, got {came}: {reason.rstrip('.')}."
        ) from error


def _item(images: Sequence[Any], i: int) -> Any:
    """Return the i-th item, which a column of a data set decodes only now."""
    with _named(i, "an item that cannot be decoded"):
        return images[i]


def _opened(image: Any, i: int) -> Image.Image:
    """Return an item as an RGB image in memory."""
    if isinstance(image, np.ndarray):
        shaped = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in CHANNELS)
        if image.dtype.name not in ("uint8", "uint16") or not shaped or not image.size:
            raise ValueError(
                f"images[{i}] must be a uint8 or uint16 array of shape (height, width), or "
                "(height, width, channels) with 1, 3 or 4 channels, got shape "
                f"{image.shape} and dtype {image.dtype}."
            )
        if image.dtype.name == "uint16":
            image = _eight_bits(image, 65535)
        image = Image.fromarray(image[:, :, 0] if image.shape[2:] == (1,) else image)
    if not isinstance(image, (*PATHS, Image.Image)):
        raise TypeError(f"images[{i}] must be a path, a PIL image or an array, got {image!r:.60}.")
    if isinstance(image, Image.Image):  # PIL may read its file only now
        with _named(i, "a PIL image"):
            return _seen(image)
    with _named(i, repr(os.fspath(image))), Image.open(image) as file:
        return _seen(file)


def _seen(image: Image.Image) -> Image.Image:
    """Return what a viewer shows: upright, on white, with 8 bits a channel."""
    if not image.width * image.height:
        raise ValueError(f"its size is {image.width} x {image.height}")
    white = {"I": 255, "F": 1}.get(image.mode)  # of grey with more than 8 bits
    sixteen = image.mode.startswith("I;16")
    if sixteen or (image.mode == "I" and image.format == "PPM"):  # PIL's mode for 16 bits in it
        white = 65535
    tags = getattr(image, "tag_v2", {})  # of a TIFF file
    bits = tags.get(ExifTags.Base.BitsPerSample, (16,))
    if sixteen and set(bits) != {16}:
        raise ValueError(
            f"it has {bits[0]} bits a sample, so its white is not known. Save its grey with 8 or "
            "16 bits"
        )
    negative = tags.get(ExifTags.Base.PhotometricInterpretation) == 0  # PIL inverts 8 bits only
    image = ImageOps.exif_transpose(image)
    if white is not None:
        values = np.asarray(image)
        if not (values.min() >= 0 and values.max() <= white):
            raise ValueError(
                f"its values go from {values.min():g} to {values.max():g}, while in mode "
                f"{image.mode!r} black is 0 and white is {white}. Scale them to that"
            )
        grey = Image.fromarray(_eight_bits(white - values if negative else values, white))
        if "transparency" in image.info:
            opaque = values != image.info["transparency"]
            grey.putalpha(Image.fromarray(opaque.astype(np.uint8) * np.uint8(255)))
        image = grey
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    shown = Image.alpha_composite(ground, layer).convert("RGB")
    least, most = layer.getchannel("A").getextrema()
    if least != 255 and np.asarray(shown).min() == 255:
        raise ValueError(
            f"it is {'white on a transparent ground' if most else 'transparent everywhere'}, so "
            "nothing of it can be seen on white. Paste it on another ground"
        )
    return shown


def _eight_bits(values: NDArray[Any], white: int) -> NDArray[np.uint8]:
    return np.rint(values.astype(np.float32) * np.float32(255 / white)).astype(np.uint8)


def _content(images: Sequence[Any]) -> str:
    """Hash the files as they are, and all else by its pixels."""
    content = hashlib.sha256()
    for i in range(len(images)):
        item = _item(images, i)
        if isinstance(item, PATHS):
            with _named(i, repr(os.fspath(item))):
                data = Path(item).read_bytes()
            content.update(len(data).to_bytes(8, "little") + data)
        else:
            image = _opened(item, i)
            content.update(str(image.size).encode() + image.tobytes())
    return content.hexdigest()
