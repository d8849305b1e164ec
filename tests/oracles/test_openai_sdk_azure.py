"""The official ``openai`` package as an oracle for Azure (the current generation and the one before): its
Azure client for the classic routes, its plain client for v1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import SecretStr

from lokid.chat import (
    ChatRequest,
    EmbedRequest,
    Message,
    NamedTool,
    ResponseSchema,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers.azure_openai import AZURE_OPENAI, AzureOpenAISettings
from lokid.providers.base import Credentials
from lokid.providers.settings import ModelSettings
from lokid.runtime.call import OF_JSON
from tests.fakes.capture import Capture
from tests.fakes.feeding import fed, stream

VERSION = "2024-10-21"
KEY = Credentials({"api_key": SecretStr("az-key")}, 0.0)
TOKEN = Credentials({"access_token": SecretStr("entra.jwt")}, 0.0)
COMPARED = ("authorization", "api-key", "x-api-key", "content-type")
"""Headers; of the others tests of ``openai`` say why they differ."""

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
HELLO = "Hi, café ☕ 日本語 👩‍💻"
HI = {"role": "user", "content": HELLO}
FUNCTION = {"name": "get_weather", "description": "Weather", "parameters": SCHEMA, "strict": True}
TOOL = Tool("get_weather", "Weather", SCHEMA, strict=True)
ROUNDS = (
    Message("user", (Text(HELLO),)),
    Message("assistant", (ToolCall("call_1", "get_weather", {"city": "Köln"}),)),
    Message("tool", (ToolResult("call_1", "get_weather", "21"),)),
)
WIRE_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Köln"}'},
}

CHATS: dict[str, tuple[ChatRequest, dict[str, Any]]] = {
    "text": (
        ChatRequest(
            "", ROUNDS[:1], system="Be terse.", temperature=0.5, top_p=0.9, max_tokens=100, stop=("END",)
        ),
        {
            "messages": [{"role": "system", "content": "Be terse."}, HI],
            "temperature": 0.5,
            "top_p": 0.9,
            "max_completion_tokens": 100,
            "stop": ["END"],
        },
    ),
    "stream": (
        ChatRequest("", ROUNDS[:1], stream=True),
        {"messages": [HI], "stream": True, "stream_options": {"include_usage": True}},
    ),
    "tools": (
        ChatRequest(
            "", ROUNDS, tools=(TOOL,), tool_choice=NamedTool("get_weather"), parallel_tool_calls=True
        ),
        {
            "messages": [
                HI,
                {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "21"},
            ],
            "tools": [{"type": "function", "function": FUNCTION}],
            "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
            "parallel_tool_calls": True,
        },
    ),
    "schema and effort": (
        ChatRequest(
            "", ROUNDS[:1], response_schema=ResponseSchema(SCHEMA, "weather", strict=True), reasoning="high"
        ),
        {
            "messages": [HI],
            "reasoning_effort": "high",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "weather", "strict": True, "schema": SCHEMA},
            },
        },
    ),
}


def classic(server: Capture, **credential: Any) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(
        azure_endpoint=server.url, api_version=VERSION, max_retries=0, **(credential or {"api_key": "az-key"})
    )


def v1(server: Capture, key: str = "az-key") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/openai/v1/", api_key=key, max_retries=0)


@pytest.fixture(params=["classic", "v1"])
def sdk(request: pytest.FixtureRequest, server: Capture) -> Iterator[openai.OpenAI]:
    with (classic if request.param == "classic" else v1)(server) as client:
        yield client


def client(server: Capture, sdk: openai.OpenAI) -> AzureOpenAISettings:
    return AzureOpenAISettings(
        type="azure-openai",
        name="azure",
        api_base=server.url,
        api_version=VERSION if isinstance(sdk, openai.AzureOpenAI) else None,
    )


def assert_same_request(
    server: Capture, sdk: openai.OpenAI, request: HTTPRequest, credentials: Credentials = KEY
) -> None:
    sent = server.sent[-1]
    ours = AZURE_OPENAI.authorize(client(server, sdk), credentials, request.adding(OF_JSON))
    query = f"?{sent.query}" if sent.query else ""
    assert (ours.method, ours.url) == (sent.method, f"{server.url}{sent.path}{query}")
    assert ours.headers == {name: value for name, value in sent.headers.items() if name in COMPARED}
    assert json.loads(ours.content()) == sent.body


def prepare(server: Capture, *, stream: bool) -> None:
    """An answer that the SDK accepts; what it says does not matter here."""
    server.answer = b"data: [DONE]\n\n" if stream else b"{}"
    server.content_type = "text/event-stream" if stream else "application/json"


def drain(answer: Any) -> None:
    if isinstance(answer, openai.Stream):
        for _ in answer:
            pass


@pytest.mark.parametrize("name", CHATS)
def test_deployments_are_asked_as_the_sdk_asks(server: Capture, sdk: openai.OpenAI, name: str) -> None:
    request, said = CHATS[name]
    prepare(server, stream=request.stream)
    drain(sdk.chat.completions.create(model="my-deployment", **said))
    assert AZURE_OPENAI.chat
    ours = AZURE_OPENAI.chat(client(server, sdk), ModelSettings(name="my-deployment"), request).request
    assert_same_request(server, sdk, ours)


@pytest.mark.parametrize("streaming", [False, True])
def test_responses_are_asked_as_the_sdk_asks(server: Capture, sdk: openai.OpenAI, streaming: bool) -> None:
    prepare(server, stream=streaming)
    said = {"stream": True} if streaming else {}
    drain(sdk.responses.create(model="dep", input=[HI], max_output_tokens=9, store=False, **said))
    assert AZURE_OPENAI.chat
    request = ChatRequest("", ROUNDS[:1], max_tokens=9, stream=streaming)
    ours = AZURE_OPENAI.chat(
        client(server, sdk), ModelSettings(name="dep", chat_api="responses"), request
    ).request
    assert_same_request(server, sdk, ours)


@pytest.mark.parametrize("dimensions", [None, 256])
def test_embeddings_are_asked_and_read_as_by_the_sdk(
    server: Capture, sdk: openai.OpenAI, dimensions: int | None
) -> None:
    rows = [{"object": "embedding", "index": 0, "embedding": "AACAPgAAAL8AAIA/"}]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    server.answer = json.dumps({"object": "list", "model": "m", "data": rows, "usage": usage}).encode()
    said = {} if dimensions is None else {"dimensions": dimensions}
    theirs = sdk.embeddings.create(model="my-embed", input=["a"], **said)
    assert AZURE_OPENAI.embed
    exchange = AZURE_OPENAI.embed(
        client(server, sdk), ModelSettings(name="my-embed"), EmbedRequest("", ("a",), dimensions=dimensions)
    )
    assert_same_request(server, sdk, exchange.request)
    [vector] = fed(exchange.decoder, server.answer).answer.vectors
    assert list(memoryview(vector).cast("f")) == theirs.data[0].embedding


def test_a_token_of_entra_id_travels_as_by_the_sdk(server: Capture) -> None:
    prepare(server, stream=False)
    assert AZURE_OPENAI.chat
    for sdk in (classic(server, azure_ad_token="entra.jwt"), v1(server, "entra.jwt")):
        with sdk:
            sdk.chat.completions.create(model="dep", messages=[HI])  # type: ignore[list-item]
            ours = AZURE_OPENAI.chat(
                client(server, sdk), ModelSettings(name="dep"), ChatRequest("", ROUNDS[:1])
            ).request
            assert_same_request(server, sdk, ours, TOKEN)


def test_a_stream_with_the_filters_opinions_reads_as_the_sdk_reads_it(
    server: Capture, sdk: openai.OpenAI
) -> None:
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    opinion = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": safe}],
    }

    def chunk(delta: Any, finish: Any = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "content_filter_results": safe}
        return {
            "id": "r1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }

    data = stream(opinion, chunk({"role": "assistant", "content": "Hé"}), chunk({}, "content_filter"))
    server.answer, server.content_type = data, "text/event-stream"
    text, finish = "", None
    for part in sdk.chat.completions.create(model="dep", messages=[HI], stream=True):  # type: ignore[list-item]
        for choice in part.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert AZURE_OPENAI.chat
    request = ChatRequest("", ROUNDS[:1], stream=True)
    found = fed(AZURE_OPENAI.chat(client(server, sdk), ModelSettings(name="dep"), request).decoder, data)
    assert found.text == found.answer.message.text == text == "Hé"
    assert found.answer.finish_reason == finish == "content_filter"
