"""The face with a kernel, in a page that stands in for a notebook."""

from __future__ import annotations

import base64
import io

import checks
import numpy as np
import pytest
from PIL import Image

from sdbook.book import figures
from sdbook.book.explore import Choice, Explorer, Slider
from sdbook.book.explore.live import LiveExplorer

# What a front end does with a widget: it loads the module, hands it a model, and carries messages
# between the page and the kernel. Here, kernel(question) is a function of the test, and the kernel
# is busy as long as a test sets window.busy.
FRONT_END = """async ({ esm, css, state }) => {
    const style = document.head.appendChild(document.createElement("style"));
    style.textContent = css;
    const { default: face } = await import(
        "data:text/javascript;charset=utf-8," + encodeURIComponent(esm));
    const wait = () => new Promise((next) => setTimeout(next, 5));
    const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const listeners = {};
    const say = (event, ...what) => (listeners[event] ?? []).forEach((f) => f(...what));
    window.update = (changes) => {
        const changed = Object.keys(changes).filter((key) => `${changes[key]}` !== `${state[key]}`);
        Object.assign(state, changes);
        for (const key of changed) say("change:" + key);
    };
    let waiting = 0;
    window.answered = async () => {
        await wait();  // a page may ask a moment after it was touched
        while (waiting) await wait();
    };
    const model = {
        get: (key) => state[key],
        set: (key, value) => update({ [key]: value }),
        save_changes: () => {},
        send: async (question) => {
            window.most = Math.max(window.most ?? 0, ++waiting);
            while (window.busy) await wait();
            const { file, ...answer } = await kernel(question);
            waiting--;
            say("msg:custom", answer, file ? [bytes(file)] : []);
        },
        on: (event, f) => (listeners[event] ??= []).push(f),
        off: () => {},
    };
    state.first.image = bytes(state.first.image);
    face.render({ model, el: document.querySelector("main") });
    // Who looks at the picture waits for what was asked for.
    const image = document.querySelector("img");
    const decode = image.decode.bind(image);
    image.decode = () => answered().then(decode);
}"""

# What a mouse does to a slider, and nothing else: no control is taken hold of.
MOVE = """(slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
}"""
FILE = """async (image) => {
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
}"""


class Live:
    """A page with a live explorer, the widget that it talks to, and what the kernel drew."""

    def __init__(self, page, values=range(1, 4)):
        self.drawn = []
        controls = [Slider("share", "Share", values), Choice("kind", "Kind", ["a", "bcd"])]
        self.explorer = Explorer(self._draw, controls, size=(2, 2))
        self.widget = LiveExplorer(self.explorer)
        self.widget.send = self._send
        self.drawn.clear()
        self.page = page
        page.set_content("<!doctype html><html lang=en><title>Lab</title><main></main>")
        page.expose_function("kernel", self._kernel)
        self.slider = page.get_by_role("slider")
        first = self.widget.first | {"image": base64.b64encode(self.widget.first["image"]).decode()}
        state = {"markup": self.widget.markup, "position": self.widget.position, "first": first}
        module = {"esm": self.widget._esm, "css": self.widget._css}
        page.evaluate(FRONT_END, {**module, "state": state})

    def _draw(self, figure, *, share, kind):
        self.drawn.append((share, kind))
        ax = figure.add_subplot()
        ax.bar([0, 1], [share, len(kind)], color=figures.colour("student"))
        return f"The bars reach {share} and the length of {kind!r}."

    def _kernel(self, question):
        self.widget._handle_custom_msg(question, [])
        return self.answer

    def _send(self, content, files=()):
        self.answer = {
            **content,
            "file": "".join(base64.b64encode(each).decode() for each in files),
        }

    def shows(self, position, mode="light"):
        """Whether a page at rest shows what the player shows: pixels and message."""
        self.page.evaluate("answered()")
        image, caption = self.page.locator("img"), self.page.locator("figcaption")
        frame = self.explorer.frame(self.explorer.state(position), mode)
        one, other = (
            np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
            for file in (base64.b64decode(image.evaluate(FILE)), frame.webp())
        )
        texts = image.get_attribute("alt"), caption.inner_text()
        return (one == other).all() and texts == (frame.message, frame.message)


