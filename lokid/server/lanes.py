"""What has a thread, a lock or a disk for all programs together: each of them asks for one at a time.

Nine hundred requests of one program that wait in the same line would be nine hundred that another's one waits
behind. Like this it waits behind one of each program; those of one come in the order in which they were sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio


@dataclass(slots=True)
class _Lane:
    lock: anyio.Lock = field(default_factory=lambda: anyio.Lock(fast_acquire=True))
    users: int = 0


class Lanes:
    """One for each process and kind of work that it has asked for."""

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, Hashable], _Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    @asynccontextmanager
    async def turn(self, pid: int, work: Hashable) -> AsyncIterator[None]:
        """Begins when no other ``work`` of process ``pid`` is under way."""
        lane = self._lanes.setdefault((pid, work), _Lane())
        lane.users += 1
        try:
            async with lane.lock:
                yield
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[pid, work]
