"""What is written to Chat Completions."""

from __future__ import annotations

import base64
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
from lokid.dialects.openai_chat import KEY, encode
from lokid.dialects.traits import Traits
from lokid.errors import InvalidParams, Unsupported

TRAITS = Traits("m", origin="c:m")
PNG = b"\x89PNG"
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
WEATHER = Tool(
    "weather", "Weather", {"type": "object", "properties": {"city": {"type": "string"}}}, strict=True
)


def user(*parts: Any) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Any) -> Message:
    return replace(user(*parts), role="assistant")


def tool(*results: ToolResult) -> Message:
    return Message("tool", results)


def system(words: str) -> Message:
    return Message("system", (Text(words),))


def ask(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest(model="c:m", messages=messages or (user("hi"),), **more)


def body(request: ChatRequest, traits: Traits = TRAITS, *, stream: bool = False) -> dict[str, Any]:
    return encode(request, traits, stream=stream)


def messages(*given: Message, traits: Traits = TRAITS, **more: Any) -> list[dict[str, Any]]:
    return body(ask(*given, **more), traits)["messages"]  # type: ignore[no-any-return]


def test_nothing_is_sent_that_the_caller_did_not_say() -> None:
    assert body(ask()) == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_a_stream_asks_for_usage() -> None:
    wire = body(ask(), stream=True)
    assert (wire["stream"], wire["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize(
    ("said", "wire"),
    [
        ({"temperature": 0.0}, {"temperature": 0.0}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"stop": ("a", "b")}, {"stop": ["a", "b"]}),
        ({"reasoning": "high"}, {"reasoning_effort": "high"}),
        (
            {"response_schema": ResponseSchema({"type": "object"})},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}},
                }
            },
        ),
        (
            {"response_schema": ResponseSchema({}, "w", strict=True)},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "w", "schema": {}, "strict": True},
                }
            },
        ),
        # Without tools there is nothing to choose from, and OpenAI refuses to be told.
        ({"tool_choice": "auto", "parallel_tool_calls": True}, {}),
    ],
)
def test_settings_of_the_request(said: dict[str, Any], wire: dict[str, Any]) -> None:
    assert body(ask(**said)) == body(ask()) | wire


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        (NamedTool("weather"), {"type": "function", "function": {"name": "weather"}}),
    ],
)
def test_tools_and_their_choice(choice: Any, wire: Any) -> None:
    found = body(ask(tools=(WEATHER, Tool("now")), tool_choice=choice, parallel_tool_calls=False))
    assert found["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Weather",
                "parameters": WEATHER.parameters,
                "strict": True,
            },
        },
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert (found["tool_choice"], found["parallel_tool_calls"]) == (wire, False)


def test_mistral_says_any_for_required() -> None:
    traits = replace(TRAITS, required_choice="any")
    assert body(ask(tools=(WEATHER,), tool_choice="required"), traits)["tool_choice"] == "any"
    assert body(ask(tools=(WEATHER,), tool_choice="auto"), traits)["tool_choice"] == "auto"


def test_the_limit_has_the_name_that_the_model_wants() -> None:
    new = replace(TRAITS, max_tokens_param="max_completion_tokens")
    assert body(ask(max_tokens=5), new)["max_completion_tokens"] == 5
    assert "max_tokens" not in body(ask(max_tokens=5), new)
    needs = replace(TRAITS, needs_max_tokens=True, default_max_tokens=7)
    assert body(ask(), needs)["max_tokens"] == 7
    assert body(ask(max_tokens=5), needs)["max_tokens"] == 5
    with pytest.raises(InvalidParams, match=" c:m needs max_tokens"):  # and not what the server calls it
        body(ask(), replace(needs, default_max_tokens=None, model="arn", origin="c:m"))


def test_images_go_as_data_or_as_the_url_that_the_provider_fetches() -> None:
    parts = ["what", Image("image/png", PNG), Image(url="https://x/y.png"), Image(data=b"")]
    assert messages(user(*parts)) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what"},
                {"type": "image_url", "image_url": {"url": PNG_URL}},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                {"type": "image_url", "image_url": {"url": "data:application/octet-stream;base64,"}},
            ],
        }
    ]


def test_text_alone_is_a_string_because_some_servers_read_nothing_else() -> None:
    assert messages(user("a", "b"), user()) == [
        {"role": "user", "content": "ab"},
        {"role": "user", "content": ""},
    ]


CALL = ToolCall("call_1", "weather", {"city": "Köln"})
CALLED = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
}


def test_text_that_came_with_tool_calls_is_kept() -> None:
    assert messages(assistant("let me see", CALL), assistant(CALL), assistant()) == [
        {"role": "assistant", "content": "let me see", "tool_calls": [CALLED]},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "assistant", "content": ""},
    ]


def test_results_follow_their_calls_and_their_images_come_after_the_last() -> None:
    found = messages(
        assistant(CALL, replace(CALL, id="call_2")),
        tool(ToolResult("call_1", "weather", (Text("see"), Image("image/png", PNG)))),
        tool(ToolResult("call_2", "weather", "21")),
        user("and?"),
    )
    assert found[1:] == [
        {"role": "tool", "tool_call_id": "call_1", "content": "see"},
        {"role": "tool", "tool_call_id": "call_2", "content": "21"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Images of the tool call call_1:"},
                {"type": "image_url", "image_url": {"url": PNG_URL}},
            ],
        },
        {"role": "user", "content": "and?"},
    ]


