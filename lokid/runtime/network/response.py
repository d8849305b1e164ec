"""One answer of a provider while it is read: time, size and compression are bounded here."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from anyio.lowlevel import checkpoint

from lokid.errors import IncompleteResponse, ProviderFailed, TimedOut
from lokid.runtime.network.reach import Timeouts
from lokid.runtime.network.sips import FEW, SIP

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer after decompression: the size of the largest frame that RPC carries."""
MAX_UNPACKED = 8 * 1024
"""Bytes that one read unpacks; a kilobyte of gzip may hold a megabyte. As the smallest events there are these
take some 10 ms to read, and it is the turn of others behind each."""


ZLIB = ("gzip", "x-gzip", "deflate")
"""Content codings that can be unpacked."""

OTHERS = ("br", "zstd", "compress", "x-compress", "dcb", "dcz")
"""And those that cannot. Any other word is a mistake (``utf-8``, ``none``), and the body plain."""


class BrokenOff(Exception):
    """The connection ended, or what came made no sense, before the end of a body."""


class Body(Protocol):
    """The bytes as they come, ``b""`` at the end; both ways to get them raise ``BrokenOff``, and after that
    only ``aclose`` is called, which may be at any time. ``take`` does not wait: it gives what is there
    already, or None. Cancelling ``next`` closes the connection."""

    def take(self) -> bytes | None: ...

    async def next(self) -> bytes: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Head:
    """``headers``: lower-case names; the last of equal names wins. ``host`` and ``client``: whose answer
    this is, for messages."""

    status: int
    headers: Mapping[str, str]
    host: str
    client: str


class Limits(Protocol):
    """The deadline of what is around the reads, see ``transport.Progress``."""

    timeouts: Timeouts

    def listening(self) -> None: ...

    def ending(self) -> None: ...

    def unlimited(self) -> None: ...


class Response:
    """An answer with any status but 3xx. ``limits``: the first byte of the body has its deadline already."""

    __slots__ = (
        "_bite",
        "_body",
        "_client",
        "_coding",
        "_limits",
        "_packed",
        "_patient",
        "_seen",
        "_unpack",
        "headers",
        "host",
        "status",
    )

    def __init__(self, head: Head, body: Body, limits: Limits) -> None:
        self.status = head.status
        self.headers = head.headers
        self.host = head.host
        self._client = head.client
        self._body = body
        self._limits = limits
        self._patient = False
        self._seen = 0
        self._packed = 0  # bytes before decompression
        self._bite = MAX_UNPACKED
        # Nobody asked for compression; some gateways do it nevertheless. | 32: gzip and zlib headers.
        coding = head.headers.get("content-encoding", "").strip().lower()
        self._coding = coding if coding in OTHERS else ""
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if coding in ZLIB else None

    async def read(self) -> bytes:
        """The next bytes as they come, what is there at once in one piece; ``b""`` at the end, and from then
        on.

        Raises ``IncompleteResponse`` when the body breaks off, ``ProviderFailed`` when it is larger than
        64 MiB or badly compressed; one that takes too long ends the block around the answer. Cancelling
        closes the connection.
        """
        if self._coding:
            raise self._failed(f"is compressed as {self._coding}, for which nobody asked")
        try:
            # In a burst most reads find something and need no clock.
            data = self._body.take() if self._unpack is None else None
            if data is None:
                if self._seen and not self._patient:
                    self._limits.listening()
                data = await (self._body.next() if self._unpack is None else self._unpacked(self._unpack))
        except zlib.error as error:
            raise self._failed("is badly compressed") from error
        except BrokenOff as error:
            raise IncompleteResponse(
                f"{self.host} broke the connection off in the middle of its answer",
                client=self._client,
                status=self.status,
            ) from (error.__cause__ or error)
        self._seen += len(data)
        if self._seen > MAX_ANSWER:
            raise self._failed(f"is larger than {MAX_ANSWER // 2**20} MiB")
        return data

    @property
    def size(self) -> int:
        """Bytes of the body so far."""
        return self._seen

    def pause(self) -> None:
        """What the caller does until the next read takes as long as it takes."""
        self._limits.unlimited()

    def expect_end(self) -> None:
        """Nothing more is needed. Whoever neither ends the body nor hangs up is not waited for; who does is
        asked again over the same connection."""
        self._patient = True
        self._limits.ending()

    def patiently(self) -> None:
        """The caller bounds the rest himself."""
        self._patient = True
        self._limits.unlimited()

    def timed_out(self) -> TimedOut:
        """What a read that took too long means."""
        timeouts = self._limits.timeouts
        say = timeouts.no_more if self._seen else timeouts.no_answer
        return say(self.host, self._client)

    async def aclose(self) -> None:
        """Ends the answer: its connection goes back to the pool if the body was read to its end, and is
        closed otherwise."""
        await self._body.aclose()

    async def _unpacked(self, unpack: zlib._Decompress) -> bytes:
        while True:
            if packed := unpack.unconsumed_tail:
                await checkpoint()  # a kilobyte may hold a megabyte, and the others want their turn
            elif packed := await self._body.next():
                self._count_packed(packed, ended=unpack.eof)
            else:
                return unpack.flush()
            if data := unpack.decompress(packed, self._bite):
                # All that is unpacked has its turn at once, and a hundred such answers have it together.
                self._bite = SIP if data.count(b"\n") * FEW >= len(data) else MAX_UNPACKED
                return data

    def _count_packed(self, packed: bytes, *, ended: bool) -> None:
        """zlib keeps what follows the end of its data, copying all of it each time, and unpacks empty blocks
        to nothing for ever."""
        self._packed += len(packed)
        if ended:
            raise self._failed("goes on after the end of its compressed data")
        if self._packed > MAX_ANSWER:
            raise self._failed(f"is larger than {MAX_ANSWER // 2**20} MiB")

    def _failed(self, fault: str) -> ProviderFailed:
        return ProviderFailed(f"the answer of {self.host} {fault}", client=self._client, status=self.status)
