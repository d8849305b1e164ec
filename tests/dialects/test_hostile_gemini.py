"""Whatever a server writes in place of Google's answers becomes an answer or one of our errors, which our
callers can carry and give back."""

from __future__ import annotations

import json
from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from lokid.chat import ChatRequest, Image, Reasoning, Text, ToolCall
from lokid.dialects.gemini import encode
from lokid.dialects.gemini_answer import GeminiDecoder, whole_gemini_decoder
from lokid.dialects.gemini_embeddings import decoder, predict_decoder
from lokid.errors import LokidError
from tests.fakes.generating import TRAITS, stream

WORDS = st.sampled_from(
    ("", "a", "$.a", "$.a[0]", "$.b", "STOP", "MAX_TOKENS", "OTHER", "SAFETY", "\ud83d", "5s")
)
NAMES = (
    "candidates content parts text thought thoughtSignature functionCall name args id partialArgs jsonPath "
    "stringValue numberValue willContinue inlineData mimeType data finishReason finishMessage promptFeedback "
    "blockReason usageMetadata promptTokenCount thoughtsTokenCount responseId modelVersion index error code "
    "message status details retryDelay violations quotaId reason embeddings embedding values predictions "
    "statistics token_count executableCode"
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
PIECES = st.lists(
    st.fixed_dictionaries({"jsonPath": WORDS}, optional={"stringValue": VALUES, "willContinue": VALUES}),
    max_size=3,
)
CALLS = st.fixed_dictionaries(
    {}, optional={"name": WORDS, "args": VALUES, "id": VALUES, "partialArgs": PIECES, "willContinue": VALUES}
)
PARTS = st.dictionaries(KEYS, VALUES, max_size=3) | st.fixed_dictionaries(
    {}, optional={"functionCall": CALLS, "text": WORDS, "thoughtSignature": VALUES, "thought": VALUES}
)
CANDIDATES = st.fixed_dictionaries(
    {"content": st.fixed_dictionaries({"parts": st.lists(PARTS, max_size=3)})},
    optional={"finishReason": WORDS},
)
CHUNKS = st.fixed_dictionaries(
    {"candidates": st.lists(CANDIDATES, max_size=2)},
    optional={"usageMetadata": VALUES, "responseId": VALUES, "promptFeedback": VALUES, "error": VALUES},
)


def run(one: Any, data: bytes) -> None:
    try:
        one.feed(data)
        answer = one.close()
    except LokidError as error:
        assert str(error).isprintable()
        return
    for part in answer.message.parts if hasattr(answer, "message") else ():
        if isinstance(part, Text | Reasoning | ToolCall):
            msgpack.packb(dict(part.opaque))
        if isinstance(part, Text | Reasoning):
            msgpack.packb(part.text)
        if isinstance(part, ToolCall):
            msgpack.packb([part.id, part.name, dict(part.arguments)])
        if isinstance(part, Image):
            msgpack.packb([part.media_type, part.data])
    if hasattr(answer, "message"):
        json.dumps(encode(ChatRequest("c:m", (answer.message,)), TRAITS)).encode()
    msgpack.packb([answer.usage.input_tokens, answer.usage.output_tokens] if answer.usage else [])


@given(st.lists(CHUNKS | VALUES, max_size=4))
def test_streams(chunks: list[Any]) -> None:
    run(GeminiDecoder(TRAITS), stream(*chunks))


@given(CHUNKS | st.lists(CHUNKS, max_size=2) | VALUES)
def test_whole_answers(value: Any) -> None:
    run(whole_gemini_decoder(TRAITS), json.dumps(value).encode())


@given(VALUES | st.dictionaries(KEYS, VALUES, max_size=4))
def test_embeddings(value: Any) -> None:
    for kind in (decoder, predict_decoder):
        run(kind(1), json.dumps(value).encode())
