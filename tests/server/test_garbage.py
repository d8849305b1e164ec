"""A session that has ended goes at once, with all that it held: the collector, for which everybody waits, has
nothing to find."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from lokid.server import life
from tests.fakes.garbage import garbage
from tests.fakes.server import served, until

pytestmark = pytest.mark.anyio

SESSIONS = 8


async def test_an_ended_session_leaves_nothing_to_the_collector(tmp_path: Path) -> None:
    async with served(tmp_path) as server:

        async def one() -> None:
            async with server.client() as client:
                await client.ask("hello")
                await client.ask("chat", model="echo", prompt="hi there", stream=True)
                for fails in ("overloaded", "bug", "no such model"):
                    await client.ask("chat", model=fails, prompt="hi there")
                await client.ask("no such method")
                await client.notify("cancel", await client.send("chat", model="hang", prompt="hi there"))
                await client.response()
                await client.send("chat", model="hang", prompt="to a client that goes")
            await until(lambda: not server.listener._sessions)

        await one()
        with garbage(at_least=SESSIONS) as left:
            for _ in range(SESSIONS):
                await one()
        assert not left


def test_what_stayed_is_looked_through_often_and_so_never_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[int, int, int]] = []
    monkeypatch.setattr(gc, "collect", lambda: 0)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *thresholds: set_to.append(thresholds))
    life._settle()
    ((young, second, _),) = set_to
    assert young * (second + 1) <= 30_000, "objects of one look: 10 ms"
