"""Every page of the built book, as a reader's browser sees it, over http and from disk."""

from __future__ import annotations

import re

import checks
import pytest
import yaml

import book  # tools/book.py
from sdbook import ledger

TOC = yaml.safe_load((book.ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"]] + [chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]]
CHAPTERS = [name for name in PAGES if re.match(r"notebooks/\d", name)]
OTHER_PAGES = ["genindex", "prf-prf", "py-modindex", "search"]  # that Sphinx makes
HEAVIEST = 1_500_000  # bytes, before a control is touched

each_page = pytest.mark.parametrize("name", PAGES)
both_ways = pytest.mark.parametrize("way", ["http", "file"])
both_themes = pytest.mark.parametrize("theme", ["light", "dark"])


def test_every_page_is_tested(built_book):
    built = {
        path.relative_to(built_book).with_suffix("").as_posix()
        for path in built_book.rglob("*.html")
        if not {"_static", "_modules", "_sources"} & set(path.parts)
    }
    assert built == {"index", *PAGES, *OTHER_PAGES}


@both_ways
@pytest.mark.parametrize("name", [*PAGES, *OTHER_PAGES])
def test_page_loads_alone_and_without_errors(new_page, addresses, name, way):
    page = new_page()
    origin = addresses[way]
    assert checks.requests(page, f"{origin}{name}.html", origin) == []
    assert checks.pictures(page) == []
    assert checks.math(page) == []


@both_ways
def test_the_book_opens_at_its_cover(new_page, addresses, way):
    page = new_page()
    page.goto(addresses[way] + "index.html")
    page.wait_for_url(f"{addresses[way]}{TOC['root']}.html")


@each_page
def test_page_is_light(new_page, addresses, name):
    assert checks.weight(new_page(), f"{addresses['http']}{name}.html") < HEAVIEST


@both_themes
@each_page
def test_page_is_accessible(new_page, addresses, name, theme):
    page = new_page(theme=theme)
    checks.read(page, f"{addresses['http']}{name}.html")
    assert page.locator("html").get_attribute("data-theme") == theme
    # Only colours depend on the theme.
    assert checks.accessibility(page, ["color-contrast"] if theme == "dark" else None) == []


@each_page
def test_page_fits_a_phone(new_page, addresses, name):
    page = new_page(width=390)
    checks.read(page, f"{addresses['http']}{name}.html")
    assert checks.overflow(page) == []


@both_ways
@each_page
def test_explorers_follow_the_keyboard(new_page, addresses, name, way):
    page = new_page()
    checks.read(page, f"{addresses[way]}{name}.html")
    assert checks.keyboard(page) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_chapter_has_an_explorer(built_book, name):
    page = (built_book / f"{name}.html").read_text(encoding="utf-8")
    assert '<figure class="sdbook-explorer"' in page
    assert '<div class="sdbook-control' in page or '<fieldset class="sdbook-control' in page


@each_page
def test_pictures_follow_the_theme(new_page, addresses, name):
    page = new_page()
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    checks.read(page, f"{addresses['http']}{name}.html")
    images = page.locator("figure.sdbook-explorer img")
    light = images.evaluate_all("(images) => images.map((image) => image.src)")
    assert len([url for url in loaded if "/frames/" in url]) == len(set(light))
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark = images.evaluate_all("(images) => images.map((image) => image.src)")
    assert not set(light) & set(dark)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert images.evaluate_all("(images) => images.map((image) => image.src)") == light


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


def test_numbers_of_the_ledger_are_those_of_the_book(built_book):
    page = (built_book / "notebooks" / "ledger.html").read_text(encoding="utf-8")
    found = re.findall(r'href="([\w.]+)\.html#([\w-]+)">(\w+ \d+)</a>', page)
    wanted = [(each.chapter, each.label, each.name) for each in ledger.STATEMENTS]
    assert found == wanted
