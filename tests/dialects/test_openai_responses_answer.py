"""What is read from Responses: every stream whole, byte by byte, and cut at random."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lokid.chat import Answer, ChatRequest, Image, Message, Reasoning, Text, ToolCall, Usage
from lokid.dialects.openai_responses import KEY, encode
from lokid.dialects.openai_responses_answer import ResponsesDecoder, whole_responses_decoder
from lokid.dialects.parts import MAX_CALLS
from lokid.dialects.traits import Traits
from lokid.errors import BadRequest, IncompleteResponse, LokidError, ProviderFailed, QuotaExceeded
from tests.fakes.feeding import Fed, fed

TRAITS = Traits("m", origin="c:m", reasons=True)

ITEM = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "x", "status": None}  # fmt: skip
KEPT = {key: ITEM[key] for key in ("summary", "type", "id", "encrypted_content")}
TEXT = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Héllo"}],
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"x":1}'}
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 3},
}


def response(*output: Any, status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "model": "m-1", "status": status, "output": list(output), "usage": USAGE, **more}


def named(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "sequence_number": 1, **data}


def read(*events: dict[str, Any]) -> Fed[Answer]:
    return fed(lambda: ResponsesDecoder(TRAITS), named(*events))


def whole(value: Any) -> Fed[Answer]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return fed(lambda: whole_responses_decoder(TRAITS), data)


CREATED = event("created", response={"id": "resp_1", "status": "in_progress", "output": []})
STREAM = [
    CREATED,
    event("output_item.added", output_index=0, item={"type": "reasoning", "id": "rs_1", "summary": []}),
    event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="h"),
    event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="m"),
    event("output_item.done", output_index=0, item=ITEM),
    event("output_item.added", output_index=1, item={"type": "message", "content": []}),
    event("content_part.added", output_index=1, part={}),
    event("output_text.delta", output_index=1, delta="Hé", obfuscation="abc"),
    event("output_text.delta", output_index=1, delta=""),
    event("output_text.delta", output_index=1, delta="llo"),
    event("output_text.done", output_index=1, text="Héllo"),
    event("output_item.done", output_index=1, item=TEXT),
    event("output_item.added", output_index=2, item=CALL | {"arguments": ""}),
    event("function_call_arguments.delta", output_index=2, delta='{"x"'),
    event("function_call_arguments.delta", output_index=2, delta=":1}"),
    event("function_call_arguments.done", output_index=2, arguments='{"x":1}'),
    event("output_item.done", output_index=2, item=CALL),
    event("something.new", x=1),
    event("completed", response=response(ITEM, TEXT, CALL)),
]
ANSWER = Answer(
    Message(
        "assistant",
        (
            Reasoning("hm", {KEY: {"origin": "c:m", "item": KEPT}}),
            Text("Héllo"),
            ToolCall("call_1", "f", {"x": 1}),
        ),
    ),
    "tool_calls",
    Usage(9, 5, 2, 1, 3),
    "m-1",
    "resp_1",
)


def test_a_stream_and_a_whole_answer_read_alike() -> None:
    found = read(*STREAM)
    assert found.answer == ANSWER == whole(response(ITEM, TEXT, CALL)).answer
    assert (found.text, found.reasoning) == ("Héllo", "hm")
    assert found.calls == [("call_1", "f", '{"x":1}')]


def test_a_stream_cut_before_its_terminal_marker_is_an_error_not_a_short_answer() -> None:
    data = named(*STREAM)
    for length in (*range(0, len(data) - 1, 7), data.rindex(b"event: "), len(data) - 3):
        decoder = ResponsesDecoder(TRAITS)
        decoder.feed(data[:length])
        with pytest.raises(IncompleteResponse):
            decoder.close()


def test_items_that_the_last_event_leaves_out_are_the_ones_that_were_done() -> None:
    assert read(*STREAM[:-1], event("completed", response=response())).answer == ANSWER


def test_text_that_neither_an_item_nor_the_last_event_repeats_is_in_the_answer() -> None:
    deltas = [event("output_text.delta", delta="Hé"), event("output_text.delta", delta="llo")]
    assert read(CREATED, *deltas, event("completed", response=response())).answer.message.text == "Héllo"
    with_thoughts = read(*STREAM[:5], *deltas, event("completed", response=response())).answer
    assert with_thoughts.message.parts == (*ANSWER.message.parts[:1], Text("Héllo"))
    refused = read(event("refusal.delta", delta="No."), event("completed", response=response())).answer
    assert (refused.message.text, refused.finish_reason) == ("No.", "refusal")


def message(said: str) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": said}]}


def test_who_reads_along_gets_what_came_without_deltas_too() -> None:
    begun = (CREATED, event("output_text.delta", output_index=0, delta="one "))
    second = event("output_item.done", output_index=1, item=message("two"))
    for end in (response(message("one "), message("two")), response(message("one two"))):
        found = read(*begun, second, event("completed", response=end))
        assert found.text == found.answer.message.text == "one two"
    stripped = read(*begun, event("completed", response=response(message("one"))))
    assert stripped.answer.message.text == "one"


@pytest.mark.parametrize("said", ["o", "two", "one more and another end"])
def test_a_stream_that_is_not_the_answer_at_its_end_is_an_error(said: str) -> None:
    begun = (CREATED, event("output_text.delta", output_index=0, delta="one more thing"))
    found = read(*begun, event("completed", response=response(message(said))))
    assert type(found.error) is IncompleteResponse


def test_of_an_answer_that_a_filter_cut_less_may_be_left_at_its_end() -> None:
    begun = (CREATED, event("output_text.delta", output_index=0, delta="one more thing"))
    why = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    for left in ("", "one"):
        found = read(*begun, event("incomplete", response=response(message(left), **why)))
        assert found.text == "one more thing" and found.answer.finish_reason == "content_filter"


def test_tool_calls_that_were_begun_and_are_not_in_the_end_are_missed() -> None:
    begun = [STREAM[12], STREAM[13]]
    assert isinstance(read(*begun, event("completed", response=response(TEXT))).error, IncompleteResponse)
    cut = read(*begun, event("incomplete", response=response(TEXT, status="incomplete"))).answer
    assert cut.finish_reason == "length"


@pytest.mark.parametrize(
    "fault", [{"status": "failed"}, {"status": "cancelled"}, {"error": {"message": "no"}}]
)
def test_an_end_that_says_that_the_answer_failed_is_no_answer(fault: dict[str, Any]) -> None:
    found = read(event("output_text.delta", delta="Hé"), event("completed", response=response(TEXT) | fault))
    assert type(found.error) is ProviderFailed


def test_what_follows_the_end_is_not_read() -> None:
    assert read(*STREAM, event("output_text.delta", delta="more")).text == "Héllo"
    extra = named(*STREAM) + b"data: [DONE]\n\ndata:\n\n"
    assert fed(lambda: ResponsesDecoder(TRAITS), extra).answer == ANSWER


def test_events_may_be_named_only_by_their_event_line() -> None:
    data = f"event: response.completed\ndata: {json.dumps({'response': response(TEXT)})}\n\n".encode()
    assert fed(lambda: ResponsesDecoder(TRAITS), data).answer.message.text == "Héllo"


def test_paragraphs_of_a_summary_are_kept_apart() -> None:
    summary = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]
    found = read(
        event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="a"),
        event("reasoning_summary_text.delta", output_index=0, summary_index=1, delta=""),
        event("reasoning_summary_text.delta", output_index=0, summary_index=1, delta="b"),
        event("reasoning_summary_text.delta", output_index=2, summary_index=0, delta="c"),
        event(
            "completed",
            response=response(
                {"type": "reasoning", "summary": summary}, TEXT, ITEM | {"summary": [{"text": "c"}]}
            ),
        ),
    )
    said = [part.text for part in found.answer.message.parts if isinstance(part, Reasoning)]
    assert said == ["a\n\nb", "c"]
    assert found.reasoning == "".join(said)


def test_reasoning_shown_by_open_models_has_nothing_to_send_back() -> None:
    item = {
        "type": "reasoning",
        "id": "rs",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm"}],
    }
    found = read(
        event("reasoning_text.delta", output_index=0, content_index=0, delta="hm"),
        event("completed", response=response(item, {"type": "reasoning", "summary": []}, TEXT)),
    )
    assert found.answer.message.parts == (Reasoning("hm"), Text("Héllo"))
    assert found.reasoning == "hm"


def test_pictures_of_the_tool_that_paints_are_in_the_answer() -> None:
    picture = base64.b64encode(b"RIFF and more").decode()
    items = [
        {"type": "image_generation_call", "id": "ig", "status": "completed", "result": "iVBORw=="},
        {"type": "image_generation_call", "id": "ig2", "output_format": "webp", "result": picture},
        {"type": "image_generation_call", "id": "ig3", "result": None},
    ]
    done = [event("output_item.done", output_index=number, item=item) for number, item in enumerate(items)]
    found = read(*done, event("completed", response=response(*items, TEXT)))
    painted = (Image("image/png", b"\x89PNG"), Image("image/webp", b"RIFF and more"))
    assert found.answer.message.parts == (*painted, Text("Héllo"))
    found = read(*done, event("completed", response=response(TEXT)))  # which does not repeat them
    assert found.answer.message.parts == (*painted, Text("Héllo"))


def test_a_picture_of_megabytes_comes_in_one_event() -> None:
    item = {"type": "image_generation_call", "id": "ig", "result": "A" * 2_000_000}
    data = named(event("completed", response=response(item)))
    decoder = ResponsesDecoder(TRAITS)
    for begin in range(0, len(data), 65536):
        decoder.feed(data[begin : begin + 65536])
    assert decoder.close().message.parts == (Image("image/png", bytes(1_500_000)),)


def test_calls_that_come_at_the_end_only_come_out_as_events_too() -> None:
    found = read(CREATED, event("completed", response=response(TEXT, CALL)))
    assert found.calls == [("call_1", "f", '{"x":1}')]


def test_calls_in_any_form_come_out_as_events() -> None:
    second = CALL | {"call_id": "call_2", "arguments": ""}
    found = read(
        event("output_item.done", output_index=3, item=CALL),
        event("output_item.added", item=second),
        event("function_call_arguments.delta", output_index=9, delta="lost"),
        event("function_call_arguments.delta", delta="lost"),
        event("function_call_arguments.delta", output_index=3, delta=""),
        event("completed", response=response(CALL, second)),
    )
    assert found.calls == [("call_1", "f", '{"x":1}'), ("call_2", "f", "")]
    assert [part.arguments for part in found.answer.message.parts if isinstance(part, ToolCall)] == [
        {"x": 1},
        {},
    ]


def test_what_was_not_told_of_a_call_comes_out_at_its_end() -> None:
    """Some servers begin a call, and say its arguments in the last event alone; or begin only some calls."""
    bare, second = CALL | {"arguments": ""}, CALL | {"call_id": "call_2", "arguments": '{"y":2}'}
    begun = event("output_item.added", output_index=1, item=bare)
    found = read(begun, event("completed", response=response(TEXT, CALL)))
    assert found.calls == [("call_1", "f", '{"x":1}')]
    found = read(begun, event("completed", response=response(second, CALL)))
    assert found.calls == [("call_1", "f", '{"x":1}'), ("call_2", "f", '{"y":2}')]
    found = read(begun, event("completed", response=response(second, CALL | {"call_id": "call_3"})))
    assert found.calls == [("call_1", "f", '{"y":2}'), ("call_3", "f", '{"x":1}')]
    found = read(begun, event("completed", response=response(TEXT, bare)))
    assert found.calls == [("call_1", "f", "")]


def test_the_number_of_tool_calls_is_bounded() -> None:
    decoder = ResponsesDecoder(TRAITS)
    with pytest.raises(ProviderFailed, match=str(MAX_CALLS)):
        for start in range(0, MAX_CALLS + 1000, 1000):
            items = (event("output_item.added", output_index=start + i, item=CALL) for i in range(1000))
            decoder.feed(named(*items))


REFUSAL = {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}


def test_a_refusal_is_an_answer() -> None:
    found = read(event("refusal.delta", delta="no"), event("completed", response=response(REFUSAL)))
    assert (found.answer.finish_reason, found.text, found.answer.message.text) == ("refusal", "no", "no")


def test_the_phase_of_a_text_is_kept() -> None:
    part = whole(response(TEXT | {"phase": "commentary"})).answer.message.parts[0]
    assert part == Text("Héllo", {KEY: {"phase": "commentary"}})


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_output_tokens", "length"),
        ("content_filter", "content_filter"),
        ("max_messages", "pause"),
        ("steered", "pause"),
        ("max_tool_calls", "length"),
        ("context_window_exceeded", "context_overflow"),
        (None, "length"),
    ],
)
def test_incomplete_says_why(reason: Any, finish: str) -> None:
    cut = response(TEXT, status="incomplete", incomplete_details={"reason": reason})
    assert whole(cut).answer.finish_reason == finish
    assert read(event("incomplete", response=cut)).answer.finish_reason == finish


@pytest.mark.parametrize("reason", ["something new", "timeout", "sk-live-4f9aQ7zB2xK8w"])
def test_an_answer_that_is_incomplete_for_reasons_of_its_own_is_no_answer(reason: str) -> None:
    cut = response(TEXT, status="incomplete", incomplete_details={"reason": reason})
    with pytest.raises(IncompleteResponse) as caught:
        whole(cut).answer  # noqa: B018 - raises
    assert "sk-live" not in caught.value.message
    assert type(read(event("incomplete", response=cut)).error) is IncompleteResponse


def test_a_call_that_the_limit_cut_is_left_out_and_a_broken_one_is_an_error() -> None:
    half = CALL | {"arguments": '{"x":'}
    assert whole(response(TEXT, half, status="incomplete")).answer.message.parts == (Text("Héllo"),)
    for broken in (response(half, TEXT, status="incomplete"), response(half)):
        error = whole(broken).error
        assert isinstance(error, ProviderFailed)
        assert "'f'" in error.message


ERROR = {"code": "insufficient_quota", "message": "boom"}
FAILED = response(status="failed", error=ERROR)


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (event("failed", response=FAILED), QuotaExceeded),
        (event("failed", response={}), ProviderFailed),
        (event("cancelled", response={}), ProviderFailed),
        ({"type": "error", "code": "insufficient_quota", "message": "boom"}, QuotaExceeded),
        ({"type": "error", "error": ERROR}, QuotaExceeded),
    ],
)
def test_a_failure_inside_a_stream_is_an_error(last: dict[str, Any], kind: type[LokidError]) -> None:
    found = read(CREATED, event("output_text.delta", delta="so far"), last)
    assert type(found.error) is kind
    assert found.text == "so far"


@pytest.mark.parametrize("last", [{"error": ERROR}, ERROR])
def test_a_refusal_without_a_type_inside_a_stream_is_an_error(last: dict[str, Any]) -> None:
    data = named(CREATED) + f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode()
    assert type(fed(lambda: ResponsesDecoder(TRAITS), data).error) is QuotaExceeded


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (FAILED, QuotaExceeded),
        ({"error": {"code": 400, "message": "x"}}, BadRequest),
        (response(status="cancelled"), ProviderFailed),
        (response(status="in_progress"), IncompleteResponse),
        (response(status="queued"), IncompleteResponse),
        ({}, ProviderFailed),
        (b'{"output": [', IncompleteResponse),
        (b"<html>", ProviderFailed),
    ],
)
def test_a_whole_answer_that_is_none_is_an_error(value: Any, kind: type[LokidError]) -> None:
    assert type(whole(value).error) is kind


def test_an_answer_without_usage_and_names() -> None:
    answer = whole({"output": [TEXT, 5, {"type": "web_search_call"}, {"type": "message"}]}).answer
    assert answer == Answer(Message("assistant", (Text("Héllo"),)), "stop")


def test_an_answer_can_be_sent_back_as_it_came() -> None:
    sent = encode(ChatRequest("c:m", (ANSWER.message,)), TRAITS, stream=False)["input"]
    call = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"x":1}'}
    assert sent == [KEPT, {"role": "assistant", "content": "Héllo"}, call]
