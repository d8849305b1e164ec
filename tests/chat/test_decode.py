"""Parameters to requests: the rules beyond types, and the places that errors name."""

from __future__ import annotations

import tracemalloc
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lokid.chat import (
    ChatRequest,
    EmbedRequest,
    Image,
    Message,
    NamedTool,
    Reasoning,
    RerankRequest,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    parts,
)
from lokid.chat.decode import chat_request, embed_request, rerank_request
from lokid.errors import InvalidParams
from lokid.rpc.questions import ChatParams, EmbedParams, RerankParams
from lokid.rpc.shapes import ShapeError, check

OBJECT = {"type": "object", "properties": {"schema": {"type": "string"}}}
WEATHER = {"name": "weather", "description": "now", "parameters": OBJECT, "strict": True}
PNG = {"type": "image", "media_type": "image/png"}
CALL = {"type": "tool_call", "id": "1", "name": "a", "arguments": {}}
RESULT = {"type": "tool_result", "id": "1", "name": "a", "content": ""}
REASONING = {"type": "reasoning", "text": "x"}


def chat(**params: Any) -> ChatRequest:
    """A request with a prompt, unless ``params`` has messages; the shape is checked as the server does."""
    if not {"prompt", "messages"} & params.keys():
        params["prompt"] = "why?"
    params = {"model": "local:m", **params}
    check(params, ChatParams)
    return chat_request(params)


def conversation(*messages: dict[str, Any]) -> tuple[Message, ...]:
    return chat(messages=list(messages)).messages


def test_a_prompt_is_one_user_message() -> None:
    assert chat(prompt="why?") == ChatRequest("local:m", (Message("user", (Text("why?"),)),))


def test_every_parameter_arrives() -> None:
    request = chat(
        messages=[{"role": "user", "content": "why?"}],
        system="be short",
        temperature=0,
        top_p=1,
        max_tokens=1,
        stop=["a", "b"],
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=False,
        response_schema=OBJECT,
        reasoning="high",
        stream=True,
        timeout_s=0.5,
        extra_body={"seed": 1},
        dry_run=True,
    )
    assert request == ChatRequest(
        model="local:m",
        messages=(Message("user", (Text("why?"),)),),
        system="be short",
        temperature=0,
        top_p=1,
        max_tokens=1,
        stop=("a", "b"),
        tools=(Tool("weather", "now", OBJECT, True),),
        tool_choice="required",
        parallel_tool_calls=False,
        response_schema=ResponseSchema(OBJECT),
        reasoning="high",
        stream=True,
        timeout_s=0.5,
        extra_body={"seed": 1},
        dry_run=True,
    )


