"""Work that can be interrupted: what was finished is read, the rest is done and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tqdm.auto import tqdm

from sdbook._files import Folder
from sdbook._fingerprint import fingerprint

__all__ = ["resume"]

FORMAT = "sdbook sweep, 1"


def resume(
    settings: Mapping[str, Mapping[str, Any]],
    compute: Callable[[list[str]], Iterable[tuple[str, dict[str, Any]]]],
    folder: str | os.PathLike[str] | None,
    *,
    name: str,
    unit: str,
    progress: bool,
) -> dict[str, dict[str, Any]]:
    """Return all outcomes, computing those that are not kept in the folder.

    Parameters
    ----------
    settings : mapping of str to mapping
        What is wanted, by keys that `sdbook._fingerprint` makes from all that decides an outcome.
        The settings are for people who open the files.
    compute : callable
        Takes the keys that are missing, and yields keys and outcomes in any order. Each outcome
        is kept at once.
    folder : path or None
        Where outcomes are kept, each in a file of its own that is whole or not there, whenever the
        program is killed. Several programs may share a folder. Without one nothing is kept.
    name, unit : str
        What the progress bar says.
    progress : bool
        Show one.

    Returns
    -------
    dict of str to dict
        Outcomes by their keys.

    Raises
    ------
    ValueError
        If a file in the folder is not what was written, or there is anything else in it, apart
        from what systems and editors leave in any folder.

    Examples
    --------
    >>> import tempfile
    >>> from sdbook.experiments.sweeps import resume
    >>> def square(keys):
    ...     print("computing", len(keys))
    ...     for key in keys:
    ...         yield key, {"square": int(key) ** 2}
    >>> wanted = {f"{number:032}": {"number": number} for number in (2, 3)}
    >>> bar = {"name": "squares", "unit": "number", "progress": False}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = resume(dict([*wanted.items()][:1]), square, folder, **bar)
    ...     [outcome["square"] for outcome in resume(wanted, square, folder, **bar).values()]
    computing 1
    computing 1
    [4, 9]
    """
    files = None if folder is None else Folder(folder)
    outcomes = {} if files is None else _kept(files, settings)
    missing = [key for key in settings if key not in outcomes]
    with tqdm(
        desc=name, unit=unit, total=len(settings), initial=len(outcomes), disable=not progress
    ) as bar:
        for key, outcome in compute(missing) if missing else ():
            if files is not None:
                content = {"setting": dict(settings[key]), "outcome": outcome}
                files.write(f"{key}.json", _stamp(key, outcome) | content)
            outcomes[key] = outcome
            bar.update()
    return outcomes


def _kept(files: Folder, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the outcomes that are in a folder."""
    remedy = "Delete it, and its run is computed again."
    for other in files.names(unlike=r"[0-9a-f]{32}\.json"):
        raise ValueError(
            f"folder must hold nothing but finished runs, got {str(files.path)!r} with {other!r}, "
            "which no sweep has written. Use a new folder."
        )
    files.path.mkdir(parents=True, exist_ok=True)
    outcomes: dict[str, dict[str, Any]] = {}
    for key in keys:
        if (files.path / f"{key}.json").exists():
            content = files.read_json(f"{key}.json", remedy)
            outcomes[key] = content.get("outcome", {})
            if not _stamp(key, outcomes[key]).items() <= content.items():
                raise files.damaged(f"{key}.json", remedy)
    return outcomes


def _stamp(key: str, outcome: dict[str, Any]) -> dict[str, str]:
    """Return by what a file is known to be whole, and in its place."""
    return {"format": FORMAT, "key": key, "check": fingerprint(key, outcome)}
