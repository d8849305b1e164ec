"""What large requests may take together, in the whole daemon.

A request of 64 MiB is legal, and so are 512 connections of one program: each alone is within its limits, and
together they are 32 GiB. Counted are the bytes of large frames, from their first read until their request has
ended, since its prompt lives that long in one form or another. Once decoded, a request counts as what its
texts take: one emoji makes four bytes of each character.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getsizeof
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from lokid.rpc.messages import ProtocolError
from lokid.runtime import often
from lokid.server.lanes import Lanes

T = TypeVar("T")

SMALL = 64 * 1024
"""Bytes of a frame that is decoded at once and not counted: 7 ms for the worst of them, measured. A thread
costs 0.1 ms more than most of them take."""

MOST = 256 * 1024 * 1024
"""Bytes; four requests of the largest size, or twenty with a few photographs. lokid.service allows 768 MiB
for all that lokid is, and what is decoded and encoded again takes up to twice as much."""


UNREAD = 128 * 1024 * 1024
"""Bytes of answers that wait to be read, counted apart: they were paid for, and no large request may be why
one is lost. They are held once."""


class Crowded(ProtocolError):
    """Too much is on its way already. The connection is lost, and the request may be sent again later."""


class Intake:
    """``most``: bytes. ``is_share``: of the extra socket."""

    def __init__(self, most: int = MOST, *, is_share: bool = False) -> None:
        self._most = most
        self._is_share = is_share
        self._limiter: anyio.CapacityLimiter | None = None
        self._lanes = Lanes()
        self._share: Intake | None = None
        self.total = 0

    @property
    def share(self) -> Intake:
        """A quarter besides, for all of the extra socket: those at its other end have no say in how much is
        left for the user's own programs."""
        if self._share is None:
            self._share = Intake(self._most // 4, is_share=True)
        return self._share

    def add(self, size: int) -> None:
        self.total += size

    async def aside(self, pid: int, decode: Callable[[], T]) -> T:
        """``decode()``, in a thread. One at a time: two would only take the interpreter from each other. Of
        each process there is one in that line: its five hundred connections would be half a minute."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(1)
        async with self._lanes.turn(pid, "decode"), self._limiter:
            with often.turns():
                return await anyio.to_thread.run_sync(decode, limiter=anyio.CapacityLimiter(1))

    def check(self, largest: int, msgid: int | None = None, own: int = 0) -> None:
        """``largest``: that the configuration allows; twice as much has always room, and so has a decoded
        request of ``own`` bytes beside one frame. Of a share it is one frame, whatever it takes once decoded.
        ``msgid``: of the request that grows. Raises Crowded."""
        room = largest if self._is_share else max(own, largest) + largest
        if self.total > max(self._most, room):
            raise Crowded(f"large requests of {self.total >> 20} MiB are on their way already", msgid)


def weight(value: Any) -> int:
    """Bytes of the texts and blocks in a decoded value, as they are in memory."""
    total = 0
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, (str, bytes)):
            total += getsizeof(one)
        elif isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return total
