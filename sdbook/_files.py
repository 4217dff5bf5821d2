"""Folders of results: files that are written whole or not at all, and the settings they are of."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

__all__ = ["Folder"]

UNFINISHED = ".unfinished"  # how the name of a file ends that has not been written to its end
# What systems and programs leave in any folder, in small letters. Hidden files are .DS_Store,
# ._results.json, .ipynb_checkpoints, .nfs0001, .results.json.swp and such.
LEFT_BEHIND = (
    *(".*", "thumbs.db", "ehthumbs*.db", "desktop.ini", "icon\r", "__macosx", "__pycache__"),
    *("@eadir", "$recycle.bin", "system volume information", "lost+found", f"*{UNFINISHED}"),
)
# How editors name the copy of a file that they keep beside it.
BACKUP = re.compile(r"#(.+)#|(.+?)(?:~|\.bak|\.orig|\.swp|\.tmp)")


class Folder:
    """A folder of results, in which a manifest in JSON can say of which settings they are.

    Messages call the argument `name`, and say by `remedy` what to do about a folder of something
    else. The folder is made when something is written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        name: str = "folder",
        remedy: str = "Use another folder.",
    ) -> None:
        self.path = Path(path)
        self.name = name
        self.remedy = remedy
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{name} must be a folder, got {str(path)!r}, which is a file.")

    def names(self, unlike: str | None = None) -> list[str]:
        """Return what is in the folder, sorted, but not what systems and editors leave unasked.

        Names that the pattern `unlike` matches in full are left out too, and backups of such.
        """

        def counts(name: str) -> bool:
            if any(fnmatchcase(name.lower(), pattern) for pattern in LEFT_BEHIND):
                return False
            backup = BACKUP.fullmatch(name)
            known = [name, *(backup.groups() if backup else ())]
            return not any(unlike and each and re.fullmatch(unlike, each) for each in known)

        there = self.path.iterdir() if self.path.exists() else ()
        return sorted(path.name for path in there if counts(path.name))

    def belongs_to(
        self, settings: Mapping[str, Any], manifest: str, results: str, under: str | None = None
    ) -> bool:
        """Check that the folder is of these settings, and return whether its manifest is there.

        Other settings are refused, naming what differs, and so are files like the pattern
        `results` without a manifest. With `under`, settings are one entry of the manifest.
        """
        if not (self.path / manifest).exists():
            for name in self.names():
                if re.fullmatch(results, name):
                    raise ValueError(
                        f"{self.name} must be new, or have a {manifest!r} that says what its files "
                        f"are of, got {str(self.path)!r} with {name!r} alone. {self.remedy}"
                    )
            return False
        content = self.read_json(manifest, self.remedy)
        there = content if under is None else content.get(under)
        if not isinstance(there, dict):
            raise self.damaged(manifest, self.remedy)
        here = json.loads(json.dumps(dict(settings)))
        other = [
            f"{name} = {there.get(name)!r} (here {here.get(name)!r})"
            for name in {**here, **there}
            if there.get(name) != here.get(name)
        ]
        if other:
            raise ValueError(
                f"{self.name} must be of the same settings, got {str(self.path)!r} of "
                f"{', '.join(other)}. {self.remedy}"
            )
        return True

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file to write that takes its place when all of it has been written.

        It is written beside its place and then moved there, which is one step for the file system:
        at whatever moment the program is killed, what is there is whole.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        beside = self.path / f"{name}.{uuid4().hex}{UNFINISHED}"
        try:
            with beside.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.path / name)
        finally:
            beside.unlink(missing_ok=True)

    def write(self, name: str, content: str | bytes | Mapping[str, Any]) -> None:
        """Write a file, a mapping as JSON."""
        if isinstance(content, Mapping):
            content = json.dumps(dict(content), indent=1, ensure_ascii=False) + "\n"
        with self.writing(name) as file:
            file.write(content.encode() if isinstance(content, str) else content)

    def read_json(self, name: str, remedy: str) -> dict[str, Any]:
        """Return the mapping in a file, or raise `damaged`."""
        try:
            content = json.loads((self.path / name).read_bytes())
        except ValueError:  # no JSON, or no text at all
            content = None
        if not isinstance(content, dict):
            raise self.damaged(name, remedy)
        return content

    def damaged(self, name: str, remedy: str) -> ValueError:
        """Return the error for a file that is not what was written."""
        path = str(self.path / name)
        return ValueError(f"{path!r} is damaged, or was not written by this version. {remedy}")
