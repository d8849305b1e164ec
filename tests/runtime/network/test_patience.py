"""A server that has no time to read is waited for, one that is gone is not: over both transports."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trustme
from anyio.abc import SocketAttribute

from lokid.errors import IncompleteResponse, ProviderUnavailable
from lokid.protocols.address import address
from lokid.protocols.http import HTTPRequest
from lokid.providers.settings import Extra
from lokid.runtime.network import http as door
from lokid.runtime.network import patience, sips, wire
from lokid.runtime.network.http import HTTPClient, Timeouts
from lokid.runtime.network.wire import Wire, dial
from tests.fakes.asking import PATIENT, ask, failure, read_all
from tests.fakes.provider import Call, FakeProvider, Step, answer, close, deaf, deafen, reset, stall

pytestmark = pytest.mark.anyio

SO_DETACH_FILTER = 27

LONG = b"x" * 8_000_000
"""No kernel takes that for a server which does not read."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "UNANSWERED_MS", 500)
    monkeypatch.setattr(patience, "LOOK_S", 0.2)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Wire, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = await dial(address(f"http://127.0.0.1:{server.getsockname()[1]}"), None)
        there, _ = server.accept()
        with there:
            there.setblocking(False)
            yield ours, there
            ours.close()


async def read_late(there: socket.socket, left: int, said: bytes) -> None:
    """It works on another question: one that does one thing at a time."""
    await anyio.sleep(2)
    while left > 0:
        await anyio.wait_readable(there)
        left -= len(there.recv(1_000_000))
    await anyio.sleep(0.5)
    there.send(said)


async def test_a_server_that_reads_a_long_question_later_is_waited_for() -> None:
    async with connected() as (ours, there), anyio.create_task_group() as group:
        group.start_soon(read_late, there, len(LONG), b"answer")
        await ours.send(LONG)
        assert await ours.receive() == b"answer"


