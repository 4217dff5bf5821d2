"""Every page of the built book, as a reader's browser sees it, over http and from disk."""

from __future__ import annotations

import re

import checks
import pytest
import yaml

import book  # tools/book.py
from sdbook.book import statements

TOC = yaml.safe_load((book.ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"]] + [chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]]
CHAPTERS = [name for name in PAGES if re.match(r"notebooks/\d", name)]
OTHER_PAGES = ["genindex", "prf-prf", "py-modindex", "search"]  # that Sphinx makes
HEAVIEST = 1_500_000  # bytes, before a control is touched

each_page = pytest.mark.parametrize("name", PAGES)
both_ways = pytest.mark.parametrize("way", ["http", "file"])


def test_every_page_is_tested(built_book):
    built = {
        path.relative_to(built_book).with_suffix("").as_posix()
        for path in built_book.rglob("*.html")
        if not {"_static", "_modules", "_sources"} & set(path.parts)
    }
    assert built == {"index", *PAGES, *OTHER_PAGES}


@both_ways
@pytest.mark.parametrize("name", [*PAGES, *OTHER_PAGES])
def test_page_works(new_page, addresses, name, way):
    """Read a page once, and look at all that can be looked at there."""
    page = new_page()
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    weight = checks.weigh(page)
    problems = {
        "requests": checks.requests(page, f"{addresses[way]}{name}.html", addresses[way]),
        "pictures": checks.pictures(page),
        "math": checks.math(page),
    }
    if way == "http" and name in PAGES:
        assert page.locator("html").get_attribute("data-theme") == "light"
        problems |= {
            "weight": [] if weight() < HEAVIEST else [f"{weight()} bytes"],
            "theme": frames_not_of_the_theme(page, loaded),
            "accessibility": checks.accessibility(page),
        }
    problems |= {"keyboard": checks.keyboard(page)}
    assert not any(problems.values()), problems


def frames_not_of_the_theme(page, loaded):
    """Frames that were loaded for another theme than the page's, and that do not follow it."""
    images = page.locator("figure.sdbook-explorer img")

    def sources(theme):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
        return images.evaluate_all("(images) => images.map((image) => image.src)")

    frames = {url for url in loaded if "/frames/" in url}
    light, dark, again = sources("light"), sources("dark"), sources("light")
    found = [f"loaded: {url}" for url in frames ^ set(light)]
    return found + [f"stays: {url}" for url in {*light} & {*dark} | {*light} ^ {*again}]


@both_ways
def test_the_book_opens_at_its_cover(new_page, addresses, way):
    page = new_page()
    page.goto(addresses[way] + "index.html")
    page.wait_for_url(f"{addresses[way]}{TOC['root']}.html")


@each_page
def test_dark_page_has_contrast(new_page, addresses, name):
    page = new_page(theme="dark")
    checks.read(page, f"{addresses['http']}{name}.html")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert checks.accessibility(page, ["color-contrast"]) == []  # all that depends on the theme


@each_page
def test_page_fits_a_phone(new_page, addresses, name):
    page = new_page(width=390)
    checks.read(page, f"{addresses['http']}{name}.html")
    assert checks.overflow(page) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_chapter_has_an_explorer(built_book, name):
    page = (built_book / f"{name}.html").read_text(encoding="utf-8")
    assert '<figure class="sdbook-explorer"' in page
    assert '<div class="sdbook-control' in page or '<fieldset class="sdbook-control' in page


@each_page
def test_pictures_show_without_scripts(new_page, addresses, name):
    page = new_page(scripts=False)
    page.goto(f"{addresses['http']}{name}.html")
    for figure in page.locator("figure.sdbook-explorer").all():
        image = figure.locator("img:visible")
        image.scroll_into_view_if_needed()
        assert image.count() == 1
        assert image.get_attribute("alt") == figure.locator("figcaption").inner_text()
        assert figure.locator("input:visible").count() == 0


def test_numbers_of_the_statements_are_those_of_the_book(built_book):
    page = (built_book / "notebooks" / "statements.html").read_text(encoding="utf-8")
    found = re.findall(r'href="([\w.]+)\.html#([\w-]+)">(\w+ \d+)</a>', page)
    wanted = [(each.chapter, each.label, each.name) for each in statements.STATEMENTS]
    assert found == wanted
