"""What a folder of results holds, so that no experiment is written over another."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdbook._files import Folder

__all__ = ["Record"]


class Record:
    """The files of one data set in a folder of results.

    ``DATA.json`` has the settings, and is there as soon as anything has been computed;
    ``DATA.csv`` the gains, ``DATA-lambda.csv`` what λ was chosen from, ``DATA.txt`` the report.

    A folder that is a file is refused, and one with results of this data set and other settings.
    """

    def __init__(self, folder: Path, data: str, settings: Mapping[str, Any]) -> None:
        self._data = data
        self._settings = dict(settings)
        self._folder = Folder(
            folder,
            "out",
            "Use another --out, the settings that are there (it goes on), or this folder once its "
            f"files {data}.* and {data}-lambda.csv have been moved away (finished runs are kept "
            "and used).",
        )
        results = rf"{data}(\.csv|-lambda\.csv|\.txt)"
        self._begun = self._folder.belongs_to(settings, f"{data}.json", results, under="settings")

    def begin(self) -> None:
        """Write the settings, before anything is computed with them."""
        if not self._begun:
            self._folder.write(f"{self._data}.json", {"settings": self._settings})

    def finish(
        self,
        facts: Mapping[str, Any],
        gains: Sequence[Mapping[str, Any]],
        scores: Sequence[Mapping[str, Any]],
        report: str,
    ) -> None:
        """Write all results; `facts` go beside the settings."""
        self._folder.write(f"{self._data}.csv", _csv(gains))
        if scores:
            self._folder.write(f"{self._data}-lambda.csv", _csv(scores))
        self._folder.write(f"{self._data}.txt", report + "\n")
        self._folder.write(f"{self._data}.json", {"settings": self._settings, **facts})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._data!r})"


def _csv(records: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
