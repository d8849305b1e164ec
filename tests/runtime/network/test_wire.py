"""One connection, down to what TLS says for itself."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress

import anyio
import pytest
import trustme

from lokid.runtime.network.tls import TLS
from lokid.runtime.network.wire import Wire

pytestmark = pytest.mark.anyio


TICKETS = 400
"""Of the server, behind the handshake: 100 KB."""


class Other:
    """The provider's side of a connection over TLS, and ours."""

    def __init__(self) -> None:
        ca = trustme.CA()
        theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ca.issue_cert("localhost").configure_cert(theirs)
        ca.configure_trust(ours)
        theirs.num_tickets = TICKETS
        self.here, self.there = socket.socketpair()
        self.here.setblocking(False)
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = theirs.wrap_bio(self._coming, self._going, server_side=True)
        self._ours = ours

    async def wire(self) -> Wire:
        tls = TLS(self.here, self._ours, "localhost")
        async with anyio.create_task_group() as group:
            group.start_soon(tls.shake_hands)
            await anyio.wait_readable(self.there)
            self.step()
            await anyio.wait_readable(self.there)
            self.step()
        return Wire(self.here, tls)

    def step(self) -> None:
        self._coming.write(self.there.recv(65536))
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        self.push()

    def push(self) -> None:
        self.there.sendall(self._going.read())

    def say_the_end(self) -> None:
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.push()


@pytest.fixture
def other() -> Iterator[Other]:
    side = Other()
    yield side
    side.here.close()
    side.there.close()


async def test_the_end_that_tls_says_is_the_end_although_the_connection_stays_open(other: Other) -> None:
    """A server may say it with the last bytes of a body, and then wait for our side before it closes."""
    wire = await other.wire()
    other.tls.write(b"all of it")
    other.say_the_end()
    with anyio.fail_after(10):
        assert await wire.receive() == b"all of it"
        assert await wire.receive() == b""
    assert not wire.is_quiet()
    wire.close()


async def test_records_of_tls_that_came_together_are_read_together(other: Other) -> None:
    wire = await other.wire()
    for _ in range(20):
        other.tls.write(b"x" * 100)
    other.push()
    with anyio.fail_after(10):
        assert await wire.receive() == b"x" * 2000
    wire.close()


async def test_tickets_are_read_a_little_at_a_time(other: Other) -> None:
    """A server may send them as fast as they are read: who reads until there is something for him, or no
    more, does nothing else for ever."""
    wire = await other.wire()
    turns = 0
    while select.select([other.here], [], [], 0)[0]:
        assert wire.is_quiet()
        turns += 1
    assert turns > 1
    other.tls.write(b"behind them")
    other.push()
    with anyio.fail_after(10):
        assert await wire.receive() == b"behind them"
    wire.close()


async def test_an_error_of_tls_comes_after_the_bytes_that_came_with_it(other: Other) -> None:
    wire = await other.wire()
    assert wire.is_quiet()
    other.tls.write(b"before")
    other.push()
    other.there.sendall(b"\x17\x03\x03\0\x20" + b"x" * 32)
    with anyio.fail_after(10):
        assert await wire.receive() == b"before"
        with pytest.raises(ssl.SSLError):
            await wire.receive()
    wire.close()


async def test_a_connection_that_is_cut_without_a_word_of_tls_has_ended(other: Other) -> None:
    wire = await other.wire()
    other.tls.write(b"a part")
    other.push()
    other.there.close()
    with anyio.fail_after(10):
        assert await wire.receive() == b"a part"
        assert await wire.receive() == b""
    wire.close()


async def test_what_the_socket_does_not_take_at_once_is_sent_when_it_does(other: Other) -> None:
    wire = await other.wire()
    size = 5_000_000
    got = b""
    async with anyio.create_task_group() as group:
        group.start_soon(wire.send, b"q" * size)
        with anyio.fail_after(30):
            while len(got) < size:
                await anyio.wait_readable(other.there)
                other._coming.write(other.there.recv(65536))
                with suppress(ssl.SSLWantReadError):
                    while True:
                        got += other.tls.read(65536)
    assert got == b"q" * size
    wire.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        await wire.send(b"more")
