"""What an event costs on its way, as counts: reads, writes, waits and clocks. Times are for benchmarks."""

from __future__ import annotations

import socket

import anyio
import pytest

from lokid.chat import ChatRequest, Message, Text
from lokid.protocols.http import HTTPRequest
from lokid.providers.settings import Extra
from lokid.runtime.chat import chat
from lokid.runtime.network.http import HTTPClient, Timeouts
from lokid.runtime.network.response import Head, Response
from lokid.runtime.network.transport import Progress
from lokid.runtime.network.wire import ALONE, READ, Wire
from tests.fakes.client import LINES, open_client
from tests.fakes.provider import FakeProvider, raw

pytestmark = pytest.mark.anyio

EVENTS = 200
CHUNKS = b"".join(b"5\r\nt hi\n\r\n" for _ in range(EVENTS)) + b"4\r\nend\n\r\n0\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n" % LINES.encode()


async def test_events_of_one_read_are_handed_on_together():
    """From there on they are one write, see tests/server/test_session.py."""
    async with FakeProvider(default=raw(HEAD + CHUNKS)) as provider, open_client(provider.url) as client:
        bursts: list[int] = []

        async def emit(events) -> None:
            bursts.append(len(events))

        async def accepted() -> None: ...

        request = ChatRequest("acme:m", (Message("user", (Text("hi"),)),), stream=True)
        await chat(client, request, emit=emit, accepted=accepted)
        assert bursts == [EVENTS]


class Ready:
    """A body whose pieces are all there."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [*pieces, b""]

    def take(self) -> bytes | None:
        return self.pieces.pop(0)

    async def next(self) -> bytes:
        raise AssertionError("nothing to wait for")

    async def aclose(self) -> None: ...


async def test_what_is_there_is_read_without_a_clock_or_a_scope(monkeypatch):
    progress = Progress(Timeouts(5, 5, 5), anyio.CancelScope())
    response = Response(Head(200, {}, "h", "acme"), Ready(b"a", b"b"), progress)
    monkeypatch.setattr(anyio, "current_time", None)
    monkeypatch.setattr(anyio, "CancelScope", None)
    assert [await response.read() for _ in range(4 - 1)] == [b"a", b"b", b""]


async def test_a_provider_that_never_pauses_lets_others_have_their_turn():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        wire = Wire(ours)
        turns = 0

        async def other() -> None:
            nonlocal turns
            turns += 1

        async with anyio.create_task_group() as group:
            group.start_soon(other)
            for _ in range(2):  # trio throws dice for the order within a turn
                theirs.send(b"one")
                assert wire.take() == b"one"
                theirs.send(b"2" * ALONE)
                assert wire.take() is None  # not twice in a row
                assert await wire.receive() == b"2" * ALONE
            assert turns == 1


async def test_as_much_as_a_turn_may_hold_is_not_followed_by_more():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        wire = Wire(ours)
        assert theirs.send(b"x" * (READ + 5)) == READ + 5
        assert len(await wire.receive()) == READ
        assert wire.take() is None
        assert len(await wire.receive()) == 5


async def test_behind_an_event_that_came_alone_nothing_is_looked_for():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        wire = Wire(ours)
        theirs.send(b"one")
        assert await wire.receive() == b"one"
        theirs.send(b"two")
        assert wire.take() is None
        assert await wire.receive() == b"two"


async def test_a_question_on_a_warm_connection_is_one_write_and_asks_for_nothing_else(monkeypatch):
    async with FakeProvider(default=raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")) as provider:
        http = HTTPClient(Extra(), client="acme")
        sends: list[int] = []
        send = Wire.send

        async def counted(self: Wire, data: bytes) -> None:
            sends.append(len(data))
            await send(self, data)

        monkeypatch.setattr(Wire, "send", counted)
        for _ in range(3):
            async with http.send(
                HTTPRequest("POST", provider.url, {}, {"a": "b"}), Timeouts(5, 5, 5)
            ) as response:
                while await response.read():
                    pass
        await http.aclose()
        assert len(sends) == 3
        assert provider.connections == 1
