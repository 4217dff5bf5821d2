"""The chapters as JupyterLab, VS Code, Colab and GitHub show them: text without markup of the book.

VS Code renders with markdown-it and KaTeX, GitHub and Colab as nbconvert does. JupyterLab itself is
driven in `tests/browser/test_lab.py`.
"""

from __future__ import annotations

import html
import re

import nbformat
import pytest
from markdown_it import MarkdownIt
from markup import RAW
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import edition  # tools/edition.py
import notebooks  # tools/notebooks.py

PAIRS = notebooks.find_pairs()
each_chapter = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)


def stored(pair):
    return nbformat.read(pair.ipynb, as_version=4)


def without_code(page):
    """The text of an HTML page, less what it shows as code."""
    page = re.sub(r"<(code|pre|style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@each_chapter
def test_no_markup_is_left_where_markdown_it_renders(pair):
    parser = MarkdownIt("js-default", {"html": True}).use(dollarmath_plugin)
    for cell in stored(pair).cells:
        if cell.cell_type == "markdown":
            page = re.sub(
                r'<(span|div) class="math.*?</\1>', "", parser.render(cell.source), flags=re.DOTALL
            )
            text = without_code(page)
            assert RAW.findall(text) == []
            assert "$" not in text, text
            assert "**" not in text, text


@each_chapter
def test_no_markup_is_left_where_nbconvert_renders(pair):
    text = [cell for cell in stored(pair).cells if cell.cell_type == "markdown"]
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(new_notebook(cells=text))
    assert RAW.findall(without_code(page)) == []


@each_chapter
def test_what_the_book_hides_is_hidden_and_says_what_it_is_for(pair):
    for cell in stored(pair).cells:
        tags = set(cell.metadata.get("tags", ()))
        hidden = bool(tags & {"remove-cell", "remove-input", "hide-input", "hide-cell"})
        assert cell.metadata.get("jupyter", {}).get("source_hidden", False) >= hidden
        folded = "jupyter" in cell.metadata
        assert (cell.metadata.get("cellView") == "form") == folded
        assert cell.source.startswith("# @title ") == folded


# One construct at a time


def shown(text, *cells, name="06_label_averaging"):
    """What becomes of a text, after cells that glue numbers."""
    notebook = new_notebook(cells=[*cells, new_markdown_cell(text)])
    return edition.Edition.of(notebook, name).cells[-1].source


def number(name, value):
    data = {edition.GLUE: repr(value)}
    output = new_output("display_data", data, metadata={"scrapbook": {"name": name}})
    return new_code_cell("", outputs=[output])


def test_numbers_stand_in_the_text():
    text = "About {glue:text}`share`, and `{glue:text}` in code."
    assert shown(text, number("share", "12.3%")) == "About 12.3%, and `{glue:text}` in code."
    assert shown("{glue:text}`odd`", number("odd", "a*b_c<d")) == r"a\*b\_c\<d"


def test_a_number_that_no_cell_computed_is_an_error():
    with pytest.raises(edition.UnknownMarkup, match=r"06_label_averaging: .* the number 'share'"):
        shown("About {glue:text}`share`.")


@pytest.mark.parametrize("text", ["A {strange}`role`.", "```{strange}\nbox\n```"])
def test_markup_that_is_not_known_is_an_error(text):
    with pytest.raises(edition.UnknownMarkup, match="'strange'"):
        shown(text)


def test_a_theorem_is_a_quote_with_its_number_and_its_formula_on_one_line():
    text = "```{prf:theorem} A title\n:label: thm-averaging\n\nLet\n\n$$\nx\n= y\n$$\n```"
    wanted = "> **Theorem 1 (A title).** Let\n>\n> $$x = y$$"
    assert shown(text) == wanted


def test_references_have_the_numbers_of_the_book_and_lead_to_notebooks():
    here = shown("By {prf:ref}`thm-averaging` and [later](where-averaging-fails).")
    assert here == "By [Theorem 1](#The-statement) and [later](#Where-it-fails)."
    there = shown("By {prf:ref}`thm-averaging`.", name="12_digits")
    assert there == "By [Theorem 1](06_label_averaging.ipynb#The-statement)."
    named = shown("{ref}`An exercise <ex-hand>` of [chapter 1](01_student).")
    assert named == "[An exercise](#Exercises) of [chapter 1](01_student.ipynb)."


def test_links_to_pages_that_only_the_book_has_are_text():
    assert shown("See the [library](reference), $a[i](t)$.") == "See the library, $a[i](t)$."


def test_citations_have_authors_year_and_a_link():
    assert shown("{cite:t}`jeong2025`") == (
        "[Jeong and Chung (2025)](https://openreview.net/forum?id=EJfLvrzh2Q)"
    )
    assert shown("({cite:t}`mobahi2020`)").startswith("([Mobahi et al. (2020)](http")


def test_answers_are_folded():
    text = "```{admonition} The answer\n:class: dropdown\n\n(b), see {prf:ref}`thm-averaging`.\n```"
    assert shown(text) == (
        "<details>\n<summary>The answer</summary>\n\n"
        "(b), see [Theorem 1](#The-statement).\n\n</details>"
    )


def test_solutions_are_folded_with_their_cells():
    cells = [
        new_markdown_cell(
            "Before.\n\n```{solution-start} ex-hand\n:class: dropdown\n```\n\nFirst."
        ),
        new_code_cell("1 + 1"),
        new_markdown_cell("Then.\n\n```{solution-end}\n```\n\nAfter."),
        new_code_cell("2 + 2"),
    ]
    first, code, then, after = edition.Edition.of(
        new_notebook(cells=cells), "06_label_averaging"
    ).cells
    solution = edition.places(notebooks.FOLDER)["ex-hand"].name
    assert first.source == (
        f"Before.\n\n<details>\n<summary>Solution of {solution}</summary>\n\nFirst.\n\n</details>"
    )
    assert code.source == f"# @title Solution of {solution}\n1 + 1"
    assert code.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
    assert then.source == (
        f"<details>\n<summary>Solution of {solution}, continued</summary>\n\nThen.\n\n"
        "</details>\n\nAfter."
    )
    assert after.source == "2 + 2"


def test_an_exercise_has_a_heading_and_its_end_leaves_no_empty_cell():
    number = edition.places(notebooks.FOLDER)["ex-weights"].name
    text = "```{exercise-start} Compute: weights\n:label: ex-weights\n```\n\nWrite them."
    assert shown(text) == f"### {number} (Compute: weights)\n\nWrite them."
    assert shown("```{exercise-end}\n```") == edition.EMPTY


def test_definitions_are_a_list():
    text = "$G$, $(N, N)$\n: the Gram matrix\n\n$a$\n: the ridge,\n  a number\n"
    assert shown(text) == "* $G$, $(N, N)$: the Gram matrix\n* $a$: the ridge,\n  a number"


def test_code_that_is_only_read_stays_as_it_is():
    text = "```bash\nmake lab  # {glue:text}`x`\n```"
    assert shown(text) == text
