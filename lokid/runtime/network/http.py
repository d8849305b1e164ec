"""The one door to the network: limits in time, one quiet retry, and our errors for whatever goes wrong.

What comes back are our errors, with what was behind them as ``__cause__``. Which transport carries a
request is decided here, see ``transport``.

Strategy for time: one cancel scope around everything from the wait for a connection to the end of the
body. Its deadline moves when the transport reports the next phase, and with every read. A cancelled read
closes the connection, which is what a timeout wants; the pool stays usable.
"""

from __future__ import annotations

import errno
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from urllib.parse import urlsplit

import anyio

from lokid import __version__
from lokid.dialects.redaction import clean
from lokid.errors import (
    ConfigInvalid,
    IncompleteResponse,
    LokidError,
    ProviderFailed,
    ProviderUnavailable,
    TimedOut,
)
from lokid.protocols.address import Address, address
from lokid.protocols.http import HTTPRequest
from lokid.protocols.http1 import Unsendable
from lokid.providers.settings import Extra
from lokid.runtime import often
from lokid.runtime.network.clock import clock
from lokid.runtime.network.guard import check_head, check_headers, check_url
from lokid.runtime.network.lean import LeanTransport
from lokid.runtime.network.reach import Timeouts, reason, refused, unreachable
from lokid.runtime.network.response import BrokenOff, Head, Response
from lokid.runtime.network.suspend import Wakefulness
from lokid.runtime.network.transport import HungUp, NoConnection, NotHTTP, NoTunnel, Progress, Transport
from lokid.runtime.network.trust import tls_context
from lokid.runtime.retry import WORKED_S

__all__ = ["HTTPClient", "Response", "Timeouts"]

OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

MOST_TARGETS = 64
"""Addresses of one client that are remembered; Gemini has one for each model."""

STALE_S = 1.0
"""Seconds in which a connection that had ended says so. Whoever hangs up later has had the question, and may
have worked on it."""

PAID = "it may have been carried out, and paid for; so it is not sent again by itself"

# Compressed answers are not asked for: they would delay the events of a stream.
_HEADERS = {"user-agent": f"lokid/{__version__}", "accept": "*/*", "accept-encoding": "identity"}


LIBRARY = "lokid.runtime.network.library"
"""Imported when it is wanted, in a thread: it takes as long and as much memory as half the daemon."""


def _library(context: ssl.SSLContext, proxy: str | None, max_connections: int) -> Transport:
    from lokid.runtime.network.library import LibraryTransport

    return LibraryTransport(context, proxy, max_connections)


