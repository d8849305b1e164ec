"""Where large answers wait for each other, so that together they fit into the daemon's memory.

Few are: vectors of a thousand texts, or what a broken server sends without end. Each is bounded by itself,
but a job asks for several at a time. Over the bound the oldest of each client goes on, so that one always
ends and no provider, by sending no more, holds up the answers of another; the others leave their bytes with
their providers meanwhile. To make values of such an answer takes several times its size, so that is done one
by one; threads would only take the interpreter from each other.

Of a stream nothing stays but its words, a twentieth of what comes. How much that is, only the memory says
that lokid has: as long as it is little no stream waits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from math import inf
from typing import Self, TypeVar

import anyio

from lokid.errors import ProviderFailed
from lokid.runtime.heavy import LARGE, aside
from lokid.runtime.often import turns

T = TypeVar("T")

MOST = 96 * 1024 * 1024
"""Bytes, as they come; of all answers that have more than ``LARGE``. Floats in JSON take five times as much
once they are read, and lokid.service allows 768 MiB for all that lokid is."""

OWN = 16 * 1024 * 1024
"""Bytes that the answers of one client may have, whatever those of others hold."""

LITTLE = 256 * 1024 * 1024
"""Bytes of memory with which streams do not wait."""

LOOK_S = 0.25
"""Seconds after which a stream that waits looks again: nobody says when lokid has less memory."""

LONG = 64 * 1024
"""Bytes of an event of a stream that is read in a thread: 1 to 8 ms. Those of tokens have 300."""

BRIEF = 4 * 1024 * 1024
"""Bytes of a whole answer of which values are made beside those of other clients: 100 MB of them at most."""


MOST_WORDS = 64 * 1024 * 1024
"""Bytes of memory for the words of one stream: as many as an answer may have on its way. One emoji makes four
of each letter in its piece, and in the whole text at the end."""

PIECE = 64
"""Bytes that a piece of text takes besides its letters."""


WIDEST = 4
"""Bytes of a letter."""


class Words:
    """Of one stream. ``add`` raises ``ProviderFailed`` for too many."""

    __slots__ = ("_letters", "_pieces", "_wide")

    def __init__(self) -> None:
        self._letters = self._pieces = 0
        self._wide = 1

    def add(self, text: str) -> None:
        self._pieces += 1
        self._letters += len(text)
        if self._wide < WIDEST and not text.isascii():
            last = max(text)
            self._wide = max(self._wide, WIDEST if last > "\uffff" else 2 if last > "\xff" else 1)
        if self._letters * self._wide + self._pieces * PIECE > MOST_WORDS:
            raise ProviderFailed(f"the provider's answer takes more than {MOST_WORDS >> 20} MiB of memory")


def resident() -> float:
    """Bytes of memory that lokid has now; infinite where nobody says."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return inf


class _Client:
    """``places``: of its large answers, the oldest first. ``size``: bytes of them."""

    __slots__ = ("lane", "places", "size")

    def __init__(self) -> None:
        self.places: dict[Place, None] = {}
        self.size = 0
        self.lane = anyio.CapacityLimiter(1)


class Room:
    """``most``, ``own``: bytes. ``memory``: how many lokid has."""

    def __init__(self, most: int = MOST, own: int = OWN, memory: Callable[[], float] = resident) -> None:
        self.total = 0
        self._most = most
        self._own = own
        self._memory = memory
        self._little = 0.0
        self._clients: dict[str, _Client] = {}
        self._left: anyio.Event | None = None  # while somebody waits
        self._share: Room | None = None
        self._streams: Room | None = None

    @property
    def share(self) -> Room:
        """A quarter besides, for answers to the extra socket: they hold up none of the user's."""
        if self._share is None:
            self._share = Room(self._most // 4, self._own // 4, self._memory)
        return self._share

    @property
    def streams(self) -> Room:
        """As much besides, for streams."""
        if self._streams is None:
            self._streams = Room(self._most, self._own, self._memory)
            self._streams._little = LITTLE  # noqa: SLF001 - of this class
        return self._streams

    @cached_property
    def decoding(self) -> anyio.CapacityLimiter:
        """For one large answer at a time."""
        return anyio.CapacityLimiter(1)

    @cached_property
    def events(self) -> anyio.CapacityLimiter:
        """For one large event of a stream at a time."""
        return anyio.CapacityLimiter(1)

    def client(self, name: str) -> _Client:
        return self._clients.setdefault(name, _Client())

    async def take(self, place: Place, size: int) -> None:
        client = self.client(place.client)
        client.places.setdefault(place)
        while not self._may(client, place):
            if self._left is None:
                self._left = anyio.Event()
            with anyio.move_on_after(LOOK_S if self._little else inf):
                await self._left.wait()
        self.total += size
        client.size += size

    def _may(self, client: _Client, place: Place) -> bool:
        if self.total < self._most or client.size < self._own or next(iter(client.places)) is place:
            return True
        return self._little > 0 and self._memory() < self._little

    def give_back(self, place: Place, size: int) -> None:
        client = self._clients.get(place.client)
        if client is None or place not in client.places:
            return  # it was small, and asked for nothing
        del client.places[place]
        if not client.places:
            del self._clients[place.client]
        self.total -= size
        client.size -= size
        if self._left is not None:
            self._left.set()
            self._left = None


class Place:
    """Of one answer of ``client``, until it is read. ``size``: bytes that it may have without asking
    again."""

    __slots__ = ("_room", "client", "size", "streamed")

    def __init__(self, room: Room, client: str = "", *, streamed: bool = False) -> None:
        self._room = room.streams if streamed else room
        self.client = client
        self.streamed = streamed
        self.size = LARGE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Also of one that has only waited: as the oldest it would hold up all for ever.
        self._room.give_back(self, self.size - LARGE)

    async def grow(self, size: int) -> None:
        """Waits until there is room for ``size`` bytes, and some more."""
        more = size + LARGE - self.size
        await self._room.take(self, more)
        self.size += more

    async def event(self, feed: Callable[[], T]) -> T:
        """``feed()``, which may read a large event, in a thread."""
        with turns():
            return await aside(feed, heavy=True, limiter=self._room.events)

    async def read(self, close: Callable[[], T], size: int) -> T:
        """``close()``, which makes the answer of ``size`` bytes: large ones in a thread, those of one client
        one by one, and of whole ones that are more than ``BRIEF`` one at all."""
        if size <= LARGE:
            return close()
        lane = self._room.client(self.client).lane
        if self.streamed or size <= BRIEF:
            return await aside(close, heavy=True, limiter=lane)
        async with lane:
            return await aside(close, heavy=True, limiter=self._room.decoding)
