"""No word for the end of an answer that a server gave up on makes it a whole one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lokid.chat import Answer
from lokid.dialects.anthropic_messages_answer import whole_messages_decoder
from lokid.dialects.bedrock_converse_answer import whole_converse_decoder
from lokid.dialects.cohere_chat_answer import whole_cohere_decoder
from lokid.dialects.ending import meaning
from lokid.dialects.gemini_answer import whole_gemini_decoder
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse, LokidError

TRAITS = Traits("here")

BROKEN_OFF = (
    *("abort", "aborted", "cancelled", "ABORTED", "timeout", "timed_out", "REASON_TIME_LIMIT"),
    *("incomplete", "OTHER", "other"),
)

WHOLE: dict[str, tuple[Callable[[Traits], WholeDecoder[Answer]], Callable[[str], Any]]] = {
    "chat completions": (
        whole_decoder,
        lambda end: {"choices": [{"message": {"content": "half"}, "finish_reason": end}]},
    ),
    "anthropic": (
        whole_messages_decoder,
        lambda end: {"content": [{"type": "text", "text": "half"}], "stop_reason": end},
    ),
    "bedrock": (
        whole_converse_decoder,
        lambda end: {"output": {"message": {"content": [{"text": "half"}]}}, "stopReason": end},
    ),
    "cohere": (
        whole_cohere_decoder,
        lambda end: {"message": {"content": [{"type": "text", "text": "half"}]}, "finish_reason": end},
    ),
    "gemini": (
        whole_gemini_decoder,
        lambda end: {"candidates": [{"content": {"parts": [{"text": "half"}]}, "finishReason": end}]},
    ),
}


def event(words: str, end: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": words}, "finish_reason": end}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


def answered(dialect: str, end: str) -> Answer:
    decoder, body = WHOLE[dialect]
    reader = decoder(TRAITS)
    reader.feed(json.dumps(body(end)).encode())
    return reader.close()


@pytest.mark.parametrize("dialect", WHOLE)
@pytest.mark.parametrize("end", BROKEN_OFF)
def test_an_answer_that_its_server_gave_up_on_is_an_error(dialect: str, end: str) -> None:
    with pytest.raises(LokidError):
        answered(dialect, end)


@pytest.mark.parametrize("end", BROKEN_OFF)
def test_also_in_a_stream_that_goes_on_to_its_last_marker(end: str) -> None:
    decoder = StreamDecoder(TRAITS)
    assert decoder.feed(event("half ", None))
    with pytest.raises(IncompleteResponse, match=end):
        decoder.feed(event("", end) + b"data: [DONE]\n\n")
    with pytest.raises(IncompleteResponse, match=end):
        decoder.close()


@pytest.mark.parametrize("word", ["null", "None", "", "not_finished", "FINISH_REASON_UNSPECIFIED"])
def test_a_word_that_stands_in_every_event_ends_nothing(word: str) -> None:
    decoder = StreamDecoder(TRAITS)
    decoder.feed(event("half ", word) + event("of it", word))
    with pytest.raises(IncompleteResponse):
        decoder.close()
    decoder = StreamDecoder(TRAITS)
    decoder.feed(event("all ", word) + event("of it", word) + event("", "stop"))
    assert decoder.close().message.text == "all of it"


@pytest.mark.parametrize("dialect", WHOLE)
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("eos", "stop"),
        ("normal", "stop"),
        ("max_len", "length"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
        ("model_context_window_exceeded", "context_overflow"),
    ],
)
def test_any_other_word_is_an_end_of_the_kind_that_it_says(dialect: str, end: str, reason: str) -> None:
    assert answered(dialect, end).finish_reason == reason


def test_what_is_shown_of_the_word_is_one_short_line() -> None:
    with pytest.raises(IncompleteResponse) as caught:
        meaning("abort\n\x1b]52;c;AAAA\x07" + "x" * 10_000, {})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200
