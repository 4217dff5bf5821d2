"""Explorers: one drawing function, the same picture and message in a notebook and on a page."""

from __future__ import annotations

import asyncio
import gc
import io
import itertools
import json
import threading
import weakref
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import ipywidgets
import live_explorers
import numpy as np
import pytest
import traitlets
from PIL import Image

from sdbook.book import figures
from sdbook.book.explore import Choice, Explorer, Picture, Slider, live
from sdbook.book.explore.live import LiveExplorer
from sdbook.book.explore.player import FRAMES_URL, player_html


def draw(figure, *, rate, noise):
    ax = figure.add_subplot()
    ax.plot([0, 1], [0, rate], color=figures.colour("student"))
    ax.set_ylim(0, 1)
    return f"With {noise} noise the line ends\nat {rate:.0%}."


RATE = Slider("rate", "Share of <wrong> labels", [0.1, 0.5, 0.9], start=0.5, format="{:.0%}")
NOISE = Choice("noise", "Noise", {'any "class"': "symmetric", "the next": "pair"}, start="pair")


@pytest.fixture
def explorer():
    return Explorer(draw, [RATE, NOISE], size=(3, 2))


class Page(HTMLParser):
    """What a reader meets in a piece of HTML: images, inputs, texts, and the player's data."""

    def __init__(self, html):
        super().__init__()
        self.images, self.inputs, self.texts, self.data = [], [], {}, {}
        self._open = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.images.append(attributes)
        elif tag == "input":
            self.inputs.append(attributes)
        else:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("img", "input"):
            assert self._open.pop() == tag

    def handle_data(self, text):
        if self._open[-1] == "script":
            self.data = json.loads(text)
        else:
            self.texts.setdefault(self._open[-1], []).append(text)


# Controls


def test_slider_has_plain_numbers():
    slider = Slider("t", "Rounds", np.arange(1, 4), start=np.int64(2), format=lambda t: f"{t} of 3")
    assert slider.values == (1, 2, 3)
    assert all(type(value) is int for value in slider.values)
    assert slider.texts == ("1 of 3", "2 of 3", "3 of 3")
    assert slider.start == 1


def test_choice_has_values_behind_its_texts():
    assert NOISE.texts == ('any "class"', "the next")
    assert NOISE.values == ("symmetric", "pair")
    assert NOISE.start == 1


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: Slider("t", "T", [1]),
            ValueError,
            r"values of 't' must be two or more, got \[1\]",
        ),
        (lambda: Slider("t", "T", [2, 1]), ValueError, "'t' must be ascending, got \\[2, 1\\]"),
        (lambda: Slider("t", "T", [1, 1]), ValueError, "'t' must be ascending"),
        (lambda: Slider("t", "T", [1, float("nan")]), ValueError, "'t' must be ascending"),
        (lambda: Slider("t", "T", ["a", "b"]), TypeError, "'t' must be numbers, got 'a'"),
        (lambda: Slider("t", "T", [1, 2], start=3), ValueError, "start .* \\[1, 2\\], got 3"),
        (
            lambda: Slider("t", "T", [0.1, 0.2], format="{:.0f}"),
            ValueError,
            "texts of 't' must differ, got",
        ),
        (lambda: Slider("t", " ", [1, 2]), ValueError, "label of 't'"),
        (lambda: Slider("a b", "T", [1, 2]), ValueError, "name of an argument, got 'a b'"),
        (lambda: Choice("k", "K", ["a"]), ValueError, "values of 'k' must be two or more"),
        (lambda: Choice("k", "K", ["a", "b"], start="c"), ValueError, "got 'c'"),
    ],
)
def test_control_errors(make, error, words):
    with pytest.raises(error, match=words):
        make()


# The explorer


def test_frame_has_pixels_and_message(explorer):
    frame = explorer.frame({"rate": 0.5, "noise": "pair"})
    assert frame.pixels.shape == (400, 600, 3)
    assert frame.message == "With pair noise the line ends at 50%."


def pixels(file):
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def test_smaller_and_quicker_files_have_the_same_pixels(explorer):
    frame = explorer.frame(explorer.state(explorer.start))
    file, small, quick = frame.webp(), frame.webp(small=True), frame.quick_png()
    assert len(small) < len(file)
    assert (pixels(small) == pixels(file)).all()
    assert (pixels(quick) == pixels(file)).all()


