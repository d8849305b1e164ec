"""Memory that Python has freed and keeps for itself, as it was: after a lock keys would be in it.

Python does not overwrite what it frees, and gives little back to the kernel. New objects of every size take
the free places one by one, filled with zeros; the large ones the C library gives back. A best effort: nobody
can say where extensions written in C have copied something.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterable

import anyio.to_thread

SMALL, STEP = 512, 16
"""Bytes. Python's own allocator (Objects/obmalloc.c) serves objects up to 512, in classes of 16."""

LARGE = (*range(SMALL + STEP, 1041, STEP), *(1024 << power for power in range(1, 8)))
"""Bytes, up to 128 KiB: what is larger the C library gives back when it is freed. Up to 1032 glibc keeps free
places by their size (malloc/malloc.c, tcache), and takes larger ones apart."""

PER_SIZE = 1024 * 1024
"""Bytes of new objects for each size, for its half-full pools."""

POOLS = 32 * 1024 * 1024
"""Bytes of new objects for the pools that are free as a whole: more than lokid takes in all."""

_HEADER = sys.getsizeof(b"")


async def overwrite() -> None:
    """Of all that nobody refers to. A quarter of a second of work; others go on meanwhile."""
    _collect()
    await anyio.to_thread.run_sync(_fill, (SMALL,), POOLS)
    await anyio.to_thread.run_sync(_fill, range(_HEADER + STEP, SMALL + 1, STEP))
    # The C library has other free places for each thread: those of the event loop saw the requests.
    _fill(LARGE)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc
    if trim is not None:
        trim(0)


def _collect() -> None:
    """Also what was there when lokid had started, which the collector passes over (``life``): a client
    of then that is in a circle of objects, as one with tokens is, would stay with all that it asked with."""
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    gc.collect()
    if frozen:
        gc.freeze()


def _fill(sizes: Iterable[int], amount: int = PER_SIZE) -> None:
    for size in sizes:
        filled = [bytes(size - _HEADER) for _ in range(amount // size)]
        del filled
