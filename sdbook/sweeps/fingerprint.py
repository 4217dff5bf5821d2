"""A short name for the content of things: equal settings have equal fingerprints, in any process.

Python's own `hash` differs from process to process, and pickles of functions depend on where they
were written. Here a function or class of the reader's is what it does: its instructions, its
constants, and what it takes from around it, as far as that is the reader's as well. What is
installed is its name and the version of its library.

Instructions differ from one version of Python to the next. So the fingerprint of a function or
class of the reader's is the same in any process of one version only.
"""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import inspect
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import is_torch_array

__all__ = ["fingerprint"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
_PLAIN_OF_NUMPY = (np.bool_, np.float64, np.complex128, np.str_, np.bytes_)
_ROWS_AT_ONCE = 4096  # of an array that may be larger than memory
_SLOTS = (
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
# What holds functions in classes, and where.
_HOLDERS: dict[type, tuple[str, ...]] = {
    property: ("fget", "fset", "fdel"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    functools.cached_property: ("func",),
    functools.singledispatchmethod: ("dispatcher",),
}
# What Python keeps in a class about where it was written and how it was used, not what it does.
_ABOUT_CLASSES = {
    *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__slotnames__"),
    *("__annotations__", "__annotations_cache__", "__annotate__", "__annotate_func__"),
    *("__firstlineno__", "__static_attributes__", "__conditional_annotations__", "_abc_impl"),
}
_PACKAGE = __name__.partition(".")[0]


def fingerprint(*things: Any) -> str:
    """Return 32 hexadecimal digits that stand for the content of some things.

    Parameters
    ----------
    *things
        Numbers, texts, arrays, lists, mappings, functions, classes, and objects that can be
        pickled.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If the content of a thing, or of anything that it uses, cannot be told, as that of an open
        file.

    Notes
    -----
    *Functions and classes of the reader's* count with their code; with the code of all functions,
    methods and base classes of the reader's that they call; and with the values that they read, as
    they are now: defaults, attributes, variables around them and in modules of the reader's. What
    a `functools.cache` remembers does not count.

    *What is installed* (Python's own modules, and libraries that are not installed as editable)
    counts with its name and the version of its library. This package counts with its names alone.

    *What cannot be seen* is what a function reads from files or from the network, and what it
    looks up by names that it makes up while it runs. A compiled function is its name.

    Examples
    --------
    >>> from sdbook import refine
    >>> from sdbook.sweeps import fingerprint
    >>> fingerprint(refine.top_k(2)) == fingerprint(refine.top_k(2))
    True
    >>> fingerprint(refine.top_k(2)) == fingerprint(refine.top_k(3))
    False
    """
    return _Pieces(things).fingerprint()


class _Piece(NamedTuple):
    """Something to describe."""

    thing: Any
    where: str  # for error messages
    names: frozenset[str] | None  # of a module: those that are read in it, or None for all


class _Pieces:
    """What things are made of, piece by piece.

    A piece is described by texts and by the numbers of other pieces, so that pieces can contain
    each other, as functions do that call each other.
    """

    def __init__(self, things: Any) -> None:
        self.pieces: list[_Piece] = []  # kept until the end: no two of them have the same id
        self.numbers: dict[tuple[int, frozenset[str] | None], int] = {}
        self.descriptions: list[list[bytes | int]] = []
        self.unordered: set[int] = set()
        self.description: list[bytes | int] = []
        self.feed(things)
        while len(self.descriptions) < len(self.pieces):
            piece = self.pieces[len(self.descriptions)]
            self.description = []
            self.describe(*piece)
            self.descriptions.append(self.description)

    def fingerprint(self) -> str:
        """Return a digest that depends on what the pieces are, and not on how they are numbered.

        Each piece is named by its texts and the names that its parts had in the round before,
        until a round tells no more pieces apart than the last one did. Two that are alike have the
        same name, even if they contain themselves.
        """
        names, told_apart = [b""] * len(self.pieces), 0
        while len(set(names)) > told_apart:
            told_apart = len(set(names))
            names = [self.name(number, names) for number in range(len(names))]
        return _digest([names[0], *sorted(set(names))]).hex()

    def name(self, number: int, names: list[bytes]) -> bytes:
        parts = [
            b"=" + part if isinstance(part, bytes) else b">" + names[part]
            for part in self.descriptions[number]
        ]
        return _digest(sorted(parts) if number in self.unordered else parts)

    # --- describing the piece at hand ------------------------------------------------------------

    def text(self, *parts: object) -> None:
        encoded = [str(part).encode(errors="surrogatepass") for part in parts]
        self.description.append(b"".join(b"%d:%b" % (len(part), part) for part in encoded))

    def feed(self, thing: Any, where: str = "", names: frozenset[str] | None = None) -> None:
        """Add a part: what is plain with its kind, so that 1 and "1" differ, else as a piece."""
        if isinstance(thing, _PLAIN_OF_NUMPY):
            thing = thing.item()
        if type(thing) in _PLAIN:
            self.text(type(thing).__name__, repr(thing))
        elif type(thing) in (np.ndarray, np.memmap) and thing.dtype.kind in "biufcUS":
            self.description.append(_array(thing))
        else:
            key = (id(thing), names if isinstance(thing, ModuleType) else None)
            if key not in self.numbers:
                self.numbers[key] = len(self.pieces)
                self.pieces.append(_Piece(thing, where, key[1]))
            self.description.append(self.numbers[key])

    def all(self, things: Iterable[Any], where: str = "") -> None:
        for thing in things:
            self.feed(thing, where)

    def describe(self, thing: Any, where: str, names: frozenset[str] | None) -> None:
        if type(thing) in (list, tuple):
            self.text("sequence")
            self.all(thing, where)
        elif type(thing) in (set, frozenset):
            self.text("set")
            self.all(thing, where)
            self.unordered.add(len(self.descriptions))
        elif type(thing) in (dict, MappingProxyType):
            self.text("mapping")
            self.all((part for item in thing.items() for part in item), where)
        elif isinstance(thing, ModuleType):
            self.module(thing, names)
        elif isinstance(thing, type):
            self.class_(thing)
        elif isinstance(thing, FunctionType):
            self.function(thing)
        elif isinstance(thing, CodeType):
            self.code(thing)
        elif isinstance(thing, MethodType):
            self.text("method")
            self.all((thing.__func__, thing.__self__), where)
        elif isinstance(thing, BuiltinFunctionType | MethodWrapperType):
            self.built_in(thing, where)
        elif isinstance(thing, _SLOTS):
            self.text("slot", thing.__name__)
            self.feed(thing.__objclass__, where)
        elif isinstance(thing, tuple(_HOLDERS)):
            self.holder(thing, where)
        elif is_torch_array(thing):
            self.text("tensor", thing.dtype)
            self.feed(thing.detach().cpu().numpy(), where)
        else:
            self.object(thing, where)

    def module(self, module: ModuleType, names: frozenset[str] | None) -> None:
        self.text("module", module.__name__, _version(module.__name__))
        if _installed(module.__name__):
            return
        around = vars(module)
        own = {name for name in around if not name.startswith("__")}
        for name in sorted(own if names is None else names & around.keys()):
            self.text(name)
            self.feed(around[name], f" (variable {name!r} of the module {module.__name__})", names)

    def class_(self, kind: type) -> None:
        self.text("class", kind.__qualname__)
        if _installed(kind.__module__) and _is_at(kind, kind.__module__, kind.__qualname__):
            self.text(kind.__module__, _version(kind.__module__))
            return
        self.all((type(kind), kind.__bases__))
        for name, value in sorted(vars(kind).items()):
            if name not in _ABOUT_CLASSES:
                self.text(name)
                self.feed(value, f" (attribute {name!r} of the class {kind.__qualname__})")

    def function(self, function: FunctionType) -> None:
        self.text("function")
        module, around = function.__module__, function.__globals__
        if _installed(module) and _is_at(function, module, function.__qualname__):
            self.text(module, function.__qualname__, _version(module))
            return
        if isinstance(registry := getattr(function, "registry", None), MappingProxyType):
            self.feed(set(registry.items()))  # of `functools.singledispatch`, without its cache
            return
        where = f" (used by the function {function.__qualname__})"
        names: frozenset[str] | None = None
        if _installed(home := around.get("__name__")):
            self.text(home, function.__code__.co_qualname, _version(home))
        else:
            self.feed(function.__code__)
            names = frozenset(_names(function.__code__))
            for name in sorted(_global_names(function.__code__)):
                if name in around:
                    self.text(name)
                    self.feed(
                        around[name], f" ({name!r}, which {function.__qualname__} uses)", names
                    )
            for arguments in _imports(function.__code__):
                self.feed(_imported(around, *arguments), where, names)
            self.feed(vars(function), where)
        self.all((function.__defaults__, function.__kwdefaults__), where)
        for cell in function.__closure__ or ():
            try:
                self.feed(cell.cell_contents, where, names)
            except ValueError:
                self.text("empty")

    def code(self, code: CodeType) -> None:
        self.text("code", sys.implementation.cache_tag)
        self.text(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
        self.text(code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS))
        self.all((code.co_code, code.co_exceptiontable, code.co_consts))
        self.all((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))

    def built_in(self, function: Any, where: str) -> None:
        self.text("built in", function.__qualname__)
        if function.__self__ is None or isinstance(function.__self__, ModuleType):
            self.text(function.__module__, _version(function.__module__))
        else:
            self.feed(function.__self__, where)

    def holder(self, thing: Any, where: str) -> None:
        self.text("holder")
        self.feed(type(thing), where)
        for kind, attributes in _HOLDERS.items():
            if isinstance(thing, kind):
                self.all((getattr(thing, name) for name in attributes), where)

    def object(self, thing: Any, where: str) -> None:
        """Anything else is its class, and what `pickle` would need to make it again."""
        kind = type(thing)
        home = kind.__module__
        if _installed(home) and home != "builtins":  # a variable of a library: scipy.stats.norm
            for name, value in _variables(home).items():
                if value is thing:
                    self.text("named", home, name, _version(home))
                    return
        try:
            reduce = copyreg.dispatch_table.get(kind)
            reduced = thing.__reduce_ex__(4) if reduce is None else reduce(thing)
        except Exception as error:  # whatever a class of the reader's raises
            raise _untold(thing, where) from error
        self.text("object")
        self.feed(kind, where)
        if isinstance(reduced, str):
            self.named(thing, reduced, where)
            return
        inside = f" (part of {where.strip(' ()') or kind.__qualname__})"
        make, arguments, *content = reduced
        if content and isinstance(content[0], dict):  # without what cached properties remember
            content[0] = {
                name: value
                for name, value in content[0].items()
                if not isinstance(
                    inspect.getattr_static(kind, name, None), functools.cached_property
                )
            } or None
        self.all((make, arguments), inside)
        self.all((list(part) if isinstance(part, Iterator) else part for part in content), inside)

    def named(self, thing: Any, name: str, where: str) -> None:
        """Something for which a pickle has only a name."""
        module = getattr(thing, "__module__", None)
        there = _is_at(thing, module, name)
        if hasattr(thing, "__wrapped__") and not (there and _installed(module)):
            self.feed(thing.__wrapped__, where)  # by `functools.cache`
        elif there or (module is None and _is_anywhere(thing, name)):
            self.text(module, name, _version(module))
            if not _installed(module):
                self.feed(getattr(thing, "__dict__", None), where)
        else:
            raise _untold(thing, where)


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


def _array(array: np.ndarray[Any, Any]) -> bytes:
    digest = hashlib.blake2b(f"array {array.dtype.str} {array.shape} ".encode(), digest_size=16)
    rows = np.atleast_1d(array)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        digest.update(np.ascontiguousarray(rows[start : start + _ROWS_AT_ONCE]).data)
    return digest.digest()


def _untold(thing: Any, where: str) -> TypeError:
    return TypeError(
        f"{thing!r}{where} is a {type(thing).__name__}, whose content cannot be told; accepted "
        "are numbers, texts, arrays, functions, and objects made of them"
    )


# --- what a function looks up while it runs ------------------------------------------------------


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function, and that of all functions and classes inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _global_names(code: CodeType) -> set[str]:
    reading = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
    found = {
        step.argval
        for each in _codes(code)
        for step in dis.get_instructions(each)
        if step.opname in reading
    }
    return found | _names(code) if "globals" in found else found


def _names(code: CodeType) -> set[str]:
    """Return all names that occur, attributes among them, also in quotes as for `getattr`."""
    codes = list(_codes(code))
    quoted = {text for each in codes for text in each.co_consts if isinstance(text, str)}
    return quoted.union(*(each.co_names for each in codes))


def _imports(code: CodeType) -> Iterator[tuple[str, Any, int]]:
    """Yield what is imported inside a function: module, names, and how many dots before them."""
    for each in _codes(code):
        steps = [step for step in dis.get_instructions(each) if step.opname != "EXTENDED_ARG"]
        for i, step in enumerate(steps):
            if step.opname == "IMPORT_NAME":
                yield step.argval, steps[i - 1].argval, steps[i - 2].argval


def _imported(around: dict[str, Any], name: str, names: Any, dots: int) -> ModuleType | None:
    try:
        return __import__(name, around, None, names or (), dots)
    except ImportError:
        return None


# --- whose something is ---------------------------------------------------------------------------


def _installed(module: Any) -> bool:
    """Return whether a module is this package's, Python's own, or of an installed library.

    By its name, which is not a text where someone's `__module__` is something else.
    """
    if not isinstance(module, str) or module == "__main__":  # which `python -m` fills otherwise
        return False
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    if top == _PACKAGE or file is None:
        return top == _PACKAGE or top in sys.stdlib_module_names
    return _is_of_a_library(Path(file))


@functools.cache
def _is_of_a_library(file: Path) -> bool:
    """Return whether a file is Python's own, or was installed, into whatever folder."""
    own = {os.path.dirname(os.__file__), *map(sysconfig.get_path, ("stdlib", "platstdlib"))}
    return any(
        str(folder) in own
        or folder.name in ("site-packages", "dist-packages")
        or file.relative_to(folder).parts[0] in _installed_into(folder)
        for folder in file.parents
    )


@functools.cache
def _installed_into(folder: Path) -> set[str]:
    """Return the packages and modules that pip says it has put there."""
    records = folder.glob("*.dist-info/RECORD")
    lines = [line for record in records for line in record.read_text("utf-8").splitlines()]
    return {line.partition(",")[0].partition("/")[0] for line in lines}


def _version(module: Any) -> str:
    """Return that of a library; the results of this package have one of their own."""
    top = module.partition(".")[0] if isinstance(module, str) else ""
    return "" if top == _PACKAGE else str(getattr(sys.modules.get(top), "__version__", ""))


def _variables(module: Any) -> dict[str, Any]:
    """Return what a module has by name, without what it would make when asked for it."""
    return getattr(sys.modules.get(module) if isinstance(module, str) else None, "__dict__", {})


def _is_at(thing: Any, module: Any, name: str) -> bool:
    """Return whether something is what a module has under a name."""
    first, *others = name.split(".")
    found = _variables(module).get(first)
    for part in others:
        found = getattr(found, "__dict__", {}).get(part)
    return found is thing


def _is_anywhere(thing: Any, name: str) -> bool:
    """Return the same for what does not know its module, as SciPy's special functions."""
    return any(_is_at(thing, module, name) for module in [*sys.modules])
