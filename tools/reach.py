"""What code reaches by its imports, and a hash of all of that.

A change of a file matters to a test or a notebook only where the file is reached. `Reach` reads the
imports of files, follows them through the repository, and executes nothing:

* An import counts wherever it stands: in a function, under a condition.
* A package that only passes names on is seen through. ``from sdbook import distill`` reaches the
  module that defines `distill` and not the others of the package, and so does ``sdbook.distill``.
  A package that is handed on as a whole reaches everything below it, and so does a name that
  nobody passes on.
* Code that knows where it is (``__file__``, ``ROOT``, `importlib.resources.files`) reaches files.
  In the package and in notebooks these are data that a string names, or their folder, and data
  beside the module; elsewhere all that an expression such as ``ROOT / "notebooks"`` names.

When in doubt something is reached. What is not seen are modules that change each other while they
are imported.

The hash is of what the reached files do: of the syntax of Python files, of the bytes of others.
Comments, formatting, docstrings, and packages that only pass names on, do not count.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (".", "tests", "tools", "tools/sphinx_ext")  # where modules are found, as in pyproject
KNOWS_WHERE_IT_IS = {"__file__", "ROOT"}
SAYS_NOTHING = {"__all__", "__doc__", "__name__", "__version__"}
NAME = re.compile(r"\bsdbook(?:\.\w+)+")  # in a string that a test gives to another process
IMPORT = re.compile(r"\bfrom (sdbook[\w.]*) import (\w+(?:, *\w+)*)")
FILE = re.compile(r"[\w-][\w. /-]{0,80}")

Name = tuple[str, ...]  # a dotted name: modules, then what is taken from the last one


class Reach:
    """What is reached in a repository as it is now: each file is read once.

    Parameters
    ----------
    root : Path
        Of the repository. Nothing outside is followed.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.package = root / "sdbook"
        self._code: dict[Path, Code] = {}
        self._next: dict[Path, set[Path]] = {}
        self._passed: dict[Path, dict[str, set[Name]] | None] = {}
        self._hashes: dict[Path, str] = {}

    def of_file(self, path: Path) -> set[Path]:
        """Return a file and all files that it reaches."""
        return self._all({path})

    def of_notebook(self, cells: list[str]) -> set[Path]:
        """Return all files that the code of a notebook reaches."""
        python = TransformerManager().transform_cell  # type: ignore[no-untyped-call]
        try:
            code = Code(ast.parse("\n".join(map(python, cells))))
        except SyntaxError:
            return self._all(self._below(self.package))
        return self._all(self._reached(code, None))

    def hash_of_notebook(self, cells: list[str]) -> str:
        """Return a hash of what the code of a notebook reaches: the same on every machine."""
        digest = hashlib.sha256()
        for path in sorted(self.of_notebook(cells)):
            if not self._passes_on(path) and not is_prose(path):
                digest.update(f"{path.relative_to(self.root).as_posix()}\0".encode())
                digest.update(self._hash(path).encode())
        return digest.hexdigest()[:16]

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = hash_of(path, path.read_bytes())
        return self._hashes[path]

    # From file to file

    def _all(self, start: set[Path]) -> set[Path]:
        found: set[Path] = set()
        new = set(start)
        while new:
            found |= new
            new = union(map(self._after, new)) - found
        return found

    def _after(self, path: Path) -> set[Path]:
        """Return the files that a file reaches directly."""
        if path not in self._next:
            follow = path.suffix == ".py" and not self._passes_on(path)
            self._next[path] = self._reached(self._read(path), path) if follow else set()
        return self._next[path]

    def _read(self, path: Path) -> Code:
        if path not in self._code:
            self._code[path] = Code(ast.parse(path.read_bytes(), str(path)))
        return self._code[path]

    def _reached(self, code: Code, path: Path | None) -> set[Path]:
        names = set(code.imported(self._package_of(path)))
        if path is None or self.package not in path.parents or "import_module" in code.names:
            names |= set(code.quoted())
        return union(self._by_name(name, path) for name in names) | self._files(code, path)

    def _package_of(self, path: Path | None) -> Name:
        return path.relative_to(self.root).parent.parts if path else ()

    def _by_name(self, name: Name, path: Path | None = None) -> set[Path]:
        """Return the files that a dotted name reaches: none if it is not of this repository."""
        beside = [path.parent] if path else []
        for folder in [*beside, *(self.root / folder for folder in FOLDERS)]:
            if module := module_in(folder, name[0]):
                return self._by_rest(module, name[1:])
        return set()

    def _by_rest(self, module: Path, rest: Name) -> set[Path]:
        """Return the files that are reached where ``rest`` is taken from a module."""
        if module.name != "__init__.py":
            return {module}
        found = {path for path in (module, module.with_suffix(".pyi")) if path.exists()}
        if not rest:
            return found | self._below(module.parent)
        if inside := module_in(module.parent, rest[0]):
            found |= self._by_rest(inside, rest[1:])
        passed = self._passed_on(module)
        if passed is None or rest[0] in SAYS_NOTHING:
            return found
        names = passed.get(rest[0], set())
        found |= union(self._by_name(name + rest[1:]) for name in names)
        return found if inside or names else found | self._below(module.parent)

    def _passes_on(self, path: Path) -> bool:
        return path.stem == "__init__" and self._passed_on(path.with_suffix(".py")) is not None

    def _passed_on(self, module: Path) -> dict[str, set[Name]] | None:
        """Return the names that a package passes on, with what they stand for.

        Nothing, if the package does something of its own.
        """
        if module not in self._passed:
            self._passed[module] = self._passed_on_by(module)
        return self._passed[module]

    def _passed_on_by(self, module: Path) -> dict[str, set[Name]] | None:
        if not all(map(only_passes_on, self._read(module).tree.body)):
            return None
        package = self._package_of(module)
        found: dict[str, set[Name]] = defaultdict(set)
        for path in (module, module.with_suffix(".pyi")):  # the second one is for a lazy loader
            for bound, name in self._read(path).bindings(package) if path.exists() else ():
                if name[: len(package) + 1] != (*package, bound):  # its module has the same name
                    found[bound].add(name)
        return found

    # Files that are no modules

    def _files(self, code: Code, path: Path | None) -> set[Path]:
        """Return the files that code names, where it knows where it is."""
        knows = path is not None and bool(code.names & KNOWS_WHERE_IT_IS)
        if path and self.package not in path.parents:
            folders = [path.parent, self.root] if knows else []
            return union(self._below(folder / text) for folder in folders for text in code.joined())
        strings = [text for text in code.texts() if FILE.fullmatch(text)]
        folders, found = [], set()
        if path and knows:
            folders = [folder for folder in path.parents if self.root in folder.parents]
            found = set(path.parent.iterdir())
        if "files" in code.names:  # of importlib.resources
            packages = [self.root.joinpath(*text.split(".")) for text in strings]
            folders += [each for each in packages if self.package in (each, *each.parents)]
        found |= union(self._below(folder / text) for folder in folders for text in strings)
        return {each for each in found if is_data(each)}

    def _below(self, path: Path) -> set[Path]:
        """Return a file, or all files in a folder."""
        inside = path.rglob("*") if path.is_dir() else [path]
        return {each for each in inside if each.is_file() and "__pycache__" not in each.parts}


