"""What only the collector finds: objects of lokid that hold each other in a circle."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage(at_least: int) -> Iterator[dict[str, int]]:
    """At the end it holds how many were left of each type, of those that are more than ``at_least``."""
    left: dict[str, int] = {}
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield left
        gc.collect()
        found = Counter(type(one).__qualname__ for one in gc.garbage if "lokid" in type(one).__module__)
        left.update({name: count for name, count in found.items() if count >= at_least})
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
