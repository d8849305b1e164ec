"""Large frames decode to what msgpack makes of them, whichever way they are decoded."""

from __future__ import annotations

import tracemalloc
from sys import getsizeof
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.rpc import large
from lokid.rpc.connection import Connection
from lokid.rpc.large import WHOLE_BYTES, WHOLE_OBJECTS, LargeFrame
from lokid.rpc.messages import ProtocolError, Request, encode_request

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=20),
)
MANY = WHOLE_OBJECTS + 1
"""Objects of a frame that is decoded value by value."""


def test_every_width_of_a_number_and_a_text_is_read() -> None:
    numbers = [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1]
    numbers += [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**63)]
    texts = ["x" * size for size in (0, 31, 32, 255, 256, 65535, 65536, WHOLE_BYTES, WHOLE_BYTES + 1)]
    wire = msgpack.packb([0, 1, "m", [numbers, texts, [text.encode() for text in texts], [1.5], [[]] * 20]])
    wire += msgpack.packb(2.5, use_single_float=True)
    message = LargeFrame(wire, MANY, 1).decode()
    assert isinstance(message, Request)
    assert message.params == [numbers, texts, [text.encode() for text in texts], [1.5], [[]] * 20]


@given(value=VALUES)
def test_value_by_value_is_the_same_as_in_one_call(value: Any) -> None:
    wire = msgpack.packb([0, 7, "m", [value]])
    for objects in (1, MANY):
        message = LargeFrame(wire, objects, 7).decode()
        assert isinstance(message, Request)
        assert message.params == [value]


@pytest.mark.parametrize("bad", [b"\xa2\xc3\x28", b"\xda\x01\x00" + b"\xff" * 256, b"\x81\x05\x01"])
def test_what_msgpack_refuses_is_refused_with_its_request(bad: bytes) -> None:
    for objects in (1, MANY):
        with pytest.raises(ProtocolError) as caught:
            LargeFrame(b"\x94\x00\x07\xa1m\x91" + bad, objects, 7).decode()
        assert caught.value.msgid == 7


def test_a_text_whose_characters_lie_across_two_steps_is_whole() -> None:
    text = "x" + "\N{GRINNING FACE}" * (WHOLE_BYTES // 2)
    message = LargeFrame(encode_request(1, "m", [text]), MANY, 1).decode()
    assert isinstance(message, Request)
    assert message.params == [text]


def test_only_large_frames_are_left_to_be_decoded_and_in_their_order() -> None:
    small, large = encode_request(1, "m", ["x"]), encode_request(2, "m", ["x" * 1000])
    wire = small + large + small + large
    for step in (1, 7, len(small) + 1, len(wire)):
        connection = Connection()
        found = [
            one for at in range(0, len(wire), step) for one in connection.frames(wire[at : at + step], 100)
        ]
        assert [type(one) for one in found] == [Request, LargeFrame] * 2
        decoded = [one.decode() if isinstance(one, LargeFrame) else one for one in found]
        assert [message.msgid for message in decoded if isinstance(message, Request)] == [1, 2, 1, 2]
        assert connection.held == 0


@pytest.mark.untraced
@pytest.mark.parametrize("last", ["x", "\xe9", "\u4e2d", "\N{GRINNING FACE}"])
def test_a_large_text_is_never_made_anew_for_its_last_character(last: str) -> None:
    text = "x" * (16 * WHOLE_BYTES) + last
    wire = encode_request(1, "m", [text])
    frame = LargeFrame(wire, MANY, 1)
    tracemalloc.start()
    try:
        message = frame.decode()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(message, Request)
    assert message.params == [text]
    # The decoded one: the other holds its UTF-8 too since it was sent.
    assert peak < getsizeof(message.params[0]) + 4 * WHOLE_BYTES, "in one long step it is there twice"


def test_no_step_of_a_large_block_takes_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []

    def noted(view: memoryview) -> bytes:
        steps.append(len(view))
        return view.tobytes()

    block = b"xyz" * WHOLE_BYTES
    frame = LargeFrame(msgpack.packb([0, 1, "m", [block]]), MANY, 1)
    monkeypatch.setattr(large, "bytes", noted, raising=False)
    message = frame.decode()
    assert isinstance(message, Request)
    assert message.params == [block]
    assert steps == [WHOLE_BYTES] * 3


def test_its_length_is_that_of_its_bytes() -> None:
    assert len(LargeFrame(b"abc", 1, None)) == 3
