"""HTTP/1.1 responses: fed whole, byte by byte and cut at random."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols.http1 import (
    MAX_CHUNK_LINE,
    MAX_FIELDS,
    MAX_HEAD,
    MAX_INTERIM,
    MAX_TRAILERS,
    Malformed,
    ResponseParser,
    Unsendable,
    request_head,
)
from tests.fakes.http1 import CHUNKED, OK, Answer, both_ways, read

# --- What is read


@pytest.mark.parametrize(
    "raw, body, reusable",
    [
        (OK + b"content-length: 5\r\n\r\nhello", b"hello", True),
        (OK + b"Content-Length:5 \r\n\r\nhello", b"hello", True),
        (OK + b"content-length: 0\r\n\r\n", b"", True),
        (OK + b"content-length: 5\r\nconnection: Close\r\n\r\nhello", b"hello", False),
        (OK + b"content-length: 5\r\nconnection: keep-alive, close\r\n\r\nhello", b"hello", False),
        (OK + b"content-length: 5\r\n\r\nhello, and more", b"hello", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello", False),
        (OK + b"\r\nuntil the end", b"until the end", False),
        (b"HTTP/1.1 200\r\n\r\n", b"", False),
        (CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"hello!", True),
        (CHUNKED + b"0005 ;name=value\r\nhello\r\n00\r\n\r\n", b"hello", True),
        (CHUNKED + b"A\r\n0123456789\r\n0\r\nx-sum: 1\r\nx-b:\r\n\r\n", b"0123456789", True),
        (CHUNKED + b"0\r\n\r\nHTTP/1.1 200 OK\r\n", b"", False),
        (b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" + OK + b"content-length: 1\r\n\r\nx", b"x", True),
        (b"HTTP/1.1 204 No\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 No\r\ncontent-length: 7\r\n\r\n", b"", True),
    ],
)
def test_a_response_is_read_to_its_end(raw, body, reusable):
    answer = both_ways(raw)
    assert isinstance(answer, Answer)
    assert (answer.body, answer.reusable) == (body, reusable)


def test_the_answer_to_head_has_no_body():
    answer = both_ways(OK + b"content-length: 7\r\n\r\n", "HEAD")
    assert isinstance(answer, Answer)
    assert answer.reusable


def test_headers_have_lower_case_names_and_equal_ones_are_joined():
    raw = (
        OK
        + b"X-A: 1\r\nx-a:\t2 \r\nEmpty:\r\nX-\xc3: no\r\n".replace(b"X-\xc3: no\r\n", b"x-b: \xe9\r\n")
        + b"\r\n"
    )
    assert read([raw]).headers == {"x-a": "1, 2", "empty": "", "x-b": "é"}


def test_what_one_read_brings_leaves_in_one_piece():
    parser = ResponseParser("POST")
    parser.feed(CHUNKED)
    assert parser.feed(b"3\r\none\r\n3\r\ntwo\r\n5\r\nth") == b"onetwoth"
    assert parser.feed(b"ree\r\n0\r\n") == b"ree"
    assert not parser.ended
    assert parser.feed(b"\r\n") == b""
    assert parser.ended


# --- What is refused


@pytest.mark.parametrize(
    "raw",
    [
        b"220 smtp.example.com ESMTP\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        # Two readers could disagree about the end.
        OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
        OK + b"content-length: 5, 5\r\n\r\nhello",
        OK + b"content-length: +5\r\n\r\nhello",
        OK + b"content-length: 5_0\r\n\r\nhello",
        OK + b"content-length: \xb2\r\n\r\nhello",
        OK + b"content-length:\r\n\r\nhello",
        OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"transfer-encoding: identity\r\n\r\n",
        OK + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        # Lines.
        b"HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n",
        OK + b"a: b\ncontent-length: 0\r\n\r\n",
        OK + b"a: b\rcontent-length: 0\r\n\r\n",
        OK + b"a: b\r\n folded\r\n\r\n",
        OK + b"a : b\r\n\r\n",
        OK + b" a: b\r\n\r\n",
        OK + b": b\r\n\r\n",
        OK + b"a\r\n\r\n",
        OK + b"a\xe9: b\r\n\r\n",
        OK + b"a: b\0\r\n\r\n",
        OK + b"a: \x7f\r\n\r\n",
        # Chunks.
        CHUNKED + b"\r\n\r\n",
        CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"1_0\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5 5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhello\n0\r\n\r\n",
        CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
        CHUNKED + b"0\r\na : b\r\n\r\n",
        CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
        CHUNKED + b"0\r\ntransfer-encoding: x\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw):
    assert both_ways(raw) == "malformed"


def test_what_came_of_a_body_before_a_fault_is_handed_on():
    parser = ResponseParser("POST")
    assert parser.feed(CHUNKED + b"5\r\nhello\r\nInternal Server Error\r\n") == b"hello"
    assert parser.fault is not None
    for go_on in (parser.eof, lambda: parser.feed(b"0\r\n\r\n")):
        with pytest.raises(Malformed, match="does not begin with its size"):
            go_on()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTT",
        OK,
        OK + b"content-length: 5\r\n\r\nhell",
        CHUNKED,
        CHUNKED + b"5\r\nhello",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\na: b\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_a_response_that_ends_early_is_told_from_a_short_one(raw):
    assert both_ways(raw) == "truncated"


@pytest.mark.parametrize(
    "make, most",
    [
        (lambda size: OK + b"a: " + b"x" * (size - len(OK) - 3) + b"\r\n\r\n", MAX_HEAD),
        (lambda lines: OK + b"a: b\r\n" * lines + b"\r\n", MAX_FIELDS),
        (lambda times: b"HTTP/1.1 103 Hints\r\n\r\n" * times + OK + b"\r\n", MAX_INTERIM),
        (lambda size: CHUNKED + b"1;" + b"x" * (size - 4) + b"\r\n!\r\n0\r\n\r\n", MAX_CHUNK_LINE),
        (lambda size: CHUNKED + b"0\r\na: " + b"x" * (size - 3) + b"\r\n\r\n", MAX_TRAILERS),
    ],
)
def test_what_is_kept_in_memory_has_a_bound(make, most):
    assert isinstance(both_ways(make(most)), Answer)
    assert both_ways(make(most + 1)) == "malformed"


def test_a_line_without_end_is_not_waited_for():
    for start, most in ((OK, MAX_HEAD), (CHUNKED, MAX_CHUNK_LINE), (CHUNKED + b"0\r\n", MAX_TRAILERS)):
        parser = ResponseParser("POST")
        parser.feed(start)
        with pytest.raises(Malformed):
            for _ in range(most + 8):
                parser.feed(b"1")


def test_a_head_whose_lines_end_in_line_feeds_is_not_waited_for():
    parser = ResponseParser("POST")
    with pytest.raises(Malformed, match="does not end in CR LF"):
        parser.feed(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi")
    parser = ResponseParser("POST")
    assert parser.feed(b"HTTP/1.1 200 OK\r") == b"" == parser.feed(b"\ncontent-length: 2\r")
    assert parser.feed(b"\n\r\nhi") == b"hi"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_garbage_is_an_answer_or_a_refusal_and_nothing_else(head, body):
    for raw in (head, OK + head + b"\r\n\r\n" + body, CHUNKED + body):
        assert both_ways(raw) in ("malformed", "truncated") or isinstance(both_ways(raw), Answer)


# --- Requests


def test_a_request_is_written_as_the_standard_says():
    head = request_head("POST", "/v1?a=b", "h:8080", {"x-api-key": "sk", "accept": "*/*"}, 7)
    assert head == (
        b"POST /v1?a=b HTTP/1.1\r\nhost: h:8080\r\nx-api-key: sk\r\naccept: */*\r\ncontent-length: 7\r\n\r\n"
    )
    assert request_head("GET", "/", "h", {"host": "other"}, 0) == b"GET / HTTP/1.1\r\nhost: other\r\n\r\n"
    assert request_head("POST", "/", "h", {}, 0).endswith(b"content-length: 0\r\n\r\n")


@pytest.mark.parametrize(
    "method, target, headers",
    [
        ("GET\r\n", "/", {}),
        ("GET", "/ HTTP/1.1\r\nx: y", {}),
        ("GET", "/é", {}),
        ("GET", "", {}),
        ("GET", "/", {"a": "b\r\nc: d"}),
        ("GET", "/", {"a": "b\n"}),
        ("GET", "/", {"a": "\0"}),
        ("GET", "/", {"authorization": "Bearer sk-\u200b1"}),  # as one copies it from a page
        ("GET", "/", {"a": "\udc80"}),
        ("GET", "/", {"\u20ac": "c"}),
        ("GET", "/", {"a\r\nb": "c"}),
        ("GET", "/", {"bad name": "c"}),
        ("GET", "/", {"": "c"}),
        ("GET", "/", {"transfer-encoding": "chunked"}),
        ("GET", "/", {"content-length": "1"}),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(method, target, headers):
    with pytest.raises(Unsendable):
        request_head(method, target, "h", headers, 0)
