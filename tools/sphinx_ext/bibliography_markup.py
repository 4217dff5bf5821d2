"""A bibliography that screen readers can walk through, and without numbers that nobody cites.

Entries get the role that children of a list need: docutils gives them one that the standard has
since withdrawn. And as the text cites by author and year, the numbers before the entries go.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

ENTRY = re.compile(
    r'<div class="citation" (id="[^"]*") role="doc-biblioentry">\s*'
    r'<span class="label">.*?</span></span>(?:\s*<span class="backrefs">.*?</span>)?',
    re.DOTALL,
)


def mend(body: str) -> str:
    """Return the page with the entries of its bibliography, if it has one, as list items."""
    # Without the class too: it makes a column for the numbers.
    return ENTRY.sub(r'<div \1 role="listitem">', body)


def mend_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = mend(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", mend_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
