"""Work that can be interrupted: what was finished is read, the rest is done and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tqdm.auto import tqdm

from sdbook.sweeps.store import Store

__all__ = ["resume"]


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
        What is wanted, by keys that are made from all that decides an outcome (`fingerprint`).
        The settings are for people who open the files.
    compute : callable
        Takes the keys that are missing, and yields keys and outcomes in any order. Each outcome
        is kept at once.
    folder : path or None
        Of a `Store`; without one nothing is kept.
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
        If a file in the folder is not what was written.

    Examples
    --------
    >>> import tempfile
    >>> from sdbook.sweeps import resume
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
    store = None if folder is None else Store(folder)
    kept = {key: None if store is None else store.load(key) for key in settings}
    outcomes = {key: outcome for key, outcome in kept.items() if outcome is not None}
    missing = [key for key in settings if key not in outcomes]
    with tqdm(
        desc=name, unit=unit, total=len(settings), initial=len(outcomes), disable=not progress
    ) as bar:
        for key, outcome in compute(missing) if missing else ():
            if store is not None:
                store.save(key, settings[key], outcome)
            outcomes[key] = outcome
            bar.update()
    return outcomes
