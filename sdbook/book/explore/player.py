"""An explorer on a page without a kernel: HTML, with all of its frames as files.

The markup is also the one of the live widget, so that both look and behave the same. It needs the
style sheet and the scripts in ``assets``, once per page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from sdbook.book import figures
from sdbook.book.explore.controls import Control, Slider
from sdbook.book.explore.drawing import Drawing

ASSETS = Path(__file__).with_name("assets")
STYLES = (ASSETS / "explorer.css",)
SCRIPTS = (ASSETS / "controls.js", ASSETS / "player.js")

FRAMES_URL = "../_static/frames/"
"""Where a page finds the frames: pages of the book are one folder below its top."""


def player_html(drawing: Drawing, folder: Path) -> str:
    """Draw all frames of an explorer, and return the player that shows them.

    Parameters
    ----------
    drawing : Drawing
    folder : Path
        Where the frames go. Files are named by their content, so that equal frames are stored
        once and a browser never shows an old one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    messages: list[str] = []
    files: dict[str, list[str]] = {mode: [] for mode in figures.MODES}
    for position in drawing.positions():
        for mode in figures.MODES:
            frame = drawing.frame(drawing.state(position), mode)
            # Every reader loads the start, few load all the rest.
            content = frame.webp(small=position == drawing.start)
            files[mode].append(_write(content, folder))
        messages.append(frame.message)
    start = list(drawing.positions()).index(drawing.start)
    data = json.dumps({"folder": FRAMES_URL, "messages": messages, **files}, ensure_ascii=False)
    return markup(
        drawing,
        messages[start],
        without_script=FRAMES_URL + files["light"][start],
        data=data.replace("</", "<\\/"),
    )


def _write(content: bytes, folder: Path) -> str:
    name = hashlib.sha256(content).hexdigest()[:16] + ".webp"
    path = folder / name
    if not path.exists():
        path.write_bytes(content)
    return name


def markup(drawing: Drawing, message: str, *, without_script: str = "", data: str = "") -> str:
    """The figure, its controls and its caption as HTML.

    Parameters
    ----------
    drawing : Drawing
    message : str
        The message of the start state.
    without_script : str
        The address of the picture for a reader without JavaScript. A script sets the source of
        the other one, so that nobody loads a picture for the theme they do not use.
    data : str
        What the player has to know, as JSON.
    """
    width, height = drawing.css_size
    size = f'width="{width}" height="{height}"'
    alt = escape(message)
    fallback = (
        f'<noscript><img class="dark-light" src="{without_script}" alt="{alt}" {size}></noscript>'
        if without_script
        else ""
    )
    payload = f'<script type="application/json">{data}</script>' if data else ""
    controls = "".join(_control(control) for control in drawing.controls)
    return (
        f'<figure class="sdbook-explorer" style="--sdbook-width: {width}px">'
        f'<div class="sdbook-picture" style="aspect-ratio: {width} / {height}">'
        f'<img class="dark-light" alt="{alt}" {size} loading="lazy" hidden>{fallback}</div>'
        + (f'<div class="sdbook-controls">{controls}</div>' if controls else "")
        + f'<figcaption aria-live="polite">{escape(message)}</figcaption>{payload}</figure>'
    )


def _control(control: Control) -> str:
    if isinstance(control, Slider):
        return _slider(control)
    options = "".join(
        f'<label><input type="radio" value="{index}" autocomplete="off"'
        f"{' checked' if index == control.start else ''}><span>{escape(text)}</span></label>"
        for index, text in enumerate(control.texts)
    )
    return (
        f'<fieldset class="sdbook-control sdbook-choice"><legend>{escape(control.label)}</legend>'
        f"<div>{options}</div></fieldset>"
    )


def _slider(control: Control) -> str:
    text = escape(control.texts[control.start])
    return (
        f'<div class="sdbook-control sdbook-slider" data-texts="{_attribute(control.texts)}">'
        f"<label><span>{escape(control.label)}</span>"
        f'<input type="range" min="0" max="{len(control.values) - 1}" step="1" '
        f'value="{control.start}" aria-valuetext="{text}" autocomplete="off"></label>'
        f'<output aria-live="off">{text}</output></div>'
    )


def _attribute(texts: Sequence[str]) -> str:
    return escape(json.dumps(list(texts), ensure_ascii=False))
