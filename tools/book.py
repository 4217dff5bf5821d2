"""Build the book into ``_build/html``; any warning is an error.

    python tools/book.py            build
    python tools/book.py --serve    build, then serve on http://localhost:8000

Everything that the build writes stays inside ``_build``:

* ``_build/.jupyter_cache`` holds executed notebooks, ``_build/frames`` the pictures of the
  explorers that they drew. Neither notices a change of the library, and neither is of use
  without the other, so both are dropped when anything in ``sdbook/`` changes. Notebooks are
  executed before Sphinx runs, as many at a time as there are processors; Sphinx finds them in the
  cache.
* A notebook with a cell tagged ``needs-torch`` is not executed where PyTorch is missing. Its stored
  outputs are put into the cache instead, with the pictures of its explorers, and
  ``tools/sphinx_ext/absent_libraries.py`` says so on the page. When such a library comes or goes,
  what is cached of this notebook is dropped.
* ``_build/.ipython`` is the profile of the kernels: the reader's own could change what they print.
* ``_build/.doctrees`` holds parsed pages. Sphinx does not repeat the warnings of a page that it
  does not parse again, so the folder is dropped after a failed build.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from sphinx_external_toc.parsing import parse_toc_yaml

from notebooks import Pair, as_executed, is_notebook, missing, needs, read  # beside this file

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
CACHE = BUILD / ".jupyter_cache"
FRAMES = BUILD / "frames"
DOCTREES = BUILD / ".doctrees"
PROFILE = BUILD / ".ipython"
# What the drawn and executed content of the book depends on, apart from the notebooks.
CODE = [ROOT / name for name in ("sdbook", "tools/sphinx_ext", "experiments", "benchmarks")]
TIMEOUT = 600  # seconds for a cell
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def fingerprint(folders: list[Path]) -> str:
    """Return a hash of the names and contents of the files in ``folders``."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def pairs() -> Iterator[Pair]:
    """Yield the notebooks of the book."""
    for name in parse_toc_yaml(ROOT / "_toc.yml"):
        pair = Pair(ROOT / f"{name}.ipynb", ROOT / f"{name}.md")
        if pair.md.is_file() and is_notebook(pair.md):
            yield pair


def drop_stale() -> None:
    """Drop what an older version of the library executed, drew or rendered."""
    stamp, current = BUILD / "code.sha256", fingerprint(CODE)
    if not (stamp.is_file() and stamp.read_text() == current and FRAMES.is_dir()):
        for name in (".jupyter_cache", "frames", ".doctrees", "html"):
            shutil.rmtree(BUILD / name, ignore_errors=True)
        FRAMES.mkdir(parents=True)
        stamp.write_text(current)
    drop_by_libraries()


def drop_by_libraries() -> None:
    """Drop what was executed, or not, because of a library that has come or gone since."""
    cache, folder = get_cache(CACHE), BUILD / "libraries"
    folder.mkdir(exist_ok=True)
    for pair in pairs():
        notebook = read(pair.md)
        if not needs(notebook):
            continue
        stamp, current = folder / pair.name, ", ".join(missing(notebook))
        if not stamp.is_file() or stamp.read_text() != current:
            with contextlib.suppress(KeyError):  # not cached
                cache.remove_cache(cache.match_cache_notebook(notebook).pk)
            # Sphinx does not notice that outputs are others; without its doctree a page is new.
            page = pair.md.relative_to(ROOT).with_suffix(".doctree")
            (DOCTREES / page).unlink(missing_ok=True)
            stamp.write_text(current)


def make_profile() -> None:
    """Write a profile in which kernels report errors only, not that they talk over local TCP."""
    settings = PROFILE / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('get_config().IPKernelApp.log_level = "ERROR"\n', encoding="utf-8")


def stale_notebooks() -> list[Pair]:
    """Return the notebooks of the book whose results are not in the cache."""
    cache = get_cache(CACHE)
    stale = []
    for pair in pairs():
        try:
            cache.match_cache_notebook(read(pair.md))
        except KeyError:
            stale.append(pair)
    return stale


def execute(stale: list[Pair], environment: dict[str, str]) -> None:
    """Execute notebooks into the cache, as many at a time as there are processors.

    One that fails is not cached: Sphinx executes it again, and reports what is wrong with it.
    """
    # Each kernel has a processor to itself, and no use for threads.
    environment = dict.fromkeys(THREADS, "1") | environment

    def run(pair: Pair) -> CacheBundleIn | None:
        notebook = read(pair.md)
        if absent := missing(notebook):
            print(f"{pair.name}: stored outputs, for want of {', '.join(absent)}", flush=True)
            for frame in pair.frames.glob("*.webp"):
                shutil.copy(frame, FRAMES)
            return CacheBundleIn(as_executed(pair), str(pair.md))
        folder = {"metadata": {"path": str(pair.md.parent)}}
        client = NotebookClient(notebook, timeout=TIMEOUT, record_timing=False, resources=folder)
        start = time.perf_counter()
        try:
            asyncio.run(client.async_execute(env=environment))
        except (CellExecutionError, CellTimeoutError, DeadKernelError):
            print(f"{pair.name}: failed", flush=True)
            return None
        seconds = time.perf_counter() - start
        print(f"{pair.name}: executed in {seconds:.0f} s", flush=True)
        return CacheBundleIn(notebook, str(pair.md), data={"execution_seconds": seconds})

    cache = get_cache(CACHE)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for bundle in filter(None, pool.map(run, stale)):
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def build() -> int:
    """Execute the notebooks, run Jupyter Book and return its exit status."""
    drop_stale()
    make_profile()
    environment = {**os.environ, "SDBOOK_STATIC": str(FRAMES), "IPYTHONDIR": str(PROFILE)}
    execute(stale_notebooks(), environment)
    arguments = ["build", str(ROOT), "-W", "--keep-going", "-n"]
    status = subprocess.run(
        [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", *arguments],
        env=environment,
        check=False,
    ).returncode
    if status:
        shutil.rmtree(DOCTREES, ignore_errors=True)
        return status
    for pair in pairs():  # what a reader downloads reads well wherever it is opened
        download = BUILD / "html" / "_sources" / pair.ipynb.relative_to(ROOT)
        shutil.copy(pair.ipynb, download)
    return 0


def serve(port: int) -> None:
    """Serve the built book on this computer only, until interrupted."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=BUILD / "html")
    with http.server.ThreadingHTTPServer(("localhost", port), handler) as server:
        print(f"Serving the book on http://localhost:{port} (stop with Ctrl-C)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def main() -> int:
    """Build, say what to open, and serve when asked to."""
    parser = argparse.ArgumentParser(description="Build the book into _build/html.")
    parser.add_argument("--serve", action="store_true", help="serve the book after building it")
    parser.add_argument("--port", type=int, default=8000, help="port of --serve (default: 8000)")
    options = parser.parse_args()
    if status := build():
        print("\nThe book did not build cleanly: see the warnings above.", file=sys.stderr)
        return status
    print(f"\nThe book is ready. Open {(BUILD / 'html' / 'index.html').as_uri()}")
    if options.serve:
        serve(options.port)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
