"""Launched servers, with small programs of our own as the servers."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import psutil
import pytest
from pydantic import SecretStr

from lokid.errors import IncompleteResponse, ProviderUnavailable
from lokid.providers.settings import Launch
from lokid.runtime.launching import launch, listeners
from lokid.runtime.launching.launch import SUPERVISE, Launched, Output
from tests.fakes.processes import gone

pytestmark = pytest.mark.anyio

KEY = "the-key-of-this-launch"

SERVE = """
import socket
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    connection.sendall(b"ready")
    connection.close()
"""


def program(tmp_path: Path, text: str, name: str = "server.py") -> tuple[str, ...]:
    """The command that runs ``text``, with the port as its argument."""
    path = tmp_path / name
    path.write_text("import os, signal, sys, time\n" + text)
    return (sys.executable, "-I", "-S", str(path), "{port}")


Open = Callable[..., AbstractAsyncContextManager[Launched]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def opened(
        command: tuple[str, ...],
        *,
        ready_timeout: float = 20,
        idle_timeout: float = 60,
        environ: Mapping[str, str] | None = None,
        now: Callable[[], float] = anyio.current_time,
    ) -> AsyncIterator[Launched]:
        async def probe(api_base: str) -> bool:
            try:
                async with await anyio.connect_tcp("127.0.0.1", int(api_base.rpartition(":")[2])) as stream:
                    return await stream.receive() == b"ready"
            except (OSError, anyio.EndOfStream):
                return False

        async with anyio.create_task_group() as group:
            server = Launched(
                "mine",
                Launch(command=command, ready_timeout=ready_timeout, idle_timeout=idle_timeout),
                "http://127.0.0.1:{port}",
                spawn=group.start_soon,
                probe=probe,
                environ=os.environ if environ is None else environ,
                directory=str(tmp_path),
                key=SecretStr(KEY),
                now=now,
            )
            yield server
            group.cancel_scope.cancel()

    return opened


def processes(server: Launched) -> list[psutil.Process]:
    pid = server.status()["pid"]
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


async def failure(server: Launched) -> ProviderUnavailable:
    with pytest.raises(ProviderUnavailable) as caught:
        async with server.use():
            pass
    return caught.value


async def until(condition: Callable[[], bool]) -> None:
    """For states of other processes, which nothing announces."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.01)


async def test_concurrent_requests_wait_for_one_start(opened: Open, tmp_path: Path) -> None:
    async with opened(program(tmp_path, SERVE)) as server:
        bases: list[str] = []

        async def request() -> None:
            async with server.use() as api_base:
                bases.append(api_base)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(request)
        assert len(set(bases)) == 1
        assert bases[0] == f"http://127.0.0.1:{server.status()['port']}"
        assert server.state == "ready"
        assert len(processes(server)) == 2  # supervise and the command


async def test_a_cancelled_request_does_not_stop_the_start(opened: Open, tmp_path: Path) -> None:
    async with opened(program(tmp_path, SERVE)) as server:

        async def request() -> None:
            async with server.use():
                pass

        async with anyio.create_task_group() as group:
            group.start_soon(request)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        assert server.state in ("starting", "ready")
        await request()
        assert server.state == "ready"


async def test_a_command_that_does_not_exist_is_named(opened: Open) -> None:
    async with opened(("no-such-program", "{port}")) as server:
        error = await failure(server)
        assert "cannot run no-such-program: No such file or directory" in error.message
        assert error.client == "mine"
        assert server.state == "failed"


