"""Events of a stream that say the same but for one text, read without reading all of it again.

Of 250 bytes of a streamed event a provider changes 5. JSON is read from left to right, so behind a beginning
that is the same byte for byte the reader is in the same place: if a text follows there, and behind it an end
that is the same again, the event is the earlier one with another text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from json import decoder
from typing import Any

from lokid.dialects.untrusted import has_surrogate, loads

TRIES = 3
"""Events that are learnt in a row without use, until nothing more is: each takes twice as long as to read it.
OpenAI hides how long its texts are behind a random one, so no two of its events are alike."""

# What reads the texts of JSON for ``json``: from behind the first quote; the text, and where it goes on.
_scan: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]

_text = re.compile(r'"content": ?"').search


class Template:
    """``text`` reads an event that is like the one that ``learn`` was given last."""

    __slots__ = ("_begin", "_end", "_tries")

    def __init__(self) -> None:
        self._begin = ""
        self._end = ""
        self._tries = TRIES

    def text(self, data: str) -> str | None:
        """None: ``data`` must be read as any other."""
        begin = self._begin
        if not begin or not data.startswith(begin) or ("\\u" in data and has_surrogate(data)):
            return None
        try:
            found, end = _scan(data, len(begin))
        except ValueError:
            return None
        if data[end:] != self._end:
            return None
        self._tries = TRIES
        return found

    def learn(self, data: str, chunk: Mapping[str, Any]) -> None:
        """``data``, read as ``chunk``: one choice with a delta that is one ``content``, and nothing else that
        matters."""
        if not self._tries:
            return
        self._tries -= 1
        self._begin = ""
        if (found := _text(data)) is None or has_surrogate(data):
            return
        begin = data[: found.end()]
        _, end = _scan(data, len(begin))
        # Is that the text, and not some other with that key? Another one in its place shows it.
        (choice,) = chunk["choices"]
        other = {**chunk, "choices": [{**choice, "delta": {"content": "?!"}}]}
        if loads(f'{begin}?!"{data[end:]}') == other:
            self._begin, self._end = begin, data[end:]
