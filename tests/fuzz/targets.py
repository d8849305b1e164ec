"""One function for everything that reads what others wrote: bytes in, an assertion if a property is broken.

Whatever comes, only our own exceptions leave a parser; the same bytes mean the same however a network cuts
them; what is kept is bounded; and a secret that is planted in the input (``SECRET``) is in no error.

A target is a plain function of bytes, so that a coverage-guided fuzzer, a list of old finds and a test may
run it alike. It takes no clock, no files and no random numbers: a find is a find for ever.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import msgpack

from lokictl import wire
from lokid.protocols.event_stream import BrokenStream, EventStreamParser
from lokid.protocols.merge_patch import merge, origins
from lokid.protocols.retry_after import MAX_RETRY_AFTER, rate_limit_reset, retry_after
from lokid.protocols.sse import EventTooLarge, SSEEvent, SSEParser
from lokid.rpc.connection import REQUESTS, Connection, Limits
from lokid.rpc.messages import ProtocolError
from tests.fakes.rpc_messages import encode

SECRET = "sk-Zq7xCanary-0451"
"""In no error, whole or in a part that would help anybody."""

PARTS = ("Zq7xCanary", "Canary-0451")

Target = Callable[[bytes], None]


def pieces(data: bytes) -> list[bytes]:
    """Cut at one to four places, which follow from what it holds; short ones, and one in sixteen of the
    others, byte by byte. (All of them byte by byte would cost most of the runs that there is time for.)"""
    turn = zlib.crc32(data)
    if len(data) <= 8 or turn & 15 == 0:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = [0, len(data)]
    for _ in range(1 + (turn >> 4 & 3)):
        turn = (turn * 1103515245 + 12345) & 0x7FFFFFFF
        cuts.append((turn >> 8) % len(data))
    cuts.sort()
    return [data[begin:end] for begin, end in pairwise(cuts)]


def hides(text: str) -> None:
    assert not any(part in text for part in PARTS), f"a secret is shown: {text!r}"


# --- MessagePack-RPC

_SMALL = Limits(max_frame=96, max_depth=4, max_array=8, max_map=4, max_objects=24)


def rpc(data: bytes) -> None:
    """The framing of the socket. The first byte chooses the limits."""
    limits = _SMALL if data[:1] < b"\x80" else REQUESTS
    whole = _messages(limits, [data[1:]])
    assert whole == _messages(limits, pieces(data[1:]))
    for packed in whole[0]:
        assert _messages(REQUESTS, [packed]) == ([packed], "")


def _messages(limits: Limits, chunks: list[bytes]) -> tuple[list[bytes], str]:
    """As bytes: nan is equal to nothing, not even to itself."""
    connection = Connection(limits)
    messages: list[bytes] = []
    try:
        for chunk in chunks:
            messages += map(encode, connection.feed(chunk))
            assert len(connection._buffer) <= limits.max_frame + len(chunk)
        connection.eof()
    except ProtocolError as error:
        hides(str(error))
        cut = "ended inside" in str(error)
        assert cut or not connection._buffer
        assert error.msgid is None or 0 <= error.msgid < 2**32
        # Which of two faults of one frame is named may depend on the cut, as the walk stops where bytes end.
        return messages, f"{'cut' if cut else 'broken'} {error.msgid}"
    return messages, ""


def answers_read_by_lokictl(data: bytes) -> None:
    """The small reader of ``lokictl ask``, against the msgpack package."""
    small = _small_reader([data])
    assert repr(small) == repr(_small_reader(pieces(data)))
    unpacker = msgpack.Unpacker(unicode_errors="replace", strict_map_key=False)
    unpacker.feed(data)
    theirs: list[Any] = []
    try:
        theirs.extend(unpacker)
    except (ValueError, TypeError, msgpack.UnpackException):
        return  # what a daemon never sends; that it is Malformed or waits for more is enough
    if isinstance(small, list) and not _has_extensions(theirs):
        assert repr(small) == repr(theirs)


def _small_reader(chunks: list[bytes]) -> list[Any] | str:
    reader = wire.Reader()
    messages: list[Any] = []
    try:
        for chunk in chunks:
            messages += reader.feed(chunk)
    except wire.Malformed:
        return "malformed"
    return messages


def _has_extensions(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_extensions, value))
    if isinstance(value, dict):
        return any(map(_has_extensions, (*value, *value.values())))
    return isinstance(value, msgpack.ExtType | msgpack.Timestamp)


# --- streams


def sse(data: bytes) -> None:
    """Against the standard's words, which are about the whole text. The first byte chooses the limit."""
    limit = 40 if data[:1] < b"\x80" else 1 << 20
    data = data[1:]
    whole = _events(limit, [data])
    assert whole == _events(limit, pieces(data))
    if whole[1]:
        assert limit == 40
    elif limit > 40:
        assert whole[0] == list(_events_of_the_standard(data))