async def test_a_port_that_another_user_has_is_sent_nothing(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All sockets are another's here, also that of the server."""
    monkeypatch.setattr(listeners, "ROOT", 4711)
    monkeypatch.setattr(listeners.os, "geteuid", lambda: 4712)
    asked = tmp_path / "asked"
    text = SERVE.replace("    connection.sendall", f"    open({str(asked)!r}, 'w')\n    connection.sendall")
    assert text != SERVE
    async with opened(program(tmp_path, text)) as server:
        error = await failure(server)
        assert "was not asked: at its port" in error.message
        assert f"listens a program of {listeners.name(os.getuid())}" in error.message
        assert server.state == "failed"
    assert not asked.exists()


async def test_a_port_at_which_nobody_ever_listens_is_asked_after_a_while(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel passes it on into a container. That is asked in time also if it has less than usual."""
    monkeypatch.setattr(listeners, "uids", lambda _: ())
    async with opened(program(tmp_path, SERVE), ready_timeout=1, now=lambda: 0.0) as server:
        assert "was not ready within 1 s" in (await failure(server)).message
    for timeout, late in ((20, 10.1), (60, 20.1)):
        now = itertools.chain([0.0, 0.0], itertools.repeat(late)).__next__
        command = program(tmp_path, SERVE)
        async with opened(command, ready_timeout=timeout, now=now) as server, server.use():
            assert server.state == "ready"


async def test_what_the_system_refuses_to_start_is_said(opened: Open) -> None:
    async with opened(("server", "x" * 200_000)) as server:
        assert "cannot be started: Argument list too long" in (await failure(server)).message


async def test_the_last_lines_tell_why_it_died_and_never_the_key(opened: Open, tmp_path: Path) -> None:
    text = (
        "print('\\n'.join(map(str, range(50))))\n"
        "print('key', os.environ['LOKID_LAUNCH_KEY'], '\\x1b[31m')\n"
        "sys.exit(3)"
    )
    async with opened(program(tmp_path, text)) as server:
        message = (await failure(server)).message
        assert "ended with exit status 3" in message
        assert "  49\n  key *** \ufffd[31m" in message
        assert "  45\n" not in message
        assert KEY not in message


async def test_a_signal_is_named(opened: Open, tmp_path: Path) -> None:
    async with opened(program(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")) as server:
        assert "was killed by SIGSEGV" in (await failure(server)).message


async def test_after_the_first_death_it_starts_at_once_then_it_waits_longer_and_longer(
    opened: Open, tmp_path: Path
) -> None:
    now = 1000.0
    runs = tmp_path / "runs"
    text = f"open({str(runs)!r}, 'a').write('x')\nsys.exit(1)"
    async with opened(program(tmp_path, text), now=lambda: now) as server:
        await failure(server)
        waits = []
        for _ in range(9):
            assert (await failure(server)).retry_after_s is None  # it was tried
            error = await failure(server)  # it is not tried
            assert error.retry_after_s is not None
            assert f"tried again in {error.retry_after_s:.0f} s" in error.message
            assert "exit status 1" in error.message
            waits.append(error.retry_after_s)
            now += error.retry_after_s
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert runs.read_text() == "x" * 10


async def test_a_good_minute_forgets_earlier_deaths(opened: Open, tmp_path: Path) -> None:
    now = 1000.0
    async with opened(program(tmp_path, SERVE), now=lambda: now) as server:
        for lived in (0, 61, 61):
            async with server.use():
                pass
            now += lived
            processes(server)[-1].kill()
            await until(lambda: server.state == "failed")
        async with server.use():  # had the deaths added up, it would have to wait
            assert server.state == "ready"


async def test_a_server_that_is_not_ready_in_time_is_stopped_and_its_lines_shown(
    opened: Open, tmp_path: Path
) -> None:
    text = "print('loading', flush=True)\ntime.sleep(60)"
    async with opened(program(tmp_path, text), ready_timeout=1.0) as server:
        found: list[psutil.Process] = []

        async with anyio.create_task_group() as group:

            async def look() -> None:
                await until(lambda: server.status().get("pid") is not None)
                found.extend(processes(server))

            group.start_soon(look)
            message = (await failure(server)).message
        assert "was not ready within 1 s" in message
        assert "loading" in message
        await until(lambda: all(map(gone, found)))


async def test_it_stops_when_idle_but_never_under_a_request(opened: Open, tmp_path: Path) -> None:
    async with opened(program(tmp_path, SERVE), idle_timeout=0.2) as server:
        async with server.use():
            found = processes(server)
            await anyio.sleep(0.5)  # more than twice the idle time: its passing is the point
            assert server.state == "ready"
        await until(lambda: server.state == "stopped")
        assert all(map(gone, found))


async def test_a_request_during_the_stop_gets_a_new_server(opened: Open, tmp_path: Path) -> None:
    # It takes its time to stop, so that there is a "during".
    slow = "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), os._exit(0)))\n"
    async with opened(program(tmp_path, slow + SERVE), idle_timeout=0.1) as server:
        async with server.use() as first:
            pass
        await until(lambda: server.state == "stopping")
        async with server.use() as second:
            assert second != first
            assert server.state == "ready"


async def test_what_ignores_sigterm_is_killed_with_its_children(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "STOP_GRACE", 0.2)
    text = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nif not os.fork():\n    time.sleep(60)\n"
    async with opened(program(tmp_path, text + SERVE)) as server:
        async with server.use():
            found = processes(server)
        await server.retire()
        await until(lambda: all(map(gone, found)))
        assert "because its client changed" in (await failure(server)).message


async def test_the_child_sees_no_key_of_the_daemon(opened: Open, tmp_path: Path) -> None:
    told = tmp_path / "environ"
    text = f"import json\nopen({str(told)!r}, 'w').write(json.dumps(dict(os.environ)))\n" + SERVE
    environ = {"PATH": os.environ["PATH"], "HOME": "/h", "OPENAI_API_KEY": "sk-1", "LC_ALL": "C"}
    async with opened(program(tmp_path, text), environ=environ) as server, server.use():
        seen = json.loads(told.read_text())
    assert seen == {"PATH": environ["PATH"], "HOME": "/h", "LC_ALL": "C", "LOKID_LAUNCH_KEY": KEY}


async def test_endless_output_neither_blocks_the_server_nor_fills_memory(
    opened: Open, tmp_path: Path
) -> None:
    text = "sys.stdout.write('x' * 5_000_000 + '\\n' + 'line\\n' * 100_000)\nsys.stdout.flush()\n"
    async with opened(program(tmp_path, text + SERVE)) as server, server.use():
        assert server.status()["output"] == ["line"] * 20


async def test_a_request_in_flight_learns_that_the_server_died(opened: Open, tmp_path: Path) -> None:
    async with opened(program(tmp_path, SERVE)) as server:
        with pytest.raises(ProviderUnavailable, match="was killed by SIGKILL"):
            async with server.use():
                processes(server)[-1].kill()
                await anyio.sleep_forever()
        # What came of an answer stays the beginning of one: whoever asks again later must know.
        with pytest.raises(IncompleteResponse, match="was killed by SIGKILL"):
            async with server.use():
                processes(server)[-1].kill()
                raise IncompleteResponse("the connection broke")


async def test_a_failure_of_the_call_itself_stays_what_it_is(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "DEATH_NOTICE", 0.05)
    async with opened(program(tmp_path, SERVE)) as server:
        with pytest.raises(IncompleteResponse):
            async with server.use():
                raise IncompleteResponse("the connection broke")
        assert server.state == "ready"


async def test_nothing_is_left_when_everything_is_cancelled(opened: Open, tmp_path: Path) -> None:
    async with opened(program(tmp_path, SERVE)) as server, server.use():
        found = processes(server)
    assert all(map(gone, found))


async def test_the_supervisor_takes_the_whole_group_along_when_lokid_is_gone(tmp_path: Path) -> None:
    text = "os.fork()\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
    command = [sys.executable, "-I", "-S", launch.SUPERVISE, "5", *program(tmp_path, text)]
    async with await anyio.open_process(command, stderr=None, start_new_session=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pids: list[int] = []
        async for data in process.stdout:
            pids += map(int, data.split())
            if len(pids) == 2:
                break
        children = [psutil.Process(pid) for pid in pids]
        await process.stdin.aclose()  # what the kernel does for a killed lokid
        with anyio.fail_after(5):
            await process.wait()
    await until(lambda: all(map(gone, children)))


DAEMON = """
def daemon():
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(told, "w").write(str(os.getpid()))
    time.sleep(60)
daemon()
while not (os.path.exists(told) and open(told).read()):
    time.sleep(0.01)
"""


@pytest.mark.parametrize("how", ["the command ended", "lokid is gone"])
@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_CHILD_SUBREAPER is Linux's")
async def test_what_made_itself_a_daemon_ends_as_well(opened: Open, tmp_path: Path, how: str) -> None:
    """It left the process group and its session, and SIGTERM does not impress it."""
    told = tmp_path / "told"
    text = f"told = {str(told)!r}\n{DAEMON}"
    command = [sys.executable, "-I", "-S", launch.SUPERVISE, "0.2"]
    command += program(tmp_path, text + ("" if how == "the command ended" else "time.sleep(60)"))
    async with await anyio.open_process(command, stderr=None, start_new_session=True) as process:
        await until(lambda: told.exists() and told.read_text() != "")
        escaped = psutil.Process(int(told.read_text()))
        assert os.getsid(escaped.pid) != process.pid
        if how == "lokid is gone":
            assert process.stdin is not None
            await process.stdin.aclose()
        with anyio.fail_after(10):
            await process.wait()
    await until(lambda: gone(escaped))


@pytest.mark.parametrize(
    ("command", "status"),
    [("sys.exit(7)", 7), ("os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL), ("", 0)],
)
async def test_the_supervisor_passes_on_how_the_command_ended(
    tmp_path: Path, command: str, status: int
) -> None:
    arguments = [sys.executable, "-I", "-S", launch.SUPERVISE, "5", *program(tmp_path, command)]
    async with await anyio.open_process(arguments, start_new_session=True) as process:
        assert await process.wait() == status


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_output_keeps_the_last_lines_however_they_arrive(size: int) -> None:
    text = "".join(f"line {number}\n" for number in range(100)).encode() + b"\n\nunfinished"
    output = Output(KEY)
    for start in range(0, len(text), size):
        output.feed(text[start : start + size])
    assert output.lines() == (*(f"line {number}" for number in range(81, 100)), "unfinished")


def test_output_cuts_endless_lines() -> None:
    output = Output(KEY)
    for _ in range(100):
        output.feed(b"x" * 10_000)
    assert [len(line) for line in output.lines()] == [launch.LINE_BYTES]


def test_a_flood_of_lines_costs_little() -> None:
    output = Output(KEY)
    began_at = time.process_time()
    for _ in range(16):
        output.feed(b"y\n" * (256 * 1024))
    output.feed(b"\n\nlast\n\n")
    assert time.process_time() - began_at < 2.0  # cleaning each of these 4 million lines takes 8 seconds
    assert output.lines() == ("y",) * (launch.LAST_LINES - 1) + ("last",)


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
async def test_a_server_does_not_outlive_who_watches_it(opened: Open, tmp_path: Path) -> None:
    """As after ``killall -9 python3``; also what the command has started, as a shell does."""
    command = ("sh", "-c", shlex.join(program(tmp_path, SERVE)).replace("'{port}'", "{port}") + "; true")
    async with opened(command) as server:
        with pytest.raises(ProviderUnavailable, match="was killed by SIGKILL"):
            async with server.use():
                supervise, *below = processes(server)
                assert len(below) == 2
                for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGQUIT):
                    supervise.send_signal(number)
                await anyio.sleep(0.2)
                assert server.state == "ready"
                supervise.kill()
                await anyio.sleep(10)
        assert all(gone(each) for each in below)
        async with server.use():
            assert server.state == "ready"
            assert processes(server)[0].pid != supervise.pid


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_nor_does_the_command_where_lokid_is_killed_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = ["sh", "-c", f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 60"]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", SUPERVISE, "5", *command], stdin=subprocess.PIPE, start_new_session=True
    ) as supervise:
        by = time.monotonic() + 10
        while not pid.exists() and time.monotonic() < by:
            time.sleep(0.01)
        below = psutil.Process(int(pid.read_text()))
        supervise.kill()
        below.wait(10)
