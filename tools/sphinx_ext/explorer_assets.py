"""Sphinx extension: what the explorers of the book need beside their pages.

* The style sheet and the scripts of the player go to ``_static`` and onto those pages that have an
  explorer.
* The frames that the explorers wrote while their notebooks ran, in the folder that the environment
  variable ``SDBOOK_STATIC`` names, go to ``_static/frames``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from sdbook.book.explore.explorer import STATIC_FOLDER
from sdbook.book.explore.player import ASSETS, SCRIPTS, STYLES


def add_assets(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    if "sdbook-explorer" not in context.get("body", ""):
        return
    for path in STYLES:
        app.add_css_file(path.name)
    for path in SCRIPTS:
        app.add_js_file(path.name, loading_method="defer")


def copy_frames(app: Sphinx, error: Exception | None) -> None:
    frames = os.environ.get(STATIC_FOLDER)
    if error is None and frames and Path(frames).is_dir() and app.builder.format == "html":
        target = Path(app.outdir, "_static", "frames")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(frames, target)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(ASSETS)))
    app.connect("html-page-context", add_assets)
    app.connect("build-finished", copy_frames)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
