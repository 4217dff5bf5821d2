"""Buttons that lead to the repository, when the build knows where that is.

The address comes from ``SDBOOK_REPOSITORY_URL``, or on GitHub Actions from the variables that are
set there. Without one the book has no such buttons, rather than buttons that lead nowhere.
"""

from __future__ import annotations

import os

from sphinx.application import Sphinx
from sphinx.config import Config


def repository() -> tuple[str, str] | None:
    """Return the address and the branch of the repository, or None where none is known."""
    url = os.environ.get("SDBOOK_REPOSITORY_URL")
    if not url and "GITHUB_REPOSITORY" in os.environ:
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        url = f"{server}/{os.environ['GITHUB_REPOSITORY']}"
    if not url:
        return None
    branch = os.environ.get("SDBOOK_REPOSITORY_BRANCH") or os.environ.get("GITHUB_REF_NAME")
    return url.removesuffix(".git").rstrip("/"), branch or "main"


def add_links(app: Sphinx, config: Config) -> None:
    """Fill in the theme's options."""
    # Jupyter Book presets its own repository, and this runs before the theme reads its options.
    options = config.html_theme_options
    options.pop("repository_url", None)
    found = repository()
    if found is None:
        return
    url, branch = found
    options.update(
        repository_url=url,
        repository_branch=branch,
        path_to_docs="",
        use_repository_button=True,
        use_issues_button=True,
        launch_buttons={
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
        },
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("config-inited", add_links, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
