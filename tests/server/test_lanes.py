"""A program that asks for much of what there is one for everybody keeps nobody from asking too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.from_thread
import pytest

from lokid.runtime import lingering
from lokid.server import listener
from lokid.server.handlers import HANDLERS, LONG, Spawned
from lokid.server.intake import SMALL, Intake
from lokid.server.lanes import Lanes
from lokid.server.peer import Peer
from lokid.server.service import Service
from tests.fakes.server import served

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
    "secrets.lock": ({}, "lock"),
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


@pytest.mark.anyio
async def test_large_requests_of_another_program_wait_behind_one_of_them() -> None:
    intake, order = Intake(), list[int]()
    held = anyio.Event()

    async def read(pid: int) -> None:
        await intake.aside(pid, lambda: order.append(pid))

    async with anyio.create_task_group() as group:
        group.start_soon(intake.aside, 3, lambda: anyio.from_thread.run(held.wait))
        await anyio.wait_all_tasks_blocked()
        for _ in range(MUCH):
            group.start_soon(read, 1)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(read, 2)
        await anyio.wait_all_tasks_blocked()
        held.set()
    assert (order.index(2), len(order)) == (1, MUCH + 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "params",
    [{"prompt": "x" * SMALL}, {"messages": [{"role": "user", "content": "x"}] * (LONG + 1)}],
    ids=["bytes", "messages"],
)
async def test_a_large_request_is_that_of_the_process_at_the_other_end(
    params: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    aside = Intake.aside

    async def noted(intake: Intake, pid: int, decode: Callable[[], Any]) -> Any:
        seen.append(pid)
        return await aside(intake, pid, decode)

    monkeypatch.setattr(Intake, "aside", noted)
    monkeypatch.setattr(listener, "peer_of", lambda _: Peer(7, os.geteuid()))
    async with served(tmp_path) as server, server.client() as client:
        assert (await client.ask("chat", model="echo", **params)).error is None
    assert seen == [7]
