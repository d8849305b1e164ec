"""Reads HTTP/1.1 responses as the transport does, without a network."""

from __future__ import annotations

from dataclasses import dataclass

from lokid.protocols.http1 import Malformed, ResponseParser, Truncated

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    reusable: bool


def read(pieces: list[bytes], method: str = "POST") -> Answer:
    """What ``pieces`` hold, and then the connection ends. Raises ``Malformed`` and ``Truncated``."""
    parser = ResponseParser(method)
    body = b""
    for number, piece in enumerate(pieces):
        body += parser.feed(piece)
        if parser.ended:
            # What follows in later reads is noticed when the connection is looked at before its next use.
            quiet = not any(pieces[number + 1 :])
            break
    else:
        parser.eof()
        quiet = False
    assert parser.head is not None
    return Answer(parser.head.status, dict(parser.head.headers), body, parser.reusable and quiet)


def outcome(pieces: list[bytes], method: str = "POST") -> Answer | str:
    try:
        return read(pieces, method)
    except Malformed:
        return "malformed"
    except Truncated:
        return "truncated"


def both_ways(raw: bytes, method: str = "POST") -> Answer | str:
    """Whole and byte by byte."""
    whole = outcome([raw], method)
    assert outcome([raw[i : i + 1] for i in range(len(raw))], method) == whole
    return whole
