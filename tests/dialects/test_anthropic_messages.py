"""What is written to Anthropic Messages."""

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
from lokid.chat.decode import chat_request
from lokid.chat.encode import message as encode_message
from lokid.dialects.anthropic_messages import KEY, MAX_TOKENS, encode, hosted
from lokid.dialects.traits import Traits
from lokid.errors import InvalidParams, Unsupported
from tests.fakes.messages import whole_of

TRAITS = Traits("m", origin="c:m", default_max_tokens=64_000)
ADAPTIVE = replace(TRAITS, thinking="adaptive")
HI = {"role": "user", "content": "hi"}
CALL = ToolCall("toolu_1", "weather", {"city": "Köln"})
CALLED = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"}}


def message(role: Any, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def body(*messages: Message, traits: Traits = TRAITS, stream: bool = False, **more: Any) -> dict[str, Any]:
    return encode(ChatRequest("c:m", messages or (message("user", "hi"),), **more), traits, stream=stream)


def sent(*messages: Message, **more: Any) -> list[Any]:
    return body(*messages, **more)["messages"]  # type: ignore[no-any-return]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def opaque(origin: str = "c:m", **state: Any) -> dict[str, Any]:
    return {KEY: {"origin": origin, **state}}


def test_the_smallest_request() -> None:
    assert body() == {"model": "m", "max_tokens": 64_000, "messages": [HI]}
    assert body(stream=True) == body() | {"stream": True}


def test_a_limit_is_always_sent() -> None:
    """Loki left it out unless told otherwise, and the API refuses that."""
    assert body(max_tokens=5)["max_tokens"] == 5
    assert body(traits=replace(TRAITS, default_max_tokens=None))["max_tokens"] == MAX_TOKENS


def test_what_the_caller_sets_is_sent_under_its_name() -> None:
    found = body(system="s", temperature=0.0, top_p=0.5, stop=("END",))
    assert found["system"] == "s"
    assert (found["temperature"], found["top_p"], found["stop_sequences"]) == (0.0, 0.5, ["END"])


def test_a_cloud_that_names_the_model_in_the_path() -> None:
    found = body(stream=True)
    assert hosted(found, "v") == {
        "max_tokens": 64_000, "messages": [HI], "stream": True, "anthropic_version": "v",
    }  # fmt: skip
    assert hosted(found, "v", stream=False) == {
        "max_tokens": 64_000, "messages": [HI], "anthropic_version": "v",
    }  # fmt: skip


# --- system text


def test_system_text_stands_in_front_and_later_system_messages_keep_their_place() -> None:
    found = body(
        message("system", "b"), message("user", "hi"), message("assistant", "yo"),
        message("system", "c"), message("user", "go"), message("system", "d"),
        system="a", traits=replace(TRAITS, system_prompt_prefix="p"),
    )  # fmt: skip
    assert found["system"] == "p\n\na\n\nb"
    assert found["messages"] == [
        HI,
        {"role": "assistant", "content": "yo"},
        {"role": "user", "content": [text("c"), text("go"), text("d")]},
    ]


def test_without_a_system_role_the_first_user_message_has_it() -> None:
    folded = body(system="a", traits=replace(TRAITS, system_role="none"))
    assert "system" not in folded
    assert folded["messages"] == [{"role": "user", "content": [text("a"), text("hi")]}]
    assert sent(message("system", "a"), traits=replace(TRAITS, system_role="none")) == [
        {"role": "user", "content": "a"}
    ]
    assert sent(traits=replace(TRAITS, system_role="none")) == [HI]


# --- images


def test_images_are_bytes_or_urls() -> None:
    """Loki refused URLs, which Claude takes."""
    png = Image("image/png", b"\x89PNG\r\n")
    found = sent(message("user", "a", png, Image(url="https://x/a.png"), Image("image/jpg", b"\xff")))
    assert found[0]["content"] == [
        text("a"),
        PNG,
        {"type": "image", "source": {"type": "url", "url": "https://x/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/w=="}},
    ]


def test_images_that_it_does_not_take_are_refused_with_what_it_takes() -> None:
    with pytest.raises(Unsupported, match="image/bmp") as error:
        sent(message("user", Image("image/bmp", b"x")))
    assert "image/webp" in (error.value.hint or "")
    with pytest.raises(Unsupported, match="URL"):
        sent(message("user", Image(url="https://x")), traits=replace(TRAITS, image_urls=False))


# --- tools


def test_results_stand_together_in_front_of_what_the_user_says() -> None:
    found = sent(
        message("user", "hi"),
        message("assistant", "let me see", CALL, ToolCall("toolu_2", "now", {})),
        message("tool", ToolResult("toolu_1", "weather", "21")),
        message("user", "and?"),
        message(
            "tool",
            ToolResult("toolu_2", "now", (Text("late"), Text(" "), Image("image/png", b"\x89PNG\r\n"))),
        ),
    )
    assert found == [
        HI,
        {
            "role": "assistant",
            "content": [
                text("let me see"),
                CALLED,
                {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "21"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [text("late"), PNG]},
                text("and?"),
            ],
        },
    ]


def test_a_tool_that_failed_is_said_to_have_failed() -> None:
    """Loki never set is_error."""
    [found] = sent(message("tool", ToolResult("t", "x", "boom", is_error=True)))
    assert found["content"] == [
        {"type": "tool_result", "tool_use_id": "t", "content": "boom", "is_error": True}
    ]


def test_ids_of_other_providers_are_made_acceptable_at_both_ends() -> None:
    found = sent(
        message("assistant", ToolCall("functions.now:0", "now", {})),
        message("tool", ToolResult("functions.now:0", "now", "x")),
    )
    assert found[0]["content"][0]["id"] == found[1]["content"][0]["tool_use_id"] == "functions_now_0"


def test_tools_always_have_the_schema_of_an_object() -> None:
    nested = {"properties": {"a": {"type": "object", "properties": {}}}}
    found = body(tools=(Tool("a", "A", nested), Tool("b", parameters={"type": "object"}), Tool("c")))["tools"]
    assert found == [
        {"name": "a", "description": "A", "input_schema": {"type": "object", **nested}},
        {"name": "b", "input_schema": {"type": "object"}},
        {"name": "c", "input_schema": {"type": "object", "properties": {}}},
    ]


def test_strict_tools_have_closed_schemas() -> None:
    [found] = body(tools=(Tool("a", parameters={"properties": {}}, strict=True),))["tools"]
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    assert found == {"name": "a", "input_schema": closed, "strict": True}
    [found] = body(tools=(Tool("a", strict=False),))["tools"]
    assert found["strict"] is False
    assert "additionalProperties" not in found["input_schema"]
    with pytest.raises(Unsupported, match="strict"):
        body(tools=(Tool("a", strict=True),), traits=replace(TRAITS, structured_outputs=False))


@pytest.mark.parametrize(
    ("choice", "parallel", "wire"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("auto", None, {"type": "auto"}),
        ("auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", True, {"type": "any"}),
        ("none", False, {"type": "none"}),
        (NamedTool("a"), False, {"type": "tool", "name": "a", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_of_tools(choice: Any, parallel: bool | None, wire: Any) -> None:
    found = body(tools=(Tool("a"),), tool_choice=choice, parallel_tool_calls=parallel)
    assert found.get("tool_choice") == wire


def test_without_tools_there_is_no_choice() -> None:
    assert "tool_choice" not in body(parallel_tool_calls=False)


# --- schemas


def test_a_schema_is_closed_everywhere_unless_it_says_otherwise() -> None:
    open_object: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "properties": {"type": ["object", "null"]},
            "list": {"type": "array", "items": {"properties": {}}, "prefixItems": [{"type": "object"}]},
            "any": {"anyOf": [{"type": "object"}, True], "enum": [{"type": "object"}]},
            "open": open_object,
        },
        "$defs": {"d": {"type": "object", "properties": None}},
        "default": {"type": "object"},
    }
    sealed = {"additionalProperties": False}
    found = body(response_schema=ResponseSchema(schema))["output_config"]
    assert found == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {
                    "properties": {"type": ["object", "null"]} | sealed,
                    "list": {
                        "type": "array",
                        "items": {"properties": {}} | sealed,
                        "prefixItems": [{"type": "object"} | sealed],
                    },
                    "any": {"anyOf": [{"type": "object"} | sealed, True], "enum": [{"type": "object"}]},
                    "open": open_object,
                },
                "$defs": {"d": {"type": "object", "properties": None} | sealed},
                "default": {"type": "object"},
            }
            | sealed,
        }
    }
    assert schema.keys() == {"type", "properties", "$defs", "default"}, "the caller's stays as it is"
    loose = body(response_schema=ResponseSchema(schema, strict=False))["output_config"]["format"]
    assert loose["schema"] == schema


