"""What is read from generateContent: every stream whole, byte by byte, and cut at random."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lokid.chat import (
    ChatRequest,
    Image,
    Message,
    Reasoning,
    Text,
    ToolCall,
    Usage,
)
from lokid.dialects.gemini import KEY, encode
from lokid.dialects.gemini_answer import FAILED, FINISH, GeminiDecoder
from lokid.dialects.parts import MAX_CALLS
from lokid.dialects.stream import FREE, BrokenEvent
from lokid.errors import (
    ContentFiltered,
    IncompleteResponse,
    Overloaded,
    ProviderFailed,
    QuotaExceeded,
    RateLimited,
)
from tests.fakes.feeding import fed
from tests.fakes.generating import STOP, TRAITS, USAGE, call, chunk, read, said, stream, thought, whole

OURS = {KEY: {"origin": "c:m"}}


def state(**more: Any) -> dict[str, Any]:
    return {KEY: {"origin": "c:m", **more}}


# --- text and reasoning ------------------------------------------------------------------------------

TEXTS: dict[str, tuple[list[Any], tuple[Any, ...]]] = {
    "pieces are joined without a separator": ([said("a"), said("b\n"), said("c")], (Text("ab\nc"),)),
    "thoughts stay out of the answer": (
        [thought("hm"), thought("m"), said("a"), thought("again")],
        (Reasoning("hmm", OURS), Text("a"), Reasoning("again", OURS)),
    ),
    "a signed text is not joined": (
        [said("a"), said("b", thoughtSignature="s"), said("c")],
        (Text("a"), Text("b", state(signature="s")), Text("c")),
    ),
    "a signature comes alone at the end": (
        [said("a"), said("", thoughtSignature="s")],
        (Text("a"), Text("", state(signature="s"))),
    ),
    "a thought is signed": ([thought("hm", thoughtSignature="s")], (Reasoning("hm", state(signature="s")),)),
    "what it ran is kept for it": (
        [said("a"), {"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}}],
        (
            Text("a"),
            Reasoning("", state(part={"executableCode": {"code": "1"}})),
            Reasoning("", state(part={"codeExecutionResult": {"output": "1"}})),
        ),
    ),
    "what nobody could send back is not": (
        [said("a"), {"strange": json.loads("[" * 40 + "]" * 40)}],
        (Text("a"),),
    ),
    "an image": (
        [{"inlineData": {"mimeType": "image/png", "data": base64.urlsafe_b64encode(b"\xfb\xff").decode()}}],
        (Image("image/png", b"\xfb\xff"),),
    ),
    "odd parts": ([{}, None, {"text": None}, {"text": 5}, "x", said("a")], (Text("a"),)),
}


@pytest.mark.parametrize("name", TEXTS)
def test_parts_are_read_in_their_order(name: str) -> None:
    parts, expected = TEXTS[name]
    found = read(*(chunk(part) for part in parts), STOP)
    assert found.answer.message == Message("assistant", expected)
    assert found.answer.finish_reason == "stop"
    assert found.text == found.answer.message.text
    assert found.reasoning == "".join(part.text for part in expected if isinstance(part, Reasoning))


@pytest.mark.parametrize("name", TEXTS)
def test_a_whole_answer_reads_like_a_stream(name: str) -> None:
    parts, expected = TEXTS[name]
    answer = whole(chunk(*parts, finish="STOP", usageMetadata=USAGE)).answer
    assert answer.message == Message("assistant", expected)
    assert answer == read(*(chunk(part) for part in parts), STOP).answer


def test_a_picture_of_megabytes_comes_in_one_event() -> None:
    picture = bytes(range(256)) * (8 * 4096)
    inline = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(picture).decode()}}
    decoder = GeminiDecoder(TRAITS)
    data = stream(chunk(said("see"), inline, finish="STOP"))
    for begin in range(0, len(data), 65536):
        decoder.feed(data[begin : begin + 65536])
    assert decoder.close().message.parts == (Text("see"), Image("image/png", picture))


@pytest.mark.parametrize("dense", ["[],", "{},", '"ab",', "1.5,"])
def test_a_large_event_has_no_more_values_than_one_of_the_usual_size(dense: str) -> None:
    values = dense * (FREE // len(dense))
    decoder = GeminiDecoder(TRAITS)
    decoder.feed(f'data: {{"unknown": [{values[:-1]}]}}\n\n'.encode())  # as always
    with pytest.raises(ProviderFailed, match="more values than any honest one"):
        decoder.feed(f'data: {{"unknown": [{values * 8}1]}}\n\n'.encode())


@pytest.mark.parametrize("data", ["*", "é", "QQQQQ"])
def test_an_image_that_cannot_be_read_is_no_answer(data: str) -> None:
    found = whole(chunk({"inlineData": {"mimeType": "image/png", "data": data}}, finish="STOP"))
    assert isinstance(found.error, ProviderFailed)


@pytest.mark.parametrize("data", ["QUI=", "QUI", "QU\r\nI=\n"])
def test_an_image_is_one_in_lines_and_without_padding_too(data: str) -> None:
    found = whole(chunk({"inlineData": {"mimeType": "image/PNG", "data": data}}, finish="STOP"))
    assert found.answer.message.parts == (Image("image/png", b"AB"),)


def test_an_empty_image_is_kept_as_it_came() -> None:
    inline = {"mimeType": "image/png", "data": ""}
    [part] = whole(chunk({"inlineData": inline}, finish="STOP")).answer.message.parts
    assert part == Reasoning("", state(part={"inlineData": inline}))


def test_the_answer_says_who_and_what_it_was() -> None:
    answer = read(chunk(said("a")), STOP).answer
    assert (answer.model, answer.response_id) == ("m-1", "r1")
    bare = whole({"candidates": [{"content": {"parts": [said("a")]}, "finishReason": "STOP"}]}).answer
    assert (bare.model, bare.response_id, bare.usage) == (None, None, None)


def test_other_candidates_are_left_out() -> None:
    other = {"candidates": [{"index": 1, "content": {"parts": [said("b")]}, "finishReason": "STOP"}]}
    assert read(chunk(said("a")), other, STOP).text == "a"


def test_a_stream_without_sse_is_a_list_of_chunks() -> None:
    chunks = [chunk(said("a")), chunk(said("b"), finish="STOP", usageMetadata=USAGE)]
    assert whole(chunks).answer == read(*chunks).answer
    assert read(chunks).answer == read(*chunks).answer


# --- tool calls --------------------------------------------------------------------------------------


def test_calls_come_whole_with_what_must_go_back() -> None:
    found = read(
        chunk(thought("hm"), call("one", {"city": "Köln"}, "s1", id="fc1")),
        chunk(call("two", {})),
        STOP,
    )
    assert found.answer.finish_reason == "tool_calls"
    assert found.answer.message.parts == (
        Reasoning("hm", OURS),
        ToolCall("fc1", "one", {"city": "Köln"}, state(signature="s1")),
        ToolCall("call_r1_1", "two", {}, state(no_id=True)),
    )
    assert found.calls == [("fc1", "one", '{"city":"Köln"}'), ("call_r1_1", "two", "{}")]


def test_a_tool_loop_sends_back_what_came() -> None:
    parts = [
        thought("hm"),
        said("Look.", thoughtSignature="s1"),
        call("one", {"a": 1}, "s2", id="x"),
        call("two", {}, id="y"),
    ]
    answer = read(chunk(*parts), STOP).answer
    sent = encode(ChatRequest("c:m", (answer.message,)), TRAITS)["contents"]
    assert sent == [{"role": "model", "parts": parts}]


def test_a_call_in_pieces_is_put_together() -> None:
    """streamFunctionCallArguments of Vertex AI, if extra_body asks for it."""

    def piece(**call: Any) -> dict[str, Any]:
        return chunk({"functionCall": call})

    found = read(
        chunk(call("cook", signature="s", willContinue=True)),
        piece(
            partialArgs=[{"jsonPath": "$.name", "stringValue": "La", "willContinue": True}], willContinue=True
        ),
        piece(partialArgs=[{"jsonPath": "$.name", "stringValue": "sagne"}], willContinue=True),
        piece(partialArgs=[{"jsonPath": "$.steps[0].n", "numberValue": 2}], willContinue=True),
        piece(willContinue=True),
        chunk({"functionCall": {}}),
        chunk(call("eat", willContinue=True)),
        chunk(call("sleep", {})),
        chunk({"functionCall": {}}),
        STOP,
    )
    arguments = {"name": "Lasagne", "steps": [{"n": 2}]}
    assert found.answer.message.parts == (
        ToolCall("call_r1_0", "cook", arguments, state(no_id=True, signature="s")),
        ToolCall("call_r1_1", "eat", {}, state(no_id=True)),
        ToolCall("call_r1_2", "sleep", {}, state(no_id=True)),
    )
    assert [json.loads(written) for _, _, written in found.calls] == [arguments, {}, {}]


def test_a_call_that_was_cut_is_left_out() -> None:
    begun = chunk(call("cook", willContinue=True))
    assert read(begun, chunk(finish="MAX_TOKENS")).answer.message.parts == ()
    assert len(read(begun, chunk(finish="STOP")).answer.message.parts) == 1


def test_a_call_that_goes_on_and_never_began_is_not_left_out() -> None:
    place = {"jsonPath": "$.a", "stringValue": "x"}
    for more in ({"args": {"a": 1}}, {"partialArgs": [place]}):
        assert isinstance(read(chunk({"functionCall": more}), STOP).error, ProviderFailed)
    assert read(chunk({"functionCall": {}}), STOP).answer.message.parts == ()


def test_parts_that_are_no_list_are_not_left_out() -> None:
    answer = {"candidates": [{"content": {"parts": said("a")}, "finishReason": "STOP"}]}
    assert isinstance(read(answer).error, ProviderFailed)
    assert isinstance(whole(answer).error, ProviderFailed)


@pytest.mark.parametrize("args", ["x", [1], json.loads('{"a":' * 40 + "1" + "}" * 40)])
def test_arguments_that_are_no_object_are_the_providers_failure(args: Any) -> None:
    assert isinstance(read(chunk(call("t", args)), STOP).error, ProviderFailed)


def test_the_number_of_calls_is_bounded() -> None:
    decoder = GeminiDecoder(TRAITS)
    with pytest.raises(ProviderFailed, match="tool calls"):
        for _ in range(MAX_CALLS // 1000 + 2):
            decoder.feed(stream(chunk(*[call("t", {})] * 1000)))


# --- how it ends -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", FINISH)
def test_finish_reasons_are_told_apart(reason: str) -> None:
    """Loki knows only SAFETY."""
    for found in (read(chunk(said("a")), chunk(finish=reason)), whole(chunk(said("a"), finish=reason))):
        assert found.answer.finish_reason == FINISH[reason]


def test_an_unknown_finish_reason_ends_the_answer_as_well() -> None:
    assert read(chunk(said("a"), finish="NEW")).answer.finish_reason == "stop"


@pytest.mark.parametrize("reason", FAILED)
def test_what_is_no_answer_is_an_error_that_says_why(reason: str) -> None:
    last = chunk(finish=reason)
    last["candidates"][0]["finishMessage"] = "Malformed\ncall"
    found = read(chunk(said("a")), last)
    assert type(found.error) is ProviderFailed
    assert found.error.message == f"{FAILED[reason]} ({reason}): Malformed call"
    assert found.text == "a"
    assert type(whole(last).error) is ProviderFailed


@pytest.mark.parametrize("more", [{"partMetadata": {"a": 1}}, {"functionCall": None, "inlineData": None}])
def test_a_text_is_one_whatever_else_is_told_of_it(more: dict[str, Any]) -> None:
    found = read(chunk(said("a", **more)), chunk(said("b", **more), finish="STOP"))
    assert (found.answer.message.text, found.text) == ("ab", "ab")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"candidatesTokenCount": 3, "totalTokenCount": 12}, (9, 3)),
        ({"promptTokenCount": 9, "candidatesTokenCount": 0, "totalTokenCount": 12}, (9, 3)),
        ({"promptTokenCount": 9, "toolUsePromptTokenCount": 2, "totalTokenCount": 12}, (11, 1)),
    ],
)
def test_output_is_what_the_total_leaves_for_it(told: dict[str, Any], expected: tuple[int, int]) -> None:
    found = read(chunk(said("a"), finish="STOP", usageMetadata=told)).answer.usage
    assert found is not None and (found.input_tokens, found.output_tokens) == expected


def test_a_usage_with_words_behind_it_is_not_that_of_the_answer() -> None:
    early = chunk(said("a"), usageMetadata={"promptTokenCount": 9, "candidatesTokenCount": 1})
    assert read(early, chunk(said("b"), finish="STOP")).answer.usage is None
    assert read(early, chunk(finish="STOP")).answer.usage == Usage(9, 1)
    nothing = said("", functionCall=None, partMetadata={})
    assert read(early, chunk(nothing, finish="STOP")).answer.usage == Usage(9, 1)


def test_a_total_alone_is_no_usage() -> None:
    told = {"totalTokenCount": 12}
    assert read(chunk(said("a"), finish="STOP", usageMetadata=told)).answer.usage == Usage()


def test_all_tokens_may_go_into_thinking() -> None:
    """Loki calls that invalid response data."""
    candidate = {"content": {"role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}
    usage = {"promptTokenCount": 15, "thoughtsTokenCount": 2, "totalTokenCount": 17}
    for content in ({"role": "model"}, {}, None):
        value = {"candidates": [candidate | {"content": content}], "usageMetadata": usage}
        for found in (read(value), whole(value)):
            assert found.answer.message.parts == ()
            assert found.answer.finish_reason == "length"
            assert found.answer.usage == Usage(15, 2, reasoning_tokens=2)


def test_a_refused_prompt_is_an_error_that_says_why() -> None:
    value = {"promptFeedback": {"blockReason": "MODEL_ARMOR", "blockReasonMessage": "Blocked."}}
    for found in (read(value), whole(value)):
        assert type(found.error) is ContentFiltered
        assert (
            found.error.message == "the provider's content filter refused the prompt (MODEL_ARMOR): Blocked."
        )
    assert read(chunk(said("a")) | {"promptFeedback": {"safetyRatings": []}}, STOP).text == "a"


def test_the_end_is_a_finish_reason_and_nothing_less() -> None:
    """Nor an unspecified one, nor [DONE]."""
    begun = [chunk(said("a")), chunk(said("b"), finish="FINISH_REASON_UNSPECIFIED")]
    assert type(read(*begun).error) is IncompleteResponse
    assert type(read().error) is IncompleteResponse
    assert type(whole(begun[0]).error) is IncompleteResponse
    done = fed(lambda: GeminiDecoder(TRAITS), stream(*begun) + b"data: [DONE]\n\n")
    assert type(done.error) is IncompleteResponse
    cut = fed(lambda: GeminiDecoder(TRAITS), stream(chunk(said("a")), STOP)[:-30])
    assert type(cut.error) is IncompleteResponse


def test_usage_may_come_after_the_end() -> None:
    found = read(chunk(said("a"), finish="STOP"), {"usageMetadata": USAGE, "candidates": None})
    assert found.answer.usage == Usage(9, 3)


@pytest.mark.parametrize("value", [{}, [], None, 5, {"candidates": []}, {"candidates": None}])
def test_an_answer_without_candidates_is_none(value: Any) -> None:
    assert type(whole(value).error) is ProviderFailed


def test_an_event_that_is_not_json_is_the_providers_failure() -> None:
    assert type(fed(lambda: GeminiDecoder(TRAITS), b"data: {x}\n\n").error) is BrokenEvent


# --- usage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "usage"),
    [
        (USAGE, Usage(9, 3)),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "candidatesTokenCount": 10,
                "thoughtsTokenCount": 5,
                "toolUsePromptTokenCount": 7,
                "totalTokenCount": 122,
            },
            Usage(107, 15, cached_input_tokens=60, reasoning_tokens=5),
        ),
        ({"promptTokenCount": 9, "candidatesTokenCount": None}, Usage(9)),
        ({"trafficType": "ON_DEMAND"}, None),
    ],
)
def test_usage_has_lokids_meaning(found: dict[str, Any], usage: Usage | None) -> None:
    assert read(chunk(said("a")), chunk(finish="STOP", usageMetadata=found)).answer.usage == usage


def test_usage_of_each_chunk_replaces_the_one_before() -> None:
    counts = ({"candidatesTokenCount": 1, "thoughtsTokenCount": 4}, {"candidatesTokenCount": 8}, {})
    chunks = [chunk(said("a"), usageMetadata={"promptTokenCount": 5, **found}) for found in counts]
    last = chunk(finish="STOP", usageMetadata={"trafficType": "ON_DEMAND"})
    assert read(*chunks, last).answer.usage == Usage(5, 12, reasoning_tokens=4)


# --- errors in the stream ----------------------------------------------------------------------------


def refused(code: int, status: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": "The model is overloaded.", **more}}


DAILY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}
DELAY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}


@pytest.mark.parametrize(
    ("value", "kind", "wait"),
    [
        (refused(503, "UNAVAILABLE"), Overloaded, None),
        (refused(429, "RESOURCE_EXHAUSTED", details=[DELAY]), RateLimited, 34.4),
        (refused(429, "RESOURCE_EXHAUSTED", details=[DAILY, DELAY]), QuotaExceeded, None),
    ],
)
def test_errors_in_the_stream_are_raised(value: Any, kind: type[Exception], wait: float | None) -> None:
    for found in (read(chunk(said("a")), value), read(chunk(said("a")), [value])):
        assert type(found.error) is kind and found.error.retry_after_s == wait
        assert found.text == "a"
    assert type(whole([value]).error) is kind


def test_an_answer_that_was_cut_stays_so_when_the_server_ends_it_once_more() -> None:
    found = read(said("a"), chunk(finish="MAX_TOKENS"), chunk(finish="STOP"))
    assert found.answer.finish_reason == "length"