async def test_so_is_one_behind_the_library(http: HTTPClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)

        async def serve() -> None:
            await anyio.wait_readable(server)
            there, _ = server.accept()
            with there:
                there.setblocking(False)
                await read_late(there, len(LONG), b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nread")

        request = HTTPRequest("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", {}, LONG)
        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            async with http.send(request, PATIENT) as response:
                assert await read_all(response) == b"read"


@pytest.mark.parametrize("size", [200_000, len(LONG)])
async def test_one_that_acknowledges_nothing_any_more_is_not(
    http: HTTPClient, provider: FakeProvider, size: int
) -> None:
    """The network is gone: whether all of the question has left or not."""
    provider.will(deaf(answer(200, b"warm")))
    await ask(http, provider.url)
    with anyio.fail_after(10), pytest.raises(ProviderUnavailable):
        async with http.send(HTTPRequest("POST", provider.url, {}, b"x" * size), PATIENT):
            pass


@pytest.mark.parametrize("size", [100, 200_000])
async def test_a_moment_without_network_is_waited_for_on_a_connection_that_was_idle_for_long(
    http: HTTPClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Nothing was acknowledged for long: there was nothing. The question would be carried out twice."""
    monkeypatch.setattr(patience, "UNANSWERED_MS", 2000)
    there: list[socket.socket] = []

    async def idle(call: Call) -> None:
        await answer()(call)
        there.append(call.stream.extra(SocketAttribute.raw_socket))

    provider.will(idle, answer(200, b"once"))
    await ask(http, provider.url)
    await anyio.sleep(2.2)
    deafen(there[0])

    async def back() -> None:
        await anyio.sleep(1.2)  # when it was sent again twice
        there[0].setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    async with anyio.create_task_group() as group:
        group.start_soon(back)
        async with http.send(HTTPRequest("POST", provider.url, {}, b"x" * size), PATIENT) as response:
            assert await read_all(response) == b"once"
    assert [request.connection for request in provider.requests] == [0, 0]


async def test_nor_over_a_connection_on_which_tickets_of_tls_wait(library: bool, tmp_path: Path) -> None:
    """A new one: to read them TLS wants to send what it could not."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    http = HTTPClient(Extra(ca_file=str(tmp_path / "ca.pem")), client="acme", library=library)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as connection:
                deafen(connection)
                over.wait(30)

        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, serve)
            request = HTTPRequest("POST", f"https://127.0.0.1:{listener.getsockname()[1]}/", {}, LONG)
            try:
                with anyio.fail_after(15), pytest.raises(ProviderUnavailable):
                    async with http.send(request, Timeouts(connect=5, first_byte=60, idle=60)):
                        pass
            finally:
                over.set()
    await http.aclose()


def later(step: Step, seconds: float = 1.0) -> Step:
    """It works on the question first."""

    async def steps(call: Call) -> None:
        await anyio.sleep(seconds)
        await step(call)

    return steps


def deafened(step: Step) -> Step:
    """From the question on nothing of ours arrives there."""

    async def steps(call: Call) -> None:
        deafen(call.stream.extra(SocketAttribute.raw_socket))
        await step(call)

    return steps


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent connection is given up after two seconds."""
    monkeypatch.setattr(door, "WORKED_S", 0.6)
    monkeypatch.setattr(door, "STALE_S", 0.0)
    hurried = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 1}
    numbers = {getattr(socket, name): value for name, value in hurried.items()}
    options = [
        (level, number, numbers.get(number, value) if level == socket.IPPROTO_TCP else value)
        for level, number, value in wire.SOCKET_OPTIONS
    ]
    monkeypatch.setattr(wire, "SOCKET_OPTIONS", options)
    monkeypatch.setattr(sips, "SOCKET_OPTIONS", options)


@pytest.mark.parametrize("tls", [None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("end", [later(close()), later(reset()), deafened(stall())])
async def test_who_had_all_of_a_question_and_ends_long_after_is_not_asked_again(
    library: bool, tmp_path: Path, probed: None, end: Step, warm: bool, tls: ssl.TLSVersion | None
) -> None:
    """It hangs up (over TLS without a word, as a process that is killed), or the network is gone while it
    works."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    if tls is not None:
        context.num_tickets = 0  # sent again and again, they would keep alive what is dead in one direction
        context.minimum_version = context.maximum_version = tls
    http = HTTPClient(Extra(ca_file=str(tmp_path / "ca.pem")), client="acme", library=library)
    async with FakeProvider(tls=context if tls else None) as provider:
        if warm:
            provider.will(answer())
            await ask(http, provider.url)
        provider.will(end, answer())
        with anyio.fail_after(10):
            error = await failure(http, provider.url)
        await http.aclose()
    assert isinstance(error, IncompleteResponse)
    assert not error.retryable
    assert "without an answer" in error.message
    assert "paid for" in (error.hint or "")
    assert len(provider.requests) == 1 + warm


async def test_who_had_nothing_of_it_may_be(http: HTTPClient, provider: FakeProvider, probed: None) -> None:
    """A NAT forgot the connection while it was idle."""
    provider.will(deafened(answer()), answer())
    await ask(http, provider.url)
    with anyio.fail_after(10):
        error = await failure(http, provider.url)
    assert isinstance(error, ProviderUnavailable)
    assert error.retryable
    assert len(provider.requests) == 1


async def test_where_one_is_dead_none_of_its_neighbours_is_tried(
    http: HTTPClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A router forgot them all, or the machine has another address: 20 seconds each, and then no try left."""
    monkeypatch.setattr(door, "STALE_S", 0.0)
    provider.will(*(later(deafened(answer()), 0.3) for _ in range(3)), answer())
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask, http, provider.url)
    assert http.pool()["idle"] == 3
    with anyio.fail_after(10):
        error = await failure(http, provider.url)
    assert isinstance(error, ProviderUnavailable)
    assert error.retryable
    assert "the connection was dead" in error.message
    assert await ask(http, provider.url) == (200, b"{}")
    assert sorted(request.connection for request in provider.requests) == [0, 1, 2, 3]


async def test_a_failure_is_told_as_it_is_and_who_leaves_may_leave() -> None:
    sock = socket.socket()
    watched = patience.Patience(sock)

    async def failing() -> Any:
        raise ValueError("as it is")

    watched.sending()
    for waiting in (watched.watching, watched.hearing):
        with pytest.raises(ValueError, match="as it is"):
            await waiting(failing)
        with anyio.move_on_after(0.5) as scope:
            await waiting(anyio.sleep_forever)
        assert scope.cancelled_caught
    assert watched.taken
    sock.close()


async def test_one_that_is_closed_between_two_looks_is_not_looked_at_again() -> None:
    """The number of its descriptor may be another connection's."""
    watched = patience.Patience(sock := socket.socket())
    watched.sending()
    sock.close()
    with pytest.raises(anyio.ClosedResourceError):
        await watched.hearing(anyio.sleep_forever)
    with anyio.move_on_after(0.5) as scope:  # whoever works there is told more
        await watched.watching(anyio.sleep_forever)
    assert scope.cancelled_caught
    assert not watched.taken


@pytest.mark.parametrize("size", [100, 200_000])
async def test_a_probe_that_is_lost_while_it_works_ends_nothing(
    http: HTTPClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for name, seconds in (("KEEPIDLE", 1), ("KEEPINTVL", 1), ("KEEPCNT", 3)):
        option = (socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}"), seconds)
        monkeypatch.setattr(wire, "SOCKET_OPTIONS", [*wire.SOCKET_OPTIONS, option])
        monkeypatch.setattr(sips, "SOCKET_OPTIONS", wire.SOCKET_OPTIONS)

    async def works(call: Call) -> None:
        there = call.stream.extra(SocketAttribute.raw_socket)
        await anyio.sleep(0.6)
        deafen(there)
        await anyio.sleep(1)
        there.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        await anyio.sleep(2)
        await answer(200, b"worked")(call)

    provider.will(works)
    async with http.send(HTTPRequest("POST", provider.url, {}, b"x" * size), PATIENT) as response:
        assert await read_all(response) == b"worked"
