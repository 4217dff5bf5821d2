"""Fingerprints: a short name for the content of things, the same in any process.

Python's own `hash` differs from process to process, and pickles of functions depend on where they
were written. Here a function or class of the reader's is its instructions, its constants, and what
it takes from around it. What is installed is its name and its version. Instructions, and so the
fingerprints of functions and classes, differ from one version of Python to the next.
"""

from __future__ import annotations

import contextlib
import copyreg
import dis
import functools
import hashlib
import inspect
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from array_api_compat import array_namespace, is_torch_array

__all__ = ["fingerprint"]

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
PLAIN_OF_NUMPY = (np.bool_, np.float64, np.complex128, np.str_, np.bytes_)
ROWS_AT_ONCE = 4096  # of an array that may be larger than memory
# Of instructions, what does not say where they were written.
CODE = ["argcount", "posonlyargcount", "kwonlyargcount", "code", "exceptiontable", "consts"]
CODE += ["names", "varnames", "freevars", "cellvars"]
# What holds functions in classes, or remembers what they returned; and where it holds them.
HOLDERS: tuple[type, ...] = (property, staticmethod, classmethod, type(functools.cache(len)))
HOLDERS += (functools.cached_property, functools.singledispatchmethod)
HELD = ("fget", "fset", "fdel", "func", "dispatcher", "__wrapped__")
# What Python keeps in a class about where it was written and how it was used, not what it does.
ABOUT_CLASSES = {
    *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__slotnames__"),
    *("__annotations__", "__annotations_cache__", "__annotate__", "__annotate_func__"),
    *("__firstlineno__", "__static_attributes__", "__conditional_annotations__", "_abc_impl"),
}
PACKAGE = __name__.partition(".")[0]
Parts: TypeAlias = list[Any]
Values: TypeAlias = Mapping[str, Any]
Codes: TypeAlias = Iterable[CodeType]
Names: TypeAlias = frozenset[str] | None  # that are read in a module; None for all


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
    *Numbers* count with their kind (1 is not 1.0), and *mappings* with their order.

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
    >>> from sdbook._fingerprint import fingerprint
    >>> fingerprint(refine.top_k(2)) == fingerprint(refine.top_k(2))
    True
    >>> fingerprint(refine.top_k(2)) == fingerprint(refine.top_k(3))
    False
    """
    return Contents().fingerprint(things)


class Piece(NamedTuple):
    """A thing, where it is (for messages), and of a module what is read in it."""

    thing: Any
    where: str = ""
    names: Names = None


class Contents:
    """What things are made of.

    A piece is described by its parts: by digests of plain ones and by the numbers of other pieces,
    so that pieces can contain each other, as functions do that call each other.
    """

    def fingerprint(self, things: Any) -> str:
        """Return a digest that depends on what the pieces are, and not on how they are numbered.

        Each piece is named by the names that its parts had in the round before, until a round tells
        no more pieces apart than the last one did. Two that are alike have the same name, even if
        they contain themselves.
        """
        pieces = [Piece(things)]  # kept until the end: no two have the same id
        numbers: dict[Any, int] = {}
        descriptions: list[list[bytes | int]] = []
        for piece in pieces:  # grows
            description: list[bytes | int] = []
            for each in self.parts(piece):
                part = each if isinstance(each, Piece) else Piece(each, piece.where)
                plain = _plain(part.thing)
                if plain is None:
                    key = id(part.thing), isinstance(part.thing, ModuleType) and part.names
                    if key not in numbers:
                        numbers[key] = len(pieces)
                        pieces.append(part)
                description.append(numbers[key] if plain is None else plain)
            descriptions.append(description)
        names, told_apart = [b""] * len(pieces), 0
        while len(set(names)) > told_apart:
            told_apart = len(set(names))
            named = [[p if isinstance(p, bytes) else names[p] for p in d] for d in descriptions]
            names = [_digest(sorted(d) if d[0] == SET else d) for d in named]
        return _digest([names[0], *sorted(set(names))]).hex()

    def parts(self, piece: Piece) -> Parts:
        """Return what a piece is, in a word, and all that it is made of."""
        thing, where, names = piece
        if type(thing) in (list, tuple):
            return ["sequence", *thing]
        if type(thing) in (set, frozenset):
            return ["set", *thing]
        if type(thing) in (dict, MappingProxyType):
            return ["mapping", *chain(*thing.items())]
        if isinstance(thing, ModuleType):
            return self.module(thing, names)
        if place := _place(thing):
            return ["installed", *place]
        if isinstance(thing, type):
            own = {name: value for name, value in vars(thing).items() if name not in ABOUT_CLASSES}
            found = self.found(own, f"class {thing.__qualname__}")
            return ["class", thing.__qualname__, type(thing), thing.__bases__, *found]
        if isinstance(thing, FunctionType):
            return self.function(thing)
        if isinstance(thing, CodeType):
            how = thing.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
            content = [getattr(thing, f"co_{name}") for name in CODE]
            return ["code", sys.implementation.cache_tag, how, *content]
        if isinstance(thing, MethodType):
            return ["method", thing.__func__, thing.__self__]
        if isinstance(thing, HOLDERS):
            return ["holder", type(thing), *(getattr(thing, name, None) for name in HELD)]
        return self.tensor(thing) if is_torch_array(thing) else self.object(thing, where)

    def found(self, values: Values, owner: str, names: Names = None, codes: Codes = ()) -> Parts:
        """Return variables as parts, in the order of their names; `codes` are what reads them."""
        pairs = ((n, Piece(values[n], f"{n!r} of the {owner}, ", names)) for n in sorted(values))
        return [*chain(*pairs)]

    def module(self, module: ModuleType, names: Names) -> Parts:
        """Return the parts of a module: of the reader's, variables that are read in it."""
        name, values = module.__name__, {} if _installed(module.__name__) else vars(module)
        known = {n for n in values if not n.startswith("__")} if names is None else names
        values = {n: value for n, value in values.items() if n in known}
        return ["module", name, _version(name), *self.found(values, f"module {name}", names)]

    def function(self, function: FunctionType) -> Parts:
        """Return the parts of a function; a library makes some too, as decorators: its name."""
        if isinstance(registry := getattr(function, "registry", None), MappingProxyType):
            return ["generic", set(registry.items())]  # of `singledispatch`, without its cache
        code, around = function.__code__, function.__globals__
        parts: Parts = ["function", function.__defaults__, function.__kwdefaults__]
        names: Names = None
        values: dict[str, Any] = {}
        if _installed(home := around.get("__name__")):
            parts += [home, code.co_qualname, _version(home)]
        else:
            variables, names, modules = _read(code, around)
            parts += [code, vars(function), *(Piece(each, names=names) for each in modules)]
            values = {name: around[name] for name in variables & around.keys()}
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # not yet, or no longer, there
                values[name] = cell.cell_contents
        return parts + self.found(values, f"function {function.__qualname__}", names, nested(code))

    def tensor(self, tensor: Any) -> Parts:
        """Return the bytes of a tensor of PyTorch: NumPy does not have all of its dtypes."""
        whole = tensor.detach().cpu()
        whole = whole if "strided" in str(whole.layout) else whole.to_dense()
        raw = whole.contiguous().reshape(-1).view(array_namespace(tensor).uint8)
        return ["tensor", str(tensor.dtype), [*tensor.shape], raw.numpy()]

    def object(self, thing: Any, where: str) -> Parts:
        """Return of anything else what `pickle` would need to make it again."""
        kind = type(thing)
        try:
            reduce = copyreg.dispatch_table.get(kind)
            reduced: Any = thing.__reduce_ex__(4) if reduce is None else reduce(thing)
            if isinstance(reduced, str):  # as SciPy's functions, which do not know their module
                next(module for module in [*sys.modules] if _is_at(thing, module, reduced))
                return ["named", kind.__qualname__, reduced, getattr(thing, "__dict__", None)]
        except Exception as error:  # whatever a class of the reader's raises
            raise TypeError(
                "things must be numbers, texts, arrays, functions, and objects made of them, got "
                f"{where}{thing!r}, a {kind.__name__} whose content cannot be told."
            ) from error
        parts = [list(part) if isinstance(part, Iterator) else part for part in reduced]
        if len(parts) > 2 and isinstance(parts[2], dict):
            cached, static = functools.cached_property, inspect.getattr_static
            kept = [name for name in parts[2] if not isinstance(static(kind, name, None), cached)]
            parts[2] = {name: parts[2][name] for name in kept} or None
        return ["object", kind.__qualname__, *parts]


