"""JSON as bytes, made in steps. The same bytes as ``json.dumps``, which writes a text of 15 MB in one call of
0.1 s that lets no other thread run; here none of the steps is longer than a few milliseconds but the last,
which puts them together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

STEP = 256 * 1024
"""Characters of a text."""

NODES = 1000
"""Entries of a list or map; one with fewer, and no long text below, is left to ``json.dumps``."""


TOGETHER = 100
"""Entries of a list that are written in one go, if they are light: one at a time takes 20 times as long."""

# What is abstract comes last: it takes ten times as long to ask for.
_SINGLE = (int, float, type(None))
_MAPS = (dict, Mapping)
_HOLDING = (dict, list, tuple, Mapping)


def encoded(value: Any) -> bytes:
    """Compact UTF-8; ASCII if there is a lone surrogate, which only an escape can carry."""
    try:
        return b"".join(_pieces(value, partial(json.dumps, ensure_ascii=False, separators=(",", ":"))))
    except UnicodeEncodeError:
        return b"".join(_pieces(value, partial(json.dumps, separators=(",", ":"))))


def _pieces(value: Any, dumps: partial[str]) -> Iterator[bytes]:
    match value:
        case str() if len(value) > STEP:
            yield b'"'
            for at in range(0, len(value), STEP):
                yield dumps(value[at : at + STEP])[1:-1].encode()
            yield b'"'
        case Mapping() if not is_light(value):
            yield b"{"
            for number, (key, inner) in enumerate(value.items()):
                yield (b"," if number else b"") + dumps(key).encode() + b":"
                yield from _pieces(inner, dumps)
            yield b"}"
        case list() | tuple() if not is_light(value):
            yield b"["
            # Most are many small ones: some of them together are light.
            for at in range(0, len(value), TOGETHER):
                if at:
                    yield b","
                some = value[at : at + TOGETHER]
                if is_light(some):
                    yield dumps(some)[1:-1].encode()
                else:
                    for number, inner in enumerate(some):
                        if number:
                            yield b","
                        yield from _pieces(inner, dumps)
            yield b"]"
        case _:
            yield dumps(value).encode()


def is_light(value: Any) -> bool:
    """Whether it can be written in one go. Stops looking as soon as it cannot."""
    left, waiting, size = NODES, [value], 0
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            size += len(inner)
        elif not isinstance(inner, _SINGLE) and isinstance(inner, _HOLDING):
            left -= len(inner)
            if left >= 0:
                waiting += inner.values() if isinstance(inner, _MAPS) else inner
        if left < 0 or size > STEP:
            return False
    return True
