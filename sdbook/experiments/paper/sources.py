"""The six data sets of the paper: where copies of them are, and which parts are used for what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook import _validate
from sdbook.noise import Seed

__all__ = ["LOCAL", "SOURCES", "Pictures", "Source", "check_limit", "load_pictures", "subset"]

LOCAL = ("words", "digits")
"""Data sets that need no network: they come with this package and with scikit-learn."""


@dataclass(frozen=True)
class Source:
    """Where a data set is, and what is where in it.

    Attributes
    ----------
    title : str
        As the paper calls it.
    hub : str
        Its name on the Hugging Face hub.
    n_classes : int
        Number of classes K; a copy with another number is refused.
    train, test : tuple of str
        Splits of the copy. Without one for testing, a fifth of the instances is set aside.
    image, label : str
        Columns.
    names : str or None
        A column with the name of the class, where labels are bare numbers.
    without : str or None
        Part of the name of a class that does not count: pictures of nothing in particular.
    weight_decay : float
        What the authors' recipe uses with this data set, for comparison.

    Examples
    --------
    >>> from sdbook.experiments import paper
    >>> paper.SOURCES["flowers102"].train
    ('test',)
    >>> mine = paper.Source("My photographs", "me/photographs", 12, test=())
    """

    title: str
    hub: str
    n_classes: int
    train: tuple[str, ...] = ("train",)
    test: tuple[str, ...] = ("test",)
    image: str = "image"
    label: str = "label"
    names: str | None = None
    without: str | None = None
    weight_decay: float = 5e-4


SOURCES = {
    "cifar100": Source(
        "CIFAR-100",
        "uoft-cs/cifar100",
        100,
        image="img",
        label="fine_label",
        weight_decay=5e-5,
    ),
    "caltech101": Source("Caltech-101", "flwrlabs/caltech101", 101, test=(), without="background"),
    "caltech256": Source(
        "Caltech-256",
        "ilee0022/Caltech-256",
        256,
        train=("train", "validation", "test"),
        test=(),
        names="text",
        without="clutter",
        weight_decay=5e-5,
    ),
    # The official splits of this one are upside down: most flowers are in the test set. The
    # authors' program trains on those and tests on the official training set.
    "flowers102": Source(
        "Flowers-102", "dpdl-benchmark/oxford_flowers102", 102, train=("test",), test=("train",)
    ),
    "food101": Source("Food-101", "ethz/food101", 101, test=("validation",), weight_decay=5e-5),
    "stanfordcars": Source("StanfordCars", "tanganke/stanford_cars", 196),
}
"""By short name. Read off the data sets' cards and other people's programs; not run here."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """One part of a data set, its images not yet read.

    Attributes
    ----------
    images : sequence
        Images, decoded one by one when they are asked for.
    labels : ndarray of int, shape (N,)
        0 to K - 1.
    content : str
        Changes when the images do.
    """

    images: Sequence[Any]
    labels: NDArray[np.int64]
    content: str


def load_pictures(
    source: Source,
    copy: str | os.PathLike[str] | None = None,
    *,
    rng: Seed = 42,
    limit: int | None = None,
) -> tuple[Pictures, Pictures, tuple[str, ...]]:
    """Return the training and the test part, and the names of the classes; see `load`.

    Where there is no split for testing, a random fifth is set aside.
    """
    check_limit(limit, source.n_classes)
    try:
        import datasets as hub
    except ImportError as error:
        raise ImportError(
            f"image data sets need {error.name}, which is not installed: "
            "pip install 'sdbook[paper]'"
        ) from error
    if copy is not None and not (Path(copy) / "dataset_dict.json").exists():
        source = replace(source, image="image", label="label", names=None)
    splits = _loaded(hub, source, copy)
    for split in {*source.train, *source.test} - set(splits):
        raise ValueError(
            f"{source.title} must have a split {split!r}, got a copy with {sorted(splits)}."
        )
    train = hub.concatenate_datasets([splits[name] for name in source.train])
    for column in {source.image, source.label, source.names} - {None, *train.column_names}:
        raise ValueError(
            f"{source.title} must have a column {column!r}, got a copy with {train.column_names}."
        )
    kept = _classes(train, source)
    if len(kept) != source.n_classes:
        raise ValueError(
            f"{source.title} must have {source.n_classes} classes, got a copy with {len(kept)}."
        )
    names = tuple(kept.values())
    rows = np.flatnonzero(np.isin(train[source.label][:], list(kept)))
    if source.test:
        test = hub.concatenate_datasets([splits[name] for name in source.test])
        others = np.flatnonzero(np.isin(test[source.label][:], list(kept)))
    else:
        shuffled = np.random.default_rng(rng).permutation(rows)
        fifth = len(rows) // 5
        test, rows, others = train, np.sort(shuffled[fifth:]), np.sort(shuffled[:fifth])
    return (
        _pictures(train, rows, source, kept, limit),
        _pictures(test, others, source, kept, limit),
        names,
    )


def check_limit(limit: int | None, n_classes: int) -> None:
    """Refuse a limit that would leave a class without an instance."""
    if limit is not None:
        _validate.count("limit", limit, n_classes)


def subset(labels: NDArray[np.int64], limit: int | None) -> NDArray[np.intp]:
    """Return at most `limit` indices, rising: at random, as many of each class as can be."""
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    order = np.random.default_rng(0).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    place = np.concatenate([np.arange(size) for size in sizes])  # first, second... of its class
    return np.sort(by_class[np.argsort(place, kind="stable")[:limit]])


def _loaded(hub: Any, source: Source, copy: str | os.PathLike[str] | None) -> Any:
    """Return all splits by name."""
    if copy is None:
        try:
            return hub.load_dataset(source.hub)
        except (OSError, hub.exceptions.DatasetNotFoundError) as error:
            raise ConnectionError(
                f"{source.hub} cannot be loaded from the Hugging Face hub ({error}). Without a "
                f"network, pass copy=, a folder with the images, or use {' or '.join(LOCAL)}."
            ) from error
    if (Path(copy) / "dataset_dict.json").exists():
        return hub.load_from_disk(os.fspath(copy))
    if not Path(copy).is_dir():
        raise ValueError(
            "copy must be a folder of images, SPLIT/CLASS/FILE, or one that "
            f"DatasetDict.save_to_disk has written, got {os.fspath(copy)!r}."
        )
    return hub.load_dataset("imagefolder", data_dir=os.fspath(copy))


def _classes(rows: Any, source: Source) -> dict[Any, str]:
    """Return the names of the classes that count, by label."""
    labels = np.asarray(rows[source.label][:])
    found, first = np.unique(labels, return_index=True)
    feature = rows.features[source.label]
    if source.names is not None:
        texts = rows.select(first)[source.names][:]
    elif hasattr(feature, "names"):
        texts = [feature.names[label] for label in found]
    else:
        texts = [str(label) for label in found]
    return {
        label.item(): text
        for label, text in zip(found, texts, strict=True)
        if source.without is None or source.without not in text.lower()
    }


def _pictures(
    rows: Any,
    chosen: NDArray[np.int64],
    source: Source,
    kept: dict[Any, str],
    limit: int | None,
) -> Pictures:
    numbers = {label: k for k, label in enumerate(kept)}
    labels = np.array([numbers[label] for label in rows.select(chosen)[source.label][:]], np.int64)
    fewer = subset(labels, limit)
    part, labels = rows.select(chosen[fewer]), labels[fewer]
    # The library's own name for the content: to decode all images for a hash would take as long
    # as half of the work that the hash is to save.
    return Pictures(part[source.image], labels, part._fingerprint)
