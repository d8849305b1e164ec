"""A task costs more than what most methods do, so those are answered where they are read."""

from __future__ import annotations

from pathlib import Path

import anyio.lowlevel
import pytest

from lokid.rpc.messages import encode_request
from lokid.server import pace
from lokid.server.pace import TURN
from lokid.server.session import Session
from tests.fakes.server import served

pytestmark = pytest.mark.anyio


async def test_cheap_methods_are_answered_without_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path) as daemon, daemon.client() as client:
        spawned: list[object] = []
        monkeypatch.setattr(Session, "_spawn", lambda *args: spawned.append(args))
        for method in ("hello", "status", "clients.list", "requests.list"):
            assert (await client.ask(method)).error is None
        assert not spawned


async def test_a_thousand_of_them_in_one_read_leave_others_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0
    at_work: list[int] = []

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with served(tmp_path) as daemon, daemon.client() as client, anyio.create_task_group() as tasks:
        look = daemon.runtime.list_clients
        monkeypatch.setattr(daemon.runtime, "list_clients", lambda: at_work.append(turns) or look())
        tasks.start_soon(other)
        await client.stream.send(
            b"".join(encode_request(number, "clients.list", []) for number in range(1000))
        )
        for number in range(1000):
            assert (await client.response()).msgid == number
        tasks.cancel_scope.cancel()
    longest = max(at_work.count(turn) for turn in set(at_work))
    assert longest <= 2 * TURN  # trio shuffles who comes first in a round


def test_a_turn_ends_after_so_many_messages_or_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(pace.time, "monotonic", lambda: now)
    one = pace.Pace()
    assert [one.is_over() for _ in range(TURN + 1)] == [False] * TURN + [True]
    one.begin()
    assert not one.is_over()
    now += pace.TURN_S * 1.5
    assert one.is_over()
    one.begin()
    assert not one.is_over()
