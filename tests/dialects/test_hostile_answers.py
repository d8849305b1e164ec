"""Whatever a server writes, a decoder answers with an answer or with one of our errors, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.chat import Reasoning, RerankRequest, Text, ToolCall
from lokid.dialects import cohere_embeddings, openai_embeddings, rerank
from lokid.dialects.cohere_chat_answer import CohereDecoder, whole_cohere_decoder
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder, whole_responses_decoder
from lokid.dialects.traits import Traits
from lokid.errors import LokidError

TRAITS = Traits("m", origin="c:m", think_tags=True)

WORDS = st.sampled_from(
    ("", "a", "<think>", "</think>", "{}", "{", '{"x":1}', "null", "429", "\ud83d", "[DONE]")
) | (st.sampled_from(("stop", "length", "tool_calls", "function_call", "message", "reasoning", "incomplete")))
NAMES = (
    "choices index delta message finish_reason error code type content refusal reasoning "
    "reasoning_content reasoning_details thinking_blocks signature tool_calls function_call id name "
    "function arguments extra_content usage prompt_tokens total_tokens prompt_tokens_details x_groq text "
    "thinking detail errors output item output_index response status summary encrypted_content call_id "
    "phase data embedding results relevance_score score completion_tokens input_tokens object tool_plan "
    "tokens billed_units cached_tokens embeddings float meta"
)
KEYS = st.sampled_from(NAMES.split())
NUMBERS = (
    st.integers(-2, 2) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DELTAS = st.dictionaries(KEYS, VALUES, max_size=4)
CHUNKS = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({"delta": DELTAS, "message": DELTAS, "finish_reason": VALUES}), max_size=2
        )
    },
    optional={"usage": VALUES, "error": VALUES, "id": VALUES, "model": VALUES},
)
TYPES = (
    "response.output_item.added response.output_item.done response.function_call_arguments.delta "
    "response.reasoning_summary_text.delta response.completed "
    "response.incomplete response.failed error"
)
KINDS = st.sampled_from(TYPES.split())
ITEMS = st.lists(
    DELTAS | st.fixed_dictionaries({"type": WORDS, "arguments": WORDS, "name": WORDS}), max_size=3
)
RESPONSES = st.fixed_dictionaries(
    {"output": ITEMS}, optional={"status": WORDS, "usage": VALUES, "error": VALUES}
)
EVENTS = st.fixed_dictionaries(
    {"type": KINDS}, optional={"item": DELTAS, "output_index": VALUES, "delta": VALUES, "response": RESPONSES}
)
COHERE = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "message-start",
                "content-start",
                "content-delta",
                "tool-plan-delta",
                "tool-call-start",
                "tool-call-delta",
                "message-end",
            ]
        ),
        "delta": st.fixed_dictionaries(
            {"message": DELTAS}, optional={"usage": VALUES, "finish_reason": WORDS}
        ),
    },
    optional={"id": VALUES, "index": VALUES},
)


def run(decoder: Any, data: bytes) -> None:
    try:
        decoder.feed(data)
        answer = decoder.close()
    except LokidError as error:
        assert str(error).isprintable()
        return
    for part in getattr(getattr(answer, "message", None), "parts", ()):
        if isinstance(part, Text | Reasoning | ToolCall):
            msgpack.packb(dict(part.opaque))
        if isinstance(part, Text | Reasoning):
            msgpack.packb(part.text)
        if isinstance(part, ToolCall):
            msgpack.packb([part.id, part.name, dict(part.arguments)])


def sse(events: list[Any]) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) + b"data: [DONE]\n\n"


@given(st.lists(CHUNKS | VALUES, max_size=4))
def test_streams_of_chat_completions(chunks: list[Any]) -> None:
    run(StreamDecoder(TRAITS), sse(chunks))


@given(st.lists(EVENTS | VALUES, max_size=4))
def test_streams_of_responses(events: list[Any]) -> None:
    run(ResponsesDecoder(TRAITS), sse(events))


@given(st.lists(COHERE | VALUES, max_size=5))
def test_streams_of_cohere(events: list[Any]) -> None:
    run(CohereDecoder(TRAITS), sse([*events, {"type": "message-end"}]))


WHOLE: list[Callable[[], Any]] = [
    lambda: whole_decoder(TRAITS),
    lambda: whole_responses_decoder(TRAITS),
    lambda: whole_cohere_decoder(TRAITS),
    lambda: openai_embeddings.decoder(1),
    lambda: cohere_embeddings.decoder(1),
    lambda: rerank.decoder(RerankRequest("c:m", "q", ("a",))),
]


@pytest.mark.parametrize("decoder", WHOLE)
@given(value=CHUNKS | RESPONSES | VALUES)
def test_whole_answers(decoder: Callable[[], Any], value: Any) -> None:
    run(decoder(), json.dumps(value).encode())


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    streams = (StreamDecoder, ResponsesDecoder, CohereDecoder)
    for decoder in (*WHOLE, *(lambda kind=kind: kind(TRAITS) for kind in streams)):
        run(decoder(), data)
