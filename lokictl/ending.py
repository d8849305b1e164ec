"""A lokid that was told to end takes no new connections and lets what runs finish. Who asks meanwhile whether
it runs is told that, and not that there is none. Loaded only by them."""

from __future__ import annotations

import os
import time

from lokictl.failure import Ending, Failure, NotRunning
from lokictl.systemctl import properties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

SAID = "lokid is ending: it lets the requests that run finish, for 30 s at most"
"""``server.listener.DRAIN_S``"""

LOOK_S = 0.5
"""systemd keeps the socket while lokid ends, so that a connection waits for the next one. After this time of
it systemd is asked; an answer of lokid takes a few milliseconds."""


IN_LINE_S = 0.05
"""Between two looks at a queue that is full."""


def pid(path: str) -> int | None:
    """Of the lokid that has left the socket ``path`` and still holds its lock. The kernel's table says so: to
    try the lock would take it, for a moment, from one that starts. None: there is none that could be seen."""
    try:
        lock = _lock(f"{path}.lock")
        with open("/proc/locks", encoding="ascii", errors="replace") as file:
            rows = [line.split() for line in file]
    except (OSError, StopIteration):
        return None
    # proc_locks(5): number, FLOCK, ADVISORY, WRITE, pid, major:minor:inode, start, end
    return next(
        (int(row[4]) for row in rows if row[1:2] == ["FLOCK"] and row[5:6] == [lock] and is_lokid(row[4])),
        None,
    )


def _lock(path: str) -> str:
    """``path`` as the kernel's table has it. Two file systems of a kind may have the same inodes, and on
    btrfs stat(2) gives another device than that table: its own stands in the table of mounts."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        inode = os.fstat(fd).st_ino
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
            mount = next(line.split()[1] for line in file if line.startswith("mnt_id:"))
    finally:
        os.close(fd)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        device = next(fields[2] for fields in map(str.split, file) if fields[0] == mount)
    major, minor = map(int, device.split(":"))
    return f"{major:02x}:{minor:02x}:{inode}"


def not_running(path: str, *, afar: bool) -> Failure:
    """Why nobody listens on the socket ``path``. ``afar``: it may be forwarded from another machine."""
    if pid(path) is not None:
        return Ending()
    mend = "connect again, if that is forwarded; else lokictl daemon start"
    said = f"lokid is not running (no answer on {path})"
    return NotRunning("daemon_unavailable", said, mend if afar else "lokictl daemon start")


def stand_in_line(sock: socket, path: str, timeout_s: float | None) -> None:
    """Connects where as many wait as may (listen(2)); those of programs that gave up are among them, until
    they are looked at. Raises ``Failure``, ``Hangs`` where nobody is served for as long as an answer may
    take."""
    from lokictl import link

    within_s = link.SILENT_S if timeout_s is None else timeout_s
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        time.sleep(min(IN_LINE_S, within_s))
        try:
            sock.connect(path)
        except BlockingIOError:
            continue
        return
    if timeout_s is None and (holder := pid(path)) is not None:
        raise link.Hangs(holder)
    said = f"lokid runs but has not answered within {within_s:g} s"
    raise Failure("timeout", said, "lokictl daemon restart")


def is_lokid(process: str | int) -> bool:
    """A number may be somebody else's by now, and two file systems may both have an inode of that number.
    Where /proc is mounted with ``hidepid`` the user does not see it, as its memory is closed; nothing else
    of the user's is hidden like that."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return b"lokid" in file.read()
    except OSError:
        pass
    try:
        os.kill(int(process), 0)
    except OSError:
        return False
    return True


class Watch:
    """For ``on_wait`` of a call that starts none: raises ``failure.Ending`` when nothing came for ``LOOK_S``
    because systemd's lokid ends."""

    def __init__(self) -> None:
        self._due: float | None = None

    def __call__(self) -> float | None:
        from lokictl.failure import Ending

        now = time.monotonic()
        if self._due is None:
            self._due = now + LOOK_S
        elif now >= self._due:
            if (properties("ActiveState") or {}).get("ActiveState") == "deactivating":
                raise Ending
            self._due = now + LOOK_S
        return self._due - now
