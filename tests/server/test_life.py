"""Signals and the service manager, in this very process, on both event loops."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from lokid.errors import ConfigInvalid
from lokid.server import life
from lokid.server.endpoint import Endpoint, open_endpoint
from lokid.server.life import Life
from lokid.server.listener import Listener
from lokid.systemd import Notifier
from tests.fakes.runtime import FakeRuntime
from tests.fakes.server import connected, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    endpoint = open_endpoint(str(tmp_path / "lokid" / "rpc.sock"))
    yield endpoint
    endpoint.close()


@asynccontextmanager
async def living(
    endpoint: Endpoint, manager: socket.socket, watchdog_s: float | None = None
) -> AsyncIterator[FakeRuntime]:
    """A daemon that has said READY; at the end it must have ended by itself."""
    runtime = FakeRuntime()
    living = Life(endpoint, runtime, Notifier(manager.getsockname()), watchdog_s)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(living.run)
            assert await heard(manager, "READY=1")
            yield runtime
    assert runtime.closed


async def heard(manager: socket.socket, wanted: str) -> str:
    while True:
        await anyio.wait_readable(manager)
        message = manager.recv(1000).decode()
        if message.startswith(wanted):
            return message


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_signal_drains_tells_systemd_and_closes_the_runtime(
    endpoint: Endpoint, manager: socket.socket, number: signal.Signals
) -> None:
    async with living(endpoint, manager) as runtime, connected(endpoint.path) as client:
        await client.send("chat", model="slow", prompt="x")
        await until(lambda: runtime.started)
        send(number)
        await heard(manager, "STOPPING=1")
        assert not runtime.closed
        runtime.release.set()
        assert (await client.response()).result["text"] == "late"


async def test_a_sign_in_that_waits_for_a_person_holds_up_no_stop(
    endpoint: Endpoint, manager: socket.socket
) -> None:
    async with living(endpoint, manager), connected(endpoint.path) as client:
        await client.send("auth.finish", login_id="SLOW")
        await client.ask("requests.list")
        send(signal.SIGTERM)
        assert "lokid is stopping" in str((await client.response()).error)


@pytest.mark.parametrize(("second", "later"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
async def test_a_second_stop_signal_cuts_what_runs(
    endpoint: Endpoint,
    manager: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    second: signal.Signals,
    later: bool,
) -> None:
    if later:
        monkeypatch.setattr(life, "TOGETHER_S", 0.0)
    async with living(endpoint, manager) as runtime, connected(endpoint.path) as client:
        await client.send("chat", model="hang", prompt="x")
        await until(lambda: runtime.started)
        send(signal.SIGTERM)
        await heard(manager, "STOPPING=1")
        send(second)
        assert (await client.response()).error.startswith("incomplete_response: lokid is shutting down")


async def test_two_that_stop_it_at_once_want_what_one_wants(
    endpoint: Endpoint, manager: socket.socket
) -> None:
    async with living(endpoint, manager) as runtime, connected(endpoint.path) as client:
        await client.send("chat", model="slow", prompt="x")
        await until(lambda: runtime.started)
        for _ in range(3):
            send(signal.SIGTERM)
            await anyio.sleep(0.02)
        await heard(manager, "STOPPING=1")
        runtime.release.set()
        assert (await client.response()).result["text"] == "late"


async def test_a_third_stop_signal_leaves_everything_where_it_is(
    endpoint: Endpoint, manager: socket.socket
) -> None:
    async with living(endpoint, manager) as runtime, connected(endpoint.path) as client:
        # A reader that takes nothing holds up the goodbye of a connection for seconds.
        await client.send("chat", model="endless", prompt="x", stream=True)
        await until(lambda: runtime.emitted > 256 * 1024)
        with anyio.fail_after(3):
            for _ in range(3):
                send(signal.SIGINT)
                await anyio.sleep(0.02)
            await until(lambda: runtime.closed)


async def test_sighup_reloads_and_tells_systemd_when_it_is_done(
    endpoint: Endpoint, manager: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async with living(endpoint, manager) as runtime:
        send(signal.SIGHUP)
        await heard(manager, "RELOADING=1")
        assert "reloaded" in await heard(manager, "READY=1")
        assert runtime.reloads == 1
        runtime.reload_error = ConfigInvalid("config.yaml:1:1: x: is wrong")
        send(signal.SIGHUP)
        assert "invalid, the old one stays" in await heard(manager, "READY=1")
        assert "not reloaded, the old configuration stays: config.yaml:1:1: x: is wrong" in caplog.text
        send(signal.SIGTERM)
        await heard(manager, "STOPPING=1")


async def test_a_reload_that_comes_while_draining_is_left_to_the_successor(
    endpoint: Endpoint, manager: socket.socket
) -> None:
    async with living(endpoint, manager) as runtime, connected(endpoint.path) as client:
        await client.send("chat", model="slow", prompt="x")
        await until(lambda: runtime.started)
        send(signal.SIGTERM)
        await heard(manager, "STOPPING=1")
        send(signal.SIGHUP)
        assert len((await client.ask("requests.list")).result) == 1
        await anyio.wait_all_tasks_blocked()
        runtime.release.set()
        assert (await client.response()).result["text"] == "late"
    assert runtime.reloads == 0


async def test_signs_of_life_come_from_the_event_loop(endpoint: Endpoint, manager: socket.socket) -> None:
    async with living(endpoint, manager, 0.01):
        for _ in range(3):
            await heard(manager, "WATCHDOG=1")
        with pytest.raises(BlockingIOError):
            while True:  # those that were sent before
                manager.recv(100)
        time.sleep(0.1)  # a loop that is blocked: ten of them are due
        with pytest.raises(BlockingIOError):
            manager.recv(100)
        send(signal.SIGTERM)


async def test_a_bug_in_a_reload_is_logged_and_the_daemon_lives_on(
    endpoint: Endpoint, manager: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async with living(endpoint, manager) as runtime:
        runtime.reload_error = ValueError("a secret")
        send(signal.SIGHUP)
        assert "because of a bug" in await heard(manager, "READY=1")
        send(signal.SIGTERM)
        await heard(manager, "STOPPING=1")
    assert "bug in a reload: ValueError at " in caplog.text
    assert "a secret" not in caplog.text


async def test_it_ends_when_another_daemon_took_its_place(
    endpoint: Endpoint, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Listener.watch, "__defaults__", (0.01,))
    async with living(endpoint, manager):
        shutil.rmtree(Path(endpoint.path).parent)
        successor = open_endpoint(endpoint.path)
        await heard(manager, "STOPPING=1")
    assert successor.is_reachable()
    successor.close()
