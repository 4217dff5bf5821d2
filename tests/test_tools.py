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
from reach import Reach  # tools/reach.py


@pytest.fixture
def build_folder(tmp_path, monkeypatch):
    """A small repository with a library of two modules, and a book without pages."""
    code = tmp_path / "sdbook"
    code.mkdir()
    (code / "__init__.py").write_text("", encoding="utf-8")
    (code / "noise.py").write_text("rate = 1\n", encoding="utf-8")
    (code / "other.py").write_text("rate = 1\n", encoding="utf-8")
    build = tmp_path / "_build"
    for name, value in {
        "ROOT": tmp_path,
        "BUILD": build,
        "CACHE": build / ".jupyter_cache",
        "FRAMES": build / "frames",
        "DOCTREES": build / ".doctrees",
        "HTML": build / "html",
        "EXTENSIONS": tmp_path / "extensions",
    }.items():
        monkeypatch.setattr(book, name, value)
    write_notebooks(tmp_path)
    book.FRAMES.mkdir(parents=True)
    return tmp_path


def pair_of(root, name):
    return notebooks.Pair(root / "pages" / f"{name}.ipynb", root / "pages" / f"{name}.md")


def write_notebooks(root, tags=(), **sources):
    """Write pairs of one cell each, and the table of contents that names them."""
    for name, source in sources.items():
        notebook = new_notebook(cells=[new_code_cell(source, metadata={"tags": list(tags)})])
        notebook.metadata["kernelspec"] = notebooks.KERNEL
        pair = pair_of(root, name)
        pair.md.parent.mkdir(exist_ok=True)
        jupytext.write(notebook, pair.md, fmt=MYST)
        nbformat.write(notebook, pair.ipynb)
    chapters = "".join(
        f"  - file: {name}\n" for name in ["page", *(f"pages/{name}" for name in sources)]
    )
    (root / "page.md").write_text("# A plain page\n", encoding="utf-8")
    toc = f"format: jb-book\nroot: index\nchapters:\n{chapters}"
    (root / "_toc.yml").write_text(toc, encoding="utf-8")


def stale():
    return [pair.name for pair in book.stale_notebooks()]


def cached(root, name):
    return get_cache(book.CACHE).merge_match_into_notebook(notebooks.read(pair_of(root, name).md))[
        1
    ]


def test_notebooks_are_executed_once_and_failures_are_left_to_sphinx(build_folder, capfd):
    threads = 'print("threads", os.environ["OMP_NUM_THREADS"])'
    write_notebooks(
        build_folder,
        works=f'import os\n{threads}\nopen("seen", "w").write(os.environ["SDBOOK_STATIC"])',
        fails="1 / 0",
    )
    assert stale() == ["works", "fails"]
    execute({"SDBOOK_STATIC": "frames"})
    assert "fails: failed" in capfd.readouterr().out
    assert (build_folder / "pages" / "seen").read_text() == "frames"
    assert stale() == ["fails"]
    assert cached(build_folder, "works").cells[0].outputs[0].text == "threads 1\n"


def execute(environment=(), **options):
    book.execute(book.stale_notebooks(), {**os.environ, **dict(environment)}, **options)


def rewrite(root, text, name="noise"):
    (root / "sdbook" / f"{name}.py").write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_notebooks_are_executed_again_when_they_or_what_they_reach_changed(build_folder):
    sources = {"one": "from sdbook import noise", "two": "2"}
    write_notebooks(build_folder, **sources)
    execute()
    assert stale() == []
    write_notebooks(build_folder, **sources | {"two": "2 + 0"})
    assert stale() == ["two"]
    write_notebooks(build_folder, **sources)
    rewrite(build_folder, '"""Says nothing that a notebook could see."""\n\nrate = 1  # one\n')
    rewrite(build_folder, "rate = 2\n", "other")
    assert stale() == []
    rewrite(build_folder, "rate = 2\n")
    assert stale() == ["one"]


def test_notebooks_are_executed_again_with_other_versions_of_libraries(build_folder, monkeypatch):
    write_notebooks(build_folder, one="1")
    execute()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0")
    assert stale() == []  # looked up once
    book.versions.cache_clear()
    assert stale() == ["one"]
    monkeypatch.undo()
    book.versions.cache_clear()


def test_what_is_stale_is_dropped_with_its_page(build_folder):
    write_notebooks(build_folder, one="1", two="2")
    execute()
    for name in ("one", "two"):
        page = book.DOCTREES / "pages" / f"{name}.doctree"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.touch()
    book.drop([pair_of(build_folder, "one")])
    assert stale() == ["one"]
    assert [path.name for path in page.parent.iterdir()] == ["two.doctree"]


@pytest.mark.slow
def test_results_of_older_code_and_their_frames_are_dropped(build_folder):
    name = f"{'0a' * 8}.webp"
    for frame in (name, f"{'0b' * 8}.webp"):
        (book.FRAMES / frame).touch()
    write_notebooks(build_folder, one="1", two="2")
    execute()
    write_notebooks(build_folder, one=f"print({name!r})", two="2")
    execute()
    book.drop_rest()
    assert stale() == []
    assert len(get_cache(book.CACHE).list_cache_records()) == 2
    assert [path.name for path in book.FRAMES.iterdir()] == [name]


