"""The two files of each chapter say the same (nbval checks that the outputs are right)."""

from __future__ import annotations

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
    assert [cell.id for cell in after.cells[1:]] == [cell.id for cell in before.cells[1:]]


def test_changed_code_is_executed(pair):
    added = "\n```{code-cell}\nprint(6 * 7)\n```\n"
    pair.md.write_text(pair.md.read_text(encoding="utf-8") + added, encoding="utf-8")
    notebooks.sync([pair])
    last = notebooks.read(pair.ipynb).cells[-1]
    assert last.outputs[0].text == "42\n"
    assert notebooks.problems(pair) == []


def test_stale_outputs_are_found(pair):
    notebook = notebooks.read(pair.ipynb)
    next(cell for cell in notebook.cells if cell.cell_type == "code").source += "\n1 + 1"
    notebooks.write(notebook, pair)
    assert notebooks.problems(pair) == [
        f"{pair.name}: the stored outputs are not those of the code"
    ]


def test_missing_half_is_found(pair):
    pair.md.unlink()
    assert notebooks.problems(pair) == [f"{pair.md.name} is missing"]


def test_a_plain_page_is_not_a_notebook(tmp_path):
    page = tmp_path / "notation.md"
    page.write_text("---\ntitle: Notation\n---\n\n# Notation\n", encoding="utf-8")
    assert notebooks.find_pairs(tmp_path) == []
