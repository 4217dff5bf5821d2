"""The chapters in JupyterLab: what a reader sees who opens one, and what happens when it is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from markup import RAW

import notebooks  # tools/notebooks.py

TOKEN = "a-reader"
NAMES = [pair.name for pair in notebooks.find_pairs()]
QUICK = "16_paper"  # to run
PATIENCE = 120  # seconds, for a busy machine

# Every cell in the page, and none of what Lab itself would ask other servers for.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}

# Cells with text that are rendered, and formulas of theirs that are typeset.
RENDERED = """(text) => {
    const cells = document.querySelectorAll(".jp-MarkdownCell.jp-mod-rendered");
    const raw = (cell) => cell.querySelector(".jp-RenderedMarkdown").textContent.includes("$");
    return cells.length === text && ![...cells].some(raw);
}"""


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):  # without a browser nobody needs the server
    """The address of a JupyterLab on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(notebooks.FOLDER, folder / "notebooks")
    for name, settings in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.root_dir": folder / "notebooks",
        "IdentityProvider.token": TOKEN,
        "LabApp.user_settings_dir": folder / "settings",
        "LabApp.workspaces_dir": folder / "workspaces",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env={**os.environ, "IPYTHONDIR": str(folder / "ipython")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_until(lambda: answers(f"{address}api?token={TOKEN}"))
        yield address
    finally:
        server.terminate()
        server.wait(60)


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as reply:
            return reply.status == 200
    except OSError:
        return False


def wait_until(true):
    """Wait for something that no event tells."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() < start + PATIENCE
        time.sleep(0.2)


@pytest.fixture
def open_chapter(lab, new_page):
    """Open a chapter in JupyterLab, with all of its text rendered: open_chapter(name)."""

    def start(name):
        page = new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{lab}lab/tree/{name}.ipynb?token={TOKEN}&reset")
        cells = notebooks.read(notebooks.FOLDER / f"{name}.ipynb").cells
        text = sum(cell.cell_type == "markdown" for cell in cells)
        page.wait_for_function(RENDERED, arg=text)
        return page

    return start


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_reads_like_its_page(open_chapter, name):
    page = open_chapter(name)
    text = page.evaluate(
        """() => [...document.querySelectorAll(".jp-RenderedMarkdown")].map((cell) => {
            const copy = cell.cloneNode(true);
            copy.querySelectorAll("code, pre, mjx-container").forEach((each) => each.remove());
            return copy.textContent;
        }).join("\\n\\n")"""
    )
    assert RAW.findall(text) == []
    assert re.findall(r"\$.{0,40}", text) == [], "formulas that are not typeset"
    assert page.locator(".jp-RenderedMarkdown mjx-merror").count() == 0
    # Answers, hints and solutions are folded.
    assert page.locator(".jp-RenderedMarkdown details[open]").count() == 0
    # Of what the book hides there is a bar to click on, no code.
    hidden = [
        cell
        for cell in notebooks.read(notebooks.FOLDER / f"{name}.ipynb").cells
        if cell.metadata.get("jupyter", {}).get("source_hidden")
    ]
    assert page.locator(".jp-CodeCell .jp-InputPlaceholder").count() == len(hidden)


def test_a_chapter_runs_and_its_explorers_move(open_chapter):
    page = open_chapter(QUICK)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    figures = page.locator("figure.sdbook-explorer").filter(has=page.locator("input"))
    figures.last.wait_for()
    page.wait_for_function(
        """() => ![...document.querySelectorAll(".jp-InputPrompt")].some(
            (prompt) => prompt.textContent.includes("*"))"""
    )
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert "cannot be displayed" not in page.locator(".jp-Notebook").inner_text()
    for figure in figures.all():
        said = caption(figure)
        before = source(figure)
        control = figure.locator("input[type=range], input:checked").first
        control.focus()
        at_end = control.get_attribute("value") == control.get_attribute("max")
        page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        wait_until(lambda figure=figure, said=said: caption(figure) != said)
        wait_until(lambda figure=figure, before=before: source(figure) != before)


def caption(figure):
    return figure.locator("figcaption").inner_text()


def source(figure):
    return figure.locator("img").get_attribute("src")