@pytest.mark.parametrize("mode", figures.MODES)
def test_files_have_the_background_of_the_page(explorer, mode):
    frame = explorer.frame({"rate": 0.5, "noise": "pair"}, mode)
    with figures.theme(mode):
        background = figures.colour("background")
    files = ((frame.webp(), (600, 400)), (frame.quick_png(), (600, 400)), (frame.png(), (300, 200)))
    for file, size in files:
        image = Image.open(io.BytesIO(file)).convert("RGB")
        assert image.size == size
        assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((1, 1))) == background
    assert len(frame.png()) < 10_000


def test_frames_are_the_same_again(explorer):
    state = {"rate": 0.9, "noise": "symmetric"}
    assert explorer.frame(state).webp() == explorer.frame(state).webp()


def test_positions_and_states(explorer):
    assert len(explorer) == 6
    assert list(explorer.positions()) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert explorer.start == (1, 1)
    assert explorer.state((2, 0)) == {"rate": 0.9, "noise": "symmetric"}


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Explorer("draw", [RATE]), TypeError, "draw must be a function, got 'draw'"),
        (lambda: Explorer(draw, [RATE]), TypeError, r"keyword arguments \['rate'\].*'noise'"),
        (lambda: Explorer(draw, ["rate"]), TypeError, "must be Slider or Choice, got 'rate'"),
        (lambda: Explorer(draw, [RATE, RATE]), ValueError, "different names"),
        (lambda: Explorer(draw, [RATE, NOISE], size=(0, 1)), ValueError, r"got \(0, 1\)"),
        (
            lambda: Explorer(draw, [Slider("rate", "Rate", range(201)), NOISE]),
            ValueError,
            "at most 400 .* got 201 x 2 = 402",
        ),
    ],
)
def test_explorer_errors(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_an_error_in_draw_names_the_state():
    def fail(figure, *, rate):
        return f"{1 / (rate - 0.5)}"

    with pytest.raises(ZeroDivisionError) as caught:
        Explorer(fail, [RATE]).frame({"rate": 0.5})
    assert caught.value.__notes__ == ["while an explorer drew rate=0.5"]


@pytest.mark.parametrize("message", [None, " ", 3])
def test_a_picture_needs_a_message(message):
    with pytest.raises(TypeError, match="draw must return what the picture shows"):
        repr(Picture(lambda figure: message))


# In a notebook, and on a page


def test_live_bundle(explorer, monkeypatch):
    monkeypatch.delenv("SDBOOK_STATIC", raising=False)
    data, _ = explorer._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert data["text/plain"] == "With pair noise the line ends at 50%."
    assert Image.open(io.BytesIO(data["image/png"])).size == (300, 200)


def test_static_bundle(explorer, monkeypatch, tmp_path):
    monkeypatch.setenv("SDBOOK_STATIC", str(tmp_path / "frames"))
    data, _ = explorer._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png", "text/html"}
    assert data["text/plain"] == "With pair noise the line ends at 50%."
    # The line does not depend on the noise: three pictures, light and dark; and that of the start
    # once more, as a smaller file.
    assert len(list((tmp_path / "frames").iterdir())) == 8


def test_player_markup(explorer, tmp_path):
    page = Page(player_html(explorer, tmp_path))
    message = "With pair noise the line ends at 50%."
    assert page.texts["figcaption"] == [message]
    scripted, fallback = page.images
    assert "src" not in scripted
    assert scripted["alt"] == fallback["alt"] == message
    assert (scripted["width"], scripted["height"]) == ("300", "200")
    assert fallback["src"] == FRAMES_URL + page.data["light"][3]
    assert page.data["messages"][4] == "With symmetric noise the line ends at 90%."
    assert page.texts["span"] == ["Share of <wrong> labels", 'any "class"', "the next"]
    assert page.texts["legend"] == ["Noise"]
    assert page.texts["output"] == ["50%"]
    slider, *radios = page.inputs
    assert (slider["max"], slider["value"], slider["aria-valuetext"]) == ("2", "1", "50%")
    assert ["checked" in radio for radio in radios] == [False, True]


def test_a_message_cannot_break_the_page(tmp_path):
    message = '"quoted" </script><img src=x> & more'
    page = Page(player_html(Picture(lambda figure: message, size=(1, 1)), tmp_path))
    assert page.data["messages"] == [message]
    assert page.texts["figcaption"] == [message]
    assert {image["alt"] for image in page.images} == {message}


def test_a_picture_has_no_controls(tmp_path):
    picture = Picture(lambda figure: "An empty figure.", size=(2, 1))
    page = Page(player_html(picture, tmp_path))
    assert len(picture) == 1
    assert page.inputs == []
    assert LiveExplorer(picture).first["message"] == "An empty figure."


def test_live_widget_refuses_other_positions(explorer):
    widget = LiveExplorer(explorer)
    for position in ([0], [3, 0], [-1, 0], [0, 0, 0]):
        with pytest.raises(traitlets.TraitError, match="one index for each control"):
            widget.position = position
        with pytest.raises(traitlets.TraitError, match="one index for each control"):
            widget.picture(position)
    assert widget.position == [1, 1]


@pytest.fixture
def ask(monkeypatch):
    """Ask a widget as its page does; what it answered: content and files."""

    def ask(widget, position, dark=False):
        answers = []
        monkeypatch.setattr(widget, "send", lambda *answer: answers.append(answer))
        widget._handle_custom_msg({"position": position, "dark": dark}, [])
        return answers

    return ask


@pytest.fixture
def drawn(explorer, monkeypatch):
    """What the explorer is asked to draw from now on."""
    states = []

    def noted(figure, **state):
        states.append(tuple(state.values()))
        return draw(figure, **state)

    monkeypatch.setattr(explorer, "draw", noted)
    return states


def test_a_state_is_drawn_once(explorer, drawn, ask):
    widget = LiveExplorer(explorer)
    assert pixels(widget.first["image"]).shape == (400, 600, 3)
    ((answer, (file,)),) = ask(widget, [2, 0])
    message = "With symmetric noise the line ends at 90%."
    assert answer == {"position": [2, 0], "dark": False, "message": message}
    assert (pixels(file) == pixels(explorer.frame(explorer.state((2, 0))).webp())).all()
    drawn.clear()
    assert ask(widget, [2, 0]) == [(answer, [file])]
    assert ask(widget, [1, 1])[0][1] == [widget.first["image"]]  # where it starts
    assert drawn == []
    assert ask(widget, [2, 0], dark=True)[0][1] != [file]
    assert drawn == [(0.9, "symmetric")]


def test_what_is_kept_has_few_bytes(explorer, drawn, ask, monkeypatch):
    monkeypatch.setattr(live, "KEPT", OrderedDict())
    widget = LiveExplorer(explorer)
    monkeypatch.setattr(live, "MOST_BYTES", int(2.5 * len(widget.first["image"])))
    for position in explorer.positions():
        ask(widget, list(position))
        assert sum(len(file) for _, file in live.KEPT.values()) <= live.MOST_BYTES
    drawn.clear()
    ask(widget, [2, 1])
    assert drawn == []
    ask(widget, [0, 0])
    assert drawn == [(0.1, "symmetric")]
    monkeypatch.setattr(live, "MOST_BYTES", 0)
    assert len(ask(widget, [2, 1])) == 1


@pytest.mark.parametrize("kind", [ZeroDivisionError, KeyboardInterrupt])
def test_a_page_gets_an_answer_when_the_drawing_fails(explorer, monkeypatch, kind):
    widget = LiveExplorer(explorer)

    def fail(figure, **state):
        raise kind("by zero")

    monkeypatch.setattr(explorer, "draw", fail)
    answers = []
    monkeypatch.setattr(widget, "send", lambda *answer: answers.append(answer))
    question = {"position": [0, 0], "dark": False}
    with pytest.raises(kind):  # which Jupyter shows
        widget._answer(question)
    ((answer,),) = answers
    assert answer.pop("error").startswith(f"{kind.__name__}: by zero")
    assert answer == question


def test_a_drawing_waits_for_the_cell_that_runs(explorer, monkeypatch):
    """Questions may come in another thread, and styles are common to all threads."""
    threads, answers = [], []

    def noted(figure, **state):
        threads.append(threading.current_thread())
        return draw(figure, **state)

    async def kernel():
        widget = LiveExplorer(explorer)
        threads.clear()
        monkeypatch.setattr(explorer, "draw", noted)
        answered = asyncio.Event()
        monkeypatch.setattr(
            widget, "send", lambda *answer: (answers.append(answer), answered.set())
        )
        question = {"position": [0, 0], "dark": False}
        other = threading.Thread(target=widget._handle_custom_msg, args=(question, []))
        other.start()
        other.join()  # the kernel is busy
        assert threads == answers == []
        await answered.wait()
        assert threads == [threading.current_thread()]

    with ThreadPoolExecutor(1) as thread:  # where no other loop runs
        thread.submit(asyncio.run, kernel()).result()
    assert answers[0][0]["position"] == [0, 0]


def test_a_figure_dies_young(explorer, monkeypatch):
    """Otherwise Python searches all that a kernel holds, again and again."""
    figures = []

    def noted(figure, **state):
        figures.append(weakref.ref(figure))
        return draw(figure, **state)

    monkeypatch.setattr(explorer, "draw", noted)
    explorer.frame(explorer.state(explorer.start))
    gc.collect(0)
    assert figures[0]() is None


@pytest.mark.parametrize("collects", [True, False])
def test_a_drawing_leaves_the_collection_of_garbage_as_it_was(collects):
    (gc.enable if collects else gc.disable)()
    try:
        Picture(lambda figure: "An empty figure.").frame({})
        assert gc.isenabled() == collects
        with pytest.raises(TypeError):
            Picture(lambda figure: None).frame({})
        assert gc.isenabled() == collects
    finally:
        gc.enable()


# What is checked of every explorer in every notebook, see conftest.py


def test_widget_and_player_show_the_same(explorer, tmp_path):
    page = Page(player_html(explorer, tmp_path))
    widget = LiveExplorer(explorer)
    assert isinstance(widget, ipywidgets.DOMWidget)
    assert Page(widget.markup).inputs == page.inputs
    assert Page(widget.markup).texts == page.texts
    for index, position in enumerate(explorer.positions()):
        for mode in figures.MODES:
            message, image = widget.picture(list(position), mode == "dark")
            assert message == page.data["messages"][index]
            file = tmp_path / page.data[mode][index]
            assert (pixels(image) == pixels(file.read_bytes())).all()


SHARE = Slider("share", "Share", [0.2, 0.4, 0.6, 0.8], start=0.4)


def bar(figure, *, share):
    figure.add_subplot().bar([0], [share])
    return f"The bar reaches {share}."


def stuck_picture(figure, *, share):
    figure.add_subplot()
    return f"The bar reaches {share}."


def stuck_message(figure, *, share):
    figure.add_subplot().bar([0], [share])
    return "There is a bar."


TIMES = itertools.count()


def restless(figure, *, share):
    figure.add_subplot().bar([0], [next(TIMES)])
    return f"The bar reaches {share}."


def small_text(figure, *, share):
    figure.add_subplot().bar([0], [share])
    figure.text(0.5, 0.5, "small", fontsize=6)
    return f"The bar reaches {share}."


def long_text(figure, *, share):
    figure.add_subplot().bar([0], [share])
    figure.text(0.9, 0.5, "long" * 5)
    return f"The bar reaches {share}."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drawing", "problem"),
    [
        (bar, None),
        (stuck_picture, "control 'share' does not change the picture of 'The bar reaches 0.2.'"),
        (stuck_message, "control 'share' does not change the message 'There is a bar.'"),
        (restless, "drawn again, 'The bar reaches 0.4.' in dark colours is another picture"),
        (small_text, "too small: 'small' in the picture of 'The bar reaches 0.8.'"),
        (long_text, "cut off: 'longlonglonglonglong' in the picture of 'The bar reaches 0.2.'"),
    ],
)
def test_live_checks_find_what_is_wrong(drawing, problem):
    widget = LiveExplorer(Explorer(drawing, [SHARE]))
    found = list(live_explorers.problems(widget))
    assert (found == []) if problem is None else (problem in found), found


def test_live_checks_find_what_cells_below_changed():
    height = 0.1
    widget = LiveExplorer(Picture(lambda figure: f"A bar of {height}.", size=(2, 1)))
    assert list(live_explorers.problems(widget)) == []
    height = 0.2
    (found,) = live_explorers.problems(widget)
    assert found == "changed after it was shown: 'A bar of 0.1.' is now 'A bar of 0.2.'"


def test_live_checks_find_every_widget_and_fail_with_all_problems(explorer, monkeypatch):
    widgets = [LiveExplorer(explorer) for _ in range(2)]
    found = live_explorers.shown()
    assert all(any(each is widget for each in found) for widget in widgets)
    monkeypatch.setattr(live_explorers, "shown", lambda: widgets)
    monkeypatch.setattr(live_explorers, "problems", lambda widget: [f"{id(widget)} is wrong"])
    with pytest.raises(AssertionError) as caught:
        live_explorers.check()
    assert all(f"{id(widget)} is wrong" in str(caught.value) for widget in widgets)
