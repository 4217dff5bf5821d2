"""The README's example runs, and prints what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"


def test_example_prints_what_it_says(capsys):
    pytest.importorskip("sklearn")
    text = README.read_text(encoding="utf-8")
    code, printed = re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", text, re.S).groups()
    exec(compile(code, str(README), "exec"), {})
    assert capsys.readouterr().out.split() == printed.split()


def test_links_to_files_lead_somewhere():
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README.read_text(encoding="utf-8"))
    missing = [link for link in links if not (README.parent / link).exists()]
    assert links
    assert missing == []
