"""Runs lokictl as a user does: as a process with pipes, or on a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Mapping
from pathlib import Path

from lokictl.spinner import Spinner

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "lokictl")


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "LOKICTL_AUTOSTART": "0", "TERM": "xterm", **changes}


def lokictl(
    *arguments: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """One command line in pipes. ``stdin`` None: nothing to read."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin or b"",
        capture_output=True,
        env=environment(**(env or {})),
        timeout=30,
    )


_PATIENTLY = "from lokictl import __main__, completion; completion.PATIENCE_S = 25.0; __main__.main()"


def completed(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """What TAB is told. On a machine that is busy with other tests a quarter of a second is nothing."""
    return subprocess.run(
        [sys.executable, "-c", _PATIENTLY, "__complete", *arguments],
        capture_output=True,
        env=environment(),
        timeout=30,
    )


class Terminal:
    """One command line on a pseudo-terminal that is its controlling one, so that ^C and ^Z work.

    ``err`` is what came on stderr if ``split`` keeps it apart. Not ``waits``: as a program with an event loop
    leaves it that died.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        split: bool = False,
        waits: bool = True,
    ) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(slave, waits)
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE if split else slave,
            env=environment(**(env or {})),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.output = b""

    def read_until(self, wanted: bytes) -> bytes:
        deadline = time.monotonic() + 20
        while wanted not in self.output:
            if not self._read(deadline):
                raise AssertionError(f"{wanted!r} did not come: {self.output!r}")
        return self.output

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def echo(self, on: bool) -> None:
        """As a shell sets it for itself."""
        attributes = termios.tcgetattr(self._master)
        attributes[3] = attributes[3] | termios.ECHO if on else attributes[3] & ~termios.ECHO
        termios.tcsetattr(self._master, termios.TCSANOW, attributes)

    def raw(self) -> None:
        """As a program leaves it that died in the middle of a screen."""
        tty.setraw(self._master, termios.TCSANOW)

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def wait(self) -> int:
        """The exit status; ``output`` then holds everything."""
        deadline = time.monotonic() + 20
        while self._read(deadline):
            pass
        status = self.process.wait(20)
        self.err = self.process.stderr.read() if self.process.stderr else b""
        return status

    @property
    def printed(self) -> bytes:
        """``output`` without the spinner that a busy machine may have brought."""
        spun = f"(?:\r[{Spinner.FRAMES}]\r)+\r\x1b\\[K"
        return re.sub(spun, "", self.output.decode()).encode()

    def hang_up(self) -> None:
        """The window is closed."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDWR)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        os.close(self._master)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise AssertionError(f"nothing more came: {self.output!r}")
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the last process on the terminal has ended
            return False
        self.output += data
        return bool(data)
