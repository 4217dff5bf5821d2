"""A browser, and the built book over http and from disk.

The tests skip where no Chromium is found. `SDBOOK_BROWSER` may name one.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import book  # tools/book.py

HTML = book.BUILD / "html"
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
# For containers, where its sandbox cannot start; and nothing of its own over the network.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
)


def pytest_collection_modifyitems(items):
    """Try a test again, on a new page, where waiting for the browser took too long.

    Once in some hundred pages a headless Chromium stops drawing one, and whatever waits for the
    next frame waits in vain. Nothing else is tried again.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            again = pytest.mark.flaky(reruns=2, only_rerun=["TimeoutError", "not read in"])
            item.add_marker(again)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = [os.environ.get("SDBOOK_BROWSER"), *map(shutil.which, NAMES), own]
        path = next((path for path in found if path and Path(path).is_file()), None)
        if path is None:
            pytest.skip(
                "no Chromium or Chrome found: install one, run `playwright install chromium`, "
                "or set SDBOOK_BROWSER to the path of one"
            )
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # a page asks for many files at once

    def handle_error(self, *_):
        """A page that is closed hangs up: nothing to report."""


@pytest.fixture(scope="session")
def serve():
    """Serve a folder over http: serve(folder) is its address."""
    servers = []

    def start(folder):
        handler = functools.partial(Quiet, directory=folder)
        server = Server(("127.0.0.1", 0), handler)
        # By default it takes half a second to notice that it should stop.
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def built_book(browser):  # asked for first: without a browser nobody needs the book
    if not (HTML / "index.html").is_file():
        if "PYTEST_XDIST_WORKER" in os.environ:  # which would all build it at once
            pytest.fail("the book is not built: run `python tools/book.py`", pytrace=False)
        assert book.build() == 0
    return HTML


@pytest.fixture(scope="session")
def addresses(built_book, serve):
    """The address of the book, by how it is opened."""
    return {"http": serve(built_book), "file": built_book.as_uri() + "/"}


@pytest.fixture
def new_page(browser):
    """Open pages: new_page(width=..., theme=..., scripts=...)."""
    contexts = []

    def new(width=1280, theme="light", scripts=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts
        )
        contexts.append(context)
        if scripts:
            context.add_init_script(
                f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
            )
        return context.new_page()

    yield new
    for context in contexts:
        context.close()
