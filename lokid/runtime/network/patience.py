"""Waiting for a server that takes its time, and not for one that is gone.

A question that nobody acknowledges for 20 s went into a connection that is dead: a router forgot it, or the
network is gone. The kernel's limit for that (``TCP_USER_TIMEOUT``) also counts the time in which a server
reads nothing, though it acknowledges each probe, and ends a connection at the first probe that is lost while
a model thinks. So it is not set, and each wait for the server is looked after here until all of the question
is there. From then on the probes of an idle connection decide (``wire``).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

UNANSWERED_MS = 20_000
"""Sent and not acknowledged for so long: dead (a suspended laptop wakes up with such connections)."""

LOOK_S = 5.0
"""How often that is looked at."""

AT_ONCE = struct.pack("ii", 1, 0)
"""``SO_LINGER``: closing it ends it, and what has not left never does."""

_TCP_INFO = getattr(socket, "TCP_INFO", None)
_INFO = struct.Struct("=2x2B52xI")
"""Of tcp(7)'s TCP_INFO: what was sent again and the probes of a closed window, both since something was last
acknowledged; how many milliseconds ago that was."""


class Patience:
    """With who is at the other end of ``sock``."""

    __slots__ = ("_sent_at", "_sock", "taken")

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._sent_at = 0.0
        self.taken = True
        """The other side has all that was sent, as far as somebody has looked."""

    def sending(self) -> None:
        """Something is about to be sent."""
        self._sent_at = monotonic()
        self.taken = False

    def answered(self) -> None:
        """It has read what was sent."""
        self.taken = True

    async def hearing(self, wait: Callable[[], Awaitable[T]]) -> T:
        """What ``wait`` gives, which loses nothing when it is cancelled. Raises ``TimeoutError`` when nothing
        is acknowledged any more."""
        while not self.taken:
            with anyio.move_on_after(LOOK_S):
                return await wait()
            self._check_open()
            self._look()
        return await wait()

    async def room(self) -> None:
        """Until more can be sent. Raises as ``hearing``."""
        while True:
            with anyio.move_on_after(LOOK_S):
                await anyio.wait_writable(self._sock)
                return
            self._check_open()
            self._check()

    async def watching(self, work: Callable[[], Awaitable[T]], *, sends: bool = False) -> T:
        """As ``hearing``, or as ``room`` if it ``sends``, of work that cannot be begun again."""
        gone: list[TimeoutError] = []
        done: list[T] = []
        failed: list[Exception] = []

        async def watch() -> None:
            try:
                while not self.taken:
                    await anyio.sleep(LOOK_S)
                    (self._check if sends else self._look)()
            except TimeoutError as error:
                gone.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            try:
                done.append(await work())
            except Exception as error:  # out of the group, which would wrap it
                failed.append(error)
            group.cancel_scope.cancel()
        if done:
            return done[0]
        raise (failed or gone).pop()

    def _check_open(self) -> None:
        """Who closes it tells those that wait, and none did just now. Its number may be another's by now."""
        if self._sock.fileno() < 0:
            raise anyio.ClosedResourceError

    def _look(self) -> None:
        self.taken = self.taken or acknowledged(self._sock)  # not if it is closed meanwhile
        if not self.taken:
            self._check()

    def _check(self) -> None:
        # An idle connection has been silent for long, and what was sent a moment ago has not.
        if (monotonic() - self._sent_at) * 1000 >= UNANSWERED_MS and _is_unanswered(self._sock):
            with contextlib.suppress(OSError):  # else the kernel would deliver it when the network is back
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def acknowledged(sock: Any) -> bool:
    """Whether the other side's kernel has all that was sent, also of a connection that has died since. False
    where the platform does not say."""
    waiting = bytearray(4)
    try:
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, waiting)
    except (OSError, ValueError):  # ValueError: closed meanwhile
        return False
    return not any(waiting)


def _is_unanswered(sock: Any) -> bool:
    """One probe may be lost, and one that comes soon after another is not answered."""
    if _TCP_INFO is None:
        return False
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)
    except OSError:  # whoever waits for it is told more
        return False
    again, probes, silent_ms = _INFO.unpack(info)
    return max(again, probes) > 1 and bool(silent_ms >= UNANSWERED_MS)
