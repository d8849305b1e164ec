"""One TCP connection to a provider, with or without TLS: made, written to, read from.

Sockets and not AnyIO's streams: those take six times as long for a read (measured on asyncio; ``inlet``),
and a plain one says at once whether it holds something or has ended.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl

import anyio

from lokid.protocols.address import Address
from lokid.runtime.network.inlet import NOTHING_YET, Inlet, closed
from lokid.runtime.network.patience import AT_ONCE, Patience, acknowledged
from lokid.runtime.network.resolver import connect
from lokid.runtime.network.tls import TLS

READ = 32 * 1024
"""Bytes per read: some 150 events of a stream, decoded in a millisecond, so that others get their turn. Of
the smallest pieces that there are, comments of two bytes or chunks of one, it is ten times as long."""

_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)

_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)

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


class Wire:
    """Everything raises ``OSError`` (``ssl.SSLError`` is one) when the connection is broken. Cancelling
    ``send`` or ``receive`` leaves it in a state in which it can only be closed."""

    __slots__ = ("_greedy", "_inlet", "_patience", "_read", "_sock", "_tls", "_way")

    def __init__(self, sock: socket.socket, tls: TLS | None = None) -> None:
        """``tls``: that of ``sock``, with the handshake done."""
        self._sock = sock
        self._tls = tls
        self._read = self._bytes if tls is None else tls.read
        self._inlet = Inlet(sock, self._read)
        self._greedy = False  # the last read did not wait, or is enough for a turn
        self._patience = Patience(sock)
        self._way = _way(sock)

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

    def has_moved(self) -> bool:
        """Whether the way to the other side begins at another address than when it was connected, or nowhere:
        its network is not there any more, and to send into it is to wait for nobody."""
        return None not in (self._way, way := _way(self._sock)) and way != self._way

    async def send(self, data: bytes) -> None:
        self._patience.sending()
        left = memoryview(data)
        send = self._sock.send if self._tls is None else self._tls.write
        while left:
            try:
                left = left[send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError, InterruptedError):
                await self._patience.room()
        if self._tls is not None:
            await self._tls.flush(self._patience.room)

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
                elif self._patience.taken:
                    data = await self._inlet.next()
                else:
                    data = await self._patience.hearing(self._inlet.next)
                    self._patience.answered()
            except NOTHING_YET:  # of what was ready: it was nothing for us
                pass
            except ssl.SSLWantWriteError:
                await self._patience.room()
            else:
                self._greedy = not ALONE <= len(data) < READ  # as much as a turn may hold is enough, too
                return data
        return b""

    def acknowledged(self) -> bool:
        """Whether the other side has all that was sent, also if the connection is broken."""
        return acknowledged(self._sock)

    def _bytes(self) -> bytes:
        return self._sock.recv(READ)

    def close(self) -> None:
        """A task that waits here gets ``ClosedResourceError``."""
        if self._sock.fileno() >= 0:
            self._inlet.close()
            anyio.notify_closing(self._sock)
            self._sock.close()
        self._read = closed


def _way(sock: socket.socket) -> str | None:
    """The address at which the way to the other side begins now, "" if there is none; None if not known."""
    try:
        with socket.socket(sock.family, socket.SOCK_DGRAM) as probe:
            probe.connect(sock.getpeername())  # sends nothing
            return str(probe.getsockname()[0])
    except OSError as error:
        return "" if error.errno in _NO_WAY else None


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


async def _connect(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        for option in SOCKET_OPTIONS:
            sock.setsockopt(*option)
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
