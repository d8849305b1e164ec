"""Server-sent events, bytes in, events out (WHATWG HTML, section 9.2.6).

Lines are split from *bytes*, on CR LF, LF or CR and nothing else: text-level line splitting also breaks at
U+2028, U+2029 and U+0085, which stand unescaped inside the JSON of real answers.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_EVENT = 1024 * 1024
"""Bytes of one line, and of the joined data of one event. The largest events seen from providers are
encrypted reasoning items and whole responses, tens of KiB; 1 MiB is far above all of them."""


MAX_LINES = 100_000
"""Of data in one event: an empty one takes eight bytes of memory for each of its six."""


class EventTooLarge(ValueError):
    """One event, or one line, is larger than the bound."""


class SSEEvent(NamedTuple):  # made faster than a frozen dataclass, and there is one for each token
    """``event``: its type, ``message`` if the stream named none. ``data``: the data lines, joined by LF."""

    event: str
    data: str


class SSEParser:
    """Feeds may be cut anywhere; work is linear in the bytes fed, also byte by byte.

    ``id`` and ``retry`` are ignored: no provider resumes an answer. A CR that ends a feed ends its line at
    once, and an LF that opens the next feed is then skipped, so no event waits for a byte that may not come.

    A server that fails in the middle may write ``error: {...}`` (llama.cpp until 2025) or a bare line of JSON
    or HTML (whoever catches the exception above it). The standard would pass over them; here the one is an
    event ``error``, the others are events of their own.

    What comes before a fault is returned first; the fault is raised by the same call if nothing came before
    it, else by the next one. From then on every call raises it.
    """

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._max = max_event
        self._line = bytearray()  # the unfinished line
        self._after_cr = False
        self._at_start = True
        self._event = ""
        self._data: list[bytes] = []
        self._size = 0
        self._fault: EventTooLarge | None = None

    def feed(self, data: bytes) -> list[SSEEvent]:
        """The events that ``data`` completes. Raises ``EventTooLarge``."""
        events: list[SSEEvent] = []
        if data and self._fault is None:
            try:
                self._read(data, events)
            except EventTooLarge as fault:
                self._fault = fault
                self._line.clear()
                self._data.clear()
        if self._fault is not None and not events:
            raise self._fault
        return events

    def _read(self, data: bytes, events: list[SSEEvent]) -> None:
        if self._after_cr and data[0] == 0x0A:
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        # Not ``in``, here and below: of bytes it tries a number first, and that costs more than the search.
        if data.find(b"\r") >= 0:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._at_start and not self._line and data[:1] != b"\xef":  # of a byte order mark
            self._at_start = False
        if not (self._line or self._data or self._event or self._at_start):
            data = self._whole(data, events)
            if not data:
                return
        first, *others = data.split(b"\n")
        self._line += first
        if len(self._line) > self._max:
            raise self._too_large()
        if not others:
            return
        self._take(bytes(self._line), events)
        for line in others[:-1]:
            self._take(line, events)
        self._line = bytearray(others[-1])
        if len(self._line) > self._max:
            raise self._too_large()

    def _whole(self, data: bytes, events: list[SSEEvent]) -> bytes:
        """Takes the events at the beginning of ``data`` that are whole and have one line, as nearly all are.
        Returns the rest."""
        begin = 0
        while (end := data.find(b"\n\n", begin)) >= 0:
            if data[begin : begin + 6] != b"data: " or end - begin > self._max:
                break
            if data.find(b"\n", begin, end) >= 0:
                break
            events.append(SSEEvent("message", data[begin + 6 : end].decode(errors="replace")))
            begin = end + 2
        return data[begin:] if begin else data

    @property
    def held(self) -> int:
        """Bytes of an event that is not complete."""
        return len(self._line) + self._size

    def close(self) -> list[SSEEvent]:
        """The end of the body: an event that no blank line finished counts as well.

        (The standard drops it. Providers that forget the last blank line exist; whether an answer is whole
        is decided by its terminal marker, not here.) Raises ``EventTooLarge``, also what ``feed`` owed.
        """
        if self._fault is not None:
            raise self._fault
        events: list[SSEEvent] = []
        self._take(bytes(self._line), events)
        self._line.clear()
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[SSEEvent]) -> None:
        if len(line) > self._max:
            raise self._too_large()
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            self._dispatch(events)
            return
        if line.startswith(b"data: "):  # nearly all
            field, value = b"data", line[6:]
        else:
            field, _, value = line.partition(b":")
            if value.startswith(b" "):
                value = value[1:]
        if field == b"data":
            self._size += len(value) + 1
            if self._size > self._max or len(self._data) >= MAX_LINES:
                raise self._too_large()
            self._data.append(value)
        elif field == b"event":
            self._event = value.decode(errors="replace")
        elif field == b"error":
            self._interrupt(SSEEvent("error", value.decode(errors="replace")), events)
        elif field and line.lstrip().startswith((b"{", b"[", b"<")):
            self._interrupt(SSEEvent("message", line.decode(errors="replace")), events)

    def _interrupt(self, event: SSEEvent, events: list[SSEEvent]) -> None:
        self._dispatch(events)
        events.append(event)

    def _dispatch(self, events: list[SSEEvent]) -> None:
        if self._data or self._event == "error":
            data = b"\n".join(self._data)
            events.append(SSEEvent(self._event or "message", data.decode(errors="replace")))
            self._data = []
        self._event, self._size = "", 0

    def _too_large(self) -> EventTooLarge:
        return EventTooLarge(f"an event is larger than {self._max} bytes or {MAX_LINES} lines")
