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
    seen = {id(texts), id(everything), *map(id, texts)}
    found: dict[str, str] = {}
    left = [(each, "") for each in everything if each is not everything and id(each) not in seen]
    while left:
        each, origin = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, str | bytes | bytearray):
            if (prefix not in each) if isinstance(each, str) else (start not in each):
                continue
            for kind, text, data in texts:
                if (text in each) if isinstance(each, str) else (data in each):
                    found[kind] = f"{origin} has {type(each).__name__}"
        elif each is not everything and each is not left:
            origin = f"{origin} > {type(each).__qualname__}"[-160:]
            left += [(inner, origin) for inner in gc.get_referents(each) if id(inner) not in seen]
    return found
