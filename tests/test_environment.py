"""`environment.yml` (conda) asks for what `pyproject.toml` (pip) asks for."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
# Where conda-forge and PyPI give the same thing different names.
PYPI_NAMES = {
    "brotli-python": "brotli",
    "lazy_loader": "lazy-loader",
    "playwright-python": "playwright",
}


def parse(lines: list[str]) -> dict[str, SpecifierSet]:
    requirements = map(Requirement, lines)
    return {PYPI_NAMES.get(item.name, item.name): item.specifier for item in requirements}


def conda_lines() -> list[str]:
    lines = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
    nested = next(line for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))
    return lines + [line for line in nested["pip"] if line != "-e ."]


def test_same_names_and_specifiers():
    extras = PROJECT["optional-dependencies"]
    asked = parse([*PROJECT["dependencies"], *extras["book"], *extras["test"]])
    offered = parse(conda_lines())
    assert offered.pop("python") == SpecifierSet(PROJECT["requires-python"])
    offered.pop("pip")
    assert offered == asked


def test_all_files_of_the_package_are_in_the_wheel(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", tmp_path], cwd=ROOT, check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "sdbook").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"sdbook/py.typed", "sdbook/data/words.npz", "sdbook/data/LICENSE-WordNet"} <= files
    assert packed == files


def test_every_requirement_has_a_lower_bound():
    for name, specifiers in parse(conda_lines()).items():
        if name != "pip":
            assert any(item.operator == ">=" for item in specifiers), name


def test_conda_installs_the_package_itself():
    nested = next(line for line in ENVIRONMENT["dependencies"] if isinstance(line, dict))
    assert "-e ." in nested["pip"]
