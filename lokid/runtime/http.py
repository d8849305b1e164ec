"""The one door to the network, and the only importer of the HTTP library (httpx2).

The library's transport is used without its client: nothing keeps cookies, follows redirects, reads the
environment or logs URLs. What comes back are our errors, with the library's as ``__cause__``.

Strategy for time: one cancel scope around everything up to the response's head; its deadline moves
when the library reports the next phase. A cancelled read closes the connection, which is what a
timeout wants; the pool stays usable. Names are looked up in worker threads: on asyncio the daemon gives
the loop 64 of them, so that a few hung look-ups do not hold up healthy hosts.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx2 as httpx

from lokid import __version__
from lokid.errors import (
    ConfigInvalid,
    IncompleteResponse,
    LokidError,
    ProviderFailed,
    ProviderUnavailable,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers.settings import Extra
from lokid.runtime.guard import check_head, check_request
from lokid.runtime.reach import Timeouts, causes, reason, unreachable
from lokid.runtime.response import Head, Response

__all__ = ["HTTPClient", "Response", "Timeouts", "tls_context"]

KEEPALIVE_S = 300.0
"""How long an idle connection is kept. A question every few minutes should find one; that the provider
hung up meanwhile (most do after 1 to 6 minutes) is seen before a connection is used again."""
MAX_IDLE = 8
"""Idle connections kept: more than a person's scripts have in flight at a time."""
MAX_CONTEXTS = 16
"""One per ``ca_file`` and version of it."""
OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
CLOSE_S = 2.0
"""Closing a socket does not wait for the peer; this only bounds what should not happen."""

# Compressed answers are not asked for: they would delay the events of a stream.
_HEADERS = {"user-agent": f"lokid/{__version__}", "accept": "*/*", "accept-encoding": "identity"}

_SOCKET_OPTIONS = [
    (level, number, value)
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        # A probe after 30 s, 3 more every 5 s: keeps the way through a NAT open and notices a dead one.
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 30),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        # Sent and not acknowledged for 20 s: dead (a suspended laptop wakes up with such connections).
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 20_000),
    )
    if (number := getattr(socket, name, None)) is not None
]


_contexts: dict[tuple[str | None, float], ssl.SSLContext] = {}


class _Body:
    """The library's stream of bytes, as ``Body`` of ``response``."""

    def __init__(self, response: httpx.Response, head: Head) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        self._stream = response.stream
        self._chunks = aiter(response.stream)
        self._head = head
        self._ended = False

    async def next(self) -> bytes:
        if self._ended:
            return b""
        try:
            data = await anext(self._chunks, b"")
        except httpx.HTTPError as error:
            self._ended = True
            raise IncompleteResponse(
                f"{self._head.host} broke the connection off in the middle of its answer",
                client=self._head.client,
                status=self._head.status,
            ) from error
        self._ended = not data
        return data

    async def aclose(self) -> None:
        with anyio.move_on_after(CLOSE_S, shield=True):
            await self._stream.aclose()
            # Closing the generator would leave the library's inner ones to the garbage collector, which
            # trio reports. Reading on instead ends them all: what is buffered, then a closed socket.
            while not self._ended:
                with suppress(IncompleteResponse):
                    await self.next()


class _Pool:
    """Connections with one history; ``users`` counts the answers that still hold one of them."""

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.transport = transport
        self.users = 0

    def connections(self) -> list[Any]:
        # The library's own pool is public, but its transport keeps it to itself.
        return list(self.transport._pool.connections)  # noqa: SLF001


class _Progress:
    """What the library says about one request, and the deadline that follows from it."""

    def __init__(self, timeouts: Timeouts, scope: anyio.CancelScope) -> None:
        self._timeouts = timeouts
        self._scope = scope
        self.connected = False
        """A connection was made for this request; else it went out on one from the pool."""
        self.tunnel = False
        self.sent = False
        self.first_by = float("inf")

    async def __call__(self, event: str, about: Mapping[str, Any]) -> None:
        match event:
            case "connection.connect_tcp.started":
                self.connected = True
                self._scope.deadline = anyio.current_time() + self._timeouts.connect
            case "proxy.start_tls.started":
                self.tunnel = True
            case "http11.send_request_headers.started" if about["request"].method != b"CONNECT":
                self.sent = True
                self.first_by = anyio.current_time() + self._timeouts.first_byte
                self._scope.deadline = self.first_by


