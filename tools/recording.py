"""One execution of a notebook for the book and for the tests.

The book shows what a notebook says to pages, and the tests compare what it says to notebook
programs. Objects of `sdbook` have two faces, so while a notebook is recorded each of their outputs
has both: the one for programs stands in the metadata of the other, as `FACE`. After the last cell,
in the same kernel, what is shown is moved (``tests/live_explorers.py``).

A `Recording` has the manners of a kernel and says again what was said, so that tests of notebooks
need not know whether they talk to one.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode

FACE = "sdbook_program"
TESTS = Path(__file__).resolve().parent.parent / "tests"
BEGIN = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import live_explorers
live_explorers.show_both_faces({FACE!r})
"""
CHECK = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import live_explorers
live_explorers.check()
"""


async def record(client: NotebookClient, environment: dict[str, str]) -> str:
    """Execute a notebook in place with both faces, and return what is wrong with what it shows."""
    async with client.async_setup_kernel(env=environment):
        if wrong := await ask(client, BEGIN):
            raise RuntimeError(wrong)
        await client.async_execute(cleanup_kc=False)
        return await ask(client, CHECK)


async def ask(client: NotebookClient, code: str) -> str:
    """Run code beside the cells of a notebook, and return the traceback if it fails."""
    said: list[dict[str, Any]] = []
    kernel: Any = client.kc
    reply = await kernel.execute_interactive(
        code,
        store_history=False,
        allow_stdin=False,
        timeout=client.timeout,
        output_hook=lambda message: said.append(message["content"]),
    )
    return failure(reply, said)


def failure(reply: dict[str, Any], said: list[dict[str, Any]]) -> str:
    """Return the traceback of code that failed, or nothing."""
    if reply["content"]["status"] == "ok":
        return ""
    lines = [line for each in said for line in each.get("traceback", ())]
    return "\n".join(lines) or str(reply["content"])


class Recording:
    """What a notebook said when it was recorded, as a kernel says it.

    Parameters
    ----------
    notebook : NotebookNode
        With its outputs; other cells than those with code do not matter.
    wrong : str
        What was wrong with what it showed.
    """

    def __init__(self, notebook: NotebookNode, wrong: str) -> None:
        self.wrong = wrong
        self._cells = deque(cell for cell in notebook.cells if cell.cell_type == "code")
        self._messages: deque[dict[str, Any]] = deque()

    def execute_cell_input(self, source: str, allow_stdin: bool | None = None) -> str:
        """Get the outputs of the next cell ready, and return the name of the question."""
        name = f"question about {source!r}"
        outputs = [for_programs(output) for output in self._cells.popleft().outputs]
        idle = {"output_type": "status", "execution_state": "idle"}
        self._messages = deque(
            {
                "msg_type": each["output_type"],
                "content": each,
                "parent_header": {"msg_id": name},
            }
            for each in [*outputs, idle]
        )
        return name

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message."""
        return self._messages.popleft()

    def await_reply(self, question: str, timeout: float | None = None) -> None:
        """Every answer is there already."""

    def await_idle(self, question: str, timeout: float | None = None) -> None:
        """Forget the rest of an answer."""
        self._messages.clear()

    def is_alive(self) -> bool:
        """Tell that it can be asked."""
        return True

    def interrupt(self) -> None:
        """Nothing runs that could be interrupted."""

    def stop(self) -> None:
        """Nothing runs that could be stopped."""


def for_programs(output: NotebookNode) -> NotebookNode:
    """Return an output with the face that notebook programs show."""
    face = output.get("metadata", {}).get(FACE)
    return NotebookNode({**output, "data": NotebookNode(face)}) if face is not None else output
