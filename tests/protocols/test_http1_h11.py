"""Our reading of HTTP/1.1 against h11's, on the same bytes."""

from __future__ import annotations

import re
from itertools import pairwise

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from lokid.protocols.http1 import MAX_HEAD
from tests.fakes.http1 import Answer, outcome


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
    "a header is folded": re.compile(rb"\r\n[ \t]"),
    "a control character in a head": re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]"),
    "a length and chunks": re.compile(
        rb"(?is)content-length.*transfer-encoding|transfer-encoding.*content-length"
    ),
    "several lengths, though they are equal": re.compile(rb"(?is)content-length:.*(,|content-length:)"),
    "chunks in HTTP/1.0": re.compile(rb"(?is)HTTP/1.0.*transfer-encoding"),
    "a coding that we did not ask for": re.compile(rb"(?i)transfer-encoding:(?![ \t]*chunked[ \t]*\r\n)"),
    "another version": re.compile(rb"HTTP/(?!1\.[01] )"),
    "a status below 100": re.compile(rb"HTTP/1\.[01] 0"),
    "a switch of protocols": re.compile(rb"HTTP/1\.[01] 101"),
    "a chunk's size of more than 16 digits": re.compile(rb"[0-9a-fA-F]{17,}"),
}
"""Where h11 reads an answer and we refuse."""

FRAMING = ("content-length", "transfer-encoding")


def _but(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


FIELDS = st.sampled_from(
    [
        b"content-length: 5",
        b"Content-Length: 0",
        b"content-length: 5, 5",
        b"content-length: 05",
        b"content-length: -1",
        b"transfer-encoding: chunked",
        b"Transfer-Encoding: Chunked",
        b"transfer-encoding: gzip, chunked",
        b"connection: close",
        b"x-a: b",
        b"x-a:\tc ",
        b"x-e:",
        b"x-\xe9: b",
        b"x-v: \xe9",
        b"x : b",
        b" folded",
    ]
)
STARTS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200",
        b"HTTP/1.1 529 ",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 204 No",
        b"HTTP/1.1 304 No",
    ]
)
BODIES = st.lists(
    st.sampled_from(
        [
            b"5\r\n",
            b"hello",
            b"\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"0\r\nx: y\r\n\r\n",
            b"a;b=c\r\n0123456789\r\n",
            b"5 \r\n",
        ]
    ),
    max_size=6,
).map(b"".join)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Something like a response, with at most one byte of it wrong."""
    fields = draw(st.lists(FIELDS, max_size=4))
    interim = draw(st.sampled_from([b"", b"", b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"]))
    raw = interim + b"\r\n".join([draw(STARTS), *fields, b"", b""]) + draw(BODIES)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(raw)))
        wrong = draw(
            st.sampled_from(
                [b"", b"\n", b"\r", b"\r\n", b"\0", b"\x01", b" ", b":", b"0", b"5", b"f", b"\xff"]
            )
        )
        raw = raw[:at] + wrong + raw[at + draw(st.integers(0, 1)) :]
    return raw


@settings(max_examples=400)
@given(
    raw=answers(), method=st.sampled_from(["POST", "HEAD"]), cuts=st.lists(st.integers(0, 400), max_size=4)
)
def test_ours_and_h11_read_the_same_or_ours_refuses(raw, method, cuts):
    ours = outcome([raw], method)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    assert outcome([raw[a:b] for a, b in pairwise(edges)], method) == ours
    other = theirs(raw, method)
    if isinstance(ours, Answer):
        assert isinstance(other, Answer), f"h11 refuses {raw!r}"
        assert (ours.status, ours.body) == (other.status, other.body)
        # h11 writes these two anew.
        assert _but(ours.headers, *FRAMING) == _but(other.headers, *FRAMING)
    elif isinstance(other, Answer):
        assert any(rule.search(raw) for rule in STRICTER.values()), f"h11 reads {raw!r}"
