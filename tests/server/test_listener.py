"""Who may connect, how many, what happens when descriptors run out, and how it ends."""

from __future__ import annotations

import errno
import logging
import os
import resource
import shutil
import socket
import sys
import tempfile
from math import inf
from pathlib import Path
from typing import Any

import anyio
import pytest

from lokid.server import listener as module
from lokid.server.endpoint import EndpointBusy, open_endpoint
from tests.fakes.server import connected, served, until

pytestmark = pytest.mark.anyio

# Needs nothing but the standard library, because another user cannot read this environment's packages.
STRANGER = """
import os, socket, sys
os.setgid(65533); os.setuid(65533)
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
try:
    sock.sendall(b"\\x94\\x00\\x01\\xa5hello\\x90")
    data = sock.recv(100)
except (BrokenPipeError, ConnectionResetError):
    data = b""
print(len(data))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_another_user_is_refused_before_a_byte_is_read(caplog: pytest.LogCaptureFixture) -> None:
    # Not in the directory of the test: its parents are closed, and shared with tests that run beside this.
    with tempfile.TemporaryDirectory() as directory:
        async with served(Path(directory)) as server, server.client() as client:
            for path, mode in ((directory, 0o711), (Path(server.path).parent, 0o711), (server.path, 0o666)):
                os.chmod(path, mode)
            command = [sys.executable, "-I", "-S", "-c", STRANGER, server.path]
            answered = await anyio.run_process(command, check=False)
            assert answered.stdout.strip() == b"0", answered.stderr
            assert "refused a connection of uid 65533" in caplog.text
            assert (await client.ask("hello")).error is None


async def test_root_is_a_stranger_to_everybody_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The other way round, without becoming anyone: a listener that serves another uid refuses ours."""
    async with served(tmp_path, uid=os.geteuid() + 1) as server, server.client() as client:
        assert await client.ended()
        assert f"refused a connection of uid {os.geteuid()}" in caplog.text
        async with server.client() as again:
            assert await again.ended()
        assert caplog.text.count("refused a connection") == 1, "a loop of strangers does not fill the log"


async def test_one_process_may_have_many_connections_but_not_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PER_PROCESS", 3)
    async with served(tmp_path) as server, server.client() as first:
        async with server.client() as second, server.client() as third, server.client() as fourth:
            assert (await second.ask("hello")).error is None
            assert (await third.ask("hello")).error is None
            assert await fourth.ended()
        assert (await first.ask("hello")).error is None
        await until(lambda: len(server.listener._sessions) == 1)
        async with server.client() as later:
            assert (await later.ask("hello")).error is None


async def test_a_burst_of_connections_is_served(tmp_path: Path) -> None:
    answered = 0

    async def one(path: str) -> None:
        nonlocal answered
        async with server.client() as client:
            assert (await client.ask("chat", model="echo", prompt="hi")).result["text"] == "hi"
        answered += 1

    async with served(tmp_path) as server:
        async with anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(one, server.path)
        assert answered == 200
        await until(lambda: not server.listener._sessions)
        assert not server.listener._per_process


async def test_running_out_of_descriptors_is_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STARVING_S", inf)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with served(tmp_path) as server, server.client() as before:
        await before.ask("hello")
        clients = [socket.socket(socket.AF_UNIX) for _ in range(4)]
        spare = os.open(os.devnull, os.O_RDONLY)
        os.close(spare)
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
        try:
            for client in clients:
                client.connect(server.path)
            await until(lambda: "cannot accept a connection" in caplog.text)
            assert (await before.ask("chat", model="echo", prompt="on")).result["text"] == "on"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await until(lambda: len(server.listener._sessions) == 5)
        for client in clients:
            client.close()
        assert caplog.text.count(os.strerror(errno.EMFILE)) == 1, "one line, however long it lasts"
        assert "accepts connections again" in caplog.text
        for _ in range(9):
            server.listener._starve(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
            async with server.client() as after:
                await after.ask("hello")
        assert caplog.text.count("cannot accept") == caplog.text.count("again") == 1, "not with every client"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EPROTO, errno.ENOSPC, errno.ENOMEM])
