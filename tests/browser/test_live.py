"""The face with a kernel, in a page that stands in for a notebook."""

from __future__ import annotations

import base64

import checks
import pytest

from sdbook import plots
from sdbook.explore import Choice, Explorer, Slider
from sdbook.explore.live import LiveExplorer

# What a front end does with a widget: it loads the module, hands it a model, and sends to the
# kernel what the page changes. Here, kernel(state) is a function of the test.
FRONT_END = """async ({ esm, css, state }) => {
    const style = document.head.appendChild(document.createElement("style"));
    style.textContent = css;
    const { default: face } = await import(
        "data:text/javascript;charset=utf-8," + encodeURIComponent(esm));
    const listeners = {};
    const update = (changes) => {
        const changed = Object.keys(changes).filter((key) => changes[key] !== state[key]);
        Object.assign(state, changes);
        if (changes.image) {
            state.image = Uint8Array.from(atob(changes.image), (c) => c.charCodeAt(0));
        }
        for (const key of changed) (listeners["change:" + key] ?? []).forEach((f) => f());
    };
    window.update = update;
    const model = {
        get: (key) => state[key],
        set: (key, value) => update({ [key]: value }),
        save_changes: async () => update(await kernel(state.position, state.dark)),
        on: (event, f) => (listeners[event] ??= []).push(f),
        off: () => {},
    };
    update({ image: state.image + "" });
    face.render({ model, el: document.querySelector("main") });
}"""


def draw(figure, *, share, kind):
    ax = figure.add_subplot()
    ax.bar([0, 1], [share, len(kind)], color=plots.colour("student"))
    return f"The bars reach {share} and the length of {kind!r}."


@pytest.fixture
def live(new_page):
    """A page with a live explorer, and the widget that it talks to."""
    controls = [Slider("share", "Share", [1, 2, 3]), Choice("kind", "Kind", ["a", "bcd"])]
    widget = LiveExplorer(Explorer(draw, controls, size=(2, 2)))

    def state():
        image = base64.b64encode(widget.image).decode()
        return {"message": widget.message, "image": image}

    def kernel(position, dark):
        widget.set_state({"position": position, "dark": dark})
        return state()

    page = new_page()
    page.set_content("<!doctype html><html lang=en><title>Lab</title><main></main>")
    page.expose_function("kernel", kernel)
    first = {"markup": widget.markup, "position": widget.position, "dark": False, **state()}
    page.evaluate(FRONT_END, {"esm": widget._esm, "css": widget._css, "state": first})
    return page, widget


def test_live_explorer_follows_the_keyboard(live):
    page, widget = live
    assert checks.keyboard(page) == []
    assert widget.position == [2, 1]


def test_live_controls_have_names(live):
    page, _ = live
    assert page.get_by_role("slider", name="Share").count() == 1
    group = page.get_by_role("group", name="Kind")
    assert group.get_by_role("radio", name="bcd").count() == 1
    assert checks.pictures(page) == []
    # JupyterLab leaves the arrow keys of such inputs alone.
    inputs = page.locator("input")
    assert inputs.count() == page.locator("input[data-lm-suppress-shortcuts]").count() == 3


def test_live_explorer_follows_theme_and_kernel(live):
    page, widget = live
    light = widget.image
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_timeout(300)
    assert widget.dark
    assert widget.image != light
    page.evaluate("update({ position: [1, 0] })")
    assert page.get_by_role("slider").input_value() == "1"
    assert page.locator("output").inner_text() == "2"
