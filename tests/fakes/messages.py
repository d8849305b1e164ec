"""Events and answers of Anthropic Messages, and what lokid reads of them in every way they may be cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lokid.chat import Answer
from lokid.dialects.anthropic_messages_answer import MessagesDecoder, whole_messages_decoder
from lokid.dialects.traits import Traits
from tests.fakes.feeding import Fed, fed

TRAITS = Traits("m", origin="c:m")

USAGE = {
    "input_tokens": 9,
    "cache_creation_input_tokens": 1,
    "cache_read_input_tokens": 2,
    "output_tokens": 5,
    "output_tokens_details": {"thinking_tokens": 3},
}


def start(**more: Any) -> dict[str, Any]:
    message: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {**USAGE, "output_tokens": 1},
    }  # fmt: skip
    return {"type": "message_start", "message": message | more}


def block(index: int, begun: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def said(index: int, *words: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": w} for w in words))


def thought(index: int, *words: str, signature: str = "sig") -> list[dict[str, Any]]:
    deltas = [{"type": "thinking_delta", "thinking": w} for w in words]
    begun = {"type": "thinking", "thinking": "", "signature": ""}
    return block(index, begun, *deltas, {"type": "signature_delta", "signature": signature})


def called(index: int, call_id: str, name: str, *fragments: str, **more: Any) -> list[dict[str, Any]]:
    begun = {"type": "tool_use", "id": call_id, "name": name, "input": {}} | more
    return block(index, begun, *({"type": "input_json_delta", "partial_json": f} for f in fragments))


def end(reason: str | None = "end_turn", usage: Any = None, **delta: Any) -> list[dict[str, Any]]:
    stopped = {"stop_reason": reason, "stop_sequence": None} | delta
    usage = {"output_tokens": 5} if usage is None else usage
    return [{"type": "message_delta", "delta": stopped, "usage": usage}, {"type": "message_stop"}]


def wire(events: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def read(*events: dict[str, Any], traits: Traits = TRAITS) -> Fed[Answer]:
    return fed(lambda: MessagesDecoder(traits), wire(events))


def whole(content: Any, reason: str = "end_turn", **more: Any) -> Fed[Answer]:
    value = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "content": content,
        "stop_reason": reason, "stop_sequence": None, "usage": USAGE,
    }  # fmt: skip
    return whole_of(value | more)


def whole_of(value: Any) -> Fed[Answer]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return fed(lambda: whole_messages_decoder(TRAITS), data)
