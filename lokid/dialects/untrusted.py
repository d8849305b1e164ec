"""Reading JSON that a server wrote: any key may be missing, null, or of another type than documented."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from lokid.dialects import json_steps

MAX_DEPTH = 32
"""Levels of nesting of what goes on to our callers. Their frames may have 64, and this is not at the top."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


def _int(digits: str) -> int | float:
    """What does not fit into 64 bits is no count and no index; MessagePack cannot carry it."""
    number = int(digits) if len(digits) <= 20 else float(digits)
    return number if -(2**63) <= number < 2**64 else float(number)


class Unreadable(ValueError):
    """A text that is no JSON, and not because it was cut."""


def _constant(name: str) -> None:
    raise Unreadable(f"{name} is no number of JSON")


_DECODER = json.JSONDecoder(parse_int=_int, parse_constant=_constant)


LARGE = 64 * 1024
"""Characters. To read so much takes 1 to 5 ms, in which no other thread runs."""


def _decode(text: str) -> Any:
    if len(text) > LARGE:
        return json_steps.decoded(text, _DECODER)
    # An event of a stream is one value with nothing around it, and ``decode`` looks twice for blanks.
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        end = -1
    return value if end == len(text) else _DECODER.decode(text)


def loads(text: str | bytes) -> Any:
    """The JSON value. While it reads a large one other threads have their turn. Raises ``ValueError`` for
    everything that is not JSON, too deep nesting included.

    An escaped half of a surrogate pair becomes U+FFFD: it is legal JSON but no text, and would break
    everything that encodes it later.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    text = text.removeprefix("\ufeff")
    try:
        value = _decode(text)
        if has_surrogate(text):
            del text
            value = _mended(value)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    return value


def _mended(value: Any) -> Any:
    """Text by text: the whole as one would be another gigabyte of an answer of 64 MiB with one emoji."""
    match value:
        case str() if _HALF.search(value):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_mended(one) for one in value]
        case dict():
            return {_mended(key): _mended(one) for key, one in value.items()}
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


MOST_TOKENS = 2**32
"""Of one answer. No model has a thousandth, and two thousand million answers of so many still have a sum."""


def counted(found: Mapping[str, Any], *names: str) -> bool:
    """Whether it says how many tokens: under one of ``names`` at least more than none, and under none of them
    something else. A usage that cannot be read is none, and not one of 0 tokens; nor is one of zeros, which
    gateways fill in that do not know, as no question has so few."""
    said = [value for name in names if (value := found.get(name)) is not None]
    return any(said) and all(type(value) in (int, float) and 0 <= value < MOST_TOKENS for value in said)


def count(value: Any) -> int:
    """A number of tokens: never negative, never a fraction."""
    if type(value) is int:  # what nearly everybody sends
        return value if 0 <= value < MOST_TOKENS else 0
    return int(value) if isinstance(value, float) and 0 <= value < MOST_TOKENS else 0