def test_images_of_the_last_results_come_at_the_end() -> None:
    found = messages(tool(ToolResult("call_1", "weather", (Image("image/png", PNG),))))
    assert [message["role"] for message in found] == ["tool", "user"]


def test_a_failed_tool_says_so_in_words() -> None:
    results = (
        ToolResult("1", "t", "no such city", is_error=True),
        ToolResult("2", "t", "Error: x", is_error=True),
    )
    assert [message["content"] for message in messages(tool(*results))] == ["Error: no such city", "Error: x"]


def test_a_user_message_may_hold_results_and_words() -> None:
    assert messages(user(ToolResult("1", "t", "21"), "thanks")) == [
        {"role": "tool", "tool_call_id": "1", "content": "21"},
        {"role": "user", "content": "thanks"},
    ]


def test_parts_that_cannot_stand_in_a_user_message_are_left_out() -> None:
    assert messages(user(Reasoning("hm"), "hi")) == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_system_text_has_the_role_that_the_model_wants(role: Any) -> None:
    traits = replace(TRAITS, system_role=role, system_prompt_prefix="be brief")
    assert messages(user("hi"), system("now French"), user("ho"), traits=traits, system="you are x") == [
        {"role": role, "content": "be brief\n\nyou are x"},
        {"role": "user", "content": "hi"},
        {"role": role, "content": "now French"},
        {"role": "user", "content": "ho"},
    ]
    assert messages(user("hi"), traits=traits)[0] == {"role": role, "content": "be brief"}


def test_system_text_opens_the_next_user_message_where_the_model_takes_none() -> None:
    traits = replace(TRAITS, system_role="none")
    assert messages(
        user("hi"), system("x"), system("y"), user(Image(url="u")), traits=traits, system="s"
    ) == [
        {"role": "user", "content": "s\n\nhi"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "x\n\ny\n\n"},
                {"type": "image_url", "image_url": {"url": "u"}},
            ],
        },
    ]
    assert messages(assistant("a"), system("s"), traits=traits) == [
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "s"},
    ]


def opaque(**state: Any) -> dict[str, Any]:
    return {KEY: {"origin": "c:m"} | state}


def test_reasoning_goes_back_in_its_field_with_the_calls_that_it_led_to() -> None:
    thought = Reasoning("hm", opaque(field="reasoning_content"))
    more = Reasoning(
        " so", opaque(field="reasoning_content", details=[{"type": "x"}], blocks=[{"type": "y"}])
    )
    assert messages(assistant(thought, more, CALL))[0] == {
        "role": "assistant",
        "content": None,
        "reasoning_content": "hm so",
        "reasoning_details": [{"type": "x"}],
        "thinking_blocks": [{"type": "y"}],
        "tool_calls": [CALLED],
    }
    detail = Reasoning("", opaque(details=[{"type": "x"}]))
    assert messages(assistant(detail, CALL))[0]["reasoning_details"] == [{"type": "x"}]
    assert messages(assistant(thought, "text"))[0] == {"role": "assistant", "content": "text"}


def test_opaque_state_never_goes_to_another_model_or_dialect() -> None:
    for foreign in (
        {KEY: {"origin": "other:m", "field": "reasoning"}},
        opaque(field="role"),
        {"claude": {"signature": "s"}},
        {},
    ):
        assert "reasoning" not in messages(assistant(Reasoning("hm", foreign), CALL))[0]


def test_extra_content_of_a_call_goes_back_with_it() -> None:
    extra = {"extra_content": {"google": {"thought_signature": "s"}}}
    signed = replace(CALL, opaque={KEY: extra})
    assert messages(assistant(signed))[0]["tool_calls"] == [CALLED | extra]
    elsewhere = replace(CALL, opaque={KEY: {"origin": "other:m", **extra}})  # which refuses the field
    assert messages(assistant(elsewhere))[0]["tool_calls"] == [CALLED]


@pytest.mark.parametrize(
    ("lacking", "asked", "words"),
    [
        ({"sampling": False}, {"temperature": 0.5}, "does not accept temperature"),
        ({"sampling": False}, {"top_p": 0.5}, "does not accept top_p"),
        ({"tools": False}, {"tools": (WEATHER,)}, "does not call tools"),
        (
            {"structured_outputs": False},
            {"response_schema": ResponseSchema({})},
            "does not answer to a schema",
        ),
    ],
)
def test_what_the_model_does_not_have_is_refused_and_named(
    lacking: dict[str, Any], asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unsupported, match=words):
        body(ask(**asked), replace(TRAITS, **lacking))
    body(ask(), replace(TRAITS, **lacking))


def test_images_are_refused_for_a_model_that_does_not_see() -> None:
    blind = replace(TRAITS, images=False)
    with pytest.raises(Unsupported, match="does not see images"):
        messages(user(Image(url="u")), traits=blind)
    assert messages(user("hi"), traits=blind)


def test_an_image_inside_a_tool_result_is_an_image() -> None:
    shown = tool(ToolResult("c", "look", (Text("see"), Image(url="u"))))
    blind = replace(TRAITS, images=False)
    with pytest.raises(Unsupported, match="does not see images"):
        messages(shown, traits=blind)
    assert messages(tool(ToolResult("c", "look", "nothing")), traits=blind)
