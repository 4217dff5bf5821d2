"""Build the book into ``_build/html``; any warning is an error.

    python tools/book.py                          build
    python tools/book.py --serve                  build, then serve on http://localhost:8000
    python tools/book.py --page 03_wrong_labels   execute no other page than this one
    python tools/book.py --page 03_wrong_labels --watch   the same whenever it changes, and serve it
    python tools/book.py --record                 build, and record what the tests of notebooks need

Everything that the build writes stays inside ``_build``:

* ``_build/.jupyter_cache`` holds executed notebooks, ``_build/frames`` the pictures of the
  explorers that they drew. The cache knows the code of a notebook. What its results depend on
  besides is kept beside them: what the code reaches in ``sdbook/`` (``reach.py``), the versions of
  the libraries that the book requires, and which of those that not everybody has were missing. A
  notebook is executed when one of these is different. This happens before Sphinx runs, to as many
  notebooks at a time as there are processors; Sphinx finds them in the cache.
* A notebook with a cell tagged ``needs-torch`` is not executed where PyTorch is missing. Its stored
  outputs are put into the cache instead, with the pictures of its explorers, and
  ``tools/sphinx_ext/absent_libraries.py`` says so on the page.
* With ``--page``, other pages are shown as they are in the cache, or as they are stored, and a
  warning is no error. The next whole build executes what they lack, and renders all pages again.
* ``_build/.ipython`` is the profile of the kernels: the reader's own could change what they print.
* ``_build/.doctrees`` holds parsed pages. Sphinx does not repeat the warnings of a page that it
  does not parse again, so the folder is dropped after a failed build. It does not notice that
  outputs are others, so a page that is executed is parsed again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import hashlib
import http.server
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.db import NbCacheRecord
from jupyter_cache.cache.main import JupyterCacheBase
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from packaging.requirements import Requirement
from sphinx_external_toc.parsing import parse_toc_yaml

import recording  # beside this file
from notebooks import (
    Pair,
    as_executed,
    as_stored,
    code_hash,
    code_of,
    is_notebook,
    missing,
    needs,
    reach_hash,
    read,
)
from reach import Reach

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
FRAMES = BUILD / "frames"
DOCTREES = BUILD / ".doctrees"
PROFILE = BUILD / ".ipython"
HTML = BUILD / "html"
EXTENSIONS = ROOT / "tools" / "sphinx_ext"
TIMEOUT = 600  # seconds for a cell
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
FRAME = re.compile(r"\b[0-9a-f]{16}\.webp\b")


def pairs() -> Iterator[Pair]:
    """Yield the notebooks of the book."""
    for name in parse_toc_yaml(ROOT / "_toc.yml"):
        pair = Pair(ROOT / f"{name}.ipynb", ROOT / f"{name}.md")
        if pair.md.is_file() and is_notebook(pair.md):
            yield pair


# What is executed already


def stamp(notebook: NotebookNode, reach: Reach) -> dict[str, Any]:
    """Return what the results of a notebook depend on besides its code."""
    return {
        "reach": reach_hash(notebook, reach),
        "versions": versions(tuple(needs(notebook))),
        "missing": missing(notebook),
    }


@functools.cache
def versions(more: tuple[str, ...] = ()) -> str:
    """Return the versions of Python and of all that the book requires, as a hash."""
    required = map(Requirement, importlib.metadata.requires("sdbook") or ())
    found = [platform.python_version()]
    for name in sorted({*more, *(each.name for each in required if for_the_book(each))}):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


def for_the_book(requirement: Requirement) -> bool:
    """Tell whether the book, or the library itself, requires it."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": "book"})


def record_of(cache: JupyterCacheBase, notebook: NotebookNode) -> NbCacheRecord | None:
    """Return what the cache has of a notebook with the same code."""
    try:
        return cache.match_cache_notebook(notebook)
    except KeyError:
        return None


def is_fresh(record: NbCacheRecord | None, notebook: NotebookNode, reach: Reach) -> bool:
    """Tell whether a notebook would be executed in vain."""
    return record is not None and record.data.get("stamp") == stamp(notebook, reach)


