"""Letters beyond 16 bits that a server cut in two: gateways in JavaScript cut texts by UTF-16, and each half
of an emoji then comes in an event of its own, written as ``\\ud83d`` and ``\\ude00``."""

from __future__ import annotations

import re

from lokid.dialects.untrusted import has_surrogate

# Both begin with letters that are looked for as fast as memory is read: an event may have 16 MiB.
_FIRST_AT_END = re.compile(r'\\u[dD][89abAB][0-9a-fA-F]{2}"')
_SECOND_AT_BEGIN = re.compile(r'"\\u[dD][c-fC-F]')


class Halves:
    """``joined``: the JSON of each event of a stream, with its letters whole. The first half of one waits for
    the event that begins with the second; one that stays alone is no text, and left out."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first = ""

    def joined(self, data: str) -> str:
        if not has_surrogate(data):
            return data
        if self._first and (found := _at(_SECOND_AT_BEGIN, data)):
            data = _cut(data, [one.start() + 1 for one in found], 0, self._first)
            self._first = ""
        if found := _at(_FIRST_AT_END, data):
            self._first = found[-1][0][:HALF]
            data = _cut(data, [one.start() for one in found], HALF, "")
        return data


HALF = len("\\ud83d")


def _at(pattern: re.Pattern[str], data: str) -> list[re.Match[str]]:
    """Where it stands and is not itself escaped."""
    return [found for found in pattern.finditer(data) if not _is_escaped(data, found.start())]


def _is_escaped(data: str, at: int) -> bool:
    begin = at
    while begin and data[begin - 1] == "\\":
        begin -= 1
    return (at - begin) % 2 == 1


def _cut(data: str, places: list[int], long: int, instead: str) -> str:
    """``data`` with ``instead`` in the place of ``long`` letters at each of ``places``."""
    begins = [0, *(at + long for at in places)]
    return instead.join(data[begin:end] for begin, end in zip(begins, [*places, len(data)], strict=True))
