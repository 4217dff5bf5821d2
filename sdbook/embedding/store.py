"""Finished batches on disk: safetensors shards beside a manifest that says what they hold."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from sdbook._files import strangers, whole_file

MANIFEST = "manifest.json"
_SHARD = re.compile(r"(\d{9,})-(\d{9,})\.safetensors")


class Store:
    """A folder of shards ``START-STOP.safetensors``, rows START to STOP - 1 of the features.

    Files appear under their name when they are complete (written beside it, then renamed), so
    whatever interrupts a run, a shard is either whole or not there. Only files with the names that
    this class gives are read; hidden ones and remains of an interrupted run do not count.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    manifest : mapping
        What the features are of. A folder with another manifest is refused.

    Raises
    ------
    ValueError
        If the folder holds features of something else, or files without a manifest, or if the
        manifest is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str], manifest: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        if path.exists():
            _compare(path, manifest)
            return
        if strangers(self.folder, known=lambda name: False):
            raise ValueError(
                f"folder is {str(self.folder)!r}, which holds files but no {MANIFEST}; accepted "
                "are a new or empty folder, and one that an earlier call has begun"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write((json.dumps(dict(manifest), indent=2) + "\n").encode())

    def read(self, count: int) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
        """Yield the start, the stop and the rows of each shard, of `count` rows in all."""
        for path in sorted(self.folder.iterdir()):
            name = _SHARD.fullmatch(path.name)
            if name is None:
                continue
            start, stop = map(int, name.groups())
            try:
                rows = load_file(path)["features"]
            except (SafetensorError, KeyError) as error:
                raise ValueError(
                    f"{str(path)!r} cannot be read ({error}); delete it, and its rows will be "
                    "computed again"
                ) from error
            if rows.ndim != 2 or len(rows) != stop - start or stop > count:
                raise ValueError(
                    f"{str(path)!r} holds an array of shape {rows.shape}, which cannot be the rows "
                    f"from {start} up to {stop} of {count}; delete it, and its rows will be "
                    "computed again"
                )
            yield start, stop, rows

    def write(self, start: int, rows: NDArray[np.float32]) -> None:
        """Keep a finished batch."""
        path = self.folder / f"{start:09}-{start + len(rows):09}.safetensors"
        with whole_file(path) as file:
            file.write(save({"features": np.ascontiguousarray(rows)}))


def _compare(path: Path, manifest: Mapping[str, Any]) -> None:
    try:
        kept = dict(json.loads(path.read_bytes()))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{str(path)!r} is damaged ({error}), so what the features beside it are of is not "
            "known; accepted are a new folder, and one that an earlier call has begun"
        ) from error
    for name in {**manifest, **kept}:
        if kept.get(name) != manifest.get(name):
            raise ValueError(
                f"folder is {str(path.parent)!r}, which holds features of something else: its "
                f"{name} is {kept.get(name)!r}, not {manifest.get(name)!r}; accepted are a new "
                "folder, or the same inputs, model and settings as before"
            )