class _Pool:
    """Connections with one history; ``users`` counts the answers that still hold one of them."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.users = 0
        self.wakefulness = Wakefulness()


class HTTPClient:
    """The connections of one configured client. ``client`` is its name, for messages. ``metadata``: for the
    metadata servers of clouds, see ``check_url``. ``library``: go through httpx2 even without a proxy."""

    def __init__(
        self, extra: Extra, *, client: str = "", metadata: bool = False, library: bool = False
    ) -> None:
        self._extra = extra
        self._client = client
        self._metadata = metadata
        self._proxy = extra.proxy.get_secret_value() if extra.proxy else None
        self._proxy_host = urlsplit(self._proxy).hostname if self._proxy else None
        # macOS has its authorities behind an API, which the library knows how to ask.
        self._library = library or self._proxy is not None or sys.platform == "darwin"
        self._pool: _Pool | None = None
        self._clock: Callable[[], float] | None = None  # of the loop of the first question
        self._targets: dict[str, Address] = {}  # of URLs that were found good

    def pool(self) -> dict[str, int]:
        """``{open, idle, max}``: connections to the provider now, how many of them wait for a question, and
        how many there may be."""
        connections, idle = self._pool.transport.counts() if self._pool is not None else (0, 0)
        return {"open": connections, "idle": idle, "max": self._extra.max_connections}

    @property
    def dials_in_silence(self) -> bool:
        """Whether ``dial`` sends nothing. Else it sends a HEAD without credentials."""
        return not self._library

    def is_warm(self) -> bool:
        """Whether a connection waits for a question, or will in a moment, that the provider has not closed
        and no suspend has killed."""
        pool = self._pool
        return pool is not None and not pool.wakefulness.interrupted() and pool.transport.is_warm()

    async def aclose(self) -> None:
        """Closes every connection, also those of answers in flight."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.transport.aclose()

    async def dial(self, base_url: str) -> None:
        """Makes one connection ahead, so that the next question finds it warm: TCP, TLS and the proxy's
        tunnel cost several round trips. Raises nothing but ``ConfigInvalid``."""
        limit = self._extra.connect_timeout
        request, target = self._checked(HTTPRequest("HEAD", base_url))
        pool = await self._lease()
        try:
            with anyio.move_on_after(limit) as scope:
                progress = self.progress(Timeouts(limit, limit, limit), scope)
                progress.begin(target)
                await pool.transport.dial(request, target, progress)
        except ConfigInvalid:
            raise
        except (LokidError, NoConnection, NoTunnel, HungUp, NotHTTP, BrokenOff):
            return  # the request itself will say what is wrong
        finally:
            await self._return(pool)

    def send(self, request: HTTPRequest, timeouts: Timeouts) -> Sending:
        """Sends the request; the block has the answer, and leaving it closes or releases the connection.

        Raises ``ProviderUnavailable``, ``TimedOut``, ``ProviderFailed`` (a redirect, not HTTP) and
        ``ConfigInvalid`` (what the configuration makes impossible). A read that takes too long ends the whole
        block with ``TimedOut``.
        """
        return Sending(self, request, timeouts)

    def progress(self, timeouts: Timeouts, scope: anyio.CancelScope) -> Progress:
        if self._clock is None:
            self._clock = clock()
        return Progress(timeouts, scope, self._clock)

    async def ask(self, request: HTTPRequest, progress: Progress) -> tuple[_Pool, Response]:
        """The answer, and the pool that is leased until ``give_back``."""
        request, target = self._checked(request)
        for last in (False, True):
            pool = await self._lease()
            progress.begin(target)
            try:
                response = await self._open(pool.transport, target, request, progress)
            except _StaleConnection as stale:
                # One that was idle has ended before a byte of an answer, or leads nowhere any more. Its
                # neighbours in the pool are as old, so the next try gets a new pool.
                if self._pool is pool and not last:
                    self._pool = None
                await self._return(pool)
                if last or not stale.at_once:
                    raise stale.failure from stale
                continue
            except BaseException:
                await self._return(pool)
                raise
            try:
                check_head(response.status, response.headers, response.host, self._client)
            except BaseException:
                await self.give_back(pool, response)
                raise
            return pool, response
        raise AssertionError("the second try is the last")

    async def give_back(self, pool: _Pool, response: Response) -> None:
        try:
            await response.aclose()
        finally:
            await self._return(pool)

    def _checked(self, request: HTTPRequest) -> tuple[HTTPRequest, Address]:
        request = request.adding(_HEADERS)
        target = self._targets.get(request.url)
        if target is None:
            target = self._target(request.url)
        check_headers(request.headers, self._client)
        return request, target

    def _target(self, url: str) -> Address:
        check_url(url, self._proxy_host, self._client, metadata=self._metadata)
        try:
            target = address(url)
        except ValueError:
            raise ConfigInvalid(
                f"client {self._client!r} has an address that is not a URL", client=self._client
            ) from None  # the message may quote it
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()
        self._targets[url] = target
        return target

    async def _lease(self) -> _Pool:
        """The present pool, until ``_return``."""
        if (old := self._pool) is not None and old.wakefulness.interrupted():
            # Its connections look fresh, as their clock stood still too, and the other ends are gone.
            self._pool = None
            if not old.users:
                await old.transport.aclose()
        pool = self._pool
        if pool is None:
            pool = _Pool(await self._transport())
            if self._pool is None:
                self._pool = pool
            pool = self._pool  # another request may have been quicker
        pool.users += 1
        return pool

    async def _return(self, pool: _Pool) -> None:
        """One that was replaced meanwhile is closed by its last user."""
        pool.users -= 1
        if pool is not self._pool and not pool.users:
            await pool.transport.aclose()

    async def _open(
        self, transport: Transport, target: Address, request: HTTPRequest, progress: Progress
    ) -> Response:
        began = time.monotonic()
        try:
            answered = await transport.send(request, target, progress)
        except Unsendable:
            raise ConfigInvalid("a header of the request is not valid in HTTP", client=self._client) from None
        except HungUp as error:
            failure = self._unavailable(error, target, progress)
            at_once = time.monotonic() - began < STALE_S
            if not progress.connected and (at_once or progress.is_dead(error)):
                raise _StaleConnection(failure, at_once) from error
            if (worked_s := progress.worked_s()) > WORKED_S:
                raise IncompleteResponse(
                    f"{target.host} took the request, and the connection ended after {worked_s:.0f} s without"
                    " an answer",
                    hint=PAID,
                    client=self._client,
                ) from error
            raise failure from error
        except BrokenOff as error:
            raise IncompleteResponse(
                f"{target.host} broke the connection off at the beginning of its answer",
                hint=PAID,
                client=self._client,
            ) from error
        except (NoConnection, NoTunnel, NotHTTP) as error:
            raise self._unavailable(error, target, progress) from error
        head = Head(answered.status, answered.headers, target.host, self._client)
        return Response(head, answered.body, progress)

    def timed_out(self, progress: Progress) -> TimedOut:
        """Before there was an answer."""
        if progress.sent:
            return progress.timeouts.no_answer(progress.target.host, self._client)
        return progress.timeouts.no_connection(self._where(progress.target, progress), self._client)

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

    async def _transport(self) -> Transport:
        if not self._library:
            return LeanTransport(self._context, self._extra.max_connections)
        context = await self._context()
        try:
            make = partial(_library, context, self._proxy, self._extra.max_connections)
            return make() if LIBRARY in sys.modules else await often.aside(make)
        except ValueError:
            raise ConfigInvalid(
                f"extra.proxy of client {self._client!r} is not a proxy",
                hint="for instance http://proxy.example.com:3128",
                client=self._client,
            ) from None  # the library's message may quote the password

    def _where(self, target: Address, progress: Progress) -> str:
        """Whom a connection was being made to: the proxy first, if there is one."""
        if self._proxy is None or progress.tunnel or progress.sent:
            return target.authority
        return f"the proxy {self._proxy_host}"

    def _unavailable(
        self, error: NoConnection | NoTunnel | HungUp | NotHTTP, target: Address, progress: Progress
    ) -> LokidError:
        where = self._where(target, progress)
        hint = "check the network and api_base" if where == target.authority else "check extra.proxy"
        match error:
            case NoTunnel():
                return ProviderUnavailable(
                    f"{where} refused a tunnel to {target.host}: {clean(str(error))}",
                    hint=hint,
                    client=self._client,
                    retryable=False,
                )
            case HungUp() if progress.is_dead(error):
                return ProviderUnavailable(
                    f"nothing of the request was acknowledged by {where}: the connection was dead",
                    hint=hint,
                    client=self._client,
                )
            case HungUp() if not refused(error):
                return ProviderUnavailable(
                    f"{where} closed the connection without an answer", hint=hint, client=self._client
                )
            case NotHTTP():
                return ProviderFailed(f"{where} does not answer with HTTP", hint=hint, client=self._client)
            case _:
                return unreachable(error, where, client=self._client, hint=hint)


