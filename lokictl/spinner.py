"""Shows on a terminal's stderr that we wait.

Several lokictl may share a terminal (``xargs -P``, ``&``), and none knows what the others have printed. So
one draws only while it is alone there: each holds a shared lock on the terminal until it ends, and who wants
to draw needs the exclusive one for that moment. The cursor goes back to the first column after each frame,
so what another program prints covers the frame.
"""

from __future__ import annotations

import fcntl
import os
import time

from lokictl import link
from lokictl.render import is_terminal, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def call(method: str, params: Mapping[str, Any]) -> Any:
    """``link.call`` for what may take a second or more: a person at a terminal sees that it goes on."""
    if not is_terminal(2) or os.environ.get("TERM") == "dumb":
        return link.call(method, params)
    spinner = Spinner(2)
    try:
        return link.call(method, params, on_wait=spinner.wait)
    finally:
        spinner.clear()


class Spinner:
    """``wait`` draws it, ``clear`` takes it away for good."""

    FIRST_S = 0.2
    """Silence before it shows: an answer that comes sooner needs none."""
    NEXT_S = 0.1
    FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._frame = 0
        self._next_at = time.monotonic() + self.FIRST_S
        self._done = False
        self._lock = _locked(fd)

    def wait(self) -> float | None:
        """Draws if it is time to. Seconds until it wants to be called again, None when never."""
        if self._done:
            return None
        now = time.monotonic()
        if now >= self._next_at:
            if not self._write(f"\r{self.FRAMES[self._frame % len(self.FRAMES)]}\r"):
                self._done = True  # without erasing: what stands there now may be another one's answer
                return None
            self._frame += 1
            self._next_at = now + self.NEXT_S
        return self._next_at - now

    def clear(self) -> None:
        """Before anything is printed. The shared lock stays: while this process prints, nobody draws."""
        if not self._done:
            self._done = True
            if self._frame:
                self._write("\r\x1b[K")

    def _write(self, text: str) -> bool:
        """Whether we are alone; then ``text`` is written, unless the shell has us in the background."""
        # Without a lock it is a terminal of somebody else's, after `su`: there is nobody to ask.
        alone = self._lock is None or _try(self._lock, fcntl.LOCK_EX)
        try:
            if alone and _in_foreground(self._fd):
                write(self._fd, text)
        finally:
            if self._lock is not None:
                _try(self._lock, fcntl.LOCK_SH)
        return alone


def _locked(fd: int) -> int | None:
    """A descriptor of the terminal that is ours alone, for a lock that nobody shares with us by inheritance.
    It stays open to the end of the process."""
    try:
        lock = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    _try(lock, fcntl.LOCK_SH)
    return lock


def _try(lock: int, kind: int) -> bool:
    """Never waits: whoever has the exclusive lock may have been stopped with it."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _in_foreground(fd: int) -> bool:
    """Not after ``&``: the terminal is then somebody else's."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:  # not our controlling terminal, as in `script` and some editors: nobody else is there
        return True
