"""What a service says to systemd and what it inherits from it, without a library.

Sources: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). The published Python packages are either
years old or need a compiler; the protocol is one datagram and a few environment variables.

The functions *take* their variables: they remove them from ``environ``, so that no child (a launched model
server, a key command) believes that it is the service.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

FIRST_FD = 3
"""SD_LISTEN_FDS_START: inherited descriptors begin here."""

MAX_DIGITS = 9
"""Of a number of descriptors."""

Environ = MutableMapping[str, str]


class Notifier:
    """Sends states to the service manager; without one every method does nothing.

    A message that cannot be delivered is dropped: the manager then acts on its own time limits, and a
    daemon that dies because nobody listens would be worse.
    """

    def __init__(self, address: str | None) -> None:
        self._address: str | None = None
        if address and address[0] in "/@":
            # "@" marks an abstract socket, whose name begins with a NUL byte.
            self._address = "\0" + address[1:] if address[0] == "@" else address

    @classmethod
    def take(cls, environ: Environ) -> Notifier:
        return cls(environ.pop("NOTIFY_SOCKET", None))

    def ready(self, status: str) -> None:
        self.send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """``MONOTONIC_USEC`` lets ``Type=notify-reload`` (systemd 253) tell this reload from an older one."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        self.send("STOPPING=1")

    def alive(self) -> None:
        self.send("WATCHDOG=1")

    def send(self, *lines: str) -> None:
        if self._address is None:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            # Never wait for a manager whose queue is full: this runs in the event loop.
            sock.setblocking(False)
            try:
                sock.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return


def take_watchdog_interval(environ: Environ, pid: int) -> float | None:
    """Seconds between two signs of life, or None if nobody watches this process.

    A third of the limit: one sign may come late by twice the interval before the manager kills.
    """
    usec = environ.pop("WATCHDOG_USEC", "")
    watched = environ.pop("WATCHDOG_PID", str(pid))
    if watched != str(pid) or not usec.isdecimal() or int(usec) == 0:
        return None
    return int(usec) / 3_000_000


def take_listen_fds(environ: Environ, pid: int) -> list[tuple[int, str]]:
    """Inherited descriptors with their names (``FileDescriptorName=``; ``unknown`` without one).

    Empty if the variables are meant for another process. The descriptors get close-on-exec; from the first
    on that is not open there are none.
    """
    meant_for = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    environ.pop("LISTEN_PIDFDID", None)  # systemd 258 adds it
    if meant_for != str(pid) or not count.isdecimal() or len(count) > MAX_DIGITS:
        return []
    inherited: list[tuple[int, str]] = []
    for index in range(int(count)):
        try:
            os.set_inheritable(FIRST_FD + index, False)
        except OSError:
            return inherited
        name = names[index] if index < len(names) and names[index] else "unknown"
        inherited.append((FIRST_FD + index, name))
    return inherited
