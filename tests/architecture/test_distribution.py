"""What a user installs: the wheel, not the source tree."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("lokid", "lokictl")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Built from a copy by the pinned setuptools, as the Makefile does it."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for package in (*PACKAGES, "bin"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, tree], check=True, timeout=55)
    [built] = folder.glob("*.whl")
    with zipfile.ZipFile(built) as opened:
        yield opened


def names(wheel: zipfile.ZipFile) -> set[str]:
    return set(wheel.namelist())


def test_every_module_and_data_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """All that lies in the packages, the typing markers and scripts that are not Python included."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in names(wheel)


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    folders = {name.split("/")[0] for name in names(wheel)}
    assert {folder for folder in folders if not folder.endswith((".dist-info", ".data"))} == set(PACKAGES)


def test_the_licence_travels_along(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in names(wheel))


def test_both_programs_can_be_called(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """From the wheel alone, outside the source tree."""
    [entry] = [path for path in names(wheel) if path.endswith("entry_points.txt")]
    scripts = configparser.ConfigParser()
    scripts.read_string(wheel.read(entry).decode())
    [target] = scripts["console_scripts"].values()
    module, _, function = target.partition(":")
    wheel.extractall(tmp_path)
    called = tmp_path / "entry.py"
    called.write_text(f"from {module} import {function}; {function}()")
    [lokictl] = tmp_path.glob("*.data/scripts/lokictl")
    for program in (called, lokictl):
        done = subprocess.run(
            [sys.executable, program, "--version"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert done.stdout.strip()


def test_installers_write_the_interpreter_into_lokictl_and_no_import(wheel: zipfile.ZipFile) -> None:
    """A generated entry point may import `re`, which takes longer than all that `ask` imports."""
    [path] = [path for path in names(wheel) if path.endswith(".data/scripts/lokictl")]
    lines = wheel.read(path).decode().splitlines()
    assert lines[0] == "#!python"  # which installers look for
    assert [line.strip() for line in lines if "import" in line and not line.startswith("#")] == [
        "import os",  # site has loaded it already
        "import sys",  # the interpreter has
        "from lokictl.__main__ import main",
    ]
