"""The daemon as a process: starting, being alone, signals, systemd's variables. Its runtime is a fake."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import lokid
from tests.fakes.daemon import COMMAND, ROOT, Client, connect, poll, process


@pytest.fixture
def path() -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "lokid" / "rpc.sock"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on for READY=1 and the like."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(15)
        yield sock


def stop(running: subprocess.Popen[str]) -> tuple[int, str]:
    running.send_signal(signal.SIGTERM)
    _, log = running.communicate(timeout=20)
    return running.returncode, log


def python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()


def test_it_is_told_how_its_programs_end_whatever_who_started_it_wanted() -> None:
    """A Perl script that ignores SIGCHLD: each key of a ``{command: ...}`` failed then with status 255."""
    code = """
        import signal
        from lokid.server import signals
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signals.hold()
        import subprocess
        print(subprocess.run(["sh", "-c", "exit 3"]).returncode)
    """
    assert python(code) == "3"


def test_a_check_says_what_keeps_it_from_starting_and_starts_nothing(path: Path) -> None:
    def checked() -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "lokid", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=30
        )
        return done.returncode, done.stderr

    assert checked() == (0, "")
    assert not path.exists()
    with process() as running:
        connect(path).close()
        status, said = checked()
        assert status == 75 and "lokid" in said
        assert stop(running)[0] == 0
    path.parent.chmod(0o755)
    status, said = checked()
    assert status == 1 and "chmod" in said


def test_a_check_has_given_back_the_place_before_it_takes_its_time(path: Path) -> None:
    """Who starts meanwhile would end with status 75."""
    code = """
        import sys
        from lokid import daemon
        from lokid.server.endpoint import open_endpoint
        def make_runtime(environ):
            open_endpoint(sys.argv[1]).close()
            raise ImportError(name="all of it")
        sys.exit(daemon.main(["--check"], make_runtime))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stderr == "lokid: the package all of it is missing or broken: install lokid again\n"


def test_version_and_help_need_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    for option, text in (("--version", f"lokid {lokid.__version__}"), ("--help", "--config FILE")):
        done = subprocess.run([*COMMAND, option], cwd=ROOT, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0
        assert text in done.stdout


def test_without_a_place_for_the_socket_it_says_what_to_set() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("XDG", "HOME"))}
    done = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=30, env=environ)
    assert done.returncode == 1
    assert done.stderr.startswith("lokid: HOME is not set")


def test_it_answers_and_ends_with_status_0_and_without_its_socket(path: Path) -> None:
    with process() as running:
        client = connect(path)
        assert client.ask("hello")["pid"] == running.pid
        assert client.ask("chat", model="echo", prompt="hi")["text"] == "hi"
        client.close()
        status, log = stop(running)
    assert status == 0
    assert not path.exists()
    assert f"lokid {lokid.__version__} serves {path}" in log
    assert ("running as root" in log) == (os.geteuid() == 0)
    assert "Traceback" not in log


