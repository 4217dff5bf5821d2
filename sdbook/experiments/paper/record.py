"""What a folder of results holds, so that no experiment is written over another."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdbook._files import whole_file

__all__ = ["Record"]


class Record:
    """The files of one data set in a folder of results.

    ``DATA.json`` has the settings, and is there as soon as anything has been computed;
    ``DATA.csv`` the gains, ``DATA-lambda.csv`` what λ was chosen from, ``DATA.txt`` the report.

    Parameters
    ----------
    folder : Path
        Made when something is written.
    data : str
        Name of the data set.
    settings : mapping
        All that decides the results, as JSON can hold it.

    Raises
    ------
    ValueError
        If the folder is a file, or holds results of this data set with other settings.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sdbook.experiments.paper.record import Record
    >>> with tempfile.TemporaryDirectory() as name:
    ...     Record(Path(name), "digits", {"seeds": 3}).begin()
    ...     Record(Path(name), "digits", {"seeds": 3})  # goes on
    Record('digits')
    """

    def __init__(self, folder: Path, data: str, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.data = data
        self.settings = dict(settings)
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"out is {str(folder)!r}, which is a file; accepted is a folder")
        if self._results and not self.path(".json").exists():
            raise ValueError(
                f"out has {self._results[0].name}, and no {self.path('.json').name} that says what "
                f"it was made with; {self._ways_out}"
            )
        if self.path(".json").exists():
            self._compare()

    def path(self, ending: str) -> Path:
        """Return where the file with this ending is, or would be."""
        return self.folder / f"{self.data}{ending}"

    def begin(self) -> None:
        """Write the settings, before anything is computed with them."""
        if not self.path(".json").exists():
            self._write(".json", _json({"settings": self.settings}))

    def finish(
        self,
        facts: Mapping[str, Any],
        gains: Sequence[Mapping[str, Any]],
        scores: Sequence[Mapping[str, Any]],
        report: str,
    ) -> None:
        """Write all results; `facts` go beside the settings."""
        self._write(".csv", _csv(gains))
        if scores:
            self._write("-lambda.csv", _csv(scores))
        self._write(".txt", report + "\n")
        self._write(".json", _json({"settings": self.settings, **facts}))

    @property
    def _results(self) -> list[Path]:
        paths = [self.path(ending) for ending in (".csv", "-lambda.csv", ".txt")]
        return [path for path in paths if path.exists()]

    @property
    def _ways_out(self) -> str:
        return (
            "accepted are another --out, the settings that are there (it goes on), or this folder "
            f"once its files {self.data}.* and {self.data}-lambda.csv have been moved away "
            "(finished runs are kept and used)"
        )

    def _compare(self) -> None:
        path = self.path(".json")
        try:
            there = json.loads(path.read_text(encoding="utf-8"))["settings"]
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
            there = None
        if not isinstance(there, dict):
            raise ValueError(f"{str(path)!r} does not say its settings; {self._ways_out}")
        asked = json.loads(_json(self.settings))
        other = [
            f"{name} {_shown(there.get(name))} and not {_shown(asked.get(name))}"
            for name in {**asked, **there}
            if there.get(name) != asked.get(name)
        ]
        if other:
            raise ValueError(
                f"out is {str(self.folder)!r}, which has results for {self.data} with "
                f"{', '.join(other)}; {self._ways_out}"
            )

    def _write(self, ending: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self.path(ending)) as file:
            file.write(text.encode())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data!r})"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "not given" if value is None else str(value)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _csv(records: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
