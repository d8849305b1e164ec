"""Block YAML as a person would write it, of what JSON can hold. lokictl needs no YAML package."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./+-]*|-{1,2}[A-Za-z][A-Za-z0-9-]*")
"""Texts that need no quotes anywhere: words, paths, options. Quotes are never wrong, so others have them."""

_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
"""Of YAML 1.1, in any case: without quotes they are no texts."""


def lines(value: object, indent: int = 0) -> Iterator[str]:
    """``value`` from column ``indent`` on: a map or a list, whose keys are words."""
    space = " " * indent
    rows: list[tuple[str, object]] = (
        [(f"{key}:", inner) for key, inner in value.items()]
        if isinstance(value, Mapping)
        else [("-", inner) for inner in value]  # type: ignore[attr-defined]
    )
    for head, inner in rows:
        if not (isinstance(inner, Mapping | list | tuple) and inner):
            yield f"{space}{head} {scalar(inner)}"
        elif head == "-":
            first, *more = lines(inner, indent + 2)
            yield f"{space}- {first.lstrip()}"
            yield from more
        else:
            yield f"{space}{head}"
            yield from lines(inner, indent + 2)


def scalar(value: object) -> str:
    """On one line; a whole number without its ``.0``."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
