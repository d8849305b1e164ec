"""Threads that take turns often, while one of them has a lot to do that nobody waits for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio.to_thread

from lokid.runtime import lingering

T = TypeVar("T")

INTERVAL_S = 0.0002
"""Python lets a thread keep the interpreter for 5 ms, and the event loop asks for it four or five times in
the shortest request: after each system call. A turn costs some 10 µs, so no less than this."""

_working = 0
_usual = 0.0


async def aside(work: Callable[[], T], reads: str | None = None) -> T:
    """``work()`` in a thread. Whoever waits for it may go; the others get their turns meanwhile. ``reads``:
    what it reads from a disk, which may hang."""
    held = [work]
    del work  # what it holds is nobody's when it has ended: the thread may stay in its last line for a while
    with turns():
        if reads is not None:
            return await lingering.look(reads, lambda: held.pop()())
        return await anyio.to_thread.run_sync(lambda: held.pop()(), abandon_on_cancel=True)


@contextmanager
def turns() -> Iterator[None]:
    """While a thread works."""
    global _working, _usual
    if not _working:
        _usual = sys.getswitchinterval()
        sys.setswitchinterval(INTERVAL_S)
    _working += 1
    try:
        yield
    finally:
        _working -= 1
        if not _working:
            sys.setswitchinterval(_usual)
