"""What a provider refuses costs nothing; what it gives up after a part of the answer is paid for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import TextDelta
from lokid.dialects.anthropic_messages_answer import MessagesDecoder
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder
from lokid.dialects.cohere_chat_answer import CohereDecoder, whole_cohere_decoder
from lokid.dialects.gemini_answer import GeminiDecoder, whole_gemini_decoder
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
HALF = {"content": [{"type": "text", "text": "half"}]}
SORRY = {"code": "server_error", "message": "sorry"}
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}}
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


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (StreamDecoder, completions.chunk({"content": "half"})),
        (StreamDecoder, {"choices": [{"index": 0, "text": "half"}]}),
        (StreamDecoder, {"choices": [{"index": 0, "message": {"content": "half"}}]}),
        (StreamDecoder, completions.chunk({"content": "half", "tool_calls": "none"})),
        (GeminiDecoder, generating.chunk({"text": "half"})),
    ],
)
def test_words_beside_an_error_are_told_and_paid_for(kind: Any, words: dict[str, Any]) -> None:
    decoder = kind(TRAITS)
    assert decoder.feed(wire(words | FAILED)) == [TextDelta("half")]
    with pytest.raises(LokidError, match=FAILED["error"]["message"]) as caught:
        decoder.feed(b"")
    assert not caught.value.refused


def test_nor_is_one_behind_a_usage() -> None:
    used = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    assert not failure(StreamDecoder(TRAITS), wire(HELLO, used, FAILED)).refused


def test_a_prompt_that_gemini_blocks_is_a_refusal() -> None:
    """What it counted for it all the same is its cost."""
    for value in (BLOCKED, BLOCKED | {"usageMetadata": {"promptTokenCount": 0, "totalTokenCount": 0}}):
        for decoder, data in (
            (GeminiDecoder(TRAITS), wire(value)),
            (whole_gemini_decoder(TRAITS), json.dumps(value).encode()),
        ):
            with pytest.raises(ContentFiltered) as caught:
                decoder.feed(data)
                decoder.close()
            assert (caught.value.refused, decoder.counted) == (True, None)
    part = generating.chunk({"text": "a"})
    assert not failure(GeminiDecoder(TRAITS), wire(part, BLOCKED)).refused


@pytest.mark.parametrize(
    ("decoder", "part", "nothing"),
    [
        (
            whole_decoder,
            {"choices": [{"message": {"content": "half"}, "finish_reason": "error"}]},
            {"choices": [{"message": {"content": ""}, "finish_reason": "error"}]},
        ),
        (
            whole_decoder,
            {"choices": [{"message": {"content": "half"}, "finish_reason": "insufficient_system_resource"}]},
            {"choices": [{"message": {}, "error": {"code": 503, "message": "sorry"}}]},
        ),
        (
            whole_cohere_decoder,
            {"message": HALF, "finish_reason": "ERROR"},
            {"message": {}, "finish_reason": "ERROR"},
        ),
        (whole_gemini_decoder, [generating.chunk({"text": "half"}), BLOCKED], BLOCKED),
        (
            whole_responses_decoder,
            {"status": "failed", "error": SORRY, "output": [{"type": "message", **HALF}]},
            {"status": "failed", "error": SORRY, "output": []},
        ),
    ],
)
def test_so_it_is_with_a_whole_answer(decoder: Any, part: Any, nothing: Any) -> None:
    for value, refused in ((part, False), (nothing, True)):
        reading = decoder(TRAITS)
        reading.feed(json.dumps(value).encode())
        with pytest.raises(LokidError) as caught:
            reading.close()
        assert caught.value.refused is refused


def test_a_part_that_comes_with_the_error_is_told() -> None:
    decoder = StreamDecoder(TRAITS)
    assert decoder.feed(wire(completions.chunk({"content": "half"}, "error"))) == [TextDelta("half")]
    assert not failure(decoder, b"").refused
