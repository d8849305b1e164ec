"""A plugin of pytest for ``make coverage`` and for continuous integration: while a test of the folders given
with ``--traced`` runs, and while modules are imported, coverage is measured; all other tests run at full
speed. So one run of all tests is enough for both, and each process of pytest-xdist measures its own part.

``coverage combine`` makes one of the files that the processes leave."""

from __future__ import annotations

import sys
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path
from typing import Any

import coverage
import pytest

# From here on, not from `pytest_configure` on: whatever a conftest imports counts too.
_measure = coverage.Coverage()
_measure.start()
_running = True


def _trace(on: bool) -> None:
    global _running
    if on != _running:
        _running = on
        if on:
            _forget(len(sys.modules))
        (_measure.start if on else _measure.stop)()


def _forget(modules: int) -> None:
    """What a test that is not measured left in a cache, one that is would not run again."""
    for each in _caches(modules):
        each.cache_clear()


@lru_cache(1)
def _caches(modules: int) -> list[Any]:
    """Of lokid, as long as no module is added."""
    ours = [module for name, module in sys.modules.items() if name.startswith("lokid.")]
    named = [value for module in ours for value in vars(module).values()]
    return [value for value in named if hasattr(value, "cache_clear")]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--traced", action="append", default=[], metavar="PATH", help="measure coverage by the tests in PATH"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    traced = [item.config.rootpath / path for path in item.config.getoption("--traced")]
    _trace(_is_in(item.path, traced) and item.get_closest_marker("untraced") is None)
    return (yield)


def _is_in(path: Path, places: list[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        _trace(False)  # runs no test, its workers do


def pytest_sessionfinish(session: pytest.Session) -> None:
    _trace(False)
    if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
        _measure.save()
