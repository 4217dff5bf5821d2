"""What survives a kill: each round as it was after its last whole epoch."""

from __future__ import annotations

import io
import os
from typing import Any

import torch

from sdbook._files import Folder

__all__ = ["Checkpoints"]


class Checkpoints:
    """The files of one run in a folder that belongs to its options; other files are left alone."""

    def __init__(self, folder: str | os.PathLike[str], options: dict[str, Any]) -> None:
        self._folder = Folder(folder, remedy="Use the same options, or another folder.")
        self._checked: set[int] = set()
        if not self._folder.belongs_to(options, "options.json", results=r"round-\d+\.pt"):
            self._folder.write("options.json", options)

    def load(self, t: int) -> Any:
        """Return the state of round `t` after its last whole epoch, or None."""
        path = self._folder.path / _name(t)
        if not path.exists():
            return None
        with path.open("rb") as file:
            try:
                return torch.load(file, map_location="cpu", weights_only=True)
            except Exception as error:  # of many kinds: what is read is whatever bytes there are
                raise self.damaged(t) from error

    def save(self, t: int, state: dict[str, Any]) -> None:
        """Keep a state of round `t` (tensors, plain containers) in place of an earlier one.

        What could not be loaded again is refused at the first save of a round.
        """
        if t not in self._checked and not _loads(state):
            raise _not_kept(state, "")
        self._checked.add(t)
        with self._folder.writing(_name(t)) as file:
            torch.save(state, file)

    def damaged(self, t: int) -> ValueError:
        """Return the error for a round whose file is not what was written."""
        return self._folder.damaged(_name(t), "Delete it, and its round is trained again.")

    def refused(self, t: int, another: str) -> ValueError:
        """Return the error for a round that is not the one that it should be."""
        path = str(self._folder.path / _name(t))
        return ValueError(
            f"folder must hold rounds of the same run, got {path!r} of a round {t} with another "
            f"{another}. Use the same make_module, inputs, loss and refinement, or another folder."
        )


def _name(t: int) -> str:
    return f"round-{t:03d}.pt"


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
    parts: Any = enumerate(thing) if isinstance(thing, list | tuple) else ()
    for name, part in thing.items() if isinstance(thing, dict) else parts:
        if not _loads(part):
            return _not_kept(part, f"{where}[{name!r}]" if where else str(name))
    return TypeError(
        f"{where} must be made of numbers, texts, tensors, lists, tuples and dictionaries to be "
        f"loaded again from a folder, got {thing!r}, a {type(thing).__name__}."
    )