def test_nil_is_not_given() -> None:
    optional = [
        "system temperature top_p max_tokens stop tools tool_choice parallel_tool_calls response_schema",
        "reasoning timeout_s extra_body",
    ]
    assert chat(**dict.fromkeys(" ".join(optional).split())) == chat()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"model": "a:" + "m" * 4096}, "model: has 4098 characters, 4096 are the most"),
        ({"prompt": ""}, "prompt: is empty"),
        ({"prompt": " \n"}, "prompt: is empty"),
        ({"prompt": "a", "messages": []}, "prompt: give either prompt or messages, not both"),
        ({"messages": []}, "messages: is empty"),
        ({"temperature": -0.1}, "temperature: must be 0 or more"),
        ({"temperature": nan}, "temperature: must be 0 or more"),
        ({"temperature": inf}, "temperature: must be 0 or more"),
        ({"top_p": 1.1}, "top_p: must be from 0 to 1"),
        ({"top_p": -1}, "top_p: must be from 0 to 1"),
        ({"max_tokens": 0}, "max_tokens: must be 1 or more"),
        ({"timeout_s": 0}, "timeout_s: must be more than 0 seconds"),
        ({"timeout_s": inf}, "timeout_s: must be more than 0 seconds"),
        ({"stop": ""}, "stop: an empty text"),
        ({"stop": ["a", ""]}, "stop: an empty text"),
        ({"reasoning": "maximum"}, 'reasoning: must be "off", "low", "medium", "high" or a budget'),
        ({"reasoning": -1}, 'reasoning: must be "off"'),
        ({"extra_body": {"a": {"b": [1, b"x"]}}}, "extra_body.a.b[1]: binary data has no JSON form"),
        ({"extra_body": {"a": nan}}, "extra_body.a: must be a finite number"),
        ({"extra_body": {"a b": {b"k": 1}}}, 'extra_body."a b": a key must be text'),
        ({"tools": [{"name": "a b"}]}, "tools[0].name: must be 1 to 64 letters"),
        ({"tools": [{"name": ""}]}, "tools[0].name: must be 1 to 64 letters"),
        ({"tools": [{"name": "x" * 65}]}, "tools[0].name: must be 1 to 64 letters"),
        ({"tools": [{"name": "a\n"}]}, "tools[0].name: must be 1 to 64 letters"),
        ({"tools": [{"name": "a"}, {"name": "a"}]}, "tools[1].name: there are two tools with the name a"),
        ({"tools": [{"name": "a", "parameters": {"x": b""}}]}, "tools[0].parameters.x: binary data"),
        ({"tool_choice": "required"}, 'tool_choice: "required" needs tools'),
        ({"tool_choice": "any"}, 'tool_choice: must be "auto", "none", "required" or {name: ...}'),
        ({"tool_choice": {"name": 1}}, "tool_choice: must be"),
        ({"tool_choice": {"type": "tool", "name": "a"}}, "tool_choice: must be"),
        ({"tool_choice": {"name": "a"}}, "tool_choice.name: is not one of the tools"),
        (
            {"tools": [WEATHER], "tool_choice": {"name": "weather2"}},
            'is not one of the tools, did you mean "weather"?',
        ),
        ({"response_schema": {}}, "response_schema: must be a JSON Schema"),
        ({"response_schema": {"schema": "text"}}, "response_schema: must be a JSON Schema"),
        ({"response_schema": {"type": "json_schema", "x": OBJECT}}, "response_schema.type: must be"),
        ({"response_schema": {"type": ["string", "nil"]}}, "response_schema.type: must be one of ob"),
        ({"response_schema": {"schema": {"a": 1}}}, "response_schema.schema: must be a JSON Schema"),
        ({"response_schema": {"schema": OBJECT, "name": "a b"}}, "response_schema.name: must be 1 to 64"),
        ({"response_schema": {"schema": OBJECT, "name": 1}}, "response_schema.name: must be 1 to 64"),
        (
            {"response_schema": {"schema": OBJECT, "strict": 1}},
            "response_schema.strict: must be true or false",
        ),
        (
            {"response_schema": {"schema": OBJECT, "strickt": 1}},
            '.strickt: unknown key, did you mean "strict"?',
        ),
        ({"response_schema": {"type": "object", "default": b""}}, "response_schema.default: binary data"),
    ],
)
def test_a_parameter_that_cannot_be_says_why(params: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        chat(**params)
    assert said in str(caught.value)


def test_without_prompt_and_messages_the_error_names_both() -> None:
    with pytest.raises(InvalidParams, match="prompt: is missing: give prompt or messages"):
        chat_request({"model": "m"})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (OBJECT, ResponseSchema(OBJECT)),
        ({"schema": OBJECT}, ResponseSchema(OBJECT)),
        ({"schema": OBJECT, "name": "city", "strict": False}, ResponseSchema(OBJECT, "city", False)),
        ({"schema": OBJECT, "name": None, "strict": None}, ResponseSchema(OBJECT)),
        ({"schema": {"$ref": "#/x"}, "strict": True}, ResponseSchema({"$ref": "#/x"}, strict=True)),
        ({"anyOf": [OBJECT, {"type": "null"}]}, ResponseSchema({"anyOf": [OBJECT, {"type": "null"}]})),
        ({"enum": ["a"]}, ResponseSchema({"enum": ["a"]})),
        ({"type": ["string", "null"]}, ResponseSchema({"type": ["string", "null"]})),
        # "schema" and "name" beside a word of JSON Schema are someone's own annotations
        (
            {"type": "object", "schema": {}, "name": "x"},
            ResponseSchema({"type": "object", "schema": {}, "name": "x"}),
        ),
    ],
)
def test_a_schema_is_told_from_its_wrapper(given: dict[str, Any], meant: ResponseSchema) -> None:
    assert chat(response_schema=given).response_schema == meant


def test_tool_choice_by_name_is_one_of_the_tools() -> None:
    assert chat(tools=[WEATHER], tool_choice={"name": "weather"}).tool_choice == NamedTool("weather")
    assert chat(tools=[WEATHER], tool_choice="auto").tool_choice == "auto"
    assert chat(tools=[{"name": "a"}]).tools == (Tool("a"),)


def test_settings_of_tools_mean_nothing_without_tools() -> None:
    assert chat(tool_choice="none", parallel_tool_calls=True, tools=[]) == chat()


@pytest.mark.parametrize("reasoning", ["off", "low", "medium", "high", 0, 4096])
def test_reasoning_is_an_effort_or_a_budget(reasoning: object) -> None:
    assert chat(reasoning=reasoning).reasoning == reasoning


def test_stop_may_be_one_text() -> None:
    assert chat(stop="END").stop == ("END",)


