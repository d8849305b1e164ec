"""What comes in on a socket, with as few words to the kernel as the event loop allows.

``anyio.wait_readable`` registers the descriptor for one wait and takes it back, which is two system calls
and 37 microseconds on asyncio; a question has two such waits and a streamed answer one for each event. A
loop that can keep a descriptor (asyncio's has ``add_reader``) is told once here. When there is something, its
callback reads, and the task that waits goes on within it, see ``wait``. Any other loop, Trio's that is, is
asked through AnyIO for each wait.

The loop is known by AnyIO's token and used as what it can do; nothing here depends on which one it is.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, cast

import anyio
import anyio.lowlevel

from lokid.runtime.network.wait import Loop, Wait

NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, InterruptedError)


class _Keeps(Loop, Protocol):
    """One that keeps descriptors."""

    def add_reader(self, fd: int, callback: Callable[[], object]) -> object: ...

    def remove_reader(self, fd: int) -> object: ...


def closed() -> bytes:
    """What reading a closed socket gives."""
    raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class Inlet:
    """``read`` reads without waiting; it raises one of ``NOTHING_YET``, or what ``next`` then raises. One
    task waits at a time. ``close`` comes before the socket is closed."""

    # Ten thousand idle connections have one each.
    __slots__ = ("_failure", "_fd", "_held", "_kept", "_loop", "_read", "_sock", "_waiter")

    def __init__(self, sock: socket.socket, read: Callable[[], bytes]) -> None:
        self._sock = sock
        self._read = read
        self._fd = -1
        self._loop: _Keeps | None = None
        self._kept = False
        self._waiter: Wait | None = None  # while a task waits
        self._held: bytes | None = None  # read, and the task has not had its turn yet
        self._failure: Exception | None = None  # the same

    async def next(self) -> bytes:
        """What ``read`` gives when there is something; others have had their turn before. Raises
        ``ClosedResourceError`` if it is closed meanwhile. Cancelling loses nothing."""
        # All of it here: ten thousand idle connections wait in one of these two lines.
        if self._fd < 0:
            self._begin()
        loop = self._loop
        while self._held is None and self._failure is None:
            if loop is None:
                await anyio.wait_readable(self._sock)
                self._take()
            else:
                if not self._kept:
                    loop.add_reader(self._fd, self._readable)
                    self._kept = True
                self._waiter = Wait(loop)
                try:
                    await self._waiter
                finally:
                    self._waiter = None
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # it holds this frame now, which would hold it
        held, self._held = self._held, None
        return cast("bytes", held)

    def close(self) -> None:
        self._let_go()
        if self._waiter is not None and not self._waiter.done():
            self._failure = anyio.ClosedResourceError()
            self._waiter.end_soon()
        self._read = closed  # it is the owner's, which holds this: both go without the collector

    def _begin(self) -> None:
        self._fd = self._sock.fileno()
        loop = anyio.lowlevel.current_token().native_token
        if hasattr(loop, "add_reader"):
            self._loop = cast("_Keeps", loop)

    def _readable(self) -> None:
        """Called by the loop."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._let_go()  # else it would say so again and again
            return
        self._take()
        if self._held is not None or self._failure is not None:
            waiter.end()

    def _take(self) -> None:
        try:
            self._held = self._read()
        except NOTHING_YET:
            pass  # a false alarm, or a piece of a TLS record
        except Exception as failure:  # raised where it is waited for
            self._failure = failure

    def _let_go(self) -> None:
        if self._kept:
            self._kept = False
            cast("_Keeps", self._loop).remove_reader(self._fd)
