"""Looks at what may never answer: a file on a network mount that hangs, a keyring that asks somebody.

Whoever waits for one may go, the thread that does it may not: it stays for as long as the mount hangs. If
each question left one, there would soon be none for anybody (``TasksMax`` of the unit). So there are a few
for each thing, and who comes then waits in line for one, without a thread. Of those in a line only the first
looks whether it may: a thousand that did would be a loop that does nothing else.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import TypeVar

import anyio
import anyio.to_thread

AT_ONCE = 4
"""Threads for one thing. One would do, but for a mount that answers slowly."""

AGAIN_S = 0.02
"""Seconds until the first in line looks again: a thread that nobody waits for tells nobody when it ends."""

T = TypeVar("T")

_lock = threading.Lock()
_under_way: Counter[Hashable] = Counter()
_lines: dict[Hashable, deque[_Place]] = {}


class _Place:
    """In a line. ``moved``: it may be the first now, or a thread has ended."""

    __slots__ = ("moved",)

    def __init__(self) -> None:
        self.moved = anyio.Event()


async def look(thing: Hashable, work: Callable[[], T], at_once: int = AT_ONCE) -> T:
    """``work()``, in a thread that is not waited for when this is cancelled. No place of anyio's is taken for
    it: those are for what ends."""
    if thing in _lines or not _begins(thing, at_once):
        await _in_line(thing, at_once)
    begun = threading.Lock()

    def run() -> T:
        if not begun.acquire(blocking=False):
            raise RuntimeError("who asked has gone")  # nobody sees it
        try:
            return work()
        finally:
            _ended(thing)

    try:
        own = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=own)
    finally:
        if begun.acquire(blocking=False):  # no thread did, and now none will
            _ended(thing)
        if thing in _lines:
            _lines[thing][0].moved.set()


async def _in_line(thing: Hashable, at_once: int) -> None:
    """Returns when those before it have begun and there is a thread for it."""
    line = _lines.setdefault(thing, deque())
    place = _Place()
    line.append(place)
    try:
        while line[0] is not place or not _begins(thing, at_once):
            with anyio.move_on_after(AGAIN_S if line[0] is place else inf):
                await place.moved.wait()
            place.moved = anyio.Event()
    finally:
        line.remove(place)
        if line:
            line[0].moved.set()
        else:
            del _lines[thing]


def within(seconds: float, works: Mapping[Hashable, Callable[[], T]]) -> dict[Hashable, T]:
    """What each of ``works``, by its thing, gave that takes no longer: all are begun at once, so that ten
    that hang cost no more time than one. None of them raises. Blocks."""
    outcomes: SimpleQueue[tuple[Hashable, T]] = SimpleQueue()

    def run(thing: Hashable, work: Callable[[], T]) -> None:
        try:
            outcomes.put((thing, work()))
        finally:
            _ended(thing)

    begun = 0
    for each in filter(lambda one: _begins(one[0], AT_ONCE), works.items()):
        try:
            threading.Thread(target=run, args=each, name="lingering", daemon=True).start()
            begun += 1
        except RuntimeError:  # there may be no more threads
            _ended(each[0])
    found: dict[Hashable, T] = {}
    until = time.monotonic() + seconds
    with suppress(Empty):
        while len(found) < begun:
            thing, outcome = outcomes.get(timeout=max(until - time.monotonic(), 0.0))
            found[thing] = outcome
    return found


def _begins(thing: Hashable, at_once: int) -> bool:
    with _lock:
        if _under_way[thing] >= at_once:
            return False
        _under_way[thing] += 1
        return True


def _ended(thing: Hashable) -> None:
    with _lock:
        _under_way[thing] -= 1
        if not _under_way[thing]:
            del _under_way[thing]
