"""What is installed is what was locked: every file by its hash, no registry by its name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: Path) -> dict[str, set[str]]:
    """Package -> its versions (markers may choose between several)."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def group(name: str) -> list[str]:
    """The requirements of a dependency group, included groups resolved."""
    found: list[str] = []
    for entry in PROJECT["dependency-groups"][name]:
        found += [entry] if isinstance(entry, str) else group(entry["include-group"])
    return found


EXTRAS = [need for name, needs in PROJECT["project"]["optional-dependencies"].items() for need in needs]

NEEDS = {
    "runtime.txt": PROJECT["project"]["dependencies"] + group("build"),
    "local.txt": PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["local"],
    "test.txt": PROJECT["project"]["dependencies"] + EXTRAS + group("test"),
    "check.txt": PROJECT["project"]["dependencies"] + EXTRAS + group("test") + group("check"),
    "oracle.txt": group("oracle"),
    "fuzz.txt": group("fuzz"),
    # What is installed beside lokid, never with it: a model, and what it is measured against.
    **{
        f"{path.stem}.txt": [line for line in path.read_text().splitlines() if line and line[0] != "#"]
        for path in (ROOT / "requirements").glob("*.in")
    },
}


def test_every_lock_is_known() -> None:
    assert {path.name for path in LOCKS} == set(NEEDS)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_registry_is_named(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--index" not in text and "--find-links" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash(lock: Path) -> None:
    for entry in re.split(r"\n(?=[^ ])", lock.read_text().strip()):
        assert "==" in entry and "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("name", NEEDS)
def test_the_lock_satisfies_what_is_declared(name: str) -> None:
    locked = pins(ROOT / "requirements" / name)
    for text in NEEDS[name]:
        need = Requirement(text)
        versions = locked.get(canonicalize_name(need.name), set())
        assert versions, f"{need.name} is not in {name}: run `make lock`"
        assert all(need.specifier.contains(version) for version in versions), f"{need} but {versions}"


def test_the_locks_agree() -> None:
    """Checks run on what is tested, and what is tested is what is installed. The oracle lives apart."""
    check = pins(ROOT / "requirements" / "check.txt")
    for name in ("runtime.txt", "local.txt", "test.txt"):
        for package, versions in pins(ROOT / "requirements" / name).items():
            assert versions <= check[package], f"{name}: {package}"
