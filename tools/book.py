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
  outputs are put into the cache instead, and ``tools/sphinx_ext/absent_libraries.py`` says so on
  the page. The cache is dropped as well when such a library comes or goes.
* ``_build/.ipython`` is the profile of the kernels: the reader's own could change what they print.
* ``_build/.doctrees`` holds parsed pages. Sphinx does not repeat the warnings of a page that it
  does not parse again, so the folder is dropped after a failed build.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml

from notebooks import missing  # beside this file

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


def notebooks() -> dict[Path, NotebookNode]:
    """Return the notebooks of the book, by their paths."""
    paths = [ROOT / f"{name}.ipynb" for name in parse_toc_yaml(ROOT / "_toc.yml")]
    return {path: nbformat.read(path, as_version=4) for path in paths if path.is_file()}


def drop_stale() -> None:
    """Drop what an older version of the library executed, drew or rendered."""
    absent = sorted({name for notebook in notebooks().values() for name in missing(notebook)})
    stamp, current = BUILD / "code.sha256", " without ".join([fingerprint(CODE), *absent])
    if stamp.is_file() and stamp.read_text() == current and FRAMES.is_dir():
        return
    for name in (".jupyter_cache", "frames", ".doctrees", "html"):
        shutil.rmtree(BUILD / name, ignore_errors=True)
    FRAMES.mkdir(parents=True)
    stamp.write_text(current)


def make_profile() -> None:
    """Write a profile in which kernels report errors only, not that they talk over local TCP."""
    settings = PROFILE / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('get_config().IPKernelApp.log_level = "ERROR"\n', encoding="utf-8")


def stale_notebooks() -> list[Path]:
    """Return the notebooks of the book whose results are not in the cache."""
    cache = get_cache(CACHE)
    stale = []
    for path, notebook in notebooks().items():
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            stale.append(path)
    return stale


def still(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose stored pictures have their message as alternative text and caption."""
    notebook = nbformat.from_dict(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in (data := output.get("data", {})):
                message = escape(data["text/plain"])
                data["text/html"] = (
                    f'<figure><img src="data:image/png;base64,{data["image/png"].strip()}" '
                    f'alt="{message}"><figcaption>{message}</figcaption></figure>'
                )
    return notebook


def execute(paths: list[Path], environment: dict[str, str]) -> None:
    """Execute notebooks into the cache, as many at a time as there are processors.

    One that fails is not cached: Sphinx executes it again, and reports what is wrong with it.
    """
    # Each kernel has a processor to itself, and no use for threads.
    environment = dict.fromkeys(THREADS, "1") | environment

    def run(path: Path) -> CacheBundleIn | None:
        notebook = nbformat.read(path, as_version=4)
        if absent := missing(notebook):
            print(f"{path.name}: stored outputs, for want of {', '.join(absent)}", flush=True)
            return CacheBundleIn(still(notebook), str(path))
        folder = {"metadata": {"path": str(path.parent)}}
        client = NotebookClient(notebook, timeout=TIMEOUT, record_timing=False, resources=folder)
        start = time.perf_counter()
        try:
            asyncio.run(client.async_execute(env=environment))
        except (CellExecutionError, CellTimeoutError, DeadKernelError):
            print(f"{path.name}: failed", flush=True)
            return None
        seconds = time.perf_counter() - start
        print(f"{path.name}: executed in {seconds:.0f} s", flush=True)
        return CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})

    cache = get_cache(CACHE)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for bundle in filter(None, pool.map(run, paths)):
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