class Code:
    """The names in a piece of code.

    Parameters
    ----------
    tree : ast.Module
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes = list(ast.walk(tree))  # from the outside in

    @cached_property
    def names(self) -> set[str]:
        """All names, and those of attributes."""
        names = {node.id for node in self.nodes if isinstance(node, ast.Name)}
        return names | {node.attr for node in self.nodes if isinstance(node, ast.Attribute)}

    def imported(self, package: Name) -> Iterator[Name]:
        """Yield what is imported, and what is then taken from it by its attributes."""
        taken = self.attributes()
        for bound, name in self.bindings(package):
            if "." in bound:  # import a.b, which binds a
                yield name
                yield from (name[:1] + rest for rest in taken.get(name[0], ()) if rest)
            else:
                yield from (name + rest for rest in taken.get(bound, {()}))

    def bindings(self, package: Name) -> Iterator[tuple[str, Name]]:
        """Yield the names that imports bind, and what each stands for."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.asname or alias.name, tuple(alias.name.split("."))
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else ()
                module = (*above, *(node.module.split(".") if node.module else ()))
                for alias in node.names:
                    taken = () if alias.name == "*" else (alias.name,)
                    yield alias.asname or alias.name, module + taken

    def attributes(self) -> dict[str, set[Name]]:
        """Return, for each name, the chains of attributes taken from it: () where none is."""
        found: dict[str, set[Name]] = defaultdict(set)
        inner: set[ast.AST] = set()
        for node in self.nodes:
            if node not in inner:
                chain: Name = ()
                while isinstance(node, ast.Attribute):
                    chain, node = (node.attr, *chain), node.value
                    inner.add(node)
                if isinstance(node, ast.Name):
                    found[node.id].add(chain)
        return found

    def quoted(self) -> Iterator[Name]:
        """Yield the names in strings: what is patched, and the code of other processes."""
        for text in self.texts():
            for found in NAME.findall(text):
                yield tuple(found.split("."))
            for module, names in IMPORT.findall(text):
                for name in names.split(","):
                    yield (*module.split("."), name.strip())

    def texts(self) -> Iterator[str]:
        """Yield all strings that are no docstrings."""
        alone = {node.value for node in self.nodes if isinstance(node, ast.Expr)}
        for node in self.nodes:
            if isinstance(node, ast.Constant) and node not in alone and isinstance(node.value, str):
                yield node.value

    def joined(self) -> Iterator[str]:
        """Yield what is appended to a path: ``a/b`` for ``ROOT / "a" / "b"``."""
        inner: set[ast.AST] = set()
        for node in self.nodes:
            if node not in inner:
                parts: list[str] = []
                while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                    right, node = node.right, node.left
                    text = right.value if isinstance(right, ast.Constant) else None
                    parts = [text, *parts] if isinstance(text, str) else []
                    inner.add(node)
                if parts:
                    yield "/".join(parts)


