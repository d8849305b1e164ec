"""From a name to a connection, with look-ups that hang for as long as a test wants."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import anyio
import pytest

from lokid.runtime.network import resolver
from lokid.runtime.network.resolver import PER_HOST, addresses, connect
from tests.fakes.server import until

pytestmark = pytest.mark.anyio

DEAD = "dead.test"


class Names:
    """In place of ``socket.getaddrinfo``: look-ups of ``DEAD`` hang until ``go``."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {"healthy.test": ["127.0.0.1"], DEAD: ["127.0.0.2"]}
        self.asked: list[str] = []
        self.go = threading.Event()

    def __call__(self, host: str, port: object, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        if host == DEAD:
            self.go.wait(30)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
            for address in self.known[host]
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    yield names
    names.go.set()
    by = time.monotonic() + 30
    while resolver._running and time.monotonic() < by:  # else the next test would wait for the same look-up
        time.sleep(0.001)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def at(now: float) -> None:
        monkeypatch.setattr(resolver, "monotonic", lambda: now)

    at(0.0)
    return at


async def test_the_name_server_never_says_where_localhost_is(names: Names) -> None:
    names.known |= {"a.localhost": ["203.0.113.7", "127.0.0.9", "fe80::1"], "b.localhost": ["203.0.113.7"]}
    assert await addresses("a.localhost") == ["127.0.0.9"]
    assert await addresses("B.localhost") == ["::1", "127.0.0.1"]
    assert await addresses("c.localhost") == ["::1", "127.0.0.1"]  # unknown


async def test_an_address_is_not_looked_up(names: Names) -> None:
    assert await addresses("::1") == ["::1"]
    assert await addresses("127.0.0.1") == ["127.0.0.1"]
    assert names.asked == []


async def test_an_unknown_name_says_so_to_each_who_asked(names: Names) -> None:
    caught: list[OSError] = []

    async def ask() -> None:
        with pytest.raises(socket.gaierror, match="not known") as error:
            await addresses("unknown.test")
        caught.append(error.value)

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(ask)
    assert caught[0] is not caught[1]


async def test_a_name_that_is_none_is_unknown() -> None:
    with pytest.raises(socket.gaierror):
        await addresses("a" * 70 + ".test")


async def test_a_hundred_hung_look_ups_are_four_threads_and_do_not_touch_another_host(
    names: Names, clock: Callable[[float], None]
) -> None:
    async with anyio.create_task_group() as group:
        for number in range(100):
            clock(number * 10.0)
            group.start_soon(addresses, DEAD)
            await anyio.wait_all_tasks_blocked()
        assert await addresses("healthy.test") == ["127.0.0.1"]
        assert names.asked.count(DEAD) == PER_HOST
        group.cancel_scope.cancel()
    names.go.set()
    await until(lambda: not resolver._running)


async def test_who_asks_at_the_same_time_waits_for_the_same_look_up(
    names: Names, clock: Callable[[float], None]
) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(addresses, DEAD)
        await anyio.wait_all_tasks_blocked()
        names.go.set()
    assert names.asked == [DEAD]


async def test_when_the_network_is_back_nobody_waits_for_the_look_up_that_hung(
    names: Names, monkeypatch: pytest.MonkeyPatch, clock: Callable[[float], None]
) -> None:
    hung = threading.Event()
    first = [True]

    def look_up(host: str, port: object, **_: object) -> list[tuple[object, ...]]:
        if first.pop() if first else False:
            hung.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with anyio.create_task_group() as group:
        group.start_soon(addresses, "h.test")
        await until(lambda: not first)
        clock(10.0)
        assert await addresses("h.test") == ["127.0.0.1"]
    # The group has ended, so the first one who asked has his answer too.
    hung.set()
    await until(lambda: not resolver._running)


async def test_threads_that_hang_do_not_hold_up_the_end(names: Names) -> None:
    with anyio.move_on_after(0.01):
        await addresses(DEAD)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "resolver")


# --- Connecting


async def test_families_take_turns(names: Names) -> None:
    names.known["both.test"] = ["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2", "192.0.2.1"]
    assert await addresses("both.test") == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]


class Network:
    """``takes``: the addresses that take a connection; ``silent``: those that never answer."""

    def __init__(self, *, takes: set[str], silent: set[str]) -> None:
        self.takes, self.silent = takes, silent
        self.closed: list[str] = []

    async def connect(self, address: str) -> str:
        if address in self.silent:
            await anyio.sleep_forever()
        if address not in self.takes:
            raise ConnectionRefusedError
        return address

    async def close(self, address: str) -> None:
        self.closed.append(address)


async def test_an_address_that_is_silent_or_refuses_does_not_keep_from_the_next(names: Names) -> None:
    names.known["h.test"] = ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
    network = Network(takes={"192.0.2.2"}, silent={"2001:db8::1"})
    assert await connect("h.test", network.connect, network.close) == "192.0.2.2"


async def test_all_addresses_refusing_is_one_error_with_each_of_theirs(names: Names) -> None:
    names.known["h.test"] = ["192.0.2.1", "192.0.2.2"]
    network = Network(takes=set(), silent=set())
    with pytest.raises(OSError, match="none of 2 addresses") as caught:
        await connect("h.test", network.connect, network.close)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert len(caught.value.__cause__.exceptions) == 2


async def test_of_two_connections_one_is_closed(names: Names) -> None:
    names.known["h.test"] = ["192.0.2.1", "192.0.2.2"]
    network = Network(takes={"192.0.2.1", "192.0.2.2"}, silent=set())
    go = anyio.Event()
    tried: list[str] = []

    async def late(address: str) -> str:
        tried.append(address)
        with anyio.CancelScope(shield=True):
            await go.wait()
        return address

    async with anyio.create_task_group() as group:
        made: list[str] = []

        async def run() -> None:
            made.append(await connect("h.test", late, network.close))

        group.start_soon(run)
        await until(lambda: len(tried) == 2)
        go.set()
    assert sorted(made + network.closed) == ["192.0.2.1", "192.0.2.2"]
    assert len(made) == 1
