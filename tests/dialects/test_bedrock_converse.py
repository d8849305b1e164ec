"""What is written to Converse."""

from __future__ import annotations

import base64
import json
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
from lokid.dialects.bedrock_converse import KEY, Reasons, encode
from lokid.dialects.traits import Traits
from lokid.errors import InvalidParams, Unsupported

TRAITS = Traits("m", origin="c:m")
ADAPTIVE = replace(TRAITS, thinking="adaptive", efforts=("none", "low", "medium", "high", "max"))
WEATHER = Tool("weather", "Weather", {"properties": {"city": {"type": "string"}}})
CALL = ToolCall("t1", "weather", {"city": "Oslo"})


def user(*parts: Any) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Any) -> Message:
    return replace(user(*parts), role="assistant")


def tool(content: Any, name: str = "weather", **more: Any) -> Message:
    return Message("tool", (ToolResult("t1", name, content, **more),))


def system(words: str) -> Message:
    return Message("system", (Text(words),))


def body(
    *given: Message, traits: Traits = TRAITS, reasons: Reasons = "claude", **more: Any
) -> dict[str, Any]:
    return encode(ChatRequest("c:m", given or (user("hi"),), **more), traits, reasons)


def messages(*given: Message, **more: Any) -> list[dict[str, Any]]:
    return body(*given, **more)["messages"]  # type: ignore[no-any-return]


def content(*given: Message, **more: Any) -> list[dict[str, Any]]:
    """Of the last message."""
    return messages(*given, **more)[-1]["content"]  # type: ignore[no-any-return]


def opaque(origin: str = "c:m", **state: Any) -> dict[str, Any]:
    return {KEY: {"origin": origin, **state}}


# --- plain


def test_nothing_is_sent_that_the_caller_did_not_say() -> None:
    assert body() == {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("said", "wire"),
    [
        ({"temperature": 0.0}, {"temperature": 0.0}),
        ({"top_p": 0.5}, {"topP": 0.5}),
        ({"max_tokens": 9}, {"maxTokens": 9}),
        ({"stop": ("a", "b")}, {"stopSequences": ["a", "b"]}),
    ],
)
def test_settings_of_the_inference_have_their_names(said: dict[str, Any], wire: dict[str, Any]) -> None:
    assert body(**said)["inferenceConfig"] == wire


def test_a_limit_is_sent_where_the_model_needs_one() -> None:
    traits = replace(TRAITS, needs_max_tokens=True, default_max_tokens=77)
    assert body(traits=traits)["inferenceConfig"] == {"maxTokens": 77}


def test_system_text_stands_apart() -> None:
    traits = replace(TRAITS, system_prompt_prefix="P")
    wire = body(system("b"), user("hi"), system("late"), traits=traits, system="a")
    assert wire["system"] == [{"text": "P\n\na\n\nb"}]
    assert wire["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "late"}]}]


def test_blank_system_text_is_refused_there_so_it_is_left_out() -> None:
    assert "system" not in body(system=" \n")


def test_a_model_without_a_system_prompt_gets_it_from_the_user() -> None:
    wire = body(user("hi"), traits=replace(TRAITS, system_role="none"), system="be short")
    assert "system" not in wire
    assert wire["messages"] == [{"role": "user", "content": [{"text": "be short"}, {"text": "hi"}]}]


def test_roles_alternate_and_blank_texts_are_left_out() -> None:
    wire = messages(
        user("a"), user(" "), assistant(" "), user("b"), assistant("c"), assistant("d"), user("e")
    )
    assert [(m["role"], [b["text"] for b in m["content"]]) for m in wire] == [
        ("user", ["a", "b"]),
        ("assistant", ["c", "d"]),
        ("user", ["e"]),
    ]


def test_what_a_user_cannot_say_is_not_sent() -> None:
    assert content(user(Reasoning("hmm"), "hi")) == [{"text": "hi"}]


# --- images


@pytest.mark.parametrize("kind", ["jpeg", "jpg"])
def test_the_format_of_a_photograph_is_jpeg_never_jpg(kind: str) -> None:
    """Loki sends "jpg", which Bedrock refuses."""
    assert content(user(Image(f"image/{kind}", b"x"))) == [
        {"image": {"format": "jpeg", "source": {"bytes": base64.b64encode(b"x").decode()}}}
    ]


def test_images_by_url_and_of_other_types_are_unsupported() -> None:
    with pytest.raises(Unsupported, match="by URL") as error:
        body(user(Image(url="https://example.org/a.png")))
    assert error.value.hint == "send the bytes of the image"
    with pytest.raises(Unsupported, match="image/tiff"):
        body(user(Image("image/tiff", b"x")))
    with pytest.raises(Unsupported, match="None"):
        body(user(Image(None, b"x")))


def test_what_the_model_does_not_have_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="temperature"):
        body(traits=replace(TRAITS, sampling=False), temperature=1)


# --- tools


