"""The two files of each chapter say the same (nbval checks that the outputs are right)."""

from __future__ import annotations

import re

import pytest

import notebooks  # tools/notebooks.py

PAIRS = notebooks.find_pairs()


def test_there_are_pairs():
    assert len(PAIRS) >= 4


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_pair_is_in_step(pair):
    assert notebooks.problems(pair) == []


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_stored_outputs_are_small(pair):
    assert pair.ipynb.stat().st_size < 1_000_000


EXAMPLE = """---
kernelspec:
  display_name: Python 3 (ipykernel)
  language: python
  name: python3
---

# A title

```{code-cell}
print(1 + 1)
```

Some text.
"""


@pytest.fixture
def pair(tmp_path):
    pair = notebooks.Pair(tmp_path / "example.ipynb", tmp_path / "example.md")
    pair.md.write_text(EXAMPLE, encoding="utf-8")
    notebooks.sync([pair])
    assert notebooks.problems(pair) == []
    return pair


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def change(pair, old, new):
    """Change a cell of the .ipynb, as somebody does who works in JupyterLab."""
    edit(pair.ipynb, old, new)


def test_changed_text_is_found_and_synced_without_touching_outputs(pair):
    before = notebooks.read(pair.ipynb)
    edit(pair.md, "\n# ", "\n# New: ")
    assert any("differs in source" in problem for problem in notebooks.problems(pair))

    notebooks.sync([pair])
    after = notebooks.read(pair.ipynb)
    assert notebooks.problems(pair) == []
    assert after.cells[0].source.startswith("# New: ")
    assert [cell.get("outputs") for cell in after.cells] == [
        cell.get("outputs") for cell in before.cells
    ]
    assert [cell.id for cell in after.cells] == [cell.id for cell in before.cells]


@pytest.mark.slow
def test_changed_code_is_executed(pair):
    added = "\n```{code-cell}\nprint(6 * 7)\n```\n"
    pair.md.write_text(pair.md.read_text(encoding="utf-8") + added, encoding="utf-8")
    assert "the stored outputs are not those of the code" in notebooks.problems(pair)[-1]
    notebooks.sync([pair])
    last = notebooks.read(pair.ipynb).cells[-1]
    assert last.outputs[0].text == "42\n"
    assert notebooks.problems(pair) == []


@pytest.mark.slow
def test_code_that_was_changed_in_the_notebook_comes_to_the_text(pair):
    change(pair, "print(1 + 1)", "print(1 + 2)")
    assert f"{pair.name}: the stored outputs are not those of the code" in notebooks.problems(pair)
    notebooks.sync([pair])
    assert "print(1 + 2)" in pair.md.read_text(encoding="utf-8")
    assert notebooks.read(pair.ipynb).cells[1].outputs[0].text == "3\n"
    assert notebooks.problems(pair) == []


def files(pair):
    return pair.md.read_bytes(), pair.ipynb.read_bytes()


def refused(pair, message):
    before = files(pair)
    assert any(re.search(message, problem) for problem in notebooks.problems(pair))
    with pytest.raises(notebooks.EditedTwice, match=message):
        notebooks.sync([pair])
    assert files(pair) == before  # nothing is lost


def test_text_that_was_changed_in_the_notebook_is_not_lost(pair):
    change(pair, "Some text.", "Some better text.")
    refused(pair, r"text was changed in the \.ipynb.*change example\.md instead")


def test_code_that_was_changed_in_both_is_not_lost(pair):
    change(pair, "print(1 + 1)", "print(1 + 2)")
    edit(pair.md, "print(1 + 1)", "print(1 + 3)")
    refused(pair, "code was changed in both files")


@pytest.mark.slow
def test_helper_cells_are_hidden_in_one_file_and_the_same_code_in_both(pair):
    edit(
        pair.md,
        "print(1 + 1)",
        ':tags: [remove-cell]\n\nfrom sdbook.book.glue import glue\n\nglue("a", 1)',
    )
    notebooks.sync([pair])
    cell = notebooks.nbformat.read(pair.ipynb, as_version=4).cells[1]
    assert cell.source.startswith("# @title ")
    assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
    assert "@title" not in pair.md.read_text(encoding="utf-8")
    assert notebooks.read(pair.ipynb).cells[1].source == notebooks.read(pair.md).cells[1].source
    assert notebooks.problems(pair) == []


SHOWS = """from sdbook.book.explore import Explorer, Slider

def draw(figure, *, share):
    figure.add_subplot().bar([0], [share])
    return f"The bar reaches {share}."

Explorer(draw, [Slider("share", "Share", [0.2, 0.4, 0.6])])"""


@pytest.mark.slow
def test_all_pictures_are_kept_where_not_everybody_can_execute(pair):
    edit(pair.md, "print(1 + 1)", f":tags: [needs-numpy]\n\n{SHOWS}")
    notebooks.sync([pair])
    assert notebooks.problems(pair) == []
    (output,) = notebooks.read(pair.ipynb).cells[1].outputs
    assert set(output.data) == {"text/plain", "image/png"}
    assert len(list(pair.frames.glob("*.webp"))) == 6  # three states, light and dark
    (shown,) = notebooks.as_executed(pair).cells[1].outputs
    assert shown.data["text/html"].count(".webp") == 7  # and one for who has no scripts
    # Stored again, it is the same.
    before = files(pair)
    notebooks.sync([pair], "all")
    assert files(pair) == before


def test_missing_half_is_found(pair):
    pair.md.unlink()
    assert notebooks.problems(pair) == [f"{pair.md.name} is missing"]


def test_a_plain_page_is_not_a_notebook(tmp_path):
    page = tmp_path / "notation.md"
    page.write_text("---\ntitle: Notation\n---\n\n# Notation\n", encoding="utf-8")
    assert notebooks.find_pairs(tmp_path) == []