def test_of_many_started_at_once_one_survives_and_the_others_leave_with_75(path: Path) -> None:
    started = [subprocess.Popen(COMMAND, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    try:
        poll(lambda: sum(one.poll() is not None for one in started) == 5)
        client = connect(path)
        [survivor] = [one for one in started if one.poll() is None]
        assert client.ask("hello")["pid"] == survivor.pid
        client.close()
        for loser in started:
            if loser is not survivor:
                assert loser.returncode == 75
                assert loser.stderr is not None
                assert loser.stderr.read().startswith("lokid: another lokid runs already")
    finally:
        for one in started:
            one.kill()
            one.communicate()


def test_what_kill_9_leaves_behind_does_not_stop_the_next(path: Path) -> None:
    with process() as running:
        connect(path).close()
        running.kill()
        running.wait()
    assert path.exists()
    with process() as running:
        client = connect(path)
        assert client.ask("hello")["pid"] == running.pid
        client.close()


def test_clients_may_connect_before_anything_heavy_is_imported() -> None:
    heavy = python(
        """
        import sys
        import lokid.daemon
        loaded = {name.partition(".")[0] for name in sys.modules}
        print(*loaded & {"anyio", "asyncio", "httpx2", "msgpack", "pydantic", "ssl", "trio", "yaml"})
        """
    )
    assert heavy == ""


def test_sigterm_lets_a_request_finish_and_answers_it(path: Path) -> None:
    with process({"LOKID_TEST_DRAIN_S": "30"}) as running:
        idle, busy = connect(path), connect(path)
        idle.ask("hello")
        busy.send("chat", model="hang", prompt="x")
        poll(lambda: len(idle.ask("requests.list")) == 1)
        running.send_signal(signal.SIGTERM)
        assert idle.message() is None
        assert running.poll() is None
        # While it drains nobody listens, and the lock still keeps a second one out.
        with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
            Client(path)
        assert subprocess.run(COMMAND, cwd=ROOT, capture_output=True, timeout=30).returncode == 75
        busy.close()  # the client gives up: nothing runs any more
        assert running.wait(10) == 0
        idle.close()
        running.communicate()


def test_sigterm_cuts_what_does_not_end_with_a_last_answer(path: Path) -> None:
    with process({"LOKID_TEST_DRAIN_S": "0.2"}) as running:
        client, other = connect(path), connect(path)
        client.ask("hello", errors="map")
        client.send("chat", model="hang", prompt="x")
        poll(lambda: len(other.ask("requests.list")) == 1)
        other.close()
        running.send_signal(signal.SIGTERM)
        message = client.message()
        assert message is not None
        assert message[2]["code"] == "incomplete_response"
        assert client.message() is None
        assert running.wait(10) == 0
        client.close()
        running.communicate()


def test_a_second_signal_ends_the_patience(path: Path) -> None:
    with process() as running:
        client, other = connect(path), connect(path)
        client.send("chat", model="hang", prompt="x")
        poll(lambda: len(other.ask("requests.list")) == 1)
        running.send_signal(signal.SIGINT)
        assert other.message() is None
        running.send_signal(signal.SIGTERM)
        message = client.message()
        assert message is not None
        assert message[2].startswith("incomplete_response: ")
        assert running.wait(10) == 0
        for one in (client, other):
            one.close()
        running.communicate()


@pytest.mark.parametrize("early", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_start_never_ends_it_where_it_stands(path: Path, early: signal.Signals) -> None:
    code = """
        import os, sys
        from lokid import daemon
        from tests.fakes.runtime import FakeRuntime
        def make_runtime(_environ):  # the socket is there, and nobody heeds signals yet
            os.kill(os.getpid(), int(sys.argv[1]))
            return FakeRuntime()
        sys.exit(daemon.main([], make_runtime))
    """
    with process({}, [sys.executable, "-c", textwrap.dedent(code), str(int(early))]) as running:
        assert running.stderr is not None
        wanted = "SIGTERM, number 1" if early is signal.SIGTERM else "reloaded: generation"
        assert any(wanted in line for line in running.stderr)
        assert (running.wait(timeout=20) if early is signal.SIGTERM else stop(running)[0]) == 0
    assert not path.exists()


def test_systemd_hears_of_every_state(path: Path, manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "300000"}
    heard: list[str] = []

    def hear(wanted: str) -> str:
        while True:
            heard.append(manager.recv(1000).decode())
            if heard[-1].startswith(wanted):
                return heard[-1]

    with process(environ) as running:
        assert f"STATUS=serving {path}" in hear("READY=1")
        connect(path).close()
        for _ in range(3):
            hear("WATCHDOG=1")
        running.send_signal(signal.SIGHUP)
        assert "\nMONOTONIC_USEC=" in hear("RELOADING=1")
        hear("READY=1")
        assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert running.wait(10) == 0
        assert "reloaded: generation 2" in running.communicate()[1]


def test_the_watchdog_of_another_process_is_not_fed(path: Path, manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000", "WATCHDOG_PID": "1"}
    with process(environ) as running:
        client = connect(path)
        client.ask("hello")
        client.close()
        stop(running)
    manager.setblocking(False)
    heard = b""
    while b"STOPPING" not in heard:
        heard += manager.recv(1000)
    assert b"WATCHDOG" not in heard


ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="rpc")
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def activated(path: Path) -> Iterator[socket.socket]:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen(1024)
        yield sock


def test_a_socket_activated_daemon_leaves_the_socket_and_restarts_lose_nothing(
    path: Path, activated: socket.socket
) -> None:
    """What docs/rpc.md promises: a client that asks for ``accepted`` and sends again if the connection ended
    before it gets an answer to everything, whatever happens to the daemon."""
    command = [sys.executable, "-c", ACTIVATE, str(activated.fileno()), *COMMAND]
    answered: list[str] = []

    def ask() -> None:
        for _ in range(20):
            client = Client(path)
            try:
                client.send("hello", accepted=True)
                client.send("chat", model="echo", prompt="hi")
                while (message := client.message()) is not None:
                    assert message[:2] != [2, "accepted"] or message[2] == [2]
                    if message[0] == 1 and message[1] == 2:
                        answered.append(message[3]["text"])
                        return
            except BrokenPipeError:
                pass
            finally:
                client.close()
        raise AssertionError("never answered")

    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        with process(command=command, pass_fds=[activated.fileno()]) as running:
            for _ in range(20):
                ask()
            running.send_signal(how)
            running.communicate(timeout=20)
            assert running.returncode == (-9 if how is signal.SIGKILL else 0)
        assert path.exists()
    assert answered == ["hi"] * 60


def test_a_removed_socket_is_made_again(path: Path) -> None:
    with process({"LOKID_TEST_CHECK_S": "0.05"}) as running:
        connect(path).close()
        path.unlink()
        client = connect(path)
        assert client.ask("hello")["pid"] == running.pid
        client.close()


BROKEN = """
import sys
from lokid import daemon
def broken(environ): raise ValueError("a secret")
sys.exit(daemon.main([], broken))
"""


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lokid-extra.sock", "lokid-extra.sock"),
        ("box.sock", "box.sock"),
        ("place/box.sock", "box.sock"),  # beside the socket of a lokid with another LOKID_SOCK
        ("../place/box.sock", "box.sock"),
        ("../../x/box.sock", "x/box.sock"),
        ("link/box.sock", "box.sock"),
        ("{}/link/box.sock", "box.sock"),
    ],
)
def test_where_the_extra_socket_is_to_be_no_lokid_serves_everything(
    tmp_path: Path, path: str, name: str
) -> None:
    """It is forwarded to those who may do less, and somebody may try it while none runs."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "clients: [{type: openai-compatible, name: a, api_base: 'http://127.0.0.1:9', models: [{name: m}]}]\n"
        f"extra_socket: {{path: {path.format(tmp_path)}, models: ['a:*'], budget: {{usd_per_day: 1}}}}\n"
    )
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(place)
    environ = {**os.environ, "LOKID_CONFIG": str(config), "LOKID_SOCK": str(place / name)}
    command = [sys.executable, "-m", "lokid"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, env=environ)
    assert "extra socket" in done.stderr and "LOKID_SOCK must name another, or nothing" in done.stderr
    assert not (place / name).exists()


def test_a_bug_in_the_runtime_ends_it_with_a_line_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            BROKEN,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("lokid: stopped by a bug: ValueError at ")
    assert "a secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_before_the_first_secret_is_read_the_process_is_closed_to_others() -> None:
    answer = python(
        """
        import ctypes, os, resource, faulthandler
        from lokid import daemon
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048))
        os.environ.update(SSLKEYLOGFILE="/tmp/keys", OPENSSL_CONF="/tmp/openssl.cnf")
        def make_runtime(environ):  # it is what reads secrets
            left = {"SSLKEYLOGFILE", "OPENSSL_CONF", "PYDANTIC_DISABLE_PLUGINS"} & set(environ)
            print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE),
                  resource.getrlimit(resource.RLIMIT_NOFILE), left, faulthandler.is_enabled(), flush=True)
            os._exit(0)
        daemon.main([], make_runtime)
        """
    )
    assert answer == "0 (0, 0) (2048, 2048) {'PYDANTIC_DISABLE_PLUGINS'} True"


def test_its_memory_is_closed_before_it_imports_what_takes_time() -> None:
    """Who has opened ``/proc/PID/mem`` by then keeps it, with all secrets that come later."""
    answer = python(
        """
        import ctypes, sys
        import lokid.__main__
        class Watcher:
            def find_spec(self, name, path=None, target=None):
                if name.startswith("lokid."):
                    print(name, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
                    sys.meta_path.remove(self)
        sys.meta_path.insert(0, Watcher())
        sys.argv = ["lokid", "--version"]
        lokid.__main__.main()
        """
    )
    assert answer.splitlines() == ["lokid.daemon 0", f"lokid {lokid.__version__}"]


def test_the_configuration_can_be_named_on_the_command_line(tmp_path: Path) -> None:
    named = python(
        """
        import os, sys
        from lokid import daemon
        def show(environ):
            print(environ["LOKID_CONFIG"], flush=True)
            os._exit(0)
        daemon.main(["--config", sys.argv[1]], show)
        """,
        os.path.relpath(tmp_path / "other.yaml", ROOT),
    )
    assert named == str(tmp_path / "other.yaml")


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_it_runs_with_closed_standard_descriptors_and_gives_their_numbers_to_nobody(
    path: Path, closed: str
) -> None:
    command = ["sh", "-c", f'exec "$0" -m tests.fakes.daemon {closed}', sys.executable]
    with process(command=command) as running:
        client = connect(path)
        assert client.ask("hello")["pid"] == running.pid
        for fd in (0, 1, 2):
            assert not os.readlink(f"/proc/{running.pid}/fd/{fd}").startswith("socket:")
        client.close()
        assert stop(running)[0] == 0


@pytest.mark.parametrize("where", [">&- 2>&-", ">/dev/full 2>/dev/full"])
def test_its_status_does_not_depend_on_where_its_words_go(path: Path, where: str) -> None:
    with process():
        connect(path).close()
        assert subprocess.call(["sh", "-c", f'"$0" -m lokid {where}', sys.executable], cwd=ROOT) == 75


def test_where_too_few_files_may_be_open_it_says_so() -> None:
    command = ["sh", "-c", 'ulimit -n 20; exec "$0" -m lokid', sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.stderr == "lokid: at most 20 files may be open here, lokid needs 32: ulimit -n\n"
