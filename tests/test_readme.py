"""The README's examples run, and print what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sdbook import datasets, noise

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
PRINTED = re.search(r"```python\n([^`]*)```\s*```text\n([^`]*)```", TEXT)
(TEN_LINES,) = (code for code in re.findall(r"```python\n([^`]*)```", TEXT) if "texts.csv" in code)


def run(code):
    exec(compile(code, str(README), "exec"), {})


def test_example_prints_what_it_says(capsys):
    code, printed = PRINTED.groups()
    run(code)
    assert capsys.readouterr().out.split() == printed.split()


def test_ten_lines_are_those_of_the_chapter():
    chapter = (ROOT / "notebooks" / "14_recipe.md").read_text(encoding="utf-8")
    (cell,) = (
        code
        for code in re.findall(r"```{code-cell}\n([^`]*)```", chapter)
        if "sd.corrected_labels_" in code
    )
    # The chapter's file is in a folder of its own, and the chapter says what to leave out.
    assert cell.count("folder / ") == 2
    assert cell.replace("folder / ", "") == TEN_LINES
    assert len([line for line in TEN_LINES.splitlines() if line]) == 10


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Definitions of three topics, four labels in ten wrong, in a folder to work in."""
    pandas = pytest.importorskip("pandas")
    words = datasets.words()
    topics = ["bird", "drug", "country"]
    rows = [i for i, k in enumerate(words.labels) if words.class_names[k] in topics]
    true = pandas.Series([words.class_names[words.labels[i]] for i in rows])
    places = true.map(topics.index).to_numpy()
    given = [topics[k] for k in noise.corrupt(places, noise.symmetric(3, 0.4), rng=0)]
    monkeypatch.chdir(tmp_path)
    texts = [words.texts[i] for i in rows]
    return pandas.DataFrame({"text": texts, "label": given, "true": true, "row": range(len(rows))})


@pytest.mark.slow
def test_labels_of_a_file_of_texts_are_cleaned_up(table):
    pandas = pytest.importorskip("pandas")
    table.to_csv("texts.csv", index=False)
    run(TEN_LINES)
    result = pandas.read_csv("to_read.csv")
    assert sorted(result["row"]) == table["row"].tolist()
    assert result["label"].tolist() == table["label"][result["row"]].tolist()  # as they were
    assert result["suspicion"].is_monotonic_decreasing
    before, after = (result[name] == result["true"] for name in ("label", "suggested"))
    assert after.mean() > before.mean() + 0.1
    # The most suspicious labels are those to look at first.
    assert (~before)[: len(result) // 5].mean() > 1.5 * (~before).mean()


@pytest.mark.slow
def test_rows_without_text_or_label_are_dropped_as_it_says(table):
    pandas = pytest.importorskip("pandas")
    table.loc[3, "label"] = None
    table.to_csv("texts.csv", index=False)
    with pytest.raises(ValueError, match=r"y must have no missing.* nan in row 3.* 1 of 450"):
        run(TEN_LINES)
    table.loc[5, "text"] = None
    table.to_csv("texts.csv", index=False)
    (advice,) = re.findall(r"`(table = table\.dropna.*)`", TEXT)
    run(re.sub(r"(table = pd\.read_csv.*\n)", rf"\1{advice}\n", TEN_LINES))
    result = pandas.read_csv("to_read.csv")
    assert sorted(result["row"]) == [row for row in table["row"] if row not in (3, 5)]


def test_links_to_files_lead_somewhere():
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", TEXT)
    missing = [link for link in links if not (README.parent / link).exists()]
    assert links
    assert missing == []
