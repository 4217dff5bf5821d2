"""Files that are whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

__all__ = ["UNFINISHED", "whole_file"]

UNFINISHED = ".unfinished"
"""How the name of a file ends that has not been written to its end."""


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