@pytest.fixture
def live(new_page):
    return Live(new_page())


def test_live_explorer_follows_the_keyboard(live):
    assert checks.keyboard(live.page) == []
    assert live.page.evaluate("most") == 1
    assert live.shows((2, 1))


def test_live_controls_have_names(live):
    page = live.page
    assert page.get_by_role("slider", name="Share").count() == 1
    group = page.get_by_role("group", name="Kind")
    assert group.get_by_role("radio", name="bcd").count() == 1
    assert checks.pictures(page) == []
    # JupyterLab leaves the arrow keys of such inputs alone.
    inputs = page.locator("input")
    assert inputs.count() == page.locator("input[data-lm-suppress-shortcuts]").count() == 3


def test_live_explorer_follows_theme_and_kernel(live):
    page = live.page
    assert live.shows((0, 0))
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert live.shows((0, 0), "dark")
    page.evaluate("update({ position: [1, 0] })")
    assert live.shows((1, 0), "dark")
    assert live.slider.input_value() == "1"
    assert page.locator("output").inner_text() == "2"


def test_a_quick_drag_leaves_no_backlog(new_page):
    live = Live(new_page(), range(1, 13))
    live.page.evaluate("busy = true")
    for value in range(1, 11):
        live.slider.evaluate(MOVE, value)
    assert live.page.locator("output").inner_text() == "11"
    live.page.evaluate("busy = false")
    live.page.evaluate("answered()")
    assert live.drawn == [(2, "a"), (11, "a")]  # the first move, which was asked for, and the last
    assert live.page.evaluate("most") == 1
    assert live.shows((10, 0))


def test_going_back_draws_nothing(live):
    for value in (1, 2):
        live.slider.evaluate(MOVE, value)
        assert live.shows((value, 0))
    live.page.evaluate("busy = true")  # not even a question is asked
    for value in (1, 0, 2):
        live.slider.evaluate(MOVE, value)
        assert live.shows((value, 0))


def test_what_a_control_leads_to_is_drawn_ahead(new_page):
    live = Live(new_page(), range(1, 6))
    live.slider.press("ArrowRight")
    live.page.evaluate("answered()")
    assert live.drawn == [(2, "a"), (3, "a"), (4, "a"), (5, "a")]
    live.drawn.clear()
    live.page.get_by_role("radio", name="bcd").click()
    live.page.evaluate("answered()")
    assert live.drawn == [(2, "bcd")]
    assert live.shows((1, 1))


def test_a_reader_goes_before_what_is_drawn_ahead(new_page):
    live = Live(new_page(), range(1, 10))
    live.slider.press("ArrowRight")
    live.page.evaluate("busy = true")
    live.page.wait_for_timeout(50)
    before = len(live.drawn)
    live.slider.evaluate(MOVE, 8)
    live.page.evaluate("busy = false")
    live.page.evaluate("answered()")
    assert (9, "a") in live.drawn[: before + 2]  # after no more than the one that was asked for
    assert live.shows((8, 0))


def test_a_drawing_that_fails_says_so_and_is_tried_again(live):
    draw = live.explorer.draw

    def fail(figure, **state):
        raise ZeroDivisionError("by zero")

    live.explorer.draw = fail
    live.slider.evaluate(MOVE, 1)
    live.page.evaluate("answered()")
    caption = live.page.locator("figcaption").inner_text()
    assert caption == "ZeroDivisionError: by zero while an explorer drew share=2, kind='a'"
    assert not live.page.locator("img").is_visible()
    live.explorer.draw = draw
    live.slider.evaluate(MOVE, 0)
    assert live.shows((0, 0))
    live.slider.evaluate(MOVE, 1)
    assert live.shows((1, 0))
    assert live.page.locator("img").is_visible()