def test_tools_have_their_schema() -> None:
    bare = Tool("bare", description="")
    strict = replace(WEATHER, strict=True)
    specs = [entry["toolSpec"] for entry in body(tools=(WEATHER, bare, strict))["toolConfig"]["tools"]]
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    assert specs == [
        {"name": "weather", "description": "Weather", "inputSchema": {"json": schema}},
        {"name": "bare", "inputSchema": {"json": {"type": "object", "properties": {}}}},
        {
            "name": "weather",
            "description": "Weather",
            "inputSchema": {"json": {**schema, "additionalProperties": False}},
            "strict": True,
        },
    ]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        (NamedTool("weather"), {"tool": {"name": "weather"}}),
        (None, None),
    ],
)
def test_a_choice_of_tools_is_a_union(choice: Any, wire: Any) -> None:
    assert body(tools=(WEATHER,), tool_choice=choice)["toolConfig"].get("toolChoice") == wire


def test_no_tools_are_left_out_where_the_history_has_none() -> None:
    assert "toolConfig" not in body(tools=(WEATHER,), tool_choice="none")
    assert "toolConfig" not in body()


@pytest.mark.parametrize("more", [{}, {"tools": (WEATHER,), "tool_choice": "none"}])
def test_calls_in_the_history_never_stand_without_a_tool_config(more: dict[str, Any]) -> None:
    """A history with calls is refused without it, and so is an empty one."""
    [spec] = body(user("hi"), assistant(CALL), tool("{}"), **more)["toolConfig"]["tools"]
    assert spec["toolSpec"]["name"] == "weather"
    assert "do not call" in spec["toolSpec"]["description"]


def test_parallel_calls_cannot_be_turned_off() -> None:
    with pytest.raises(Unsupported, match="several tools at once"):
        body(tools=(WEATHER,), parallel_tool_calls=False)
    assert "toolConfig" in body(tools=(WEATHER,), parallel_tool_calls=True)


def test_calls_go_back_with_their_input() -> None:
    assert messages(user("hi"), assistant("let me see", CALL), tool("21"))[1]["content"] == [
        {"text": "let me see"},
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}},
    ]


@pytest.mark.parametrize(
    ("said", "wire"),
    [
        ('{"a": 1}', {"json": {"a": 1}}),
        ("a plain string", {"text": "a plain string"}),
        ("[1]", {"text": "[1]"}),
        ("{no json", {"text": "{no json"}),
        ('{"a":' * 40 + "1" + "}" * 40, {"text": '{"a":' * 40 + "1" + "}" * 40}),
        ("", {"json": {}}),
    ],
)
def test_only_objects_are_results_as_json(said: str, wire: dict[str, Any]) -> None:
    """Loki sends any JSON value as ``json``."""
    [block] = content(user("hi"), assistant(CALL), tool(said))
    assert block == {"toolResult": {"toolUseId": "t1", "content": [wire]}}


def test_results_have_images_and_errors() -> None:
    parts = (Text("see"), Text(" "), Image("image/png", b"x"))
    [block] = content(user("hi"), assistant(CALL), tool(parts, is_error=True))
    assert block["toolResult"]["status"] == "error"
    assert [list(entry) for entry in block["toolResult"]["content"]] == [["text"], ["image"]]
    [block] = content(user("hi"), assistant(CALL), tool((Text(" "),)))
    assert block["toolResult"]["content"] == [{"json": {}}]


def test_results_stand_together_before_what_the_user_says() -> None:
    wire = content(user("hi"), assistant(CALL), user("and"), tool("21"))
    assert [list(block) for block in wire] == [["toolResult"], ["text"]]


def test_ids_of_other_providers_are_made_fit_alike_at_both_ends() -> None:
    long = "call|" + "x" * 70
    call = replace(CALL, id=long)
    wire = messages(user("hi"), assistant(call), Message("tool", (ToolResult(long, "weather", "1"),)))
    given = wire[1]["content"][0]["toolUse"]["toolUseId"]
    assert given == wire[2]["content"][0]["toolResult"]["toolUseId"]
    assert len(given) == 64
    assert content(user("hi"), assistant(replace(CALL, id="")))[0]["toolUse"]["toolUseId"] == "_"
    assert (
        content(user("hi"), assistant(replace(CALL, id="a|b:c.d-e")))[0]["toolUse"]["toolUseId"]
        == "a_b:c.d-e"
    )


# --- schemas


