"""h11's reading of HTTP/1.1, and where ours is meant to differ from it."""

from __future__ import annotations

import re

import h11

from lokid.protocols.http1 import MAX_HEAD
from tests.fakes.http1 import Answer


def theirs(raw: bytes, method: str) -> Answer | str:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "h"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    head: h11.Response | None = None
    body = b""
    try:
        for data in (raw, b""):
            connection.receive_data(data)
            while True:
                event = connection.next_event()
                if isinstance(event, h11.Response):
                    head = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    assert head is not None
                    headers: dict[str, str] = {}
                    for raw_name, raw_value in head.headers:
                        name, value = raw_name.decode(), raw_value.decode("latin-1")
                        headers[name] = f"{headers[name]}, {value}" if name in headers else value
                    return Answer(head.status_code, headers, body, False)
                elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                    break
    except h11.RemoteProtocolError:
        pass
    return "refused"


STRICTER = {
    "a line ends in LF alone": re.compile(rb"(?<!\r)\n"),
    "a line holds a CR alone": re.compile(rb"\r(?!\n)"),
    "a header is folded": re.compile(rb"\r\n[ \t]"),
    "a control character in a head": re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
    "a length and chunks": re.compile(
        rb"(?is)content-length.*transfer-encoding|transfer-encoding.*content-length"
    ),
    "a coding that is said twice": re.compile(rb"(?is)transfer-encoding:.*transfer-encoding:"),
    "several lengths, though they are equal": re.compile(rb"(?is)content-length:.*(,|content-length:)"),
    "chunks in HTTP/1.0": re.compile(rb"(?is)HTTP/1.0.*transfer-encoding"),
    "a coding that we did not ask for": re.compile(rb"(?i)transfer-encoding:(?![ \t]*chunked[ \t]*\r\n)"),
    "another version": re.compile(rb"HTTP/(?!1\.[01] )"),
    "a status below 100": re.compile(rb"HTTP/1\.[01] 0"),
    "a switch of protocols": re.compile(rb"HTTP/1\.[01] 101"),
    "a chunk's size of more than 16 digits": re.compile(rb"[0-9a-fA-F]{17,}"),
}
"""Where h11 reads an answer and we refuse."""

LOOSER = {
    "a blank before a chunk's extension (RFC 9112, 7.1.1: BWS)": re.compile(rb"\r\n[0-9a-fA-F]+[ \t]+;"),
}
"""Where we read an answer and h11 refuses."""

FRAMING = ("content-length", "transfer-encoding")


def _but(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def agrees(raw: bytes, method: str, ours: Answer | str) -> None:
    """What ours made of ``raw`` is what h11 makes of it, or ours refuses it for a reason."""
    other = theirs(raw, method)
    if isinstance(ours, Answer):
        if not isinstance(other, Answer):
            assert any(rule.search(raw) for rule in LOOSER.values()), f"h11 refuses {raw!r}"
            return
        assert (ours.status, ours.body) == (other.status, other.body)
        # h11 writes these two anew.
        assert _but(ours.headers, *FRAMING) == _but(other.headers, *FRAMING)
    elif isinstance(other, Answer):
        assert any(rule.search(raw) for rule in STRICTER.values()), f"h11 reads {raw!r}"
