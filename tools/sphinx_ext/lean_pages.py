"""Keep pages light: drop what the theme ships and this book never shows.

The theme sends 1.5 MB of icon drawings as a script, though its style sheet draws the same icons
from a font, 0.4 MB of style rules of which the book uses a quarter, 0.2 MB of font for a dozen
icons, and with every page the index of all words, for a search while you type that is switched
off. After a build this extension empties that script, removes from each style sheet the rules for
classes and ids whose names occur neither in a page nor in a script and the variables that nobody
reads, from the icon fonts the icons that no rule is left to draw, from scripts the comments, and
leaves the search to the search page.
In code it removes the marks around what has the colour of plain text, a third of the page in a
chapter with much code.
"""

from __future__ import annotations

import logging
import re
from functools import partial
from itertools import pairwise
from pathlib import Path

import tinycss2
from fontTools import subset
from sphinx.application import Sphinx
from tinycss2.ast import Node

ICON_SCRIPT = "_static/scripts/fontawesome.js"
ICON_FONTS = "_static/vendor/fontawesome/webfonts"
SEARCH = re.compile(
    r'\s*<script src="[^"]*\b(?:searchtools|language_data|searchindex)\.js"></script>'
)
# Names, punctuation and white space in code: plain text in the light and in the dark style.
PLAIN = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')
# Tabs of sphinx-design, on pages that have none.
TABS = re.compile(r'\s*<script [^>]*src="[^"]*\bdesign-tabs\.js[^"]*"></script>')
# In the scripts of extensions: comments on lines of their own, and indentation.
TALK = re.compile(
    r"^[ \t]*(?:/\*(?:(?!\*/).)*\*/[ \t]*\n|//.*?\n|(?=\S))", re.DOTALL | re.MULTILINE
)
# The setting of a variable. Strings and addresses in it may hold anything.
VARIABLE = re.compile(
    r"""(?<=[{;])\s*(--[\w-]+)\s*:(?:url\([^)]*\)|"[^"]*"|'[^']*'|[^;{}"'])*(?:;|(?=\}))"""
)
# Groups that hold other rules; the rest (fonts, animations, ...) is kept whole.
NESTING = {"media", "supports", "layer", "container"}


def names_in_use(folder: Path) -> set[str]:
    """Return every word of the pages and scripts that could be the name of a class or an id."""
    files = [*folder.rglob("*.html"), *folder.rglob("*.js")]
    words: set[str] = set()
    for path in files:
        if "mathjax" not in path.parts:  # makes its own styles
            words.update(re.findall(r"[\w-]+", path.read_text(encoding="utf-8")))
    return words


def shrink(css: str, used: set[str]) -> str:
    """Return ``css`` without the rules that can match nothing."""
    return _shrink_rules(tinycss2.parse_stylesheet(css, skip_comments=True), used)


def _shrink_rules(rules: list[Node], used: set[str]) -> str:
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            alive = [part for part in _split(rule.prelude) if _names(part) <= used]
            if alive:
                selectors = ",".join(tinycss2.serialize(part).strip() for part in alive)
                kept.append(selectors + "{" + tinycss2.serialize(rule.content) + "}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in NESTING and rule.content:
            nested = tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            if inner := _shrink_rules(nested, used):
                head = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}"
                kept.append(head + "{" + inner + "}")
        else:
            kept.append(rule.serialize())
    return "".join(kept)


def _split(prelude: list[Node]) -> list[list[Node]]:
    """Split a selector list at its commas; those inside :is(...) are further down the tree."""
    parts: list[list[Node]] = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _names(selector: list[Node]) -> set[str]:
    """Return the classes and ids that a page must have for ``selector`` to match.

    Those inside :not(...), :is(...) and so on need not be there.
    """
    classes = {
        name.value for dot, name in pairwise(selector) if dot == "." and name.type == "ident"
    }
    return classes | {token.value for token in selector if token.type == "hash"}


def shrink_variables(sheets: list[str], used: set[str]) -> list[str]:
    """Return the style sheets without the variables that none of them reads, and no script."""
    while True:
        read = used.union(re.findall(r"var\(\s*(--[\w-]+)", " ".join(sheets)))
        keep = partial(_keep, read)
        left = [VARIABLE.sub(keep, sheet) for sheet in sheets]
        if left == sheets:
            return left
        sheets = left


def _keep(read: set[str], found: re.Match[str]) -> str:
    return found[0] if found[1] in read else ""


def shrink_fonts(folder: Path, css: str) -> None:
    """Keep the icons that ``css`` names in the fonts in ``folder``."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    icons = re.findall("[\ue000-\uf8ff]", css)  # where icon fonts have theirs
    for path in folder.glob("*.woff2"):
        options = subset.Options(flavor="woff2", notdef_outline=True)
        font = subset.load_font(path, options)
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=" ".join(icons))
        subsetter.subset(font)
        subset.save_font(font, path, options)


def make_lean(app: Sphinx, exception: Exception | None) -> None:
    """Empty the redundant script, shrink the style sheets and icon fonts of the built book."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    for page in folder.rglob("*.html"):
        text = PLAIN.sub(r"\1", page.read_text(encoding="utf-8"))
        text = text if page.name == "search.html" else SEARCH.sub("", text)
        text = text if 'class="sd-tab-' in text else TABS.sub("", text)
        page.write_text(text, encoding="utf-8")
    (folder / ICON_SCRIPT).write_text("", encoding="utf-8")
    for script in (folder / "_static").glob("*.js"):
        script.write_text(TALK.sub("", script.read_text(encoding="utf-8")), encoding="utf-8")
    used, sheets = names_in_use(folder), list((folder / "_static").rglob("*.css"))
    left = [shrink(sheet.read_text(encoding="utf-8"), used) for sheet in sheets]
    left = shrink_variables(left, used)
    for sheet, css in zip(sheets, left, strict=True):
        sheet.write_text(css, encoding="utf-8")
    shrink_fonts(folder / ICON_FONTS, "".join(left))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, after the extensions that copy files."""
    app.connect("build-finished", make_lean, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
