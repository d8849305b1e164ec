"""What a socket has is handed on once, in order, and costs nothing while nobody wants it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from lokid.runtime.network.inlet import Inlet

pytestmark = pytest.mark.anyio


@contextmanager
def pair() -> Iterator[tuple[Inlet, socket.socket]]:
    """An inlet of at most four bytes a read, and the other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        inlet = Inlet(ours, lambda: ours.recv(4))
        try:
            yield inlet, theirs
        finally:
            inlet.close()


async def test_bytes_come_in_order_and_then_the_end() -> None:
    with pair() as (inlet, theirs):
        theirs.sendall(b"abcdefgh")
        assert [await inlet.next(), await inlet.next()] == [b"abcd", b"efgh"]
        theirs.sendall(b"i")
        theirs.close()
        assert [await inlet.next(), await inlet.next(), await inlet.next()] == [b"i", b"", b""]


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    with pair() as (inlet, theirs):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(inlet.next)
                await wait_all_tasks_blocked()
                theirs.sendall(b"ab")
                scope.cancel()
        theirs.sendall(b"cd")
        found = b""
        while len(found) < 4:
            found += await inlet.next()
        assert found == b"abcd"


async def test_what_comes_while_nobody_waits_is_told_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    told = 0
    original: Callable[[Inlet], None] = Inlet._readable

    def counted(inlet: Inlet) -> None:
        nonlocal told
        told += 1
        original(inlet)

    monkeypatch.setattr(Inlet, "_readable", counted)
    with pair() as (inlet, theirs):
        theirs.sendall(b"abcd")
        assert await inlet.next() == b"abcd"
        told = 0
        theirs.sendall(b"efgh")
        for _ in range(10):
            await checkpoint()
        assert told <= 1
        assert await inlet.next() == b"efgh"


async def test_closing_tells_the_one_who_waits() -> None:
    with pair() as (inlet, _):
        closed = False

        async def wait() -> None:
            nonlocal closed
            with pytest.raises(anyio.ClosedResourceError):
                await inlet.next()
            closed = True

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await wait_all_tasks_blocked()
            inlet.close()
            anyio.notify_closing(inlet._sock)
        assert closed


async def test_the_next_socket_of_the_same_number_is_another_one() -> None:
    """The loop knows descriptors by their number, and the kernel gives the lowest that is free."""
    numbers = set()
    for _ in range(3):
        with pair() as (inlet, theirs):
            numbers.add(inlet._sock.fileno())
            theirs.sendall(b"a")
            assert await inlet.next() == b"a"
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(inlet.next)
                    await wait_all_tasks_blocked()
                    scope.cancel()
    assert len(numbers) == 1


async def test_what_the_read_fails_with_is_what_the_wait_fails_with() -> None:
    ours, theirs = socket.socketpair()

    def read() -> bytes:
        raise ConnectionResetError("gone")

    with ours, theirs:
        ours.setblocking(False)
        inlet = Inlet(ours, read)
        theirs.sendall(b"a")
        with pytest.raises(ConnectionResetError, match="gone"):
            await inlet.next()
        inlet.close()
