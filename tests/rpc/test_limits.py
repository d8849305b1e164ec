"""What one frame may cost, and that it is known before the cost arises."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from lokid.rpc import connection as connection_module
from lokid.rpc.connection import MIB, REQUESTS, Connection, Limits
from lokid.rpc.messages import ProtocolError, Request, encode_request

HEAD = b"\x94\x00\x07\xa1m\x91"
WIDE = "\N{GRINNING FACE}".encode()


def array(length: int) -> bytes:
    return b"\xdd" + length.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("announced", "said"),
    [
        (b"\xc6" + (64 * MIB).to_bytes(4, "big"), "larger than 64 MiB"),
        (b"\xdb" + (64 * MIB).to_bytes(4, "big"), "larger than 64 MiB"),
        (array(65_537), "an array has more than 65536 entries"),
        (b"\xdc\xff\xff" + b"\xdc\xff\xff" * 2, "more than 131072 values"),
        (b"\xdf" + (4_097).to_bytes(4, "big"), "a map has more than 4096 entries"),
        (b"\xde\x10\x01", "a map has more than 4096 entries"),
        (b"\x91" * 65, "nested deeper than 64"),
        (b"\x81\xa1a" * 65, "nested deeper than 64"),
    ],
)
def test_a_header_that_announces_too_much_is_refused_at_once(announced: bytes, said: str) -> None:
    connection = Connection()
    with pytest.raises(ProtocolError, match=said) as caught:
        connection.feed(HEAD + announced)  # and nothing of what it announces
    assert caught.value.msgid == 7


@pytest.mark.parametrize(
    ("limits", "fits", "does_not"),
    [
        (Limits(max_frame=20), HEAD + b"\xadx............", HEAD + b"\xaex............."),
        (Limits(max_frame=20), HEAD + b"\xc4\x0cx...........", HEAD + b"\xc4\x0dx............"),
        (Limits(max_depth=4), HEAD + b"\x91\x91\x01", HEAD + b"\x91\x91\x91\x01"),
        (Limits(max_array=4), HEAD + b"\x94\1\1\1\1", HEAD + b"\x95\1\1\1\1\1"),
        (Limits(max_map=2), HEAD + b"\x82\xa1a\1\xa1b\1", HEAD + b"\x83\xa1a\1\xa1b\1\xa1c\1"),
        (Limits(max_objects=9), HEAD + b"\x93\1\1\1", HEAD + b"\x94\1\1\1\1"),
        (Limits(max_objects=8), HEAD + b"\x81\xa1a\1", HEAD + b"\x82\xa1a\1\xa1b\1"),
    ],
)
def test_each_limit_admits_exactly_what_it_says(limits: Limits, fits: bytes, does_not: bytes) -> None:
    for step in (1, 3, 100):
        connection = Connection(limits)
        messages = [m for at in range(0, len(fits), step) for m in connection.feed(fits[at : at + step])]
        assert len(messages) == 1
        with pytest.raises(ProtocolError):
            for at in range(0, len(does_not), step):
                connection.feed(does_not[at : at + step])


def test_counts_begin_anew_with_each_frame() -> None:
    limits = Limits(max_frame=20, max_objects=9)
    assert len(Connection(limits).feed((HEAD + b"\x93\1\1\1") * 50)) == 50


def test_ten_thousand_texts_to_embed_are_one_request() -> None:
    wire = encode_request(1, "embed", [{"model": "m", "texts": ["a text of some words"] * 10_000}])
    (request,) = Connection().feed(wire)
    assert isinstance(request, Request)


def full(unit: bytes, values: int) -> bytes:
    """A frame with as many repetitions of ``unit``, which is ``values`` values, as the limits admit."""
    left = (REQUESTS.max_objects - 16) // values
    rows = []
    while left > 0:
        rows.append(array(min(left, 60_000)) + unit * min(left, 60_000))
        left -= 60_000
    return HEAD + bytes([0x90 + len(rows)]) + b"".join(rows)


@pytest.mark.parametrize(
    "wire",
    [
        full(b"\x80", 1),
        full(b"\x90", 1),
        full(b"\xcb" + b"?" * 8, 1),
        full(b"\xa4" + WIDE, 1),
        full(b"\x81\xa4" + WIDE + b"\xcb" + b"?" * 8, 3),
        full(b"\x81\xa0" * 50 + b"\x80", 101),
        full((b"\x81\xa4" + WIDE) * 50 + b"\x80", 101),
        full(b"\x91" * 50 + b"\x90", 51),
    ],
    ids=[
        "empty maps",
        "empty lists",
        "numbers",
        "texts",
        "maps",
        "deep maps",
        "deep maps, long keys",
        "deep lists",
    ],
)
def test_the_worst_frame_within_limits_stays_small_in_memory(wire: bytes) -> None:
    connection = Connection()
    tracemalloc.start()
    try:
        messages = connection.feed(wire)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(messages) == 1
    assert peak < 16 * MIB


def test_what_is_refused_costs_nothing() -> None:
    """1 MiB of 0x90 is 85 MB in msgpack.Unpacker; here the first array that does not fit ends it."""
    wire = HEAD + array(MIB) + b"\x90" * MIB
    connection = Connection()
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            connection.feed(wire)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MIB / 4


def test_reading_byte_by_byte_is_linear() -> None:
    """A reader that begins again with each piece would need 10 s for the larger frame."""

    def seconds(texts: int) -> float:
        wire = encode_request(1, "embed", [{"model": "m", "texts": ["a text"] * texts, "blob": b"x" * texts}])
        connection = Connection()
        begin = time.process_time()
        messages = [m for at in range(len(wire)) for m in connection.feed(wire[at : at + 1])]
        assert len(messages) == 1
        return time.process_time() - begin

    seconds(100)
    assert seconds(16_000) < 8 * 8 * max(
        seconds(2_000), 0.001
    )  # eight times the bytes; quadratic would be 64


def test_a_frame_of_values_of_one_byte_each_is_walked_over_in_long_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step for each of them holds the event loop for 20 ms a read."""
    steps: list[int] = []
    ones = connection_module._ones

    def noted(source: bytes, position: int, left: int) -> int:
        steps.append(ones(source, position, left))
        return steps[-1]

    monkeypatch.setattr(connection_module, "_ones", noted)
    values = [1, -1, None, True, [], {}] * 8_000
    wire = encode_request(7, "m", [values])
    connection = Connection()
    found = [one for at in range(0, len(wire), 10_000) for one in connection.feed(wire[at : at + 10_000])]
    assert found == [Request(7, "m", [values])]
    assert sum(steps) == len(values)
    assert len(steps) < len(values) / 200
