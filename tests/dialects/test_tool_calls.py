"""Tool calls in all the forms that servers of Chat Completions stream them in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import Text, ToolCall, ToolCallDelta
from lokid.dialects.anthropic_messages_answer import whole_messages_decoder
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder
from lokid.dialects.openai_chat import KEY
from lokid.dialects.openai_chat_answer import StreamDecoder, whole_decoder
from lokid.dialects.openai_responses_answer import whole_responses_decoder
from lokid.dialects.parts import MAX_CALLS
from lokid.errors import ProviderFailed
from tests.fakes import frames
from tests.fakes.completions import CALLS, STOP, TRAITS, calls, chunk, entry, read, whole
from tests.fakes.feeding import stream

TOOLS: dict[str, tuple[list[Any], list[ToolCall]]] = {
    "as OpenAI": (
        [calls(entry(0, "a", "f", "")), calls(entry(0, arguments='{"x"')), calls(entry(0, arguments=":1}"))],
        [ToolCall("a", "f", {"x": 1})],
    ),
    "index starts at 1": ([calls(entry(1, "a", "f", "{}")), calls(entry(2, "b", "g", "{}"))],
                          [ToolCall("a", "f", {}), ToolCall("b", "g", {})]),
    "whole call in one delta": ([calls(entry(0, "a", "f", '{"x":1}'))], [ToolCall("a", "f", {"x": 1})]),
    "several entries in one delta": (
        [
            calls(entry(0, "a", "f"), entry(1, "b", "g")),
            calls(entry(1, arguments='{"y":2}'), entry(0, arguments="{}")),
        ],
        [ToolCall("a", "f", {}), ToolCall("b", "g", {"y": 2})],
    ),
    "empty and repeated names later": (
        [calls(entry(0, "a", "f", "{")), calls(entry(0, "a", "", "}")), calls(entry(0, "", "f", ""))],
        [ToolCall("a", "f", {})],
    ),
    "each whole at index 0 without an id": (
        [calls(entry(0, "", "f", '{"x":1}')), calls(entry(0, "", "f", '{"x":2}'))],
        [ToolCall("call_r1_0", "f", {"x": 1}), ToolCall("call_r1_1", "f", {"x": 2})],
    ),
    "a name with each piece, without an id": (
        [calls(entry(0, "", "f", '{"x":"}')), calls(entry(0, "", "f", '{"}'))],
        [ToolCall("call_r1_0", "f", {"x": "}{"})],
    ),
    "no arguments": ([calls(entry(0, "a", "f"))], [ToolCall("a", "f", {})]),
    "null arguments": ([calls(entry(0, "a", "f", "null"))], [ToolCall("a", "f", {})]),
    "blank arguments": ([calls(entry(0, "a", "f", " \n"))], [ToolCall("a", "f", {})]),
    "arguments encoded twice": ([calls(entry(0, "a", "f", '"{\\"x\\":1}"'))], [ToolCall("a", "f", {"x": 1})]),
    "an empty string encoded": ([calls(entry(0, "a", "f", '""'))], [ToolCall("a", "f", {})]),
    "arguments as an object": ([calls(entry(0, "a", "f", {"x": 1}))], [ToolCall("a", "f", {"x": 1})]),
    "nothing as an object, then pieces": (
        [calls(entry(0, "a", "f", []), entry(1, "b", "g", {}), entry(2, "c", "h", [])),
         calls(entry(0, arguments='{"x"'), entry(1, arguments='{"y"')),
         calls(entry(0, arguments=":1}"), entry(1, arguments=":2}"))],
        [ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {"y": 2}), ToolCall("c", "h", {})],
    ),
    "without a function": (
        [calls({"index": 0, "id": "a", "name": "f", "arguments": '{"x":1}'})], [ToolCall("a", "f", {"x": 1})]
    ),
    "missing id": ([calls(entry(0, None, "f", "{}"), entry(1, "", "g", "{}"))],
                   [ToolCall("call_r1_0", "f", {}), ToolCall("call_r1_1", "g", {})]),
    "id after the name": ([calls(entry(0, None, "f")), calls(entry(0, "a", None, "{}"))],
                          [ToolCall("a", "f", {})]),
    "index changes without an id": (
        [calls(entry(0, None, "f", '{"x":1}')), calls(entry(1, None, "g", '{"y":2}'))],
        [ToolCall("call_r1_0", "f", {"x": 1}), ToolCall("call_r1_1", "g", {"y": 2})],
    ),
    "no index": (
        [calls(entry(None, "a", "f", "{")), calls(entry(arguments="}")), calls(entry(None, "b", "g")),
         calls(entry(None, "a", arguments=" "))],
        [ToolCall("a", "f", {}), ToolCall("b", "g", {})],
    ),
    "no index and no id": ([calls(entry(name="f"), entry(name="g")), calls(entry(arguments="{}"))],
                           [ToolCall("call_r1_0", "f", {}), ToolCall("call_r1_1", "g", {})]),
    "an index that is none": ([calls(entry(True, "a", "f")), calls(entry("x", "b", "g"))],
                              [ToolCall("a", "f", {}), ToolCall("b", "g", {})]),
    "always index 0": ([calls(entry(0, "a", "f", "{}")), calls(entry(0, "b", "g", "{}"))],
                       [ToolCall("a", "f", {}), ToolCall("b", "g", {})]),
    "another id in every delta": ([calls(entry(0, "a", "f", "{")), calls(entry(0, "z", None, "}"))],
                                  [ToolCall("a", "f", {})]),
    "an entry that says nothing": ([calls(entry(0, "a", "f"), {}), calls(entry(0))],
                                   [ToolCall("a", "f", {})]),
    "before tool_calls": ([chunk({"function_call": {"name": "f", "arguments": ""}}),
                           chunk({"function_call": {"arguments": '{"x":1}'}}, "function_call")],
                          [ToolCall("call_r1_0", "f", {"x": 1})]),
    "signed": ([calls(entry(0, "a", "f", "{}") | {"extra_content": {"google": {"thought_signature": "s"}}})],
               [ToolCall("a", "f", {}, {KEY: {"origin": TRAITS.origin} | {"extra_content":
                                                 {"google": {"thought_signature": "s"}}}})]),
}  # fmt: skip


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("end", [CALLS, STOP], ids=["tool_calls", "stop"])
def test_tool_calls_are_put_together_in_every_variant(name: str, end: Any) -> None:
    chunks, made = TOOLS[name]
    found = read(stream(*chunks, end))
    assert list(found.answer.message.parts) == made
    assert found.answer.finish_reason == "tool_calls"
    assert [(call.id, call.name) for call in made] == [call[:2] for call in found.calls]


@pytest.mark.parametrize(
    "said",
    [
        {"tool_calls": {"0": entry(0, "a", "f", "{}")}},
        {"tool_calls": entry(0, "a", "f", "{}")},
        {"tool_calls": "f()"},
        {"content": {"type": "text", "text": "a"}},
        {"content": 1},
    ],
)
def test_what_should_be_a_list_and_is_none_is_not_left_out(said: dict[str, Any]) -> None:
    for found in (read(stream(chunk({"role": "assistant", **said}), CALLS)), whole(said)):
        assert isinstance(found.error, ProviderFailed)
        assert found.error.message.endswith("that are not a list")


@pytest.mark.parametrize("nothing", [None, "", {}, False])
def test_no_list_of_calls_is_none(nothing: Any) -> None:
    found = read(stream(chunk({"content": "a", "tool_calls": nothing}), STOP))
    assert found.answer.message.parts == (Text("a"),)


def test_a_call_is_told_as_it_arrives_and_not_at_done() -> None:
    """Loki tells the last one at [DONE], which some servers never send."""
    decoder = StreamDecoder(TRAITS)
    told = decoder.feed(stream(calls(entry(0, "a", "f", '{"x":')), done=False))
    assert told == [ToolCallDelta(0, "a", "f", '{"x":')]
    told = decoder.feed(stream(calls(entry(0, arguments="1}"), entry(1, "b", "g", "{}")), done=False))
    assert told == [ToolCallDelta(0, arguments="1}"), ToolCallDelta(1, "b", "g", "{}")]


def test_text_with_tool_calls_is_kept_in_front_of_them() -> None:
    found = read(stream(chunk({"content": "let me see"}), calls(entry(0, "a", "f", "{}")), CALLS))
    assert found.answer.message.parts == (Text("let me see"), ToolCall("a", "f", {}))


def test_a_finish_of_tool_calls_without_any_is_a_stop() -> None:
    assert read(stream(chunk({"content": "a"}), CALLS)).answer.finish_reason == "stop"


@pytest.mark.parametrize(
    "arguments", ['{"x": ', "[1]", "5", '"text"', '{"x": NaN}', '{"x":' * 40 + "1" + "}" * 40]
)
def test_arguments_that_are_no_object_are_the_models_failure(arguments: str) -> None:
    found = read(stream(calls(entry(0, "a", "f", arguments)), CALLS))
    assert isinstance(found.error, ProviderFailed)
    assert "'f'" in found.error.message
    assert "NaN" not in found.error.message


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_last_call_that_the_limit_cut_is_left_out(finish: str) -> None:
    cut = stream(calls(entry(0, "a", "f", "{}"), entry(1, "b", "g", '{"x": ')), chunk({}, finish))
    assert read(cut).answer.message.parts == (ToolCall("a", "f", {}),)
    assert read(cut).answer.finish_reason == finish
    broken = stream(calls(entry(0, "b", "g", '{"x": '), entry(1, "a", "f", "{}")), chunk({}, finish))
    assert isinstance(read(broken).error, ProviderFailed)


def test_the_number_of_tool_calls_is_bounded() -> None:
    decoder = StreamDecoder(TRAITS)
    with pytest.raises(ProviderFailed, match=str(MAX_CALLS)):
        for start in range(0, MAX_CALLS + 1000, 1000):
            decoder.feed(stream(calls(*[entry(start + i) for i in range(1000)]), done=False))


def test_an_id_of_ours_is_short_and_of_the_answer() -> None:
    long = {"id": "chatcmpl-" + "é-0123456789" * 9}
    (part,) = read(stream(calls(entry(0, None, "f")) | long, CALLS)).answer.message.parts
    assert isinstance(part, ToolCall)
    assert part.id == "call_01234567890123456789_0"
    (part,) = read(stream({"choices": [{"delta": {"function_call": {"name": "f"}}}]})).answer.message.parts
    assert isinstance(part, ToolCall)
    assert part.id == "call_0"


OBJECT, LIST = {"x": 1}, [1]


@pytest.mark.parametrize(
    ("decoder", "value"),
    [
        (
            whole_responses_decoder,
            lambda given: {
                "status": "completed",
                "output": [{"type": "function_call", "call_id": "a", "name": "f", "arguments": given}],
            },
        ),
        (
            whole_messages_decoder,
            lambda given: {"content": [{"type": "tool_use", "id": "a", "name": "f", "input": given}]},
        ),
        (
            whole_decoder,
            lambda given: {"choices": [{"message": {"tool_calls": [entry(0, "a", "f", given)]}}]},
        ),
    ],
)
def test_arguments_in_another_form_are_read_or_refused(decoder: Any, value: Any) -> None:
    for given in (OBJECT, json.dumps(OBJECT)):
        found = decoder(TRAITS)
        found.feed(json.dumps(value(given)).encode())
        [call] = found.close().message.parts
        assert call.arguments == OBJECT
    for nothing in ([], "[]", {}, None):
        found = decoder(TRAITS)
        found.feed(json.dumps(value(nothing)).encode())
        [call] = found.close().message.parts
        assert call.arguments == {}
    found = decoder(TRAITS)
    found.feed(json.dumps(value(LIST)).encode())
    with pytest.raises(ProviderFailed, match="not a JSON object"):
        found.close()


def test_so_are_those_of_converse() -> None:
    start = (
        "contentBlockStart",
        {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "a", "name": "f"}}},
    )
    delta = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": OBJECT}}})
    decoder = ConverseStreamDecoder(TRAITS)
    decoder.feed(frames.converse(start, delta, ("messageStop", {"stopReason": "tool_use"})))
    [call] = decoder.close().message.parts
    assert isinstance(call, ToolCall) and call.arguments == OBJECT
