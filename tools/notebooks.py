"""Keep the notebook pairs together: one chapter, two files.

    python tools/notebooks.py sync            bring pairs together, execute what changed
    python tools/notebooks.py sync --all      the same, and execute every notebook
    python tools/notebooks.py sync --text     execute nothing: for those whose code did not change
    python tools/notebooks.py sync --accept   the same, and note that all outputs are up to date
    python tools/notebooks.py check           say what is wrong with the pairs, change nothing

``notebooks/NN_name.md`` (MyST) is what people write and review, and what the book is built from.
``notebooks/NN_name.ipynb`` is made from it: the same code with its outputs, which nbval compares,
and the text as JupyterLab, VS Code, Colab and GitHub can show it (see ``edition.py``).

Text is changed in the ``.md``. Code can be changed in either file: ``sync`` brings the change to
the other. The ``.ipynb`` notes in its metadata which code its outputs came from, what that code
reached in ``sdbook/`` (see ``reach.py``), and which text was written into it, so that a change is
known by what differs and not by the time of a file. A notebook is executed when its code is not the
code that its outputs came from, or reaches something else.

Outputs of a library that changed since may well be right: ``check`` only says that they may be
stale, and ``make test`` compares them. If it passes, ``sync --accept`` notes that they are right.

A notebook with a cell tagged ``needs-torch`` is executed where PyTorch is installed, and elsewhere
keeps its outputs. All pictures of its explorers are kept as well, in ``notebooks/frames/NN_name``:
its page is the same wherever the book is built.

What is stored is kept small and still: no time stamps, no versions, no widget state, and cells
keep their ids.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from edition import CONFIG, MYST, ROOT, TITLE, Edition, UnknownMarkup  # beside this file
from reach import Reach

FOLDER = ROOT / "notebooks"
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

    @property
    def frames(self) -> Path:
        """Where the pictures are kept if not everybody can execute the notebook."""
        return self.ipynb.parent / "frames" / self.name


class EditedTwice(ValueError):
    """Both files of a pair changed, or the text of the one that is made from the other."""


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


# Files


def read(path: Path) -> NotebookNode:
    """Read either file of a pair, its code as it is written in the ``.md``."""
    if path.suffix == ".md":
        return jupytext.read(path, fmt=MYST, config=CONFIG)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.startswith(TITLE):
            cell.source = cell.source.partition("\n")[2]
    return notebook


def write_changed(path: Path, text: str) -> None:
    """Write a file, unless that is what it holds."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without what would change from machine to machine and day to day."""
    notebook = nbformat.from_dict(notebook)
    ours = notebook.metadata.get("sdbook", {})
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
        | ({"sdbook": ours} if ours else {})
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        kept = ("cellView", "jupyter", "tags")
        cell.metadata = nbformat.from_dict(
            {k: cell.metadata[k] for k in kept if k in cell.metadata}
        )
        cell.pop("attachments", None)
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
    return notebook


# What changed


def code_hash(notebook: NotebookNode) -> str:
    """Return a hash of the code that the stored outputs depend on."""
    return _hash(code_of(notebook))