# --- reasoning


@pytest.mark.parametrize(
    ("asked", "limit", "budget", "sent_limit"),
    [
        ("low", None, 1024, 64_000),
        ("medium", None, 8192, 64_000),
        ("high", None, 24_576, 64_000),
        (5000, None, 5000, 64_000),
        (1, None, 1024, 64_000),
        (70_000, None, 70_000, 74_096),
        ("high", 10_000, 5000, 10_000),
        ("high", 1500, 1024, 1500),
        (5000, 5001, 5000, 5001),
    ],
)
def test_models_up_to_4_5_get_a_budget_below_the_limit(
    asked: Any, limit: int | None, budget: int, sent_limit: int
) -> None:
    found = body(reasoning=asked, max_tokens=limit)
    assert found["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert found["max_tokens"] == sent_limit
    assert "output_config" not in found


@pytest.mark.parametrize(("asked", "limit"), [("low", 1024), (5000, 5000)])
def test_a_limit_that_leaves_nothing_for_the_answer_is_refused(asked: Any, limit: int) -> None:
    with pytest.raises(InvalidParams, match="max_tokens"):
        body(reasoning=asked, max_tokens=limit)


@pytest.mark.parametrize(("asked", "effort"), [("low", "low"), ("high", "high"), (8000, "medium")])
def test_models_from_4_7_on_get_an_effort_and_never_a_budget(asked: Any, effort: str) -> None:
    """A budget is a 400 there, and thoughts are left out unless asked for."""
    found = body(reasoning=asked, traits=ADAPTIVE, response_schema=ResponseSchema({"type": "string"}))
    assert found["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert found["output_config"] == {
        "effort": effort,
        "format": {"type": "json_schema", "schema": {"type": "string"}},
    }


@pytest.mark.parametrize(
    ("traits", "thinking"),
    [
        (TRAITS, None),
        (replace(TRAITS, efforts=()), None),
        (ADAPTIVE, {"type": "disabled"}),
        (replace(ADAPTIVE, efforts=("minimal", "low")), {"type": "between_tools"}),
    ],
)
@pytest.mark.parametrize("off", ["off", 0])
def test_off_is_said_where_thinking_is_on_by_default(traits: Traits, thinking: Any, off: Any) -> None:
    found = body(reasoning=off, temperature=0.5, traits=traits)
    assert found.get("thinking") == thinking
    assert "output_config" not in found


def test_a_model_that_always_or_never_thinks_says_so() -> None:
    with pytest.raises(Unsupported, match="always"):
        body(reasoning="off", traits=replace(ADAPTIVE, efforts=("low", "high")))
    with pytest.raises(Unsupported, match="does not reason"):
        body(reasoning="low", traits=replace(TRAITS, efforts=()))


@pytest.mark.parametrize("traits", [TRAITS, ADAPTIVE])
def test_what_the_api_refuses_together_with_thinking(traits: Traits) -> None:
    with pytest.raises(Unsupported, match="temperature"):
        body(reasoning="low", temperature=0.5, traits=traits)
    assert body(reasoning="low", temperature=1, traits=traits)["temperature"] == 1
    for forced in ("required", NamedTool("a")):
        with pytest.raises(Unsupported, match="call a tool"):
            body(reasoning="low", tools=(Tool("a"),), tool_choice=forced, traits=traits)
    assert body(reasoning="low", tools=(Tool("a"),), tool_choice="auto", traits=traits)


@pytest.mark.parametrize("efforts", [("low", "high"), ("minimal", "low", "high")])
def test_a_model_that_always_thinks_cannot_be_made_to_call_a_tool(efforts: tuple[str, ...]) -> None:
    always = replace(ADAPTIVE, efforts=efforts)
    for forced in ("required", NamedTool("a")):
        with pytest.raises(Unsupported, match="always"):
            body(tools=(Tool("a"),), tool_choice=forced, traits=always)
        assert body(tools=(Tool("a"),), tool_choice=forced, traits=ADAPTIVE)["tool_choice"]
    assert body(tools=(Tool("a"),), tool_choice="auto", traits=always)["tool_choice"]


def test_newer_models_refuse_sampling_and_those_before_both_at_once() -> None:
    with pytest.raises(Unsupported, match="temperature"):
        body(temperature=0.5, traits=replace(TRAITS, sampling=False))
    one = replace(TRAITS, one_sampling=True)
    with pytest.raises(Unsupported, match="together"):
        body(temperature=0.5, top_p=0.5, traits=one)
    assert body(temperature=0.5, traits=one)["temperature"] == 0.5


# --- answers that go back


def test_thinking_goes_back_with_its_signature_in_its_place() -> None:
    """Loki dropped it, so tool loops with thinking failed."""
    hidden = {"type": "redacted_thinking", "data": "abc"}
    answer = message(
        "assistant",
        Reasoning("hmm", opaque(signature="sig")),
        Reasoning("", opaque(block=hidden)),
        "ok",
        CALL,
    )
    assert sent(answer)[0]["content"] == [
        {"type": "thinking", "thinking": "hmm", "signature": "sig"},
        hidden,
        text("ok"),
        CALLED,
    ]


def test_what_has_to_go_back_survives_the_way_through_the_callers_program() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hmm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "abc"},
        {"type": "text", "text": "ok", "citations": [{"x": 1}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}, "caller": {"type": "x"}},
    ]
    whole = {"content": blocks, "stop_reason": "tool_use", "usage": {"input_tokens": 1}}
    answer = whole_of(whole).answer
    params = {"model": "c:m", "messages": [encode_message(answer.message)]}
    assert sent(*chat_request(params).messages) == [{"role": "assistant", "content": blocks}]