@pytest.mark.parametrize("where", ["wait_readable", "peer_of"])
async def test_no_refusal_of_the_kernel_ends_the_daemon(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, where: str, code: int
) -> None:
    """A security module that says no to one connection, or all places in epoll that the user has in use."""
    owner = anyio if where == "wait_readable" else module
    real, left = getattr(owner, where), [3]

    def refused(sock: socket.socket) -> Any:
        ours = where == "peer_of" or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if left[0] and ours:
            left[0] -= 1
            raise OSError(code, os.strerror(code))
        return real(sock)

    async with served(tmp_path) as server:
        monkeypatch.setattr(owner, where, refused)
        while left[0]:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(server.path)
                await anyio.sleep(0.01)
        async with server.client() as answered:
            await answered.ask("hello")
    assert "cannot accept a connection: " + os.strerror(code) in caplog.text


async def test_a_removed_socket_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with served(tmp_path) as server, server.client() as before:
        os.unlink(server.path)
        server.listener.check()
        assert "was removed; made a new one" in caplog.text
        async with server.client() as after:
            assert (await after.ask("hello")).error is None
        assert (await before.ask("hello")).error is None


async def test_the_watch_looks_again_and_again(tmp_path: Path) -> None:
    async with served(tmp_path) as server, anyio.create_task_group() as tasks:
        tasks.start_soon(server.listener.watch, 0.001)
        for _ in range(2):
            os.unlink(server.path)
            await until(lambda: os.path.exists(server.path))
        tasks.cancel_scope.cancel()


async def test_one_that_is_removed_twice_before_the_loop_has_had_a_turn_is_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as server:
        made = []
        for _ in range(3):
            os.unlink(server.path)
            assert server.listener.check()
            made.append(server.listener._endpoint.sock)
        assert [sock.fileno() < 0 for sock in made] == [True, True, False]
        assert caplog.text.count("was removed") == 1, "a program may do that in a loop"
        await anyio.wait_all_tasks_blocked()
        async with connected(server.path) as client:
            assert (await client.ask("requests.list")).result == []


