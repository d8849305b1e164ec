"""The tests that the pages about reliability name exist, and all that inject faults are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.readme.pages import ROOT

FAULTS = ROOT / "tests" / "faults"
PAGES = (FAULTS / "README.md", ROOT / "docs" / "reliability.md", ROOT / "docs" / "security.md")
HEADINGS = {"test", "tested by"}
WORDS = re.compile(r"`([^`]+)`")


def cells(page: Path) -> Iterator[str]:
    """Of the columns that name tests."""
    column = None
    for line in page.read_text().splitlines():
        row = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            column = None
        elif column is None:
            column = next((at for at, cell in enumerate(row) if cell in HEADINGS), len(row))
        elif column < len(row) and row[column].strip("- "):
            yield row[column]


def found(name: str, folder: Path) -> list[Path]:
    """Files or folders by the name that a page gives them; ``folder``: of the one before."""
    starts = (ROOT,) if name.startswith("tests/") else (FAULTS, folder)
    names = (name,) if name.endswith((".py", ".md", "/")) else (name, f"{name}.py")
    return [path for start in starts for one in names for path in start.glob(one)]


def named(cell: str) -> Iterator[tuple[str, bool]]:
    """What a cell names, and whether it is there: files, tests in the file before, commands of make."""
    files: list[Path] = []
    for word in WORDS.findall(cell):
        if word.startswith("make "):
            yield word, re.search(rf"^{word[5:]}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
        elif word.startswith(("tests/", "test_")):
            files = found(word, files[0].parent if files else FAULTS)
            yield word, bool(files)
        else:
            begins = f"def test_{word.removesuffix('...')}"
            ends = "" if word.endswith("...") else "("
            yield word, any(begins + ends in file.read_text() for file in files if file.is_file())


@pytest.mark.parametrize("page", PAGES[:2], ids=lambda page: page.name)
def test_what_a_table_names_is_there(page: Path) -> None:
    all_named = [each for cell in cells(page) for each in named(cell)]
    assert len(all_named) > 20, "the tables are not read"
    assert [word for word, is_there in all_named if not is_there] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_tests_that_the_text_names_are_there(page: Path) -> None:
    words = [word for word in WORDS.findall(page.read_text()) if word.startswith("tests/")]
    assert [word for word in words if not found(word, ROOT)] == []


def test_every_file_with_faults_is_in_the_table() -> None:
    words = set(WORDS.findall((FAULTS / "README.md").read_text()))
    assert {path.stem for path in FAULTS.glob("test_*.py")} <= words


def test_a_name_that_is_not_there_is_noticed() -> None:
    assert dict(named("`tests/e2e/test_daemon`: `no_such`, `version_and_help_...`, `version_and_help`")) == {
        "tests/e2e/test_daemon": True,
        "no_such": False,
        "version_and_help_...": True,
        "version_and_help": False,
    }
    assert dict(named("`test_none`; `tests/e2e/test_none.py`; `make nothing`; `make lab`")) == {
        "test_none": False,
        "tests/e2e/test_none.py": False,
        "make nothing": False,
        "make lab": True,
    }
