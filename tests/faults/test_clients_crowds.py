"""Many clients: idle ones, bursts, too many. The long form is ``python -m benchmarks.scale``.
(tests/server/test_listener.py holds the bound for one process and the end of a lack of descriptors.)"""

from __future__ import annotations

import gc
import os
import resource
import socket
import threading
import tracemalloc
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from lokictl.link import connect
from lokid.server import listener as module
from tests.fakes.server import served, until

KIB = 1024


@pytest.mark.anyio
async def test_an_idle_connection_never_costs_more_than_8_kib(tmp_path: Path) -> None:
    """Ten thousand then take 80 MB."""
    count = 200
    async with served(tmp_path) as server, server.client() as other:
        assert (await other.ask("hello")).error is None
        gc.collect()
        tracemalloc.start()
        try:
            clients = [socket.socket(socket.AF_UNIX) for _ in range(count)]
            for client in clients:
                client.connect(server.path)
            await until(lambda: len(server.listener._sessions) == count + 1)
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held / count < 8 * KIB
        assert (await other.ask("hello")).error is None
        for client in clients:
            client.close()
        await until(lambda: len(server.listener._sessions) == 1)


@pytest.mark.anyio
async def test_of_many_streams_none_starves(tmp_path: Path) -> None:
    heard: list[int] = []

    async def listen() -> None:
        async with server.client() as client:
            await client.send("chat", model="endless", prompt="x", stream=True)
            size = 0
            while size < 256 * KIB:
                size += len(await client.stream.receive(65536))
            heard.append(size)
            await go.wait()  # it keeps asking for more while the others are behind
            while True:
                await client.stream.receive(65536)

    go = anyio.Event()
    async with served(tmp_path) as server:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                go.set()
                for _ in range(20):
                    tasks.start_soon(listen)
                while len(heard) < 20:
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()


def test_a_full_backlog_is_never_taken_for_a_daemon_that_does_not_run(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    connected: list[bool] = []

    def ask() -> None:
        sock = connect(path)
        connected.append(sock is not None)
        if sock is not None:
            sock.close()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        with socket.socket(socket.AF_UNIX) as impatient:
            impatient.setblocking(False)
            full = False
            while not full:
                full = impatient.connect_ex(path) != 0
        listener.settimeout(0.1)
        while any(thread.is_alive() for thread in threads):
            with suppress(TimeoutError):  # all are accepted, and not all threads have ended yet
                listener.accept()[0].close()
    assert connected == [True] * 20


@pytest.mark.anyio
async def test_clients_never_take_the_descriptors_that_questions_need(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with served(tmp_path) as server, server.client() as before:
        assert (await before.ask("hello")).error is None
        clients = [socket.socket(socket.AF_UNIX) for _ in range(40)]
        free = os.dup(0)
        os.close(free)
        limit = free + 30
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        try:
            for client in clients:
                client.connect(server.path)  # they wait in the backlog
            await until(lambda: "cannot accept a connection" in caplog.text)
            spare = [os.dup(0) for _ in range(min(module.RESERVE, limit // 4) - 3)]
            for fd in spare:
                os.close(fd)
            answer = await before.ask("chat", model="echo", prompt="goes on")
            assert answer.result["text"] == "goes on"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: len(server.listener._sessions) == 41)
        for client in clients:
            client.close()


@pytest.mark.anyio
async def test_the_questions_of_one_process_are_counted_over_all_its_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lokid.server.session.MAX_IN_FLIGHT", 2)
    async with served(tmp_path) as server, server.client() as one, server.client() as two:
        for client in (one, two):
            await client.send("chat", model="slow", prompt="x")
        await until(lambda: server.requests() == 2)
        async with server.client() as three:
            refused = await three.ask("chat", model="echo", prompt="x")
            assert refused.error.startswith("overloaded: 2 requests of this process run already")
            server.runtime.release.set()
            for client in (one, two):
                assert (await client.response()).result["text"] == "late"
            await until(lambda: server.requests() == 0)
            assert (await three.ask("chat", model="echo", prompt="x")).error is None
        assert not server.service.requests._of_process
