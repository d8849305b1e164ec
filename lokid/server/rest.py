"""After a burst of work: what it needed goes back to the system.

Neither of two things happens by itself in a daemon that nobody asks. Cycles among Python's objects wait for
the collector, which counts new objects, and there are none. And the heap of the C library keeps what it once
had to be: its end cannot move down as long as one small piece is in use up there, an entry of a cache of
SQLite or of malloc's own. Half an hour of faults (``make soak``) left 12 MiB of such holes.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Awaitable, Callable

import anyio

from lokid.server.requests import Requests

REST_S = 5.0
"""Without a request. Longer than the pauses of a script that asks again and again: who asks just when memory
is given back waits for that, 1 to 6 ms (with 10,000 connections 100 ms), and the next burst takes its pages
from the system again."""

STEP_S = 1.0
"""How exactly that is measured, and how often a daemon that works is woken for it."""


async def rest(
    requests: Requests,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    give_back: Callable[[], None] | None = None,
) -> None:
    """Never returns. Once after each burst; a daemon that nobody asks is not woken."""
    seen = requests.moves
    while True:
        await requests.moved(seen)
        still_s = 0.0
        while still_s < REST_S:
            seen = requests.moves
            await sleep(STEP_S)
            # A stream of a minute neither begins nor ends meanwhile, and the collector would hold it up.
            still_s = still_s + STEP_S if requests.moves == seen and not len(requests) else 0.0
        (give_back or _give_back)()


def _give_back() -> None:
    gc.collect()
    # Of glibc. Not only the end of the heap: every page of it that is free as a whole. 0.3 ms.
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
