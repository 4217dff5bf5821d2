"""Load a data set by name, as features with labels and superclasses."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sdbook import datasets, noise
from sdbook.datasets import Dataset, prepare
from sdbook.experiments.paper.sources import (
    LOCAL,
    SOURCES,
    Pictures,
    Source,
    check_limit,
    load_pictures,
    subset,
)

__all__ = ["BACKBONE", "load"]

BACKBONE = "microsoft/resnet-34"
"""A ResNet-34 trained on ImageNet, as in the authors' program; the weights are another copy."""


def load(
    data: str | Source,
    *,
    copy: str | os.PathLike[str] | None = None,
    model: Any = BACKBONE,
    folder: str | os.PathLike[str] | None = None,
    device: str = "auto",
    batch_size: int = 64,
    progress: bool = True,
    limit: int | None = None,
) -> tuple[Dataset, Dataset]:
    """Load a data set as centred features of unit norm, with its superclasses.

    Parameters
    ----------
    data : str or Source
        One of `SOURCES` or `LOCAL`, or a source of your own.
    copy : path, optional
        A folder with the images, instead of the hub: what ``DatasetDict.save_to_disk`` has written,
        or ``SPLIT/CLASS/FILE``.
    model, device, batch_size, progress
        For images, as in `sdbook.embedding.embed_images`.
    folder : path, optional
        For images: where finished batches of features are kept, in a folder for each part.
    limit : int, optional
        For a trial: instances of the training set, and of the test set, to keep at most, as many
        of each class as can be. At least one of each.

    Returns
    -------
    train, test : Dataset
        Of images, both with the mean of the training features subtracted; the words and the digits
        are centred before they are split. Superclasses are WordNet's for the words, and else
        classes that are easily confused, found from the training features.

    Raises
    ------
    ImportError
        If images are to be loaded, and an extra is not installed.
    ConnectionError
        If the hub cannot be reached.
    TypeError, ValueError
        If `data` is unknown; if `copy` is not a folder, or lacks a split, a column or a class; if
        `limit` is below the number of classes; or as in `sdbook.embedding.embed_images`.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> train, test = paper.load("digits")
    >>> train
    Dataset('digits': 1198 instances, 64 features, 10 classes)
    """
    if isinstance(data, str) and data in LOCAL:
        if copy is not None:
            raise ValueError(f"copy must be None with data {data!r}, got {os.fspath(copy)!r}.")
        whole = datasets.words() if data == "words" else datasets.digits()
        check_limit(limit, whole.n_classes)
        train, test = (part.take(subset(part.labels, limit)) for part in whole.split(rng=0))
        return (train, test) if data == "words" else _with_superclasses(train, test)
    if isinstance(data, str):
        if data not in SOURCES:
            known = ", ".join([*SOURCES, *LOCAL])
            raise ValueError(f"data must be one of {known}, or a Source, got {data!r}.")
        source = SOURCES[data]
    else:
        source = data
    *parts, names = load_pictures(source, copy, limit=limit)
    # Here, not above: the words and the digits need no PyTorch.
    from sdbook.embedding import embed_images

    def embed(part: Pictures, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        return embed_images(
            part.images,
            model,
            normalise=False,  # the mean goes first
            content=part.content,
            folder=None if folder is None else Path(folder) / name,
            device=device,
            batch_size=batch_size,
            progress=progress,
        )

    raw = embed(parts[0], "train"), embed(parts[1], "test")
    mean = prepare.mean(raw[0])
    train, test = (
        Dataset(
            name=source.title,
            features=datasets.normalise((vectors - mean).astype(vectors.dtype)),
            labels=part.labels,
            superclasses=np.zeros(len(names), dtype=np.int64),
            class_names=names,
        )
        for vectors, part in zip(raw, parts, strict=True)
    )
    return _with_superclasses(train, test)


def _with_superclasses(train: Dataset, test: Dataset) -> tuple[Dataset, Dataset]:
    superclasses = noise.confusable_superclasses(train.features, train.labels)
    return replace(train, superclasses=superclasses), replace(test, superclasses=superclasses)