class Sending:
    """A request and its answer, as a context. A class: a generator for each question takes three times as
    long. One scope for all of it, as each costs as much as reading the answer's head."""

    __slots__ = ("_asked", "_client", "_progress", "_request", "_scope", "_timeouts")

    def __init__(self, client: HTTPClient, request: HTTPRequest, timeouts: Timeouts) -> None:
        self._client = client
        self._request = request
        self._timeouts = timeouts
        self._scope = anyio.CancelScope()
        self._asked: tuple[_Pool, Response] | None = None
        self._progress: Progress | None = None

    @property
    def sent(self) -> bool:
        """The request has left, or a part of it."""
        return self._progress is not None and self._progress.sent

    @property
    def whole(self) -> bool:
        """All of it has."""
        return self._progress is not None and self._progress.whole

    async def __aenter__(self) -> Response:
        progress = self._progress = self._client.progress(self._timeouts, self._scope)
        self._scope.__enter__()
        try:
            self._asked = await self._client.ask(self._request, progress)
        except BaseException as error:
            self._scope.__exit__(type(error), error, error.__traceback__)
            if self._scope.cancelled_caught:
                raise self._client.timed_out(progress) from None
            raise
        return self._asked[1]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._asked is not None
        pool, response = self._asked
        try:
            await self._client.give_back(pool, response)
        finally:
            self._scope.__exit__(kind, error, trace)
        if self._scope.cancelled_caught:
            raise response.timed_out()


class _StaleConnection(Exception):
    """A connection from the pool ended before a byte of an answer. ``at_once``: so soon that it may be asked
    again without a word. ``failure``: what to raise otherwise, or if that happens again."""

    def __init__(self, failure: LokidError, at_once: bool) -> None:
        super().__init__()
        self.failure = failure
        self.at_once = at_once
