"""Images to features."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from sdbook import _validate
from sdbook._device import choose_device
from sdbook.embedding.batches import in_batches, in_order
from sdbook.embedding.models import Encoder, Model
from sdbook.embedding.store import Store

READABLE = "files and images that PIL can read, with a known black and white"
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
WHITE = {**dict.fromkeys(DEEP, 65535), "I": 255, "F": 1}
"""What counts as white in PIL's modes with more than 8 bits, all of them grey."""


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
        One per instance: files, `PIL.Image.Image`, or uint8 or uint16 arrays of shape (height,
        width) or (height, width, channels), with 1, 3 (RGB) or 4 (RGBA) channels. Also a column of
        a pandas frame, in its own order. Each is opened when its batch comes, so a long list of
        files (or a column of a `datasets.Dataset`) needs no memory.
    model : str, path or (model, image processor)
        A name on the Hugging Face hub, such as "microsoft/resnet-34"; a folder with a model; or
        the two objects. Of a pair of a text model and a vision model, such as CLIP or SigLIP, the
        vision model is taken.
    revision : str, optional
        Branch, tag or commit, for a name on the hub.
    pooling : {"pooled", "mean", "cls"}
        What the model itself calls its pooled output (in a ResNet the mean over the last feature
        maps; in CLIP and its like what is compared with texts), the mean over patches, or the first
        token.
    normalise : bool
        Scale each vector to unit norm, as the theory assumes.
    content : str, optional
        What stands for the images in the manifest, where reading all of them to compute a hash is
        slow: it must change whenever they do. By default a hash of the files or of the pixels.
    batch_size, device, folder, progress
        As in `embed_texts`.

    Returns
    -------
    ndarray of shape (N, d), float32

    Raises
    ------
    TypeError
        If an item is not an image or a path (such as None), the message names its index; if
        `images` is a data frame, a dictionary, a set, a generator or one image.
    ValueError
        If `images` is one array of shape (a, b), or of shape (a, b, c) where c may be the number of
        channels: it may be one image. Give one image as ``[image]`` and several as a list.
        If an image cannot be read, is empty, or leaves open what is black and what is white (the
        message names its index and its file); if the model is of something else than images, or has
        a decoder; if an option is unknown; if `folder` holds features of other images, another
        model or other settings.

    See Also
    --------
    embed_texts : The same for texts.

    Notes
    -----
    The model sees an RGB image of 8 bits a channel, as a viewer shows it:

    - turned upright, where the camera noted how it was held (EXIF);
    - on white, where it is transparent. An image of which nothing is left then, such as a white
      logo, or one that is transparent everywhere, is an error;
    - grey of 16 bits from 0, black, to 65535, white, whatever the image's own extremes; floats from
      0 to 1; integers of 32 bits from 0 to 255. Other values are an error. In a TIFF file that says
      so, 0 is white; grey of 12 bits is an error;
    - of an animation, or another file of several images, the first.

    An image's features do not depend on the others.

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
    images = in_order("images", images, "paths, PIL images or arrays")
    _several(images)
    if isinstance(images, (str, bytes, os.PathLike)) or not len(images):
        raise ValueError(
            f"images is {images!r:.60}; accepted is a sequence of at least one path, PIL image or "
            "array"
        )
    encoder = Encoder.load(
        model, "images", revision=revision, pooling=pooling, device=choose_device(device)
    )
    store = None
    if folder is not None:
        hashed = _content(images) if content is None else content
        store = Store(folder, encoder.manifest(len(images), hashed, normalise))

    def prepared(i: int) -> dict[str, torch.Tensor]:
        image = _opened(_item(images, i), i)
        start = f"images[{i}], of {image.width} x {image.height} pixels, cannot be prepared"
        with _named(start, "images that the model's image processor takes"):
            return dict(encoder.processor(images=[image], return_tensors="pt"))

    def encode(indices: Sequence[int]) -> NDArray[np.float32]:
        # One by one, because some processors pad a small image until it is as large as its
        # neighbours. Those that come out in one shape go through the model together.
        rows = []
        for shapes, alike in groupby(map(prepared, indices), key=_shapes):
            parts = list(alike)
            together = {name: torch.cat([part[name] for part in parts]) for name in shapes}
            rows.append(encoder.encode(together, together.get("pixel_attention_mask")))
        return np.concatenate(rows)

    with encoder.in_use():
        return in_batches(
            encode,
            range(len(images)),
            what="images",
            batch_size=batch_size,
            normalise=normalise,
            store=store,
            progress=progress,
        )


