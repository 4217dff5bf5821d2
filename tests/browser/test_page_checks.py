"""Each check must be able to fail: what it says about pages that are broken on purpose."""

from __future__ import annotations

import base64
import itertools

import checks
import pytest
from playwright.sync_api import Error

from sdbook.book.explore import Explorer, Slider
from sdbook.book.explore.player import FRAMES_URL, SCRIPTS, STYLES, player_html

PAGE = "<!doctype html><html lang=en><title>A page</title><main><h1>A page</h1>{}</main>"
DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
TALL = "<div style='height:9000px'></div>"
SHOWN = f'<img src="{DOT}" alt="A dot." width=20 height=20>'


@pytest.fixture
def address(tmp_path, serve):
    """Write a page and serve it."""
    origin = serve(tmp_path)
    (tmp_path / "favicon.ico").touch()  # the browser asks for it
    numbers = itertools.count()  # a new name each time: browsers remember pages

    def write(body):
        name = f"{next(numbers)}.html"
        (tmp_path / name).write_text(PAGE.format(body), encoding="utf-8")
        return origin + name

    return write


def test_read_brings_back_a_picture_that_was_scrolled_past(new_page, address, tmp_path):
    (tmp_path / "dot.gif").write_bytes(base64.b64decode(DOT.partition(",")[2]))
    late = f"""{TALL * 4}<script>
        addEventListener("scroll", () => {{
            if (scrollY < 20000 || document.images.length) return;
            document.querySelector("h1").innerHTML = `{TALL}
                <img src=dot.gif alt="A dot." width=20 height=20 loading=lazy>`;
        }});
    </script>"""
    page = new_page()
    checks.read(page, address(late))
    assert page.locator("img").count() == 1
    assert checks.pictures(page) == []


def test_read_goes_on_where_the_browser_does_not_draw(new_page, address):
    page = new_page()
    checks.read(page, address("<script>requestAnimationFrame = () => 0</script>"))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<img src=late/dot.gif alt='A dot.' loading=lazy>", "the picture .*late/dot.gif"),
        (
            "<script>MathJax = { startup: { promise: new Promise(() => 0) } }</script>",
            "formulas",
        ),
    ],
)
def test_read_names_what_does_not_finish(new_page, serve, tmp_path, body, what):
    # The page itself is complete, so that only reading it waits for the picture.
    (tmp_path / "page.html").write_text(PAGE.format(f"{TALL}{body}"), encoding="utf-8")
    page = new_page()
    page.route("**/late/*", lambda route: None)  # no answer, ever
    with pytest.raises(Error, match=f"not read in 1 s, waiting for {what}"):
        checks.read(page, serve(tmp_path) + "page.html", limit=1)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<script>console.error('oh')</script>", "console: oh"),
        ("<script>missing()</script>", "script: missing is not defined"),
        ("<img src=missing.png alt=None>", "status 404: "),
        ("<script src=http://localhost:9/a.js></script>", "elsewhere: http://localhost:9/a.js"),
        ("<link rel=preconnect href=http://localhost:9>", "hint: http://localhost:9"),
    ],
)
def test_requests(new_page, address, body, problem):
    url = address(SHOWN)
    assert checks.requests(new_page(), url, url.rpartition("/")[0]) == []
    url = address(body)
    found = checks.requests(new_page(), url, url.rpartition("/")[0])
    assert any(problem in line for line in found), found


def test_weigh(new_page, address, tmp_path):
    (tmp_path / "heavy.js").write_text("//" + "x" * 100_000)

    def weight(body):
        page = new_page()
        weight = checks.weigh(page)
        checks.read(page, address(body))
        page.wait_for_load_state("networkidle")
        return weight()

    assert 0 < weight(SHOWN) < 2_000
    assert weight("<script src=heavy.js></script>") > 100_000


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<span class=math>x^2</span>", "not typeset: x^2"),
        ("<mjx-merror>Unknown macro</mjx-merror>", "error: Unknown macro"),
        (r"<p>Let \(x\) be</p>", r"raw: \(x\) be"),
        ("<p>So $$x$$ it is", "raw: $$x$$ it is"),
        ("<p>So $x+1$ it is", "raw: $x+1$"),
    ],
)
def test_math(new_page, address, body, problem):
    page = new_page()
    checks.read(page, address("<span class=math><mjx-container>x</mjx-container></span>"))
    assert checks.math(page) == []
    checks.read(page, address(body))
    assert checks.math(page) == [problem]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (f"<img src={DOT}>", "no alternative text"),
        (f"<img src={DOT} alt=' '>", "no alternative text"),
        ("<img src=missing.png alt=None>", "does not load"),
    ],
)
def test_pictures(new_page, address, body, problem):
    page = new_page()
    checks.read(page, address(SHOWN))
    assert checks.pictures(page) == []
    checks.read(page, address(body))
    (found,) = checks.pictures(page)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<input type=range>", "label"),
        ("<p style='color:#aaa;background:#fff'>Pale text.</p>", "color-contrast"),
    ],
)
def test_accessibility(new_page, address, body, rule):
    page = new_page()
    checks.read(page, address(SHOWN))
    assert checks.accessibility(page) == []
    checks.read(page, address(body))
    (found,) = checks.accessibility(page)
    assert found.startswith(rule + ":")


def test_overflow(new_page, address):
    page = new_page(width=390)
    viewport = "<meta name=viewport content='width=device-width'>"
    checks.read(page, address(viewport + SHOWN))
    assert checks.overflow(page) == []
    checks.read(page, address(viewport + "<div style='width:500px;height:9px'></div>"))
    assert any("in a window of 390" in line for line in checks.overflow(page))


def draw(figure, *, share):
    figure.add_subplot().bar([0], [share])
    return f"The bar reaches {share}."


def stuck_picture(figure, *, share):
    figure.add_subplot()
    return f"The bar reaches {share}."


def stuck_message(figure, *, share):
    figure.add_subplot().bar([0], [share])
    return "There is a bar."


@pytest.mark.parametrize(
    ("drawing", "breaks", "problem"),
    [
        (draw, None, None),
        (stuck_picture, None, "Share: picture does not change"),
        (stuck_message, None, "Share: alternative text does not change"),
        (draw, ("image.alt = ", "0 && "), "Share: alternative text does not change"),
        (draw, ("data.folder", "'nowhere/'"), "Share: picture does not change or is missing"),
        (
            draw,
            ('setAttribute("aria-valuetext", texts[get()])', "focus()"),
            "Share: control does not change",
        ),
    ],
)
def test_keyboard(new_page, address, tmp_path, drawing, breaks, problem):
    explorer = Explorer(drawing, [Slider("share", "Share", [1, 2, 3, 4, 5])], size=(2, 2))
    html = player_html(explorer, tmp_path / "frames").replace(FRAMES_URL, "frames/")
    style = "".join(path.read_text(encoding="utf-8") for path in STYLES)
    script = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    if breaks:
        assert breaks[0] in script
        script = script.replace(*breaks)
    page = new_page()
    checks.read(page, address(f"<style>{style}</style>{html}<script>{script}</script>"))
    found = checks.keyboard(page)
    if problem is None:
        assert found == []
    else:
        assert any(line.startswith(problem) for line in found), found
