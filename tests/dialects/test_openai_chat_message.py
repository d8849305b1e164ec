"""Of a whole message in a stream of Chat Completions, alone or behind deltas, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from lokid.chat import Image, Reasoning, Text, ToolCall
from lokid.dialects.openai_chat import KEY
from lokid.dialects.openai_chat_answer import MAX_SHORT
from lokid.errors import IncompleteResponse, RateLimited
from tests.fakes.completions import STOP, calls, chunk, entry, read, whole
from tests.fakes.feeding import stream


def said(content: Any) -> dict[str, Any]:
    return chunk({"content": content})


def thought(thinking: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": thinking}


def behind(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {"id": "r1", "model": "m-1", "choices": [choice | more]}


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}
PAINTED = Image("image/png", b"\x89PNG")
DETAILS = {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}
FIRST = ToolCall("a", "f", {"x": 1})
TWO = [entry(None, "a", "f", '{"x":1}'), entry(None, "b", "g", "{}")]
MESSAGES: dict[str, dict[str, Any]] = {
    "a text": {"content": "Héllo"},
    "a refusal": {"content": None, "refusal": "I won't"},
    "thoughts": {"content": "Héllo", "reasoning_content": "hm"},
    "thoughts in parts": {"content": [thought("hm"), {"type": "text", "text": "Héllo"}, thought("mh")]},
    "details of thoughts": {"content": "Héllo", **DETAILS},
    "blocks of thoughts": {"content": "Héllo", "thinking_blocks": [{"type": "thinking", "signature": "s"}]},
    "pictures": {"content": [{"type": "text", "text": "Héllo"}, IMAGE], "images": [IMAGE]},
    "nothing but pictures": {"content": [IMAGE]},
    "calls": {"content": None, "tool_calls": TWO},
    "a call of old": {"content": None, "function_call": {"name": "f", "arguments": '{"x":1}'}},
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_behind_the_name_of_who_speaks_is_all_of_the_answer(name: str) -> None:
    message = MESSAGES[name]
    role = {"role": "assistant", "content": "", "tool_calls": None}
    expected = whole(message).answer
    assert expected.message.parts
    for events in (
        [chunk({"role": "assistant"}), behind(message)],
        [chunk(role), behind(message, delta={})],
        [chunk(role), behind(message, delta={"role": "assistant"})],
        [behind(message, delta=role)],
    ):
        found = read(stream(*events))
        assert found.answer == expected
        assert found.text == found.answer.message.text


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_behind_all_of_its_deltas_says_nothing_new(name: str) -> None:
    """However often: some servers have what was said so far in each event."""
    message = MESSAGES[name]
    expected = read(stream(chunk(message), STOP))
    for times in range(1, 3):
        found = read(stream(chunk(message), *[behind(message)] * times))
        assert found.answer.message == expected.answer.message
        assert found.events == expected.events


@pytest.mark.parametrize("message", [{"refusal": "x"}, {"reasoning": "x"}, {"tool_calls": TWO}])
def test_short_messages_behind_a_long_answer_cost_no_look_at_it_each(message: dict[str, Any]) -> None:
    """10,000 events of 49 bytes behind 26 MB held everybody up for a minute and a half."""
    found = read(stream(said("x" * 100_000), *[behind(message)] * (MAX_SHORT + 2)))
    assert isinstance(found.error, IncompleteResponse)
    few = read(stream(said("x" * 100_000), *[behind(message)] * MAX_SHORT, STOP))
    assert few.answer.message.text.startswith("x" * 100_000)
    repeated = {"content": "x" * 100_000}
    assert (
        read(stream(said("x" * 100_000), *[behind(repeated)] * 3, STOP)).answer.message.text == "x" * 100_000
    )


def test_a_long_thought_that_each_message_repeats_is_no_other_answer() -> None:
    message = {"content": "4", "reasoning_content": "x" * 100_000}
    found = read(stream(chunk(message), *[behind(message)] * (MAX_SHORT + 2), STOP))
    assert found.answer.message.text == "4"


THOUGHT = Reasoning("hm", {KEY: {"origin": "c:m", "field": "reasoning"}})
SIGNED = Reasoning(
    "hm",
    {KEY: {"origin": "c:m", "field": "reasoning", "blocks": [{"type": "thinking", "signature": "s"}]}},
)
MORE: dict[str, tuple[list[Any], dict[str, Any], tuple[Any, ...]]] = {
    "a refusal": ([said("Hé")], {"content": "Hé", "refusal": "no"}, (Text("Héno"),)),
    "a refusal, and does not repeat the text": ([said("Hé")], {"refusal": "no"}, (Text("Héno"),)),
    "the rest of a refusal": ([chunk({"refusal": "n"})], {"refusal": "no"}, (Text("no"),)),
    "a refusal of which more was told": (
        [said("Hé"), chunk({"refusal": "no"})],
        {"refusal": "n"},
        (Text("Héno"),),
    ),
    "thoughts": ([said("Hé")], {"content": "Hé", "reasoning": "hm"}, (Text("Hé"), THOUGHT)),
    "thoughts alone": ([said("Hé")], {"reasoning": "hm"}, (Text("Hé"), THOUGHT)),
    "thoughts in parts": (
        [said("Hé")],
        {"content": [thought("hm"), "Hé!"]},
        (Text("Hé"), Reasoning("hm"), Text("!")),
    ),
    "other thoughts": (
        [chunk({"reasoning": "hm"})],
        {"content": "Hé", "reasoning": "oh"},
        (THOUGHT, Text("Hé")),
    ),
    "state of thoughts": (
        [chunk({"reasoning": "hm"}), said("Hé")],
        {"content": "Hé", "reasoning": "hm", "thinking_blocks": [{"type": "thinking", "signature": "s"}]},
        (SIGNED, Text("Hé")),
    ),
    "a picture": ([said("Hé")], {"content": ["Hé", IMAGE]}, (Text("Hé"), PAINTED)),
    "a call": ([calls(TWO[0])], {"tool_calls": TWO}, (FIRST, ToolCall("b", "g", {}))),
    "the arguments of a call": ([calls(entry(7, "a", "f"))], {"tool_calls": TWO[:1]}, (FIRST,)),
    "a call without a name": (
        [calls(TWO[0])],
        {"tool_calls": [{"id": "a"}]},
        (FIRST,),
    ),
    "a call of old": (
        [said("Hé")],
        {"function_call": {"name": "f"}},
        (Text("Hé"), ToolCall("call_r1_0", "f", {})),
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_a_message_behind_deltas_may_say_more(name: str) -> None:
    deltas, message, parts = MORE[name]
    found = read(stream(*deltas, behind(message)))
    assert found.answer.message.parts == parts
    assert found.answer.finish_reason == (
        "refusal" if "refusal" in name else "tool_calls" if "call" in name else "stop"
    )
    assert found.text == found.answer.message.text
    called = [(part.id, part.name) for part in parts if isinstance(part, ToolCall)]
    assert [call[:2] for call in found.calls] == called


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"content": "other"}, IncompleteResponse),
        ({"content": "other", "refusal": "no"}, IncompleteResponse),
        ({"tool_calls": [entry(None, "a", "other", "{}")]}, IncompleteResponse),
        ({"error": {"code": 429, "message": "x"}}, RateLimited),
    ],
)
def test_what_a_message_says_otherwise_is_an_error(message: dict[str, Any], kind: type) -> None:
    assert type(read(stream(said("Hé"), calls(TWO[0]), behind(message))).error) is kind
