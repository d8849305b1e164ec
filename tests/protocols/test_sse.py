from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.protocols.sse import MAX_LINES, EventTooLarge, SSEEvent, SSEParser
from tests.fakes.feeding import cuts


def parse(chunks: list[bytes], *, close: bool = True) -> list[SSEEvent]:
    parser = SSEParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + (parser.close() if close else [])


def message(data: str) -> SSEEvent:
    return SSEEvent("message", data)


CASES: dict[str, tuple[bytes, list[SSEEvent]]] = {
    "one event": (b"data: a\n\n", [message("a")]),
    "no space after the colon": (b"data:a\n\n", [message("a")]),
    "only one space goes": (b"data:  a\n\n", [message(" a")]),
    "data lines are joined": (b"data: a\ndata:\ndata: b\n\n", [message("a\n\nb")]),
    "a field without a colon": (b"data\n\n", [message("")]),
    "named events": (b"event: x\ndata: a\n\ndata: b\n\n", [SSEEvent("x", "a"), message("b")]),
    "an event without data is none": (b"event: x\n\ndata: b\n\n", [message("b")]),
    "comments": (b": OPENROUTER PROCESSING\n\n:\ndata: a\n: more\n\n", [message("a")]),
    "id, retry and unknown fields": (b"id: 1\nretry: 5\nfoo: bar\ndata: a\n\n", [message("a")]),
    "CR LF": (b"event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", [SSEEvent("x", "a"), message("b")]),
    "CR": (b"event: x\rdata: a\r\rdata: b\r\r", [SSEEvent("x", "a"), message("b")]),
    "mixed ends of line": (b"data: a\r\ndata: b\n\rdata: c\r\r\n", [message("a\nb"), message("c")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [message("a")]),
    "only the first byte order mark": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [message("a")]),
    "no final blank line": (b"data: a\n\ndata: b\n", [message("a"), message("b")]),
    "no final end of line": (b"data: a\n\ndata: b", [message("a"), message("b")]),
    "separators of other standards": (
        "data: a\u2028b\u0085c\x0bd\x0ce\n\n".encode(),
        [message("a\u2028b\u0085c\x0bd\x0ce")],
    ),
    "characters of several bytes": ("data: é日👩‍💻\n\n".encode(), [message("é日👩‍💻")]),
    "bytes that are no text": (b"data: a\xff\n\n", [message("a\ufffd")]),
    "trailing spaces stay": (b"data: {}  \n\n", [message("{}  ")]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", CASES)
def test_events_are_the_same_wherever_the_bytes_are_cut(name: str) -> None:
    data, events = CASES[name]
    for chunks in cuts(data):
        assert parse(chunks) == events


@given(st.lists(st.sampled_from([b"data: x", b"event: y", b":", b"\r", b"\n", b"\r\n", b"\xc3", b" "])))
def test_any_bytes_read_the_same_wherever_they_are_cut(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert parse([data]) == parse([data[i : i + 1] for i in range(len(data))]) == parse(pieces)


def test_an_event_comes_out_with_its_last_byte() -> None:
    assert parse([b"data: a\n\n"], close=False) == [message("a")]
    assert parse([b"data: a\r\r"], close=False) == [message("a")]
    assert parse([b"data: a\r", b"\n\r", b"\ndata: b\n", b"\n"], close=False) == [message("a"), message("b")]


@pytest.mark.parametrize(
    "data",
    [
        b"data: " + b"x" * 100,
        b"x" * 101,
        b": " + b"x" * 100,
        b"data: xxxxxxxxxx\n" * 10,
        b"data:\n" * 101,
    ],
)
def test_what_is_too_large_is_an_error_wherever_it_is_cut(data: bytes) -> None:
    for chunks in cuts(data):
        parser = SSEParser(max_event=100)
        with pytest.raises(EventTooLarge):
            for chunk in chunks:
                parser.feed(chunk)


def test_what_came_before_something_too_large_is_not_lost() -> None:
    good, bad = b"data: a\n\n", b"data: " + b"x" * 100 + b"\n\n"
    for data in (good + bad, good + b": " + b"x" * 100 + b"\n"):
        for chunks in cuts(data):
            parser = SSEParser(max_event=100)
            events: list[SSEEvent] = []
            with pytest.raises(EventTooLarge):
                for chunk in chunks:
                    events += parser.feed(chunk)
                parser.close()
            assert events == [message("a")]
            with pytest.raises(EventTooLarge):
                parser.feed(b"data: b\n\n")


def test_an_event_has_no_more_lines_than_its_memory_allows() -> None:
    parser = SSEParser(max_event=8 * 1024 * 1024)
    assert parser.feed(b"data:\n" * MAX_LINES + b"\n") == [message("\n" * (MAX_LINES - 1))]
    with pytest.raises(EventTooLarge):
        parser.feed(b"data:\n" * (MAX_LINES + 1))


def test_the_largest_event_passes() -> None:
    parser = SSEParser(max_event=100)
    data = b"data: " + b"x" * 94 + b"\n\n"
    assert parser.feed(data * 3) == [message("x" * 94)] * 3


def test_a_mebibyte_byte_by_byte_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        started = time.perf_counter()
        parser = SSEParser()
        for _ in range(size):
            parser.feed(b"x")
        return time.perf_counter() - started

    seconds(1000)
    small, large = seconds(20_000), seconds(200_000)
    assert large < 40 * small + 0.5  # ten times the bytes; a quadratic parser takes a hundred times as long


def test_a_line_that_is_too_large_is_an_error_in_the_middle_and_at_the_end_of_a_read() -> None:
    large = b"data: " + b"x" * 100
    for data in (b"id: 1\n" + large + b"\nid: 2\n", b"id: 1\n" + large):
        with pytest.raises(EventTooLarge):
            SSEParser(max_event=100).feed(data)


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n\r\ndata: [DONE]\r\n\r\n", "\ndata: [DONE]\n\n"])
@pytest.mark.parametrize("begin", ["data: a\n\n", "data: a\n", "event: x\n"])
def test_what_a_server_writes_into_a_stream_when_it_fails_is_an_event(begin: str, end: str) -> None:
    """Not by the standard: it would pass over both, and the stream would look as if it had ended well."""
    said = '{"error": {"message": "x: y"}}'
    before = [message("a")] if "data" in begin else []
    after = [message("[DONE]")] if "DONE" in end else []
    page = "<html><b>502</b>"
    lines = (
        (f" {said}", message(f" {said}")),
        (page, message(page)),
        (f"[{said}]", message(f"[{said}]")),
        (f"error: {said}", SSEEvent("error", said)),
    )
    for line, event in lines:
        for chunks in cuts(f"{begin}{line}{end}".encode()):
            assert parse(chunks) == [*before, event, *after]


def test_an_error_needs_no_data() -> None:
    assert parse([b"event: error\n\nevent: other\n\n"]) == [SSEEvent("error", "")]
