"""The text of a chapter as Markdown that every notebook program shows.

Chapters are written in MyST, which the book renders. JupyterLab, VS Code, Colab and GitHub do not
know MyST: they would show theorems as source, open answers, and names where numbers should be.
`Edition.of` rewrites the text for them, and nothing else:

* numbers that a cell computed stand in the text; theorems, exercises and references have the
  numbers of the book; citations have authors, year and a link
* theorems and boxes are block quotes; answers, hints, proofs and solutions are folded (``details``)
* links lead to notebooks; definition lists and cards are plain lists
* cells that the book hides are marked as hidden for JupyterLab and Colab. VS Code and GitHub fold
  no cell that a file asks them to, so the first line of such a cell says what it is for

The code is the same line for line, and a test compares every chapter with its edition.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupytext.config import load_jupytext_configuration_file
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from nbformat import NotebookNode
from pybtex.database import parse_file
from sphinx_external_toc.parsing import parse_toc_yaml

from sdbook.book import glue, statements

ROOT = Path(__file__).resolve().parent.parent
CONFIG = load_jupytext_configuration_file(str(ROOT / "pyproject.toml"))
MYST = {"extension": ".md", "format_name": "myst"}
GLUE = f"{glue.PREFIX}text/plain"
EMPTY = "<!-- Nothing to read here. -->"  # what has no text at all is shown as an open editor
TITLE = "# @title "  # what Colab shows of a folded cell, and all others as a comment

PARSER = (
    MarkdownIt("commonmark")
    .enable("table")
    .use(colon_fence_plugin)
    .use(deflist_plugin)
    .use(dollarmath_plugin)
    .use(myst_block_plugin)
)
DIRECTIVE = re.compile(r"\{([a-z:-]+)\}\s*(.*)")
OPTION = re.compile(r":([a-z-]+):\s*(.*)")
# A role, or a code span (which stays as it is), or a link.
INLINE = re.compile(
    r"\{(?P<role>[a-z:]+)\}`(?P<content>[^`]+)`"
    r"|(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
    r"|\[(?P<text>[^\[\]]*)\]\((?P<target>[^()\s]+)\)",
    re.DOTALL,
)
DISPLAY = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)


class UnknownMarkup(ValueError):
    """A chapter has markup that the edition cannot show."""


@dataclass(frozen=True)
class Place:
    """Where a label is, and what a reference to it says."""

    name: str
    chapter: str
    heading: str


@dataclass
class Edition:
    """One chapter for notebook programs; made by `Edition.of`."""

    chapter: str
    values: Mapping[str, str]
    places: Mapping[str, Place]
    exercise: str = field(default="", init=False)  # the one whose solution is being read
    opened: bool = field(default=False, init=False)  # whether its solution began in an earlier cell

    @classmethod
    def of(
        cls, source: NotebookNode, chapter: str, folder: Path = ROOT / "notebooks"
    ) -> NotebookNode:
        """Return a chapter as notebook programs should show it.

        Parameters
        ----------
        source : NotebookNode
            Cells with MyST text, and outputs: numbers of the text are taken from these.
        chapter : str
            Name of the chapter, without an ending.
        folder : Path
            Where all chapters are, for references between them.

        Raises
        ------
        UnknownMarkup
            If the text has a role or a directive that is not known here, or a number that no
            output holds.
        """
        edition = cls(chapter, glued(source), places(folder))
        notebook = nbformat.from_dict(source)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = edition.cell(cell.source)
            else:
                edition.fold(cell)
        return notebook

    # Code

    def fold(self, cell: NotebookNode) -> None:
        """Mark a cell as hidden whose code the book hides, or folds into a solution."""
        tags = set(cell.metadata.get("tags", ()))
        solution = bool(self.exercise)
        if not solution and not tags & {"remove-cell", "remove-input", "hide-input", "hide-cell"}:
            return
        jupyter = {"source_hidden": True}
        if solution or tags & {"remove-cell", "hide-cell"}:
            jupyter["outputs_hidden"] = True
        cell.metadata["jupyter"] = jupyter
        cell.metadata["cellView"] = "form"
        cell.source = f"{TITLE}{self.purpose(cell)}\n{cell.source}"

    def purpose(self, cell: NotebookNode) -> str:
        """Say in a few words what a hidden cell is for."""
        code = cell.source
        if self.exercise:
            return f"Solution of {self.exercise}"
        if re.search(r"^(Explorer|Picture)\(", code, re.MULTILINE):
            return "Draws the figure below"
        if re.search(r"^ *(say|glue)\(", code, re.MULTILINE) and "def say" not in code:
            return "Computes what the text quotes"
        shown = any(GLUE not in output.get("data", {}) for output in cell.get("outputs", ()))
        return "Shows the result below" if shown else "Prepares what follows"

    # Text

    def cell(self, text: str) -> str:
        """Rewrite one cell. A solution that began in an earlier one has a fold in each."""
        self.opened = bool(self.exercise)
        shown = re.sub(r"\n{3,}", "\n\n", self.blocks(text)).strip("\n")
        return shown or EMPTY

    def blocks(self, text: str) -> str:
        """Rewrite a text, block by block."""
        lines = text.split("\n")
        parts: list[str] = []
        plain: list[str] = []
        at = 0

        def flush() -> None:
            passage = "\n\n".join(part for part in plain if part.strip())
            plain.clear()
            if passage and self.exercise:
                passage = folded(
                    f"Solution of {self.exercise}{', continued' * self.opened}", passage
                )
                self.opened = True
            parts.append(passage)

        for token in filter(rewritten, PARSER.parse(text)):
            assert token.map is not None, "blocks know their lines"
            start, end = token.map
            plain.append(self.inline("\n".join(lines[at:start])))
            at = end
            name, title, options, body = directive(token)
            if name in ("solution-start", "solution-end"):
                flush()
                self.exercise = self.places[title].name if name == "solution-start" else ""
                self.opened = False
            elif token.type == "dl_open":
                plain.append(self.definitions(lines[start:end]))
            elif token.type == "myst_target":
                pass  # headings are their own targets
            elif name:
                plain.append(self.directive(name, title, options, body))
            else:
                plain.append("\n".join(lines[start:end]))  # code to read
        plain.append(self.inline("\n".join(lines[at:])))
        flush()
        return "\n\n".join(part for part in parts if part)

    def directive(self, name: str, title: str, options: Mapping[str, str], body: str) -> str:
        """Rewrite one directive."""
        label = options.get("label", "")
        if name == "admonition":
            if "dropdown" in options.get("class", ""):
                return folded(self.inline(title), self.blocks(body))
            return quoted(f"**{self.inline(title)}**\n\n{self.blocks(body)}")
        if name == "hint":
            return folded("Hint", self.blocks(body))
        if name == "solution":
            return folded(f"Solution of {self.places[title].name}", self.blocks(body))
        if name.startswith("prf:"):
            return quoted(f"**{self.titled(label, title)}.** {self.blocks(body).strip()}")
        if name in ("exercise", "exercise-start"):
            return f"### {self.titled(label, title)}\n\n{self.blocks(body)}"
        if name == "exercise-end":
            return ""
        if name == "grid":
            cards = (
                directive(token) for token in PARSER.parse(body) if token.type == "colon_fence"
            )
            return "\n".join(
                f"* [**{title}**]({self.link(options['link'])}): {self.blocks(body).strip()}"
                for _, title, options, body in cards
            )
        raise UnknownMarkup(f"{self.chapter}: the directive {name!r}")

    def titled(self, label: str, title: str) -> str:
        """Return the number of a labelled block with its title."""
        return f"{self.places[label].name} ({self.inline(title)})"

    def definitions(self, lines: list[str]) -> str:
        """Rewrite a definition list as a list of terms, each with what it means."""
        items: list[list[str]] = []
        for line in lines:
            if line.startswith(": "):
                items[-1][-1] += f": {line[2:]}"
            elif line.startswith("  ") or (items and not line.strip()):
                items[-1].append(line)
            elif line.strip():
                items.append([f"* {line}"])
        return self.inline("\n".join(line for item in items for line in item if line.strip()))

    def inline(self, text: str) -> str:
        """Replace the roles and the links of a text without blocks."""
        return INLINE.sub(self._inline, text)

    def _inline(self, found: re.Match[str]) -> str:
        if found["ticks"]:
            return found[0]
        if found["role"]:
            return self.role(found["role"], found["content"])
        target = found["target"].removeprefix("#")
        if target in self.places or (ROOT / "notebooks" / f"{target}.md").exists():
            link = self.link(target)
            return f"[{found['text']}]({link})" if link else found["text"]
        return found[0]

    def role(self, name: str, content: str) -> str:
        """Return what a role stands for."""
        if name == "glue:text":
            if content not in self.values:
                raise UnknownMarkup(f"{self.chapter}: no output holds the number {content!r}")
            return re.sub(r"([\\*_<|~])", r"\\\1", self.values[content])
        if name in ("prf:ref", "ref"):
            text, label = content, content
            if named := re.fullmatch(r"(.+?)\s*<(.+)>", content, re.DOTALL):
                text, label = named.groups()
            elif label in self.places:
                text = self.places[label].name
            return f"[{text}]({self.link(label)})"
        if name in ("cite", "cite:p", "cite:t"):
            author, year, address = citation(content)
            inside = f"{author} ({year})" if name == "cite:t" else f"{author}, {year}"
            link = f"[{inside}]({address})" if address else inside
            return link if name == "cite:t" else f"({link})"
        raise UnknownMarkup(f"{self.chapter}: the role {name!r}")

    def link(self, target: str) -> str:
        """Return the address of a label or a page; nothing for pages that only the book has."""
        if target in self.places:
            place = self.places[target]
            file = "" if place.chapter == self.chapter else f"{place.chapter}.ipynb"
            return f"{file}#{place.heading.replace(' ', '-')}"
        if (ROOT / "notebooks" / f"{target}.ipynb").exists():
            return f"{target}.ipynb"
        return "notation.md" if target == "notation" else ""


# Markdown


def rewritten(token: Token) -> bool:
    """Tell the blocks that are not passed on as plain text."""
    kinds = ("fence", "colon_fence", "dl_open", "myst_target")
    return token.level == 0 and token.map is not None and token.type in kinds


def directive(token: Token) -> tuple[str, str, dict[str, str], str]:
    """Return the name, title, options and body of a directive, or empty ones of other blocks."""
    found = DIRECTIVE.match(token.info)
    if token.type not in ("fence", "colon_fence") or not found:
        return "", "", {}, ""
    lines, options = token.content.split("\n"), {}
    while lines and (option := OPTION.fullmatch(lines[0].strip())):
        options[option[1]] = option[2].strip()
        lines.pop(0)
    return found[1], found[2].strip(), options, "\n".join(lines).strip("\n")


def folded(title: str, text: str) -> str:
    """Return a text that a click on its title unfolds."""
    return f"<details>\n<summary>{title}</summary>\n\n{text.strip()}\n\n</details>"


def quoted(text: str) -> str:
    """Return a block quote. Formulas in it take one line: a `>` inside would be part of them."""
    text = DISPLAY.sub(lambda found: f"$${' '.join(found[1].split())}$$", text)
    return "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))


# What the text refers to


def glued(notebook: NotebookNode) -> dict[str, str]:
    """Return the numbers that cells computed for the text, by name."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if GLUE in output.get("data", {}):
                value = ast.literal_eval(output["data"][GLUE])
                found[output["metadata"]["scrapbook"]["name"]] = str(value)
    return found


