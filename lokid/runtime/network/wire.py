"""One TCP connection to a provider, with or without TLS: made, written to, read from.

Sockets and not AnyIO's streams: those take six times as long for a read (measured on asyncio; ``inlet``),
and a plain one says at once whether it holds something or has ended.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import anyio

from lokid.protocols.address import Address
from lokid.runtime.network.inlet import NOTHING_YET, Inlet, closed
from lokid.runtime.network.resolver import connect
from lokid.runtime.network.tls import TLS

READ = 32 * 1024
"""Bytes per read: some 150 events of a stream, decoded in a millisecond, so that others get their turn. Of
the smallest pieces that there are, comments of two bytes or chunks of one, it is ten times as long."""

T = TypeVar("T")

_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)

ALONE = 1024
"""Bytes. A read of fewer is an event or two, which came alone: to look for more at once would find nothing,
and every word to the kernel costs as much as to read one of them."""

SOCKET_OPTIONS = [
    (level, number, value)
    for level, name, value in (
        # A question is one small write, and its answer is waited for.
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        # A probe after 30 s, 3 more every 5 s: keeps the way through a NAT open and notices a dead one.
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 30),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
    )
    if (number := getattr(socket, name, None)) is not None
]

FITS = 32 * 1024
"""Bytes that a server's kernel takes while the server itself does something else."""

UNANSWERED_MS = 20_000
"""Sent and not acknowledged for so long: dead (a suspended laptop wakes up with such connections)."""

LOOK_S = 5.0
"""How often that is looked at where the kernel may not decide it."""

_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)
_INFO = struct.Struct("=2x2B52xI")
"""Of tcp(7)'s TCP_INFO: what was sent again and the probes of a closed window, both since something was last
acknowledged; how many milliseconds ago that was."""


class Wire:
    """Everything raises ``OSError`` (``ssl.SSLError`` is one) when the connection is broken. Cancelling
    ``send`` or ``receive`` leaves it in a state in which it can only be closed."""

    __slots__ = ("_greedy", "_inlet", "_patient", "_read", "_sock", "_tls")

    def __init__(self, sock: socket.socket, tls: TLS | None = None) -> None:
        """``tls``: that of ``sock``, with the handshake done."""
        self._sock = sock
        self._tls = tls
        self._read = self._bytes if tls is None else tls.read
        self._inlet = Inlet(sock, self._read)
        self._greedy = False  # the last read did not wait, or is enough for a turn
        self._patient = False  # with a server that may not have read all yet

    def is_quiet(self) -> bool:
        """Whether an idle connection can be used: nothing unasked has come, and it has not ended. (What
        TLS sends for itself, tickets for instance, is nothing.)"""
        try:
            self._read()
        except NOTHING_YET:
            return True
        except OSError:
            return False
        return False

    async def send(self, data: bytes) -> None:
        if len(data) > FITS:
            self._be_patient(True)
        left = memoryview(data)
        send = self._sock.send if self._tls is None else self._tls.write
        while left:
            try:
                left = left[send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError, InterruptedError):
                await self._watching(partial(anyio.wait_writable, self._sock))
        if self._tls is not None:
            await self._tls.flush()

    def take(self) -> bytes | None:
        """What is there, ``b""`` at the end of the connection, None where one has to wait. Not twice in a
        row, so that a fast provider does not keep the others from their turn."""
        if self._greedy:
            return None
        try:
            data = self._read()
        except (*NOTHING_YET, ssl.SSLWantWriteError):
            return None
        self._greedy = True
        return data

    async def receive(self) -> bytes:
        """The next bytes, ``b""`` at the end of the connection. Others have had their turn before."""
        tls = self._tls
        while tls is None or not tls.ended:
            try:
                if tls is not None and tls.ready:
                    data = self._read()
                elif self._patient:
                    data = await self._watching(self._inlet.next)
                    self._be_patient(False)
                else:
                    data = await self._inlet.next()
            except NOTHING_YET:  # of what was ready: it was nothing for us
                pass
            except ssl.SSLWantWriteError:
                await anyio.wait_writable(self._sock)
            else:
                self._greedy = not ALONE <= len(data) < READ  # as much as a turn may hold is enough, too
                return data
        return b""

    def _be_patient(self, patient: bool) -> None:
        """The kernel counts the time in which a server reads nothing as it counts that in which no word of it
        comes, though it acknowledges each probe: one that does one thing at a time reads a long question
        when it has done what it was asked before. Who is patient counts for itself."""
        if _USER_TIMEOUT is not None and patient != self._patient:
            self._patient = patient
            with contextlib.suppress(OSError):  # broken: the next word to it says so
                _expect(self._sock, 0 if patient else UNANSWERED_MS)

    async def _watching(self, wait: Callable[[], Awaitable[T]]) -> T:
        """What ``wait`` gives. Raises ``TimeoutError`` when nothing is acknowledged any more."""
        if not self._patient:
            return await wait()
        while True:
            with anyio.move_on_after(LOOK_S):
                return await wait()
            if _is_unanswered(self._sock):
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    def _bytes(self) -> bytes:
        return self._sock.recv(READ)

    def close(self) -> None:
        """A task that waits here gets ``ClosedResourceError``."""
        if self._sock.fileno() >= 0:
            self._inlet.close()
            anyio.notify_closing(self._sock)
            self._sock.close()
        self._read = closed


async def dial(address: Address, context: ssl.SSLContext | None) -> Wire:
    """A new connection. Raises ``OSError``."""

    async def attempt(host: str) -> socket.socket:
        return await _connect(host, address.port)

    sock = await connect(address.host, attempt, _close)
    if context is None:
        return Wire(sock)
    try:
        tls = TLS(sock, context, address.host)
        await tls.shake_hands()
    except BaseException:
        sock.close()
        raise
    return Wire(sock, tls)


def _expect(sock: socket.socket, answer_ms: int) -> None:
    """Nothing of what was sent acknowledged for so long: dead. 0: the kernel does not decide it."""
    if _USER_TIMEOUT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, answer_ms)


def _is_unanswered(sock: socket.socket) -> bool:
    """One probe may be lost, and one that comes soon after another is not answered."""
    again, probes, silent_ms = _INFO.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size))
    return max(again, probes) > 1 and bool(silent_ms >= UNANSWERED_MS)


AT_ONCE = struct.pack("ii", 1, 0)


async def _connect(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        for option in SOCKET_OPTIONS:
            sock.setsockopt(*option)
        _expect(sock, UNANSWERED_MS)
        failed = sock.connect_ex((host, port))
        if failed in _IN_PROGRESS:
            await anyio.wait_writable(sock)
            failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise OSError(failed, os.strerror(failed))
        if sock.getsockname() == sock.getpeername():
            # Linux may choose the very port at which nobody listens: we have reached ourselves. Gone at
            # once, or the server could not have its port back for a minute.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    except BaseException:
        sock.close()
        raise
    return sock


async def _close(sock: socket.socket) -> None:
    sock.close()