class HTTPClient:
    """The connections of one configured client. ``client`` is its name, for messages. ``metadata``: for the
    metadata servers of clouds, see ``check_request``."""

    def __init__(self, extra: Extra, *, client: str = "", metadata: bool = False) -> None:
        self._extra = extra
        self._client = client
        self._metadata = metadata
        self._proxy = extra.proxy.get_secret_value() if extra.proxy else None
        self._proxy_host = urlsplit(self._proxy).hostname if self._proxy else None
        self._pool: _Pool | None = None

    def pool(self) -> dict[str, int]:
        """``{open, idle, max}``: connections to the provider now, how many of them wait for a question, and
        how many there may be."""
        connections = self._pool.connections() if self._pool is not None else []
        idle = sum(connection.is_idle() for connection in connections)
        return {"open": len(connections), "idle": idle, "max": self._extra.max_connections}

    async def aclose(self) -> None:
        """Closes every connection, also those of answers in flight."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await _close(pool)

    async def dial(self, base_url: str) -> None:
        """Makes one connection ahead, so that the next question finds it warm: TCP, TLS and the proxy's
        tunnel cost several round trips. A HEAD request without credentials is what makes the library
        keep one; what the provider answers to it does not matter. Raises nothing but ``ConfigInvalid``."""
        timeouts = Timeouts(
            self._extra.connect_timeout, self._extra.connect_timeout, self._extra.connect_timeout
        )
        try:
            async with self.send(HTTPRequest("HEAD", base_url), timeouts) as response:
                await response.read()
        except ConfigInvalid:
            raise
        except LokidError:
            return

    @asynccontextmanager
    async def send(self, request: HTTPRequest, timeouts: Timeouts) -> AsyncGenerator[Response]:
        """Sends the request; the block has the answer, and leaving it closes or releases the connection.

        Raises ``ProviderUnavailable``, ``TimedOut``, ``ProviderFailed`` (a redirect, not HTTP) and
        ``ConfigInvalid`` (what the configuration makes impossible).
        """
        request = request.adding(_HEADERS)
        check_request(request, self._proxy_host, self._client, metadata=self._metadata)
        try:
            url = httpx.URL(request.url)
        except httpx.InvalidURL:
            raise ConfigInvalid(
                f"client {self._client!r} has an address that is not a URL", client=self._client
            ) from None  # the library's message quotes it
        for last in (False, True):
            async with self._lease() as pool:
                try:
                    response = await self._open(pool, url, request, timeouts)
                except _StaleConnection as stale:
                    if last:
                        raise stale.failure from stale
                    # The provider hung up on a connection that was idle, before a byte of an answer. Its
                    # neighbours in the pool are as old, so the second try, the last, gets a new pool.
                    if self._pool is pool:
                        self._pool = None
                    continue
                try:
                    check_head(response.status, response.headers, response.host, self._client)
                    yield response
                finally:
                    await response.aclose()
                return

    @asynccontextmanager
    async def _lease(self) -> AsyncGenerator[_Pool]:
        """The present pool. One that was replaced meanwhile is closed by its last user."""
        if self._pool is None:
            context = await self._context()
            if self._pool is None:  # another request may have been quicker
                self._pool = _Pool(self._transport(context))
        pool = self._pool
        pool.users += 1
        try:
            yield pool
        finally:
            pool.users -= 1
            if pool is not self._pool and not pool.users:
                await _close(pool)

    async def _open(self, pool: _Pool, url: httpx.URL, request: HTTPRequest, timeouts: Timeouts) -> Response:
        with anyio.CancelScope() as scope:
            progress = _Progress(timeouts, scope)
            sending = httpx.Request(
                request.method,
                url,
                headers=request.headers,
                content=request.content(),
                extensions={"trace": progress, "timeout": {}},
            )
            try:
                response = await pool.transport.handle_async_request(sending)
            except httpx.LocalProtocolError:
                # From None: the library's message quotes the header.
                raise ConfigInvalid(
                    "a header of the request is not valid in HTTP", client=self._client
                ) from None
            except httpx.HTTPError as error:
                failure = self._unavailable(error, url, progress)
                if not progress.connected and _hung_up(error):
                    raise _StaleConnection(failure) from error
                raise failure from error
        if scope.cancelled_caught:
            if progress.sent:
                raise timeouts.no_answer(url.host, self._client)
            raise timeouts.no_connection(self._where(url, progress), self._client)
        headers = {name.lower(): value for name, value in response.headers.items()}
        head = Head(response.status_code, headers, url.host, self._client)
        return Response(head, _Body(response, head), timeouts, progress.first_by)

    async def _context(self) -> ssl.SSLContext:
        try:
            return await tls_context(self._extra.ca_file)
        except OSError as error:  # ssl.SSLError is one
            if self._extra.ca_file is None or error.errno in OUT_OF_RESOURCES:
                raise ProviderUnavailable(
                    f"the certificates of this machine cannot be read: {reason(error)}",
                    client=self._client,
                    retryable=False,
                ) from error
            raise ConfigInvalid(
                f"extra.ca_file of client {self._client!r} cannot be used: {reason(error)}",
                hint="it must be a readable file of certificates in PEM form",
                client=self._client,
            ) from error

    def _transport(self, context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(
            max_connections=self._extra.max_connections,
            max_keepalive_connections=MAX_IDLE,
            keepalive_expiry=KEEPALIVE_S,
        )
        try:
            proxy = httpx.Proxy(self._proxy) if self._proxy else None
            if proxy is not None and proxy.url.scheme == "https":
                proxy.ssl_context = context
            return httpx.AsyncHTTPTransport(
                verify=context, trust_env=False, limits=limits, proxy=proxy, socket_options=_SOCKET_OPTIONS
            )
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            fault = "needs the package socksio" if isinstance(error, ImportError) else "is not a proxy"
            raise ConfigInvalid(
                f"extra.proxy of client {self._client!r} {fault}",
                hint="for instance http://proxy.example.com:3128",
                client=self._client,
            ) from None  # the library's message may quote the password

    def _where(self, url: httpx.URL, progress: _Progress) -> str:
        """Whom a connection was being made to: the proxy first, if there is one."""
        if self._proxy is None or progress.tunnel or progress.sent:
            return url.netloc.decode()
        return f"the proxy {self._proxy_host}"

    def _unavailable(self, error: httpx.HTTPError, url: httpx.URL, progress: _Progress) -> LokidError:
        where = self._where(url, progress)
        hint = "check the network and api_base" if where == url.netloc.decode() else "check extra.proxy"
        if isinstance(error, httpx.ProxyError):
            return ProviderUnavailable(
                f"{where} refused a tunnel to {url.host}: {error}",
                hint=hint,
                client=self._client,
                retryable=False,
            )
        if _hung_up(error):
            return ProviderUnavailable(
                f"{where} closed the connection without an answer", hint=hint, client=self._client
            )
        if isinstance(error, httpx.ProtocolError):
            return ProviderFailed(f"{where} does not answer with HTTP", hint=hint, client=self._client)
        return unreachable(error, where, client=self._client, hint=hint)


class _StaleConnection(Exception):
    """A connection from the pool ended before a byte of an answer. ``failure``: what to raise if that
    happens again."""

    def __init__(self, failure: LokidError) -> None:
        super().__init__()
        self.failure = failure


async def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Whom to trust: those whom the system trusts, or those in ``ca_file`` instead. Clients share it.
    Raises ``OSError``."""
    key = (ca_file, os.stat(ca_file).st_mtime if ca_file else 0.0)
    if key not in _contexts:
        # Reading a few hundred certificates takes 20 to 100 ms, too long for the event loop.
        context = await anyio.to_thread.run_sync(_read_certificates, ca_file)
        if len(_contexts) >= MAX_CONTEXTS:
            _contexts.clear()  # whoever uses one has it already
        _contexts[key] = context
    return _contexts[key]


def _read_certificates(ca_file: str | None) -> ssl.SSLContext:
    """Not ``ssl.create_default_context``: that obeys SSLKEYLOGFILE."""
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=ca_file)
    return context


async def _close(pool: _Pool) -> None:
    with anyio.move_on_after(CLOSE_S, shield=True):
        await pool.transport.aclose()


def _hung_up(error: httpx.HTTPError) -> bool:
    """The connection ended without an answer, in contrast to: something came that is not HTTP.

    The library raises both as RemoteProtocolError; only the second has its parser's error behind it.
    """
    if isinstance(error, (httpx.ReadError, httpx.WriteError)):
        return True
    return isinstance(error, httpx.RemoteProtocolError) and len(tuple(causes(error))) <= 2