@cache
def places(folder: Path) -> dict[str, Place]:
    """Return all labels of the book. Exercises are numbered through it, as the book does it."""
    names = {statement.label: statement.name for statement in statements.STATEMENTS}
    found, exercises = {}, 0
    for chapter in chapters(folder):
        heading = ""
        for token in walk(folder / f"{chapter}.md"):
            name, _, options, _ = directive(token)
            if token.type == "inline":
                heading = token.content
            elif token.type == "myst_target":
                found[token.content] = Place("", chapter, "")  # until its heading comes
            elif label := options.get("label"):
                if name.startswith("exercise"):
                    exercises += 1
                    names[label] = f"Exercise {exercises}"
                found[label] = Place(names[label], chapter, heading)
            if token.type == "inline":
                for label, place in found.items():
                    if place.chapter == chapter and not place.heading:
                        found[label] = Place(heading, chapter, heading)
    return found


def chapters(folder: Path) -> list[str]:
    """Return the names of the chapters in ``folder``, in the order of the book."""
    names = [Path(name).name for name in parse_toc_yaml(ROOT / "_toc.yml")]
    return [name for name in names if (folder / f"{name}.md").is_file()]


def walk(md: Path) -> Iterator[Token]:
    """Yield the directives, the targets and the texts of the headings of a chapter."""
    for cell in jupytext.read(md, fmt=MYST, config=CONFIG).cells:
        if cell.cell_type == "markdown":
            tokens = PARSER.parse(cell.source)
            for before, token in zip([None, *tokens], tokens, strict=False):
                heading = before is not None and before.type == "heading_open"
                if heading or token.type in ("fence", "colon_fence", "myst_target"):
                    yield token


def citation(key: str) -> tuple[str, str, str]:
    """Return authors, year and address of an entry of the bibliography."""
    entry = bibliography()[key]
    authors = [" ".join(each.last_names).strip("{}") for each in entry.persons["author"]]
    names = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    fields = entry.fields
    address = f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url", "")
    return names, fields["year"], address


@cache
def bibliography() -> Mapping[str, Any]:
    """Return the entries of the bibliography, by their keys."""
    return parse_file(ROOT / "notebooks" / "references.bib").entries
