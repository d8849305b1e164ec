"""The pool of our own transport: which connection is taken, and which one goes. What it has in common with
the library's is in ``test_http``."""

from __future__ import annotations

import errno
import socket
from unittest.mock import Mock

import anyio
import pytest
from trio.testing import MockClock

from lokid.providers.settings import Extra
from lokid.runtime.network import lean, wire
from lokid.runtime.network.http import HTTPClient
from lokid.runtime.network.lean import SPARE_S
from lokid.runtime.network.transport import KEEPALIVE_S, MAX_IDLE
from tests.fakes.asking import ask
from tests.fakes.provider import Call, FakeProvider, answer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    # The threshold is real time: bytes on their way through the kernel are not overtaken.
    return "trio", {"clock": MockClock(autojump_threshold=0.01)}


@pytest.fixture
async def provider() -> FakeProvider:
    async with FakeProvider(default=answer()) as provider:
        yield provider


@pytest.fixture
async def http(monkeypatch) -> HTTPClient:
    monkeypatch.setattr(lean, "monotonic", anyio.current_time)
    client = HTTPClient(Extra(), client="acme")
    yield client
    await client.aclose()


async def crowd(http: HTTPClient, provider: FakeProvider, size: int) -> None:
    """``size`` requests at a time, none of which is answered before all are there."""
    there = anyio.Event()

    async def together(call: Call) -> None:
        if len(provider.requests) % size == 0:
            there.set()
        await there.wait()
        await answer()(call)

    provider.will(*[together] * size)
    async with anyio.create_task_group() as group:
        for _ in range(size):
            group.start_soon(ask, http, provider.url)


async def test_an_idle_connection_is_kept_for_minutes_and_not_for_ever(http, provider):
    await ask(http, provider.url)
    await anyio.sleep(KEEPALIVE_S - 1)
    await ask(http, provider.url)
    assert provider.connections == 1
    await anyio.sleep(KEEPALIVE_S + 1)
    await ask(http, provider.url)
    assert provider.connections == 2


async def test_a_batch_finds_all_its_connections_again(http, provider):
    size = 2 * MAX_IDLE
    await crowd(http, provider, size)
    await crowd(http, provider, size)
    assert provider.connections == size


async def test_after_a_batch_only_a_few_connections_stay(http, provider):
    await crowd(http, provider, 2 * MAX_IDLE)
    await anyio.sleep(SPARE_S + 1)
    await ask(http, provider.url)
    assert http.pool()["idle"] <= MAX_IDLE
    await provider.until(lambda: provider.open <= MAX_IDLE)


async def test_an_idle_connection_makes_room_for_one_to_another_host(provider):
    http = HTTPClient(Extra(max_connections=1), client="acme")
    async with FakeProvider(default=answer()) as other:
        await ask(http, provider.url)
        await ask(http, other.url)
        assert http.pool() == {"open": 1, "idle": 1, "max": 1}
        await provider.until(lambda: provider.open == 0)
    await http.aclose()


async def test_a_connection_of_a_network_that_is_gone_is_not_used(http, provider, monkeypatch):
    """Another Wi-Fi, a VPN: who sends into it waits for twenty seconds."""
    await ask(http, provider.url)
    monkeypatch.setattr(lean, "STAYS_S", 0.0)
    await ask(http, provider.url)
    assert [request.connection for request in provider.requests] == [0, 0]
    for address in ("127.0.0.7", ""):
        monkeypatch.setattr(wire, "_way", lambda sock, address=address: address)
        assert not http.is_warm()
        await ask(http, provider.url)
        assert http.is_warm()
    monkeypatch.setattr(wire, "_way", lambda sock: None)  # nobody knows
    assert http.is_warm()
    await ask(http, provider.url)
    assert [request.connection for request in provider.requests] == [0, 0, 1, 2, 2]


def test_the_way_begins_at_an_address_of_this_machine(monkeypatch):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sock,
    ):
        assert wire._way(sock) == "127.0.0.1"
        assert wire._way(server) is None  # which leads nowhere
        for number, way in ((errno.ENETUNREACH, ""), (errno.EMFILE, None)):
            failing = Mock(side_effect=OSError(number, ""))
            with monkeypatch.context() as patch:
                patch.setattr(wire.socket, "socket", failing)
                assert wire._way(sock) == way