def only_passes_on(statement: ast.stmt) -> bool:
    """Tell imports, docstrings and what defines ``__all__`` and its like from other code."""
    if isinstance(statement, ast.Assign):
        targets = [node for target in statement.targets for node in ast.walk(target)]
        return all(is_dunder(node.id) for node in targets if isinstance(node, ast.Name))
    if isinstance(statement, ast.FunctionDef):
        return is_dunder(statement.name)
    return isinstance(statement, ast.Import | ast.ImportFrom) or is_text(statement)


def is_dunder(name: str) -> bool:
    """Tell whether a name is like ``__all__``."""
    return name.startswith("__") and name.endswith("__")


def module_in(folder: Path, name: str) -> Path | None:
    """Return the file of a module or a package in a folder."""
    for path in (folder / name / "__init__.py", folder / f"{name}.py"):
        if path.is_file():
            return path
    return None


def is_data(path: Path) -> bool:
    """Tell data from code, folders, and what tools leave."""
    return path.is_file() and path.suffix not in (".py", ".pyi", "") and path.name[0] != "."


def is_prose(path: Path) -> bool:
    """Tell what is there to be read by people."""
    return path.suffix in (".md", ".typed", "")


def union(sets: Iterator[set[Path]]) -> set[Path]:
    """Return what is in any of the sets."""
    return set().union(*sets)


# Hashes


def hash_of(path: Path, content: bytes) -> str:
    """Return a hash of what a file does that has this content."""
    if path.suffix in (".py", ".pyi"):
        content = "".join(syntax(ast.parse(content))).encode()
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def syntax(node: object) -> Iterator[str]:
    """Spell a syntax tree without docstrings, in the same words in every version of Python."""
    if not isinstance(node, ast.AST):
        yield f"{node!r},"
        return
    yield f"{type(node).__name__}("
    for name, value in ast.iter_fields(node):
        if value is not None and value != [] and name not in ("ctx", "kind", "type_comment"):
            yield f"{name}="
            for each in value if isinstance(value, list) else [value]:
                if not is_text(each):
                    yield from syntax(each)
    yield ")"


def is_text(node: object) -> bool:
    """Tell a docstring, or another text that stands for itself."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
