"""Sphinx extension: a book without PyTorch and other large libraries that few pages need.

* Pages with a cell that is tagged `needs-torch` say that their outputs are the stored ones; that
  they are is the work of `tools/book.py`.
* The library reference is made from docstrings, for which modules are imported. Libraries that
  they import and that are missing are mocked.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

sys.path.append(str(Path(__file__).resolve().parent.parent))
from notebooks import is_notebook, missing, read  # tools/notebooks.py

OPTIONAL = ("datasets", "safetensors", "torch", "transformers")
NOTICE = """<div class="admonition note">
<p class="admonition-title">Not executed</p>
<p>This page was built without {absent}. Its outputs and pictures are those that are stored with the
notebook.</p>
</div>"""


def mock(app: Sphinx, config: Config) -> None:
    config.autodoc_mock_imports = [
        name for name in OPTIONAL if importlib.util.find_spec(name) is None
    ]


def add_notice(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    source = Path(app.srcdir, page).with_suffix(".md")
    if source.is_file() and is_notebook(source) and (names := missing(read(source))):
        notice = NOTICE.format(absent=" and ".join(names))
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{notice}", 1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("config-inited", mock)
    app.connect("html-page-context", add_notice)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
