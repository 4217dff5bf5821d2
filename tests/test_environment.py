"""What is installed and published: requirements, the version, the wheel and the source."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import notebooks  # tools/notebooks.py
import release  # tools/release.py
import sdbook

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
# Where conda-forge and PyPI give the same thing different names.
PYPI_NAMES = {"brotli-python": "brotli", "playwright-python": "playwright"}


def parse(lines):
    found = {}
    for item in map(Requirement, lines):
        name = canonicalize_name(item.name)
        found[PYPI_NAMES.get(name, name)] = item.specifier
    return found


def conda_lines():
    lines = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
    nested = next(line for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))
    return lines + [line for line in nested["pip"] if line != "-e ."]


def test_same_names_and_specifiers():
    extras = PROJECT["optional-dependencies"]
    asked = parse([*PROJECT["dependencies"], *extras["book"], *extras["test"]])
    offered = parse(conda_lines())
    asked.pop("sdbook")  # the extra of the book, which the tests need
    assert offered.pop("python") == SpecifierSet(PROJECT["requires-python"])
    offered.pop("pip")
    assert offered == asked


def test_the_version_is_written_once():
    assert "version" not in PROJECT
    assert "version" not in yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert release.version() == sdbook.__version__


@pytest.fixture
def other_version(tmp_path):
    """A folder with what a release looks at."""
    (tmp_path / "sdbook").mkdir()
    (tmp_path / "sdbook" / "__init__.py").write_text('"""X."""\n\n__version__ = "1.2.3"\n')
    sections = "## [Unreleased]\n\n## [1.2.3] - 2030-01-02\n\n### Added\n\n- This.\n\n## [1.2.2]"
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n{sections} - 2029-01-01\n\n- That.\n")
    return tmp_path


def test_the_notes_of_a_release_are_its_section_of_the_changelog(other_version):
    assert release.notes("v1.2.3", other_version) == "### Added\n\n- This."


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.30"])
def test_no_release_of_another_version(other_version, tag):
    with pytest.raises(ValueError, match=r"tag must be v1\.2\.3, .*, got "):
        release.notes(tag, other_version)


@pytest.mark.parametrize("text", ["## [Unreleased]\n\n- This.\n", "## [1.2.3] - 2030-01-02\n"])
def test_no_release_without_a_section(other_version, text):
    (other_version / "CHANGELOG.md").write_text(text)
    with pytest.raises(ValueError, match=r"CHANGELOG.md must have a section"):
        release.notes("v1.2.3", other_version)


# What is built


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The two distributions, unpacked: the folders of the source and of the wheel."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", folder]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "wheel")
    return folder / source.name.removesuffix(".tar.gz"), folder / "wheel"


def files(folder):
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if "__pycache__" not in name and ".dist-info/" not in name}


def run(code, folder, path):
    """Run code in a folder, where Python finds the package only on this path."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    result = subprocess.run(
        [sys.executable, *code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_all_files_of_the_package_are_in_the_wheel(built):
    packed = files(built[1])
    assert {"sdbook/py.typed", "sdbook/data/words.npz", "sdbook/data/LICENSE-WordNet"} <= packed
    assert packed == {f"sdbook/{name}" for name in files(ROOT / "sdbook")}


@pytest.mark.slow
def test_all_that_git_tracks_is_in_the_source_distribution(built):
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout of Git")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    there = {name for name in tracked.stdout.split("\0") if (ROOT / name).is_file()}
    assert there <= files(built[0])


@pytest.mark.slow
def test_tests_pass_in_the_source_distribution(built):
    sample = ["tests/test_noise.py", "tests/test_readme.py::test_links_to_files_lead_somewhere"]
    options = ["-q", "-p", "no:cacheprovider", "-n", "0"]
    assert " passed" in run(["-m", "pytest", *options, *sample], built[0], built[0])


@pytest.mark.slow
def test_notebooks_need_nothing_beside_the_wheel(built, tmp_path):
    """Every import of every notebook works elsewhere, and so does what reads stored results."""
    lines = ["from sdbook.experiments import few_wrong, recipe"]
    lines += ["assert few_wrong.load()['pieces'] and recipe.load()['pieces']"]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        if not notebooks.missing(notebook):
            nodes = [node for each in code for node in ast.walk(ast.parse(each))]
            imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
            lines += [ast.unparse(node) for node in imports]
        lines += [line for each in code for line in each.splitlines() if 'files("sdbook' in line]
    assert len(lines) > 100
    assert any("benchmarks.json" in line for line in lines)
    (tmp_path / "all.py").write_text(
        f"import sys\nsys.path = [path for path in sys.path if path != {str(ROOT)!r}]\n"
        f"import sdbook\nassert sdbook.__file__.startswith({str(built[1])!r})\n" + "\n".join(lines)
    )
    run(["all.py"], tmp_path, built[1])


# What is asked for


def test_every_requirement_has_a_lower_bound():
    for name, specifiers in parse(conda_lines()).items():
        if name != "pip":
            assert any(item.operator == ">=" for item in specifiers), name


def test_conda_installs_the_package_itself():
    nested = next(line for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))
    assert "-e ." in nested["pip"]
