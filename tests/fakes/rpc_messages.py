"""Messages of MessagePack-RPC as their bytes, whichever of the three they are."""

from __future__ import annotations

from typing import assert_never

from lokid.rpc.messages import (
    Message,
    Notification,
    Request,
    Response,
    encode_notification,
    encode_request,
    encode_response,
)


def encode(message: Message) -> bytes:
    match message:
        case Request(msgid, method, params):
            return encode_request(msgid, method, params)
        case Response(msgid, error, result):
            return encode_response(msgid, error, result)
        case Notification(method, params):
            return encode_notification(method, params)
        case _:
            assert_never(message)
