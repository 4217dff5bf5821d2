"""The README's examples run, and print what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sdbook import datasets, noise

README = Path(__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
PRINTED = re.search(r"```python\n([^`]*)```\s*```text\n([^`]*)```", TEXT)


def run(code):
    exec(compile(code, str(README), "exec"), {})


def test_example_prints_what_it_says(capsys):
    code, printed = PRINTED.groups()
    run(code)
    assert capsys.readouterr().out.split() == printed.split()


def test_labels_of_a_file_of_texts_are_cleaned_up(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    words = datasets.words()
    topics = ["bird", "drug", "country"]
    rows = [i for i, k in enumerate(words.labels) if words.class_names[k] in topics]
    true = pandas.Series([words.class_names[words.labels[i]] for i in rows])
    places = true.map(topics.index).to_numpy()
    given = [topics[k] for k in noise.corrupt(places, noise.symmetric(3, 0.4), rng=0)]
    table = pandas.DataFrame({"text": [words.texts[i] for i in rows], "label": given})
    table.assign(row=range(len(rows))).to_csv(tmp_path / "texts.csv", index=False)

    (code,) = (
        found for found in re.findall(r"```python\n([^`]*)```", TEXT) if "texts.csv" in found
    )
    monkeypatch.chdir(tmp_path)
    run(code)
    result = pandas.read_csv("corrected.csv").sort_values("row")
    before, after = (result[name].to_numpy() == true.to_numpy() for name in ("label", "corrected"))
    assert after.mean() > before.mean() + 0.1
    # The most suspicious labels are those to look at first.
    suspicious = result["suspicion"].to_numpy().argsort()[-len(rows) // 5 :]
    assert (~before)[suspicious].mean() > 1.5 * (~before).mean()


def test_links_to_files_lead_somewhere():
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", TEXT)
    missing = [link for link in links if not (README.parent / link).exists()]
    assert links
    assert missing == []
