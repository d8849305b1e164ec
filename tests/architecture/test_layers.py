"""The layers hold, and what holds them really bites: a contract that cannot fail protects nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import layers, pages

ROOT = Path(__file__).parents[2]

# One forbidden import per contract of pyproject.toml: file, its text, the contract that must break.
VIOLATIONS = {
    "layers": ("lokid/rpc/upward.py", "import lokid.runtime.network.http", "Imports only go down"),
    "exhaustive": ("lokid/stray.py", "", "Imports only go down"),
    "pure": ("lokid/dialects/clock.py", "import time", "Pure layers"),
    "providers": ("lokid/providers/ninth.py", "import lokid.providers.openai", "Provider types"),
    "http": ("lokid/server/shortcut.py", "import httpx2", "One importer of the HTTP library"),
    "messagepack": ("lokid/server/packed.py", "import msgpack", "MessagePack only where the wire is"),
    "event-loops": ("lokid/runtime/looped.py", "import asyncio", "AnyIO, never an event loop"),
    "lokictl": ("lokictl/reach.py", "import lokid.errors", "lokictl knows the daemon only through"),
}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on a copy, seeing nothing of the installed lokid."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def copied(tree: Path) -> Path:
    for package in ("lokid", "lokictl"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def test_the_layers_hold(tmp_path: Path) -> None:
    result = lint(copied(tmp_path / "tree"))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a tree with all of them."""
    tree = copied(tmp_path_factory.mktemp("broken") / "tree")
    for file, text, _ in VIOLATIONS.values():
        (tree / file).write_text(text + "\n")
    result = lint(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_forbidden_import_is_found(told: str, name: str) -> None:
    file, text, contract = VIOLATIONS[name]
    assert re.search(rf"^{contract}.* BROKEN", told, re.MULTILINE)
    module = file.removesuffix(".py").replace("/", ".")
    _, *sections = re.split(r"^(.+)\n-{4,}\n", told.partition("Broken contracts")[2], flags=re.MULTILINE)
    titled = zip(sections[::2], sections[1::2], strict=True)
    [section] = [body for title, body in titled if title.startswith(contract)]
    imported = text.partition(" ")[2]
    assert re.search(rf"{module} -> {imported} \(l\.1\)" if imported else module, section), section


def test_no_layer_is_reached_from_below() -> None:
    """The arrows of the picture form no circle, so "down" means something."""
    edges = layers.imports()
    for name in edges:
        assert name not in layers._reachable(edges, name)


@pytest.mark.parametrize("page", sorted({page for page, _ in pages.PARTS}))
def test_the_generated_parts_of_the_documentation_are_current(page: str) -> None:
    assert (ROOT / page).read_text() == pages.current(page), "run `make fix`"
