"""Folders of results: files that are whole or not there at all, and whose they are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO
from uuid import uuid4

__all__ = ["UNFINISHED", "strangers", "whole_file"]

UNFINISHED = ".unfinished"
"""How the name of a file ends that has not been written to its end."""

LEFT_BEHIND = (
    ".*",  # hidden: .DS_Store, ._results.json, .ipynb_checkpoints, .nfs0001, .results.json.swp
    "thumbs.db",
    "ehthumbs*.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "__pycache__",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    f"*{UNFINISHED}",
)
"""What systems and programs leave in any folder, in small letters."""

BACKUP = re.compile(r"#(.+)#|(.+?)(?:~|\.bak|\.orig|\.swp|\.tmp)")
"""How editors name the copy of a file that they keep beside it."""


def strangers(folder: Path, known: Callable[[str], bool]) -> list[str]:
    """Return what somebody has put into a folder of results.

    Not what systems, file managers and editors leave there unasked, such as ``.DS_Store``: whoever
    only looks into the folder must be able to go on. Nor what a killed program had not written to
    its end.

    Parameters
    ----------
    folder : Path
        Nothing is in it if it does not exist.
    known : callable
        Whether a name is that of a result.

    Returns
    -------
    list of str
        The names, sorted.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sdbook._files import strangers
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in (".DS_Store", "a.json", "a.json~", "thesis.docx"):
    ...         (Path(folder) / name).touch()
    ...     strangers(Path(folder), lambda name: name.endswith(".json"))
    ['thesis.docx']
    """

    def expected(name: str) -> bool:
        backup = BACKUP.fullmatch(name)
        return (
            known(name)
            or any(fnmatchcase(name.lower(), pattern) for pattern in LEFT_BEHIND)
            or (backup is not None and known(backup[1] or backup[2]))
        )

    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    return [name for name in names if not expected(name)]


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write that takes its place when all of it has been written.

    It is written beside its place and then moved there, which is one step for the file system: at
    whatever moment the program is killed, what is there is whole.

    Parameters
    ----------
    path : Path
        In a folder that is there.

    Yields
    ------
    binary file

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sdbook._files import whole_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.txt"
    ...     with whole_file(path) as file:
    ...         _ = file.write(b"one line")
    ...         before = path.exists()
    ...     before, path.read_text()
    (False, 'one line')
    """
    beside = path.with_name(f"{path.name}.{uuid4().hex}{UNFINISHED}")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
