"""What is written to generateContent."""

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
from lokid.chat.encode import message
from lokid.chat.parts import message as decoded
from lokid.dialects.gemini import KEY, SKIP_SIGNATURE, encode
from lokid.dialects.traits import Traits
from lokid.errors import InvalidParams, Unsupported
from tests.fakes import generating
from tests.fakes.generating import BUDGET, TRAITS

PNG = b"\x89PNG"
OURS = {"origin": "c:m"}
INLINE = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


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


def body(request: ChatRequest, traits: Traits = TRAITS) -> dict[str, Any]:
    return encode(request, traits)


def contents(*messages: Message, traits: Traits = TRAITS, **more: Any) -> list[dict[str, Any]]:
    return body(ask(*messages, **more), traits)["contents"]  # type: ignore[no-any-return]


def turn(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


def called(name: str, args: Any, call_id: str | None = None, **more: Any) -> dict[str, Any]:
    return {"functionCall": {**({"id": call_id} if call_id else {}), "name": name, "args": args}, **more}


def answered(name: str, call_id: str | None, **response: Any) -> dict[str, Any]:
    identity = {"id": call_id} if call_id else {}
    return {"functionResponse": {**identity, "name": name, "response": response}}


# --- parameters --------------------------------------------------------------------------------------


def test_nothing_is_sent_that_the_caller_did_not_say() -> None:
    assert body(ask()) == {"contents": [turn("user", "hi")]}


@pytest.mark.parametrize(
    ("asked", "config"),
    [
        ({"temperature": 0.0}, {"temperature": 0.0}),
        ({"top_p": 0.5}, {"topP": 0.5}),
        ({"max_tokens": 9}, {"maxOutputTokens": 9}),
        ({"stop": ("a", "b")}, {"stopSequences": ["a", "b"]}),
        (
            {"response_schema": ResponseSchema(SCHEMA)},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
    ],
)
def test_parameters_have_googles_names(asked: dict[str, Any], config: dict[str, Any]) -> None:
    assert body(ask(**asked))["generationConfig"] == config


def test_a_limit_is_sent_where_one_is_required() -> None:
    traits = replace(TRAITS, needs_max_tokens=True, default_max_tokens=7)
    assert body(ask(), traits)["generationConfig"] == {"maxOutputTokens": 7}


def test_what_the_model_does_not_have_is_refused_before_it_is_asked() -> None:
    with pytest.raises(Unsupported, match="does not call tools"):
        body(ask(tools=(Tool("t"),)), replace(TRAITS, tools=False))
    with pytest.raises(Unsupported, match="several tools at once"):
        body(ask(tools=(Tool("t"),), parallel_tool_calls=False))


def test_parallel_calls_are_what_the_model_does_anyway() -> None:
    assert "toolConfig" not in body(ask(tools=(Tool("t"),), parallel_tool_calls=True))


# --- reasoning ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "config"),
    [
        ("off", {"thinkingBudget": 0}),
        (0, {"thinkingBudget": 0}),
        ("low", {"includeThoughts": True, "thinkingBudget": 1024}),
        ("high", {"includeThoughts": True, "thinkingBudget": 24576}),
        (777, {"includeThoughts": True, "thinkingBudget": 777}),
    ],
)
def test_models_up_to_2_5_get_a_budget(setting: Any, config: dict[str, Any]) -> None:
    assert body(ask(reasoning=setting), BUDGET)["generationConfig"] == {"thinkingConfig": config}


@pytest.mark.parametrize(
    ("setting", "config"),
    [
        ("off", {"thinkingLevel": "MINIMAL"}),
        (0, {"thinkingLevel": "MINIMAL"}),
        ("medium", {"includeThoughts": True, "thinkingLevel": "MEDIUM"}),
        (20_000, {"includeThoughts": True, "thinkingLevel": "HIGH"}),
    ],
)
def test_models_from_3_on_get_a_level(setting: Any, config: dict[str, Any]) -> None:
    assert body(ask(reasoning=setting))["generationConfig"] == {"thinkingConfig": config}


def test_a_model_that_always_thinks_says_so() -> None:
    for traits in (TRAITS, BUDGET):
        with pytest.raises(Unsupported, match="always reasons"):
            body(ask(reasoning="off"), replace(traits, efforts=("low", "high")))


def test_a_model_that_never_thinks_can_be_told_not_to() -> None:
    assert "generationConfig" not in body(ask(reasoning="off"), replace(TRAITS, efforts=()))
    with pytest.raises(Unsupported):
        body(ask(reasoning="low"), replace(TRAITS, efforts=()))
    with pytest.raises(InvalidParams):
        body(ask(reasoning=-1))


# --- system text -------------------------------------------------------------------------------------


def test_system_text_has_its_own_place() -> None:
    traits = replace(TRAITS, system_prompt_prefix="Prefix.")
    wire = body(ask(user("a"), system("Later."), user("b"), system="Be terse."), traits)
    assert wire["systemInstruction"] == {"parts": [{"text": "Prefix.\n\nBe terse.\n\nLater."}]}
    assert wire["contents"] == [turn("user", "a"), turn("user", "b")]


def test_a_model_without_system_text_finds_it_in_the_users_words() -> None:
    traits = replace(TRAITS, system_role="none")
    wire = body(ask(assistant("hello"), user("a"), user("b"), system="Be terse."), traits)
    assert "systemInstruction" not in wire
    assert wire["contents"][1:] == [turn("user", "Be terse.\n\n", "a"), turn("user", "b")]
    assert contents(assistant("x"), system("S"), traits=traits)[1:] == [turn("user", "S")]


# --- text and images ---------------------------------------------------------------------------------


def test_the_roles_are_user_and_model() -> None:
    wire = contents(user("a"), assistant("b"), user("c"))
    assert wire == [turn("user", "a"), turn("model", "b"), turn("user", "c")]


def test_an_empty_answer_is_left_out_and_an_empty_question_is_not() -> None:
    assert contents(user("a"), assistant(), assistant(""), user("")) == [turn("user", "a"), turn("user", "")]


def test_images_go_as_bytes_or_as_urls_with_their_type() -> None:
    parts = (
        Image("image/png", PNG),
        Image(url="https://x.example/a.JPEG?size=3"),
        Image("image/webp", url="gs://bucket/b"),
        Image(url="https://x.example/files/abc"),
        Image(data=PNG),
    )
    assert contents(user("What?", *parts)) == [
        turn(
            "user",
            "What?",
            INLINE,
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.example/a.JPEG?size=3"}},
            {"fileData": {"mimeType": "image/webp", "fileUri": "gs://bucket/b"}},
            {"fileData": {"fileUri": "https://x.example/files/abc"}},
            {"inlineData": {**INLINE["inlineData"], "mimeType": "application/octet-stream"}},
        )
    ]


def test_an_image_that_the_model_drew_goes_back_as_its_own() -> None:
    assert contents(assistant(Image("image/png", PNG))) == [turn("model", INLINE)]


def test_an_image_goes_back_with_its_signature() -> None:
    painted = generating.chunk({**INLINE, "thoughtSignature": "s"}, finish="STOP")
    said = generating.read(painted).answer.message
    said = decoded(message(said), "messages[0]")
    assert contents(said) == [turn("model", {**INLINE, "thoughtSignature": "s"})]


# --- tools -------------------------------------------------------------------------------------------


def test_tools_are_declared_with_json_schema_and_without_for_no_arguments() -> None:
    assert body(ask(tools=(Tool("weather", "Weather", SCHEMA), Tool("now"))))["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Weather", "parametersJsonSchema": SCHEMA},
                {"name": "now"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("choice", "strict", "config"),
    [
        ("auto", None, {"mode": "AUTO"}),
        ("none", True, {"mode": "NONE"}),
        ("required", True, {"mode": "ANY"}),
        (NamedTool("t"), None, {"mode": "ANY", "allowedFunctionNames": ["t"]}),
        ("auto", True, {"mode": "VALIDATED"}),
        (None, True, {"mode": "VALIDATED"}),
    ],
)
def test_tool_choices_are_modes(choice: Any, strict: bool | None, config: dict[str, Any]) -> None:
    wire = body(ask(tools=(Tool("t", strict=strict),), tool_choice=choice))
    assert wire["toolConfig"] == {"functionCallingConfig": config}


def test_results_of_one_round_are_one_turn_of_the_user_in_the_order_of_the_calls() -> None:
    """Loki sends role "function", which Vertex AI refuses, and drops the ids."""
    state = {KEY: OURS}
    wire = contents(
        user("hi"),
        assistant(ToolCall("a", "one", {"x": 1}, state), ToolCall("b", "two", {}, state)),
        tool(ToolResult("b", "two", "second")),
        tool(ToolResult("x", "lost", "?"), ToolResult("a", "one", "first")),
        user("go on"),
    )
    assert wire[1:] == [
        turn("model", called("one", {"x": 1}, "a"), called("two", {}, "b")),
        turn(
            "user",
            answered("one", "a", output="first"),
            answered("two", "b", output="second"),
            answered("lost", "x", output="?"),
        ),
        turn("user", "go on"),
    ]


def test_a_response_is_always_an_object_and_says_what_failed() -> None:
    """Scalars and lists are refused; a tool's words go as they are, numbers in them keep all digits."""
    words = '[12345678901234567890, {"b": 1, "a": 2}]'
    results = (ToolResult("a", "", words), ToolResult("b", "two", "no such city", is_error=True))
    assert contents(assistant(ToolCall("a", "one", {}, {KEY: OURS})), tool(*results))[1]["parts"] == [
        answered("one", "a", output=words),
        answered("two", "b", error="no such city"),
    ]


def test_images_of_a_result_follow_in_a_turn_of_their_own() -> None:
    mixed = ToolResult("a", "plot", (Text("done"), Image("image/png", PNG), Text("!")))
    assert contents(assistant("x"), tool(mixed))[1:] == [
        turn("user", answered("plot", "a", output="done!")),
        turn("user", "Images of the tool call a:", INLINE),
    ]


def test_calls_that_gemini_gave_no_id_go_back_without() -> None:
    call = ToolCall("call_r1_0", "now", {}, {KEY: OURS | {"no_id": True}})
    assert contents(assistant(call), tool(ToolResult("call_r1_0", "now", "12:00"))) == [
        turn("model", called("now", {})),
        turn("user", answered("now", None, output="12:00")),
    ]


def test_two_rounds_whose_calls_share_an_id_do_not_mix() -> None:
    rounds = [
        (assistant(ToolCall("a", name, {}, {KEY: OURS}), ToolCall("b", name, {}, {KEY: OURS})), name)
        for name in ("one", "two")
    ]
    messages = [
        message
        for calls, name in rounds
        for message in (calls, tool(ToolResult("b", name, "2"), ToolResult("a", name, "1")))
    ]
    wire = contents(*messages)
    assert [part["functionResponse"]["id"] for place in (1, 3) for part in wire[place]["parts"]] == [*"abab"]


# --- opaque state ------------------------------------------------------------------------------------


def signed(signature: str = "sig", origin: str = "c:m") -> dict[str, Any]:
    return {KEY: {"origin": origin, "signature": signature}}


def test_every_part_goes_back_as_it_came() -> None:
    """Loki keeps signatures of tool calls only, and Gemini 3 refuses a round without the others."""
    code = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "s0"}
    parts = (
        Reasoning("hmm", {KEY: OURS}),
        Reasoning("signed", signed("s1")),
        Reasoning("", {KEY: OURS | {"part": code}}),
        Text("Look: ", signed("s2")),
        Text("here"),
        Text("", signed("s3")),
        ToolCall("a", "one", {}, signed("s4")),
        ToolCall("b", "two", {}, {KEY: OURS}),
    )
    assert contents(assistant(*parts)) == [
        turn(
            "model",
            {"text": "hmm", "thought": True},
            {"text": "signed", "thought": True, "thoughtSignature": "s1"},
            code,
            {"text": "Look: ", "thoughtSignature": "s2"},
            "here",
            {"text": "", "thoughtSignature": "s3"},
            called("one", {}, "a", thoughtSignature="s4"),
            called("two", {}, "b"),
        )
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"fileData": {"fileUri": "gs://private/paper", "mimeType": "text/plain"}},
        {"file_data": {"file_uri": "gs://private/paper", "mime_type": "text/plain"}},
        {"functionResponse": {"name": "f", "response": {}, "parts": [{"fileData": {"fileUri": "gs://p/q"}}]}},
        {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}},
        {"inlineData": {"mimeType": "audio/mp3", "mime_type": "video/mp4", "data": "AAAA"}},
        {"inline_data": {"data": "AAAA"}},
        {"toolResponse": {"parts": [{"inlineData": {"mime_type": "application/pdf", "data": "AAAA"}}]}},
    ],
)
def test_no_file_of_the_keys_owner_is_named_by_a_part_that_a_caller_made_up(part: dict[str, Any]) -> None:
    """No model answers with one, and the extra socket's callers may not read what its owner may."""
    assert contents(assistant(Text("hello"), Reasoning("", {KEY: OURS | {"part": part}}))) == [
        turn("model", "hello")
    ]


def test_what_a_model_said_aloud_goes_back_to_it() -> None:
    part = {"inlineData": {"mimeType": "audio/pcm", "data": "AAAA"}}
    assert contents(assistant(Reasoning("", {KEY: OURS | {"part": part}}))) == [turn("model", part)]


def test_opaque_state_is_never_sent_to_another_model() -> None:
    parts = (
        Reasoning("hmm", signed(origin="c:other")),
        Reasoning("elsewhere", {"anthropic_messages": {"signature": "x"}}),
        Text("hello", signed(origin="c:other")),
        Text("", signed(origin="c:other")),
    )
    assert contents(assistant(*parts)) == [turn("model", "hello")]


def test_calls_of_another_model_get_the_sentinel_once_where_signatures_are_checked() -> None:
    calls = (ToolCall("a", "one", {}, signed(origin="c:other")), ToolCall("b", "two", {}))
    assert contents(assistant(*calls)) == [
        turn("model", called("one", {}, "a", thoughtSignature=SKIP_SIGNATURE), called("two", {}, "b"))
    ]
    assert contents(assistant(*calls), traits=BUDGET) == [
        turn("model", called("one", {}, "a"), called("two", {}, "b"))
    ]