def test_the_schema_of_an_answer_is_text_and_closed() -> None:
    """Loki sends none, and no effort."""
    schema = {"type": "object", "properties": {"a": {"type": "object"}}}
    form = body(response_schema=ResponseSchema(schema, "weather"))["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    wire = form["structure"]["jsonSchema"]
    assert wire["name"] == "weather"
    assert json.loads(wire["schema"]) == {
        "type": "object",
        "properties": {"a": {"type": "object", "additionalProperties": False}},
        "additionalProperties": False,
    }
    open_ = body(response_schema=ResponseSchema(schema, strict=False))["outputConfig"]["textFormat"]
    assert json.loads(open_["structure"]["jsonSchema"]["schema"]) == schema


# --- reasoning


def test_claude_reasons_with_a_budget_that_its_limit_holds() -> None:
    wire = body(reasoning=2000)
    assert wire["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert wire["inferenceConfig"]["maxTokens"] > 2000
    assert body(reasoning=2000, max_tokens=4000)["inferenceConfig"] == {"maxTokens": 4000}
    with pytest.raises(InvalidParams, match="max_tokens"):
        body(reasoning=2000, max_tokens=2000)


def test_claude_reasons_by_effort_without_a_limit() -> None:
    wire = body(reasoning="high", traits=ADAPTIVE)
    assert wire["additionalModelRequestFields"]["thinking"]["type"] == "adaptive"
    assert wire["outputConfig"] == {"effort": "high"}
    assert "inferenceConfig" not in wire
    off = body(reasoning="off", traits=ADAPTIVE)
    assert off["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
    assert "additionalModelRequestFields" not in body(reasoning="off")


def test_what_claude_refuses_while_it_reasons_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="temperature"):
        body(reasoning=2000, temperature=0.5)


def test_other_models_are_asked_to_reason_as_their_makers_have_it() -> None:
    openai = body(reasoning="low", reasons="openai")
    assert openai["additionalModelRequestFields"] == {"reasoning_effort": "low"}
    nova = body(reasoning="high", reasons="nova")
    config = {"type": "enabled", "maxReasoningEffort": "high"}
    assert nova["additionalModelRequestFields"] == {"reasoningConfig": config}
    off = body(reasoning="off", reasons="nova")
    assert off["additionalModelRequestFields"] == {"reasoningConfig": {"type": "disabled"}}


def test_a_model_that_nobody_knows_is_not_asked_in_silence() -> None:
    with pytest.raises(Unsupported, match="not known how m is asked") as error:
        body(reasoning="low", reasons="unknown")
    assert "reasoning_style" in str(error.value.hint)
    assert body(reasoning="off", reasons="unknown") == body()
    with pytest.raises(Unsupported, match="does not reason"):
        body(reasoning="low", reasons="openai", traits=replace(TRAITS, efforts=()))


# --- opaque state


def test_signed_and_hidden_reasoning_goes_back_to_its_origin_only() -> None:
    """Loki drops the signature, and the next request of a tool loop fails."""
    signed = Reasoning("hmm", opaque(signature="sig=="))
    hidden = Reasoning("", opaque(redacted="abc="))
    kept = Reasoning("", opaque(block={"toolUse": {"toolUseId": "s1", "type": "server_tool_use"}}))
    assert content(user("hi"), assistant(signed, hidden, kept, "so", CALL))[:3] == [
        {"reasoningContent": {"reasoningText": {"text": "hmm", "signature": "sig=="}}},
        {"reasoningContent": {"redactedContent": "abc="}},
        {"toolUse": {"toolUseId": "s1", "type": "server_tool_use"}},
    ]
    other = replace(TRAITS, origin="d:m")
    assert content(user("hi"), assistant(signed, hidden, kept, "so"), traits=other) == [{"text": "so"}]


def test_no_object_of_the_account_is_named_by_a_block_that_a_caller_made_up() -> None:
    """No model answers with one, and the extra socket's callers may not read what the account may."""
    source = {"s3Location": {"uri": "s3://private/paper.pdf"}}
    block = {"document": {"format": "pdf", "name": "paper", "source": source}}
    for made in (block, {"toolResult": {"toolUseId": "t", "content": [block]}}):
        kept = Reasoning("", opaque(block=made))
        assert content(user("hi"), assistant(kept, "so")) == [{"text": "so"}]


@pytest.mark.parametrize(
    "block",
    [
        {"cachePoint": {"type": "default"}},
        {"document": {"format": "pdf", "name": "a", "source": {"bytes": "QQ=="}}},
        {"video": {"format": "mp4", "source": {"bytes": "QQ=="}}},
        {"audio": {"format": "mp3", "source": {"bytes": "QQ=="}}},
    ],
)
def test_no_film_document_or_dearer_cache_is_named_by_a_block_that_a_caller_made_up(
    block: dict[str, Any],
) -> None:
    """The extra socket's callers have a budget, and no model answers with one of these."""
    for made in (block, {"toolResult": {"toolUseId": "t", "content": [block]}}):
        kept = Reasoning("", opaque(block=made))
        assert content(user("hi"), assistant(kept, "so")) == [{"text": "so"}]
    asks = {"toolUse": {"toolUseId": "s1", "input": {"document": "a", "video": {"name": "b"}}}}
    assert content(user("hi"), assistant(Reasoning("", opaque(block=asks)), "so"))[0] == asks


def test_reasoning_without_a_signature_stays_here() -> None:
    assert content(user("hi"), assistant(Reasoning("hmm"), "so")) == [{"text": "so"}]


def test_citations_go_back_with_their_text() -> None:
    cited = Text("so", opaque(citations=[{"title": "t"}]))
    block = {"citationsContent": {"content": [{"text": "so"}], "citations": [{"title": "t"}]}}
    assert content(user("hi"), assistant(cited)) == [block]
    assert content(user("hi"), assistant(cited), traits=replace(TRAITS, origin="d:m")) == [{"text": "so"}]
