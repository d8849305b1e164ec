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


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    copy = tmp_path / "tree"
    for package in ("lokid", "lokictl"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_the_layers_hold(tree: Path) -> None:
    result = lint(tree)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_forbidden_import_is_found(tree: Path, name: str) -> None:
    file, text, contract = VIOLATIONS[name]
    (tree / file).write_text(text + "\n")
    result = lint(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"^{contract}.* BROKEN", result.stdout, re.MULTILINE)


def test_no_layer_is_reached_from_below() -> None:
    """The arrows of the picture form no circle, so "down" means something."""
    edges = layers.imports()
    for name in edges:
        assert name not in layers._reachable(edges, name)


@pytest.mark.parametrize("page", sorted({page for page, _ in pages.PARTS}))
def test_the_generated_parts_of_the_documentation_are_current(page: str) -> None:
    assert (ROOT / page).read_text() == pages.current(page), "run `make fix`"
