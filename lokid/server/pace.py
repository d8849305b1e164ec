"""How much of what one read brought is done before others get their turn."""

from __future__ import annotations

import time

import anyio
from anyio.lowlevel import checkpoint

TURN = 16
"""Messages. A read holds up to six thousand cheap requests."""

TURN_S = 0.0005
"""Seconds, after which a turn is over at the next message: ``clients.list`` and ``status`` take up to a
millisecond each, and twenty programs that send thousands of them have as many turns before one ``hello``."""


QUESTION = 8
"""Messages for which a question counts: its task begins in the next turn and takes half a millisecond there,
and ten thousand of them in a pipe would be sixteen each time."""


class Pace:
    """Of one read."""

    __slots__ = ("_left", "_until")

    def __init__(self) -> None:
        self.begin()
        self._left = TURN

    def begin(self) -> None:
        """The next turn, with the message before which the last one was over."""
        self._left = TURN - 1
        self._until = time.monotonic() + TURN_S

    def question(self) -> None:
        """The last message was one."""
        self._left -= QUESTION - 1

    def is_over(self) -> bool:
        """Asked before each message."""
        self._left -= 1
        return self._left < 0 or time.monotonic() > self._until


class Line:
    """For all connections of a socket that have more to do than one turn: one of them a turn, in the order in
    which they came. Five hundred that each go on for half a millisecond would be a turn of a quarter of a
    second."""

    def __init__(self) -> None:
        self._lock = anyio.Lock(fast_acquire=True)

    async def turn(self) -> None:
        """Returns when others had theirs."""
        async with self._lock:
            await checkpoint()
