"""What a decoder says that it holds of an event, which decides where the event is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.dialects.anthropic_messages_answer import MessagesDecoder
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder
from lokid.dialects.cohere_chat_answer import CohereDecoder
from lokid.dialects.gemini_answer import GeminiDecoder
from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder
from lokid.dialects.stream import WholeDecoder
from tests.fakes.completions import TRAITS
from tests.fakes.feeding import stream

EVENTS: dict[Any, dict[str, Any]] = {
    StreamDecoder: {"choices": []},
    ResponsesDecoder: {"type": "response.in_progress"},
    MessagesDecoder: {"type": "ping"},
    CohereDecoder: {"type": "message-start"},
    GeminiDecoder: {},
}


@pytest.mark.parametrize("decoder", EVENTS, ids=lambda kind: kind.__name__)
def test_it_is_what_came_of_an_event_that_is_not_complete(decoder: Any) -> None:
    reads = decoder(TRAITS)
    assert reads.held == 0
    data = stream(EVENTS[decoder] | {"unknown": "x" * 100_000}, done=False)
    reads.feed(data[:70_000])
    assert 70_000 - 10 <= reads.held <= 70_000
    reads.feed(data[70_000:])
    assert reads.held == 0


def test_so_it_is_of_messages_of_bedrock() -> None:
    reads = ConverseStreamDecoder(TRAITS)
    assert reads.held == 0
    reads.feed((100_000).to_bytes(4, "big"))
    assert reads.held == 4


def test_a_whole_answer_has_no_events() -> None:
    reads = WholeDecoder(lambda value: value)
    reads.feed(json.dumps({"a": "x" * 100_000}).encode())
    assert reads.held == 0
