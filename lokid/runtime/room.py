"""Where large answers wait for each other, so that together they fit into the daemon's memory.

Few are: vectors of a thousand texts, or what a broken server sends without end. Each is bounded by itself,
but a job asks for several at a time. Over the bound only the oldest goes on, so that one always ends; the
others leave their bytes with their providers meanwhile. To make values of such an answer takes several times
its size, so that is done one by one; threads would only take the interpreter from each other.
"""

from __future__ import annotations

from typing import Self

import anyio

from lokid.runtime.heavy import LARGE

MOST = 96 * 1024 * 1024
"""Bytes, as they come; of all answers that have more than ``LARGE``. Floats in JSON take five times as much
once they are read, and lokid.service allows 768 MiB for all that lokid is."""


class Room:
    """``most``: bytes."""

    def __init__(self, most: int = MOST) -> None:
        self.total = 0
        self._most = most
        self._places: dict[Place, None] = {}  # the oldest first
        self._left: anyio.Event | None = None  # while somebody waits
        self._decoding: anyio.CapacityLimiter | None = None
        self._share: Room | None = None

    @property
    def share(self) -> Room:
        """A quarter besides, for answers to the extra socket: they hold up none of the user's."""
        if self._share is None:
            self._share = Room(self._most // 4)
        return self._share

    @property
    def decoding(self) -> anyio.CapacityLimiter:
        """For one large answer at a time."""
        if self._decoding is None:
            self._decoding = anyio.CapacityLimiter(1)
        return self._decoding

    async def take(self, place: Place, size: int) -> None:
        self._places.setdefault(place)
        while self.total >= self._most and next(iter(self._places)) is not place:
            if self._left is None:
                self._left = anyio.Event()
            await self._left.wait()
        self.total += size

    def give_back(self, place: Place, size: int) -> None:
        if self._places.pop(place, self) is self:
            return  # it was small, and asked for nothing
        self.total -= size
        if self._left is not None:
            self._left.set()
            self._left = None


class Place:
    """Of one answer, until it is read. ``size``: bytes that it may have without asking again."""

    __slots__ = ("_room", "size")

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = LARGE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Also of one that has only waited: as the oldest it would hold up all for ever.
        self._room.give_back(self, self.size - LARGE)

    @property
    def decoding(self) -> anyio.CapacityLimiter:
        return self._room.decoding

    async def grow(self, size: int) -> None:
        """Waits until there is room for ``size`` bytes, and some more."""
        more = size + LARGE - self.size
        await self._room.take(self, more)
        self.size += more
