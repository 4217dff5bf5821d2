"""Finished runs on disk: one small file each, whole or not there at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdbook._files import strangers, whole_file
from sdbook.sweeps.fingerprint import fingerprint

__all__ = ["Store"]

FORMAT = "sdbook sweep, 1"
_NAME = re.compile(r"[0-9a-f]{32}\.json")


class Store:
    """A folder of finished runs, by the fingerprint of their setting.

    Whenever the program is killed, each file that is there is whole. Several programs may share a
    folder.

    Parameters
    ----------
    folder : path
        Made if it is not there.

    Raises
    ------
    ValueError
        If the folder holds anything that no sweep has written, apart from what systems and
        editors leave in any folder.

    Examples
    --------
    >>> import tempfile
    >>> from sdbook.sweeps import Store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(folder)
    ...     store.save("0" * 32, {"method": "teacher"}, {"all": [0.5]})
    ...     store.load("0" * 32), store.load("1" * 32)
    ({'all': [0.5]}, None)
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in strangers(self.folder, lambda name: _NAME.fullmatch(name) is not None):
            raise ValueError(
                f"folder {str(self.folder)!r} holds {name!r}, which no sweep has written; "
                "accepted is a new folder, or one that only sweeps have written to"
            )

    def path(self, key: str) -> Path:
        """Where the run with this key is, or would be."""
        return self.folder / f"{key}.json"

    def save(self, key: str, setting: Mapping[str, Any], outcome: dict[str, Any]) -> None:
        """Write one finished run; `setting` is for people who open the file."""
        content = {
            "format": FORMAT,
            "key": key,
            "setting": dict(setting),
            "outcome": outcome,
            "check": fingerprint(key, outcome),
        }
        with whole_file(self.path(key)) as file:
            file.write(json.dumps(content).encode())

    def load(self, key: str) -> dict[str, Any] | None:
        """Return the outcome of a finished run, or None.

        Raises
        ------
        ValueError
            If the file is not what was written.
        """
        path = self.path(key)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            text = ""
        try:
            content = json.loads(text)
            outcome: dict[str, Any] = content["outcome"]
            whole = (
                content["format"] == FORMAT
                and content["key"] == key
                and content["check"] == fingerprint(key, outcome)
            )
        except (json.JSONDecodeError, KeyError, TypeError):
            whole = False
        if not whole:
            raise ValueError(
                f"{str(path)!r} is damaged, or was changed after it was written; "
                "delete it, and its run is computed again"
            )
        return outcome
