"""More clients than descriptors, by the kernel's own limit: who was there is answered, a provider can still
be reached, nobody spins, and whoever waited is served. (test_clients_crowds.py has the reserve itself.)"""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest

from lokid.server import listener
from tests.fakes.daemon import Client, connect, poll, process
from tests.fakes.server import served, until
from tests.fakes.talking import talking

LIMIT = 64
CROWD = 120


def test_a_lack_of_descriptors_never_cuts_a_stream_nor_keeps_a_question_from_its_provider() -> None:
    """The real daemon."""
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    command = ["sh", "-c", f'ulimit -n {LIMIT}; exec "$0" -m lokid', sys.executable]
    with talking() as talker, process(command=command) as running, ExitStack() as crowd:
        listening, asking = connect(path), connect(path)
        listening.send("chat", model="talker:held", prompt="the whole of it", stream=True)
        assert listening.message() is not None  # the first word
        waiting = [crowd.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(CROWD)]
        for one in waiting:
            one.connect(str(path))
        poll(lambda: len(os.listdir(f"/proc/{running.pid}/fd")) >= LIMIT // 2)
        # Two at once at the provider, so that a new connection has to be opened.
        assert asking.ask("chat", model="talker:echo", prompt="in the crowd")["text"] == "in the crowd"
        assert len(os.listdir(f"/proc/{running.pid}/fd")) < LIMIT
        talker.go.set()
        while (message := listening.message()) is not None and message[0] != 1:
            pass
        assert message is not None and message[2] is None, "the stream was cut"
        for one in waiting:
            one.close()
        late = Client(path)
        assert late.ask("hello")["pid"] == running.pid
        for client in (listening, asking, late):
            client.close()
        running.terminate()
        _, log = running.communicate(timeout=20)
        assert log.count("cannot accept a connection") == log.count("accepts connections again") >= 1, log
        assert "bug" not in log


@pytest.mark.anyio
async def test_a_lack_of_descriptors_is_never_a_busy_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0
    check = listener._check_room

    def counted(sock: socket.socket) -> None:
        nonlocal tries
        tries += 1
        check(sock)

    monkeypatch.setattr(listener, "_check_room", counted)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with served(tmp_path) as server, server.client() as before:
        await before.ask("hello")
        with socket.socket(socket.AF_UNIX) as one:
            spare = os.dup(0)
            os.close(spare)
            resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
            try:
                one.connect(server.path)
                await until(lambda: "cannot accept a connection" in caplog.text)
                began, tries = anyio.current_time(), 0
                for _ in range(200):  # as many turns of the loop, and more
                    await before.ask("hello")
                assert tries <= (anyio.current_time() - began) / listener.PAUSE_S + 1
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
