"""Lines of the log that a program can cause as often as it likes, and the log would be the damage."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import anyio

EVERY_S = 1.0
"""Between two lines of one kind: enough to see what goes on, and 86,400 lines a day at most."""


class Seldom:
    """One line of a kind in ``EVERY_S``; the next one says how many were left out."""

    __slots__ = ("_due", "_left_out")

    def __init__(self) -> None:
        self._due: dict[tuple[object, str], float] = {}
        self._left_out: Counter[tuple[object, str]] = Counter()

    def __call__(self, log: Callable[..., None], text: str, *facts: object) -> None:
        """``log``: the method of a logger, which with ``text``, the words of its line without the facts, is
        the kind."""
        kind = log, text
        now = anyio.current_time()
        if now < self._due.get(kind, -math.inf):
            self._left_out[kind] += 1
            return
        self._due[kind] = now + EVERY_S
        if left_out := self._left_out.pop(kind, 0):
            text, facts = f"{text} (and %d more since the last such line)", (*facts, left_out)
        log(text, *facts)
