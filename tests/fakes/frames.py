"""Writes AWS event streams, which lokid only reads."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

Header = tuple[str, int, bytes]
"""Name, type and the encoded value."""


def text(name: str, value: str) -> Header:
    return (name, 7, counted(value.encode()))


def counted(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def frame(headers: Sequence[Header], payload: bytes = b"") -> bytes:
    written = b"".join(
        bytes([len(name.encode())]) + name.encode() + bytes([kind]) + value for name, kind, value in headers
    )
    return raw(written, payload)


def raw(headers: bytes, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """With headers as they are, and a length of headers that may be wrong."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers) if length is None else length)
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(kind: str, payload: Any) -> bytes:
    """As Bedrock sends it, with the padding that hides the length of what is said."""
    headers = [
        text(":event-type", kind),
        text(":content-type", "application/json"),
        text(":message-type", "event"),
    ]
    padded = {**payload, "p": "abcdefg"} if isinstance(payload, Mapping) else payload
    return frame(headers, json.dumps(padded).encode())


def exception(kind: str, message: str) -> bytes:
    headers = [
        text(":exception-type", kind),
        text(":content-type", "application/json"),
        text(":message-type", "exception"),
    ]
    return frame(headers, json.dumps({"message": message}).encode())


def error(code: str, message: str) -> bytes:
    headers = [text(":error-code", code), text(":error-message", message), text(":message-type", "error")]
    return frame(headers)


def converse(*events: tuple[str, Any]) -> bytes:
    """Events of ConverseStream, each ``(type, payload)``."""
    return b"".join(event(kind, payload) for kind, payload in events)
