"""A task costs more than what most methods do, so those are answered where they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from lokid.server.session import Session
from tests.fakes.server import served

pytestmark = pytest.mark.anyio


async def test_cheap_methods_are_answered_without_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path) as daemon, daemon.client() as client:
        spawned: list[object] = []
        monkeypatch.setattr(Session, "_spawn", lambda *args: spawned.append(args))
        for method in ("hello", "status", "clients.list", "requests.list", "config.show", "models.names"):
            assert (await client.ask(method)).error is None
        assert not spawned