def test_a_whole_conversation_arrives_in_its_order() -> None:
    assert conversation(
        {"role": "system", "content": "be short"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "what?"}, {"type": "image", "url": "https://x/y.png"}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "text": "hm", "signature": "s1"},
                {"type": "text", "text": "let me see", "cited": [1, None]},
                {
                    "type": "tool_call",
                    "id": "1",
                    "name": "weather",
                    "arguments": {"at": 1},
                    "extra": {"k": 1},
                },
            ],
        },
        {
            "role": "tool",
            "content": [
                {"type": "tool_result", "id": "1", "name": "weather", "content": "sun"},
                {
                    "type": "tool_result",
                    "id": "2",
                    "name": "weather",
                    "content": [{"type": "text", "text": "x"}, PNG | {"data": b"p"}],
                    "is_error": True,
                },
            ],
        },
        {"role": "system", "content": [{"type": "text", "text": "now be long"}]},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": []},
    ) == (
        Message("system", (Text("be short"),)),
        Message("user", (Text("what?"), Image(url="https://x/y.png"))),
        Message(
            "assistant",
            (
                Reasoning("hm", {"signature": "s1"}),
                Text("let me see", {"cited": [1, None]}),
                ToolCall("1", "weather", {"at": 1}, {"extra": {"k": 1}}),
            ),
        ),
        Message(
            "tool",
            (
                ToolResult("1", "weather", "sun"),
                ToolResult("2", "weather", (Text("x"), Image("image/png", b"p")), is_error=True),
            ),
        ),
        Message("system", (Text("now be long"),)),
        Message("assistant", ()),
        Message("assistant", ()),
    )


def test_a_data_url_is_the_bytes_that_it_holds() -> None:
    (message,) = conversation(
        {"role": "user", "content": [{"type": "image", "url": "data:image/png;base64,aGVsbG8="}]}
    )
    assert message.parts == (Image("image/png", b"hello"),)


def without(part: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in part.items() if k != key}


