"""Giving computed values names by which the text of a chapter quotes them."""

from __future__ import annotations

from typing import Any

from IPython.display import display

__all__ = ["glue"]

PREFIX = "application/papermill.record/"
"""How MyST-NB, which builds the book, knows a value that is not shown where it is computed."""


def glue(name: str, value: Any) -> None:
    """Give a value a name by which the text quotes it: ``{glue:text}`name```.

    It does what ``myst_nb.glue`` does with ``display=False``, without that library. With the value
    goes an empty text. Programs that do not know this kind of value show the empty text, where they
    would otherwise say "data type cannot be displayed".

    Parameters
    ----------
    name : str
    value : object
        What the text says, most often a str; its ``repr`` is stored.

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
