"""Finished batches on disk: safetensors shards beside a manifest that says what they hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from sdbook._files import Folder

_SHARD = re.compile(r"(\d{9,})-(\d{9,})\.safetensors")


class Store:
    """A folder of shards ``START-STOP.safetensors``, rows START to STOP - 1 of the features.

    Whatever interrupts a run, a shard is either whole or not there. A folder of other features is
    refused, and one without a manifest that holds any file; beside a manifest, files with other
    names are left alone.
    """

    def __init__(self, folder: str | os.PathLike[str], manifest: Mapping[str, Any]) -> None:
        remedy = "Use a new folder, or the same inputs, model and settings as before."
        self._folder = Folder(folder, remedy=remedy)
        if not self._folder.belongs_to(manifest, "manifest.json", results=".*"):
            self._folder.write("manifest.json", manifest)

    def read(self, count: int) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Yield the start, the stop and the rows of each shard, of `count` rows in all."""
        remedy = "Delete it, and its rows are computed again."
        for path in sorted(self._folder.path.iterdir()):
            name = _SHARD.fullmatch(path.name)
            if name is None:
                continue
            start, stop = map(int, name.groups())
            try:
                rows = load_file(path)["features"]
            except (SafetensorError, KeyError) as error:
                raise self._folder.damaged(path.name, remedy) from error
            if rows.ndim != 2 or len(rows) != stop - start or stop > count:
                raise ValueError(
                    f"{str(path)!r} must hold the rows from {start} up to {stop} of {count}, got "
                    f"an array of shape {rows.shape}. {remedy}"
                )
            yield start, stop, rows

    def write(self, start: int, rows: NDArray[np.float32]) -> None:
        """Keep a finished batch."""
        name = f"{start:09}-{start + len(rows):09}.safetensors"
        self._folder.write(name, save({"features": np.ascontiguousarray(rows)}))