def stale_notebooks(reach: Reach | None = None) -> list[Pair]:
    """Return the notebooks of the book whose results are not in the cache."""
    cache, reach = get_cache(CACHE), reach or Reach(ROOT)
    found = [(pair, read(pair.md)) for pair in pairs()]
    return [pair for pair, text in found if not is_fresh(record_of(cache, text), text, reach)]


def recorded(pair: Pair, reach: Reach) -> recording.Recording | None:
    """Return what a notebook said when it was recorded, unless it could say something else now."""
    if not ((CACHE / "global.db").is_file() and pair.md.is_file() and is_notebook(pair.md)):
        return None
    cache, notebook = get_cache(CACHE), read(pair.md)
    record = record_of(cache, notebook)
    if record is None or "wrong" not in record.data or not is_fresh(record, notebook, reach):
        return None
    if code_hash(notebook) != code_hash(read(pair.ipynb)):
        return None
    return recording.Recording(cache.get_cache_bundle(record.pk).nb, record.data["wrong"])


# What is not needed any more


def drop_pages(*, draft: bool = False) -> None:
    """Drop all pages if what renders them changed, or if some may have had warnings."""
    digest, note = hashlib.sha256(b"draft" if draft else b""), BUILD / "pages.sha256"
    for path in sorted(EXTENSIONS.glob("*.py")):
        digest.update(path.read_bytes())
    if not note.is_file() or note.read_text() != digest.hexdigest():
        for folder in (DOCTREES, HTML):
            shutil.rmtree(folder, ignore_errors=True)
        note.write_text(digest.hexdigest())


def drop(stale: list[Pair]) -> None:
    """Drop what there is of some notebooks."""
    cache = get_cache(CACHE)
    for pair in stale:
        if record := record_of(cache, read(pair.md)):
            cache.remove_cache(record.pk)
        page = pair.md.relative_to(ROOT).with_suffix(".doctree")
        (DOCTREES / page).unlink(missing_ok=True)


def drop_rest() -> None:
    """Drop what no page has any more: results of older code, and frames that nobody shows."""
    cache = get_cache(CACHE)
    records = [record_of(cache, read(pair.md)) for pair in pairs()]
    used = {record.pk for record in records if record}
    shown: set[str] = set()
    for record in cache.list_cache_records():
        if record.pk not in used:
            cache.remove_cache(record.pk)
        else:
            shown.update(FRAME.findall(str(cache.get_cache_bundle(record.pk).nb)))
    for frame in FRAMES.glob("*.webp"):
        if frame.name not in shown:
            frame.unlink()


def make_profile() -> None:
    """Write a profile in which kernels report errors only, not that they talk over local TCP."""
    settings = PROFILE / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('get_config().IPKernelApp.log_level = "ERROR"\n', encoding="utf-8")


def execute(stale: list[Pair], environment: dict[str, str], *, record: bool = False) -> None:
    """Execute notebooks into the cache, as many at a time as there are processors.

    One that fails is not cached: Sphinx executes it again, and reports what is wrong with it.
    """
    # Each kernel has a processor to itself, and no use for threads.
    environment = dict.fromkeys(THREADS, "1") | environment
    reach = Reach(ROOT)
    stamps = {pair: stamp(read(pair.md), reach) for pair in stale}  # `ast` dislikes threads

    def run(pair: Pair) -> CacheBundleIn | None:
        notebook = read(pair.md)
        data: dict[str, Any] = {"stamp": stamps[pair]}
        if absent := missing(notebook):
            print(f"{pair.name}: stored outputs, for want of {', '.join(absent)}", flush=True)
            for frame in pair.frames.glob("*.webp"):
                shutil.copy(frame, FRAMES)
            return CacheBundleIn(as_executed(pair), str(pair.md), data=data)
        folder = {"metadata": {"path": str(pair.md.parent)}}
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            record_timing=False,
            store_widget_state=False,
            resources=folder,
        )
        start = time.perf_counter()
        try:
            if record:
                data["wrong"] = asyncio.run(recording.record(client, environment))
            else:
                asyncio.run(client.async_execute(env=environment))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            reason = str(error).strip().splitlines()[-1]
            print(f"{pair.name}: failed ({type(error).__name__}: {reason})", flush=True)
            return None
        data["execution_seconds"] = seconds = time.perf_counter() - start
        print(f"{pair.name}: executed in {seconds:.0f} s", flush=True)
        return CacheBundleIn(notebook, str(pair.md), data=data)

    cache = get_cache(CACHE)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for bundle in filter(None, pool.map(run, stale)):
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def show_as_stored(others: list[Pair]) -> None:
    """Put the stored outputs of notebooks into the cache, where it has none of their code."""
    cache = get_cache(CACHE)
    for pair in others:
        if pair.ipynb.is_file() and record_of(cache, read(pair.md)) is None:
            bundle = CacheBundleIn(as_stored(pair), str(pair.md), data={})
            cache.cache_notebook_bundle(bundle, check_validity=False)


