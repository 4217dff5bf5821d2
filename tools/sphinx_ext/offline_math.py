"""Render formulas without a network: copy the part of MathJax that the book needs.

The package ``sphinx-mathjax-offline`` carries all of MathJax (25 MB) and copies all of it. TeX
input and HTML output need a tenth of that. Its one-file bundle would also load MathJax's context
menu on every page (0.4 MB), so the parts are named one by one. Of TeX they are what is built in and
AMS mathematics: definitions (`newcommand`) and packages that load themselves are not used.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PARTS = [
    "a11y/assistive-mml.js",  # MathML beside each formula, for screen readers
    "core.js",
    "input/tex-base.js",
    "input/tex/extensions/ams.js",
    "output/chtml.js",
    "output/chtml/fonts",
    "startup.js",
]
LOAD = ["core", "input/tex-base", "[tex]/ams", "output/chtml", "a11y/assistive-mml"]


def mathjax_folder() -> Path:
    """Return the folder of MathJax in the installed package."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ExtensionError("sphinx-mathjax-offline is not installed: pip install -e '.[book]'")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy the needed parts to ``_static/mathjax``."""
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for part in PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / part, target / part)


def setup(app: Sphinx) -> dict[str, bool]:
    """Point Sphinx's mathjax extension at the local copy."""
    app.config.mathjax_path = "mathjax/startup.js"
    app.config.mathjax3_config = {
        **(app.config.mathjax3_config or {}),
        "loader": {"load": LOAD},
        "tex": {"packages": ["base", "ams"]},
    }
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
