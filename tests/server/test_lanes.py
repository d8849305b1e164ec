"""A program that asks for much of what there is one for everybody keeps nobody from asking too."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from lokid.runtime import lingering
from lokid.server.handlers import HANDLERS, Spawned
from lokid.server.lanes import Lanes
from lokid.server.service import Service

MUCH = 50

ANSWERED_BY = {
    "config.check": ({}, "check"),
    "config.reload": ({}, "reload"),
    "usage.query": ({}, "usage"),
    "import.loki": ({}, "loki"),
    "secrets.set": ({"name": "A", "value": "v"}, "set"),
    "secrets.get": ({"name": "A"}, "get"),
    "secrets.list": ({}, "list"),
    "secrets.delete": ({"name": "A"}, "delete"),
    "secrets.status": ({}, "status"),
    "secrets.unlock": ({}, "unlock"),
    "secrets.passphrase": ({"passphrase": "p"}, "protect"),
}


class Shared:
    """The runtime, its secrets and its imports: one ``thread``, in the order in which they come."""

    def __init__(self, name: str) -> None:
        self.thread = anyio.Lock()
        self.secrets = self.imports = self
        self.done = 0
        setattr(self, name, self._count if name == "check" else self._work)

    async def look(self, _thing: object, work: Callable[[], int]) -> int:
        """In place of the threads of `lingering`, whose order is the system's."""
        async with self.thread:
            await anyio.lowlevel.checkpoint()
            return work()

    async def _work(self, *_: Any, **__: Any) -> int:
        return await self.look(None, self._count)

    def _count(self, *_: Any) -> int:
        self.done += 1
        return self.done


def call(pid: int) -> Any:
    return SimpleNamespace(asker=SimpleNamespace(pid=pid), msgid=1)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ANSWERED_BY)
async def test_another_program_waits_behind_one_of_them(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    params, name = ANSWERED_BY[method]
    runtime: Any = Shared(name)
    monkeypatch.setattr(lingering, "look", runtime.look)
    service = Service(runtime, "", 0.0)
    handler = HANDLERS[method]
    assert isinstance(handler, Spawned)
    places: dict[int, list[Any]] = {1: [], 2: []}

    async def ask(pid: int) -> None:
        places[pid].append(await handler.answer(service, call(pid), params))

    async with anyio.create_task_group() as group:
        for _ in range(MUCH):
            group.start_soon(ask, 1)
        await anyio.lowlevel.checkpoint()
        group.start_soon(ask, 2)
    assert sorted(places[1] + places[2]) == [*range(1, MUCH + 2)]
    assert places[2][0] <= 5, "behind what was at work already, not behind all that waits"
    assert len(service.lanes) == 0


@pytest.mark.anyio
async def test_who_goes_leaves_its_place_and_the_lane_ends_with_the_last() -> None:
    lanes = Lanes()

    async def ask() -> None:
        async with lanes.turn(1, "work"):
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        for _ in range(MUCH):
            group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        assert len(lanes) == 1
        group.cancel_scope.cancel()
    assert len(lanes) == 0
