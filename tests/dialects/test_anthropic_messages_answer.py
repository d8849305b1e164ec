"""What is read from Anthropic Messages: every stream whole, byte by byte, and cut at random."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.chat import Answer, ChatRequest, Counted, Message, Reasoning, Text, ToolCall, Usage
from lokid.dialects.anthropic_messages import KEY, encode
from lokid.dialects.anthropic_messages_answer import MAX_BLOCKS, Blocks, MessagesDecoder
from lokid.errors import (
    BadRequest,
    IncompleteResponse,
    LokidError,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    RateLimited,
)
from tests.fakes.feeding import fed
from tests.fakes.messages import (
    TRAITS,
    USAGE,
    block,
    called,
    end,
    read,
    said,
    start,
    thought,
    whole,
    whole_of,
    wire,
)

PING = {"type": "ping"}
HIDDEN = {"type": "redacted_thinking", "data": "abc"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://x", "encrypted_content": "e"}],
}
STREAM = [
    start(),
    *thought(0, "h", "m"),
    *block(1, HIDDEN),
    PING,
    *said(2, "Hé", "", "llo"),
    *called(3, "toolu_1", "f", "", '{"x"', ": 1}"),
    {"type": "something_new", "x": 1},
    *called(4, "toolu_2", "g", ""),
    *end("tool_use"),
]
CONTENT = [
    {"type": "thinking", "thinking": "hm", "signature": "sig"},
    HIDDEN,
    {"type": "text", "text": "Héllo"},
    {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}},
    {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
]


def kept(**state: Any) -> dict[str, Any]:
    return {KEY: {"origin": "c:m", **state}}


ANSWER = Answer(
    Message(
        "assistant",
        (
            Reasoning("hm", kept(signature="sig")),
            Reasoning("", kept(block=HIDDEN)),
            Text("Héllo"),
            ToolCall("toolu_1", "f", {"x": 1}),
            ToolCall("toolu_2", "g", {}),
        ),
    ),
    "tool_calls",
    Usage(12, 5, cached_input_tokens=2, cache_write_tokens=1, reasoning_tokens=3),
    "m-1",
    "msg_1",
)


def test_both_forms_make_the_same_answer() -> None:
    streamed = read(*STREAM)
    assert streamed.answer == ANSWER
    assert (streamed.text, streamed.reasoning) == ("Héllo", "hm")
    assert whole(CONTENT, "tool_use").answer == ANSWER


def test_a_tool_call_is_told_once() -> None:
    """Loki told each one again when the next block began."""
    assert read(*STREAM).calls == [("toolu_1", "f", '{"x": 1}'), ("toolu_2", "g", "")]


def test_what_came_goes_back_as_it_was() -> None:
    request = ChatRequest("c:m", (ANSWER.message,))
    assert encode(request, TRAITS, stream=False)["messages"] == [{"role": "assistant", "content": CONTENT}]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "stop"),
        ("something_new", "stop"),
        ("max_tokens", "length"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "context_overflow"),
    ],
)
def test_why_it_ended(reason: str, finish: str) -> None:
    assert read(start(), *said(0, "a"), *end(reason)).answer.finish_reason == finish
    assert whole([{"type": "text", "text": "a"}], reason).answer.finish_reason == finish


def test_an_answer_of_nothing_is_an_answer() -> None:
    """Loki took it for invalid."""
    for found in (read(start(), *end()), whole([])):
        assert (found.answer.message.parts, found.answer.finish_reason) == ((), "stop")
    assert read(start(), *said(0), *thought(1, signature=""), *end()).answer.message.parts == ()


def test_thinking_without_text_still_has_to_go_back() -> None:
    """Newer models show none unless asked."""
    assert read(start(), *thought(0), *end()).answer.message.parts == (Reasoning("", kept(signature="sig")),)
    assert whole([{"type": "thinking", "thinking": "x"}]).answer.message.parts == (Reasoning("x"),)


# --- usage


def test_counts_are_totals_and_what_a_later_event_leaves_out_stays() -> None:
    found = read(start(), *said(0, "a"), *end(usage={"input_tokens": 61, "output_tokens": 7, "x": None}))
    assert found.answer.usage == Usage(64, 7, 2, 1, 3)
    nulls = {"input_tokens": None, "cache_read_input_tokens": None, "output_tokens": 0}
    assert read(start(), *end(usage=nulls)).answer.usage == Usage(12, 0, 2, 1, 3)


def test_what_a_gateway_does_not_know_takes_back_nothing() -> None:
    zeros = dict.fromkeys(USAGE, 0)
    found = read(start(), *said(0, "a"), *end(usage={**zeros, "output_tokens": 7}))
    assert found.answer.usage == Usage(12, 7, 2, 1, 3)
    known = {"input_tokens": 61, "cache_read_input_tokens": 0, "output_tokens": 7}
    assert read(start(), *said(0, "a"), *end(usage=known)).answer.usage == Usage(62, 7, 0, 1, 3)
    assert whole([{"type": "text", "text": "a"}]).answer.usage == Usage(12, 5, 2, 1, 3)


@pytest.mark.parametrize("given", [{}, {"input_tokens": 9}, dict.fromkeys(USAGE, 0)])
def test_an_output_of_which_only_the_beginning_was_counted_is_unknown(given: dict[str, Any]) -> None:
    """The token that Claude begins with would be the bill of all of them."""
    decoder = MessagesDecoder(TRAITS)
    decoder.feed(wire([start(), *said(0, "a"), *end(usage=given)]))
    assert decoder.close().usage is None
    assert decoder.counted == Counted(Usage(12, 1, 2, 1, 3), final=False)


def test_no_usage_is_not_zero() -> None:
    found = read(start(usage=None), *said(0, "a"), *end(usage={}))
    assert found.answer.usage is None


# --- refusals and pauses


REFUSED = {"type": "refusal", "category": "cyber", "explanation": "This was refused."}


def test_a_refusal_without_text_says_why_and_that_never_goes_back() -> None:
    for found in (
        read(start(), *said(0), *end("refusal", stop_details=REFUSED)),
        whole([], "refusal", stop_details=REFUSED),
    ):
        assert found.answer.finish_reason == "refusal"
        assert found.answer.message.text == "This was refused."
        assert encode(ChatRequest("c:m", (found.answer.message,)), TRAITS, stream=False)["messages"] == []
    assert read(start(), *end("refusal", stop_details=REFUSED)).text == "This was refused."


def test_a_refusal_after_text_leaves_the_text_alone() -> None:
    found = read(start(), *said(0, "Hi"), *end("refusal", stop_details=REFUSED))
    assert (found.text, found.answer.message.text) == ("Hi", "Hi")
    unexplained = read(start(), *end("refusal", stop_details={"explanation": None}))
    assert (unexplained.answer.message.parts, unexplained.answer.finish_reason) == ((), "refusal")


def test_a_paused_turn_with_the_providers_own_tools_can_be_sent_again_as_it_was() -> None:
    begun = SEARCH | {"input": {}}
    fragments = ({"type": "input_json_delta", "partial_json": f} for f in ('{"query"', ':"x"}'))
    streamed = read(
        start(), *block(0, begun, *fragments), *block(1, FOUND), *said(2, "a"), *end("pause_turn")
    )
    content = [SEARCH, FOUND, {"type": "text", "text": "a"}]
    for found in (streamed, whole(content, "pause_turn")):
        assert found.answer.finish_reason == "pause"
        assert found.answer.message.text == found.answer.message.parts[-1].text == "a"  # type: ignore[union-attr]
        assert found.calls == []
        back = encode(ChatRequest("c:m", (found.answer.message,)), TRAITS, stream=False)["messages"]
        assert back == [{"role": "assistant", "content": content}]


def test_blocks_nobody_knows_are_kept_with_what_their_deltas_said() -> None:
    delta = {"type": "compaction_delta", "content": "short", "n": 1}
    found = read(start(), *block(0, {"type": "compaction", "content": None}, delta, delta), *end())
    assert found.answer.message.parts == (
        Reasoning("", kept(block={"type": "compaction", "content": "shortshort"})),
    )
    assert found.events == ()


def test_what_our_callers_could_not_carry_is_not_kept() -> None:
    deep: Any = []
    for _ in range(40):
        deep = [deep]
    content = [{"type": "odd", "x": deep}, {"no": "type"}, {"type": "text", "text": "a", "citations": [deep]}]
    assert whole(content).answer.message.parts == (Text("a"),)
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}, "x": deep}
    assert whole([call], "tool_use").answer.message.parts == (ToolCall("t", "f", {}),)


def test_citations_and_callers_are_kept() -> None:
    cite = {"type": "char_location", "cited_text": "x"}
    deltas = [{"type": "text_delta", "text": "a"}, {"type": "citations_delta", "citation": cite}]
    caller = {"type": "code_execution_20260120", "tool_id": "s"}
    found = read(
        start(),
        *block(0, {"type": "text", "text": "", "citations": []}, *deltas),
        *called(1, "t", "f", caller={"type": "direct"}),
        *called(2, "u", "f", caller=caller),
        *end("tool_use"),
    )
    assert found.answer.message.parts == (
        Text("a", kept(citations=[cite])),
        ToolCall("t", "f", {}),
        ToolCall("u", "f", {}, kept(more={"caller": caller})),
    )


# --- tool calls that are not as documented


def test_arguments_that_come_whole_are_told_as_well() -> None:
    found = read(start(), *called(0, "t", "f", input={"x": "é"}), *end("tool_use"))
    assert found.calls == [("t", "f", '{"x": "é"}')]
    assert found.answer.message.parts == (ToolCall("t", "f", {"x": "é"}),)


@pytest.mark.parametrize(
    ("given", "told"),
    [('{"x": 1}', '{"x": 1}'), ('"{\\"x\\": 1}"', '{"x": 1}'), ("[]", ""), ([], ""), (None, "")],
)
def test_so_are_those_that_come_as_text_or_with_a_piece_of_nothing(given: Any, told: str) -> None:
    begin, *_, stop = called(0, "t", "f", "", input=given)
    for call in ([begin, stop], called(0, "t", "f", "", input=given), [begin]):
        found = read(start(), *call, *end("tool_use"))
        assert found.calls == [("t", "f", told)]
        assert found.answer.message.parts == (ToolCall("t", "f", json.loads(told or "{}")),)


def test_those_that_are_no_object_are_not_told() -> None:
    found = read(start(), *called(0, "t", "f", input="x"), *end("tool_use"))
    assert (found.calls, type(found.error)) == ([("t", "f", "")], ProviderFailed)


def test_a_call_is_a_call_whatever_the_reason_says() -> None:
    assert read(start(), *called(0, "t", "f"), *end("end_turn")).answer.finish_reason == "tool_calls"


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "model_context_window_exceeded"])
def test_half_a_call_at_the_limit_is_left_out(reason: str) -> None:
    found = read(start(), *said(0, "a"), *called(1, "t", "f", '{"x": '), *end(reason))
    assert found.answer.message.parts == (Text("a"),)
    half = [{"type": "input_json_delta", "partial_json": "{"}]
    assert read(start(), *block(0, SEARCH, *half), *end(reason)).answer.message.parts == ()


def test_half_a_call_anywhere_else_is_the_providers_failure() -> None:
    half = called(0, "t", "f", '{"x": ')
    for found in (
        read(start(), *half, *end("tool_use")),
        read(start(), *half, *said(1, "a"), *end("max_tokens")),
    ):
        assert isinstance(found.error, ProviderFailed)
        assert "'f'" in found.error.message


@pytest.mark.parametrize("value", ["1e999", "[" * 40 + "]" * 40])
def test_arguments_that_our_callers_could_not_carry_are_the_providers_failure(value: str) -> None:
    for more in ({"input": {"x": json.loads(value)}}, {}):
        fragments = () if more else ('{"x":', value, "}")
        data = wire([start(), *called(0, "t", "f", *fragments, **more), *end("tool_use")])
        data = data.replace(b"Infinity", b"1e999")
        assert isinstance(fed(lambda data=data: MessagesDecoder(TRAITS), data).error, ProviderFailed)


# --- errors


@pytest.mark.parametrize(
    ("kind", "message", "error"),
    [
        ("overloaded_error", "Overloaded", Overloaded),
        ("rate_limit_error", "slow down", RateLimited),
        ("api_error", "Internal server error", ProviderUnavailable),
        ("timeout_error", "took too long", ProviderUnavailable),
        ("invalid_request_error", "no", BadRequest),
    ],
)
def test_an_error_in_the_middle_is_an_error_and_not_a_short_answer(
    kind: str, message: str, error: type[LokidError]
) -> None:
    """Loki ignored the event, and what had arrived became the answer."""
    event = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    found = read(start(), *said(0, "Hi"), event)
    assert type(found.error) is error
    assert (found.text, found.error.request_id) == ("Hi", "req_1")
    first = read(event)
    assert type(first.error) is error and first.events == ()
    assert type(whole_of(event).error) is error


@pytest.mark.parametrize("second", [start(), start(id="msg_2"), *said(0, "x")[:1]])
def test_two_answers_are_never_made_one(second: dict[str, Any]) -> None:
    """A gateway that lost its upstream in the middle of a block and asked again."""
    rest = [*said(0, "Hi")[:2], second, *said(0, "Hello"), *end()]
    found = read(start(), *rest)
    assert isinstance(found.error, IncompleteResponse)
    assert found.text == "Hi"


def test_a_block_that_llama_cpp_begins_again_for_its_last_piece_goes_on() -> None:
    begin, piece, stop = said(0, "if a ")
    last = said(0, "<")[1]
    found = read(start(), begin, piece, begin, last, stop, *end())
    assert (found.answer.message.text, found.text) == ("if a <", "if a <")
    thoughts = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    ]
    signed = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "signature_delta", "signature": ""},
    }
    found = read(start(), *thoughts, *thoughts, signed, stop, *end())
    assert found.answer.message.parts == (Reasoning("hmhm"),)
    tool = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    begin = {"type": "content_block_start", "index": 0, "content_block": tool}
    pieces = [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": text},
        }
        for text in ('{"x":', "1}")
    ]
    found = read(start(), begin, pieces[0], begin, pieces[1], stop, *end())
    assert found.answer.message.parts == (ToolCall("a", "f", {"x": 1}),)
    begin = said(0, "")[0]
    found = read(start(), begin, piece, begin, last, last, stop, *end())
    assert isinstance(found.error, IncompleteResponse)


def test_a_beginning_that_is_repeated_before_anything_came_is_harmless() -> None:
    found = read(start(), start(id="msg_2"), *said(0, "a"), *end())
    assert (found.answer.message.text, found.answer.response_id) == ("a", "msg_2")


def test_a_stream_that_ends_early_is_incomplete_wherever_it_ends() -> None:
    for kept_events in range(len(STREAM)):
        assert isinstance(read(*STREAM[:kept_events]).error, IncompleteResponse)


@pytest.mark.parametrize(
    "line", ['event: error\ndata: {"message": "x"}', 'error: {"message": "x"}', '{"error": "x"}']
)
def test_an_error_without_a_type_is_one(line: str) -> None:
    data = wire(STREAM[:2]) + f"{line}\n\n".encode() + wire(STREAM[2:])
    found = fed(lambda: MessagesDecoder(TRAITS), data)
    assert type(found.error) is ProviderFailed and found.error.message.endswith(": x")
    assert isinstance(read(*said(0, "a"), *end()).error, IncompleteResponse)


def test_nothing_after_the_end_counts() -> None:
    found = fed(lambda: MessagesDecoder(TRAITS), wire([*STREAM, start()]) + b"data: garbage\n\n")
    assert found.answer == ANSWER


def test_a_stream_may_lack_what_lokid_does_not_need() -> None:
    """Names of events, indexes, the end of a block; and have comments and padding."""
    events = [start(), *said(0, "a")[:2], *end()]
    for event in events:
        event.pop("index", None)
    data = b": hello\n\n".join(b"data:" + json.dumps(event).encode() + b"  \r\n\r\n" for event in events)
    assert fed(lambda: MessagesDecoder(TRAITS), data).answer.message.text == "a"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_delta", "index": "a", "delta": None},
    ],
)
def test_a_piece_of_nothing_is_the_providers_failure(event: dict[str, Any]) -> None:
    assert isinstance(read(start(), event, *end()).error, ProviderFailed)


def test_an_end_of_nothing_is_ignored() -> None:
    stray = {"type": "content_block_stop", "index": 7}
    assert read(start(), stray, *said(0, "a"), stray, *end()).answer.message.text == "a"


def test_the_number_of_blocks_is_bounded() -> None:
    blocks = Blocks(TRAITS)
    opening = {"type": "content_block_start", "content_block": {"type": "text", "text": ""}}
    for index in range(MAX_BLOCKS):
        blocks.take(opening | {"index": index}, [])
    with pytest.raises(ProviderFailed, match="blocks"):
        blocks.take(opening | {"index": MAX_BLOCKS}, [])


@pytest.mark.parametrize("value", [{}, [], {"content": None}, "x", {"content": {}}])
def test_a_text_that_is_no_answer(value: Any) -> None:
    assert isinstance(whole_of(value).error, ProviderFailed)


def test_an_answer_that_was_cut_is_incomplete() -> None:
    assert isinstance(whole_of(b'{"content": [').error, IncompleteResponse)


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "input"]), inner)
    ),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
                *("message_delta", "message_stop", "error", "new"),
            ]
        )
    },
    optional={
        "index": st.integers(0, 2) | SHAPES,
        "message": SHAPES,
        "delta": SHAPES
        | st.dictionaries(st.sampled_from(["text", "thinking", "partial_json", "signature"]), SHAPES),
        "content_block": SHAPES
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "thinking", "tool_use", "x"])},
            optional=dict.fromkeys(("id", "name", "input", "text", "citations", "caller"), SHAPES),
        ),
        "usage": SHAPES,
        "error": SHAPES,
    },
)


@given(st.lists(EVENTS, max_size=12))
def test_no_event_is_too_strange(events: list[dict[str, Any]]) -> None:
    """An answer or one of our errors, the same however it is cut."""
    data = wire([start(), *events, *end()])
    try:
        answer = fed(lambda: MessagesDecoder(TRAITS), data).answer
    except LokidError:
        return
    json.dumps(encode(ChatRequest("c:m", (answer.message,)), TRAITS, stream=False), allow_nan=False)


@pytest.mark.parametrize("junk", [None, 1, "x", [], {"type": None}, {"type": "text", "text": 5}])
def test_blocks_of_any_shape_are_survived(junk: Any) -> None:
    assert whole([junk]).answer.message.parts == ()
    assert read(start(), *block(0, junk), *end()).answer.message.parts == ()
