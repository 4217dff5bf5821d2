"""Run the unit tests that a change can reach, without those that take long.

    python tools/changed.py                   say what changed, and run the tests that reach it
    python tools/changed.py --list            only say
    python tools/changed.py --since COMMIT    count as changed what is different from COMMIT

What changed is what is different from the commit where the branch left ``origin/main`` (``main``
where there is no ``origin``), committed or not, new files included.

A test is run if its file reaches a changed file (see ``reach.py``). Of a module in which only
comments, formatting or docstrings changed, the examples are run, and nothing else. What all tests
depend on, and a file that is gone, are reached by all of them. Tests marked ``slow`` are left out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from reach import ROOT, Reach, hash_of  # beside this file

FOR_ALL = {"conftest.py", "pyproject.toml"}
EXAMPLES = "tests/test_docstrings.py"
OF_A_MODULE = f"{EXAMPLES}::test_examples_print_what_they_say[{{}}]"
BROWSER = ROOT / "tests" / "browser"
FEW = 3  # files of tests for which other processes are not worth their start


def git(*arguments: str) -> bytes:
    """Return what git says, or nothing where it fails."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, check=False).stdout


def beginning() -> str:
    """Return the commit where the branch left the main one."""
    for name in ("origin/main", "main"):
        if commit := git("merge-base", "HEAD", name).decode().strip():
            return commit
    return "HEAD"


def changed(since: str) -> list[str]:
    """Return the files that are different from a commit, new and lost ones included."""
    different = git("diff", "--name-only", "--no-renames", "-z", since)
    new = git("ls-files", "--others", "--exclude-standard", "-z")
    return sorted({name.decode() for name in (different + new).split(b"\0") if name})


def only_reads_differently(name: str, since: str) -> bool:
    """Tell whether a Python file does what it did before."""
    path, before = ROOT / name, git("show", f"{since}:{name}")
    if path.suffix != ".py" or not path.exists() or not before:
        return False
    try:
        return hash_of(path, before) == hash_of(path, path.read_bytes())
    except SyntaxError:
        return False


def tests_of(names: list[str], since: str) -> list[str]:
    """Return the tests that reach changed files, as pytest wants them named."""
    same = {name for name in names if only_reads_differently(name, since)}
    other = {ROOT / name for name in names} - {ROOT / name for name in same}
    lost = {path for path in other if not path.exists()}
    everything = bool(lost) or not FOR_ALL.isdisjoint(set(names) - same)
    reach = Reach()
    files = [
        path for path in sorted(ROOT.glob("tests/**/test_*.py")) if BROWSER not in path.parents
    ]
    found = [
        path.relative_to(ROOT).as_posix()
        for path in files
        if everything or not other.isdisjoint(reach.of_file(path))
    ]
    if everything or EXAMPLES in names:
        return found
    # All modules are reached by the test of examples. Those of the changed ones are enough.
    modules = [name for name in names if name.startswith("sdbook/") and name.endswith(".py")]
    dotted = [name.removesuffix(".py").removesuffix("/__init__") for name in modules]
    examples = [OF_A_MODULE.format(name.replace("/", ".")) for name in dotted if name != "sdbook"]
    return [name for name in found if name != EXAMPLES] + examples


def run(tests: list[str]) -> int:
    """Run tests with pytest and return its exit status."""
    processes = "0" if len(tests) <= FEW else "auto"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
    command += ["-p", "no:nbval", f"--numprocesses={processes}", "--durations=3", *tests]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    return 0 if status == 5 else status  # 5: all that was found is slow


def main() -> int:
    """Say what changed, and run the tests that reach it."""
    parser = argparse.ArgumentParser(description="Run the tests that a change can reach.")
    parser.add_argument("--since", help="a commit (default: where the branch left main)")
    parser.add_argument("--list", action="store_true", help="only say what would be run")
    options = parser.parse_args()
    since = options.since or beginning()
    short = git("rev-parse", "--short", since).decode().strip()
    if not short:
        parser.error(f"git knows no commit {since}")
    if not (names := changed(since)):
        print(f"Nothing changed since {short}.")
        return 0
    print(f"Changed since {short}:", *names, sep="\n  ")
    if not (tests := tests_of(names, since)):
        print("No unit test reaches that.")
        return 0
    print("Tests that reach it:", *tests, sep="\n  ")
    if options.list:
        return 0
    print("Those marked slow are left out: `pytest` runs them too, `make test` everything.")
    return run(tests)


if __name__ == "__main__":
    raise SystemExit(main())
