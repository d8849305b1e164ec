"""httpx2 as a transport, and its only importer: for requests through a proxy.

The library's transport is used without its client: nothing keeps cookies, follows redirects, reads the
environment or logs URLs.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import anyio
import httpx2 as httpx

from lokid.protocols.address import Address
from lokid.protocols.http import HTTPRequest
from lokid.protocols.http1 import Unsendable
from lokid.runtime.network.reach import causes
from lokid.runtime.network.resolver import Resolving
from lokid.runtime.network.response import BrokenOff
from lokid.runtime.network.sips import Begun, Endless, Sipping, Sips, Unanswered
from lokid.runtime.network.socks import PORT, Refused, Socks
from lokid.runtime.network.transport import (
    KEEPALIVE_S,
    MAX_IDLE,
    Answered,
    HungUp,
    NoConnection,
    NotHTTP,
    NoTunnel,
    Progress,
)

CLOSE_S = 2.0
"""Closing a socket does not wait for the peer; this only bounds what should not happen."""


class LibraryTransport:
    """``proxy``: its URL, with user name and password if it wants them. Raises ``ValueError`` if it is
    none."""

    def __init__(self, context: ssl.SSLContext, proxy: str | None, max_connections: int) -> None:
        limits = httpx.Limits(
            max_connections=max_connections,
            max_keepalive_connections=MAX_IDLE,
            keepalive_expiry=KEEPALIVE_S,
        )
        try:
            through = httpx.Proxy(proxy) if proxy else None
        except httpx.InvalidURL:
            raise ValueError("not a URL") from None  # the library's message quotes it
        socks = None
        if through is not None and through.url.scheme in ("socks5", "socks5h"):
            socks, through = through, None
        elif through is not None and through.url.scheme == "https":
            through.ssl_context = context
        self._socks = socks is not None
        self._transport = httpx.AsyncHTTPTransport(
            verify=context, trust_env=False, limits=limits, proxy=through
        )
        # The library's own pool is public, but its transport keeps it to itself.
        self._pool: Any = self._transport._pool  # noqa: SLF001
        backend: Any = Resolving(self._pool._network_backend)  # noqa: SLF001
        if socks is not None:
            backend = Socks(backend, socks.url.host, socks.url.port or PORT, socks.raw_auth)
        backend = Sipping(backend)
        self._pool._network_backend = backend  # noqa: SLF001

    def counts(self) -> tuple[int, int]:
        connections = self._pool.connections
        return len(connections), sum(connection.is_idle() for connection in connections)

    def is_warm(self) -> bool:
        return any(not connection.has_expired() for connection in self._pool.connections)

    async def aclose(self) -> None:
        with anyio.move_on_after(CLOSE_S, shield=True):
            await self._transport.aclose()

    async def send(self, request: HTTPRequest, address: Address, progress: Progress) -> Answered:
        del address  # the library reads the URL itself
        try:  # the library takes texts for ASCII; the other transport sends Latin-1
            sent = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in request.headers.items()]
        except UnicodeEncodeError:
            raise Unsendable("a header holds a character that HTTP does not allow") from None
        sending = httpx.Request(
            request.method,
            request.url,
            headers=sent,
            content=request.content(),
            extensions={"trace": _Trace(progress, self._socks), "timeout": {}},
        )
        try:
            response = await self._handle(sending)
        except httpx.LocalProtocolError:
            # From None: the library's message quotes the header.
            raise Unsendable("a header holds a character that HTTP does not allow") from None
        except (OSError, Refused, Begun, Unanswered, Endless, httpx.HTTPError) as error:
            raise _failure(error, progress) from error
        if isinstance(connection := response.extensions["network_stream"], Sips):  # else it was 101
            connection.answered()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answered(response.status_code, headers, _Body(response))

    async def _handle(self, sending: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(sending)
        except BaseException:
            with anyio.move_on_after(CLOSE_S, shield=True):
                await self._sweep()
            raise

    async def _sweep(self) -> None:
        """The library keeps a tunnel in which TLS failed or took too long as one that is in use, for ever:
        after ``max_connections`` of them everybody would wait for a place."""
        used = {request.connection for request in self._pool._requests}  # noqa: SLF001
        for connection in self._pool.connections:
            if connection not in used and not connection.is_idle():
                await connection.aclose()
        # Who waits for a place gets the one of what is closed now.
        await self._pool._close_connections(self._pool._assign_requests_to_connections())  # noqa: SLF001

    async def dial(self, request: HTTPRequest, address: Address, progress: Progress) -> None:
        """What the provider answers to it does not matter."""
        answered = await self.send(request, address, progress)
        with suppress(BrokenOff):
            await answered.body.next()
        await answered.body.aclose()


class _Trace:
    """Translates what the library tells about a request on its way. ``socks``: what it takes for the
    connection to the provider is a tunnel."""

    def __init__(self, progress: Progress, socks: bool) -> None:
        self._progress = progress
        self._socks = socks

    async def __call__(self, event: str, about: Mapping[str, Any]) -> None:
        match event:
            case "connection.connect_tcp.started":
                self._progress.connecting()
            case "proxy.start_tls.started":
                self._progress.tunnelling()
            case "connection.start_tls.started" if self._socks:
                self._progress.tunnelling()
            case "http11.send_request_headers.started" if about["request"].method != b"CONNECT":
                self._progress.sending()
            case "http11.send_request_body.complete" if self._progress.sent:
                self._progress.left()


class _Body:
    """The library's stream of bytes, as ``Body`` of ``response``."""

    def __init__(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self._chunks = aiter(response.stream)
        self._ended = False

    def take(self) -> bytes | None:
        return b"" if self._ended else None

    async def next(self) -> bytes:
        if self._ended:
            return b""
        try:
            data = await anext(self._chunks, b"")
        except (httpx.HTTPError, ssl.SSLError) as error:
            self._ended = True
            raise BrokenOff from error
        self._ended = not data
        if self._ended:
            self._distrust()
        return data

    def _distrust(self) -> None:
        """What comes behind the end of an answer the library takes for the answer to the next question; so
        such a connection does not wait for one."""
        stream: Any = self._stream
        connection = stream._httpcore_stream._stream._connection  # noqa: SLF001
        if connection._h11_state.trailing_data[0]:  # noqa: SLF001
            connection._keepalive_expiry = -1.0  # noqa: SLF001

    async def aclose(self) -> None:
        with anyio.move_on_after(CLOSE_S, shield=True):
            await self._stream.aclose()
            # Closing the generator would leave the library's inner ones to the garbage collector, which
            # trio reports. Reading on instead ends them all: what is buffered, then a closed socket.
            while not self._ended:
                with suppress(BrokenOff):
                    await self.next()


def _failure(error: Exception, progress: Progress) -> Exception:
    match error:
        case httpx.ProxyError() | Refused():
            return NoTunnel(str(error))
        case ssl.SSLError() | TimeoutError() if progress.sent:  # which the library lets through
            return HungUp()
        case Unanswered():
            progress.taken = progress.whole
            return HungUp()
        case Begun():
            return BrokenOff() if progress.sent else HungUp()
        case httpx.HTTPError() if _hung_up(error):
            return HungUp()
        case Endless() | httpx.ProtocolError():
            return NotHTTP()
        case _:  # OSError: of the resolver
            return NoConnection()


def _hung_up(error: httpx.HTTPError) -> bool:
    """The connection ended without an answer, in contrast to: something came that is not HTTP.

    The library raises both as RemoteProtocolError; only the second has its parser's error behind it.
    """
    if isinstance(error, (httpx.ReadError, httpx.WriteError)):
        return True
    return isinstance(error, httpx.RemoteProtocolError) and len(tuple(causes(error))) <= 2
