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


def properties(*names: str, unit: str = UNIT) -> dict[str, str] | None:
    """Name -> value of systemd's own ``names`` (systemctl(1), show), None without an answer."""
    answer = _asked("show", f"--property={','.join(names)}", unit)
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


def listens_again(path: str, somebody: Callable[[], bool], wait: Callable[[], None]) -> bool:
    """Whether ``somebody`` listens on ``path``, or systemd has been made to: it is the socket of the service
    that ``is_installed``, and systemd does not notice that its file was removed. ``wait``: for a moment; it
    may raise."""
    try:
        manager = os.open(os.path.join(os.environ["XDG_RUNTIME_DIR"], "systemd"), os.O_RDONLY)
    except OSError:
        return False
    try:
        # One after the other: each time it ends the lokid that it has just begun.
        _be_alone(manager, wait)
        return _comes(somebody, wait) or _restarted(path)
    finally:
        os.close(manager)


def _be_alone(fd: int, wait: Callable[[], None]) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            wait()
        else:
            return


def _comes(somebody: Callable[[], bool], wait: Callable[[], None]) -> bool:
    """Whether there is ``somebody``, maybe after an end or a start that is under way."""
    since, before = time.monotonic(), ""
    while not somebody():
        state = (properties("ActiveState") or {}).get("ActiveState", "")
        if state != before:
            since, before = time.monotonic(), state
        if time.monotonic() - since >= _ON_ITS_WAY_S.get(state, 0.0):
            return somebody()
        wait()
    return True


def _restarted(path: str) -> bool:
    unit = properties("UnitFileState", "ActiveState", "Listen", unit=SOCKET) or {}
    if unit.get("UnitFileState") != "enabled" and unit.get("ActiveState") != "active":
        return False
    if unit.get("Listen") != f"{path} (Stream)":
        return False
    done = _asked("restart", SOCKET)
    return done is not None and done.returncode == 0


def _asked(*words: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(  # noqa: S603 (fixed words)
            ["systemctl", "--user", *words],  # noqa: S607 (as any command)
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
