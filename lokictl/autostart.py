"""Starts lokid when none runs.

Race-free without a lock of its own: lokid takes one before it touches the socket, and whoever comes second
leaves with status 75. So any number of lokictl may start one at once, and all of them then connect to the
same.
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time

import lokid
from lokictl import ending, folders, systemctl
from lokictl.failure import Failure
from lokictl.render import note, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable, Sequence

START_S = 10.0
"""How long a daemon may take until it accepts connections: 0.1 s on this side of a busy machine."""

DRAIN_S = 40.0
"""The same while another one still holds the lock: it may finish its requests for 30 s before it goes."""

POLL_S = 0.02
SECOND_PLACE = 75
LOG_BYTES = 1024 * 1024
"""A log longer than this is moved aside (one old log is kept) when a daemon is started."""

COMMAND = (sys.executable, "-P", "-m", "lokid")
"""-P: a directory called lokid in the directory where the user happens to be is not the daemon."""

_OF_A_SERVICE = {
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
}
"""What systemd tells one service, which an editor or a job may be: nothing that lokid is to answer."""

_PATHS = ("LOKID_CONFIG", "LOKID_ENV_FILE", "LOKID_SOCK", "LOKID_STATE_DIR")


def started(
    connect: Callable[[], _socket.socket | None],
    path: str,
    on_wait: Callable[[], float | None] = lambda: None,
    command: Sequence[str] = COMMAND,
    timeout_s: float | None = None,
) -> _socket.socket:
    """A connection to the daemon that ``command`` starts, or systemd where lokid is its service, or that
    another process just started.

    Raises ``Failure`` with the last words of one that does not come up, and after ``timeout_s``, for which
    who asks wants to wait at most; it comes up all the same.
    """
    check_directory(path)
    begun_at = time.monotonic()
    if systemctl.is_installed():

        def wait() -> None:
            _check_time(begun_at, timeout_s)
            on_wait()
            time.sleep(POLL_S)

        until = begun_at + (DRAIN_S if timeout_s is None else min(DRAIN_S, timeout_s))
        if (sock := _of_service(connect, path, wait, until)) is not None:
            return sock
        _check_time(begun_at, timeout_s)
    log, offset = find_log()
    spawned_at = time.monotonic()
    child = _spawn(command, log)
    try:
        while True:
            if (sock := connect()) is not None:
                return sock
            status = child.poll()
            if status is not None and status != SECOND_PLACE:
                raise Failure(
                    "daemon_unavailable",
                    f"lokid stopped while it started (status {status}){last_words(log, offset)}",
                    f"lokictl daemon run shows all of it{log and f'; the log is {log}'}",
                )
            now = time.monotonic()
            waited = now - begun_at
            _check_time(begun_at, timeout_s)
            # A daemon that is still starting has its own time, however long we waited for the one before.
            if (waited > DRAIN_S) if status == SECOND_PLACE else (now - spawned_at > START_S):
                raise Failure(
                    "daemon_unavailable",
                    f"lokid does not accept connections after {waited:.0f} s{last_words(log, offset)}",
                    f"the log is {log}" if log else "lokictl daemon run shows what it does",
                )
            if status == SECOND_PLACE and waited > 0.5:
                # The one with the lock is not listening: it drains. Whoever comes after it may be us.
                time.sleep(0.2)
                if ending.pid(path) is None:  # it has gone, or cannot be seen
                    child, spawned_at = _spawn(command, log), time.monotonic()
            on_wait()
            time.sleep(POLL_S)
    finally:
        child.returncode = child.returncode or 0  # it lives on by design: no warning that it still runs


def _check_time(begun_at: float, timeout_s: float | None) -> None:
    if timeout_s is not None and time.monotonic() - begun_at > timeout_s:
        raise Failure("timeout", f"lokid was not there within {timeout_s:g} s", "ask again")


def _of_service(
    connect: Callable[[], _socket.socket | None], path: str, wait: Callable[[], None], until: float
) -> _socket.socket | None:
    """A connection to the lokid of the service, whose socket somebody has removed. While one holds the lock
    it may be the service's, which ends or begins: another one would be in its place, without its sandbox."""

    def somebody() -> bool:
        if (sock := connect()) is not None:
            sock.close()
        return sock is not None

    def wait_within() -> None:
        wait()
        if time.monotonic() > until:
            raise TimeoutError

    try:
        while ending.pid(path) is not None:
            if (sock := connect()) is not None:
                return sock
            wait_within()
        return connect() if systemctl.listens_again(path, somebody, wait_within, until) else None
    except TimeoutError:
        return None


