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
        assert ours._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 500


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


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("end", [later(close()), later(reset()), deafened(stall())])
async def test_who_had_all_of_a_question_and_ends_long_after_is_not_asked_again(
    http: HTTPClient, provider: FakeProvider, probed: None, end: Step, warm: bool
) -> None:
    """It hangs up, or the network is gone while it works."""
    if warm:
        provider.will(answer())
        await ask(http, provider.url)
    provider.will(end, answer())
    with anyio.fail_after(10):
        error = await failure(http, provider.url)
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


async def test_a_failure_is_told_as_it_is_and_who_leaves_may_leave() -> None:
    watched = patience.Patience(socket.socket())

    async def failing() -> Any:
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        await watched.watching(failing)
    with anyio.move_on_after(0.5) as scope:
        await watched.watching(anyio.sleep_forever)
    assert scope.cancelled_caught
    watched._sock.close()
    watched.sending(patience.FITS + 1)  # broken meanwhile, which the next word to it tells
    assert watched.active
