"""Numbers that a cell computes for the text of a chapter."""

from __future__ import annotations

from typing import Any

from IPython.display import display

__all__ = ["glue"]

PREFIX = "application/papermill.record/"
"""How MyST-NB, which builds the book, knows a value that is not shown where it is computed."""


def glue(name: str, value: Any) -> None:
    """Give a value a name by which the text quotes it: ``{glue:text}`name```.

    As ``myst_nb.glue`` with ``display=False``, without that library. Beside the value stands an
    empty text, which is what programs show that do not know values without a face: they would
    say "data type cannot be displayed".

    Parameters
    ----------
    name : str
    value : object
        What the text says, most often a str.

    Examples
    --------
    >>> from sdbook.book.glue import glue
    >>> glue("share", "12.3%")  # outside a notebook: what a notebook would store
    {'application/papermill.record/text/plain': "'12.3%'", 'text/plain': ''}
    """
    data = {f"{PREFIX}text/plain": repr(value), "text/plain": ""}
    display(  # type: ignore[no-untyped-call]
        data, raw=True, metadata={"scrapbook": {"name": name, "mime_prefix": PREFIX}}
    )
