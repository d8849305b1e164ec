"""HTTP/1.1: a provider's responses, and requests made of what a configuration says. As ``targets``, with h11
as the second reader: where two readers disagree about an end, the next answer is somebody's forgery."""

from __future__ import annotations

import h11

from lokid.protocols.http1 import Malformed, ResponseParser, Truncated, Unsendable, request_head
from tests.fakes.http1 import Answer, outcome
from tests.fakes.http1_h11 import agrees
from tests.fuzz.targets import SECRET, hides, pieces

RESPONSE_WORDS = (
    *(
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 204 No\r\n",
        "HTTP/1.1 103 Hints\r\n",
        "\r\n\r\n",
    ),
    *("content-length: ", "Content-Length: 5\r\n", "transfer-encoding: ", "Transfer-Encoding: chunked\r\n"),
    *(
        "connection: close\r\n",
        "gzip, chunked",
        " chunked",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "0\r\nx: y\r\n\r\n",
    ),
    *("a;b=c\r\n", "\n", "\r", " \r\n", "\r\n ", "+5", "0x5", "05", "5, 5", "\v", "\x85", "ffffffffffffffff"),
)

REQUEST_WORDS = (
    "GET",
    "POST",
    "\r\n",
    "\r\n\r\n",
    "host",
    "content-length",
    "transfer-encoding",
    "chunked",
    "é",
)


def response(data: bytes) -> None:
    """The first byte chooses the method. Cut anywhere it is read the same, and as h11 reads it, or refused.

    A response after which the connection is used again ends where it ends: one byte less is no response, one
    byte more is not its own and ends the connection's use."""
    method = "HEAD" if data[:1] and data[0] & 1 else "POST"
    raw = data[1:]
    ours = outcome([raw], method)
    assert outcome(pieces(raw), method) == ours
    agrees(raw, method, ours)
    if not isinstance(ours, Answer):
        _says_nothing(raw, method)
        return
    assert 200 <= ours.status <= 999
    assert all(name == name.lower() and "\n" not in value for name, value in ours.headers.items())
    assert not {"content-length", "transfer-encoding"} <= ours.headers.keys()
    assert "," not in ours.headers.get("content-length", "")
    assert ours.headers.get("transfer-encoding", "chunked").lower() == "chunked"
    if ours.reusable:
        assert outcome([raw[:-1]], method) == "truncated"
        longer = outcome([raw + b"H"], method)
        assert isinstance(longer, Answer) and longer.body == ours.body and not longer.reusable


def _says_nothing(raw: bytes, method: str) -> None:
    """No error holds a value of the response."""
    parser = ResponseParser(method)
    try:
        parser.feed(raw.replace(b"@@", SECRET.encode()))
        if not parser.ended:
            parser.eof()
    except (Malformed, Truncated) as error:
        hides(str(error))


def request(data: bytes) -> None:
    """Method, target, host, then names and values, with NULs between them: what is sent is one request with
    these headers and no other, or nothing is."""
    texts = [part.decode("utf-8", "surrogateescape") for part in data.split(b"\0")]
    method, target, host = (*texts[:3], "", "", "")[:3]
    headers = {name.lower(): value for name, value in zip(texts[3::2], texts[4::2], strict=False)}
    body = b"x" * (len(data) % 3)
    try:
        sent = request_head(method, target, host, headers, len(body)) + body
    except Unsendable as error:
        hides(str(error))
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(sent)
    head = server.next_event()
    assert isinstance(head, h11.Request)
    assert (head.method, head.target) == (method.encode(), target.encode())
    wanted = {"host": host, **headers}
    wanted.pop("content-length", None)
    found = dict(head.headers)
    assert len(found) == len(list(head.headers))
    found.pop(b"content-length", None)
    assert found == {
        name.encode("latin-1"): value.strip(" \t").encode("latin-1") for name, value in wanted.items()
    }
    received = b""
    while isinstance(event := server.next_event(), h11.Data):
        received += event.data
    assert isinstance(event, h11.EndOfMessage) and received == body
    assert not server.trailing_data[0]
