"""What is read from Cohere Chat, streamed and whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import Answer, Reasoning, Text, ToolCall, Usage
from lokid.dialects.cohere_chat import KEY
from lokid.dialects.cohere_chat_answer import CohereDecoder, whole_cohere_decoder
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse, ProviderFailed, ProviderUnavailable, RateLimited
from tests.fakes.feeding import Fed, fed

TRAITS = Traits("m", origin="c:m")
USED = {
    "billed_units": {"input_tokens": 1.0, "output_tokens": 9.0},
    "tokens": {"input_tokens": 496.0, "output_tokens": 11.0},
    "cached_tokens": 448.0,
}
START = {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant", "content": []}}}


def event(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {"type": kind, **place, "delta": {"message": message}}


def end(reason: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USED, **more}}


def said(words: str, kind: str = "text") -> list[dict[str, Any]]:
    return [
        event("content-start", 0, content={"type": kind, kind: ""}),
        *(event("content-delta", 0, content={kind: letter}) for letter in words),
        {"type": "content-end", "index": 0},
    ]


def called(index: int, name: str, *arguments: str) -> list[dict[str, Any]]:
    call = {"id": f"t{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    return [
        event("tool-call-start", index, tool_calls=call),
        *(event("tool-call-delta", index, tool_calls={"function": {"arguments": one}}) for one in arguments),
        {"type": "tool-call-end", "index": index},
    ]


def wire(*events: dict[str, Any], done: bool = True) -> bytes:
    lines = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def streamed(*events: dict[str, Any], done: bool = True) -> Fed[Answer]:
    return fed(lambda: CohereDecoder(TRAITS), wire(*events, done=done))


def whole(message: Any, reason: str = "COMPLETE", **more: Any) -> Fed[Answer]:
    answer = {"id": "a1", "message": message, "finish_reason": reason, "usage": USED, **more}
    return fed(lambda: whole_cohere_decoder(TRAITS), json.dumps(answer).encode())


def reasoned(words: str, field: str) -> Reasoning:
    return Reasoning(words, {KEY: {"origin": "c:m", "field": field}})


def test_text_is_read() -> None:
    found = streamed(START, *said("Hello"), end())
    assert found.text == found.answer.message.text == "Hello"
    assert (found.answer.finish_reason, found.answer.response_id) == ("stop", "a1")
    assert whole({"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}).answer == found.answer


def test_thinking_that_comes_first_is_not_taken_for_the_answer() -> None:
    found = streamed(START, *said("Hmm", "thinking"), *said("Hello"), end())
    assert (found.reasoning, found.text) == ("Hmm", "Hello")
    assert found.answer.message.parts == (reasoned("Hmm", "thinking"), Text("Hello"))
    blocks = [{"type": "thinking", "thinking": "Hmm"}, {"type": "text", "text": "Hello"}]
    assert whole({"content": blocks}).answer == found.answer


def test_the_plan_is_reasoning_and_kept_for_the_next_round() -> None:
    plan = [event("tool-plan-delta", tool_plan=word) for word in ("I ", "look")]
    found = streamed(
        START, *plan, *called(0, "weather", '{"city"', ':"Köln"}'), *called(1, "now"), end("TOOL_CALL")
    )
    assert found.reasoning == "I look" and not found.text
    assert found.calls == [("t0", "weather", '{"city":"Köln"}'), ("t1", "now", "")]
    assert found.answer.finish_reason == "tool_calls"
    assert found.answer.message.parts == (
        reasoned("I look", "tool_plan"),
        ToolCall("t0", "weather", {"city": "Köln"}),
        ToolCall("t1", "now", {}),
    )
    calls = [
        {"id": "t0", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Köln"}'}},
        {"id": "t1", "type": "function", "function": {"name": "now", "arguments": "null"}},
    ]
    assert whole({"tool_plan": "I look", "tool_calls": calls}, "TOOL_CALL").answer == found.answer


@pytest.mark.parametrize("arguments", ["", "null", "{}"])
def test_a_tool_without_arguments_has_none_however_that_is_written(arguments: str) -> None:
    answer = streamed(START, *called(0, "now", arguments), end("TOOL_CALL")).answer
    assert answer.message.parts == (ToolCall("t0", "now", {}),)


def test_calls_in_a_list_and_without_a_place_are_read_too() -> None:
    call = {"id": "t0", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    answer = streamed(START, event("tool-call-start", tool_calls=[call]), end("TOOL_CALL")).answer
    assert answer.message.parts == (ToolCall("t0", "now", {}),)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("NEW", "stop"),
        ("", "stop"),
    ],
)
def test_reasons_to_finish(reason: str, finish: str) -> None:
    assert streamed(START, *said("a"), end(reason)).answer.finish_reason == finish


@pytest.mark.parametrize(
    "message", [{"content": "a"}, {"tool_calls": {"id": "c", "function": {"name": "f", "arguments": "{}"}}}]
)
def test_what_should_be_a_list_and_is_none_is_not_left_out(message: dict[str, Any]) -> None:
    assert isinstance(whole(message).error, ProviderFailed)


def test_a_call_that_the_limit_cut_is_left_out() -> None:
    answer = streamed(START, *said("a"), *called(0, "weather", '{"ci'), end("MAX_TOKENS")).answer
    assert answer.message.parts == (Text("a"),) and answer.finish_reason == "length"
    with pytest.raises(ProviderFailed, match="not a JSON object"):
        streamed(START, *called(0, "weather", '{"ci'), end("TOOL_CALL")).answer  # noqa: B018


def test_usage_is_all_that_was_read_and_what_is_billed_is_kept_for_the_cost() -> None:
    used = streamed(START, *said("a"), end()).answer.usage
    assert used == Usage(496, 11, cached_input_tokens=448, billed=(1, 9))
    only_billed = streamed(START, end(usage={"billed_units": {"input_tokens": 2.0, "output_tokens": 3.0}}))
    assert only_billed.answer.usage == Usage(2, 3, billed=(2, 3))
    assert streamed(START, end(usage={"tokens": {"input_tokens": 2.0}})).answer.usage == Usage(2)
    assert streamed(START, end(usage={})).answer.usage is None


def test_an_error_at_the_end_of_a_stream_is_an_error() -> None:
    found = streamed(START, *said("a"), end("ERROR", error="it broke"))
    assert isinstance(found.error, ProviderFailed) and "it broke" in found.error.message
    assert found.text == "a"
    assert isinstance(whole({"content": []}, "ERROR").error, ProviderFailed)
    assert isinstance(streamed(START, end("ERROR_TOXIC")).error, ProviderFailed)
    assert isinstance(streamed(START, end("COMPLETE", error="it broke")).error, ProviderFailed)


def test_running_out_of_time_may_be_tried_again() -> None:
    assert isinstance(streamed(START, *said("a"), end("TIMEOUT")).error, ProviderUnavailable)


def test_a_refusal_inside_a_stream_is_an_error() -> None:
    refusal = {"id": "x", "message": "your rate limit is reached", "error_type": "rate_limit_exceeded"}
    data = wire(START) + f"data: {json.dumps(refusal)}\n\n".encode()
    assert isinstance(fed(lambda: CohereDecoder(TRAITS), data).error, RateLimited)
    data = wire(START) + f"data: {json.dumps({'error': refusal})}\n\n".encode()
    assert isinstance(fed(lambda: CohereDecoder(TRAITS), data).error, RateLimited)
    data = wire(START, done=False) + b'event: error\ndata: {"message": "broken"}\n\n'
    assert isinstance(fed(lambda: CohereDecoder(TRAITS), data).error, ProviderFailed)


@pytest.mark.parametrize("kept", range(6))
def test_a_stream_without_its_end_is_incomplete_even_after_done(kept: int) -> None:
    assert isinstance(streamed(*[START, *said("abc")][:kept], done=False).error, IncompleteResponse)
    assert isinstance(streamed(*[START, *said("abc")][:kept]).error, IncompleteResponse)


def test_what_is_unknown_or_comes_after_the_end_is_ignored() -> None:
    found = streamed(
        START,
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"text": "x"}}}},
        {"type": "news", "delta": "strange"},
        {"type": "content-delta", "delta": {"message": {"content": "strange"}}},
        {"type": "tool-call-delta", "delta": {"message": {"tool_calls": "strange"}}},
        *said("a"),
        end(),
        *said("b"),
    )
    assert found.answer.message.parts == (Text("a"),)


def test_a_body_that_is_no_answer_is_never_one() -> None:
    assert isinstance(fed(lambda: whole_cohere_decoder(TRAITS), b"{}").error, ProviderFailed)
    refusal = b'{"id": "x", "message": "it broke"}'
    error = fed(lambda: whole_cohere_decoder(TRAITS), refusal).error
    assert isinstance(error, ProviderFailed) and "it broke" in error.message
    assert isinstance(
        fed(lambda: whole_cohere_decoder(TRAITS), b'{"id": "x", "mes').error, IncompleteResponse
    )
