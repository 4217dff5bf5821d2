"""Keep the notebook pairs together: one chapter, two files.

    python tools/notebooks.py sync            bring pairs together, execute what changed
    python tools/notebooks.py sync --all      the same, and execute every notebook
    python tools/notebooks.py check           say what is wrong with the pairs, change nothing

``notebooks/NN_name.md`` (MyST) is what people review, ``notebooks/NN_name.ipynb`` holds the outputs
that readers see and nbval compares. ``sync`` gives both the content of the file that was written
last. It executes a notebook when its code is not the code that its outputs came from: a hash of
the executed code is kept in the notebook's metadata. Changes of the library do not count, so
run ``sync --all`` after those that change a result. A notebook with a cell tagged ``needs-torch``
is executed where PyTorch is installed, and elsewhere keeps its outputs.

What is stored is kept small and still: no time stamps, no versions, no widget state, and cells
keep their ids.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from jupytext.config import load_jupytext_configuration_file
from jupytext.paired_paths import long_form_one_format
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
CONFIG = load_jupytext_configuration_file(str(ROOT / "pyproject.toml"))
MYST = {"extension": ".md", "format_name": "myst"}
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# Named by a random id that means nothing without the kernel that drew it.
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Pair:
    """The two files of one chapter."""

    ipynb: Path
    md: Path

    @property
    def name(self) -> str:
        """The name that both files share."""
        return self.ipynb.stem


def find_pairs(folder: Path = FOLDER) -> list[Pair]:
    """Return the pairs in ``folder``; one of the two files may be missing."""
    names = {path.stem for path in folder.glob("*.ipynb")}
    names |= {path.stem for path in folder.glob("*.md") if is_notebook(path)}
    return [Pair(folder / f"{name}.ipynb", folder / f"{name}.md") for name in sorted(names)]


def is_notebook(md: Path) -> bool:
    """Tell a notebook from a plain page, which does not name a kernel in its header."""
    text = md.read_text(encoding="utf-8")
    header = text.split("\n---", 1)[0] if text.startswith("---\n") else ""
    return "\nkernelspec:" in header


def read(path: Path) -> NotebookNode:
    """Read either file of a pair."""
    if path.suffix == ".md":
        return jupytext.read(path, fmt=MYST, config=CONFIG)
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, pair: Pair) -> None:
    """Write both files, each only where it changes."""
    _write_changed(pair.ipynb, nbformat.writes(tidy(notebook)) + "\n")
    _write_changed(pair.md, jupytext.writes(tidy(notebook), fmt=MYST, config=CONFIG))


def _write_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")


def content(notebook: NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what both files of a pair hold: types, sources and tags of the cells."""
    return [
        (cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ())))
        for cell in notebook.cells
    ]


def code_hash(notebook: NotebookNode) -> str:
    """Return a hash of the code that the stored outputs depend on."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(repr(code).encode()).hexdigest()[:16]


def executed_hash(notebook: NotebookNode) -> str | None:
    """Return the hash of the code that the stored outputs came from."""
    return notebook.metadata.get("sdbook", {}).get("executed")


def missing(notebook: NotebookNode) -> list[str]:
    """Return the modules that cells need, by tags such as `needs-torch`, and that are not here."""
    tags = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", ())}
    needed = sorted(tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-"))
    return [name for name in needed if importlib.util.find_spec(name) is None]


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without what would change from machine to machine and day to day."""
    notebook = nbformat.from_dict(notebook)
    executed = executed_hash(notebook)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
        | ({"sdbook": {"executed": executed}} if executed else {})
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        cell.pop("attachments", None)
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
    return notebook


def merge(pair: Pair) -> NotebookNode:
    """Return the notebook with the newer content, and the stored outputs of what did not change."""
    if not pair.md.exists():
        return read(pair.ipynb)
    if not pair.ipynb.exists():
        return read(pair.md)
    stored, text = read(pair.ipynb), read(pair.md)
    if content(stored) == content(text) or pair.ipynb.stat().st_mtime > pair.md.stat().st_mtime:
        return stored
    return combine_inputs_with_outputs(text, stored, fmt=long_form_one_format("md:myst"))


def execute(notebook: NotebookNode) -> None:
    """Execute in place, and note what was executed."""
    NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        timeout=600,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # how often the kernel flushes is chance
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(FOLDER)}},
    ).execute()
    notebook.metadata["sdbook"] = {"executed": code_hash(notebook)}


def sync(pairs: list[Pair], execute_all: bool = False) -> None:
    """Bring each pair together, and execute those whose code changed."""
    for pair in pairs:
        notebook = tidy(merge(pair))
        stale = executed_hash(notebook) != code_hash(notebook)
        if (stale or execute_all) and (absent := missing(notebook)):
            print(f"{pair.name}: not executed, for want of {', '.join(absent)}", flush=True)
        elif stale or execute_all:
            print(f"{pair.name}: executing", flush=True)
            write(notebook, pair)  # so that the edit is in both files even if a cell fails
            execute(notebook)
        write(notebook, pair)


def problems(pair: Pair) -> list[str]:
    """Return what is wrong with a pair, in sentences."""
    for path in (pair.ipynb, pair.md):
        if not path.exists():
            return [f"{path.name} is missing"]
    stored, text = read(pair.ipynb), read(pair.md)
    found = []
    if len(stored.cells) != len(text.cells):
        found.append(f"{pair.name}: {len(stored.cells)} cells in .ipynb, {len(text.cells)} in .md")
    for number, (left, right) in enumerate(zip(content(stored), content(text), strict=False), 1):
        for what, ours, theirs in zip(("type", "source", "tags"), left, right, strict=True):
            if ours != theirs:
                found.append(
                    f"{pair.name}: cell {number} differs in {what}: {_differ(ours, theirs)}"
                )
    if executed_hash(stored) != code_hash(stored):
        found.append(f"{pair.name}: the stored outputs are not those of the code")
    if nbformat.writes(tidy(stored)) != nbformat.writes(stored):
        found.append(f"{pair.name}: the .ipynb holds metadata that is not kept")
    return found


def _differ(ours: str | tuple[str, ...], theirs: str | tuple[str, ...]) -> str:
    """Say where two sources first differ, or what two types or lists of tags are."""
    if isinstance(ours, str) and isinstance(theirs, str):
        lines = zip_longest(ours.splitlines(), theirs.splitlines())
        ours, theirs = next((left, right) for left, right in lines if left != right)
    return f".ipynb {ours!r}, .md {theirs!r}"


def check(pairs: list[Pair]) -> int:
    """Print what is wrong and return how much that is."""
    found = [problem for pair in pairs for problem in problems(pair)]
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print("`make notebooks` (python tools/notebooks.py sync) mends this.", file=sys.stderr)
    return len(found)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Keep the notebook pairs together.")
    commands = parser.add_subparsers(dest="command", required=True)
    sync_parser = commands.add_parser("sync", help="bring pairs together, execute what changed")
    sync_parser.add_argument("--all", action="store_true", help="execute every notebook")
    check_parser = commands.add_parser("check", help="say what is wrong, change nothing")
    for command in (sync_parser, check_parser):
        command.add_argument("names", nargs="*", help="names of pairs (default: all)")
    options = parser.parse_args()

    pairs = find_pairs()
    if unknown := set(options.names) - {pair.name for pair in pairs}:
        parser.error(f"no pair named {', '.join(sorted(unknown))} in {FOLDER.name}/")
    if options.names:
        pairs = [pair for pair in pairs if pair.name in options.names]
    if options.command == "check":
        return 1 if check(pairs) else 0
    sync(pairs, execute_all=options.all)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
