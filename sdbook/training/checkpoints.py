"""What survives a kill: each round as it was after its last whole epoch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from sdbook._files import whole_file

__all__ = ["Checkpoints", "damaged"]


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
        """Keep a state of round `t` (tensors, plain containers) in place of an earlier one."""
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


def damaged(path: Path) -> ValueError:
    """Return the error for a round whose file is not what was written."""
    return ValueError(
        f"{str(path)!r} is damaged, or was not written by this version; delete it, and its round "
        "is trained again"
    )
