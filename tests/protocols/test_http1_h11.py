"""Our reading of HTTP/1.1 against h11's, on the same bytes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.http1 import outcome
from tests.fakes.http1_h11 import agrees

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
    agrees(raw, method, ours)
