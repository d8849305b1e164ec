"""What carries requests for the door to the network (``http``): the port, for its two implementations.

``lean`` is our own HTTP/1.1 and what nearly every request takes; ``library`` is httpx2, for requests
through a proxy. They behave alike, and the tests of the door run over both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Protocol

import anyio

from lokid.protocols.address import Address
from lokid.protocols.http import HTTPRequest
from lokid.runtime.network.reach import Timeouts
from lokid.runtime.network.response import Body

KEEPALIVE_S = 300.0
"""How long an idle connection is kept. A question every few minutes should find one; that the provider
hung up meanwhile (most do after 1 to 6 minutes) is seen before a connection is used again."""
MAX_IDLE = 8
"""Idle connections kept: more than a person's scripts have in flight at a time."""


class NoConnection(Exception):
    """None could be made; the cause says why, see ``reach.unreachable``."""


class NoTunnel(Exception):
    """The proxy refused one; the text says why."""


class HungUp(Exception):
    """The connection ended before an answer."""


class NotHTTP(Exception):
    """Something came that is no answer in HTTP/1.1."""


LATE = 1 / 64
"""How much later than it says a limit for silence may strike. A timer is then set anew once in so many
parts of it, and not with every event of a stream."""


END_S = 2.0
"""Seconds between the last word of an answer and the end of its body."""


class Progress:
    """How far one request has come, and the deadline that follows from it: that of ``scope``, which is around
    all of it."""

    __slots__ = (
        "_by",
        "_clock",
        "connected",
        "left_at",
        "scope",
        "sent",
        "taken",
        "target",
        "timeouts",
        "tunnel",
        "whole",
    )

    target: Address
    connected: bool
    """A connection was made for this request; else it went out on one from the pool."""
    tunnel: bool
    sent: bool
    whole: bool
    """All of it is on its way: to half a question nobody answers."""
    left_at: float
    """When that was, by the clock."""
    taken: bool
    """The other side had all of it, and hung up without a byte."""

    def __init__(
        self,
        timeouts: Timeouts,
        scope: anyio.CancelScope,
        clock: Callable[[], float] = anyio.current_time,
    ) -> None:
        self.timeouts = timeouts
        self.scope = scope
        self._clock = clock
        self._by = inf  # what the scope's deadline is
        self.sent = self.whole = self.taken = False  # also of a request that is refused before it begins

    def begin(self, target: Address) -> None:
        """Also for the second try."""
        self.target = target
        self.connected = self.tunnel = self.sent = self.whole = self.taken = False
        self.unlimited()

    def connecting(self) -> None:
        self.connected = True
        self._limit(self._clock() + self.timeouts.connect)

    def tunnelling(self) -> None:
        self.tunnel = True

    def sending(self) -> None:
        self.sent = True
        self._limit(self._clock() + self.timeouts.first_byte)

    def left(self) -> None:
        """All of it."""
        self.whole = True
        self.left_at = self._clock()

    def worked_s(self) -> float:
        """How long ago it was that the other side took all of it and hung up; 0 if it did not."""
        return self._clock() - self.left_at if self.taken else 0.0

    def is_dead(self, error: HungUp) -> bool:
        """Whether nobody is at the other end, and so nobody had the request."""
        return not self.taken and isinstance(error.__cause__, TimeoutError)

    def listening(self) -> None:
        """A part of the body was there, and the next is waited for."""
        idle = self.timeouts.idle
        by = self._clock() + idle
        if not by <= self._by <= by + idle * LATE:
            self._limit(by + idle * LATE)

    def ending(self) -> None:
        """All of the answer was there, and the end of its body is waited for."""
        self._limit(min(self._by, self._clock() + min(END_S, self.timeouts.idle)))

    def unlimited(self) -> None:
        """What comes now takes as long as it takes."""
        if self._by != inf:
            self._limit(inf)

    def _limit(self, by: float) -> None:
        self._by = self.scope.deadline = by


@dataclass(frozen=True, slots=True)
class Answered:
    """``headers``: lower-case names, values of equal names joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: Body


class Transport(Protocol):
    """Connections with one history."""

    async def send(self, request: HTTPRequest, address: Address, progress: Progress) -> Answered:
        """Sends and waits for the head of the answer, whose body is then closed by the caller. Waits while
        there are ``max_connections``. Raises the exceptions above, ``http1.Unsendable``, and ``BrokenOff`` if
        the head breaks off. Cancelling
        closes the connection."""
        ...

    async def dial(self, request: HTTPRequest, address: Address, progress: Progress) -> None:
        """Makes a connection that then waits for a request. ``request``: one without credentials, for a
        transport that cannot make one without. Raises and is cancelled as ``send``."""
        ...

    def counts(self) -> tuple[int, int]:
        """Open connections, and how many of them wait for a request."""
        ...

    def is_warm(self) -> bool:
        """Whether a connection waits for a request, or will in a moment, that the provider has not closed."""
        ...

    async def aclose(self) -> None:
        """Closes every connection, also those of answers in flight."""
        ...
