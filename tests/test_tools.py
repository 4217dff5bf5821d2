"""What the build tools decide: when to forget, which links to show, which styles to keep."""

from __future__ import annotations

import os

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook

import bibliography_markup  # tools/sphinx_ext/
import book  # tools/book.py
import lean_pages  # tools/sphinx_ext/
import repository_links


@pytest.fixture
def build_folder(tmp_path, monkeypatch):
    code = tmp_path / "sdbook"
    code.mkdir()
    (code / "noise.py").write_text("rate = 1\n", encoding="utf-8")
    monkeypatch.setattr(book, "ROOT", tmp_path)
    monkeypatch.setattr(book, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(book, "CACHE", tmp_path / "_build" / ".jupyter_cache")
    monkeypatch.setattr(book, "FRAMES", tmp_path / "_build" / "frames")
    monkeypatch.setattr(book, "CODE", [code])
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


def write_notebooks(root, **sources):
    for name, source in sources.items():
        nbformat.write(new_notebook(cells=[new_code_cell(source)]), root / f"{name}.ipynb")
    chapters = "".join(f"  - file: {name}\n" for name in ["page", *sources])
    toc = f"format: jb-book\nroot: index\nchapters:\n{chapters}"
    (root / "_toc.yml").write_text(toc, encoding="utf-8")


def test_notebooks_are_executed_once_and_failures_are_left_to_sphinx(build_folder, capfd):
    threads = 'print("threads", os.environ["OMP_NUM_THREADS"])'
    write_notebooks(
        build_folder,
        works=f'import os\n{threads}\nopen("seen", "w").write(os.environ["SDBOOK_STATIC"])',
        fails="1 / 0",
    )
    stale = book.stale_notebooks()
    assert [path.stem for path in stale] == ["works", "fails"]
    book.execute(stale, {**os.environ, "SDBOOK_STATIC": "frames"})
    assert "fails.ipynb: failed" in capfd.readouterr().out
    assert (build_folder / "seen").read_text() == "frames"
    assert [path.stem for path in book.stale_notebooks()] == ["fails"]
    _, merged = get_cache(book.CACHE).merge_match_into_file(build_folder / "works.ipynb")
    assert merged.cells[0].outputs[0].text == "threads 1\n"


def test_changed_notebooks_are_executed_again(build_folder):
    write_notebooks(build_folder, one="1", two="2")
    book.execute(book.stale_notebooks(), dict(os.environ))
    assert book.stale_notebooks() == []
    write_notebooks(build_folder, one="1", two="2 + 0")
    assert [path.stem for path in book.stale_notebooks()] == ["two"]


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
