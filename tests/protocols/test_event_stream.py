"""AWS event streams."""

from __future__ import annotations

import struct
import time
import zlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lokid.protocols.event_stream import (
    MAX_HEADERS,
    BrokenStream,
    EventStreamParser,
    StreamMessage,
)
from tests.fakes.feeding import cuts
from tests.fakes.frames import counted, frame, raw, text

GOOD = frame([text("a", "b")], b"payload")


def read(chunks: list[bytes]) -> tuple[list[StreamMessage], str]:
    """The messages, and the words of the fault if there is one."""
    parser = EventStreamParser()
    messages: list[StreamMessage] = []
    try:
        for chunk in chunks:
            messages += parser.feed(chunk)
        parser.close()
    except BrokenStream as fault:
        return messages, f"{type(fault).__name__}: {fault}"
    return messages, ""


def read_all_ways(data: bytes) -> tuple[list[StreamMessage], str]:
    ways = [read(chunks) for chunks in cuts(data)]
    assert all(way == ways[0] for way in ways)
    return ways[0]


def test_all_types_of_headers_are_read() -> None:
    headers = [
        ("yes", 0, b""),
        ("no", 1, b""),
        ("byte", 2, struct.pack(">b", -7)),
        ("short", 3, struct.pack(">h", -300)),
        ("int", 4, struct.pack(">i", -70_000)),
        ("long", 5, struct.pack(">q", -(2**40))),
        ("bytes", 6, counted(b"\x00\xff")),
        ("text", 7, counted("é☕".encode())),
        ("time", 8, struct.pack(">q", 1_700_000_000_000)),
        ("uuid", 9, bytes(range(16))),
    ]
    [message], fault = read_all_ways(frame(headers, b"{}"))
    assert not fault
    assert message.headers == {
        "yes": True,
        "no": False,
        "byte": -7,
        "short": -300,
        "int": -70_000,
        "long": -(2**40),
        "bytes": b"\x00\xff",
        "text": "é☕",
        "time": 1_700_000_000_000,
        "uuid": bytes(range(16)),
    }
    assert message.payload == b"{}"
    assert (message.text("text"), message.text("yes"), message.text("absent")) == ("é☕", "", "")


def test_messages_may_be_empty_and_many() -> None:
    messages, fault = read_all_ways(raw(b"") + GOOD + raw(b"") + GOOD)
    assert not fault
    assert [message.payload for message in messages] == [b"", b"payload", b"", b"payload"]


def broken(position: int) -> bytes:
    data = bytearray(GOOD)
    data[position] ^= 1
    return bytes(data)


@pytest.mark.parametrize("position", range(len(GOOD)))
def test_a_flipped_bit_is_found_wherever_it_is(position: int) -> None:
    messages, fault = read_all_ways(GOOD + broken(position) + GOOD)
    assert [message.payload for message in messages] == [b"payload"]
    assert fault.startswith("BrokenStream: the checksum of a message")


@pytest.mark.parametrize("kept", range(1, len(GOOD)))
def test_a_stream_that_ends_inside_a_message_is_cut(kept: int) -> None:
    messages, fault = read_all_ways(GOOD + GOOD[:kept])
    assert len(messages) == 1
    assert fault.startswith("CutStream")


def test_a_stream_may_end_between_messages() -> None:
    assert read_all_ways(b"") == ([], "")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (raw(b"", length=1), "headers of a message are longer"),
        (raw(b"x" * 20, length=21), "headers of a message are longer"),
        (raw(b"\x01a\x07\x00\x05abc"), "headers of a message cannot be read"),  # text longer than the headers
        (raw(b"\x05a"), "headers of a message cannot be read"),  # name longer than the headers
        (raw(b"\x01a"), "headers of a message cannot be read"),  # no type
        (raw(b"\x01a\x04\x00"), "headers of a message cannot be read"),  # half a number
        (raw(b"\x01a\x07\x00\x01\xff"), "headers of a message cannot be read"),  # not UTF-8
        (raw(b"\x01\xff\x00"), "headers of a message cannot be read"),
        (raw(b"\x01a\x0a"), "unknown type 10"),
        (raw(b"\x01a\x00\x01a\x00"), "two headers of one name"),
    ],
)
def test_headers_that_are_none_are_refused(data: bytes, fault: str) -> None:
    assert fault in read_all_ways(data)[1]


def test_a_message_that_is_too_large_is_refused_before_it_is_there() -> None:
    parser = EventStreamParser(max_message=100)
    assert len(parser.feed(raw(b"", b"x" * 84))) == 1
    with pytest.raises(BrokenStream, match="larger than 100 bytes"):
        parser.feed(raw(b"", b"x" * 85)[:12])
    with pytest.raises(BrokenStream, match="larger than 100 bytes"):
        parser.feed(GOOD)
    with pytest.raises(BrokenStream, match="larger than 100 bytes"):
        parser.close()


def test_headers_have_a_bound_of_their_own() -> None:
    with pytest.raises(BrokenStream, match="longer than they can be"):
        EventStreamParser().feed(raw(b"x" * (MAX_HEADERS + 1)))


def test_a_length_that_is_too_short_for_a_message_is_refused() -> None:
    prelude = struct.pack(">II", 15, 0)
    assert "longer than they can be" in read_all_ways(prelude + struct.pack(">I", zlib.crc32(prelude)))[1]


def test_work_is_linear_also_byte_by_byte() -> None:
    def seconds(size: int) -> float:
        data = raw(b"", b"x" * size)
        parser = EventStreamParser()
        began = time.perf_counter()
        for at in range(len(data)):
            parser.feed(data[at : at + 1])
        parser.close()
        return time.perf_counter() - began

    small = min(seconds(20_000) for _ in range(3))
    large = min(seconds(160_000) for _ in range(3))
    assert large < 8 * 4 * small  # a quadratic parser needs 64 times as long


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
HEADERS = st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=50), max_size=5)


@given(
    st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=5),
    st.lists(st.integers(0, 2000), max_size=10),
)
@settings(deadline=None)
def test_what_was_written_is_read_wherever_it_is_cut(
    messages: list[tuple[dict[str, str], bytes]], places: list[int]
) -> None:
    data = b"".join(frame([text(*header) for header in headers.items()], body) for headers, body in messages)
    edges = sorted({0, *(place for place in places if place < len(data)), len(data)})
    found, fault = read([data[a:b] for a, b in pairwise(edges)])
    assert not fault
    assert [(message.headers, message.payload) for message in found] == messages


@given(st.binary(max_size=300), st.integers(0, 300))
@settings(deadline=None)
def test_no_bytes_are_too_strange(data: bytes, place: int) -> None:
    assert read([data]) == read([data[:place], data[place:]])
    assert read([raw(data)]) == read([raw(data)[:place], raw(data)[place:]])
