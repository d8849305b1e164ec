"""What is written to Cohere Chat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lokid.chat import (
    ChatRequest,
    Image,
    Message,
    NamedTool,
    Reasoning,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects.cohere_chat import KEY, encode
from lokid.dialects.traits import Traits
from lokid.errors import InvalidParams, Unsupported

TRAITS = Traits("m", origin="c:m")
WEATHER = Tool("weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}})
NOW = Tool("now")
EMPTY = {"type": "object", "properties": {}}
URL = Image(url="https://example.org/a.png")
CALL = ToolCall("t1", "weather", {"city": "Köln"})
WIRE_CALL = {
    "id": "t1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
}


def user(*parts: Any) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Any) -> Message:
    return replace(user(*parts), role="assistant")


def tool(*results: ToolResult) -> Message:
    return Message("tool", results)


def system(words: str) -> Message:
    return Message("system", (Text(words),))


def thought(words: str, field: str = "thinking", origin: str = "c:m") -> Reasoning:
    return Reasoning(words, {KEY: {"origin": origin, "field": field}})


def ask(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest(model="c:m", messages=messages or (user("hi"),), **more)


def body(request: ChatRequest, traits: Traits = TRAITS, *, stream: bool = False) -> dict[str, Any]:
    return encode(request, traits, stream=stream)


def messages(*given: Message, traits: Traits = TRAITS, **more: Any) -> list[dict[str, Any]]:
    return body(ask(*given, **more), traits)["messages"]  # type: ignore[no-any-return]


def document(words: str, call: str = "t1") -> dict[str, Any]:
    return {
        "role": "tool",
        "tool_call_id": call,
        "content": [{"type": "document", "document": {"data": words}}],
    }


def test_nothing_is_sent_that_the_caller_did_not_say_but_whether_to_stream() -> None:
    assert body(ask()) == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    assert body(ask(), stream=True)["stream"] is True


def test_parameters_have_coheres_names() -> None:
    wire = body(ask(temperature=0.5, top_p=0.9, max_tokens=9, stop=("END",)))
    assert (wire["temperature"], wire["p"], wire["max_tokens"]) == (0.5, 0.9, 9)
    assert wire["stop_sequences"] == ["END"]
    assert not {"top_p", "stop"} & wire.keys()


@pytest.mark.parametrize("top_p", [0.0, 0.005, 0.995, 1.0])
def test_top_p_outside_coheres_range_is_refused_here(top_p: float) -> None:
    with pytest.raises(InvalidParams, match=r"0\.01 to 0\.99"):
        body(ask(top_p=top_p))


def test_more_stop_sequences_than_cohere_takes_are_refused_here() -> None:
    assert len(body(ask(stop=tuple("abcde")))["stop_sequences"]) == 5
    with pytest.raises(InvalidParams, match="at most 5"):
        body(ask(stop=tuple("abcdef")))


# --- tools


def test_tools_are_written_without_the_strictness_that_is_one_for_all() -> None:
    wire = body(ask(tools=(replace(WEATHER, strict=True), NOW), tool_choice="auto", parallel_tool_calls=True))
    assert wire["tools"] == [
        {
            "type": "function",
            "function": {"name": "weather", "description": "Weather", "parameters": WEATHER.parameters},
        },
        {"type": "function", "function": {"name": "now", "parameters": EMPTY}},
    ]
    assert wire["strict_tools"] is True
    assert "tool_choice" not in wire
    assert "strict_tools" not in body(ask(tools=(replace(WEATHER, strict=False),)))


@pytest.mark.parametrize(("choice", "word"), [("required", "REQUIRED"), ("none", "NONE")])
def test_the_choice_of_tools_has_coheres_words(choice: Any, word: str) -> None:
    assert body(ask(tools=(WEATHER,), tool_choice=choice))["tool_choice"] == word
    assert "tool_choice" not in body(ask(tool_choice=choice))


def test_a_tool_chosen_by_name_is_the_only_one_offered() -> None:
    wire = body(ask(tools=(WEATHER, NOW), tool_choice=NamedTool("now")))
    assert [one["function"]["name"] for one in wire["tools"]] == ["now"]
    assert wire["tool_choice"] == "REQUIRED"
    with pytest.raises(InvalidParams, match="'other' is none of the tools"):
        body(ask(tools=(WEATHER, NOW), tool_choice=NamedTool("other")))


def test_what_cohere_cannot_do_is_said_and_not_dropped() -> None:
    with pytest.raises(Unsupported, match="several tools at once"):
        body(ask(tools=(WEATHER,), parallel_tool_calls=False))
    with pytest.raises(Unsupported, match="while there are tools"):
        body(ask(tools=(WEATHER,), response_schema=ResponseSchema({"type": "object"})))
    with pytest.raises(Unsupported, match="does not see images"):
        body(ask(user(URL)), replace(TRAITS, images=False))
    assert "tools" not in body(ask(parallel_tool_calls=False))


def test_a_schema_is_a_json_object_with_that_schema() -> None:
    wire = body(ask(response_schema=ResponseSchema({"type": "object"}, "answer", strict=True)))
    assert wire["response_format"] == {"type": "json_object", "json_schema": {"type": "object"}}


# --- thinking


@pytest.mark.parametrize(
    ("said", "wire"),
    [
        ({"reasoning": "off"}, {"type": "disabled"}),
        ({"reasoning": 0}, {"type": "disabled"}),
        ({"reasoning": "low"}, {"type": "enabled", "token_budget": 1024}),
        ({"reasoning": "high"}, {"type": "enabled", "token_budget": 24576}),
        ({"reasoning": 500}, {"type": "enabled", "token_budget": 500}),
        ({"reasoning": 500, "max_tokens": 600}, {"type": "enabled", "token_budget": 500}),
        ({"reasoning": "high", "max_tokens": 1000}, {"type": "enabled", "token_budget": 500}),
        ({"reasoning": "low", "max_tokens": 1}, {"type": "enabled", "token_budget": 1}),
    ],
)
def test_reasoning_is_a_budget_that_leaves_room_for_the_answer(said: Any, wire: Any) -> None:
    assert body(ask(**said))["thinking"] == wire


def test_a_model_without_known_budgets_thinks_as_long_as_it_likes() -> None:
    assert body(ask(reasoning=9), replace(TRAITS, efforts=("max",)))["thinking"]["token_budget"] == 9
    traits = replace(TRAITS, efforts=("none", "max"))
    assert body(ask(reasoning="off"), traits)["thinking"] == {"type": "disabled"}
    with pytest.raises(Unsupported):
        body(ask(reasoning="low"), replace(TRAITS, efforts=()))
    assert "thinking" not in body(ask(reasoning="off"), replace(TRAITS, efforts=()))


# --- messages


def test_system_text_comes_first_with_the_models_prefix() -> None:
    traits = replace(TRAITS, system_prompt_prefix="Prefix.")
    assert messages(traits=traits, system="Be terse.")[0] == {
        "role": "system",
        "content": "Prefix.\n\nBe terse.",
    }
    assert messages(user("a"), system("b"), user("c"))[1] == {"role": "system", "content": "b"}


def test_without_system_messages_the_text_opens_the_next_user_message() -> None:
    traits = replace(TRAITS, system_role="none")
    assert messages(traits=traits, system="S") == [{"role": "user", "content": "S\n\nhi"}]
    assert messages(user("a"), system("b"), traits=traits)[-1] == {"role": "user", "content": "b"}


def test_images_are_urls_and_text_alone_is_a_string() -> None:
    wire = messages(user("What?", Image("image/png", b"\x89PNG"), URL), user("a", "b"))
    assert wire[0]["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "image_url", "image_url": {"url": URL.url}},
    ]
    assert wire[1]["content"] == "ab"


def test_what_the_model_planned_and_thought_goes_back_with_its_calls() -> None:
    wire = messages(
        user("hi"),
        assistant(thought("hmm"), thought("I will look", "tool_plan"), "Wait", CALL),
        tool(ToolResult("t1", "weather", "21")),
    )
    assert wire[1] == {
        "role": "assistant",
        "tool_plan": "I will look",
        "content": [{"type": "thinking", "thinking": "hmm"}, {"type": "text", "text": "Wait"}],
        "tool_calls": [WIRE_CALL],
    }
    assert wire[2] == document("21")
    assert messages(assistant(thought("hmm"), CALL))[0]["content"] == [
        {"type": "thinking", "thinking": "hmm"}
    ]


def test_what_another_model_thought_is_never_sent_on() -> None:
    wire = messages(
        assistant(thought("a", origin="x:y"), thought("b", "tool_plan", "x:y"), Reasoning("c"), "Wait", CALL)
    )
    assert wire == [{"role": "assistant", "content": "Wait", "tool_calls": [WIRE_CALL]}]
    assert messages(assistant(CALL)) == [{"role": "assistant", "tool_calls": [WIRE_CALL]}]


def test_an_answer_without_calls_goes_back_as_its_text_and_an_empty_one_not_at_all() -> None:
    assert messages(assistant(thought("hmm"), "Hello")) == [{"role": "assistant", "content": "Hello"}]
    assert messages(assistant(thought("hmm"))) == []


def test_results_follow_their_calls_and_their_images_come_after_the_last() -> None:
    wire = messages(
        assistant(CALL, replace(CALL, id="t2")),
        tool(ToolResult("t1", "weather", (Text("a"), URL)), ToolResult("t2", "weather", "no", is_error=True)),
        user("and?"),
    )
    shown = [
        {"type": "text", "text": "Images of the tool call t1:"},
        {"type": "image_url", "image_url": {"url": URL.url}},
    ]
    assert wire[1:] == [
        document("a"),
        document("Error: no", "t2"),
        {"role": "user", "content": shown},
        {"role": "user", "content": "and?"},
    ]
    assert messages(tool(ToolResult("t1", "weather", (URL,))))[-1] == {"role": "user", "content": shown}


def test_a_user_message_without_parts_is_still_a_message() -> None:
    assert messages(user()) == [{"role": "user", "content": ""}]
    assert messages(Message("user", (Text("a"), CALL)))[0]["content"] == "a"
