"""The little MessagePack that an answer needs; ``packing`` writes what asks for it.

Importing the msgpack package costs half as much as starting Python (4.5 of 10 ms), and ``ask`` reads small
events. So this reads frames as long as they are small; from the first 64 KiB that wait to be read on, the
package does, which is faster on large data.
Format: https://github.com/msgpack/msgpack/blob/master/spec.md. Tests compare it with the package.
"""

from lokictl.packing import TO_WIRE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SMALL = 64 * 1024
"""So many bytes to read, and the package reads on: importing it is then the smaller cost."""

MAX_FRAME = 512 * 1024 * 1024
"""The daemon's own limit for an answer (lokid.server.session); what is larger is not from lokid."""


_TEXT = b"\x93\x02\xaachat.event\x92\x01\x82\xa4type\xa4text\xa4text"
"""How an event with text begins, as lokid writes it: most of an answer. Known as a whole, it takes a fifth of
what its nine values take one by one."""


class Malformed(Exception):
    """These bytes are not MessagePack, or not of lokid."""


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


def _decode(data: bytes, at: int) -> "tuple[Any, int]":
    """The value that begins at ``at``, and where the next one does. IndexError: it is not complete yet."""
    first = data[at]
    at += 1
    if 0xA0 <= first < 0xC0:  # looked for first: two of three values of an event are short texts
        end = at + (first & 0x1F)
        if end > len(data):
            raise IndexError
        return data[at:end].decode("utf-8", "replace"), end
    if first < 0x80:
        return first, at
    if first < 0x90:
        return _map(data, at, first & 0x0F)
    if first < 0xA0:
        return _list(data, at, first & 0x0F)
    if first >= 0xE0:
        return first - 256, at
    if first in _CONSTANTS:
        return _CONSTANTS[first], at
    return _long(data, at, first)


def _long(data: bytes, at: int, first: int) -> "tuple[Any, int]":
    """A value whose number or length stands in bytes of its own."""
    if first not in _KINDS:
        raise Malformed(f"first byte 0x{first:02x}")
    kind, size = _KINDS[first]
    raw, at = _bytes(data, at, size)
    if kind == "float":
        return memoryview(raw[::TO_WIRE]).cast("f" if size == 4 else "d")[0], at
    number = int.from_bytes(raw, "big", signed=kind == "int")
    match kind:
        case "int" | "uint":
            return number, at
        case "list":
            return _list(data, at, number)
        case "map":
            return _map(data, at, number)
        case "str":
            raw, at = _bytes(data, at, number)
            return raw.decode("utf-8", "replace"), at
        case _:
            return _bytes(data, at, number)


def _bytes(data: bytes, at: int, length: int) -> "tuple[bytes, int]":
    end = at + length
    if end > len(data):
        raise IndexError
    return data[at:end], end


def _list(data: bytes, at: int, length: int) -> "tuple[list[Any], int]":
    items = []
    for _ in range(length):
        item, at = _decode(data, at)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, length: int) -> "tuple[dict[Any, Any], int]":
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

    def feed(self, data: bytes) -> "list[Any]":
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
                if data.startswith(_TEXT, at):
                    text, at = _decode(data, at + len(_TEXT))
                    messages.append([2, "chat.event", [1, {"type": "text", "text": text}]])
                else:
                    message, at = _decode(data, at)
                    messages.append(message)
        except IndexError:
            pass  # the rest of it has not come yet
        except (RecursionError, TypeError) as error:  # too deep; a map or list as a key
            raise Malformed(str(error)) from None
        self._rest = data[at:]
        return messages

    def _feed_package(self, data: bytes) -> "list[Any]":
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


def _package() -> "Any":
    import msgpack

    return msgpack.Unpacker(max_buffer_size=MAX_FRAME, unicode_errors="replace")