def test_pages_are_dropped_when_what_renders_them_changed(build_folder):
    book.EXTENSIONS.mkdir()
    (book.EXTENSIONS / "some.py").write_text("a = 1\n", encoding="utf-8")
    book.drop_pages()
    book.DOCTREES.mkdir()
    book.drop_pages()
    assert book.DOCTREES.exists()
    (book.EXTENSIONS / "some.py").write_text("a = 2\n", encoding="utf-8")
    book.drop_pages()
    assert not book.DOCTREES.exists()


def test_pages_that_may_have_had_warnings_are_dropped(build_folder):
    book.drop_pages(draft=True)
    book.DOCTREES.mkdir()
    book.drop_pages(draft=True)
    assert book.DOCTREES.exists()
    book.drop_pages()
    assert not book.DOCTREES.exists()


def test_other_pages_are_shown_as_they_are_stored_until_the_next_build(build_folder):
    write_notebooks(build_folder, one="1", two="2")
    pair = pair_of(build_folder, "two")
    notebook = notebooks.read(pair.ipynb)
    notebook.cells[0].outputs = [new_output("stream", text="stored")]
    nbformat.write(notebook, pair.ipynb)
    book.show_as_stored([pair])
    assert cached(build_folder, "two").cells[0].outputs[0].text == "stored"
    assert stale() == ["one", "two"]
    execute()
    book.show_as_stored([pair])
    assert cached(build_folder, "two").cells[0].outputs[0].data == {"text/plain": "2"}


# What the build records for the tests


def play(pair):
    """What a recorded notebook says to a test, by cell, and what was wrong with what it showed."""
    kernel = book.recorded(pair, Reach(book.ROOT))
    cells = [cell for cell in notebooks.read(pair.md).cells if cell.cell_type == "code"]
    said = []
    for cell in cells:
        question, messages = kernel.execute_cell_input(cell.source), []
        while (message := kernel.get_message("iopub"))["msg_type"] != "status":
            assert message["parent_header"]["msg_id"] == question
            messages.append(message["content"])
        said.append(messages)
    return said, kernel.wrong


TWO_FACES = """
from sdbook.book import statements
print("one")
statements.cards(["01"], 2)
"""


@pytest.mark.slow
def test_a_recording_says_what_a_notebook_program_would_show(build_folder):
    write_notebooks(build_folder, one=TWO_FACES.strip())
    pair = pair_of(build_folder, "one")
    assert book.recorded(pair, Reach(book.ROOT)) is None
    execute({"SDBOOK_STATIC": str(book.FRAMES)}, record=True)
    page = cached(build_folder, "one").cells[0].outputs[1].data["text/markdown"]
    assert page.startswith(":::{card}")
    ((stream, cards),), wrong = play(pair)
    assert stream.text == "one\n"
    assert cards.data["text/markdown"].startswith("**[Definition 1](01_student.ipynb).")
    assert wrong == ""


@pytest.mark.slow
def test_a_recording_knows_whether_it_is_still_true(build_folder):
    write_notebooks(build_folder, one="from sdbook import noise")
    pair = pair_of(build_folder, "one")
    execute()
    assert book.recorded(pair, Reach(book.ROOT)) is None  # executed, and not recorded
    book.drop([pair])
    execute(record=True)
    assert book.recorded(pair, Reach(book.ROOT)) is not None
    rewrite(build_folder, "rate = 2\n")
    assert book.recorded(pair, Reach(book.ROOT)) is None


LACKING = ["hide-input", "needs-nowhere_to_be_found"]


def test_a_notebook_says_what_it_needs():
    cells = [new_code_cell("1", metadata={"tags": ["needs-numpy"]})]
    assert notebooks.missing(new_notebook(cells=cells)) == []
    cells.append(new_code_cell("2", metadata={"tags": LACKING}))
    assert notebooks.missing(new_notebook(cells=cells)) == ["nowhere_to_be_found"]


def store_outputs(root, name):
    """Store what somebody saw who has the library, with the pictures."""
    pair = pair_of(root, name)
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
    execute()
    assert "stored outputs, for want of nowhere_to_be_found" in capfd.readouterr().out
    assert stale() == []
    shown = cached(build_folder, "chapter").cells[0].outputs[0].data["text/html"]
    assert shown == "<figure>all of it</figure>"
    assert (book.FRAMES / "0.webp").read_bytes() == b"a frame"


def test_a_library_that_comes_concerns_the_notebooks_that_need_it(build_folder, monkeypatch):
    write_notebooks(build_folder, one="1")
    write_notebooks(build_folder, LACKING, two="import nowhere_to_be_found")
    toc = (build_folder / "_toc.yml").read_text(encoding="utf-8")
    (build_folder / "_toc.yml").write_text(f"{toc}  - file: pages/one\n", encoding="utf-8")
    store_outputs(build_folder, "two")
    execute()
    assert stale() == []
    monkeypatch.setattr(book, "missing", lambda notebook: [])
    assert stale() == ["two"]


@pytest.mark.parametrize(("tags", "noticed"), [(LACKING, True), (["needs-numpy"], False)])
def test_a_page_that_was_not_executed_says_so(tmp_path, tags, noticed):
    write_notebooks(tmp_path, [*tags, "remove-cell"], chapter="1")
    context = {"body": "<h1>Title</h1>\n<p>Text.</p>"}
    app = SimpleNamespace(srcdir=tmp_path)
    absent_libraries.add_notice(app, "pages/chapter", "pages/chapter.html", context, None)
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
