"""What systemd knows of lokid's unit."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Callable

UNIT = "lokid.service"
SOCKET = "lokid.socket"

_ON_ITS_WAY_S = {"deactivating": 45.0, "activating": 5.0}
"""How long a service may take to end, and to begin. One that ends as soon as it begins always begins."""

_FOLDERS = ("/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
"""Of units, beside those of the user: systemd.unit(5)."""

WITHIN_S = 5.0
"""A service manager that takes longer is stuck, and then nothing is known."""

_LOOK_S = 0.1
"""Between two looks at what becomes of a service: each starts a program."""

_BEGINS_S = 2.0
"""Until what it was told shows in the service's state."""


def properties(*names: str, unit: str = UNIT, until: float | None = None) -> dict[str, str] | None:
    """Name -> value of systemd's own ``names`` (systemctl(1), show), None without an answer. ``until``: of
    the monotonic clock, at most."""
    answer = _asked("show", f"--property={','.join(names)}", unit, until=until)
    if answer is None:
        return None
    return dict(line.split("=", 1) for line in answer.stdout.splitlines() if "=" in line)


def is_installed() -> bool:
    """Whether there is a unit of lokid for a service manager that runs. Asks nobody: that takes as long as to
    start a daemon."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    homes = (os.path.expanduser("~/.config"), os.environ.get("XDG_CONFIG_HOME", ""))
    folders = (*_FOLDERS, *(f"{home}/systemd/user" for home in (*homes, runtime) if home))
    there = any(os.path.exists(f"{folder}/{SOCKET}") for folder in folders)
    return there and bool(runtime) and os.path.isdir(f"{runtime}/systemd")


def listens_again(
    path: str, somebody: Callable[[], bool], wait: Callable[[], None], until: float | None = None
) -> bool:
    """Whether ``somebody`` listens on ``path``, or systemd has been made to: it is the socket of the service
    that ``is_installed``, and systemd does not notice that its file was removed. ``wait``: for a moment; it
    may raise, and does ``until`` then."""
    try:
        manager = os.open(os.path.join(os.environ["XDG_RUNTIME_DIR"], "systemd"), os.O_RDONLY)
    except OSError:
        return False
    try:
        # One after the other: each time it ends the lokid that it has just begun.
        _be_alone(manager, somebody, wait)
        if somebody() or not _is_of_service(path, until):
            return somebody()
        return _comes(somebody, wait, until) or (
            _restarts(until) and _comes(somebody, wait, until, least_s=_BEGINS_S)
        )
    finally:
        os.close(manager)


def _is_of_service(path: str, until: float | None) -> bool:
    unit = properties("UnitFileState", "ActiveState", "Listen", unit=SOCKET, until=until) or {}
    is_on = unit.get("UnitFileState") == "enabled" or unit.get("ActiveState") == "active"
    listens = unit.get("Listen", "").removesuffix(" (Stream)")
    return is_on and os.path.realpath(listens) == os.path.realpath(path)


def _be_alone(fd: int, somebody: Callable[[], bool], wait: Callable[[], None]) -> None:
    """Until there is ``somebody``, at most."""
    while not somebody():
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            wait()
        else:
            return


def _comes(
    somebody: Callable[[], bool], wait: Callable[[], None], until: float | None, *, least_s: float = 0.0
) -> bool:
    """Whether there is ``somebody``, maybe after an end or a start that is under way. ``least_s``: to wait
    for one that does neither."""
    since, before, looks_at = 0.0, "", 0.0
    while not somebody():
        if time.monotonic() >= looks_at:
            state = (properties("ActiveState", until=until) or {}).get("ActiveState", "nothing")
            now = time.monotonic()
            if state != before:
                since, before = now, state
            if now - since >= _ON_ITS_WAY_S.get(state, least_s):
                return somebody()
            looks_at = now + _LOOK_S
        wait()
    return True


def _restarts(until: float | None) -> bool:
    """Whether systemd has begun to: it first waits for the questions of the service's lokid."""
    done = _asked("--no-block", "restart", SOCKET, until=until)
    return done is not None and done.returncode == 0


def _asked(*words: str, until: float | None) -> subprocess.CompletedProcess[str] | None:
    within_s = WITHIN_S if until is None else min(WITHIN_S, max(0.0, until - time.monotonic()))
    try:
        return subprocess.run(  # noqa: S603 (fixed words)
            ["systemctl", "--user", *words],  # noqa: S607 (as any command)
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
