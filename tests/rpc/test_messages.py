"""The values and the bytes of messages."""

from __future__ import annotations

import msgpack
import pytest

from lokid.rpc.messages import (
    Notification,
    Request,
    Response,
    encode_notification,
    encode_request,
    encode_response,
    encode_text,
)


def test_messages_are_the_arrays_of_the_specification() -> None:
    assert encode_request(1, "status", []) == b"\x94\x00\x01\xa6status\x90"
    assert encode_response(1, None, {"a": b"\x00"}) == b"\x94\x01\x01\xc0\x81\xa1a\xc4\x01\x00"
    assert encode_response(1, "oops", None) == b"\x94\x01\x01\xa4oops\xc0"
    assert encode_notification("cancel", [1]) == b"\x93\x02\xa6cancel\x91\x01"


def test_messages_compare_by_value_and_kind() -> None:
    assert Request(1, "m", []) == Request(1, "m", [])
    assert Request(1, "m", []) != Request(2, "m", [])
    assert Response(1, None, 2) != Response(1, 2, None)
    assert Request(1, "m", []) != Response(1, "m", [])
    assert Notification("m", []) != ["m", []]


def test_messages_show_no_content() -> None:
    shown = repr([Request(1, "m", ["secret"]), Response(2, None, "secret"), Response(3, "secret", None)])
    assert shown == "[Request(1, 'm'), Response(2, result), Response(3, error)]"
    assert repr(Notification("n", ["secret"])) == "Notification('n')"


@pytest.mark.parametrize(
    ("value", "travels_as"),
    [
        ("\N{GREEK SMALL LETTER PI} \ud83d.", "\N{GREEK SMALL LETTER PI} ?."),
        (2**64 - 1, 2**64 - 1),
        (2**64, 2.0**64),
        (-(2**63) - 1, -(2.0**63)),
        (10**400, "1" + "0" * 400),
        (("a", 1), ["a", 1]),
    ],
)
def test_what_a_providers_json_may_hold_travels_in_the_nearest_form(
    value: object, travels_as: object
) -> None:
    """A provider must not be able to end a connection with half a surrogate pair or a long number."""
    wire = encode_response(1, None, {"arguments": value})
    assert msgpack.unpackb(wire) == [1, 1, None, {"arguments": travels_as}]


def test_what_has_no_form_at_all_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="set has no MessagePack form"):
        encode_response(1, None, {"a": {1, 2}})


def test_a_notification_with_half_a_character_is_sent_all_the_same() -> None:
    assert b"?" in encode_notification("m", ["\ud800"])


@pytest.mark.parametrize(("text", "told"), [("é", "é"), ("half \ud83d", "half ?")])
def test_a_text_alone_is_a_value_of_a_message(text: str, told: str) -> None:
    assert msgpack.unpackb(encode_text(text)) == told
