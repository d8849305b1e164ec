"""No word for the end of an answer that a server gave up on makes it a whole one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lokid.chat import Answer, FinishReason, TextDelta
from lokid.dialects.anthropic_messages_answer import MessagesDecoder, whole_messages_decoder
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder, whole_converse_decoder
from lokid.dialects.cohere_chat_answer import whole_cohere_decoder
from lokid.dialects.ending import LONGEST_WORD, ended_by, meaning
from lokid.dialects.gemini_answer import whole_gemini_decoder
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.openai_responses_answer import ResponsesDecoder, whole_responses_decoder
from lokid.dialects.parts import tool_call
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse, LokidError, ProviderFailed
from tests.fakes import frames

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


@pytest.mark.parametrize(
    ("words", "last"),
    [
        (("max_tokens", "end_turn"), "max_tokens"),
        (("end_turn", "max_tokens"), "max_tokens"),
        (("tool_use", "end_turn"), "end_turn"),
        (("end_turn", ""), "end_turn"),
    ],
)
def test_of_two_ends_the_one_that_says_cut_counts(words: tuple[str, str], last: str) -> None:
    known: dict[str, FinishReason] = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}
    assert ended_by(ended_by("", words[0], known), words[1], known) == last
    start = {"type": "message_start", "message": {}}
    ends = [{"type": "message_delta", "delta": {"stop_reason": word}} for word in words]
    claude = MessagesDecoder(TRAITS)
    claude.feed(b"".join(sse(one) for one in (start, *ends, {"type": "message_stop"})))
    assert claude.close().finish_reason == ("length" if last == "max_tokens" else "stop")
    bedrock = ConverseStreamDecoder(TRAITS)
    bedrock.feed(frames.converse(*(("messageStop", {"stopReason": word}) for word in words)))
    assert bedrock.close().finish_reason == ("length" if last == "max_tokens" else "stop")


def sse(value: Any) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


NAMELESS: dict[str, tuple[Callable[[Traits], Any], Any]] = {
    "chat": (
        whole_decoder,
        {"choices": [{"message": {"tool_calls": [{"id": "a", "function": {"arguments": "{}"}}]}}]},
    ),
    "responses": (whole_responses_decoder, {"output": [{"type": "function_call", "call_id": "a"}]}),
    "claude": (
        whole_messages_decoder,
        {"content": [{"type": "tool_use", "id": "a", "name": None}], "stop_reason": "tool_use"},
    ),
    "bedrock": (
        whole_converse_decoder,
        {"output": {"message": {"content": [{"toolUse": {"toolUseId": "a"}}]}}, "stopReason": "tool_use"},
    ),
    "cohere": (
        whole_cohere_decoder,
        {"message": {"tool_calls": [{"id": "a", "function": {"name": 5}}]}, "finish_reason": "TOOL_CALL"},
    ),
}


@pytest.mark.parametrize("dialect", NAMELESS)
def test_a_call_of_nobody_knows_what_is_no_answer(dialect: str) -> None:
    """The event that began it was lost on its way."""
    decoder, body = NAMELESS[dialect]
    reader = decoder(TRAITS)
    reader.feed(json.dumps(body).encode())
    with pytest.raises(ProviderFailed, match="a tool call without a name"):
        reader.close()


def test_a_call_without_a_name_at_the_end_of_a_cut_answer_is_left_out() -> None:
    assert tool_call("a", "", dict, {}, cut=True) == []


def test_a_text_of_responses_that_is_only_told_when_it_is_done_is_told() -> None:
    decoder = ResponsesDecoder(TRAITS)
    done = {"type": "response.output_text.done", "text": "Hi"}
    delta = {"type": "response.output_text.delta", "delta": " there"}
    end = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    again = {"type": "response.output_text.done", "text": " there"}
    events = decoder.feed(b"".join(map(sse, (done, delta, again, end))))
    assert events == [TextDelta("Hi"), TextDelta(" there")]
    assert decoder.close().message.text == "Hi there"


def test_of_a_word_that_is_a_book_the_first_page_is_kept() -> None:
    """It is read again for each end that follows: a megabyte of it for each of fifty is nine seconds."""
    assert len(ended_by("", "max" + "a" * 1_000_000, {})) == LONGEST_WORD


def test_two_texts_of_responses_whose_deltas_came_before_either_was_done_are_told_once() -> None:
    decoder = ResponsesDecoder(TRAITS)
    places = [{"output_index": 0, "content_index": 0}, {"output_index": 0, "content_index": 1}]
    deltas = [
        {"type": "response.output_text.delta", "delta": word, **at}
        for word, at in zip("ab", places, strict=True)
    ]
    done = [
        {"type": "response.output_text.done", "text": word, **at}
        for word, at in zip("ab", places, strict=True)
    ]
    end = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    assert decoder.feed(b"".join(map(sse, (*deltas, *done, end)))) == [TextDelta("a"), TextDelta("b")]
    assert decoder.close().message.text == "ab"


def test_arguments_that_are_nested_without_end_are_the_models_failure() -> None:
    given: list[Any] = []
    for _ in range(930):
        given = [given]
    block = {"type": "tool_use", "id": "a", "name": "f", "input": given}
    reader = whole_messages_decoder(TRAITS)
    reader.feed(json.dumps({"content": [block], "stop_reason": "tool_use"}).encode())
    with pytest.raises(ProviderFailed, match="not a JSON object"):
        reader.close()
