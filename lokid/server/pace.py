"""How much of what one read brought is done before others get their turn."""

from __future__ import annotations

import time

TURN = 16
"""Messages. A read holds up to six thousand cheap requests."""

TURN_S = 0.0005
"""Seconds, after which a turn is over at the next message: ``config.show`` and ``status`` take up to a
millisecond each, and twenty programs that send thousands of them have as many turns before one ``hello``."""


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

    def is_over(self) -> bool:
        """Asked before each message."""
        self._left -= 1
        return self._left < 0 or time.monotonic() > self._until