def _several(images: Any) -> None:
    """Refuse what is one picture, or may be one, and what cannot be asked for its i-th item."""
    accepted = "accepted is a sequence of pictures: [picture] for one, a list for several"
    if isinstance(images, np.ndarray) and images.dtype.kind not in "OSUT":
        shape = images.shape
        if images.ndim < 3:
            raise ValueError(f"images is an array of shape {shape}; {accepted}")
        if images.ndim == 3 and shape[2] in (1, 3, 4):
            raise ValueError(
                f"images is an array of shape {shape}, which may be one picture with {shape[2]} "
                f"channels, or {shape[0]} grey pictures of shape {shape[1:]}; {accepted}"
            )
    named = isinstance(images, (str, bytes, os.PathLike))  # has a message of its own
    if not named and not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise TypeError(f"images is a {type(images).__name__}; {accepted}")


def _item(images: Sequence[Any], i: int) -> Any:
    """Return the i-th item, which a column of a data set decodes only now."""
    with _named(f"images[{i}] cannot be read", READABLE):
        return images[i]


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _opened(image: Any, i: int) -> Image.Image:
    """Return an item as an RGB image in memory."""
    if isinstance(image, (str, os.PathLike)):
        with _named(_unreadable(image, i), READABLE), Image.open(image) as file:
            return _seen(file)
    if isinstance(image, np.ndarray):
        grey_or_colour = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))
        whole = image.dtype.kind == "u" and image.dtype.itemsize <= 2
        if not whole or not grey_or_colour or not image.size:
            raise ValueError(
                f"images[{i}] is an array of shape {image.shape} and dtype {image.dtype}; accepted "
                "are uint8 and uint16 arrays of shape (height, width), or (height, width, "
                "channels) with 1, 3 or 4 channels"
            )
        if image.dtype.itemsize == 2:
            image = _eight_bits(image, 65535)
        if image.shape[2:] == (1,):
            image = image[:, :, 0]
        image = Image.fromarray(image)
    if not isinstance(image, Image.Image):
        raise TypeError(f"images[{i}] is {image!r:.60}; accepted are paths, PIL images and arrays")
    with _named(f"images[{i}] cannot be read", READABLE):  # PIL may read a file only now
        return _seen(image)


def _seen(image: Image.Image) -> Image.Image:
    """Return what a viewer shows: upright, on white, with 8 bits a channel."""
    if not image.width * image.height:
        raise ValueError(f"its size is {image.width} x {image.height}")
    white = WHITE.get(image.mode)
    if image.mode == "I" and image.format == "PPM":  # PIL's way to hold 16 bits of this format
        white = 65535
    tags = getattr(image, "tag_v2", {})  # of a TIFF file
    bits = tags.get(ExifTags.Base.BitsPerSample, (16,))
    if image.mode in DEEP and set(bits) != {16}:
        raise ValueError(
            f"it has {bits[0]} bits a sample, so its white is not known: save its grey with 8 or "
            "16 bits"
        )
    negative = tags.get(ExifTags.Base.PhotometricInterpretation) == 0  # PIL inverts 8 bits only
    image = ImageOps.exif_transpose(image)
    if white is not None:
        values = np.asarray(image)
        if not (values.min() >= 0 and values.max() <= white):
            raise ValueError(
                f"its values go from {values.min():g} to {values.max():g}, while in mode "
                f"{image.mode!r} black is 0 and white is {white}: scale them to that"
            )
        grey = Image.fromarray(_eight_bits(white - values if negative else values, white))
        if "transparency" in image.info:
            opaque = values != image.info["transparency"]
            grey.putalpha(Image.fromarray(opaque.astype(np.uint8) * np.uint8(255)))
        image = grey
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    shown = Image.alpha_composite(paper, layer).convert("RGB")
    least, most = layer.getchannel("A").getextrema()
    if least != 255 and np.asarray(shown).min() == 255:
        raise ValueError(
            f"it is {'white on a transparent ground' if most else 'transparent everywhere'}, and "
            "on white nothing of it can be seen: paste it on another ground"
        )
    return shown


def _eight_bits(values: NDArray[Any], white: int) -> NDArray[np.uint8]:
    return np.rint(values.astype(np.float32) * np.float32(255 / white)).astype(np.uint8)


def _content(images: Sequence[Any]) -> str:
    """Hash the files as they are, and all else by its pixels."""
    content = hashlib.sha256()
    for i in range(len(images)):
        image = _item(images, i)
        if isinstance(image, (str, os.PathLike)):
            with _named(_unreadable(image, i), READABLE):
                data = Path(image).read_bytes()
            content.update(len(data).to_bytes(8, "little"))
        else:
            opened = _opened(image, i)
            content.update(str(opened.size).encode())
            data = opened.tobytes()
        content.update(data)
    return content.hexdigest()


def _unreadable(path: str | os.PathLike[str], i: int) -> str:
    return f"images[{i}] is {os.fspath(path)!r}, which cannot be read"


@contextmanager
def _named(start: str, accepted: str) -> Iterator[None]:
    """Turn any error into one that says which image it is about."""
    try:
        yield
    except Exception as error:  # decoders raise all kinds, down to struct.error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{start}: {reason}; accepted are {accepted}") from error
