"""A letter that a gateway cut in two is whole again, in every dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import TextDelta
from lokid.dialects.anthropic_messages_answer import MessagesDecoder
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder
from lokid.dialects.cohere_chat_answer import CohereDecoder
from lokid.dialects.gemini_answer import GeminiDecoder
from lokid.dialects.halves import Halves
from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder
from lokid.dialects.traits import Traits
from tests.fakes import completions, frames, generating, messages

TRAITS = Traits("m", origin="c:m", reasons=True)
FIRST, SECOND = "a\ud83d", "\ude00b"
SAID = {"type": "message", "content": [{"type": "output_text", "text": FIRST + SECOND}]}


def cohere(piece: str) -> dict[str, Any]:
    return {"type": "content-delta", "delta": {"message": {"content": {"text": piece}}}}


def messages_delta(piece: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}


def responses(piece: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": piece}


STREAMS: dict[type[Any], list[Any]] = {
    StreamDecoder: [
        completions.chunk({"content": FIRST}),
        completions.chunk({"content": SECOND}, "stop"),
    ],
    MessagesDecoder: [
        messages.start(),
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        messages_delta(FIRST),
        {"type": "ping"},
        messages_delta(SECOND),
        *messages.end(),
    ],
    GeminiDecoder: [generating.chunk({"text": FIRST}), generating.chunk({"text": SECOND}, finish="STOP")],
    CohereDecoder: [
        cohere(FIRST),
        cohere(SECOND),
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ],
    ResponsesDecoder: [
        responses(FIRST),
        responses(SECOND),
        {"type": "response.completed", "response": {"status": "completed", "output": [SAID]}},
    ],
}


@pytest.mark.parametrize("kind", STREAMS)
def test_in_events(kind: type[Any]) -> None:
    decoder = kind(TRAITS)
    events = decoder.feed(b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in STREAMS[kind]))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["a", "😀b"]
    assert decoder.close().message.text == "a😀b"


def test_in_frames() -> None:
    pieces = [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in (FIRST, SECOND)
    ]
    decoder = ConverseStreamDecoder(TRAITS)
    decoder.feed(frames.converse(*pieces, ("messageStop", {"stopReason": "end_turn"})))
    assert decoder.close().message.text == "a😀b"


@pytest.mark.parametrize(
    ("events", "joined"),
    [
        ([r'["\ud83d"]', r'["\uDE00"]'], [r'[""]', r'["\ud83d\uDE00"]']),
        ([r'["\ud83d"]', "[1]", r'["x", "\ude00"]'], [r'[""]', "[1]", r'["x", "\ud83d\ude00"]']),
        ([r'["\\\ud83d"]', r'["\ude00"]'], [r'["\\"]', r'["\ud83d\ude00"]']),
        ([r'["\\ud83d"]', r'["\\ude00"]'], [r'["\\ud83d"]', r'["\\ude00"]']),  # a backslash, and letters
        ([r'["\ud83d\ude00"]', r'["a"]'], [r'["\ud83d\ude00"]', r'["a"]']),
        ([r'["\ud83d"]', r'["\"\ude00"]'], [r'[""]', r'["\"\ude00"]']),  # behind a quote in the text
        (
            [r'["\ud83d"]', r'["\ude00\ud83d"]', r'["\ude00"]'],
            [r'[""]', r'["\ud83d\ude00"]', r'["\ud83d\ude00"]'],
        ),
    ],
)
def test_where_halves_stand(events: list[str], joined: list[str]) -> None:
    halves = Halves()
    assert [halves.joined(event) for event in events] == joined