async def test_a_socket_that_another_program_put_in_our_place_is_not_stolen_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as server:
        os.unlink(server.path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(server.path)
            other.listen()
            before = os.lstat(server.path)
            await server.listener.watch(0.001)  # returns: nobody can reach us any more
            assert os.path.samestat(os.lstat(server.path), before)
        assert "gone or not ours" in caplog.text


async def test_a_removed_directory_is_made_again_with_its_lock(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        directory = os.path.dirname(server.path)
        shutil.rmtree(directory)
        assert server.listener.check()
        async with server.client() as after:
            assert (await after.ask("hello")).error is None
        with pytest.raises(EndpointBusy, match="holds the lock"):
            open_endpoint(server.path)


async def test_a_daemon_that_another_one_replaced_leaves_its_place(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        shutil.rmtree(os.path.dirname(server.path))
        successor = open_endpoint(server.path)  # nothing told it that we are here
        assert not server.listener.check()
        assert successor.is_reachable()
        successor.close()


async def test_a_removed_socket_of_systemd_is_replaced_by_one_of_our_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as server:
        server.listener._endpoint.inherited = True
        os.unlink(server.path)
        assert server.listener.check()
        assert "systemctl --user restart lokid.socket" in caplog.text
        async with server.client() as after:
            assert (await after.ask("hello")).error is None
        await server.listener.drain()
        assert not os.path.exists(server.path), "ours, so it goes with us"


# --- draining


async def test_draining_closes_idle_connections_and_finishes_what_runs(tmp_path: Path) -> None:
    async with (
        served(tmp_path) as server,
        server.client() as idle,
        server.client() as busy,
        anyio.create_task_group() as tasks,
    ):
        assert (await idle.ask("hello")).error is None
        await busy.send("chat", model="slow", prompt="x", stream=True)
        await until(lambda: server.runtime.started)
        tasks.start_soon(server.listener.drain)
        assert await idle.ended()
        assert not os.path.exists(server.path), "whoever comes now sees that nobody serves"
        server.runtime.release.set()
        assert (await busy.response()).result["text"] == "late"
        assert await busy.ended()


async def test_while_draining_cheap_methods_and_cancelling_go_on(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as busy, anyio.create_task_group() as tasks:
        running = await busy.send("chat", model="hang", prompt="x")
        await until(lambda: server.runtime.started)
        tasks.start_soon(server.listener.drain)
        await until(lambda: server.listener._draining)
        assert len((await busy.ask("requests.list")).result) == 1
        await busy.notify("cancel", running)
        assert (await busy.response()).error.startswith("cancelled: ")
        assert await busy.ended()


async def test_a_question_that_comes_too_late_is_refused_or_left_to_be_sent_again(tmp_path: Path) -> None:
    async with (
        served(tmp_path) as server,
        server.client() as simple,
        server.client() as resending,
        anyio.create_task_group() as tasks,
    ):
        await resending.ask("hello", accepted=True)
        for client in (simple, resending):
            await client.send("chat", model="slow", prompt="x")
        await until(lambda: len(server.runtime.started) == 2)
        tasks.start_soon(server.listener.drain)
        await until(lambda: server.listener._draining)
        for client in (simple, resending):
            await client.send("chat", 99, model="echo", prompt="too late")
        refused = await simple.response()
        assert refused.msgid == 99
        assert refused.error == "provider_unavailable: lokid is shutting down: send the request again"
        # Its turn has come, so the other connection's question was read as well.
        await resending.ask("hello")
        server.runtime.release.set()
        assert (await resending.response()).msgid != 99
        assert await resending.ended()
        assert [note.params for note in resending.notifications] != [[99]]
        assert server.runtime.started == ["slow", "slow"]


@pytest.mark.parametrize("method", ["chat", "embed", "rerank"])
async def test_what_waits_for_its_turn_is_left_to_be_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """By a stop nothing is lost that was not accepted. Who does not know of that is told at the end."""
    params: dict[str, Any] = {
        "chat": {"prompt": "x"},
        "embed": {"texts": ["x"]},
        "rerank": {"query": "x", "documents": ["y"]},
    }[method] | {"model": "m"}

    async def waits(*_: object, **more: Any) -> Any:
        started.append(more)
        await anyio.sleep_forever()

    started: list[object] = []
    async with served(tmp_path) as server, server.client() as resending, server.client() as simple:
        monkeypatch.setattr(server.runtime, method, waits)
        await resending.ask("hello", accepted=True)
        for client in (resending, simple):
            await client.send(method, **params)
        await until(lambda: len(started) == 2)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.listener.drain, 60)
            await until(lambda: server.listener._draining)
            await anyio.wait_all_tasks_blocked()
            assert server.requests() == 2, "their turn may come"
            server.listener.hurry()
        assert await resending.ended()
        assert not resending.notifications
        said = "provider_unavailable: lokid is shutting down: send the request again"
        assert (await simple.response()).error == said


async def test_what_was_left_is_never_said_to_be_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn, sent = anyio.Event(), []

    async def chat(*_: object, accepted: Any, **__: object) -> None:
        await turn.wait()
        await accepted()
        sent.append(True)

    async with served(tmp_path) as server, server.client() as client:
        monkeypatch.setattr(server.runtime, "chat", chat)
        await client.ask("hello", accepted=True)
        await client.send("chat", model="m", prompt="x")
        await until(lambda: server.requests())
        await anyio.wait_all_tasks_blocked()
        turn.set()  # its turn comes in the same moment
        [session] = server.listener._sessions
        session.drain()
        session.cut()
        assert await client.ended()
        assert not client.notifications and not sent


async def test_what_does_not_finish_in_time_is_cut_with_a_last_answer(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client:
        msgid = await client.send("chat", model="hang", prompt="x")
        await until(lambda: server.runtime.started)
        await server.listener.drain(0.01)
        answer = await client.response()
        assert answer.msgid == msgid
        assert answer.error == "incomplete_response: lokid is shutting down: the answer was cut off"
        assert await client.ended()


async def test_a_drain_can_be_hurried(tmp_path: Path) -> None:
    async with served(tmp_path) as server, server.client() as client, anyio.create_task_group() as tasks:
        server.listener.hurry()  # before the drain it means nothing
        await client.send("chat", model="hang", prompt="x")
        await until(lambda: server.runtime.started)
        tasks.start_soon(server.listener.drain)
        await until(lambda: server.listener._draining)
        await anyio.wait_all_tasks_blocked()
        server.listener.hurry()
        assert (await client.response()).error.startswith("incomplete_response: ")


async def test_a_drain_without_connections_ends_at_once(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        with anyio.fail_after(1):
            await server.listener.drain()


async def test_the_log_does_not_hold_what_was_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(tmp_path) as server, server.client() as client:
        await client.ask("chat", model="echo", prompt="my prompt")
        await client.ask("chat", model="bad_request", prompt="my prompt", system="my prompt")
        await client.ask("chat", model="bug", prompt="my prompt")
        await client.stream.send(b"my prompt")
        assert await client.ended()
    assert "my prompt" not in caplog.text
