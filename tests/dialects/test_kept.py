"""A stream of 64 MiB has room for twenty million values: what an answer keeps of them is bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lokid.dialects.anthropic_messages_answer import MessagesDecoder
from lokid.dialects.bedrock_converse_answer import Blocks as Converse
from lokid.dialects.cohere_chat_answer import CohereDecoder
from lokid.dialects.gemini_answer import GeminiDecoder
from lokid.dialects.kept import MAX_KEPT
from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder
from lokid.dialects.parts import parse_arguments
from lokid.dialects.reasoning_state import MAX_DETAILS, ReasoningState
from lokid.errors import ProviderFailed
from tests.fakes import completions, messages
from tests.fakes.completions import TRAITS
from tests.fakes.feeding import stream

LISTS: list[Any] = [[]] * 100_000


def _anthropic(event: dict[str, Any]) -> Iterator[Any]:
    decoder = MessagesDecoder(TRAITS)
    decoder.feed(stream(messages.start(), *messages.said(0, "a")[:-1], done=False))
    while True:
        yield decoder.feed(stream(event, done=False))


def _fields() -> Iterator[Any]:
    decoder = MessagesDecoder(TRAITS)
    decoder.feed(stream(messages.start(), *messages.said(0, "a")[:-1], done=False))
    for first in range(0, 600_000, 50_000):
        delta = {f"k{number}": "" for number in range(first, first + 50_000)}
        yield decoder.feed(stream(_delta(delta), done=False))


def _converse(event: dict[str, Any]) -> Iterator[Any]:
    blocks = Converse(TRAITS)
    while True:
        yield blocks.take("contentBlockDelta", {"contentBlockIndex": 0, "delta": event}, [])


def _fed(decoder: Any, event: dict[str, Any]) -> Iterator[Any]:
    while True:
        yield decoder.feed(stream(event, done=False))


def _delta(delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def _gemini(*parts: dict[str, Any]) -> Iterator[Any]:
    return _fed(GeminiDecoder(TRAITS), {"candidates": [{"content": {"parts": list(parts)}}]})


def _completions(*deltas: dict[str, Any]) -> Iterator[Any]:
    return _fed(StreamDecoder(TRAITS), {"choices": [{"delta": delta} for delta in deltas]})


TURNS = ({"text": "a"}, {"thinking": "b"})
STREAMS: dict[str, Iterator[Any]] = {
    "citations of Anthropic": _anthropic(_delta({"citation": LISTS})),
    "fields of Anthropic": _fields(),
    "citations of Bedrock": _converse({"citation": LISTS}),
    "results of Bedrock": _converse({"toolResult": LISTS}),
    "parts of Gemini": _gemini(*[{"x": 1}] * 5_000),
    "state of Gemini": _gemini({"x": LISTS}),
    "arguments of Gemini": _gemini({"functionCall": {"name": "f", "args": {"x": LISTS}}}),
    "signatures of Gemini": _gemini(*[{"text": "a", "thoughtSignature": "b"}] * 5_000),
    "turns of Chat Completions": _completions(*[{"content": "a"}, {"reasoning": "b"}] * 3_000),
    "details of Chat Completions": _completions({"reasoning_details": [{"x": LISTS}]}),
    "state of calls of Chat Completions": _completions(
        {"tool_calls": [completions.entry(0, "a", "f") | {"extra_content": {"x": LISTS}}]}
    ),
    "items of Responses": _fed(
        ResponsesDecoder(TRAITS), {"type": "response.output_item.done", "item": {"x": LISTS}}
    ),
    "turns of Cohere": _fed(
        CohereDecoder(TRAITS),
        {"type": "message-start", "delta": {"message": {"content": list(TURNS) * 6_000}}},
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_no_stream_fills_the_memory_with_small_values(name: str) -> None:
    with pytest.raises(ProviderFailed, match=r"more (values|than 10000)"):
        for _ in range(12):
            next(STREAMS[name])


def test_what_a_server_counts_under_other_names_is_not_kept() -> None:
    for decoder, event in (
        (MessagesDecoder(TRAITS), {"type": "message_delta", "usage": {"x": 1}, "delta": {}}),
        (GeminiDecoder(TRAITS), {"usageMetadata": {"xTokenCount": 1}}),
    ):
        decoder.feed(stream(event, done=False))
        answer = getattr(decoder, "_answer", None) or getattr(decoder, "_blocks", None)
        assert answer._usage == {}


def test_arguments_of_a_million_lists_are_none() -> None:
    with pytest.raises(ValueError, match="more values"):
        parse_arguments('{"a": [' + "[]," * (MAX_KEPT + 1) + "1]}")
    long = json.dumps({"a": "x" * 3 * MAX_KEPT})
    assert parse_arguments(long)["a"]


def test_pieces_of_reasoning_are_as_few_as_parts_of_other_answers() -> None:
    decoder = StreamDecoder(TRAITS)
    details = [{"type": "t", "id": str(number)} for number in range(MAX_DETAILS + 1)]
    with pytest.raises(ProviderFailed, match="pieces of reasoning"):
        for first in range(0, len(details), 1_000):
            chunk = completions.chunk({"reasoning_details": details[first : first + 1_000]})
            decoder.feed(stream(chunk, done=False))


def test_a_long_thought_is_one_piece_however_many_fragments_it_has() -> None:
    state = ReasoningState()
    one = {"type": "reasoning.text", "text": "a", "signature": None, "format": "x", "id": None, "index": 0}
    for _ in range(MAX_KEPT // 4):
        state.add({"reasoning_details": [one]})
    assert state.whole() == {"details": [one | {"text": "a" * (MAX_KEPT // 4)}]}


def test_of_a_piece_of_reasoning_too_what_its_fragments_add_is_counted() -> None:
    state = ReasoningState()
    with pytest.raises(ProviderFailed, match="more values"):
        for number in range(MAX_KEPT):
            state.add({"reasoning_details": [{f"k{number}": 1}]})
    state = ReasoningState()
    with pytest.raises(ProviderFailed, match="more values"):
        for _ in range(12):
            state.add({"reasoning_details": [{"text": LISTS}]})
