"""A daemon is started when none runs: by any number of lokictl at once, in the right place, or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lokictl import autostart, link, systemctl
from lokictl.commands import daemon as daemon_command
from lokictl.failure import Failure
from tests.fakes.terminal import COMMAND, ROOT, environment, lokictl

# What matters of lokid here: a lock, or status 75; then a socket that accepts.
LISTENER = """
import fcntl, os, socket, sys, time
path = os.environ["XDG_RUNTIME_DIR"] + "/lokid/rpc.sock"
os.makedirs(os.path.dirname(path), exist_ok=True)
lock = open(path + ".lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(75)
print("a daemon", flush=True)
time.sleep(0.2)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
for _ in range(int(sys.argv[1])):
    listener.accept()
"""


def path_of_socket():
    return os.path.join(os.environ["XDG_RUNTIME_DIR"], "lokid", "rpc.sock")


def start(program, *arguments, timeout_s=None):
    path = path_of_socket()
    command = (sys.executable, "-c", program, *arguments)
    return autostart.started(lambda: link.connect(path), path, command=command, timeout_s=timeout_s)


def log():
    with open(os.path.join(os.environ["HOME"], ".local/state/lokid/lokid.log")) as file:
        return file.read()


def test_many_at_once_start_one_and_all_connect():
    with ThreadPoolExecutor(4) as pool:
        for sock in pool.map(lambda _: start(LISTENER, "4"), range(4)):
            sock.close()
    assert log() == "a daemon\n"


def test_log_is_private():
    start(LISTENER, "1").close()
    path = os.path.join(os.environ["HOME"], ".local/state/lokid/lokid.log")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_a_daemon_that_dies_says_its_last_words():
    with pytest.raises(Failure) as caught:
        start("import sys; print('older'); sys.exit('no \\x1b[2J config')")
    assert caught.value.exit_status == 69
    assert "status 1" in caught.value.message
    assert "no \ufffd[2J config" in caught.value.message


def test_a_daemon_that_never_listens_is_given_up(monkeypatch):
    monkeypatch.setattr(autostart, "START_S", 0.3)
    with pytest.raises(Failure, match="does not accept connections"):
        start("import time; time.sleep(1)")


def test_who_waits_for_a_draining_daemon_starts_the_next(monkeypatch):
    path = path_of_socket()
    os.makedirs(os.path.dirname(path))
    holds_the_lock = (
        "import fcntl, sys, time; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX);"
        "print(flush=True); time.sleep(1)"
    )
    draining = subprocess.Popen(
        [sys.executable, "-c", holds_the_lock, path + ".lock"], stdout=subprocess.PIPE
    )
    draining.stdout.readline()
    start(LISTENER, "1").close()
    draining.stdout.close()
    assert draining.wait() == 0
    assert log() == "a daemon\n"


def test_who_gives_up_after_a_time_does_not_wait_for_a_start_or_an_end(home):
    with pytest.raises(Failure) as caught:
        start("import time; time.sleep(2)", timeout_s=0.2)
    assert (caught.value.code, caught.value.exit_status) == ("timeout", 124)
    path = path_of_socket()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Failure) as caught:
            start("raise SystemExit(75)", timeout_s=1.0)
    assert "not there within 1 s" in caught.value.message


def test_a_long_log_is_moved_aside(monkeypatch):
    monkeypatch.setattr(autostart, "LOG_BYTES", 10)
    path, _ = autostart.find_log()
    with open(path, "w") as file:
        file.write("x" * 11)
    assert autostart.find_log() == (path, 0)
    assert os.path.exists(path + ".old")


def test_no_daemon_is_started_in_the_directory_of_another_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Failure, match="belongs to uid"):
        autostart.check_directory(path_of_socket())


def test_somebody_elses_daemon_is_not_asked(monkeypatch, daemon):
    daemon()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Failure, match="belongs to another user") as caught:
        link.connect(path_of_socket())
    assert "without sudo" in caught.value.hint


def test_paths_of_the_daemon_are_those_of_the_caller(monkeypatch):
    monkeypatch.setenv("LOKID_CONFIG", "some.yaml")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/of/an/editor")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    environ = autostart.environment()
    assert "NOTIFY_SOCKET" not in environ, "it is the service's whose program we are"
    assert environ["LOKID_CONFIG"] == os.path.abspath("some.yaml")
    assert "lokid" in os.listdir(environ["PYTHONPATH"])


def gone(pid):
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.02)
    return not os.path.exists(f"/proc/{pid}")


def test_who_waits_for_a_daemon_that_finishes_its_requests_is_told_why(monkeypatch, capfd):
    monkeypatch.setattr(daemon_command, "TELL_S", 0.0)
    monkeypatch.setattr(daemon_command, "is_terminal", lambda _: True)
    busy = "trap 'sleep 0.5; exit' TERM; echo; while :; do sleep 0.05; done"
    with subprocess.Popen(["sh", "-c", busy], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        daemon_command._stop(daemon_command.Running(process.pid, is_unit=False, answers=True))
    assert (
        capfd.readouterr().err
        == "lokictl: lokid is ending: it lets the requests that run finish, for 30 s at most\n"
    )


def test_the_real_daemon_starts_restarts_and_stops(tmp_path):
    (tmp_path / "config.yaml").write_text("clients: []\n")
    env = {"LOKICTL_AUTOSTART": "1", "LOKID_CONFIG": str(tmp_path / "config.yaml")}
    try:
        asking = [
            subprocess.Popen([*COMMAND, "config", "check"], env=environment(**env), stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        for process in asking:
            with process.stderr:
                assert process.stderr.read() == b""
            assert process.wait(30) == 0
        assert log().count("serves") == 1
        assert lokictl("status", env=env).returncode == 0
        lokictl("daemon", "stop", env=env)
        by_hand = {**env, "LOKICTL_AUTOSTART": "0"}  # asked for in so many words, it starts all the same
        first = lokictl("daemon", "start", env=by_hand).stdout
        second = lokictl("daemon", "restart", env=env).stdout
        assert b"runs, pid" in first and b"runs, pid" in second and first != second
        assert b"daemon  running\n" in lokictl("info", env=env).stdout
        # With the old file in force nobody may have seen what is wrong with the new one.
        (tmp_path / "config.yaml").write_text("clients: []\nclient: []\n")
        refused = lokictl("daemon", "restart", env=env)
        assert refused.returncode == 78
        assert (
            b"not restarted" in refused.stderr and b"config.yaml:2:1: client: unknown key" in refused.stderr
        )
        assert b"daemon  running\n" in lokictl("info", env=env).stdout
        lokictl("daemon", "stop", env=env)
        third = lokictl("daemon", "start", env=env)
        assert third.returncode == 0
        assert third.stderr.startswith(b"lokictl: nothing is in force, because of:\n")
        assert b"config.yaml:2:1: client: unknown key" in third.stderr
        second = third.stdout
    finally:
        assert lokictl("daemon", "stop", env=env).stdout == b"stopped\n"
    assert gone(int(second.split()[-1]))
    assert lokictl("status", env=env).returncode == 69


def test_where_none_would_start_again_the_one_that_runs_goes_on(tmp_path):
    (tmp_path / "config.yaml").write_text("clients: []\n")
    env = {"LOKICTL_AUTOSTART": "1", "LOKID_CONFIG": str(tmp_path / "config.yaml")}
    try:
        first = lokictl("daemon", "start", env=env).stdout
        directory = os.path.dirname(path_of_socket())
        os.chmod(directory, 0o755)
        refused = lokictl("daemon", "restart", env=env)
        assert refused.returncode == 69
        assert b"not restarted" in refused.stderr and b"chmod 700" in refused.stderr
        os.chmod(directory, 0o700)
        (tmp_path / "anyio.py").write_text("raise ImportError('no module', name='anyio')")
        half_an_update = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
        refused = lokictl("daemon", "restart", env=env | half_an_update)
        assert b"the package anyio is missing or broken" in refused.stderr
        assert lokictl("daemon", "start", env=env).stdout == first
    finally:
        assert lokictl("daemon", "stop", env=env).stdout == b"stopped\n"


def test_a_successor_has_its_own_time_to_start_after_a_long_drain(monkeypatch):
    monkeypatch.setattr(autostart, "START_S", 0.6)
    path = path_of_socket()
    os.makedirs(os.path.dirname(path))
    holds_the_lock = (
        "import fcntl, sys, time; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX);"
        "print(flush=True); time.sleep(1.5)"
    )
    draining = subprocess.Popen(
        [sys.executable, "-c", holds_the_lock, path + ".lock"], stdout=subprocess.PIPE
    )
    draining.stdout.readline()
    start(LISTENER, "1").close()
    draining.stdout.close()
    assert draining.wait() == 0


def _link(path):
    os.symlink(path, path)


@pytest.mark.parametrize(
    ("make", "why"), [(os.mkdir, "Is a directory"), (os.mkfifo, "it is no file"), (_link, "Too many levels")]
)
def test_without_a_log_there_is_a_daemon_and_it_is_said(make, why, capfd):
    path, _ = autostart.find_log()
    os.unlink(path)
    make(path)
    with pytest.raises(Failure) as caught:
        start("import sys; sys.exit('no config')")
    assert (caught.value.exit_status, caught.value.hint) == (69, "lokictl daemon run shows all of it")
    start(LISTENER, "1").close()
    assert capfd.readouterr().err.count(f"{path} cannot be written: {why}") == 2


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """A service manager of the user, who has installed lokid, and what it was told."""
    (tmp_path / "systemctl").write_text(f"""#!/bin/sh
echo "$*" >>{tmp_path}/told
case "$*" in
*show*) echo "ActiveState=inactive\nUnitFileState=$INSTALLED\nListen=$LISTEN (Stream)" ;;
*) exit 1 ;;
esac
""")
    (tmp_path / "systemctl").chmod(0o755)
    os.makedirs(os.path.join(os.environ["XDG_RUNTIME_DIR"], "systemd/user"))
    open(os.path.join(os.environ["XDG_RUNTIME_DIR"], "systemd/user/lokid.socket"), "w").close()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("INSTALLED", "enabled")
    monkeypatch.setenv("LISTEN", path_of_socket())
    return lambda: (tmp_path / "told").read_text().splitlines()


def test_a_service_manager_that_cannot_start_the_service_leaves_nobody_without_an_answer(manager):
    start(LISTENER, "1").close()
    assert manager()[-1] == "--user --no-block restart lokid.socket"


def test_a_service_manager_that_says_nothing_takes_no_more_time_than_there_is(manager, tmp_path):
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/told\nexec sleep 30\n')
    with pytest.raises(Failure, match=r"not there within 0\.5 s"):
        start(LISTENER, "1", timeout_s=0.5)
    assert len(manager()) == 1
    assert not os.path.exists(path_of_socket())


def test_a_service_manager_that_says_nothing_is_asked_once(manager, tmp_path, monkeypatch):
    monkeypatch.setattr(systemctl, "WITHIN_S", 0.2)
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/told\nexec sleep 30\n')
    start(LISTENER, "1").close()
    assert len(manager()) == 1


def test_systemd_is_not_asked_by_who_finds_somebody_after_a_wait(manager):
    """Of many at once, beside a service manager that takes its time."""
    assert systemctl.listens_again(path_of_socket(), lambda: True, lambda: None)
    with pytest.raises(FileNotFoundError):
        manager()


def test_the_socket_of_the_service_may_be_reached_through_a_link(manager, monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to(os.environ["XDG_RUNTIME_DIR"])
    monkeypatch.setenv("LISTEN", f"{tmp_path}/link/lokid/rpc.sock")
    start(LISTENER, "1").close()
    assert manager()[-1] == "--user --no-block restart lokid.socket"


def test_where_no_unit_is_installed_systemd_is_not_asked(manager):
    os.unlink(os.path.join(os.environ["XDG_RUNTIME_DIR"], "systemd/user/lokid.socket"))
    start(LISTENER, "1").close()
    with pytest.raises(FileNotFoundError):
        manager()


@pytest.mark.parametrize(("name", "value"), [("INSTALLED", "disabled"), ("LISTEN", "/somewhere/else")])
def test_a_service_that_is_switched_off_or_is_another_one_is_left_alone(manager, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    start(LISTENER, "1").close()
    assert all("restart" not in told for told in manager())
