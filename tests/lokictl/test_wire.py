"""The little MessagePack of the fast path against the msgpack package."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lokictl import packing, wire

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False),
        st.text(max_size=40),
        st.binary(max_size=40),
        st.text("ä", min_size=250, max_size=300),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=20), st.dictionaries(st.text(max_size=5), inner, max_size=20)
    ),
    max_leaves=30,
)


def feed(reader, data, cuts):
    """All messages, whichever way the bytes were cut."""
    messages, at = [], 0
    for cut in [*sorted({c % (len(data) + 1) for c in cuts}), len(data)]:
        messages += reader.feed(data[at:cut])
        at = cut
    return messages


@given(values)
def test_the_package_reads_what_is_written(value):
    assert msgpack.unpackb(packing.encode(value)) == value


@given(st.lists(values, max_size=3), st.lists(st.integers(0, 2000), max_size=5))
def test_what_the_package_writes_is_read_however_it_is_cut(messages, cuts):
    data = b"".join(map(msgpack.packb, messages))
    assert feed(wire.Reader(), data, cuts) == messages


@given(st.lists(values, min_size=1, max_size=3), st.lists(st.integers(0, 200), max_size=5))
@settings(max_examples=30)
def test_events_with_text_are_known_as_a_whole_and_read_like_all_else(texts, cuts):
    messages = [[2, "chat.event", [1, {"type": "text", "text": text}]] for text in texts]
    frames = [msgpack.packb(message) for message in messages]
    assert all(frame.startswith(wire._TEXT) for frame in frames)
    assert feed(wire.Reader(), b"".join(frames), cuts) == messages


@given(values)
@settings(max_examples=30)
def test_byte_by_byte(value):
    data = msgpack.packb(value)
    assert feed(wire.Reader(), data, range(len(data))) == [value]


def test_single_floats_and_tuples_pass():
    assert wire.Reader().feed(msgpack.packb(1.5, use_single_float=True)) == [1.5]
    assert msgpack.unpackb(packing.encode((1, "a"))) == [1, "a"]


def test_large_frames_go_to_the_package_and_small_ones_after_them_still_come():
    large = {"text": "x" * 300_000, "list": list(range(1000))}
    data = msgpack.packb(large) + msgpack.packb([1]) + msgpack.packb([2])
    assert feed(wire.Reader(), data, range(0, len(data), 65536)) == [large, [1], [2]]
    assert feed(wire.bulk_reader(), data, [5, 70_000]) == [large, [1], [2]]


@pytest.mark.parametrize(
    "data", [b"\xc1", b"\xc7\x01\x01x", b"\x91" * 5000, b"\x81\x91\x01\x01", b"\x81\x80\x01"]
)
def test_what_lokid_never_sends_is_malformed(data):
    with pytest.raises(wire.Malformed):
        wire.Reader().feed(data)


def test_broken_large_frames_are_malformed_too():
    reader = wire.bulk_reader()
    with pytest.raises(wire.Malformed):
        reader.feed(b"\xc1")


def test_text_that_is_not_utf8_is_replaced():
    assert wire.Reader().feed(b"\xa2a\xff") == ["a\ufffd"]
    assert msgpack.unpackb(packing.encode("a\udcff")) == "a?"


def test_other_types_are_a_mistake_in_the_program():
    with pytest.raises(TypeError):
        packing.encode({"a": object()})


def test_a_request_begins_with_the_bytes_in_which_the_daemon_looks_for_its_id():
    assert packing.encode([0, 1, "chat", [{}]]).startswith(b"\x94\x00\x01")


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**30])
def test_whole_numbers_over_64_bits_become_the_nearest_float(value):
    assert msgpack.unpackb(packing.encode([value])) == [float(value)]


def test_whole_numbers_that_no_float_holds_become_text():
    assert msgpack.unpackb(packing.encode([10**400])) == ["1" + 400 * "0"]
