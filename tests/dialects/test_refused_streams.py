"""What a provider refuses costs nothing; what it gives up after a part of the answer is paid for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.dialects.anthropic_messages_answer import MessagesDecoder
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder
from lokid.dialects.cohere_chat_answer import CohereDecoder
from lokid.dialects.gemini_answer import GeminiDecoder
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder, whole_responses_decoder
from lokid.dialects.traits import Traits
from lokid.errors import ContentFiltered, LokidError
from tests.fakes import completions, frames, generating

TRAITS = Traits("m", origin="c:m", reasons=True)
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
FAILED = {"error": {"code": 503, "message": "Overloaded"}}
GAVE_UP = {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "sorry"}}}
OVER = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "sorry"}}
CALL = {"message": {"tool_calls": {"id": "c", "function": {"name": "f"}}}}
HIDDEN = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "x"}
HELLO = completions.chunk({"role": "assistant", "content": ""})
STREAMS: dict[type[Any], tuple[list[Any], list[Any], Any]] = {
    StreamDecoder: ([HELLO], [completions.chunk({"images": [PICTURE]})], FAILED),
    MessagesDecoder: (
        [{"type": "message_start", "message": {"usage": {"input_tokens": 9}}}, {"type": "ping"}],
        [{"type": "content_block_start", "index": 0, "content_block": {"type": "redacted_thinking"}}],
        OVERLOADED,
    ),
    GeminiDecoder: (
        [{"usageMetadata": {"promptTokenCount": 9}}],
        [generating.chunk({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})],
        FAILED,
    ),
    ResponsesDecoder: (
        [{"type": "response.created", "response": {}}, {"type": "response.in_progress"}],
        [{"type": "response.output_item.done", "output_index": 0, "item": HIDDEN}],
        GAVE_UP,
    ),
    CohereDecoder: (
        [{"type": "message-start", "id": "a"}],
        [{"type": "tool-call-start", "index": 0, "delta": CALL}],
        OVER,
    ),
}


def failure(decoder: Any, data: bytes) -> LokidError:
    with pytest.raises(LokidError) as caught:
        decoder.feed(data)
        decoder.feed(b"")
    return caught.value


def wire(*events: Any) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)


@pytest.mark.parametrize("kind", STREAMS)
def test_an_error_behind_a_part_of_the_answer_is_no_refusal(kind: type[Any]) -> None:
    greeting, part, error = STREAMS[kind]
    assert failure(kind(TRAITS), wire(error)).refused
    assert failure(kind(TRAITS), wire(*greeting, error)).refused
    assert not failure(kind(TRAITS), wire(*greeting, *part, error)).refused
    unfinished = kind(TRAITS)
    unfinished.feed(wire(*greeting, *part, error).removesuffix(b"\n\n"))
    with pytest.raises(LokidError) as caught:
        unfinished.close()
    assert not caught.value.refused


@pytest.mark.parametrize("kind", STREAMS)
def test_a_page_in_place_of_a_stream_costs_nothing(kind: type[Any]) -> None:
    greeting, part, _ = STREAMS[kind]
    page = b"<html>\n<head><title>502 Bad Gateway</title></head>\n</html>\n"
    assert failure(kind(TRAITS), page).refused
    assert not failure(kind(TRAITS), wire(*greeting, *part) + page).refused


def test_nor_is_an_exception_of_bedrock() -> None:
    greeting = frames.converse(("messageStart", {"role": "assistant"}))
    hidden = {"reasoningContent": {"redactedContent": "AAAA"}}
    part = frames.converse(("contentBlockDelta", {"contentBlockIndex": 0, "delta": hidden}))
    error = frames.exception("throttlingException", "slow down")
    assert failure(ConverseStreamDecoder(TRAITS), greeting + error).refused
    assert not failure(ConverseStreamDecoder(TRAITS), greeting + part + error).refused


def test_nor_is_one_behind_a_usage() -> None:
    used = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    assert not failure(StreamDecoder(TRAITS), wire(HELLO, used, FAILED)).refused


def test_what_was_counted_all_the_same_is_told() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    error = failure(GeminiDecoder(TRAITS), wire(blocked))
    assert (type(error), error.counted) == (ContentFiltered, (9, 0))
    usage = {"input_tokens": 9, "output_tokens": 700}
    response = {"status": "failed", "usage": usage, "error": {"code": "server_error", "message": "sorry"}}
    assert failure(ResponsesDecoder(TRAITS), wire({**GAVE_UP, "response": response})).counted == (9, 700)
    choice = {"message": {"content": "half"}, "finish_reason": "error", "error": {"message": "sorry"}}
    used = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 700}}
    for whole, value in ((whole_responses_decoder(TRAITS), response), (whole_decoder(TRAITS), used)):
        whole.feed(json.dumps(value).encode())
        with pytest.raises(LokidError) as caught:
            whole.close()
        assert caught.value.counted == (9, 700)


def test_so_is_what_was_counted_for_an_answer_that_lokid_cannot_take() -> None:
    broken = {"function": {"name": "f", "arguments": "{no json"}, "id": "c", "index": 0}
    used = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 700}}
    calls = completions.chunk({"tool_calls": [broken]}, "tool_calls")
    decoder = StreamDecoder(TRAITS)
    decoder.feed(wire(HELLO, calls, used))
    with pytest.raises(LokidError, match="not a JSON object") as caught:
        decoder.close()
    assert (caught.value.refused, caught.value.counted) == (False, (9, 700))
    claude = MessagesDecoder(TRAITS)
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    words = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}}
    error = failure(claude, wire(start, words, OVERLOADED))
    assert (error.refused, error.counted) == (False, (9, None))  # it has counted no output yet
    claude = MessagesDecoder(TRAITS)
    end = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 700}}
    assert failure(claude, wire(start, words, end, OVERLOADED)).counted == (9, 700)