def _spawn(command: Sequence[str], log: str) -> subprocess.Popen[bytes]:
    fd = _opened(log) if log else os.open(os.devnull, os.O_WRONLY)
    try:
        return subprocess.Popen(  # noqa: S603 (our own interpreter)
            command,
            stdin=subprocess.DEVNULL,
            stdout=fd,
            stderr=fd,
            start_new_session=True,  # Ctrl-C in this terminal and its hang-up are not for the daemon
            cwd="/",  # it must not hold a mounted directory
            env=environment(),
        )
    except OSError as error:
        raise Failure("daemon_unavailable", f"cannot start {command[0]}: {error.strerror}") from None
    finally:
        os.close(fd)


def environment() -> dict[str, str]:
    """For a daemon: ours, with relative paths made absolute and the package on the path.

    The last is for a checkout, where nothing is installed; elsewhere it changes nothing.
    """
    result = {name: value for name, value in os.environ.items() if name not in _OF_A_SERVICE}
    for name in _PATHS:
        if result.get(name):
            result[name] = os.path.abspath(result[name])
    root = os.path.dirname(os.path.dirname(os.path.abspath(lokid.__file__)))
    if os.path.basename(root) not in ("site-packages", "dist-packages"):
        result["PYTHONPATH"] = os.pathsep.join(filter(None, (root, result.get("PYTHONPATH"))))
    return result


def check_directory(path: str) -> None:
    """Refuses to start a daemon whose socket would lie in somebody else's directory (``sudo lokictl``)."""
    directory = os.path.dirname(path) or "."
    while not os.path.isdir(directory) and directory not in ("/", "."):
        directory = os.path.dirname(directory) or "."
    facts = os.stat(directory)
    if facts.st_uid != os.geteuid() and not facts.st_mode & 0o1000:  # /tmp is root's, and sticky
        raise Failure(
            "daemon_unavailable",
            f"{directory} belongs to uid {facts.st_uid}, you are uid {os.geteuid()}: no lokid starts there",
            "run lokictl as that user (without sudo), or set XDG_RUNTIME_DIR to a directory of your own",
        )


def find_log() -> tuple[str, int]:
    """The path of the log, and where what a new daemon writes will begin. Without one that can be written
    ``("", 0)``: it is said, and no reason to answer nobody."""
    from lokid.rpc import address

    try:
        path = address.log_file(os.environ)
    except address.NoHome as error:
        raise Failure("daemon_unavailable", str(error)) from None
    try:
        folders.make(os.path.dirname(path))
        size = os.path.getsize(path) if os.path.exists(path) else 0
        if size > LOG_BYTES:
            os.replace(path, f"{path}.old")
            size = 0
        os.close(_opened(path))
    except OSError as error:
        note(f"lokictl: lokid runs without its log, {path} cannot be written: {error.strerror}")
        return "", 0
    return path, size


def _opened(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW  # reading, too: a pipe would be waited for
    fd = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is no file")
    return fd


def last_words(log: str, offset: int) -> str:
    """The last lines that were logged after ``offset``, as the end of a sentence."""
    try:
        with open(log, "rb") as file:
            file.seek(offset)
            lines = file.read(LOG_BYTES).decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return "".join(f"\n  {one_line(line)}" for line in lines[-5:])
