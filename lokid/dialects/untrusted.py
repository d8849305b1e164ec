"""Reading JSON that a server wrote: any key may be missing, null, or of another type than documented."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

MAX_DEPTH = 32
"""Levels of nesting of what goes on to our callers. Their frames may have 64, and this is not at the top."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _int(digits: str) -> int | float:
    """What does not fit into 64 bits is no count and no index; MessagePack cannot carry it."""
    number = int(digits) if len(digits) <= 20 else float(digits)
    return number if -(2**63) <= number < 2**64 else float(number)


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_int, parse_constant=_constant)


def _decode(text: str) -> Any:
    # An event of a stream is one value with nothing around it, and ``decode`` looks twice for blanks.
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        end = -1
    return value if end == len(text) else _DECODER.decode(text)


def loads(text: str | bytes) -> Any:
    """The JSON value. Raises ``ValueError`` for everything that is not JSON, too deep nesting included.

    An escaped half of a surrogate pair becomes U+FFFD: it is legal JSON but no text, and would break
    everything that encodes it later.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    text = text.removeprefix("\ufeff")
    try:
        value = _decode(text)
        if has_surrogate(text):
            mended = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
            value = _DECODER.decode(mended.decode("utf-16", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def has_surrogate(text: str) -> bool:
    """Whether there is an escaped half of a pair in a JSON text, maybe with its other half."""
    return "\\u" in text and _SURROGATE.search(text) is not None


def fits(value: Any) -> bool:
    """Whether our callers can have it and give it back: not too deep, no infinite numbers."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(entry, float) and not isfinite(entry) for entry in level):
            return False
        inner = [entry.values() if isinstance(entry, dict) else entry for entry in level if _holds(entry)]
        level = [entry for entries in inner for entry in entries]
        if not level:
            return True
    return False


def _holds(value: Any) -> bool:
    return isinstance(value, dict | list)


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}  # not Mapping: that takes ten times as long to ask for


def items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def count(value: Any) -> int:
    """A number of tokens: never negative, never a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        return 0
    return int(value)