def code_of(notebook: NotebookNode) -> list[str]:
    """Return the code of all cells."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def reach_hash(notebook: NotebookNode, reach: Reach) -> str:
    """Return a hash of what the code reaches, which the stored outputs depend on as well."""
    return reach.hash_of_notebook(code_of(notebook))


def text_hash(notebook: NotebookNode) -> str:
    """Return a hash of the text that a notebook shows."""
    return _hash([cell.source for cell in notebook.cells if cell.cell_type == "markdown"])


def _hash(sources: list[str]) -> str:
    return hashlib.sha256(repr(sources).encode()).hexdigest()[:16]


def noted(notebook: NotebookNode, what: str) -> str | None:
    """Return what was noted when the notebook was written: a hash of "code", "reach" or "text"."""
    return notebook.metadata.get("sdbook", {}).get(what)


def missing(notebook: NotebookNode) -> list[str]:
    """Return the modules that cells need, by tags such as `needs-torch`, and that are not here."""
    return [name for name in needs(notebook) if importlib.util.find_spec(name) is None]


def needs(notebook: NotebookNode) -> list[str]:
    """Return the modules that cells need and that not everybody has."""
    tags = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", ())}
    return sorted(tag.removeprefix("needs-") for tag in tags if tag.startswith("needs-"))


# From one file to the other


def source(pair: Pair) -> NotebookNode:
    """Return the text of the ``.md`` and the code that changed last, with the outputs of the rest.

    Raises
    ------
    EditedTwice
        If the code changed in both files, or the text in the ``.ipynb``.
    """
    text = read(pair.md)
    if not pair.ipynb.exists():
        return text
    stored = read(pair.ipynb)
    if noted(stored, "text") not in (None, text_hash(stored)):
        raise EditedTwice(
            f"{pair.name}: text was changed in the .ipynb, which is made from the .md; "
            f"change {pair.md.name} instead, and undo the change of {pair.ipynb.name}"
        )
    changed = code_hash(stored) != noted(stored, "code")
    if changed and code_hash(text) not in (noted(stored, "code"), code_hash(stored)):
        raise EditedTwice(f"{pair.name}: code was changed in both files; undo the change of one")
    if changed:
        text = with_code_of(stored, text, pair)
    return with_outputs_of(stored, text)


def with_code_of(stored: NotebookNode, text: NotebookNode, pair: Pair) -> NotebookNode:
    """Return the text with the code of a notebook that has the same cells."""
    if [cell.cell_type for cell in stored.cells] != [cell.cell_type for cell in text.cells]:
        raise EditedTwice(
            f"{pair.name}: cells came or went in the .ipynb; do that in {pair.md.name}, "
            f"and undo the change of {pair.ipynb.name}"
        )
    for ours, theirs in zip(text.cells, stored.cells, strict=True):
        if ours.cell_type == "code":
            ours.source = theirs.source
    return text


def with_outputs_of(stored: NotebookNode, text: NotebookNode) -> NotebookNode:
    """Return the text with the ids of its cells, and the outputs of code that did not change."""
    old, new = [
        [cell.source if cell.cell_type == "code" else None for cell in notebook.cells]
        for notebook in (stored, text)
    ]
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for what, old_start, old_end, new_start, new_end in blocks:
        if what == "equal" or (what == "replace" and old_end - old_start == new_end - new_start):
            places = zip(range(old_start, old_end), range(new_start, new_end), strict=True)
            for theirs, ours in ((stored.cells[i], text.cells[j]) for i, j in places):
                ours.id = theirs.id
                if what == "equal" and ours.cell_type == "code":
                    ours.outputs = theirs.outputs
                    ours.execution_count = theirs.execution_count
    text.metadata["sdbook"] = stored.metadata.get("sdbook", {})
    return text


def edition(text: NotebookNode, pair: Pair) -> NotebookNode:
    """Return what the ``.ipynb`` should be, with the text that was written noted in it."""
    shown = Edition.of(text, pair.name, pair.md.parent)
    shown.metadata["sdbook"] = {
        **{what: noted(text, what) for what in ("code", "reach") if noted(text, what)},
        "text": text_hash(shown),
    }
    return tidy(shown)


def execute(notebook: NotebookNode, pair: Pair) -> None:
    """Execute in place, and note what was executed."""
    executed = {"code": code_hash(notebook), "reach": reach_hash(notebook, Reach())}
    environment = dict(os.environ)
    if needs(notebook):
        shutil.rmtree(pair.frames, ignore_errors=True)
        environment["SDBOOK_STATIC"] = str(pair.frames)
    client = NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        timeout=600,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # how often the kernel flushes is chance
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute(env=environment)
    notebook.metadata["sdbook"] = executed
    if needs(notebook):
        keep_players(notebook, pair)


def keep_players(notebook: NotebookNode, pair: Pair) -> None:
    """Move the players of the explorers, which only pages use, into a file beside their frames."""
    players = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", {}):
                players[cell.id] = output.data.pop("text/html")
    text = json.dumps(players, indent=1, ensure_ascii=False)
    write_changed(pair.frames / "players.json", text + "\n")


def as_stored(pair: Pair) -> NotebookNode:
    """Return the notebook of the ``.md`` with the outputs of the ``.ipynb``."""
    return with_outputs_of(read(pair.ipynb), read(pair.md))


def as_executed(pair: Pair) -> NotebookNode:
    """Return the notebook as it was stored, with the players of its explorers."""
    notebook = as_stored(pair)
    players = json.loads((pair.frames / "players.json").read_text(encoding="utf-8"))
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output.data["text/html"] = players[cell.id]
    return notebook


# Commands


def sync(pairs: list[Pair], mode: str = "changed") -> None:
    """Bring each pair together, and execute those whose outputs may be others by now.

    Parameters
    ----------
    pairs : list of Pair
    mode : {"changed", "all", "text", "accept"}
        What to execute: what changed, everything, or nothing; "accept" notes that all outputs are
        those of the library as it is. Without execution, pairs whose code changed are left alone.
    """
    reach = Reach()
    for pair in pairs:
        notebook = source(pair)
        changed = noted(notebook, "code") != code_hash(notebook)
        stale = changed or noted(notebook, "reach") != reach_hash(notebook, reach)
        if changed and mode in ("text", "accept"):
            print(f"{pair.name}: the code changed; `make notebooks` executes it", flush=True)
            continue
        absent = missing(notebook)
        # First, so that an edit is in the .md even if a cell fails.
        write_changed(pair.md, jupytext.writes(tidy_text(notebook), fmt=MYST, config=CONFIG))
        if mode == "text" or not (stale or mode == "all"):
            pass
        elif absent:  # nobody has looked at its outputs here
            print(f"{pair.name}: not executed, for want of {', '.join(absent)}", flush=True)
        elif mode == "accept":
            notebook.metadata["sdbook"]["reach"] = reach_hash(notebook, reach)
        else:
            print(f"{pair.name}: executing", flush=True)
            execute(notebook, pair)
        write_changed(pair.ipynb, nbformat.writes(edition(notebook, pair)) + "\n")


def tidy_text(notebook: NotebookNode) -> NotebookNode:
    """Return a copy for the ``.md``."""
    notebook = tidy(notebook)
    notebook.metadata.pop("sdbook", None)
    return notebook


def problems(pair: Pair) -> list[str]:
    """Return what is wrong with a pair, in sentences."""
    for path in (pair.ipynb, pair.md):
        if not path.exists():
            return [f"{path.name} is missing"]
    try:
        text = source(pair)
        expected = edition(text, pair)
    except (EditedTwice, UnknownMarkup) as error:
        return [str(error)]
    stored = nbformat.read(pair.ipynb, as_version=4)
    found = []
    if len(stored.cells) != len(text.cells):
        found.append(f"{pair.name}: {len(stored.cells)} cells in .ipynb, {len(text.cells)} in .md")
    for number, (ours, theirs) in enumerate(zip(stored.cells, expected.cells, strict=False), 1):
        for what in ("cell_type", "source", "metadata"):
            if ours[what] != theirs[what]:
                found.append(
                    f"{pair.name}: cell {number} differs in {what}: "
                    f"{_differ(ours[what], theirs[what])}"
                )
    if noted(stored, "code") != code_hash(text):
        found.append(f"{pair.name}: the stored outputs are not those of the code")
    if nbformat.writes(tidy(stored)) != nbformat.writes(stored):
        found.append(f"{pair.name}: the .ipynb holds metadata that is not kept")
    return found


def _differ(ours: object, theirs: object) -> str:
    """Say where two sources first differ, or what two types or metadata are."""
    if isinstance(ours, str) and isinstance(theirs, str):
        lines = zip_longest(ours.splitlines(), theirs.splitlines())
        ours, theirs = next((left, right) for left, right in lines if left != right)
    return f".ipynb {ours!r}, .md {theirs!r}"


def may_be_stale(pair: Pair, reach: Reach) -> bool:
    """Tell whether the code, though it is the same, reaches something that changed."""
    stored = read(pair.ipynb)
    same = noted(stored, "code") == code_hash(stored)
    return same and noted(stored, "reach") != reach_hash(stored, reach)


def check(pairs: list[Pair]) -> int:
    """Print what is wrong and return how much that is; outputs that may be stale are not wrong."""
    reach = Reach()
    stale = [pair.name for pair in pairs if pair.ipynb.exists() and may_be_stale(pair, reach)]
    if stale:
        print(f"Outputs may be stale, for the library changed: {', '.join(stale)}", file=sys.stderr)
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
    modes = sync_parser.add_mutually_exclusive_group()
    modes.set_defaults(mode="changed")
    for mode, what in (
        ("all", "execute every notebook"),
        ("text", "execute nothing"),
        ("accept", "execute nothing, and note that all outputs are up to date"),
    ):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode, help=what)
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
    try:
        sync(pairs, options.mode)
    except (EditedTwice, UnknownMarkup) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
