"""Rules about the text of the source that no linter has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("lokid", "lokictl")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PURE = ("config", "providers", "dialects", "protocols", "rpc", "chat", "errors.py")
PURE_SOURCES = [path for path in SOURCES if path.relative_to(ROOT).parts[:1] == ("lokid",)]
PURE_SOURCES = [path for path in PURE_SOURCES if path.relative_to(ROOT / "lokid").parts[0] in PURE]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=named(path))


GENERATED = {ROOT / "lokid" / "providers" / "prices.py"}  # nobody reads it from top to bottom


@pytest.mark.parametrize("path", sorted({*SOURCES} - GENERATED), ids=named)
def test_no_file_comes_near_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 400


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_every_module_says_what_lives_in_it(path: Path) -> None:
    assert ast.get_docstring(parsed(path)), "a module opens with a sentence that says what it is"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_is_a_package(package: str) -> None:
    for folder in {path.parent for path in SOURCES if path.is_relative_to(ROOT / package)}:
        assert (folder / "__init__.py").is_file(), f"{named(folder)} has no __init__.py"


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_nothing_is_left_to_do(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text())


NOT_NOUNS = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "data"}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_is_named_for_its_noun(path: Path) -> None:
    assert path.stem not in NOT_NOUNS


# What import-linter cannot see because no import is needed for it, or because the module is needed
# for something else.
IMPURE_NAMES = {"open", "input", "print", "exec", "eval", "__import__", "breakpoint"}
IMPURE_ATTRIBUTES = {"now", "utcnow", "today"}


@pytest.mark.parametrize("path", PURE_SOURCES, ids=named)
def test_pure_code_calls_nothing_impure(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_NAMES:
                pytest.fail(f"{named(path)}:{node.lineno}: {name}()")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name)):
                assert name not in IMPURE_ATTRIBUTES, f"{named(path)}:{node.lineno}: {name}() reads the clock"


@pytest.mark.parametrize("path", PURE_SOURCES, ids=named)
def test_pure_code_does_not_await(path: Path) -> None:
    """Nothing to wait for without I/O; a parser is fed, it does not read."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor):
            pytest.fail(f"{named(path)}:{node.lineno}")


def _is_broad(handler: ast.ExceptHandler) -> bool:
    match handler.type:
        case None:
            return True
        case ast.Name(id=name):
            return name in ("Exception", "BaseException")
    return False


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_broad_except_raises_again_or_says_why(path: Path) -> None:
    """It may tidy up and raise again; what swallows has its reason in a comment on its line or the next."""
    lines = path.read_text().splitlines()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node):
            again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            near = "".join(lines[node.lineno - 1 : node.lineno + 1])
            assert again or "#" in near, f"{named(path)}:{node.lineno}: why so broad?"
