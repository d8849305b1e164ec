"""A session that has ended goes at once, with all that it held: the collector, for which everybody waits, has
nothing to find."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lokid.server import life
from tests.fakes.server import served, until

pytestmark = pytest.mark.anyio

SESSIONS = 8


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    """What only the collector finds, while it is not let run by itself."""
    gc.disable()
    yield gc.garbage
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def test_an_ended_session_leaves_nothing_to_the_collector(
    tmp_path: Path, garbage: list[object]
) -> None:
    async with served(tmp_path) as server:

        async def one() -> None:
            async with server.client() as client:
                await client.ask("hello")
                await client.ask("chat", model="echo", prompt="hi there", stream=True)
            await until(lambda: not server.listener._sessions)

        await one()
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        for _ in range(SESSIONS):
            await one()
        gc.collect()
        left = Counter(type(one).__qualname__ for one in garbage if "lokid" in type(one).__module__)
        assert not {name: count for name, count in left.items() if count >= SESSIONS}


def test_what_stayed_is_looked_through_often_and_so_never_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[int, int, int]] = []
    monkeypatch.setattr(gc, "collect", lambda: 0)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *thresholds: set_to.append(thresholds))
    life._settle()
    ((young, second, _),) = set_to
    assert young * (second + 1) <= 30_000, "objects of one look: 10 ms"
