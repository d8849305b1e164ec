"""What is written to Responses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lokid.chat import (
    ChatRequest,
    Image,
    Message,
    NamedTool,
    Part,
    Reasoning,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.dialects.openai_responses import KEY, encode
from lokid.dialects.traits import Traits
from lokid.errors import Unsupported

TRAITS = Traits("m", origin="c:m", reasons=True)
CALL = ToolCall("call_1", "weather", {"city": "Köln"})
CALLED = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Köln"}'}
ITEM = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}


def message(role: Any, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def body(*messages: Message, traits: Traits = TRAITS, stream: bool = False, **more: Any) -> dict[str, Any]:
    return encode(ChatRequest("c:m", messages or (message("user", "hi"),), **more), traits, stream=stream)


def sent(*messages: Message, **more: Any) -> list[Any]:
    return body(*messages, **more)["input"]  # type: ignore[no-any-return]


def thought(text: str = "", origin: str = "c:m") -> Reasoning:
    return Reasoning(text, {KEY: {"origin": origin, "item": ITEM}})


def test_nothing_is_stored_and_reasoning_comes_encrypted() -> None:
    assert body() == {
        "model": "m",
        "input": [{"role": "user", "content": "hi"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    assert "include" not in body(traits=replace(TRAITS, reasons=False))
    assert body(stream=True)["stream"] is True


@pytest.mark.parametrize(
    ("said", "wire"),
    [
        ({"system": "s"}, {"instructions": "s"}),
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"max_tokens": 9}, {"max_output_tokens": 9}),
        ({"reasoning": "high"}, {"reasoning": {"effort": "high", "summary": "auto"}}),
        ({"reasoning": "off"}, {"reasoning": {"effort": "none"}}),
        (
            {"response_schema": ResponseSchema({"type": "object"}, "w", strict=True)},
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "w",
                        "strict": True,
                        "schema": {"type": "object"},
                    }
                }
            },
        ),
        ({"tool_choice": "auto"}, {}),
    ],
)
def test_settings_of_the_request(said: dict[str, Any], wire: dict[str, Any]) -> None:
    assert body(**said) == body() | wire


def test_tools_are_flat() -> None:
    found = body(
        tools=(Tool("a", "A", {"type": "object"}, strict=False), Tool("b")),
        tool_choice=NamedTool("a"),
        parallel_tool_calls=True,
    )
    assert found["tools"] == [
        {
            "type": "function",
            "name": "a",
            "description": "A",
            "parameters": {"type": "object"},
            "strict": False,
        },
        {"type": "function", "name": "b", "parameters": {"type": "object", "properties": {}}},
    ]
    assert found["tool_choice"] == {"type": "function", "name": "a"}
    assert found["parallel_tool_calls"] is True
    assert body(tools=(Tool("b"),), tool_choice="required")["tool_choice"] == "required"


def test_images_and_texts_of_the_user() -> None:
    parts = ("what", Image("image/png", b"\x89"), Image(url="https://x/y.png"), Reasoning("not his"))
    assert sent(message("user", *parts), message("user"), message("user", "a", "b")) == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "what"},
                {"type": "input_image", "image_url": "data:image/png;base64,iQ==", "detail": "auto"},
                {"type": "input_image", "image_url": "https://x/y.png", "detail": "auto"},
            ],
        },
        {"role": "user", "content": ""},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
        },
    ]


def test_reasoning_goes_back_directly_before_what_it_led_to() -> None:
    assert sent(message("assistant", thought(), "a", thought(), CALL)) == [
        ITEM,
        {"role": "assistant", "content": "a"},
        ITEM,
        CALLED,
    ]


def test_reasoning_that_led_to_nothing_stays_at_home() -> None:
    assert sent(message("assistant", "a", thought())) == [{"role": "assistant", "content": "a"}]


@pytest.mark.parametrize(
    "part", [thought(origin="other:m"), Reasoning("hm"), Reasoning("hm", {"claude": {}})]
)
def test_reasoning_never_goes_to_another_model_or_dialect(part: Part) -> None:
    assert sent(message("assistant", part, CALL)) == [CALLED]


def test_the_phase_of_a_text_goes_back() -> None:
    text = Text("a", {KEY: {"phase": "commentary"}})
    assert sent(message("assistant", text)) == [{"role": "assistant", "content": "a", "phase": "commentary"}]


def test_parts_that_an_assistant_cannot_say_are_left_out() -> None:
    foreign = Reasoning("of another", {"other": {}})
    assert sent(message("assistant", foreign, "a")) == [{"role": "assistant", "content": "a"}]


def test_results_of_tools() -> None:
    results = (
        ToolResult("1", "t", "21"),
        ToolResult("2", "t", "no", is_error=True),
        ToolResult("3", "t", (Text("see"), Image(url="u"))),
        ToolResult("4", "t", (Image(url="u"),)),
    )
    image = {"type": "input_image", "image_url": "u", "detail": "auto"}
    assert sent(Message("tool", results)) == [
        {"type": "function_call_output", "call_id": "1", "output": "21"},
        {"type": "function_call_output", "call_id": "2", "output": "Error: no"},
        {
            "type": "function_call_output",
            "call_id": "3",
            "output": [{"type": "input_text", "text": "see"}, image],
        },
        {"type": "function_call_output", "call_id": "4", "output": [image]},
    ]


def test_system_messages_in_the_middle_keep_their_place() -> None:
    developer = replace(TRAITS, system_role="developer", system_prompt_prefix="p")
    found = body(message("user", "hi"), message("system", "s"), traits=developer, system="x")
    assert found["instructions"] == "p\n\nx"
    assert found["input"][1] == {"role": "developer", "content": "s"}


def test_system_text_opens_the_next_user_message_where_the_model_takes_none() -> None:
    none = replace(TRAITS, system_role="none")
    found = body(message("user", "hi"), message("system", "s"), traits=none, system="x")
    assert "instructions" not in found
    text = [{"type": "input_text", "text": words} for words in ("x", "hi")]
    assert found["input"] == [{"role": "user", "content": text}, {"role": "user", "content": "s"}]


def test_stop_sequences_do_not_exist_here() -> None:
    with pytest.raises(Unsupported, match="no stop sequences"):
        body(stop=("a",))
    with pytest.raises(Unsupported, match="temperature"):
        body(temperature=1.0, traits=replace(TRAITS, sampling=False))


@pytest.mark.parametrize("kind", ["item_reference", "message", "file_search_call", None])
def test_state_that_no_answer_held_cannot_name_what_is_stored_at_the_provider(kind: str | None) -> None:
    item = {"type": kind, "id": "msg_of_somebody", "content": [{"type": "input_file", "file_id": "f"}]}
    part = Reasoning("", {KEY: {"origin": "c:m", "item": item}})
    assert "somebody" not in str(sent(message("assistant", part, "a")))
