"""AWS event streams (``application/vnd.amazon.eventstream``), bytes in, messages out.

https://smithy.io/2.0/aws/amazon-eventstream.html. All numbers are big-endian::

    length of all u32 | length of headers u32 | CRC32 of these 8 bytes | headers | payload | CRC32 of all
    header: length of name u8 | name | type u8 | value
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message: what the specification allows, and far above a few KiB that providers send."""

MAX_HEADERS = 128 * 1024
"""Bytes of the headers of one message, as the specification has it."""

PRELUDE = 12
"""Both lengths and their checksum."""

_AROUND = PRELUDE + 4

Value = bool | int | bytes | str
"""Times are milliseconds since the epoch, UUIDs their 16 bytes."""


class BrokenStream(ValueError):
    """The bytes are no event stream, or were damaged on their way."""


class CutStream(BrokenStream):
    """The stream ended inside a message."""


@dataclass(frozen=True, slots=True)
class StreamMessage:
    headers: Mapping[str, Value]
    payload: bytes

    def text(self, name: str) -> str:
        """A header's text, empty if there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class EventStreamParser:
    """Feeds may be cut anywhere; work is linear in the bytes fed, also byte by byte.

    What comes before a fault is returned first; the fault is raised by the same call if nothing came before
    it, else by the next one. From then on every call raises it.
    """

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._max = max_message
        self._buffer = bytearray()
        self._total = 0  # of the message that begins the buffer; 0 while its prelude is not there
        self._fault: BrokenStream | None = None

    def feed(self, data: bytes) -> list[StreamMessage]:
        """The messages that ``data`` completes. Raises ``BrokenStream``."""
        messages: list[StreamMessage] = []
        if self._fault is None:
            self._buffer += data
            try:
                for message in self._complete():
                    messages.append(message)  # noqa: PERF402 - those before a fault are kept
            except BrokenStream as fault:
                self._fault = fault
                self._buffer.clear()
        if self._fault is not None and not messages:
            raise self._fault
        return messages

    @property
    def held(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._buffer)

    def close(self) -> list[StreamMessage]:
        """The end of the body, which completes nothing. Raises ``CutStream`` for an unfinished message, and
        what ``feed`` owed."""
        if self._fault is not None:
            raise self._fault
        if self._buffer:
            raise CutStream("it ended inside a message")
        return []

    def _complete(self) -> Iterator[StreamMessage]:
        while self._begun() and len(self._buffer) >= self._total:
            message = bytes(self._buffer[: self._total])
            del self._buffer[: self._total]
            self._total = 0
            yield _message(message)

    def _begun(self) -> bool:
        """Whether the length of the next message is known. It is only believed after its checksum."""
        if not self._total and len(self._buffer) >= PRELUDE:
            total, headers, checksum = struct.unpack_from(">III", self._buffer)
            if zlib.crc32(self._buffer[:8]) != checksum:
                raise BrokenStream("the checksum of a message's beginning is wrong")
            if total > self._max:
                raise BrokenStream(f"a message is larger than {self._max} bytes")
            if headers > min(MAX_HEADERS, total - _AROUND):
                raise BrokenStream("the headers of a message are longer than they can be")
            self._total = total
        return self._total > 0


def _message(data: bytes) -> StreamMessage:
    (checksum,) = struct.unpack_from(">I", data, len(data) - 4)
    if zlib.crc32(data[:-4]) != checksum:
        raise BrokenStream("the checksum of a message is wrong")
    (size,) = struct.unpack_from(">I", data, 4)
    return StreamMessage(_headers(data[PRELUDE : PRELUDE + size]), data[PRELUDE + size : -4])


_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q", 9: ">16s"}
"""Type of a header -> form of its value: integers of 1 to 8 bytes, a time, a UUID."""


def _headers(data: bytes) -> dict[str, Value]:
    found: dict[str, Value] = {}
    at = 0
    try:
        while at < len(data):
            name, at = _counted(data, at, ">B")
            (kind,) = struct.unpack_from(">B", data, at)
            value, at = _value(data, at + 1, kind)
            if name.decode() in found:
                raise BrokenStream("a message has two headers of one name")
            found[name.decode()] = value
    except (struct.error, UnicodeDecodeError) as error:
        raise BrokenStream("the headers of a message cannot be read") from error
    return found


def _value(data: bytes, at: int, kind: int) -> tuple[Value, int]:
    """The value of type ``kind`` at ``at``, and where it ends."""
    if kind in (0, 1):
        return kind == 0, at
    if kind in (6, 7):
        value, end = _counted(data, at, ">H")
        return (value.decode() if kind == 7 else value), end
    if kind not in _FIXED:
        raise BrokenStream(f"a header is of the unknown type {kind}")
    return struct.unpack_from(_FIXED[kind], data, at)[0], at + struct.calcsize(_FIXED[kind])


def _counted(data: bytes, at: int, form: str) -> tuple[bytes, int]:
    """Bytes that their length of the form ``form`` precedes, and where they end."""
    (length,) = struct.unpack_from(form, data, at)
    begin = at + struct.calcsize(form)
    if begin + length > len(data):
        raise struct.error
    return data[begin : begin + length], begin + length
