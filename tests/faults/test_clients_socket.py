"""Somebody removes or replaces the file of the socket: the daemon is never deaf.

tests/server/test_listener.py has a directory that goes as well, and places that somebody else took.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from lokid.server.endpoint import open_endpoint
from tests.fakes.daemon import ROOT, Client, connect, poll, process
from tests.fakes.server import served, until

NEVER_S = 3600.0
"""Between two looks: what is noticed sooner was told by the kernel."""


@pytest.mark.anyio
async def test_a_deleted_socket_is_never_waited_for_until_the_next_look(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as before, anyio.create_task_group() as tasks:
        tasks.start_soon(server.listener.watch, NEVER_S)
        await anyio.wait_all_tasks_blocked()
        for _ in range(3):
            os.unlink(server.path)
            await until(lambda: os.path.exists(server.path))
            async with server.client() as after:
                assert (await after.ask("hello")).error is None
        assert (await before.ask("hello")).error is None
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_a_file_in_the_place_of_the_socket_is_not_removed_and_its_end_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(server.listener.watch, 0.01)
        note = tmp_path / "note"
        note.write_text("not a socket")
        os.rename(note, server.path)
        await until(lambda: "is not a socket: move it away" in caplog.text)
        await anyio.sleep(0.05)
        assert caplog.text.count("move it away") == 1, "one line, however often it looks"
        os.rename(server.path, note)
        await until(lambda: os.path.exists(server.path))
        assert note.read_text() == "not a socket"
        async with server.client() as after:
            assert (await after.ask("hello")).error is None
        tasks.cancel_scope.cancel()


def listening(path: Path) -> socket.socket:
    """As systemd makes it."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(8)
    return sock


def test_a_daemon_that_inherits_a_socket_without_a_way_to_it_is_never_deaf(tmp_path: Path) -> None:
    path = tmp_path / "lokid" / "rpc.sock"
    with listening(path) as systemds:
        endpoint = open_endpoint(str(path), [(os.dup(systemds.fileno()), "rpc")])
        assert endpoint.inherited, "a way that leads to it is left alone"
        endpoint.close()
        assert path.exists()
        os.unlink(path)
        endpoint = open_endpoint(str(path), [(os.dup(systemds.fileno()), "rpc")])
        assert not endpoint.inherited
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            endpoint.sock.accept()[0].close()
        endpoint.close()
        assert not path.exists(), "what lokid made goes with it"


ACTIVATED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="rpc")
os.execv(sys.executable, [sys.executable, "-m", "tests.fakes.daemon"])
"""


def test_a_socket_of_systemd_that_is_deleted_under_a_daemon_is_never_missed_for_long() -> None:
    """The real daemon, activated as systemd does it."""
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    with listening(path) as systemds:
        os.set_inheritable(systemds.fileno(), True)
        command = [sys.executable, "-c", ACTIVATED, str(systemds.fileno())]
        for _ in range(2):  # the second finds the unit's socket unreachable from the start
            with process(command=command, pass_fds=[systemds.fileno()]) as running:
                client = connect(path)
                assert client.ask("hello")["pid"] == running.pid
                path.unlink()
                again: Client = poll(lambda: path.exists() and connect(path))
                assert again.ask("hello")["pid"] == running.pid
                assert client.ask("hello")["pid"] == running.pid, "who was connected stays so"
                for one in (client, again):
                    one.close()
                running.terminate()
                running.communicate(timeout=20)
            assert not path.exists()


def test_lokictl_finds_a_daemon_whose_socket_was_deleted(home: Path) -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"
    with process() as running:
        connect(path).close()
        path.unlink()
        poll(path.exists)
        asked = subprocess.run(
            [sys.executable, "-m", "lokictl", "ask", "-m", "echo:x", "hi"],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "LOKICTL_AUTOSTART": "0"},
        )  # fmt: skip
        assert (asked.returncode, asked.stdout) == (0, "hi\n"), asked.stderr
        running.kill()
        running.communicate()
