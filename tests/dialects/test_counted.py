"""What a provider has counted is known whatever becomes of its answer, and whether it is all of it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from lokid.chat import Counted, Usage
from lokid.dialects import bedrock_invoke, cohere_embeddings, gemini_embeddings, openai_embeddings
from lokid.dialects.anthropic_messages_answer import MessagesDecoder, whole_messages_decoder
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder, whole_converse_decoder
from lokid.dialects.cohere_chat_answer import CohereDecoder, whole_cohere_decoder
from lokid.dialects.gemini_answer import GeminiDecoder, whole_gemini_decoder
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder, whole_responses_decoder
from lokid.dialects.traits import Traits
from lokid.errors import LokidError
from tests.fakes import completions, frames, generating

TRAITS = Traits("m", origin="c:m", reasons=True)

OPENAI = {"prompt_tokens": 9, "completion_tokens": 700, "prompt_tokens_details": {"cached_tokens": 8}}
RESPONSES = {"input_tokens": 9, "output_tokens": 700, "input_tokens_details": {"cached_tokens": 8}}
CLAUDE = {"input_tokens": 1, "cache_read_input_tokens": 8, "output_tokens": 1}
GEMINI = {"promptTokenCount": 9, "cachedContentTokenCount": 8, "candidatesTokenCount": 700}
COHERE = {"tokens": {"input_tokens": 9, "output_tokens": 700}, "cached_tokens": 8}
CONVERSE = {"inputTokens": 1, "cacheReadInputTokens": 8, "outputTokens": 700}
ALL = Counted(Usage(9, 700, cached_input_tokens=8))
SOME = Counted(Usage(9, 700, cached_input_tokens=8), final=False)

WORD = completions.chunk({"content": "a"})
BROKEN = {"function": {"name": "f", "arguments": "{no json"}, "id": "c", "index": 0}
CALL = completions.chunk({"tool_calls": [BROKEN]}, "tool_calls")
ABORTED = completions.chunk({}, "abort")
START = {"type": "message_start", "message": {"usage": CLAUDE}}
OPEN = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}}
END = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 700}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
FAILED = {"error": {"code": 503, "message": "Overloaded"}}
PART = generating.chunk({"text": "a"}) | {"usageMetadata": GEMINI}
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}}
SORRY = {"status": "failed", "usage": RESPONSES, "error": {"code": "server_error", "message": "sorry"}}


def wire(*events: Any) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)


def counted(decoder: Any, data: bytes) -> Counted | None:
    with suppress(LokidError):
        decoder.feed(data)
        decoder.close()
    found: Counted | None = decoder.counted
    return found


@pytest.mark.parametrize(
    ("decoder", "events", "wanted"),
    [
        (StreamDecoder, [WORD], None),
        (StreamDecoder, [WORD | {"usage": OPENAI}], SOME),
        (StreamDecoder, [WORD, CALL, {"choices": [], "usage": OPENAI}], ALL),
        (StreamDecoder, [WORD, ABORTED | {"usage": OPENAI}], ALL),
        (StreamDecoder, [WORD, FAILED | {"usage": OPENAI}], ALL),
        (StreamDecoder, [WORD | {"usage": OPENAI}, FAILED], SOME),
        (StreamDecoder, [WORD | {"usage": OPENAI}, WORD, CALL], SOME),
        (StreamDecoder, [WORD, completions.chunk({}, "stop") | {"usage": OPENAI}, {"choices": []}], ALL),
        (MessagesDecoder, [START, OPEN, OVERLOADED], Counted(Usage(9, 1, 8), final=False)),
        (MessagesDecoder, [START, OPEN, END, OVERLOADED], ALL),
        (GeminiDecoder, [BLOCKED | {"usageMetadata": GEMINI}], ALL),
        (GeminiDecoder, [PART], SOME),
        (GeminiDecoder, [generating.chunk({"text": "a"}), FAILED | {"usageMetadata": GEMINI}], ALL),
        (GeminiDecoder, [generating.chunk(finish="OTHER") | {"usageMetadata": GEMINI}], ALL),
        (
            GeminiDecoder,
            [{"usageMetadata": GEMINI}, FAILED | {"usageMetadata": {"promptTokenCount": 0}}],
            ALL,
        ),
        (ResponsesDecoder, [{"type": "response.failed", "response": SORRY}], ALL),
        (ResponsesDecoder, [{"type": "response.completed", "response": SORRY}], ALL),
        (
            CohereDecoder,
            [{"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "sorry", "usage": COHERE}}],
            ALL,
        ),
    ],
)
def test_of_a_stream(decoder: type[Any], events: list[Any], wanted: Counted | None) -> None:
    assert counted(decoder(TRAITS), wire(*events)) == wanted


def test_of_a_stream_of_bedrock() -> None:
    data = frames.converse(("metadata", {"usage": CONVERSE})) + frames.exception("throttlingException", "no")
    assert counted(ConverseStreamDecoder(TRAITS), data) == ALL


@pytest.mark.parametrize(
    ("decoder", "value"),
    [
        (whole_decoder, {"choices": [{"message": {}, "finish_reason": "abort"}], "usage": OPENAI}),
        (whole_responses_decoder, SORRY),
        (whole_messages_decoder, FAILED | {"usage": CLAUDE | {"output_tokens": 700}}),
        (whole_gemini_decoder, BLOCKED | {"usageMetadata": GEMINI}),
        (whole_gemini_decoder, [PART, FAILED | {"usageMetadata": {"candidatesTokenCount": 700}}]),
        (whole_cohere_decoder, {"message": {}, "finish_reason": "TIMEOUT", "usage": COHERE}),
        (whole_converse_decoder, {"message": "sorry", "usage": CONVERSE}),
    ],
)
def test_of_a_whole_answer(decoder: Any, value: Any) -> None:
    assert counted(decoder(TRAITS), json.dumps(value).encode()) == ALL


def test_of_a_whole_answer_whose_output_nobody_counted() -> None:
    """As in a stream: gateways say 0 of what they do not know."""
    value = {"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}
    for usage in ({"input_tokens": 9}, {"input_tokens": 9, "output_tokens": 0}):
        decoder = whole_messages_decoder(TRAITS)
        assert counted(decoder, json.dumps(value | {"usage": usage}).encode()) == Counted(
            Usage(9), final=False
        )


def test_of_a_refusal_nothing_is_written() -> None:
    """As the API has it: an empty text, and its reason at the end."""
    empty = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    refusal = {"stop_reason": "refusal", "stop_details": {"explanation": "no"}}
    end = {"type": "message_delta", "delta": refusal, "usage": {"output_tokens": 0}}
    decoder = MessagesDecoder(TRAITS)
    decoder.feed(wire(START, empty, end, {"type": "message_stop"}))
    assert decoder.close().usage == Usage(9, 0, 8)


TITAN = bedrock_invoke.family("amazon.titan-embed-text-v2")
USAGE = {"prompt_tokens": 9}
PREDICTED = {"predictions": [{"embeddings": {"values": ["no number"], "statistics": {"token_count": 9}}}]}


@pytest.mark.parametrize(
    ("decoder", "value"),
    [
        (openai_embeddings.decoder(1), {"data": [{"embedding": ["no number"]}], "usage": USAGE}),
        (cohere_embeddings.decoder(1), {"embeddings": {}, "meta": {"billed_units": {"input_tokens": 9}}}),
        (gemini_embeddings.decoder(1), {"embeddings": [], "usageMetadata": {"promptTokenCount": 9}}),
        (gemini_embeddings.predict_decoder(1), PREDICTED),
        (bedrock_invoke.decoder(1, TITAN), {"embedding": ["no number"], "inputTextTokenCount": 9}),
    ],
)
def test_of_embeddings_that_cannot_be_read(decoder: Any, value: Any) -> None:
    assert counted(decoder, json.dumps(value).encode()) == Counted(Usage(9))


def test_what_nobody_counted_is_unknown() -> None:
    assert counted(openai_embeddings.decoder(1), b'{"data": []}') is None


def test_counts_add_up() -> None:
    one, other = Usage(1, 2, 3, 4, 5, (6, 7)), Usage(10, 20, 30, 40, 50, (60, 70))
    assert one + other == Usage(11, 22, 33, 44, 55, (66, 77))
    assert (one + Usage(1)).billed is None
    assert (one.written, Usage(1, 2).written) == ((2, 7), (2, 2))
