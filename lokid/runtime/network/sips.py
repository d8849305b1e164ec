"""Connections of the HTTP library, read a little at a time.

What a read brings the library goes through in one turn of the event loop, however many chunks and 1xx answers
it is: of 64 KiB in pieces of one byte half a second. It takes 1xx answers without end, and does not tell a
connection that ended before an answer from one that ended in its head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

from lokid.runtime.network.patience import Patience
from lokid.runtime.network.wire import SOCKET_OPTIONS

SIP = 2 * 1024
"""Bytes: 350 chunks of one byte take 10 ms."""

GULP = 16 * 1024
"""Bytes where these have few pieces, whatever came before: a large answer is to take no longer for this."""

FITS = 32 * 1024
"""Bytes that are written without waiting."""

FEW = 64
"""Bytes for each end of a line, at least. A chunk of one byte has two in six."""

MAX_HEADS = 128 * 1024
"""Bytes before an answer's head has ended, interim ones included. The library allows 100 KiB for each."""


class Begun(Exception):
    """The connection ended in an answer's head."""


class Endless(Exception):
    """Heads came, and no answer."""


class Unanswered(Exception):
    """The connection ended, without a byte, and the other side had all that was sent."""


class Sips:
    """``AsyncNetworkStream`` around ``stream``. ``answered`` is called when an answer's head is there."""

    def __init__(self, stream: Any, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience
        self._left = MAX_HEADS
        self._answered = False
        self._rest = b""  # has left the socket, and is to be read

    async def read(self, max_bytes: int, *args: Any, **options: Any) -> bytes:
        await checkpoint()  # TLS gives what it holds without
        data = self._rest
        try:
            if data:
                await checkpoint()  # as often as who reads the socket
            else:
                work = partial(self._stream.read, GULP, *args, **options)
                # An answer may never begin, and the socket of a connection that died is gone at once.
                data = await (work() if self._patience.taken else self._patience.watching(work))
                self._patience.answered()
        except Exception as error:
            self._check(error)
            raise
        size = min(max_bytes, SIP if data.count(b"\n") * FEW >= len(data) else GULP)
        data, self._rest = data[:size], data[size:]
        if not data:
            self._check(None)
        if not self._answered:
            self._left -= len(data)
            if self._left < 0:
                raise Endless
        return data

    def _check(self, error: Exception | None) -> None:
        """It has ended: where?"""
        if self._answered:
            return
        if self._left < MAX_HEADS:
            raise Begun from error
        if self._patience.taken:
            raise Unanswered from error

    async def write(self, buffer: bytes, *args: Any, **options: Any) -> None:
        self._left = MAX_HEADS
        self._answered = False
        self._patience.sending()
        work = partial(self._stream.write, buffer, *args, **options)
        await (self._patience.watching(work, sends=True) if len(buffer) > FITS else work())

    def answered(self) -> None:
        self._answered = True

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **options: Any) -> Sips:
        # Of its stream beneath TLS; Trio's has a size of its own, which is as large.
        if isinstance(beneath := getattr(self._stream, "_stream", None), ByteStream):
            self._stream._stream = Gulps(beneath)  # noqa: SLF001
        try:
            return Sips(await self._stream.start_tls(*args, **options), self._patience)
        except BaseException:  # also one that is cancelled
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and (self._rest or _holds(self._stream)):
            return True
        return self._stream.get_extra_info(info)


class Gulps(ByteStream):
    """``stream``, read a little at a time. What comes may be nothing but tickets of TLS, and then no read of
    what is above it ever ends: 64 KiB of them take 25 ms."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return self._stream.extra_attributes

    async def receive(self, max_bytes: int = GULP) -> bytes:
        return await self._stream.receive(min(max_bytes, GULP))

    async def send(self, item: bytes) -> None:
        await self._stream.send(item)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


def _holds(stream: Any) -> bool:
    """Whether bytes have left the socket that nobody has read: what came behind an answer. ``is_readable``,
    by which the library knows that an idle connection is no longer good, looks at the socket alone. asyncio
    keeps what a read brought beyond the bytes that were asked for, and TLS the records that follow.
    """
    while stream is not None:
        tls = getattr(stream, "_ssl_object", None)
        records = getattr(stream, "_read_bio", None) or getattr(stream, "_incoming", None)  # anyio, trio
        if (tls and tls.pending()) or (records and records.pending):
            return True
        if (protocol := getattr(stream, "_protocol", None)) and protocol.read_queue:
            return True
        stream = getattr(stream, "transport_stream", None) or getattr(stream, "_stream", None)
    return False


class Sipping:
    """``AsyncNetworkBackend`` around ``backend``."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    async def connect_tcp(self, host: str, port: int, **options: Any) -> Sips:
        """With the options of ``wire``, which the library leaves out for HTTP proxies."""
        stream = await self._backend.connect_tcp(host, port, **options)
        sock = stream.get_extra_info("socket")
        for option in SOCKET_OPTIONS:
            sock.setsockopt(*option)
        return Sips(stream, Patience(sock))
