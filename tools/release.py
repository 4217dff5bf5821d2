"""Check that a tag is the version, and print what the changelog says about it.

    python tools/release.py v1.2.3

The version is written in ``sdbook/__init__.py`` and nowhere else. ``.github/workflows/release.yml``
runs this before it publishes anything.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def version(root: Path = ROOT) -> str:
    """Return the version of the package, as it is written."""
    text = (root / "sdbook" / "__init__.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return str(found)


def notes(tag: str, root: Path = ROOT) -> str:
    """Return the section of the changelog for a tag.

    Raises
    ------
    ValueError
        If the tag is not "v" and the version, or the changelog has no dated section for it.
    """
    number = version(root)
    if tag != f"v{number}":
        raise ValueError(f"tag must be v{number}, the version in sdbook/__init__.py, got {tag}.")
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(number)}\] - \d{{4}}-\d{{2}}-\d{{2}}\n(.*?)(?=^## |\Z)"
    found = re.search(heading, text, re.MULTILINE | re.DOTALL)
    if not found or not found[1].strip():
        raise ValueError(f"CHANGELOG.md must have a section '## [{number}] - YYYY-MM-DD'.")
    return found[1].strip()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/release.py TAG")
    try:
        print(notes(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))