def _plain(thing: Any) -> bytes | None:
    """Return a digest of what is plain, with its kind, so that 1 and "1" differ."""
    if isinstance(thing, PLAIN_OF_NUMPY):
        thing = thing.item()
    if type(thing) in PLAIN:
        text = f"{type(thing).__name__} {thing!r}"
        return _digest([text.encode(errors="surrogatepass")])
    if type(thing) not in (np.ndarray, np.memmap) or thing.dtype.kind not in "biufcUS":
        return None
    rows = np.atleast_1d(thing)
    parts = (rows[first : first + ROWS_AT_ONCE] for first in range(0, len(rows), ROWS_AT_ONCE))
    about = f"array {thing.dtype.str} {thing.shape}".encode()
    return _digest(chain([about], (np.ascontiguousarray(part).data for part in parts)))


def _digest(parts: Iterable[Any]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


SET = _plain("set")


def nested(code: CodeType) -> list[CodeType]:
    """Return the code of a function, and that of all functions and classes inside it."""
    codes = [code]
    for each in codes:  # grows
        codes += [constant for constant in each.co_consts if isinstance(constant, CodeType)]
    return codes


def _read(
    code: CodeType, around: dict[str, Any]
) -> tuple[set[str], frozenset[str], list[ModuleType]]:
    """Return the variables around that code reads, all names in it, and the modules it imports.

    Names are also those of attributes, and texts, as for `getattr`.
    """
    variables: set[str] = set()
    names: set[str] = set()
    modules: list[ModuleType] = []
    for each in nested(code):
        names.update(each.co_names, (text for text in each.co_consts if isinstance(text, str)))
        steps = [step for step in dis.get_instructions(each) if step.opname != "EXTENDED_ARG"]
        for i, step in enumerate(steps):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                variables.add(step.argval)
            elif step.opname == "IMPORT_NAME":
                dots, wanted = (before.argval for before in steps[i - 2 : i])
                with contextlib.suppress(ImportError):
                    modules.append(__import__(step.argval, around, None, wanted or (), dots))
    return variables | names if "globals" in variables else variables, frozenset(names), modules


def _installed(module: Any) -> bool:
    """Return whether a module is this package's, Python's own, or of an installed library.

    By its name, which is not a text where someone's `__module__` is something else.
    """
    if not isinstance(module, str) or module == "__main__":  # which `python -m` fills otherwise
        return False
    top = module.partition(".")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    if top == PACKAGE or file is None:
        return top == PACKAGE or top in sys.stdlib_module_names
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
    found = distributions(path=[str(folder)])
    return {file.parts[0] for library in found for file in library.files or ()}


def _version(module: Any) -> str:
    """Return that of a library; this package has versions of its own."""
    top = module.partition(".")[0] if isinstance(module, str) else ""
    version = "" if top == PACKAGE else str(getattr(sys.modules.get(top), "__version__", ""))
    return version.partition("+")[0]  # of PyTorch for processors and for GPUs the same


def _place(thing: Any) -> tuple[str, str, str] | None:
    """Return module, name and version of what is installed: a class, a function, or a constant."""
    home: Any = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None)
    if not _installed(home) or (name is None and type(thing).__module__ == "builtins"):
        return None
    there = vars(sys.modules[home]).items() if home in sys.modules else ()
    names = [name] if isinstance(name, str) else [n for n, value in there if value is thing]
    return next(((home, each, _version(home)) for each in names if _is_at(thing, home, each)), None)


def _is_at(thing: Any, module: str, name: str) -> bool:
    """Return whether something is what a module has under a name, without its making it."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found is thing
