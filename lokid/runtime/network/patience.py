"""Waiting for a server that has no time to read, and not for one that is gone.

The kernel's limit for what is sent and not acknowledged (``TCP_USER_TIMEOUT``) also counts the time in which
a server reads nothing, though it acknowledges each probe: one that does one thing at a time reads a long
question when it has done what it was asked before. So while a question is on its way that may not fit into
the server's buffers, its connection is watched here instead.
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
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

FITS = 32 * 1024
"""Bytes that a server's kernel takes while the server itself does something else."""

UNANSWERED_MS = 20_000
"""Sent and not acknowledged for so long: dead (a suspended laptop wakes up with such connections)."""

LOOK_S = 5.0
"""How often that is looked at where the kernel does not decide it."""

_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)
_INFO = struct.Struct("=2x2B52xI")
"""Of tcp(7)'s TCP_INFO: what was sent again and the probes of a closed window, both since something was last
acknowledged; how many milliseconds ago that was."""


class Patience:
    """With who is at the other end of ``sock``, before it is connected or after. None at first."""

    __slots__ = ("_sock", "active", "taken")

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.active = False
        self.taken = False
        """The other side's kernel has all that was sent, as far as somebody has looked."""
        self._set(UNANSWERED_MS)

    def sending(self, size: int) -> None:
        """So many bytes are about to be sent."""
        self.taken = False
        if size > FITS and not self.active and _USER_TIMEOUT is not None:
            self.active = True
            self._set(0)

    def answered(self) -> None:
        """It has read what was sent."""
        if self.active:
            self.active = False
            self._set(UNANSWERED_MS)

    async def watching(self, work: Callable[[], Awaitable[T]]) -> T:
        """What ``work`` gives. Raises ``TimeoutError`` when nothing is acknowledged any more."""
        gone = False
        done: list[T] = []
        failed: list[Exception] = []

        async def watch() -> None:
            nonlocal gone
            while not gone:
                await anyio.sleep(LOOK_S)
                gone = _is_unanswered(self._sock)
                self.taken = self.taken or acknowledged(self._sock)  # not if it is closed meanwhile
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
        if failed:
            try:
                raise failed.pop()
            finally:
                del failed
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    def _set(self, milliseconds: int) -> None:
        if _USER_TIMEOUT is not None:
            with contextlib.suppress(OSError):  # broken, and the next word to it says so; or no TCP
                self._sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, milliseconds)


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
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except OSError:  # whoever waits for it is told more
        return False
    again, probes, silent_ms = _INFO.unpack(info)
    return max(again, probes) > 1 and bool(silent_ms >= UNANSWERED_MS)
