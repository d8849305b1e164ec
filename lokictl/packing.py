"""A question in MessagePack: what ``ask`` needs before it has asked. ``wire`` reads what comes back.

Importing the msgpack package costs half as much as starting Python (4.5 of 10 ms), and ``ask`` sends two
small maps. Format: https://github.com/msgpack/msgpack/blob/master/spec.md. Tests compare it with the package.
"""

import sys

TO_WIRE = -1 if sys.byteorder == "little" else 1
"""The step that turns a number of this machine into one of the wire. A view casts floats as the struct
module does, whose library takes as long to load as ``_socket``."""


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
        out += number[::TO_WIRE]
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


def _nearest(value: int) -> "float | str":
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
