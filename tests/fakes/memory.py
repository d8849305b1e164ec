"""What this process can still reach: every text and every block of bytes, from all objects that the garbage
collector knows and what they refer to (it does not know a dict of texts, but the object that has it)."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable


def reachable(make: Callable[[str], str], kinds: Iterable[str]) -> dict[str, str]:
    """Of ``kinds`` those whose text ``make`` gives is somewhere, with where. The texts are made in here, so
    whoever asks does not hold them."""
    texts = [(kind, make(kind), make(kind).encode()) for kind in kinds]
    start = make("").encode()[:8]  # what they have in common: most texts are no more looked at
    prefix = start.decode()
    gc.collect()
    everything = gc.get_objects()
    seen = {id(everything), id(texts), *map(id, texts), *(id(each) for row in texts for each in row)}
    found: dict[str, object] = {}
    # Level by level, many objects in one call: one at a time takes minutes of a test run's memory.
    level: list[object] = [each for each in everything if id(each) not in seen]
    kept = []  # alive to the end, so that no id is given away twice
    while level:
        kept.append(level)
        seen.update(map(id, level))
        for each in level:
            if isinstance(each, str | bytes | bytearray):
                if (prefix not in each) if isinstance(each, str) else (start not in each):
                    continue
                for kind, text, data in texts:
                    if (text in each) if isinstance(each, str) else (data in each):
                        found[kind] = each
        inner = {id(each): each for each in gc.get_referents(*level)}
        level = [each for key, each in inner.items() if key not in seen]
    if len(found) == len(texts):  # nobody asks where
        return dict.fromkeys(found, "somewhere")
    ours = {id(found), id(inner), id(kept), id(level), *map(id, kept)}
    return {kind: _holders(found[kind], ours) for kind in found}


def _holders(each: object, ours: set[int]) -> str:
    """Types of what holds ``each``, of what holds that, and so on: ``str in dict in Vault in Runtime``."""
    names = type(each).__name__
    for _ in range(3):
        holders = [holder for holder in gc.get_referrers(each) if id(holder) not in ours]
        if not holders:
            break
        each = holders[0]
        ours = ours | {id(holders)}
        names += f" in {type(each).__qualname__}"
    return names
