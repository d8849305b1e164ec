"""The official ``openai`` package as an oracle (the current generation and the one before): for the same
conversation lokid sends what it sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest
from pydantic import SecretStr

from lokid.chat import (
    ChatRequest,
    EmbedRequest,
    Image,
    Message,
    NamedTool,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials
from lokid.providers.openai import OPENAI, OpenAISettings
from lokid.providers.settings import ModelSettings
from lokid.runtime.call import OF_JSON
from tests.fakes.capture import Capture
from tests.fakes.feeding import fed

KEY = Credentials({"api_key": SecretStr("sk-test")}, 0.0)

DIFFERENCES = {
    "accept": "lokid says what it accepts in Exchange.accept and checks it; no server looks at this header",
    "user-agent": "lokid does not pretend to be the SDK",
    "x-stainless-": "as above; OpenAI uses them for statistics",
    "host": "of the connection, not of the request",
    "connection": "as above",
    "content-length": "as above; the bytes differ only in the order of keys",
    "accept-encoding": "as above: lokid wants no compression, which delays streams",
}
"""Beginnings of the headers that are deliberately not compared. Everything else is: method, path, query, all
other headers, body."""


def user(*parts: Any) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


PNG = b"\x89PNG\r\n"
PNG_URL = "data:image/png;base64,iVBORw0K"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool("get_weather", "Weather", SCHEMA, strict=True)
NOW = Tool("now", "Time")
EMPTY = {"type": "object", "properties": {}}
HELLO = "Hi, café ☕ 日本語 👩‍💻"
CALLED = (
    user(HELLO),
    Message("assistant", (Text("let me see"), ToolCall("call_1", "get_weather", {"city": "Köln"}))),
    Message("tool", (ToolResult("call_1", "get_weather", '{"temp_c":21}'),)),
)


def function(tool: Tool, **more: Any) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or EMPTY,
        **more,
    }


@dataclass(frozen=True)
class Case:
    """One conversation: as lokid is asked, and as the SDK is."""

    request: ChatRequest
    sdk: dict[str, Any]
    model: dict[str, Any] = field(default_factory=dict)


def asked(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("openai:m", messages or (user(HELLO),), **more)


SYSTEM = {"role": "system", "content": "Be terse."}
HI = {"role": "user", "content": HELLO}

CHATS = {
    "text": Case(
        asked(system="Be terse.", temperature=0.5, top_p=0.9, max_tokens=100, stop=("END",)),
        {
            "messages": [SYSTEM, HI],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_completion_tokens": 100,
            "stop": ["END"],
        },
        {"max_tokens_param": "max_completion_tokens"},
    ),
    "stream": Case(
        asked(stream=True), {"messages": [HI], "stream": True, "stream_options": {"include_usage": True}}
    ),
    "image": Case(
        asked(user(HELLO), Message("assistant", (Text("Hello"),)), user("What?", Image("image/png", PNG))),
        {
            "messages": [
                HI,
                {"role": "assistant", "content": "Hello"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What?"},
                        {"type": "image_url", "image_url": {"url": PNG_URL}},
                    ],
                },
            ]
        },
    ),
    "tools": Case(
        asked(*CALLED, tools=(WEATHER, NOW), tool_choice="auto", parallel_tool_calls=True),
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "content": "let me see",
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "get_weather", "arguments": '{"city":"Köln"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": '{"temp_c":21}'},
            ],
            "tools": [
                {"type": "function", "function": function(WEATHER, strict=True)},
                {"type": "function", "function": function(NOW)},
            ],
            "tool_choice": "auto",
            "parallel_tool_calls": True,
        },
    ),
    "named tool": Case(
        asked(tools=(NOW,), tool_choice=NamedTool("now")),
        {
            "messages": [HI],
            "tools": [{"type": "function", "function": function(NOW)}],
            "tool_choice": {"type": "function", "function": {"name": "now"}},
        },
    ),
    "schema": Case(
        asked(response_schema=ResponseSchema(SCHEMA, "weather", strict=True)),
        {
            "messages": [HI],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "weather", "strict": True, "schema": SCHEMA},
            },
        },
    ),
    "reasoning": Case(
        asked(system="Be terse.", reasoning="high", max_tokens=2000),
        {
            "messages": [SYSTEM | {"role": "developer"}, HI],
            "reasoning_effort": "high",
            "max_completion_tokens": 2000,
        },
        {"max_tokens_param": "max_completion_tokens", "system_role": "developer"},
    ),
}

PRIVATE: dict[str, Any] = {"store": False}
RESPONSES = {
    "text": Case(
        asked(system="Be terse.", temperature=0.5, top_p=0.9, max_tokens=100),
        {
            "input": [HI],
            "instructions": "Be terse.",
            "temperature": 0.5,
            "top_p": 0.9,
            "max_output_tokens": 100,
        }
        | PRIVATE,
    ),
    "tools": Case(
        asked(
            user("hi", Image("image/png", PNG)),
            *CALLED[1:],
            stream=True,
            reasoning="high",
            tools=(WEATHER,),
            tool_choice=NamedTool("get_weather"),
            response_schema=ResponseSchema(SCHEMA, "weather", strict=True),
        ),
        {
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "high", "summary": "auto"},
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "hi"},
                        {"type": "input_image", "image_url": PNG_URL, "detail": "auto"},
                    ],
                },
                {"role": "assistant", "content": "let me see"},
                {
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "get_weather",
                    "arguments": '{"city":"Köln"}',
                },
                {"type": "function_call_output", "call_id": "call_1", "output": '{"temp_c":21}'},
            ],
            "text": {"format": {"type": "json_schema", "name": "weather", "strict": True, "schema": SCHEMA}},
            "tools": [{"type": "function"} | function(WEATHER, strict=True)],
            "tool_choice": {"type": "function", "name": "get_weather"},
        }
        | PRIVATE,
        {"reasoning_style": "openai_effort"},
    ),
}


def client(server: Capture) -> OpenAISettings:
    return OpenAISettings(
        type="openai",
        name="openai",
        api_base=f"{server.url}/v1",
        organization_id="org-x",
        project_id="proj-x",
    )


def assert_same_request(server: Capture, request: HTTPRequest) -> None:
    sent = server.sent[-1]
    ours = OPENAI.authorize(client(server), KEY, request.adding(OF_JSON))
    assert (ours.method, ours.url) == (sent.method, f"{server.url}{sent.path}")
    assert sent.query == ""
    compared = {name: sent.headers[name] for name in sent.headers if not name.startswith(tuple(DIFFERENCES))}
    assert compared.keys() == {"authorization", "openai-organization", "openai-project", "content-type"}
    assert ours.headers == compared
    assert json.loads(ours.content()) == sent.body


def encode(server: Capture, case: Case, **more: Any) -> HTTPRequest:
    assert OPENAI.chat
    return OPENAI.chat(client(server), ModelSettings(name="m", **case.model, **more), case.request).request


@pytest.mark.parametrize("name", CHATS)
def test_chat_completions_are_asked_as_the_sdk_asks(server: Capture, sdk: openai.OpenAI, name: str) -> None:
    case = CHATS[name]
    prepare(server, case.sdk)
    drain(sdk.chat.completions.create(model="m", **case.sdk))
    assert_same_request(server, encode(server, case))


@pytest.mark.parametrize("name", RESPONSES)
def test_responses_are_asked_as_the_sdk_asks(server: Capture, sdk: openai.OpenAI, name: str) -> None:
    case = RESPONSES[name]
    prepare(server, case.sdk)
    drain(sdk.responses.create(model="m", **case.sdk))
    assert_same_request(server, encode(server, case, chat_api="responses"))


@pytest.mark.parametrize(("texts", "dimensions"), [(("a", "b"), None), (("a",), 256)])
def test_embeddings_are_asked_and_read_as_by_the_sdk(
    server: Capture, sdk: openai.OpenAI, texts: tuple[str, ...], dimensions: int | None
) -> None:
    rows = [{"object": "embedding", "index": i, "embedding": "AACAPgAAAL8AAIA/"} for i in range(len(texts))]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    server.answer = json.dumps({"object": "list", "model": "m", "data": rows, "usage": usage}).encode()
    said = {} if dimensions is None else {"dimensions": dimensions}
    theirs = sdk.embeddings.create(model="m", input=list(texts), **said)
    assert OPENAI.embed
    exchange = OPENAI.embed(
        client(server), ModelSettings(name="m"), EmbedRequest("openai:m", texts, dimensions=dimensions)
    )
    assert_same_request(server, exchange.request)
    ours = fed(exchange.decoder, server.answer).answer
    vectors = [list(memoryview(vector).cast("f")) for vector in ours.vectors]
    assert vectors == [row.embedding for row in theirs.data]
    assert ours.usage and ours.usage.input_tokens == theirs.usage.prompt_tokens


def test_models_are_listed_as_by_the_sdk(server: Capture, sdk: openai.OpenAI) -> None:
    rows = [{"id": name, "object": "model", "created": 1, "owned_by": "x"} for name in ("a", "b")]
    server.answer = json.dumps({"object": "list", "data": rows}).encode()
    theirs = [model.id for model in sdk.models.list()]
    assert OPENAI.list_models
    exchange = OPENAI.list_models(client(server))
    sent = server.sent[-1]
    assert (exchange.request.method, exchange.request.url) == (sent.method, f"{server.url}{sent.path}")
    assert list(fed(exchange.decoder, server.answer).answer) == theirs


def prepare(server: Capture, said: dict[str, Any]) -> None:
    """An answer that the SDK accepts; what it says does not matter here."""
    if said.get("stream"):
        server.answer, server.content_type = b"data: [DONE]\n\n", "text/event-stream"
    else:
        server.answer, server.content_type = b"{}", "application/json"


def drain(answer: Any) -> None:
    if isinstance(answer, openai.Stream):
        for _ in answer:
            pass
