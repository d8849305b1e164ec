"""Reading a large JSON text in steps that are short enough for other threads to get their turn.

Strategy: Python's decoder reads fastest, but keeps the interpreter until it has ended. So it gets a piece at
a time: as many entries of a list, or pairs of a map, as end at a comma within ``RUN`` characters. Which comma
that is, is guessed by counting brackets; a wrong guess makes no JSON, so the decoder has the last word. Where
guesses fail the pieces get smaller, and in the end the entries are read one at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from json import decoder
from typing import Any

RUN = 64 * 1024
"""Characters of a piece: 1 ms for numbers, 7 ms for lists in lists."""

SHORTEST = 256
"""Characters, below which guessing takes longer than it spares."""

TRIES = 256
"""Commas that are looked at for one guess."""

PAUSE = 64
"""Entries that are read without guessing when a guess of ``SHORTEST`` has failed."""

_texts = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""Also one that does not end: from each quote in it the search would begin anew."""

_blank = re.compile(r"[ \t\n\r]*").match
_scan: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]


def decoded(text: str, with_decoder: json.JSONDecoder) -> Any:
    """What ``with_decoder.decode(text)`` gives. Raises ``ValueError`` where it does, ``RecursionError`` at
    half as many levels."""
    return _Reader(text, with_decoder).whole()


class _Reader:
    """``_runs``: characters of the next piece at each level of nesting, as entries are as large as those
    before them; below 0, how many are to be read before the next guess."""

    __slots__ = ("_decode", "_decode_at", "_runs", "_text")

    def __init__(self, text: str, with_decoder: json.JSONDecoder) -> None:
        self._text = text
        self._decode = with_decoder.decode
        self._decode_at = with_decoder.raw_decode
        self._runs: list[int] = []

    def whole(self) -> Any:
        value, end = self._value(self._behind(0), 0)
        if self._behind(end) != len(self._text):
            raise ValueError("something stands behind the JSON")
        return value

    def _value(self, at: int, level: int) -> tuple[Any, int]:
        """The value that begins there, and where it ends."""
        first = self._text[at : at + 1]
        if first not in ("{", "["):
            return self._decode_at(self._text, at)
        if level == len(self._runs):
            self._runs.append(RUN)
        return self._pairs(at, level) if first == "{" else self._entries(at, level)

    def _pairs(self, at: int, level: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        text = self._text
        at = self._behind(at + 1)
        if text[at : at + 1] == "}":
            return found, at + 1
        while True:
            piece, at = self._piece(at, level, "{}")
            if piece:
                found |= piece
                continue
            if text[at : at + 1] != '"':
                raise ValueError("a key is a text")
            key, at = _scan(text, at + 1)
            at = self._behind(at)
            if text[at : at + 1] != ":":
                raise ValueError("a colon is missing")
            found[key], at = self._value(self._behind(at + 1), level + 1)
            at, ended = self._next(at, "}")
            if ended:
                return found, at

    def _entries(self, at: int, level: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        at = self._behind(at + 1)
        if self._text[at : at + 1] == "]":
            return found, at + 1
        while True:
            piece, at = self._piece(at, level, "[]")
            if piece:
                found += piece
                continue
            entry, at = self._value(at, level + 1)
            found.append(entry)
            at, ended = self._next(at, "]")
            if ended:
                return found, at

    def _next(self, at: int, closing: str) -> tuple[int, bool]:
        """Where the next one begins behind its comma, or that there is none."""
        at = self._behind(at)
        behind = self._text[at : at + 1]
        if behind == closing:
            return at + 1, True
        if behind != ",":
            raise ValueError("a comma is missing")
        return self._behind(at + 1), False

    def _behind(self, at: int) -> int:
        """Where the blanks end."""
        found = _blank(self._text, at)
        assert found
        return found.end()

    def _piece(self, at: int, level: int, around: str) -> tuple[Any, int]:
        """Entries, or pairs, from ``at`` on, and where the next one begins; or none, and ``at``."""
        run = self._runs[level]
        if run < 0:
            self._runs[level] = run + 1 or SHORTEST
            return None, at
        cut = self._guess(at, run)
        if cut > at:
            try:
                piece = self._decode(f"{around[0]}{self._text[at:cut]}{around[1]}")
            except ValueError:
                pass
            else:
                self._runs[level] = min(run * 2, RUN)
                return piece, self._behind(cut + 1)
        self._runs[level] = run // 4 if run // 4 >= SHORTEST else -PAUSE
        return None, at

    def _guess(self, at: int, run: int) -> int:
        """A comma behind an entry, as late as may be, or -1."""
        text = self._text
        cut = text.rfind(",", at, at + run)
        more = self._opened(at, max(cut, at))
        tries = TRIES
        while more and cut > at and tries:
            opened = max(text.rfind("[", at, cut), text.rfind("{", at, cut))
            cut, last = text.rfind(",", at, max(opened, at)), cut
            more -= self._opened(max(cut, at), last)
            tries -= 1
        return -1 if more else cut

    def _opened(self, begin: int, end: int) -> int:
        """How many more lists and maps begin there than end."""
        piece = self._text[begin:end]
        if '"' in piece:
            piece = _texts.sub("", piece)
        return piece.count("[") + piece.count("{") - piece.count("]") - piece.count("}")
