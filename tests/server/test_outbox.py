"""Bytes leave whole and in order, and a slow reader costs a bounded amount of memory."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from lokid.server import session as session_module
from lokid.server.outbox import Outbox
from tests.fakes.server import served, until

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


@asynccontextmanager
async def running(**options: float) -> AsyncIterator[tuple[Outbox, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        async with anyio.create_task_group() as tasks:
            outbox = Outbox(ours, tasks, lambda _why: None, **options)  # type: ignore[arg-type]
            yield outbox, theirs
            await outbox.close()


async def receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    with anyio.fail_after(10):
        while len(data) < size:
            await anyio.wait_readable(sock)
            data += sock.recv(size - len(data))
    return data


async def test_a_reader_that_keeps_up_gets_each_frame_at_once() -> None:
    async with running() as (outbox, reader):
        await outbox.send(b"abc")
        assert reader.recv(10) == b"abc"
        assert outbox.size == 0


async def test_frames_arrive_whole_and_in_order_however_large_and_slow() -> None:
    frames = [bytes([number % 251]) * random.Random(number).randrange(1, 200_000) for number in range(60)]

    async def send(outbox: Outbox) -> None:
        for frame in frames:
            await outbox.send(frame)

    async with running() as (outbox, reader), anyio.create_task_group() as tasks:
        tasks.start_soon(send, outbox)
        whole = b"".join(frames)
        assert await receive(reader, len(whole)) == whole


async def test_a_sender_that_is_cancelled_never_leaves_half_a_frame() -> None:
    async with running(limit=1000) as (outbox, reader):
        sent = 0
        while outbox.size < 1000:
            await outbox.send(b"a" * 1000)
            sent += 1000
        with anyio.move_on_after(0.01) as impatient:
            await outbox.send(b"b" * 1000)
        assert impatient.cancelled_caught
        await anyio.sleep(0)
        reading = await receive(reader, sent)
        await outbox.send(b"c" * 1000)
        assert reading + await receive(reader, 1000) == b"a" * sent + b"c" * 1000


async def test_flushed_waits_for_what_was_queued_before_and_not_for_more() -> None:
    async with running() as (outbox, reader):
        await outbox.flushed()
        with anyio.move_on_after(0.02) as waiting:
            await outbox.send(b"x" * MIB)
            await outbox.flushed()
        assert waiting.cancelled_caught
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receive, reader, MIB)
            with anyio.fail_after(5):
                await outbox.flushed()
        assert outbox.size == 0


async def test_when_the_reader_is_gone_senders_and_waiters_return() -> None:
    async with running(limit=1000) as (outbox, reader):
        await outbox.send(b"x" * MIB)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outbox.send, b"y")
            tasks.start_soon(outbox.flushed)
            await anyio.wait_all_tasks_blocked()
            reader.close()
        assert outbox.dead == "the client is gone"
        await outbox.send(b"z")
        assert outbox.size == 0


async def test_a_direct_write_to_a_reader_that_is_gone_is_noticed() -> None:
    async with running() as (outbox, reader):
        reader.close()
        await outbox.send(b"x")
        assert outbox.dead == "the client is gone"


async def test_a_reader_that_takes_nothing_is_given_up_only_while_the_queue_is_full() -> None:
    async with running(limit=2 * MIB, stall_s=0.02) as (outbox, _reader):
        await outbox.send(b"x" * MIB)
        await anyio.sleep(0.1)
        assert not outbox.stalled
        await outbox.send(b"x" * 2 * MIB)
        await until(lambda: outbox.stalled)
        await until(lambda: outbox.dead is not None)
        assert outbox.dead == "the client took nothing for 0.2 seconds"


async def test_a_slow_reader_stops_the_source_and_memory_stays_bounded(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        await client.send("chat", model="endless", prompt="x", stream=True)
        await until(lambda: server.runtime.emitted > 0)
        emitted = -1
        while emitted != server.runtime.emitted:
            emitted = server.runtime.emitted
            await anyio.sleep(0.05)
        assert emitted < 2 * MIB, "more than 2 MiB for a stream that nobody reads"
        assert (await client.message()).method == "chat.event"  # type: ignore[union-attr]


async def test_a_stalled_reader_loses_its_requests_and_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "Outbox", partial(Outbox, stall_s=0.05))
    async with served(tmp_path) as server, server.client() as client:
        await client.send("chat", model="endless", prompt="x", stream=True)
        with anyio.fail_after(5):
            await server.runtime.was_cancelled.wait()
        await until(lambda: not server.listener._sessions)


async def test_a_stalled_reader_does_not_hold_up_others(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as stalled, server.client() as other:
        await stalled.send("chat", model="endless", prompt="x", stream=True)
        await until(lambda: server.runtime.emitted > 0)
        for _ in range(20):
            assert (await other.ask("chat", model="echo", prompt="hi")).result["text"] == "hi"


async def test_a_client_that_closes_while_the_outbox_is_full_is_noticed(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        async with server.client() as client:
            await client.send("chat", model="endless", prompt="x", stream=True)
            await until(lambda: server.runtime.emitted > MIB // 4)
        with anyio.fail_after(1):
            await server.runtime.was_cancelled.wait()


async def test_too_many_requests_of_one_connection_are_overload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "MAX_IN_FLIGHT", 2)
    async with served(tmp_path) as server, server.client() as client:
        for _ in range(2):
            await client.send("chat", model="slow", prompt="x")
        answer = await client.ask("chat", model="echo", prompt="x")
        assert answer.error.startswith("overloaded: 2 requests of this process run already")
        server.runtime.release.set()
        assert (await client.response()).result["text"] == "late"
