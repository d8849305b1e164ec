"""A wait ends where the loop sees its end, and is cancelled as a future is."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from lokid.runtime.network.inlet import Inlet
from lokid.runtime.network.wait import Wait

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # Trio's tasks wait for nothing of the kind


class Waiting:
    def __init__(self) -> None:
        self.loop: Any = asyncio.get_running_loop()
        self.wait = Wait(self.loop)
        self.seen: list[str] = []

    async def run(self) -> None:
        await self.wait
        self.seen.append("task")


async def test_the_task_goes_on_before_the_next_callback_of_the_same_turn() -> None:
    waiting = Waiting()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waiting.run)
        await wait_all_tasks_blocked()
        waiting.loop.call_soon(waiting.wait.end)
        waiting.loop.call_soon(waiting.seen.append, "callback")
    assert waiting.seen == ["task", "callback"]


async def test_another_task_ends_it_for_the_next_turn() -> None:
    waiting = Waiting()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waiting.run)
        await wait_all_tasks_blocked()
        waiting.wait.end_soon()
        waiting.seen.append("here")
    assert waiting.seen == ["here", "task"]


async def test_a_scope_that_is_cancelled_takes_its_own_cancellation_out_of_a_wait() -> None:
    waiting = Waiting()
    with anyio.CancelScope() as scope:
        waiting.loop.call_soon(scope.cancel)
        await waiting.run()
    assert scope.cancelled_caught
    assert waiting.wait.done()
    assert waiting.seen == []


async def test_a_time_limit_strikes_in_a_wait() -> None:
    with anyio.move_on_after(0) as scope:
        await Waiting().run()
    assert scope.cancelled_caught


async def test_a_task_that_is_cancelled_twice_ends_once() -> None:
    waiting = Waiting()
    task = asyncio.create_task(waiting.run())
    await wait_all_tasks_blocked()
    assert task.cancel()
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.seen == []
    assert not waiting.wait.cancel()  # it is over


async def test_bytes_are_with_their_task_in_the_turn_in_which_they_are_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        inlet = Inlet(ours, lambda: ours.recv(4))
        seen: list[object] = []

        async def take() -> None:
            seen.append(await inlet.next())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take)
            await wait_all_tasks_blocked()
            theirs.sendall(b"ab")
            asyncio.get_running_loop().call_soon(inlet._readable)
            asyncio.get_running_loop().call_soon(seen.append, "callback")
        inlet.close()
    assert seen == [b"ab", "callback"]