def test_what_another_model_thought_stays_here() -> None:
    other = message(
        "assistant",
        Reasoning("hmm", opaque("c:other", signature="sig")),
        Reasoning("", opaque("c:other", block={"type": "redacted_thinking"})),
        Reasoning("plain"),
        Reasoning("broken", {KEY: "x"}),
        Text("ok", opaque("c:other", citations=[{"x": 1}])),
        ToolCall("t", "f", {}, opaque("c:other", more={"caller": {}})),
    )
    assert sent(other)[0]["content"] == [
        text("ok"),
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ]


def test_citations_and_callers_go_back_where_they_came_from() -> None:
    caller = {"caller": {"type": "code_execution_20260120", "tool_id": "s"}}
    answer = message(
        "assistant", Text("ok", opaque(citations=[{"x": 1}])), ToolCall("t", "f", {}, opaque(more=caller))
    )
    assert sent(answer)[0]["content"] == [
        {"type": "text", "text": "ok", "citations": [{"x": 1}]},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}, **caller},
    ]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}},
        {"type": "container_upload", "file_id": "file_1"},
        {"type": "redacted_thinking", "data": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {
            "type": "web_fetch_tool_result",
            "tool_use_id": "w",
            "content": {"content": {"type": "document", "source": {"type": "file", "file_id": "file_1"}}},
        },
    ],
)
def test_no_file_of_the_keys_owner_is_named_by_a_block_that_a_caller_made_up(block: dict[str, Any]) -> None:
    """No model answers with one, and the extra socket's callers may not read what its owner may."""
    call = ToolCall("t", "f", {}, opaque(more=block))
    [turn] = sent(message("assistant", Reasoning("", opaque(block=block)), "hello", call))
    assert [one["type"] for one in turn["content"]] == ["text", "tool_use"]
    assert turn["content"][1].keys() == {"type", "id", "name", "input"}
    made = {"type": "code_execution_output", "file_id": "file_2"}
    ran = {"type": "code_execution_tool_result", "tool_use_id": "s", "content": {"content": [made]}}
    found = {
        "type": "web_search_tool_result",
        "content": [{"type": "web_search_result", "url": "https://x.org"}],
    }
    for block in (ran, found):
        assert sent(message("assistant", Reasoning("", opaque(block=block))))[0]["content"] == [block]


def test_empty_texts_and_answers_are_left_out_because_they_are_refused() -> None:
    found = sent(
        message("user", "hi", ""),
        message("assistant"),
        message("user", "there"),
        message("assistant", "\n\n", "yes", Text("declined", opaque(explains="refusal"))),
        message("assistant", Reasoning("without a signature")),
        message("user", Reasoning("no place for it")),
    )
    assert found == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": "yes"},
    ]
