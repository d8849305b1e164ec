"""Two official packages as oracles for the other ways into Azure AI Foundry: ``azure-ai-inference`` for
``/models``, ``anthropic`` for Claude."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from azure.ai.inference import ChatCompletionsClient, EmbeddingsClient
from azure.ai.inference import models as azure
from azure.core.credentials import AzureKeyCredential
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Image, Message, Text, Tool, ToolCall, ToolResult
from lokid.protocols.http import HTTPRequest
from lokid.providers.azure_openai import AZURE_OPENAI, AzureOpenAISettings
from lokid.providers.base import Credentials
from lokid.providers.settings import ModelSettings
from lokid.runtime.call import OF_JSON
from tests.fakes.capture import Capture
from tests.fakes.feeding import fed, stream

KEY = Credentials({"api_key": SecretStr("fkey")}, 0.0)
COMPARED = ("authorization", "api-key", "x-api-key", "extra-parameters", "content-type")
DIFFERENCES = {
    "stream": "the package says false, which is the default",
    "stream_options": "lokid asks for usage, the package only if it is told to",
}
"""Keys of bodies that are not compared."""

OLD = anthropic.__version__.startswith("0.")
HELLO = "Hi, café ☕ 日本語 👩‍💻"
USER = Message("user", (Text(HELLO),))
PNG = b"\x89PNG\r\n"
PNG_URL = "data:image/png;base64,iVBORw0K"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WIRE_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"city":"Köln"}'}}


def client(server: Capture, path: str = "/models") -> AzureOpenAISettings:
    return AzureOpenAISettings(type="azure-openai", name="azure", api_base=f"{server.url}{path}")


def assert_same_request(
    server: Capture, request: HTTPRequest, *, compared: tuple[str, ...] = COMPARED
) -> None:
    sent = server.sent[-1]
    ours = AZURE_OPENAI.authorize(client(server), KEY, request.adding(OF_JSON))
    query = f"?{sent.query}" if sent.query else ""
    assert (ours.method, ours.url) == (sent.method, f"{server.url}{sent.path}{query}")
    theirs = {name: value for name, value in sent.headers.items() if name in compared}
    assert {name: value for name, value in ours.headers.items() if name in compared} == theirs
    body = {key: value for key, value in json.loads(ours.content()).items() if key not in DIFFERENCES}
    assert body == {key: value for key, value in sent.body.items() if key not in DIFFERENCES}


@pytest.fixture
def foundry(server: Capture) -> Iterator[ChatCompletionsClient]:
    with ChatCompletionsClient(f"{server.url}/models", AzureKeyCredential("fkey")) as sdk:
        yield sdk


CHATS: dict[str, tuple[ChatRequest, dict[str, Any]]] = {
    "text": (
        ChatRequest("", (USER,), system="Be terse.", temperature=0.5, top_p=0.9, max_tokens=9, stop=("E",)),
        {
            "messages": [azure.SystemMessage("Be terse."), azure.UserMessage(HELLO)],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_tokens": 9,
            "stop": ["E"],
        },
    ),
    "image": (
        ChatRequest("", (Message("user", (Text("What?"), Image("image/png", PNG))),)),
        {
            "messages": [
                azure.UserMessage(
                    [
                        azure.TextContentItem(text="What?"),
                        azure.ImageContentItem(image_url=azure.ImageUrl(url=PNG_URL)),
                    ]
                )
            ]
        },
    ),
    "tools": (
        ChatRequest(
            "",
            (
                USER,
                Message("assistant", (Text("let me see"), ToolCall("call_1", "f", {"city": "Köln"}))),
                Message("tool", (ToolResult("call_1", "f", "21"),)),
            ),
            tools=(Tool("f", "Weather", SCHEMA),),
            tool_choice="required",
        ),
        {
            "messages": [
                azure.UserMessage(HELLO),
                {"role": "assistant", "content": "let me see", "tool_calls": [WIRE_CALL]},
                azure.ToolMessage("21", tool_call_id="call_1"),
            ],
            "tools": [
                azure.ChatCompletionsToolDefinition(
                    function=azure.FunctionDefinition(name="f", description="Weather", parameters=SCHEMA)
                )
            ],
            "tool_choice": "required",
        },
    ),
    "what the API does not know": (
        ChatRequest("", (USER,), reasoning="low"),
        {"messages": [azure.UserMessage(HELLO)], "model_extras": {"reasoning_effort": "low"}},
    ),
}


@pytest.mark.parametrize("name", CHATS)
def test_the_models_route_is_asked_as_by_its_sdk(
    server: Capture, foundry: ChatCompletionsClient, name: str
) -> None:
    request, said = CHATS[name]
    foundry.complete(model="Mistral-Large", **said)
    assert AZURE_OPENAI.chat
    ours = AZURE_OPENAI.chat(client(server), ModelSettings(name="Mistral-Large"), request).request
    assert_same_request(server, ours)


def test_a_stream_of_the_models_route_is_asked_and_read_as_by_its_sdk(
    server: Capture, foundry: ChatCompletionsClient
) -> None:
    def chunk(delta: Any, finish: Any = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "r1", "created": 1, "model": "m", "choices": [choice]}

    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    last = {"id": "r1", "created": 1, "model": "m", "choices": [], "usage": usage}
    data = stream(
        chunk({"role": "assistant", "content": "Hé"}), chunk({"content": "llo"}), chunk({}, "stop"), last
    )
    server.answer, server.content_type = data, "text/event-stream"
    text, theirs = "", None
    with foundry.complete(
        model="m", messages=[azure.UserMessage(HELLO)], stream=True, model_extras={"stream_options": {"x": 1}}
    ) as answer:
        for part in answer:
            theirs = part.usage or theirs
            text += "".join(choice.delta.content or "" for choice in part.choices)
    assert AZURE_OPENAI.chat
    exchange = AZURE_OPENAI.chat(
        client(server), ModelSettings(name="m"), ChatRequest("", (USER,), stream=True)
    )
    assert_same_request(server, exchange.request)
    found = fed(exchange.decoder, data)
    assert found.text == text == "Héllo"
    assert theirs is not None and found.answer.usage is not None
    assert found.answer.usage.input_tokens == theirs.prompt_tokens
    assert found.answer.usage.output_tokens == theirs.completion_tokens


def test_embeddings_of_the_models_route_are_asked_and_read_as_by_its_sdk(server: Capture) -> None:
    rows = [{"index": 1, "embedding": [0.5, 1.0]}, {"index": 0, "embedding": [0.25, 2.0]}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    server.answer = json.dumps({"id": "x", "model": "m", "data": rows, "usage": usage}).encode()
    with EmbeddingsClient(f"{server.url}/models", AzureKeyCredential("fkey")) as sdk:
        theirs = sdk.embed(input=["a", "b"], model="cohere-embed", dimensions=2, input_type="query")
    assert AZURE_OPENAI.embed
    exchange = AZURE_OPENAI.embed(
        client(server),
        ModelSettings(name="cohere-embed"),
        EmbedRequest("", ("a", "b"), input_type="query", dimensions=2),
    )
    assert_same_request(server, exchange.request)
    vectors = fed(exchange.decoder, server.answer).answer.vectors
    assert [list(memoryview(vector).cast("f")) for vector in vectors] == [
        row.embedding for row in sorted(theirs.data, key=lambda row: row.index)
    ]


@pytest.mark.parametrize("path", ["", "/anthropic"])
def test_claude_is_asked_as_by_its_sdk_for_foundry(server: Capture, path: str) -> None:
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": []}
    usage = {"input_tokens": 1, "output_tokens": 1}
    server.answer = json.dumps({**message, "stop_reason": "end_turn", "usage": usage}).encode()
    with anthropic.AnthropicFoundry(api_key="fkey", base_url=f"{server.url}/anthropic", max_retries=0) as sdk:
        sdk.messages.create(
            model="claude-sonnet-5",
            max_tokens=9,
            system="Be terse.",
            messages=[{"role": "user", "content": HELLO}],
        )
    assert AZURE_OPENAI.chat
    request = ChatRequest("", (USER,), system="Be terse.", max_tokens=9)
    ours = AZURE_OPENAI.chat(client(server, path), ModelSettings(name="claude-sonnet-5"), request).request
    # Each generation always sends its own version, on purpose.
    assert_same_request(server, ours, compared=COMPARED if OLD else (*COMPARED, "anthropic-version"))
