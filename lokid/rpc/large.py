"""A frame that is too large to be decoded where others wait: ``decode`` is for a thread.

Strategy: msgpack decodes in one call that lets no other thread run, for 60 MiB of texts 0.2 s. So a frame
with many bytes or many values is decoded value by value in Python: that takes longer, and the event loop
gets its turn every 5 ms (``sys.getswitchinterval``). What is large itself, a text or a block of bytes, is
made in steps too; fresh memory is what costs, 0.6 ms a MB. The walk of ``connection`` has admitted everything
before.
"""

from __future__ import annotations

from codecs import getincrementaldecoder

from msgpack import unpackb

from lokid.rpc.messages import Message, ProtocolError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

WHOLE_BYTES = 1024 * 1024
WHOLE_OBJECTS = 16_384
"""Up to both of these msgpack does it in one call, within 10 ms."""

_FLOATS = {0xCA: 4, 0xCB: 8}
# First byte -> bytes of the number that follows, and whether it has a sign.
_WHOLE = {
    0xCC: (1, False), 0xCD: (2, False), 0xCE: (4, False), 0xCF: (8, False),
    0xD0: (1, True), 0xD1: (2, True), 0xD2: (4, True), 0xD3: (8, True),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# First byte -> bytes of the length that follows it, by the specification of MessagePack.
BIN = {0xC4: 1, 0xC5: 2, 0xC6: 4}
STR = {0xD9: 1, 0xDA: 2, 0xDB: 4}
ARRAY = {0xDC: 2, 0xDD: 4}
MAP = {0xDE: 2, 0xDF: 4}


def unpacked(frame: bytes | bytearray | memoryview) -> Any:
    """The value that ``frame`` is; raises ProtocolError."""
    try:
        return unpackb(frame, raw=False, strict_map_key=True, max_ext_len=0)
    except UnicodeDecodeError as error:
        raise ProtocolError(NOT_UTF8) from error
    except ValueError as error:  # all else that msgpack refuses, the walk has refused before
        raise ProtocolError(NO_TEXT_KEY) from error


NOT_UTF8 = "text is not UTF-8; binary data travels as bin"
NO_TEXT_KEY = "a map has a key that is not text"


class LargeFrame:
    """A whole frame within all limits. ``objects``: values and keys in it. ``msgid``: of the request that it
    begins, if it is one."""

    __slots__ = ("_bytes", "_objects", "msgid")

    def __init__(self, data: bytes | bytearray, objects: int, msgid: int | None) -> None:
        self._bytes = data
        self._objects = objects
        self.msgid = msgid

    def __len__(self) -> int:
        return len(self._bytes)

    def decode(self) -> Message:
        """Raises ProtocolError."""
        try:
            if len(self._bytes) <= WHOLE_BYTES and self._objects <= WHOLE_OBJECTS:
                return parse(unpacked(self._bytes))
            return parse(_Values(self._bytes).value())
        except ProtocolError as error:
            error.msgid = self.msgid
            raise
        finally:
            self._bytes = b""


class _Values:
    """``value`` reads the next one. Its depth is bounded by ``Limits.max_depth``."""

    __slots__ = ("_at", "_from")

    def __init__(self, source: bytes | bytearray) -> None:
        self._from = source
        self._at = 0

    def value(self) -> Any:
        first = self._from[self._at]
        self._at += 1
        if first <= 0x7F or first >= 0xE0:
            return first if first <= 0x7F else first - 0x100
        if 0xA0 <= first <= 0xBF:
            return self._text(first - 0xA0)
        if first <= 0x8F:
            return self._map(first & 0x0F)
        if first <= 0x9F:
            return [self.value() for _ in range(first & 0x0F)]
        if first in STR:
            return self._text(self._length(STR[first]))
        if first in BIN:
            return self._block(self._length(BIN[first]))
        if first in ARRAY:
            return [self.value() for _ in range(self._length(ARRAY[first]))]
        if first in MAP:
            return self._map(self._length(MAP[first]))
        return self._scalar(first)

    def _scalar(self, first: int) -> Any:
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _FLOATS:
            self._at -= 1
            return unpackb(self._taken(1 + _FLOATS[first]))
        width, signed = _WHOLE[first]
        return int.from_bytes(self._taken(width), "big", signed=signed)

    def _length(self, width: int) -> int:
        return int.from_bytes(self._taken(width), "big")

    def _taken(self, size: int) -> memoryview:
        begin, self._at = self._at, self._at + size
        return memoryview(self._from)[begin : self._at]

    def _block(self, size: int) -> bytes:
        taken = self._taken(size)
        if size <= WHOLE_BYTES:
            return bytes(taken)
        # To put bytes together (these, not views of them) Python lets other threads run, from 1 MiB on.
        return b"".join([bytes(taken[at : at + WHOLE_BYTES]) for at in range(0, size, WHOLE_BYTES)])

    def _text(self, size: int) -> str:
        taken = self._taken(size)
        try:
            if size <= WHOLE_BYTES:
                return str(taken, "utf-8")
            # Here, as lokictl reads no texts of this size this way.
            from lokid.long_text import STEP, assembled

            return assembled(lambda: _decoded(taken, STEP))
        except UnicodeDecodeError as error:
            raise ProtocolError(NOT_UTF8) from error

    def _map(self, size: int) -> dict[Any, Any]:
        found = {}
        for _ in range(size):
            key = self.value()
            if not isinstance(key, str | bytes):
                raise ProtocolError(NO_TEXT_KEY)
            found[key] = self.value()
        return found


def _decoded(text: memoryview, step: int) -> Iterator[str]:
    """``text`` in pieces of ``step`` bytes; raises UnicodeDecodeError."""
    decoder = getincrementaldecoder("utf-8")()
    for at in range(0, len(text), step):
        yield decoder.decode(text[at : at + step], at + step >= len(text))
