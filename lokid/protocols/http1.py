"""HTTP/1.1 for a client, without I/O (RFC 9112): a request to bytes, bytes to one response.

Strategy: one regular expression for each kind of line, matched where the bytes lie, and the pieces of a
body joined once for each ``feed``. What a network read brings leaves in one piece, however many chunks it
was sent in: the events in it then travel on together.

Stricter than the RFC asks wherever two readers could disagree about where a response ends, because the
next answer on the connection would then be somebody's forgery: lines end in CR LF, headers are not folded,
there is one length or one ``transfer-encoding: chunked`` and never both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD = 64 * 1024
"""Bytes of a status line and its headers. Providers send 1 to 4 KiB, Node's own client takes 16."""
MAX_TRAILERS = 8 * 1024
"""Bytes of the headers behind a chunked body. Those that exist are checksums."""
MAX_FIELDS = 512
"""Lines of a head. Providers send about 30."""
MAX_INTERIM = 16
"""1xx responses before the final one. Servers that send any send one or two (103)."""
MAX_CHUNK_LINE = 256
"""Bytes of a chunk's size and extensions, which nobody uses."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9110, 5.5: visible characters, obs-text and blanks. No two repetitions stand side by side in the
# expressions below, so that none of them takes more than one pass over a hostile line.
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"

_name = re.compile(_TOKEN).fullmatch
_value = re.compile(_TEXT).fullmatch
_method = re.compile(r"[A-Z]+").fullmatch
_target = re.compile(r"[\x21-\x7e]+").fullmatch
_status_line = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: " + _TEXT + rb")?").fullmatch
_field = re.compile(rb"(" + _TOKEN + rb"):(" + _TEXT + rb")").fullmatch
_length = re.compile(r"[0-9]{1,19}").fullmatch
_chunk_line = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;" + _TEXT + rb")?\r\n").match

_bare_line_feed = re.compile(rb"(?<!\r)\n").search

_START = b"HTTP/1."


class Malformed(ValueError):
    """Not HTTP/1.1, or not so that only one reading of it is possible. Names no value."""


class Truncated(ValueError):
    """The connection ended before the response did."""


class Unsendable(ValueError):
    """A request that HTTP has no form for. Names no value."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """``headers``: lower-case names; equal names are joined by ", " (RFC 9110, 5.3)."""

    status: int
    headers: Mapping[str, str]


def request_head(method: str, target: str, host: str, headers: Mapping[str, str], length: int) -> bytes:
    """The bytes before the body, whose length is ``length``. ``host`` counts unless ``headers`` (lower-case
    names) has one. Raises ``Unsendable``, also where ``headers`` contradicts how the body is sent."""
    if headers.get("content-length", str(length)) != str(length):
        raise Unsendable("a header says another length than the body has")
    return request_start(method, target, host, headers) + request_end(method, length)


def request_end(method: str, length: int) -> bytes:
    # RFC 9110, 8.6: a length of 0 is said where a body could have been expected.
    if length or method in ("POST", "PUT", "PATCH"):
        return b"content-length: %d\r\n\r\n" % length
    return b"\r\n"


def request_start(method: str, target: str, host: str, headers: Mapping[str, str]) -> bytes:
    """All of ``request_head`` but its end, which says the length: the same bytes for many requests."""
    if not (_method(method) and _target(target)):
        raise Unsendable("the method or the address holds a character that HTTP does not allow")
    fields = {"host": host, **headers}
    if "transfer-encoding" in fields:
        raise Unsendable("a header says another length than the body has")
    fields.pop("content-length", None)
    lines = [f"{method} {target} HTTP/1.1\r\n".encode()]
    for name, value in fields.items():
        try:
            raw_name, raw_value = name.encode("latin-1"), value.encode("latin-1")
        except UnicodeEncodeError:
            # Not "?": a key with a stray character in it would only be refused as a wrong one.
            raise Unsendable("a header holds a character that HTTP does not allow") from None
        if not (_name(raw_name) and _value(raw_value)):
            raise Unsendable("a header holds a character that HTTP does not allow")
        lines.append(b"%b: %b\r\n" % (raw_name, raw_value))
    return b"".join(lines)


class ResponseParser:
    """One response to a request with ``method``. After ``ended`` nothing more is fed.

    ``head`` is there once the final one was read (1xx are skipped). ``reusable`` says, after the end,
    whether another request may follow on the connection. ``fault``: what the next call will raise, as a part
    of the body came before it.
    """

    __slots__ = (
        "_buffer",
        "_chunked",
        "_head_request",
        "_interim",
        "_keep",
        "_left",
        "_looked",
        "_trailers",
        "ended",
        "fault",
        "head",
        "reusable",
    )

    def __init__(self, method: str) -> None:
        self.head: ResponseHead | None = None
        self.ended = False
        self.fault: Malformed | None = None
        self.reusable = False
        self._head_request = method == "HEAD"
        self._buffer = bytearray()  # an unfinished head, chunk line or trailer
        self._looked = 0  # how much of it holds no end of a head
        self._interim = 0
        self._keep = False  # what the head says of the connection
        self._chunked = False
        self._left: int | None = 0  # bytes of the body or chunk to come; None: until the connection ends
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body that ``data`` holds. Raises ``Malformed``, after which the parser is not
        used any more."""
        if self.fault is not None:
            raise self.fault
        if self.head is None:
            data = self._take_head(data)
            if self.head is None or self.ended:
                return b""
        if self._chunked:
            pieces: list[bytes] = []
            try:
                self._take_chunks(data, pieces)
            except Malformed as error:
                if not pieces:
                    raise
                self.fault = error
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._left is None:
            return data
        body = data[: self._left]
        self._left -= len(body)
        if not self._left:
            self._end(data[len(body) :])
        return body

    def eof(self) -> None:
        """The connection ended. Raises ``Truncated`` if the response had not, ``Malformed`` if what came
        was no response."""
        if self.fault is not None:
            raise self.fault
        if self.head is None or self._chunked or self._left is not None:
            raise Truncated("the connection ended in the middle of the response")
        self.ended = True

    def _end(self, excess: bytes | bytearray) -> None:
        """``excess``: what nobody asked for; the connection is not to be trusted any further."""
        self.ended = True
        self.reusable = self._keep and not excess

    # --- the head

    def _take_head(self, data: bytes) -> bytes:
        """Returns what follows the final head, once that is there."""
        buffer = self._buffer
        buffer += data
        while True:
            if buffer[:7] != _START[: len(buffer)]:
                raise Malformed("the answer does not begin like HTTP/1.1")
            end = buffer.find(b"\r\n\r\n", self._looked)
            if end > MAX_HEAD or (end < 0 and len(buffer) > MAX_HEAD + 3):
                raise Malformed(f"the head of the answer is larger than {MAX_HEAD} bytes")
            if end < 0:
                if _bare_line_feed(buffer, self._looked):  # its end would be waited for in vain
                    raise Malformed("a line of the head does not end in CR LF")
                self._looked = max(0, len(buffer) - 3)
                return b""
            block = bytes(buffer[:end])
            del buffer[: end + 4]
            self._looked = 0
            minor, head = _parse_head(block)
            if head.status >= 200:
                break
            self._interim += 1
            if head.status == 101 or self._interim > MAX_INTERIM:
                raise Malformed("the server switches to another protocol or never comes to its answer")
        rest = bytes(buffer)
        buffer.clear()
        self._begin_body(minor, head, rest)
        return rest

    def _begin_body(self, minor: int, head: ResponseHead, rest: bytes) -> None:
        headers = head.headers
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        self.head = head
        self._keep = minor == 1 and "close" not in _tokens(headers.get("connection", ""))
        if coding is not None:
            if length is not None or minor == 0 or coding.lower() != "chunked":
                raise Malformed("the answer's length is said in two ways, or in one that nobody asked for")
            self._chunked = True
        elif length is None:
            self._left = None
        elif _length(length):
            self._left = int(length)
        else:
            raise Malformed("the answer has several lengths, or one that is no number")
        # RFC 9112, 6.3: these never have a body, whatever their headers say of one.
        if self._head_request or head.status in (204, 304):
            self._chunked = False
            self._left = 0
        if self._left is None and not self._chunked:
            self._keep = False
        elif not self._chunked and not self._left:
            self._end(rest)

    # --- a chunked body

    def _take_chunks(self, data: bytes, body: list[bytes]) -> None:
        if self._buffer:
            data = bytes(self._buffer) + data
            self._buffer.clear()
        if self._trailers:
            self._take_trailers(data)
            return
        left = self._left
        assert left is not None
        position, size = 0, len(data)
        # ``left`` counts the CR LF behind a chunk as well, as long as there is one to come.
        while position < size:
            if left > 2:
                piece = data[position : position + left - 2]
                body.append(piece)
                position += len(piece)
                left -= len(piece)
            elif left:
                if data[position : position + left] != b"\r\n"[2 - left :][: size - position]:
                    raise Malformed("a chunk is longer than it says")
                step = min(left, size - position)
                position += step
                left -= step
            elif line := _chunk_line(data, position):
                if line.end() - position > MAX_CHUNK_LINE:
                    raise Malformed(f"the line of a chunk is longer than {MAX_CHUNK_LINE} bytes")
                position = line.end()
                length = int(line[1], 16)
                if not length:
                    self._trailers = True
                    self._take_trailers(data[position:])
                    break
                left = length + 2
                end = position + length
                if data[end : end + 2] == b"\r\n":  # all of it is there, as it mostly is
                    body.append(data[position:end])
                    position, left = end + 2, 0
            else:
                rest = data[position:]
                if b"\n" in rest or len(rest) > MAX_CHUNK_LINE:
                    raise Malformed("a chunk does not begin with its size")
                self._buffer += rest
                break
        self._left = left

    def _take_trailers(self, data: bytes) -> None:
        """They are checked, because the end of the response hangs on them, and dropped."""
        if data[:2] == b"\r\n":
            self._end(data[2:])
            return
        end = data.find(b"\r\n\r\n")
        if end > MAX_TRAILERS or (end < 0 and len(data) > MAX_TRAILERS + 3):
            raise Malformed(f"the answer's trailers are larger than {MAX_TRAILERS} bytes")
        if end < 0:
            self._buffer += data
            return
        # RFC 9110, 6.5.1: what says where a message ends has no place behind it.
        if not {"transfer-encoding", "content-length"}.isdisjoint(_parse_fields(data[:end].split(b"\r\n"))):
            raise Malformed("the answer's length is said behind it")
        self._end(data[end + 4 :])


def _parse_head(block: bytes) -> tuple[int, ResponseHead]:
    """Minor version and head."""
    first, *lines = block.split(b"\r\n")
    status = _status_line(first)
    if status is None:
        raise Malformed("the answer does not begin with a status line of HTTP/1.1")
    return int(status[1]), ResponseHead(int(status[2]), _parse_fields(lines))


def _parse_fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MAX_FIELDS:
        raise Malformed(f"the answer has more than {MAX_FIELDS} header lines")
    headers: dict[str, str] = {}
    for line in lines:
        field = _field(line)
        if field is None:
            raise Malformed("a header line of the answer is not valid")
        name, value = field[1].decode().lower(), field[2].strip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _tokens(value: str) -> list[str]:
    return [token.strip() for token in value.lower().split(",")]
