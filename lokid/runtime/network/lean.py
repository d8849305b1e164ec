"""Our own transport: HTTP/1.1 over sockets, one request at a time on a connection, idle ones kept.

``protocols/http1`` knows the protocol, ``wire`` the sockets; what is here is the pool. All of it runs in
one event loop and changes its lists without waiting in between, so there is no lock.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic

import anyio

from lokid.protocols.address import Address
from lokid.protocols.http import HTTPRequest
from lokid.protocols.http1 import (
    Malformed,
    ResponseParser,
    Truncated,
    request_end,
    request_head,
    request_start,
)
from lokid.runtime.network.response import BrokenOff
from lokid.runtime.network.transport import (
    KEEPALIVE_S,
    MAX_IDLE,
    Answered,
    HungUp,
    NoConnection,
    NotHTTP,
    Progress,
)
from lokid.runtime.network.wire import Wire, dial

SPARE_S = 10.0
"""How long more than ``MAX_IDLE`` connections are kept: a batch that asks 32 things at a time finds its 32
again, and does not make 24 of them anew for each question."""

STAYS_S = 0.5
"""A connection that was idle for so long is first asked whether its network is still there: another Wi-Fi, a
VPN that came or went. A question that comes sooner does not pay for that."""

JOIN = 64 * 1024
"""Bytes of a body that are copied behind its head, to leave in one packet with it."""

Origin = tuple[bool, str, int]


class _Connection:
    __slots__ = ("idle_since", "origin", "wire")

    def __init__(self, origin: Origin, wire: Wire) -> None:
        self.origin = origin
        self.wire = wire
        self.idle_since = 0.0

    def is_good(self, now: float) -> bool:
        """Whether it can be used, which is idle."""
        return self.wire.is_quiet() and (now - self.idle_since < STAYS_S or not self.wire.has_moved())


class LeanTransport:
    """``context`` is asked for the TLS context when a connection needs one, and may raise."""

    def __init__(self, context: Callable[[], Awaitable[ssl.SSLContext]], max_connections: int) -> None:
        self._context = context
        self._max = max_connections
        self._free = anyio.Semaphore(max_connections, fast_acquire=True)
        self._busy: set[_Connection] = set()
        self._idle: deque[_Connection] = deque()  # the one used last at the right
        self._closed = False
        self._start: tuple[str, Address, Mapping[str, str], bytes] | None = None
        """How the last request began, and of what that was made: the next one is mostly alike."""

    def counts(self) -> tuple[int, int]:
        return len(self._busy) + len(self._idle), len(self._idle)

    def is_warm(self) -> bool:
        self._forget_old(now := monotonic())
        for connection in self._idle.copy():
            if not connection.is_good(now):
                self._idle.remove(connection)
                connection.wire.close()
        return bool(self._busy or self._idle)

    async def aclose(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().wire.close()
        for connection in self._busy:
            connection.wire.close()

    async def send(self, request: HTTPRequest, address: Address, progress: Progress) -> Answered:
        content = request.content()
        head = self._head(request, address, len(content))
        connection = await self._take(address, progress)
        parser = ResponseParser(request.method)
        try:
            progress.sending()
            if whole := await _send(connection.wire, head, content):
                progress.left()
            body = await _receive_head(connection.wire, parser)
        except BaseException as error:
            progress.taken = isinstance(error, HungUp) and progress.whole and connection.wire.acknowledged()
            self._release(connection, reusable=False)
            raise
        assert parser.head is not None
        return Answered(
            parser.head.status,
            parser.head.headers,
            _Body(self, connection, parser, body, whole),
        )

    async def dial(self, request: HTTPRequest, address: Address, progress: Progress) -> None:
        del request  # nothing is sent
        self._release(await self._take(address, progress), reusable=True)

    def _head(self, request: HTTPRequest, address: Address, length: int) -> bytes:
        """Raises ``Unsendable``."""
        headers, method = request.headers, request.method
        if "content-length" in headers:  # somebody's patch
            return request_head(method, address.target, address.authority, headers, length)
        if self._start is None or self._start[:3] != (method, address, headers):
            start = request_start(method, address.target, address.authority, headers)
            self._start = method, address, dict(headers), start
        return self._start[3] + request_end(method, length)

    # --- the pool

    async def _take(self, address: Address, progress: Progress) -> _Connection:
        """A connection that is busy from now on; made if none is idle. Raises ``NoConnection``."""
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            await self._free.acquire()
        try:
            origin = (address.tls, address.host, address.port)
            connection = self._reuse(origin)
            if connection is None:
                connection = await self._dial(origin, address, progress)
        except BaseException:
            self._free.release()
            raise
        self._busy.add(connection)
        return connection

    def _reuse(self, origin: Origin) -> _Connection | None:
        """The idle one that was used last: the others may then grow old and go."""
        if not self._idle:
            return None
        self._forget_old(now := monotonic())
        for connection in reversed(self._idle.copy()):
            if connection.origin == origin:
                self._idle.remove(connection)
                if connection.is_good(now):
                    return connection
                connection.wire.close()
        return None

    def _forget_old(self, now: float) -> None:
        idle = self._idle
        while idle and now - idle[0].idle_since >= (KEEPALIVE_S if len(idle) <= MAX_IDLE else SPARE_S):
            idle.popleft().wire.close()

    async def _dial(self, origin: Origin, address: Address, progress: Progress) -> _Connection:
        context = await self._context() if address.tls else None
        # Idle connections to other hosts count, too, and there is one if this is the last that may be.
        if len(self._busy) + len(self._idle) >= self._max and self._idle:
            self._idle.popleft().wire.close()
        progress.connecting()
        try:
            return _Connection(origin, await dial(address, context))
        except OSError as error:
            raise NoConnection from error

    def _release(self, connection: _Connection, *, reusable: bool) -> None:
        self._busy.remove(connection)
        if reusable and not self._closed:
            connection.idle_since = now = monotonic()
            self._idle.append(connection)
            self._forget_old(now)
        else:
            connection.wire.close()
        self._free.release()


class _Body:
    """``Body`` of ``response``. ``first``: what came with the head. ``whole``: the request was sent to its
    end."""

    __slots__ = ("_connection", "_first", "_owner", "_parser", "_whole")

    def __init__(
        self,
        owner: LeanTransport,
        connection: _Connection,
        parser: ResponseParser,
        first: bytes,
        whole: bool,
    ) -> None:
        self._owner = owner
        self._connection: _Connection | None = connection
        self._parser = parser
        self._first = first
        self._whole = whole

    def take(self) -> bytes | None:
        if self._first:
            first, self._first = self._first, b""
            return first
        if self._is_over():
            return b""
        assert self._connection is not None
        try:
            data = self._connection.wire.take()
        except OSError as error:
            raise BrokenOff from error
        return None if data is None else self._feed(data)

    async def next(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        body: bytes | None = None
        while body is None:
            if self._is_over():
                return b""
            assert self._connection is not None
            try:
                body = self._feed(await self._connection.wire.receive())
            except (OSError, anyio.ClosedResourceError) as error:
                raise BrokenOff from error
        return body

    def _is_over(self) -> bool:
        if self._parser.fault is not None:
            raise BrokenOff from self._parser.fault
        return self._parser.ended or self._connection is None

    def _feed(self, data: bytes) -> bytes | None:
        """None if there is nothing to hand on yet (a piece of a chunk's line), ``b""`` at the end."""
        try:
            if not data:
                self._parser.eof()
                return b""
            return self._parser.feed(data) or (b"" if self._parser.ended else None)
        except (Malformed, Truncated) as error:
            raise BrokenOff from error

    async def aclose(self) -> None:
        self._close(reusable=self._whole and self._parser.ended and self._parser.reusable)

    def _close(self, *, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._owner._release(connection, reusable=reusable)  # noqa: SLF001 - one file, one matter


async def _send(wire: Wire, head: bytes, content: bytes) -> bool:
    """Whether all of it left. A server that has read enough may answer and close, and then its answer says
    more than our failure."""
    try:
        if len(content) <= JOIN:
            await wire.send(head + content)
        else:
            await wire.send(head)
            await wire.send(content)
    except ssl.SSLWantReadError as error:
        # While it was idle the server wanted another handshake, of which the rest is to come. Nothing of the
        # question has left.
        raise HungUp from error
    except (TimeoutError, anyio.ClosedResourceError) as error:  # nobody is there any more
        raise HungUp from error
    except OSError:
        return False
    return True


async def _receive_head(wire: Wire, parser: ResponseParser) -> bytes:
    """What came of the body with it. Raises ``BrokenOff`` after the first byte: the request was read, and
    may have been carried out."""
    failure: type[Exception] = HungUp
    try:
        while data := await wire.receive():
            failure = BrokenOff
            body = parser.feed(data)
            if parser.head is not None:
                return body
        raise failure
    except (OSError, anyio.ClosedResourceError) as error:
        raise failure from error
    except Malformed as error:
        raise NotHTTP from error
