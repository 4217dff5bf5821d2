"""What survives a kill: each round as it was after its last whole epoch."""

from __future__ import annotations

import io
import json
import os
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sdbook._files import whole_file

__all__ = ["Checkpoints", "damaged", "plain"]


class Checkpoints:
    """The files of one run in one folder. Other files in it are left alone.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    options : dict
        What the run was asked for, as plain JSON. A folder belongs to one set of options.

    Raises
    ------
    ValueError
        If the folder belongs to a run with other options, or its ``options.json`` is damaged, or
        missing beside rounds.

    Examples
    --------
    >>> import tempfile
    >>> from sdbook.training.checkpoints import Checkpoints
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Checkpoints(folder, {"seed": 0}).save(1, {"history": [1.5]})
    ...     print(Checkpoints(folder, {"seed": 0}).load(1))
    {'history': [1.5]}
    """

    def __init__(self, folder: str | os.PathLike[str], options: dict[str, Any]) -> None:
        self._folder = Path(folder)
        self._checked: set[int] = set()
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = self._folder / "options.json"
        text = json.dumps(options, indent=1)
        if not stamp.exists():
            self._refuse_rounds()
            with whole_file(stamp) as file:
                file.write(text.encode())
            return
        now = json.loads(text)
        try:
            before = json.loads(stamp.read_bytes())
            whole = before.keys() == now.keys()
        except (ValueError, AttributeError):
            whole = False
        if not whole:
            raise ValueError(
                f"{str(stamp)!r} is damaged, or was not written by this version; accepted is "
                "another folder, or delete this one, and its rounds are trained again"
            )
        for name, value in now.items():
            if before[name] != value:
                raise ValueError(
                    f"folder {str(folder)!r} holds a run with {name} = {before[name]!r}, and "
                    f"this one has {value!r}; accepted are the same options, or another folder"
                )

    def path(self, t: int) -> Path:
        """Where round `t` is, or would be."""
        return self._folder / f"round-{t:03d}.pt"

    def load(self, t: int) -> Any:
        """Return the state of round `t` after its last whole epoch, or None.

        Raises
        ------
        ValueError
            If the file cannot be read as a state.
        """
        path = self.path(t)
        if not path.exists():
            return None
        with path.open("rb") as file:
            try:
                return torch.load(file, map_location="cpu", weights_only=True)
            except Exception as error:  # of many kinds: what is read is whatever bytes there are
                raise damaged(path) from error

    def save(self, t: int, state: dict[str, Any]) -> None:
        """Keep a state of round `t` (tensors, plain containers) in place of an earlier one.

        NumPy's numbers and arrays are kept as Python's numbers and as tensors.

        Raises
        ------
        TypeError
            At the first save of a round, if it holds what could not be loaded again.
        """
        state = plain(state)
        if t not in self._checked:
            if not _loads(state):
                raise _not_kept(state, "")
            self._checked.add(t)
        with whole_file(self.path(t)) as file:
            torch.save(state, file)

    def _refuse_rounds(self) -> None:
        """Nobody knows whose rounds they are when the file that says so is gone."""
        rounds = sorted(self._folder.glob("round-*.pt"))
        if rounds:
            raise ValueError(
                f"folder {str(self._folder)!r} holds {rounds[0].name!r}, but no 'options.json' "
                "that says of which run; accepted is another folder, or delete this one"
            )


def plain(thing: Any) -> Any:
    """Return a thing with Python's numbers and tensors in place of NumPy's numbers and arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook.training.checkpoints import plain
    >>> plain({"lr": np.float64(0.5), "steps": (np.int64(1), None)})
    {'lr': 0.5, 'steps': (1, None)}
    """
    if isinstance(thing, np.generic) or (isinstance(thing, np.ndarray) and thing.ndim == 0):
        return thing.item()
    if isinstance(thing, np.ndarray):
        try:
            return torch.tensor(thing.astype(thing.dtype.newbyteorder("=")))
        except TypeError:  # of objects or texts
            return thing
    if isinstance(thing, dict):
        ours = copy(thing)  # of its class, with the versions that PyTorch keeps beside weights
        ours.clear()
        for name, part in thing.items():
            ours[plain(name)] = plain(part)
        return ours
    if type(thing) in (list, tuple):
        return type(thing)(plain(part) for part in thing)
    return thing


def _loads(thing: Any) -> bool:
    buffer = io.BytesIO()
    try:
        torch.save(thing, buffer)
        buffer.seek(0)
        torch.load(buffer, map_location="cpu", weights_only=True)
    except Exception:  # of many kinds, by whatever class there is
        return False
    return True


def _not_kept(thing: Any, where: str) -> TypeError:
    """Return the error for the first part of a state that could not be loaded again."""
    parts: Any = ()
    if isinstance(thing, dict):
        parts = thing.items()
    elif isinstance(thing, list | tuple):
        parts = enumerate(thing)
    for name, part in parts:
        if not _loads(part):
            return _not_kept(part, f"{where}[{name!r}]" if where else str(name))
    return TypeError(
        f"{where} is {thing!r}, a {type(thing).__name__}, which could not be loaded again from a "
        "folder; accepted are numbers, texts, tensors, and lists, tuples and dictionaries of them"
    )


def damaged(path: Path) -> ValueError:
    """Return the error for a round whose file is not what was written."""
    return ValueError(
        f"{str(path)!r} is damaged, or was not written by this version; delete it, and its round "
        "is trained again"
    )
