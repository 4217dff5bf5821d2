"""What survives a kill: each round as it was after its last whole epoch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from sdbook._files import whole_file

__all__ = ["Checkpoints"]


class Checkpoints:
    """The files of one run in one folder.

    Parameters
    ----------
    folder : path or None
        Made if it does not exist. None to keep nothing.
    options : dict
        What the run was asked for, as plain JSON. A folder belongs to one set of options.

    Raises
    ------
    ValueError
        If the folder belongs to a run with other options.

    Examples
    --------
    >>> import tempfile
    >>> from sdbook.training.checkpoints import Checkpoints
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Checkpoints(folder, {"seed": 0}).save(1, {"history": [1.5]})
    ...     print(Checkpoints(folder, {"seed": 0}).load(1))
    {'history': [1.5]}
    """

    def __init__(self, folder: str | os.PathLike[str] | None, options: dict[str, Any]) -> None:
        self._folder = None if folder is None else Path(folder)
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = self._folder / "options.json"
        text = json.dumps(options, indent=1, sort_keys=True)
        if not stamp.exists():
            with whole_file(stamp) as file:
                file.write(text.encode())
            return
        before = json.loads(stamp.read_text())
        for name, value in json.loads(text).items():
            if before.get(name) != value:
                raise ValueError(
                    f"folder {str(folder)!r} holds a run with {name} = {before.get(name)!r}, and "
                    f"this one has {value!r}; accepted are the same options, or another folder"
                )

    def load(self, t: int) -> dict[str, Any] | None:
        """Return the state of round `t` after its last whole epoch, or None."""
        path = self._path(t)
        if path is None or not path.exists():
            return None
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state

    def save(self, t: int, state: dict[str, Any]) -> None:
        """Keep a state of round `t` (tensors, plain containers) in place of an earlier one."""
        path = self._path(t)
        if path is not None:
            with whole_file(path) as file:
                torch.save(state, file)

    def _path(self, t: int) -> Path | None:
        return None if self._folder is None else self._folder / f"round-{t:03d}.pt"