def build(only: str = "", *, record: bool = False) -> int:
    """Execute the notebooks, or only one page, run Jupyter Book and return its exit status."""
    BUILD.mkdir(exist_ok=True)
    drop_pages(draft=bool(only))
    if not FRAMES.is_dir():  # without the pictures, what was executed is of no use
        shutil.rmtree(CACHE, ignore_errors=True)
        FRAMES.mkdir()
    make_profile()
    environment = {**os.environ, "SDBOOK_STATIC": str(FRAMES), "IPYTHONDIR": str(PROFILE)}
    stale = stale_notebooks()
    if only:
        show_as_stored([pair for pair in stale if pair.name != only])
        stale = [pair for pair in stale if pair.name == only]
    drop(stale)
    execute(stale, environment, record=record)
    if not only:
        drop_rest()
    arguments = ["build", str(ROOT), "-n", *([] if only else ["-W", "--keep-going"])]
    status = subprocess.run(
        [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", *arguments],
        env=environment,
        check=False,
    ).returncode
    if status:
        shutil.rmtree(DOCTREES, ignore_errors=True)
        return status
    for pair in pairs():  # what a reader downloads reads well wherever it is opened
        download = HTML / "_sources" / pair.ipynb.relative_to(ROOT)
        shutil.copy(pair.ipynb, download)
    return 0


def address(page: str) -> str:
    """Return where a page is, below the folder of the built book."""
    for name in parse_toc_yaml(ROOT / "_toc.yml"):
        if Path(name).name == page:
            return f"{name}.html"
    raise SystemExit(f"The book has no page {page!r}; those it has are in _toc.yml.")


def serve(port: int) -> None:
    """Serve the built book on this computer only, until interrupted."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=HTML)
    with http.server.ThreadingHTTPServer(("localhost", port), handler) as server:
        print(f"Serving the book on http://localhost:{port} (stop with Ctrl-C)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def watch(page: str, port: int) -> None:
    """Serve the book, and build a page again whenever it changes, or what it reaches."""
    from livereload import Server

    server, watched = Server(), set[Path]()
    md = (ROOT / address(page)).with_suffix(".md")

    def look() -> None:
        files = {md, ROOT / "notebooks" / "references.bib"}
        if is_notebook(md):
            files |= Reach(ROOT).of_notebook(code_of(read(md)))
        for path in files - watched:
            server.watch(str(path), again)
        watched.update(files)

    def again() -> None:
        build(page)
        look()

    look()
    print(f"Watching {len(watched)} files; the page is http://localhost:{port}/{address(page)}")
    server.serve(port=port, host="localhost", root=str(HTML))


def main() -> int:
    """Build, say what to open, and serve when asked to."""
    parser = argparse.ArgumentParser(description="Build the book into _build/html.")
    parser.add_argument("--serve", action="store_true", help="serve the book after building it")
    parser.add_argument("--port", type=int, default=8000, help="port to serve on (default: 8000)")
    parser.add_argument("--record", action="store_true", help="record what tests need")
    parser.add_argument("--page", default="", help="the only page to execute: 03_wrong_labels")
    parser.add_argument("--watch", action="store_true", help="build the page whenever it changes")
    options = parser.parse_args()
    if options.watch and not options.page:
        parser.error("--watch needs --page")
    first = address(options.page) if options.page else "index.html"
    status = build(options.page, record=options.record)
    if options.watch:
        watch(options.page, options.port)
    if status:
        print("\nThe book did not build cleanly: see the warnings above.", file=sys.stderr)
        return status
    print(f"\nThe book is ready. Open {(HTML / first).as_uri()}")
    if options.serve:
        serve(options.port)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
