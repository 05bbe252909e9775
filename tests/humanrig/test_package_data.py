"""What an installation holds: every file beside the code is named in pyproject.toml, and every folder is a package."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
PACKAGES = [name.rstrip("*") for name in PROJECT["packages"]["find"]["include"]]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_is_packed(package: str) -> None:
    data = PROJECT["package-data"]
    packed = {path for pattern in data.get(package, []) for path in (ROOT / package).glob(pattern)}
    packed |= {ROOT / package / name for name in data["*"]}
    beside = {
        path
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    }
    assert sorted(beside - packed) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_code_is_a_package(package: str) -> None:
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert sorted(folder for folder in folders if not (folder / "__init__.py").is_file()) == []
