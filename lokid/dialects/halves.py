"""Letters beyond 16 bits that a server cut in two: gateways in JavaScript cut texts by UTF-16, and each half
of an emoji then comes in an event of its own, written as ``\\ud83d`` and ``\\ude00``."""

from __future__ import annotations

import re

from lokid.dialects.untrusted import has_surrogate

_FIRST_AT_END = re.compile(r'(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})"')
_SECOND_AT_BEGIN = re.compile(r'(?<!\\)"(?=\\u[dD][c-fC-F])')


class Halves:
    """``joined``: the JSON of each event of a stream, with its letters whole. The first half of one waits for
    the event that begins with the second; one that stays alone is no text, and left out."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first = ""

    def joined(self, data: str) -> str:
        if not has_surrogate(data):
            return data
        if self._first and _SECOND_AT_BEGIN.search(data):
            data = _SECOND_AT_BEGIN.sub(lambda _: f'"{self._first}', data)
            self._first = ""
        if found := _FIRST_AT_END.search(data):
            self._first = found[2]
            data = _FIRST_AT_END.sub(r'\1"', data)
        return data
