"""TLS on a socket that does not wait, a little at a time.

OpenSSL on the socket itself goes on for as long as there is anything but bytes for us: session tickets, say,
of which a server may send any number, and one call would then never end, with the whole event loop in it. So
OpenSSL gets what one read of the socket brings. That is fewer words to the kernel as well: by itself it reads
each record in two.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio

PIECE = 32 * 1024
"""Bytes from the socket at a time: two of the largest records. As tickets, the smallest there are, they take
10 ms."""

RECORD = 16 * 1024
"""Bytes for OpenSSL at a time: one record, so that a large prompt is not in memory twice."""


class TLS:
    """On ``sock``, which its owner closes. All of it raises ``OSError`` (``ssl.SSLError`` is one), and
    ``ssl.SSLWantWriteError`` where the socket takes no more for now."""

    __slots__ = ("_coming", "_failure", "_going", "_sock", "_tls", "_unsent", "ended", "ready")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._sock = sock
        self._coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._coming, self._going, server_hostname=host)
        self._unsent = memoryview(b"")
        self._failure: ssl.SSLError | None = None  # came in the same read as bytes
        self.ready = False
        """The next ``read`` need not wait for the socket."""
        self.ended = False
        """Nothing more will come, although the socket may stay open."""

    async def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self.flush(self._room)
                await anyio.wait_readable(self._sock)
                with suppress(BlockingIOError, InterruptedError):
                    self._fill()
            except ssl.SSLError:
                with suppress(OSError):
                    self._push()  # why, for the other side
                raise
        await self.flush(self._room)
        self.ready = bool(self._coming.pending)

    def read(self) -> bytes:
        """What one read of the socket brings, ``b""`` at the end. Raises one of ``inlet.NOTHING_YET`` if that
        is nothing: also where TLS had something to say for itself."""
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # it holds this frame now, which would hold it
        if self.ended:
            return b""
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why before it hung up
            self._push()
        if not self.ready:
            self._fill()
        self.ready = False
        records: list[bytes] = []
        try:
            while record := self._tls.read(PIECE):
                records.append(record)
            self.ended = True
        except ssl.SSLWantReadError:
            if not records:
                raise
        except ssl.SSLEOFError:  # without a word of TLS; whether that is the end of an answer, HTTP says
            self.ended = True
            self._hang_up()
        except ssl.SSLError as error:
            self._hang_up()
            if not records:
                raise
            self._failure = error.with_traceback(None)
            self.ready = True
        finally:
            with suppress(OSError):  # that of the next read says it
                self._push()
        return b"".join(records)

    def write(self, data: memoryview) -> int:
        """How much of ``data`` is taken. ``flush`` comes after the last of it."""
        self._push()
        taken = self._tls.write(data[:RECORD])
        with suppress(ssl.SSLWantWriteError):
            self._push()
        return taken

    async def flush(self, room: Callable[[], Awaitable[None]]) -> None:
        """``room``: waits until the socket takes more."""
        while True:
            try:
                self._push()
                return
            except ssl.SSLWantWriteError:
                await room()

    async def _room(self) -> None:
        await anyio.wait_writable(self._sock)

    def _fill(self) -> None:
        if data := self._sock.recv(PIECE):
            self._coming.write(data)
        else:
            self._coming.write_eof()

    def _hang_up(self) -> None:
        """Without OpenSSL's alert, which would count as not acknowledged: what has been sent before was."""
        self._going.read()

    def _push(self) -> None:
        while self._unsent or self._going.pending:
            if not self._unsent:
                self._unsent = memoryview(self._going.read())
            try:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            except (BlockingIOError, InterruptedError):
                raise ssl.SSLWantWriteError from None
