"""Notebooks as tests: each cell says what is stored, and what they show can be moved.

A notebook that the build of the book has just recorded is not executed again (see `recording.py`):
the tests look at what it said there. All others are executed. Both are compared by nbval.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nbval.plugin import IPyNbFile

import book  # beside this file
import notebooks
import recording
from reach import Reach

REACH = Reach()  # nothing changes while tests run


class Notebook(IPyNbFile):  # type: ignore[misc]
    """A notebook: its cells, and then its explorers."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the tests, skipped where a library is missing."""
        items = list(super().collect())
        if items:
            items.append(Explorers.from_parent(self, name="explorers"))
        missing = notebooks.missing(self.nb)
        for item in items:
            if missing:
                reason = f"could not import {', '.join(missing)}"
                item.add_marker(pytest.mark.skip(reason=reason))
            yield item

    def setup(self) -> None:
        """Take what was recorded, or start a kernel."""
        pair = notebooks.Pair(self.path, self.path.with_suffix(".md"))
        self.kernel = book.recorded(pair, REACH)
        if self.kernel is None:
            super().setup()


class Explorers(pytest.Item):
    """What a notebook shows, moved in its kernel after all cells ran."""

    def runtest(self) -> None:
        """Run the checks in the kernel of the notebook, or look at what they found."""
        notebook: Any = self.parent
        kernel = notebook.kernel
        if not kernel.is_alive():
            raise RuntimeError("the kernel is dead")
        wrong = kernel.wrong if isinstance(kernel, recording.Recording) else self.check(kernel.kc)
        if wrong:
            raise AssertionError(wrong)

    def check(self, client: Any) -> str:
        """Return what is wrong with what the kernel showed."""
        said: list[dict[str, Any]] = []
        reply = client.execute_interactive(
            recording.CHECK,
            store_history=False,
            allow_stdin=False,
            timeout=self.config.option.nbval_cell_timeout,
            output_hook=lambda message: said.append(message["content"]),
        )
        return recording.failure(reply, said)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return what the kernel said, without the way there."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Return where the test is, and its name."""
        return self.path, 0, f"{self.path.name}::{self.name}"