@pytest.mark.parametrize(
    ("role", "content", "said"),
    [
        ("user", "", "is empty"),
        ("user", [], "is empty"),
        ("system", "", "is empty"),
        ("tool", [], "is empty"),
        ("tool", "sun", "a tool message holds a list of tool_result parts"),
    ],
)
def test_content_that_cannot_be_says_why(role: str, content: object, said: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        conversation({"role": "assistant", "content": ""}, {"role": role, "content": content})
    assert caught.value.message == f"messages[1].content: {said}"


@pytest.mark.parametrize(
    ("role", "part", "said"),
    [
        ("tool", {"type": "text"}, ": a tool message holds tool_result parts, not text"),
        ("system", PNG, ": a system message holds text parts, not image"),
        ("user", REASONING, ": a user message holds text, image parts, not reasoning"),
        (
            "assistant",
            RESULT,
            ": an assistant message holds text, image, reasoning, tool_call parts",
        ),
        ("user", "x", ": must be a map"),
        ("user", {}, ".type: is required"),
        ("user", {"type": 1}, ".type: must be text"),
        ("user", {"type": "film"}, ".type: must be one of text, image, reasoning, tool_call, tool_result"),
        ("user", {"type": "text", b"text": "x"}, ": a key must be text"),
        ("user", {"type": "text"}, ".text: is required"),
        ("user", {"type": "text", "text": None}, ".text: must be text"),
        ("user", {"type": "text", "text": "x", "y": b"z"}, ".y: binary data has no JSON form"),
        ("user", PNG, ": an image has either data (and media_type) or url"),
        ("user", PNG | {"url": "x", "data": b""}, ": an image has either data"),
        ("user", {"type": "image", "data": b"x"}, ".media_type: is required"),
        ("user", {"type": "image", "data": b"x", "media_type": "png"}, ".media_type: must look like image/"),
        ("user", PNG | {"data": b""}, ".data: is empty"),
        ("user", PNG | {"data": "eA=="}, ".data: must be binary data (MessagePack bin), not base64 text"),
        ("user", PNG | {"url": ""}, ".url: is empty"),
        ("user", PNG | {"url": "data:image/png,x"}, ".url: a data URL must look like data:image/png;base64,"),
        ("user", PNG | {"url": "data:image/png;base64,a"}, ".url: a data URL must look like"),
        ("user", PNG | {"url": "x", "fine": 1}, ".fine: unknown key, known are type, media_type, data, url"),
        ("user", {"type": "image", "ulr": "x"}, '.ulr: unknown key, did you mean "url"?'),
        ("assistant", without(CALL, "id"), ".id: is required"),
        ("assistant", CALL | {"arguments": "{}"}, ".arguments: must be a map"),
        ("assistant", CALL | {"arguments": {"x": nan}}, ".arguments.x: must be a finite number"),
        ("assistant", CALL | {"arguments": {"x": {b"y": 1}}}, ".arguments.x: a key must be text"),
        ("tool", without(RESULT, "content"), ".content: is required"),
        ("tool", without(RESULT, "name"), ".name: is required"),
        ("tool", RESULT | {"content": 1}, ".content: must be text or a list of text and image parts"),
        ("tool", RESULT | {"is_error": 1}, ".is_error: must be true or false"),
        ("tool", RESULT | {"price": 1}, ".price: unknown key"),
        (
            "tool",
            RESULT | {"content": [REASONING]},
            ".content[0]: a tool result holds text, image parts, not",
        ),
    ],
)
def test_a_part_that_cannot_be_says_where_and_why(role: str, part: object, said: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        conversation({"role": "assistant", "content": ""}, {"role": role, "content": [part]})
    assert caught.value.message.startswith(f"messages[1].content[0]{said}")


def test_an_unknown_part_key_is_shown_short_and_on_one_line() -> None:
    with pytest.raises(InvalidParams) as caught:
        conversation({"role": "user", "content": [{"type": "image", "url": "x", "\x1b\n" + "x" * 999: 1}]})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def test_embed_takes_texts_and_settings() -> None:
    assert embed_request({"model": "m", "texts": ["a", ""]}) == EmbedRequest("m", ("a", ""))
    params = {"model": "m", "texts": ["a"], "input_type": "query", "dimensions": 8, "encoding": "f32"}
    assert embed_request(params) == EmbedRequest("m", ("a",), "query", 8, "f32")


def test_rerank_takes_documents_and_a_query() -> None:
    assert rerank_request({"model": "m", "query": "q", "documents": ["a"]}) == RerankRequest("m", "q", ("a",))
    params = {"model": "m", "query": "q", "documents": ["a"], "top_n": 1}
    assert rerank_request(params) == RerankRequest("m", "q", ("a",), 1)


@pytest.mark.parametrize(
    ("decode", "params", "said"),
    [
        (embed_request, {"texts": []}, "texts: is empty"),
        (embed_request, {"texts": ["a"], "dimensions": 0}, "dimensions: must be 1 or more"),
        (rerank_request, {"query": " ", "documents": ["a"]}, "query: is empty"),
        (rerank_request, {"query": "q", "documents": []}, "documents: is empty"),
        (rerank_request, {"query": "q", "documents": ["a"], "top_n": 0}, "top_n: must be 1 or more"),
    ],
)
def test_nothing_to_embed_or_rank_says_so(decode: Any, params: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParams, match=said):
        decode({"model": "m", **params})


WORDS = [
    "type", "text", "image", "reasoning", "tool_call", "tool_result", "role", "content", "user", "assistant",
    "tool", "system", "id", "name", "arguments", "url", "data", "media_type", "schema", "auto", "required",
]  # fmt: skip
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats()
    | st.sampled_from(["", *WORDS])
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.binary(max_size=1), inner, max_size=5)
    ),
    max_leaves=8,
)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(WORDS[1:6])},
    optional=dict.fromkeys(["text", "id", "name", "content", "url", "data"], ANY),
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool"]),
        "content": st.lists(PART | ANY, max_size=3) | ANY,
    }
)
HOSTILE = st.fixed_dictionaries(
    {"model": st.just("m")},
    optional={
        "prompt": ANY,
        "query": ANY,
        "texts": ANY,
        "documents": ANY,
        "messages": st.lists(MESSAGE, max_size=3),
        "tools": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(WORDS)}, optional={"parameters": ANY})
        ),
        **dict.fromkeys(
            ["tool_choice", "response_schema", "reasoning", "stop", "extra_body", "timeout_s"], ANY
        ),
    },
)


@given(
    HOSTILE,
    st.sampled_from(
        [(ChatParams, chat_request), (EmbedParams, embed_request), (RerankParams, rerank_request)]
    ),
)
def test_any_parameters_are_a_request_or_an_error_of_the_caller(params: dict[str, Any], method: Any) -> None:
    shape, decode = method
    params = {key: value for key, value in params.items() if key in shape.__annotations__}
    try:
        check(params, shape)
        decode(params)
    except (ShapeError, InvalidParams):
        pass


@pytest.mark.untraced
def test_a_long_prompt_is_never_copied_to_see_whether_it_is_blank() -> None:
    """Everybody would wait meanwhile."""
    prompt = "x" * (4 << 20) + "\n"
    tracemalloc.start()
    try:
        chat_request({"model": "m", "prompt": prompt})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2) | st.binary(max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=1) | st.integers(), inner),
    max_leaves=8,
)


@given(ANYTHING)
def test_what_json_can_hold_is_seen_without_looking_for_a_place(value):
    assert parts._is_sound(value) == (parts._fault(value) is None)


def test_the_place_of_a_fault_is_looked_for_only_where_there_is_one(monkeypatch):
    monkeypatch.setattr(parts, "_fault", lambda _: pytest.fail("each list would take its time"))
    assert parts.json_map({"a": [[[], {"b": 1.5}]]}, "extra_body")
