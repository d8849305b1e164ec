"""Whose turn it is at a client with ``limits``, which hold for everybody who asks it together.

Who cannot go at once waits: people before batches, those before the extra socket, and of each kind every
process in its turn, so that a job with a thousand questions does not hold up one with two. The extra socket
gets half of each limit at most: its questions would else be all that runs when the user asks. What waits is
bounded in number here, and in time by the call itself (its total timeout); leaving, in whichever way, makes
room.

``requests_per_minute`` and ``tokens_per_minute`` count what happened in the last sixty seconds. Tokens of
requests in flight are estimated by their input, and corrected by what the provider says they were.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from math import inf

import anyio

from lokid.errors import InvalidParams, Overloaded
from lokid.providers.settings import ClientLimits
from lokid.runtime.room import Room
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.charges import Charge

MINUTE = 60.0

MOST_WAITING = 1024
"""Of each kind at a client: as many as one process may have in flight, so that neither a batch that is this
long nor the extra socket keeps people out. Each holds its prompt in memory."""


class Window:
    """Sum of what was added in the last minute. ``now``: seconds of a clock that does not jump."""

    def __init__(self) -> None:
        self._added: deque[tuple[float, int]] = deque()
        self.total = 0

    def add(self, amount: int, now: float) -> None:
        self._added.append((now, amount))
        self.total += amount

    def wait(self, limit: int, now: float) -> float:
        """Seconds until the sum is below ``limit`` if nothing is added, 0 if it is."""
        while self._added and self._added[0][0] <= now - MINUTE:
            self.total -= self._added.popleft()[1]
        left = self.total
        if left < limit:
            return 0.0
        for at, amount in self._added:
            left -= amount
            if left < limit:
                return at + MINUTE - now
        return inf


class _Waiter:
    __slots__ = ("event", "pid")

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.event = anyio.Event()


class _Line:
    """Waiters of one kind, one of each process in turn. ``length``: how many there are."""

    def __init__(self) -> None:
        self.length = 0
        self._by_pid: OrderedDict[int, deque[_Waiter]] = OrderedDict()

    def add(self, waiter: _Waiter) -> None:
        self.length += 1
        self._by_pid.setdefault(waiter.pid, deque()).append(waiter)

    def first(self) -> _Waiter | None:
        return next(iter(self._by_pid.values()))[0] if self._by_pid else None

    def remove(self, waiter: _Waiter) -> None:
        """Its process goes to the end if it was the first."""
        self.length -= 1
        own = self._by_pid[waiter.pid]
        if self.first() is waiter:
            self._by_pid.move_to_end(waiter.pid)
        own.remove(waiter)
        if not own:
            del self._by_pid[waiter.pid]


class _Count:
    """What counts towards the limits."""

    def __init__(self) -> None:
        self.running = 0
        self.reserved = 0  # tokens of those that run, estimated
        self.requests = Window()
        self.tokens = Window()

    def delay(self, limits: ClientLimits, room: int = 1) -> float:
        """Seconds until the next one may go; infinite if somebody has to end first. ``room``: tokens that
        have to be left."""
        if limits.concurrency is not None and self.running >= limits.concurrency:
            return inf
        delay = 0.0
        if limits.requests_per_minute is None and limits.tokens_per_minute is None:
            return delay
        now = anyio.current_time()
        if limits.requests_per_minute is not None:
            delay = self.requests.wait(limits.requests_per_minute, now)
        if limits.tokens_per_minute is not None:
            delay = max(delay, self.tokens.wait(limits.tokens_per_minute - self.reserved - room + 1, now))
        return delay


class Turns:
    """Of one client, by its name: a reload changes the limits and keeps the count."""

    def __init__(self) -> None:
        self._limits = self._extra_limits = ClientLimits()
        self._count = _Count()
        self._extra = _Count()  # of the extra socket's in it
        self._lines = (_Line(), _Line(), _Line())  # interactive, batch, of the extra socket

    @property
    def waiting(self) -> int:
        return sum(line.length for line in self._lines)

    async def take(
        self, limits: ClientLimits, asker: Asker, estimate: int, *, interactive: bool, client: str
    ) -> None:
        """Returns when the request may go, and counts it as running. ``estimate``: tokens. Raises
        Overloaded if too many wait, and InvalidParams for one of the extra socket that is larger than its
        half of ``tokens_per_minute``. Cancelling leaves the line."""
        if limits is not self._limits:
            changed, self._limits = limits != self._limits, limits
            if changed:
                self._extra_limits = _half(limits)
                self._wake()
        self._check(asker, estimate)
        if self.waiting or self._delay(asker, estimate) > 0:
            line = self._lines[2 if asker.restricted else 0 if interactive else 1]
            if line.length >= MOST_WAITING:
                raise Overloaded(
                    f"{MOST_WAITING} requests wait for client {client!r} already",
                    hint="ask for fewer at a time, or raise `limits` of the client",
                    client=client,
                )
            await self._wait(asker, line, estimate)
        for count in self._counts(asker):
            count.running += 1
            count.reserved += estimate
        self.sent(asker)

    def _check(self, asker: Asker, estimate: int) -> None:
        if asker.restricted and estimate > (self._extra_limits.tokens_per_minute or inf):
            raise InvalidParams("the request has more tokens than this socket may send in a minute")

    async def _wait(self, asker: Asker, line: _Line, estimate: int) -> None:
        waiter = _Waiter(asker.pid)
        line.add(waiter)
        asker.waiting = True
        try:
            while True:
                self._check(asker, estimate)  # a reload may have lowered the limits
                # Only the first one looks at the clock; it wakes the next when it goes.
                delay = self._delay(asker, estimate) if self._first() is waiter else inf
                if delay <= 0:
                    return
                with anyio.move_on_after(delay):
                    await waiter.event.wait()
                waiter.event = anyio.Event()
        finally:
            asker.waiting = False
            line.remove(waiter)
            self._wake()

    def sent(self, asker: Asker) -> None:
        """A request goes to the provider."""
        if self._limits.requests_per_minute is not None:
            for count in self._counts(asker):
                count.requests.add(1, anyio.current_time())

    def done(self, asker: Asker, estimate: int, tokens: int | None) -> None:
        """One that had its turn ended. ``tokens``: None if the provider did not say."""
        for count in self._counts(asker):
            count.running -= 1
            count.reserved -= estimate
            if self._limits.tokens_per_minute is not None:
                count.tokens.add(estimate if tokens is None else tokens, anyio.current_time())
        self._wake()

    def _counts(self, asker: Asker) -> tuple[_Count, ...]:
        return (self._count, self._extra) if asker.restricted else (self._count,)

    def _delay(self, asker: Asker, estimate: int) -> float:
        delay = self._count.delay(self._limits)
        if not asker.restricted:
            return delay
        # Its half is meant for what it sends too, not only for what went before.
        return max(delay, self._extra.delay(self._extra_limits, max(estimate, 1)))

    def _first(self) -> _Waiter | None:
        return next((first for line in self._lines if (first := line.first()) is not None), None)

    def _wake(self) -> None:
        if (first := self._first()) is not None:
            first.event.set()


def _half(limits: ClientLimits) -> ClientLimits:
    """One at least."""
    return limits.model_copy(update={key: max(most // 2, 1) for key, most in limits if most is not None})


class Turn:
    """One request on its way: what it waits for, and what is known of it whatever becomes of it. As it
    stands it waits for nothing. ``attempts``: requests that went to the provider. ``room``: for its answer.
    ``restricted``: it came over the extra socket."""

    restricted = False

    def __init__(self, room: Room | None = None) -> None:
        self.attempts = 0
        self.room = room or Room()
        self.first_event_at: float | None = None

    async def come(self) -> None:
        """Waits for it; within the limit of the whole call, before anything is prepared."""

    def sent(self) -> None:
        """Just before a request goes to the provider."""
        self.attempts += 1

    def began(self, now: float) -> None:
        """The first part of the answer is there."""
        if self.first_event_at is None:
            self.first_event_at = now

    def charge(self, share: float = 1.0) -> Charge:
        """For a request to the provider, which carries this share of the whole input."""
        return Charge(self, share)


class LimitedTurn(Turn):
    """At a client of the configuration."""

    def __init__(
        self,
        turns: Turns,
        limits: ClientLimits,
        asker: Asker,
        *,
        client: str,
        estimate: int,
        interactive: bool,
        room: Room,
    ) -> None:
        super().__init__(room)
        self._turns = turns
        self._limits = limits
        self._asker = asker
        self.restricted = asker.restricted
        self._client = client
        self._estimate = estimate
        self._interactive = interactive
        self._taken = False

    async def come(self) -> None:
        await self._turns.take(
            self._limits, self._asker, self._estimate, interactive=self._interactive, client=self._client
        )
        self._taken = True
        self.check()  # others have spent something meanwhile

    def check(self) -> None:
        """May refuse it when it has come."""

    def sent(self) -> None:
        super().sent()
        if self.attempts > 1:  # the first was counted when it took its turn
            self._turns.sent(self._asker)

    def done(self, tokens: int | None) -> None:
        if self._taken:
            self._turns.done(self._asker, self._estimate, tokens if self.attempts else 0)
