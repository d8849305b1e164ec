"""Servers that speak Responses and number its places in ways of their own: nothing is told twice, or lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import TextDelta, ToolCall, ToolCallDelta
from lokid.dialects.openai_responses_answer import ResponsesDecoder
from lokid.dialects.parts import MAX_CALLS
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse

TRAITS = Traits("here")


def sse(event: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps(event).encode()


VLLM = ("The", " capital", " is", " Paris.")
NOWHERE = {"type": "response.completed", "response": {"status": "completed", "output": []}}


def responses(*events: dict[str, Any]) -> tuple[list[Any], str]:
    decoder = ResponsesDecoder(TRAITS)
    told = decoder.feed(b"".join(map(sse, events)))
    return told, decoder.close().message.text


@pytest.mark.parametrize("output", [True, False])
@pytest.mark.parametrize("counted", ["with each delta", "with the end"])
def test_a_text_of_vllm_whose_place_moves_is_told_once(counted: str, output: bool) -> None:
    """``_process_simple_streaming_events`` counts ``content_index`` up with every delta, and
    ``_process_harmony_streaming_events`` says of the end the ``output_index`` of what follows."""
    step = counted == "with each delta"
    deltas = [
        {"type": "response.output_text.delta", "output_index": 0, "content_index": step * at, "delta": word}
        for at, word in enumerate(VLLM)
    ]
    place = {"output_index": not step, "content_index": step * len(VLLM)}
    place["output_index"] = int(place["output_index"])
    done = {"type": "response.output_text.done", "text": "".join(VLLM), **place}
    message = {"type": "message", "content": [{"type": "output_text", "text": "".join(VLLM)}]}
    response = {"status": "completed", "output": [message] * output}
    told, said = responses(*deltas, done, {"type": "response.completed", "response": response})
    assert told == [TextDelta(word) for word in VLLM]
    assert said == "".join(VLLM)


@pytest.mark.parametrize("at", [("delta",), ("done",)])
def test_a_text_whose_place_one_kind_of_event_leaves_out_is_told_once(at: tuple[str, ...]) -> None:
    events = [
        {"type": f"response.output_text.{kind}", "delta": "Hi", "text": "Hi"}
        | ({} if kind in at else {"output_index": 1, "content_index": 2})
        for kind in ("delta", "done")
    ]
    assert responses(*events, NOWHERE) == ([TextDelta("Hi")], "Hi")


def test_a_text_behind_an_empty_delta_or_without_a_place_of_its_own_is_told() -> None:
    empty = {"type": "response.output_text.delta", "delta": ""}
    one, two = ({"type": "response.output_text.done", "text": text} for text in ("One.", "Two."))
    assert responses(empty, one, NOWHERE)[1] == "One."
    assert responses({**empty, "delta": "One."}, one, two, NOWHERE)[1] == "One.Two."


def test_of_texts_without_number_not_all_places_are_kept() -> None:
    decoder = ResponsesDecoder(TRAITS)
    delta = {"type": "response.output_text.delta", "delta": "a"}
    for place in range(MAX_CALLS + 2):
        decoder.feed(sse({**delta, "output_index": place}))
    assert len(decoder._answer._open["output_text"]._pieces) == MAX_CALLS + 1
    done = {"type": "response.output_text.done", "text": "a" * (MAX_CALLS + 2), "output_index": 5}
    assert decoder.feed(sse(done)) == []


def test_a_refusal_that_is_only_told_when_it_is_done_is_told_beside_a_text() -> None:
    at = {"output_index": 0, "content_index": 0}
    decoder = ResponsesDecoder(TRAITS)
    events = (
        {"type": "response.output_text.delta", "delta": "Hi", **at},
        {"type": "response.refusal.done", "refusal": " no", **at},
        NOWHERE,
    )
    assert decoder.feed(b"".join(map(sse, events))) == [TextDelta("Hi"), TextDelta(" no")]
    assert decoder.close().finish_reason == "refusal"


def test_calls_that_ollama_begins_at_one_place_are_two() -> None:
    decoder = ResponsesDecoder(TRAITS)
    told: list[Any] = []
    for name in "ab":
        item = {"type": "function_call", "call_id": name, "name": "f", "arguments": json.dumps({"x": name})}
        for event in (
            {"type": "response.output_item.added", "item": {**item, "arguments": ""}},
            {"type": "response.function_call_arguments.delta", "delta": item["arguments"]},
            {"type": "response.output_item.done", "item": item},
        ):
            told += decoder.feed(sse({**event, "output_index": 0}))
    decoder.feed(sse(NOWHERE))
    assert told == [
        ToolCallDelta(0, "a", "f"),
        ToolCallDelta(0, arguments='{"x": "a"}'),
        ToolCallDelta(1, "b", "f"),
        ToolCallDelta(1, arguments='{"x": "b"}'),
    ]
    calls = [part for part in decoder.close().message.parts if isinstance(part, ToolCall)]
    assert [call.arguments for call in calls] == [{"x": "a"}, {"x": "b"}]


def test_a_text_that_is_done_twice_is_told_once() -> None:
    delta = {"type": "response.output_text.delta", "delta": "Hi"}
    done = {"type": "response.output_text.done", "text": "Hi"}
    assert responses(delta, done, done, NOWHERE) == ([TextDelta("Hi")], "Hi")
    assert responses(done, done, NOWHERE) == ([TextDelta("Hi")], "Hi")
    decoder = ResponsesDecoder(TRAITS)
    for place in range(MAX_CALLS + 1):
        decoder.feed(sse({**done, "output_index": place}))
    assert len(decoder._answer._open["output_text"]._done) == MAX_CALLS


def calling(name: str, **at: Any) -> list[dict[str, Any]]:
    item = {"type": "function_call", "id": f"i-{name}", "call_id": name, "name": "f", "arguments": "{}"}
    of_item = {"item_id": item["id"], **at}
    return [
        {"type": "response.output_item.added", "item": {**item, "arguments": ""}, **at},
        {"type": "response.function_call_arguments.delta", "delta": "{}", **of_item},
        {"type": "response.output_item.done", "item": item, **at},
    ]


def test_calls_of_llama_cpp_which_tells_no_place_are_told_once() -> None:
    decoder = ResponsesDecoder(TRAITS)
    told = decoder.feed(b"".join(map(sse, (*calling("a"), *calling("b"), NOWHERE))))
    assert told == [event for call in (0, 1) for event in begun(call)]
    assert len(decoder.close().message.parts) == 2


def begun(call: int) -> list[Any]:
    return [ToolCallDelta(call, "ab"[call], "f"), ToolCallDelta(call, arguments="{}")]


def test_an_end_that_has_another_place_than_its_beginning_is_known_by_its_item() -> None:
    begin, delta, done = calling("a", output_index=0)
    decoder = ResponsesDecoder(TRAITS)
    told = decoder.feed(b"".join(map(sse, (begin, delta, {**done, "output_index": 1}, NOWHERE))))
    assert told == begun(0)


def test_what_began_and_is_not_in_the_items_is_not_left_out() -> None:
    """Where the end has no items of its own: a call whose end did not come beside another, and a text."""
    begin, _, _ = calling("b", output_index=1)
    decoder = ResponsesDecoder(TRAITS)
    decoder.feed(b"".join(map(sse, (*calling("a", output_index=0), begin))))
    with pytest.raises(IncompleteResponse, match="without the tool calls"):
        decoder.feed(sse(NOWHERE))
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    texts = (
        {"type": "response.output_text.delta", "delta": "Hi"},
        {"type": "response.output_item.done", "item": message},
        {"type": "response.output_text.delta", "delta": " there", "output_index": 1},
    )
    assert responses(*texts, NOWHERE) == ([TextDelta("Hi"), TextDelta(" there")], "Hi there")
