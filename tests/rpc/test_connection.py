"""Framing: any cut of the bytes gives the same messages, anything else gives a ProtocolError."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.rpc.connection import ANSWERS, Connection, Limits
from lokid.rpc.messages import (
    Message,
    Notification,
    ProtocolError,
    Request,
    Response,
    encode_request,
    encode_response,
)
from tests.fakes.rpc_messages import encode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=20)
    ),
    max_leaves=40,
)
MSGIDS = st.integers(0, 2**32 - 1)
METHODS = st.text("abc.é", max_size=12)
PARAMS = st.lists(VALUES, max_size=2)
MESSAGES = (
    st.builds(Request, MSGIDS, METHODS, PARAMS)
    | st.builds(Response, MSGIDS, VALUES, VALUES)
    | st.builds(Notification, METHODS, PARAMS)
)

HELLO = b'\x94\x00\x07\xa5hello\x91\x81\xa6client\xa3vim'  # fmt: skip


def read(data: bytes, *cuts: int, limits: Limits | None = None) -> list[Message]:
    """The messages in ``data``, fed in the pieces between ``cuts``, and nothing left at the end."""
    connection = Connection(limits or Limits())
    messages: list[Message] = []
    for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        messages += connection.feed(data[begin:end])
    connection.eof()
    return messages


def test_bytes_of_the_specification_are_messages() -> None:
    assert read(HELLO) == [Request(7, "hello", [{"client": "vim"}])]
    assert read(b"\x94\x01\x07\xc0\x81\xa1a\x01") == [Response(7, None, {"a": 1})]
    assert read(b"\x94\x01\xce\xff\xff\xff\xff\xa4oops\xc0") == [Response(2**32 - 1, "oops", None)]
    assert read(b"\x93\x02\xa6cancel\x91\x07") == [Notification("cancel", [7])]


def test_longer_forms_than_needed_are_messages_too() -> None:
    long_form = b"".join(
        (
            b"\xdd\x00\x00\x00\x04",
            b"\xcf\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\xd3\x00\x00\x00\x00\x00\x00\x00\x07",
            b"\xdb\x00\x00\x00\x05hello",
            b"\xdc\x00\x01",
            b"\xdf\x00\x00\x00\x01",
            b"\xd9\x06client",
            b"\xda\x00\x03vim",
        )
    )
    for cut in range(len(long_form) + 1):
        assert read(long_form, cut) == [Request(7, "hello", [{"client": "vim"}])]


def test_an_error_of_any_form_comes_through_as_neovim_sends_it() -> None:
    assert read(b"\x94\x01\x03\x92\x00\xa3bad\xc0") == [Response(3, [0, "bad"], None)]


@given(st.lists(MESSAGES, max_size=4), st.data())
def test_any_cut_of_the_bytes_gives_the_same_messages(messages: list[Message], data: st.DataObject) -> None:
    wire = b"".join(map(encode, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    assert read(wire) == messages
    assert read(wire, *cuts) == messages
    assert read(wire, *range(len(wire))) == messages


def hostile(data: bytes, *cuts: int) -> list[Message] | str:
    """What comes of bytes that mean no good: messages, or the text of the one error that may be raised."""
    try:
        return read(
            data, *cuts, limits=Limits(max_frame=200, max_depth=4, max_array=30, max_map=9, max_objects=60)
        )
    except ProtocolError as error:
        assert str(error)
        return str(error)


def test_any_garbage_is_messages_or_a_protocol_error() -> None:
    @given(
        st.binary(max_size=60),
        st.sampled_from([b"", b"\x94\x00\x01\xa1m\x91", b"\x93\x02\xa1m\x91"]),
        st.data(),
    )
    def garbage(tail: bytes, head: bytes, data: st.DataObject) -> None:
        wire = head + tail
        cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=5)))
        whole, cut = hostile(wire), hostile(wire, *cuts)
        # Which fault is met first may differ, whether there is one may not.
        assert (whole == cut) or (isinstance(whole, str) and isinstance(cut, str))

    garbage()


@given(MESSAGES, st.data())
def test_one_flipped_byte_is_messages_or_a_protocol_error(message: Message, data: st.DataObject) -> None:
    wire = bytearray(encode(message))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    hostile(bytes(wire))


@given(st.lists(MESSAGES, min_size=1, max_size=3), st.data())
def test_the_end_inside_a_frame_is_an_error(messages: list[Message], data: st.DataObject) -> None:
    last = encode(messages[-1])
    missing = data.draw(st.integers(1, len(last) - 1))
    connection = Connection()
    assert connection.feed(b"".join(map(encode, messages))[:-missing]) == messages[:-1]
    with pytest.raises(
        ProtocolError, match=f"ended inside a frame, after {len(last) - missing} of its bytes"
    ):
        connection.eof()


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (b"GET / HTTP/1.1\r\n", "not MessagePack-RPC"),
        (b"\x16\x03\x01", "not MessagePack-RPC"),
        (b"\x00", "not MessagePack-RPC"),
        (b"\x90", "not MessagePack-RPC"),
        (b"\xc1", "not MessagePack-RPC"),
        (b"\x84\x00\x00", "not MessagePack-RPC"),
        (b"\xdc\x00\x05", "array of 3 or 4"),
        (b"\xdd\xff\xff\xff\xff", "array of 3 or 4"),
        (b"\x93\x00\x01\xa1m", "request or response is an array of 4"),
        (b"\x93\x01\x01\xc0", "request or response is an array of 4"),
        (b"\x94\x02\xa1m\x90\xc0", "notification is an array of 3"),
        (b"\x94\x03\x01\xa1m\x90", "begins with 0"),
        (b"\x94\xc3\x01\xa1m\x90", "begins with 0"),
        (b"\x94\xc0\x01\xa1m\x90", "begins with 0"),
        (b"\x94\xcb\0\0\0\0\0\0\0\0\x01\xa1m\x90", "begins with 0"),
        (b"\x94\x00\xff\xa1m\x90", "from 0 to 4294967295"),
        (b"\x94\x00\xcf\0\0\0\1\0\0\0\0\xa1m\x90", "from 0 to 4294967295"),
        (b"\x94\x00\xc3\xa1m\x90", "from 0 to 4294967295"),
        (b"\x94\x01\xa1x\xc0\xc0", "from 0 to 4294967295"),
        (b"\x94\x00\x01\xc4\x01m\x90", "name is text"),
        (b"\x93\x02\xc0\x90", "name is text"),
        (b"\x94\x00\x01\xa1m\x80", "params is an array"),
        (b"\x94\x00\x01\xa1m\xc0", "params is an array"),
        (b"\x93\x02\xa1m\xa1x", "params is an array"),
        (b"\x94\x00\x01\xa1m\x91\xa1\xff", "not UTF-8"),
        (b"\x94\x00\x01\xa1m\x91\xa3\xed\xa0\x80", "not UTF-8"),
        (b"\x94\x00\x01\xa1m\x91\x81\x01\x01", "key that is not text"),
        (b"\x94\x00\x01\xa1m\x91\x81\x91\x01\x01", "key that is not text"),
        (b"\x94\x00\x01\xa1m\x91\xc1", "0xc1 means nothing"),
        (b"\x94\x00\x01\xa1m\x91\xd4\x00\x01", "extension types"),
        (b"\x94\x00\x01\xa1m\x91\xc7\x00\x05", "extension types"),
        (b"\x94\x00\x01\xa1m\x91\xd6\xff\0\0\0\0", "extension types"),
    ],
)
def test_what_is_not_a_message_says_why(wire: bytes, said: str) -> None:
    for cuts in ((), range(len(wire))):
        with pytest.raises(ProtocolError, match=said):
            read(wire, *cuts)


def test_an_error_names_nothing_of_the_frame() -> None:
    for wire in (b"\x94\x00\x01\xa1m\x91\xa7secret\xff", b"\x94\x00\x01\xa1m\x91\x82\xa6secret\x01\x02\x03"):
        with pytest.raises(ProtocolError) as caught:
            read(wire)
        assert "secret" not in f"{caught.value!r} {caught.value.__cause__!s}"


@pytest.mark.parametrize(
    ("head", "msgid"),
    [
        (b"\x94\x00\x07", 7),
        (b"\x94\x00\xcc\xff", 255),
        (b"\x94\x00\xcd\x01\x00", 256),
        (b"\x94\x00\xce\xff\xff\xff\xff", 2**32 - 1),
        (b"\x94\x00\xd0\x07", None),  # a signed form: nobody sends it, so nobody misses the answer
        (b"\x94\x01\x07", None),
        (b"\xdc\x00\x04\x00\x07", None),
    ],
)
def test_a_broken_request_is_known_by_its_id(head: bytes, msgid: int | None) -> None:
    for cuts in ((), (5,), range(len(head) + 4)):
        with pytest.raises(ProtocolError) as caught:
            read(head + b"\xa1m\x91\xc1", *cuts)
        assert caught.value.msgid == msgid


@pytest.mark.parametrize("wire", [b"G", b"\x94\xc1", b"\x94\x00\xc1", b"\x94\x00\xce\x01\xc1"])
def test_a_broken_frame_without_a_whole_id_has_none(wire: bytes) -> None:
    connection = Connection()
    with pytest.raises(ProtocolError) as caught:
        connection.feed(wire + b"\xc1" * 4 if wire.endswith(b"\x01\xc1") else wire)
    assert caught.value.msgid in (None, int.from_bytes(b"\x01\xc1\xc1\xc1", "big"))


def test_after_an_error_the_connection_stays_broken() -> None:
    connection = Connection()
    with pytest.raises(ProtocolError, match="0xc1"):
        connection.feed(b"\x94\x00\x05\xc1")
    for again in (lambda: connection.feed(HELLO), connection.eof):
        with pytest.raises(ProtocolError, match="0xc1") as caught:
            again()
        assert caught.value.msgid == 5


def test_lists_of_numbers_come_through_whole_and_cut() -> None:
    numbers: list[object] = [0.5] * 1000
    mixed: list[object] = [0.5, 1] * 200 + [0.5] * 300 + ["x"] + [-1.5] * 20
    wire = encode_response(1, None, [numbers, mixed])
    for step in (1, 7, 100, 1000, len(wire)):
        assert read(wire, *range(0, len(wire), step), limits=ANSWERS) == [Response(1, None, [numbers, mixed])]


def test_agrees_with_msgpack_on_every_first_byte() -> None:
    for first in range(256):
        for tail in (b"", b"\x01" * 9, b"\x00" * 300):
            wire = b"\x94\x00\x01\xa1m\x91" + bytes([first]) + tail
            unpacker = msgpack.Unpacker(max_buffer_size=1000, strict_map_key=True, max_ext_len=0)
            unpacker.feed(wire)
            try:
                expected = unpacker.unpack()
            except (msgpack.OutOfData, ValueError):
                expected = None
            connection = Connection()
            got: list[Message] = []
            try:
                # What follows the frame are single bytes that begin no message.
                got = connection.feed(wire[: unpacker.tell()] if expected else wire)
            except ProtocolError:
                assert not expected or 0xC7 <= first <= 0xD8
            assert not got or got == [Request(1, "m", expected[3])]
            assert bool(got) == bool(expected) or 0xC7 <= first <= 0xD8


def test_whole_messages_before_a_broken_frame_come_first() -> None:
    connection = Connection()
    assert connection.feed(encode_request(1, "hello", []) + b"\xc1") == [Request(1, "hello", [])]
    with pytest.raises(ProtocolError):
        connection.check()
    with pytest.raises(ProtocolError):
        connection.feed(b"")


def test_a_frame_whose_rest_is_to_come_has_an_id_and_can_be_forgotten() -> None:
    connection = Connection()
    assert connection.feed(b"\x94\x00\x07\xa1m\x91") == []
    assert (connection.begun, connection.held) == (7, 6)
    connection.drop()
    assert (connection.begun, connection.held) == (None, 0)


@pytest.mark.parametrize("step", [1, 30, 1000, 10_000])
def test_a_pipe_full_of_messages_is_read_in_steps_and_none_is_lost(step: int) -> None:
    connection = Connection()
    frames = [encode_request(number, "hello", []) for number in range(100)]
    data = b"".join(frames)
    found = connection.frames(data + frames[0][:3], None, step)
    assert len(found) <= -(-step // len(frames[0])) + 1
    while connection.more:
        found += connection.frames(b"", None, step)
    assert [one.msgid for one in found if isinstance(one, Request)] == list(range(100))
    assert connection.held == 3
    assert connection.feed(frames[0][3:]) == [Request(0, "hello", [])]


def test_what_is_still_to_come_of_a_long_text_is_known() -> None:
    connection = Connection()
    frame = encode_request(1, "hello", [{"client": "x" * 1000}])
    connection.feed(frame[:-900])
    assert connection.ahead == 900
    connection.feed(frame[-900:])
    assert connection.ahead == 0
