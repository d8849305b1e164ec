"""The little MessagePack that a question and its answer need.

Importing the msgpack package costs half as much as starting Python (4.5 of 10 ms), and ``ask`` sends two
small maps and reads small events. So this encodes the plain types, and reads frames as long as they are
small; from the first 64 KiB that wait to be read on, the package does, which is faster on large data.
Format: https://github.com/msgpack/msgpack/blob/master/spec.md. Tests compare it with the package.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TO_WIRE = -1 if sys.byteorder == "little" else 1
"""The step that turns a number of this machine into one of the wire. A view casts floats as the struct
module does, whose library takes as long to load as ``_socket``."""

SMALL = 64 * 1024
"""So many bytes to read, and the package reads on: importing it is then the smaller cost."""

MAX_FRAME = 512 * 1024 * 1024
"""The daemon's own limit for an answer (lokid.server.session); what is larger is not from lokid."""


class Malformed(Exception):
    """These bytes are not MessagePack, or not of lokid."""


class _Short(Exception):
    """The frame is not complete yet."""


def encode(value: object) -> bytes:
    """``value``: None, bool, int, float, str, bytes, lists and maps of them. MessagePack ends at 64 bits:
    what is larger becomes the nearest float, as in other JSON readers."""
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _encode(value: object, out: bytearray) -> None:  # noqa: C901 (a table of types, read top to bottom)
    if value is None:
        out.append(0xC0)
    elif value is True or value is False:
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            _encode(_nearest(value), out)
        elif 0 <= value < 128:
            out.append(value)
        elif value >= 0:
            out.append(0xCF)
            out += value.to_bytes(8, "big")
        else:
            out.append(0xD3)
            out += value.to_bytes(8, "big", signed=True)
    elif isinstance(value, str):
        # Surrogates stand for bytes of the command line that were not UTF-8.
        data = value.encode("utf-8", "replace")
        if len(data) < 32:
            out.append(0xA0 | len(data))
        else:
            out.append(0xDB)
            out += len(data).to_bytes(4, "big")
        out += data
    elif isinstance(value, bytes):
        out.append(0xC6)
        out += len(value).to_bytes(4, "big")
        out += value
    elif isinstance(value, float):
        out.append(0xCB)
        number = bytearray(8)
        memoryview(number).cast("d")[0] = value
        out += number[::_TO_WIRE]
    elif isinstance(value, dict):
        _open(0x80, 0xDF, len(value), out)
        for key, item in value.items():
            _encode(key, out)
            _encode(item, out)
    elif isinstance(value, list | tuple):
        _open(0x90, 0xDD, len(value), out)
        for item in value:
            _encode(item, out)
    else:
        raise TypeError(f"no MessagePack for {type(value).__name__}")


def _nearest(value: int) -> float | str:
    try:
        return float(value)
    except OverflowError:
        return str(value)


def _open(short: int, long: int, length: int, out: bytearray) -> None:
    """The first bytes of a map or list. The short form matters for the outermost: the daemon finds the id of
    a request that it refuses for its size in the first bytes, if they are the usual ones."""
    if length < 16:
        out.append(short | length)
    else:
        out.append(long)
        out += length.to_bytes(4, "big")


# First byte -> (kind, bytes of the length or of the number that follow).
_KINDS = {
    0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4),
    0xCA: ("float", 4), 0xCB: ("float", 8),
    0xCC: ("uint", 1), 0xCD: ("uint", 2), 0xCE: ("uint", 4), 0xCF: ("uint", 8),
    0xD0: ("int", 1), 0xD1: ("int", 2), 0xD2: ("int", 4), 0xD3: ("int", 8),
    0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4),
    0xDC: ("list", 2), 0xDD: ("list", 4),
    0xDE: ("map", 2), 0xDF: ("map", 4),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def _decode(data: bytes, at: int) -> tuple[Any, int]:
    if at >= len(data):
        raise _Short
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 256, at
    if first < 0x90:
        return _map(data, at, first & 0x0F)
    if first < 0xA0:
        return _list(data, at, first & 0x0F)
    if first < 0xC0:
        return _bytes(data, at, first & 0x1F, text=True)
    if first in _CONSTANTS:
        return _CONSTANTS[first], at
    return _long(data, at, first)


def _long(data: bytes, at: int, first: int) -> tuple[Any, int]:
    """A value whose number or length stands in bytes of its own."""
    if first not in _KINDS:
        raise Malformed(f"first byte 0x{first:02x}")
    kind, size = _KINDS[first]
    raw, at = _bytes(data, at, size, text=False)
    if kind == "float":
        return memoryview(raw[::_TO_WIRE]).cast("f" if size == 4 else "d")[0], at
    number = int.from_bytes(raw, "big", signed=kind == "int")
    match kind:
        case "int" | "uint":
            return number, at
        case "list":
            return _list(data, at, number)
        case "map":
            return _map(data, at, number)
        case _:
            return _bytes(data, at, number, text=kind == "str")


def _bytes(data: bytes, at: int, length: int, *, text: bool) -> tuple[Any, int]:
    end = at + length
    if end > len(data):
        raise _Short
    raw = data[at:end]
    return (raw.decode("utf-8", "replace") if text else raw), end


def _list(data: bytes, at: int, length: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(length):
        item, at = _decode(data, at)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, length: int) -> tuple[dict[Any, Any], int]:
    items = {}
    for _ in range(length):
        key, at = _decode(data, at)
        items[key], at = _decode(data, at)
    return items, at


class Reader:
    """``feed`` bytes as they come, get the complete messages. Raises ``Malformed``."""

    def __init__(self) -> None:
        self._rest = b""
        self._package: Any = None

    def feed(self, data: bytes) -> list[Any]:
        if self._package is None and len(self._rest) + len(data) >= SMALL:
            self._package = _package()
            data, self._rest = self._rest + data, b""
        if self._package is not None:
            return self._feed_package(data)
        data = self._rest + data
        messages: list[Any] = []
        at = 0
        try:
            while at < len(data):
                message, at = _decode(data, at)
                messages.append(message)
        except _Short:
            pass
        except (RecursionError, TypeError) as error:  # too deep; a map or list as a key
            raise Malformed(str(error)) from None
        self._rest = data[at:]
        return messages

    def _feed_package(self, data: bytes) -> list[Any]:
        import msgpack

        try:
            self._package.feed(data)
            return list(self._package)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise Malformed(type(error).__name__) from None


def bulk_reader() -> Reader:
    """A reader that uses the package from the first byte: for methods with large results."""
    reader = Reader()
    reader._package = _package()  # noqa: SLF001
    return reader


def _package() -> Any:
    import msgpack

    return msgpack.Unpacker(max_buffer_size=MAX_FRAME, unicode_errors="replace")