def _events(limit: int, chunks: list[bytes]) -> tuple[list[SSEEvent], str]:
    parser = SSEParser(limit)
    events: list[SSEEvent] = []
    try:
        for chunk in chunks:
            events += parser.feed(chunk)
            assert len(parser._line) + parser._size <= 2 * limit
        events += parser.close()
    except EventTooLarge as error:
        return events, str(error)
    return events, ""


def _events_of_the_standard(data: bytes) -> Iterator[SSEEvent]:
    kind, lines = "", []
    for line in (*re.split(rb"\r\n|\r|\n", data.removeprefix(b"\xef\xbb\xbf")), b""):
        if not line:
            if lines or kind == "error":
                yield SSEEvent(kind or "message", b"\n".join(lines).decode(errors="replace"))
            kind, lines = "", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            kind = value.decode(errors="replace")
        elif field == b"error" or (field and line.lstrip()[:1] in (b"{", b"[", b"<")):
            # But for this, which ``SSEParser`` tells of.
            if lines or kind == "error":
                yield SSEEvent(kind or "message", b"\n".join(lines).decode(errors="replace"))
            kind, lines = "", []
            named = ("error", value) if field == b"error" else ("message", line)
            yield SSEEvent(named[0], named[1].decode(errors="replace"))


def event_stream(data: bytes) -> None:
    """AWS's frames. If the first byte is odd their checksums are made right: nothing else gets past them."""
    stream = mended(data[1:]) if data[:1] and data[0] & 1 else data[1:]
    whole = _frames([stream])
    assert whole == _frames(pieces(stream))


def mended(data: bytes) -> bytes:
    """``data`` with the checksums that the lengths in it ask for."""
    out = bytearray(data)
    at = 0
    while len(out) - at >= 16:
        out[at + 8 : at + 12] = zlib.crc32(out[at : at + 8]).to_bytes(4, "big")
        total = int.from_bytes(out[at : at + 4], "big")
        if not 16 <= total <= len(out) - at:
            break
        out[at + total - 4 : at + total] = zlib.crc32(out[at : at + total - 4]).to_bytes(4, "big")
        at += total
    return bytes(out)


def _frames(chunks: list[bytes]) -> tuple[list[Any], str]:
    parser = EventStreamParser(4096)
    messages: list[Any] = []
    try:
        for chunk in chunks:
            messages += parser.feed(chunk)
            assert len(parser._buffer) <= 4096
        parser.close()
    except BrokenStream as error:
        hides(str(error))
        return messages, f"{type(error).__name__} {error}"
    return messages, ""


# --- small texts of servers


def merge_patch(data: bytes) -> None:
    """Two JSON texts with a NUL between them, merged as RFC 7396 says."""
    before, _, after = data.partition(b"\0")
    try:
        target, patch = json.loads(before), json.loads(after)
    except (ValueError, RecursionError):
        return
    copies = json.dumps([target, patch])
    try:
        merged = merge(target, patch)
    except RecursionError:  # deeper than the configuration may be (nodes.MAX_DEPTH)
        return
    assert json.dumps([target, patch]) == copies, "a value that was given has changed"
    assert json.dumps(merged) == json.dumps(_as_the_rfc_says(target, patch))
    assert merge(merged, {}) == merged or not isinstance(merged, dict)
    assert set(origins(patch, "x").values()) <= {"x"}


def _as_the_rfc_says(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            if name in target:
                del target[name]
        else:
            target[name] = _as_the_rfc_says(target.get(name), value)
    return target


def waits(data: bytes) -> None:
    """``retry-after`` and its kin, a line each."""
    names = ("retry-after", "retry-after-ms", "date", "x-ratelimit-reset")
    lines = data.decode("latin-1").split("\n")
    headers = dict(zip(names, lines, strict=False))
    for now in (None, 1.8e9):
        for wait in (retry_after(headers, now), rate_limit_reset(headers, now)):
            assert wait is None or (0 < wait <= MAX_RETRY_AFTER and math.isfinite(wait))
