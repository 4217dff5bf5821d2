"""What the build tools decide: when to forget, which links to show, which styles to keep."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import jupytext
import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook, new_output

import absent_libraries  # tools/sphinx_ext/
import bibliography_markup
import book  # tools/book.py
import lean_pages  # tools/sphinx_ext/
import notebooks  # tools/notebooks.py
import repository_links
from edition import MYST


@pytest.fixture
def build_folder(tmp_path, monkeypatch):
    code = tmp_path / "sdbook"
    code.mkdir()
    (code / "noise.py").write_text("rate = 1\n", encoding="utf-8")
    monkeypatch.setattr(book, "ROOT", tmp_path)
    monkeypatch.setattr(book, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(book, "CACHE", tmp_path / "_build" / ".jupyter_cache")
    monkeypatch.setattr(book, "FRAMES", tmp_path / "_build" / "frames")
    monkeypatch.setattr(book, "DOCTREES", tmp_path / "_build" / ".doctrees")
    monkeypatch.setattr(book, "CODE", [code])
    write_notebooks(tmp_path)
    book.drop_stale()
    for name in (".jupyter_cache", "frames"):
        kept = tmp_path / "_build" / name / "kept"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("", encoding="utf-8")
    return tmp_path


def kept(root):
    return [(root / "_build" / name / "kept").exists() for name in (".jupyter_cache", "frames")]


def test_cache_and_frames_stay_while_the_library_stays(build_folder):
    book.drop_stale()
    assert kept(build_folder) == [True, True]


def test_cache_and_frames_go_together_when_the_library_changes(build_folder):
    (build_folder / "sdbook" / "noise.py").write_text("rate = 2\n", encoding="utf-8")
    book.drop_stale()
    assert kept(build_folder) == [False, False]


def test_cache_goes_when_the_frames_are_gone(build_folder):
    (build_folder / "_build" / "frames" / "kept").unlink()
    (build_folder / "_build" / "frames").rmdir()
    book.drop_stale()
    assert kept(build_folder) == [False, False]


def write_notebooks(root, tags=(), **sources):
    """Write pairs of one cell each, and the table of contents that names them."""
    for name, source in sources.items():
        notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": list(tags)})])
        notebook.metadata["kernelspec"] = notebooks.KERNEL
        jupytext.write(notebook, root / f"{name}.md", fmt=MYST)
        nbformat.write(notebook, root / f"{name}.ipynb")
    chapters = "".join(f"  - file: {name}\n" for name in ["page", *sources])
    (root / "page.md").write_text("# A plain page\n", encoding="utf-8")
    toc = f"format: jb-book\nroot: index\nchapters:\n{chapters}"
    (root / "_toc.yml").write_text(toc, encoding="utf-8")


def stale():
    return [pair.name for pair in book.stale_notebooks()]


def cached(root, name):
    return get_cache(book.CACHE).merge_match_into_notebook(notebooks.read(root / f"{name}.md"))[1]


def test_notebooks_are_executed_once_and_failures_are_left_to_sphinx(build_folder, capfd):
    threads = 'print("threads", os.environ["OMP_NUM_THREADS"])'
    write_notebooks(
        build_folder,
        works=f'import os\n{threads}\nopen("seen", "w").write(os.environ["SDBOOK_STATIC"])',
        fails="1 / 0",
    )
    assert stale() == ["works", "fails"]
    book.execute(book.stale_notebooks(), {**os.environ, "SDBOOK_STATIC": "frames"})
    assert "fails: failed" in capfd.readouterr().out
    assert (build_folder / "seen").read_text() == "frames"
    assert stale() == ["fails"]
    assert cached(build_folder, "works").cells[0].outputs[0].text == "threads 1\n"


def test_changed_notebooks_are_executed_again(build_folder):
    write_notebooks(build_folder, one="1", two="2")
    book.execute(book.stale_notebooks(), dict(os.environ))
    assert stale() == []
    write_notebooks(build_folder, one="1", two="2 + 0")
    assert stale() == ["two"]


LACKING = ["hide-input", "needs-nowhere_to_be_found"]


def test_a_notebook_says_what_it_needs():
    cells = [new_code_cell("1", metadata={"tags": ["needs-numpy"]})]
    assert notebooks.missing(new_notebook(cells=cells)) == []
    cells.append(new_code_cell("2", metadata={"tags": LACKING}))
    assert notebooks.missing(new_notebook(cells=cells)) == ["nowhere_to_be_found"]


def store_outputs(root, name):
    """Store what somebody saw who has the library, with the pictures."""
    pair = notebooks.Pair(root / f"{name}.ipynb", root / f"{name}.md")
    notebook = notebooks.read(pair.ipynb)
    data = {"text/plain": "A message.", "image/png": "iVBORw0KGgo=\n"}
    notebook.cells[0].outputs = [new_output("execute_result", data, execution_count=1)]
    nbformat.write(notebook, pair.ipynb)
    pair.frames.mkdir(parents=True)
    (pair.frames / "0.webp").write_bytes(b"a frame")
    players = json.dumps({notebook.cells[0].id: "<figure>all of it</figure>"})
    (pair.frames / "players.json").write_text(players, encoding="utf-8")


def test_without_its_library_a_notebook_is_shown_as_it_was_stored(build_folder, capfd):
    write_notebooks(build_folder, LACKING, chapter="import nowhere_to_be_found")
    store_outputs(build_folder, "chapter")
    book.drop_stale()
    book.execute(book.stale_notebooks(), dict(os.environ))
    assert "stored outputs, for want of nowhere_to_be_found" in capfd.readouterr().out
    assert stale() == []
    shown = cached(build_folder, "chapter").cells[0].outputs[0].data["text/html"]
    assert shown == "<figure>all of it</figure>"
    assert (book.FRAMES / "0.webp").read_bytes() == b"a frame"


def test_a_library_that_comes_concerns_the_notebooks_that_need_it(build_folder, monkeypatch):
    write_notebooks(build_folder, one="1")
    (build_folder / "two.md").unlink(missing_ok=True)
    write_notebooks(build_folder, LACKING, two="import nowhere_to_be_found")
    toc = (build_folder / "_toc.yml").read_text(encoding="utf-8")
    (build_folder / "_toc.yml").write_text(f"{toc}  - file: one\n", encoding="utf-8")
    store_outputs(build_folder, "two")
    book.drop_stale()
    book.execute(book.stale_notebooks(), dict(os.environ))
    page = book.DOCTREES / "two.doctree"
    page.parent.mkdir(parents=True)
    page.touch()
    book.drop_stale()
    assert stale() == []
    assert page.exists()
    monkeypatch.setattr(book, "missing", lambda notebook: [])
    book.drop_stale()
    assert stale() == ["two"]
    assert not page.exists()
    assert kept(build_folder) == [True, True]


@pytest.mark.parametrize(("tags", "noticed"), [(LACKING, True), (["needs-numpy"], False)])
def test_a_page_that_was_not_executed_says_so(tmp_path, tags, noticed):
    write_notebooks(tmp_path, [*tags, "remove-cell"], chapter="1")
    context = {"body": "<h1>Title</h1>\n<p>Text.</p>"}
    app = SimpleNamespace(srcdir=tmp_path)
    absent_libraries.add_notice(app, "chapter", "chapter.html", context, None)
    absent_libraries.add_notice(app, "search", "search.html", {}, None)
    assert ("built without nowhere_to_be_found" in context["body"]) == noticed
    absent_libraries.add_notice(app, "page", "page.html", {"body": "<h1>A</h1>"}, None)
    assert (context["body"] == "<h1>Title</h1>\n<p>Text.</p>") == (not noticed)
    assert context["body"].startswith("<h1>Title</h1>\n<")


@pytest.fixture
def no_repository(monkeypatch):
    for name in ("SDBOOK_REPOSITORY_URL", "SDBOOK_REPOSITORY_BRANCH", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_SERVER_URL", "GITHUB_REF_NAME"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_no_links_without_a_repository(no_repository):
    assert repository_links.repository() is None


def test_links_from_our_variable(no_repository):
    no_repository.setenv("SDBOOK_REPOSITORY_URL", "https://github.com/someone/book.git")
    assert repository_links.repository() == ("https://github.com/someone/book", "main")


def test_links_from_github(no_repository):
    no_repository.setenv("GITHUB_REPOSITORY", "someone/book")
    no_repository.setenv("GITHUB_REF_NAME", "next")
    assert repository_links.repository() == ("https://github.com/someone/book", "next")


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".used{a:b}", ".used{a:b}"),
        (".used,.unused b{a:b}", ".used{a:b}"),
        (".unused{a:b}", ""),
        ("#unused p{a:b}", ""),
        ("p{a:b}", "p{a:b}"),
        (".used:not(.unused, :is(.unused, b)){a:b}", ".used:not(.unused, :is(.unused, b)){a:b}"),
        ("@media print{.used{a:b}.unused{a:b}}", "@media print{.used{a:b}}"),
        ("@media print{.unused{a:b}}", ""),
        ("@font-face{src:url(x)}", "@font-face{src:url(x)}"),
        ("@keyframes spin{to{a:b}}", "@keyframes spin{to{a:b}}"),
        ("html[data-theme=dark] .used{a:#unused}", "html[data-theme=dark] .used{a:#unused}"),
    ],
)
def test_only_rules_that_can_match_stay(css, left):
    assert lean_pages.shrink(css, {"used"}) == left


def test_only_variables_that_are_read_stay():
    sheets = [":root{--a:1;--b:var(--a);--c:url(x;y)}p{color:var(--b)}", "b{--c:';';--d:2;size:3}"]
    left = [":root{--a:1;--b:var(--a);}p{color:var(--b)}", "b{--d:2;size:3}"]
    assert lean_pages.shrink_variables(sheets, {"--d"}) == left
    # One that only unread ones read is unread.
    assert lean_pages.shrink_variables([":root{--a:1;--b:var(--a)}"], set()) == [":root{}"]


def test_code_keeps_its_text_and_its_colours():
    code = '<span class="n">x</span><span class="w"> </span><span class="o">=</span>'
    assert lean_pages.PLAIN.sub(r"\1", code) == 'x <span class="o">=</span>'


def test_scripts_lose_their_comments_and_nothing_else():
    kept, told = "/* a */ b();\n", "/* What\n * it does. */\n"
    script = "if (a) {\n    // go\n    f('//b', 2 * 3); // go\n}\n"
    lean = "if (a) {\nf('//b', 2 * 3); // go\n}\n"
    assert lean_pages.TALK.sub("", kept + told + script) == kept + lean


def test_bibliography_is_a_list_of_list_items():
    entry = (
        '<div class="citation" id="id1" role="doc-biblioentry">\n'
        '<span class="label"><span class="fn-bracket">[</span>1<span>]</span></span>\n'
        '<span class="backrefs">(<a href="#id2">1</a>,<a href="#id3">2</a>)</span>\n'
        "<p>A. Book.</p>"
    )
    assert bibliography_markup.mend(entry) == '<div id="id1" role="listitem">\n<p>A. Book.</p>'
