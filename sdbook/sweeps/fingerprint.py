"""A short name for the content of things: equal settings have equal fingerprints, in any process.

Python's own `hash` differs from process to process, and pickles of functions depend on where they
were written. Here a function of the reader's is what it does: its instructions, its constants, and
the values that it takes from around it. One of this package's is its name and those values.
"""

from __future__ import annotations

import dis
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

__all__ = ["fingerprint"]

_PLAIN = (bool, int, float, complex, str, bytes, slice, range)
_ROWS_AT_ONCE = 4096  # of an array that may be larger than memory


def fingerprint(*things: Any) -> str:
    """Return 32 hexadecimal digits that stand for the content of some things.

    Parameters
    ----------
    *things
        Numbers, texts, arrays, lists, mappings, functions, and objects that can be pickled.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If the content of a thing cannot be told, as that of an open file.

    Examples
    --------
    >>> from sdbook import refine
    >>> from sdbook.sweeps import fingerprint
    >>> fingerprint(refine.top_k(2)) == fingerprint(refine.top_k(2))
    True
    >>> fingerprint(refine.top_k(2)) == fingerprint(refine.top_k(3))
    False
    """
    hasher = _Hasher()
    for thing in things:
        hasher.feed(thing)
    return hasher.digest.hexdigest()


class _Hasher:
    """Feeds things into one digest, each with its kind, so that 1 and "1" differ."""

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=16)
        self.open: list[int] = []  # functions that are being described: they may call each other

    def text(self, *parts: object) -> None:
        for part in parts:
            encoded = str(part).encode()
            self.digest.update(f"{len(encoded)}:".encode() + encoded)

    def feed(self, thing: Any) -> None:
        if isinstance(thing, np.generic):
            thing = thing.item()
        if thing is None or thing is ... or isinstance(thing, _PLAIN):
            self.text(type(thing).__name__, repr(thing))
        elif isinstance(thing, np.ndarray) and thing.dtype.kind in "biufcUS":
            self.array(thing)
        elif isinstance(thing, list | tuple):
            self.text("sequence", len(thing))
            self.all(thing)
        elif isinstance(thing, frozenset | set):
            self.text("set", *sorted(fingerprint(item) for item in thing))
        elif isinstance(thing, Mapping):
            self.text("mapping", len(thing))
            self.all(part for item in thing.items() for part in item)
        elif isinstance(thing, FunctionType):
            self.function(thing)
        elif isinstance(thing, functools.partial):
            self.text("partial")
            self.all((thing.func, thing.args, thing.keywords))
        elif isinstance(thing, MethodType):
            self.text("method")
            self.all((thing.__func__, thing.__self__))
        elif isinstance(thing, CodeType):
            self.code(thing)
        elif isinstance(thing, ModuleType):
            self.text("module", thing.__name__)
        elif isinstance(thing, type | BuiltinFunctionType | np.ufunc):
            self.text("named", getattr(thing, "__module__", None), thing.__qualname__)
        else:
            self.object(thing)

    def all(self, things: Iterable[Any]) -> None:
        for thing in things:
            self.feed(thing)

    def array(self, array: np.ndarray[Any, Any]) -> None:
        self.text("array", array.dtype.str, array.shape)
        rows = np.atleast_1d(array)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            self.digest.update(np.ascontiguousarray(rows[start : start + _ROWS_AT_ONCE]).data)

    def function(self, function: FunctionType) -> None:
        self.text("function", function.__qualname__.rpartition(".")[2])
        if id(function) in self.open:
            return
        self.open.append(id(function))
        if function.__module__.partition(".")[0] == __package__.partition(".")[0]:
            self.text(function.__module__, function.__qualname__)
        else:
            self.code(function.__code__)
            around = function.__globals__
            self.all((name, around[name]) for name in _globals(function.__code__) if name in around)
        self.all((function.__defaults__, function.__kwdefaults__))
        self.all(cell.cell_contents for cell in function.__closure__ or ())
        self.open.pop()

    def code(self, code: CodeType) -> None:
        self.text("code")
        self.all((code.co_code, code.co_consts, code.co_names, code.co_varnames))

    def object(self, thing: Any) -> None:
        """Anything else is what `pickle` would need to make it again."""
        try:
            make, arguments, *content = thing.__reduce_ex__(4)
        except (TypeError, ValueError):
            raise TypeError(
                f"{thing!r} is a {type(thing).__name__}, whose content cannot be told; accepted "
                "are numbers, texts, arrays, functions, and objects made of them"
            ) from None
        self.text("object", make.__module__, make.__qualname__)
        self.feed(arguments)
        self.all(list(part) if isinstance(part, Iterator) else part for part in content)


def _globals(code: CodeType) -> list[str]:
    """Names that a function looks up outside itself, its inner functions' among them."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= set(_globals(constant))
    return sorted(names)
