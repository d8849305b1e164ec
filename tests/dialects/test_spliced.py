"""Of a gateway that lost its upstream and began its answer anew, two answers are never made one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.dialects.cohere_chat_answer import CohereDecoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse

CREATED = {"type": "response.created", "response": {"id": "r"}}
START = {"type": "message-start", "id": "a"}


def feed(decoder: Any, *events: dict[str, Any]) -> None:
    for event in events:
        decoder.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


@pytest.mark.parametrize(
    "part",
    [
        {"type": "response.output_text.delta", "delta": "half"},
        {"type": "response.reasoning_summary_text.delta", "delta": "half"},
        {"type": "response.output_item.done", "item": {"type": "message", "content": []}},
        {"type": "response.output_item.added", "item": {"type": "function_call", "name": "f"}},
    ],
)
def test_responses(part: dict[str, Any]) -> None:
    decoder = ResponsesDecoder(Traits("here"))
    feed(decoder, CREATED, CREATED, part)
    with pytest.raises(IncompleteResponse, match="another answer"):
        feed(decoder, CREATED)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "content-delta", "delta": {"message": {"content": {"text": "half"}}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "half"}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {"id": "c"}}}},
    ],
)
def test_cohere(part: dict[str, Any]) -> None:
    decoder = CohereDecoder(Traits("here"))
    feed(decoder, START, START, part)
    with pytest.raises(IncompleteResponse, match="another answer"):
        feed(decoder, START)
