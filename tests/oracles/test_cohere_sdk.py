"""The official ``cohere`` package as an oracle: for the same conversation lokid sends what it sends, and of
the same bytes lokid reads what it reads, except where it takes a broken answer for a whole one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cohere
import pytest
from pydantic import SecretStr

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
)
from lokid.dialects.cohere_chat import KEY
from lokid.errors import IncompleteResponse, ProviderFailed
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials
from lokid.providers.cohere import COHERE, CohereSettings
from lokid.providers.settings import ModelSettings
from tests.fakes.capture import Capture
from tests.fakes.feeding import Fed, fed

CREDENTIALS = Credentials({"api_key": SecretStr("co-key")}, 0.0)
DIFFERENCES = {
    "truncate": "lokid wants a refusal of what is too long, Cohere's default is to cut it in silence",
}
"""Keys of bodies that are not compared. Of the headers only the key's is: the others say who asks."""

HELLO = "Hi, café ☕ 日本語 👩‍💻"
HI = {"role": "user", "content": HELLO}
USER = Message("user", (Text(HELLO),))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "weather", "description": "Weather", "parameters": SCHEMA}
CALL = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Köln"}'}}
PNG_URL = "data:image/png;base64,iVBORw0K"


def thought(words: str, place: str) -> Reasoning:
    return Reasoning(words, {KEY: {"origin": "c:m", "field": place}})


def ask(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("c:m", messages or (USER,), **more)


CHATS: dict[str, tuple[ChatRequest, dict[str, Any]]] = {
    "text": (
        ask(system="Be terse.", temperature=0.5, top_p=0.9, max_tokens=100, stop=("END",)),
        {
            "messages": [{"role": "system", "content": "Be terse."}, HI],
            "temperature": 0.5,
            "p": 0.9,
            "max_tokens": 100,
            "stop_sequences": ["END"],
        },
    ),
    "image": (
        ask(Message("user", (Text("What?"), Image("image/png", b"\x89PNG\r\n")))),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What?"},
                        {"type": "image_url", "image_url": {"url": PNG_URL}},
                    ],
                }
            ]
        },
    ),
    "tools": (
        ask(
            USER,
            Message(
                "assistant",
                (
                    thought("hmm", "thinking"),
                    thought("I will look", "tool_plan"),
                    ToolCall("t1", "weather", {"city": "Köln"}),
                ),
            ),
            Message("tool", (ToolResult("t1", "weather", '{"temp_c":21}'),)),
            tools=(Tool("weather", "Weather", SCHEMA, strict=True),),
            tool_choice="required",
        ),
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "tool_plan": "I will look",
                    "content": [{"type": "thinking", "thinking": "hmm"}],
                    "tool_calls": [CALL],
                },
                {
                    "role": "tool",
                    "tool_call_id": "t1",
                    "content": [{"type": "document", "document": {"data": '{"temp_c":21}'}}],
                },
            ],
            "tools": [{"type": "function", "function": FUNCTION}],
            "strict_tools": True,
            "tool_choice": "REQUIRED",
        },
    ),
    "a tool by its name": (
        ask(tools=(Tool("weather", "Weather", SCHEMA), Tool("now")), tool_choice=NamedTool("weather")),
        {"messages": [HI], "tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "REQUIRED"},
    ),
    "schema": (
        ask(response_schema=ResponseSchema(SCHEMA)),
        {"messages": [HI], "response_format": {"type": "json_object", "json_schema": SCHEMA}},
    ),
    "thinking": (
        ask(reasoning=500),
        {"messages": [HI], "thinking": {"type": "enabled", "token_budget": 500}},
    ),
    "no thinking": (ask(reasoning="off"), {"messages": [HI], "thinking": {"type": "disabled"}}),
}


@pytest.fixture
def sdk(server: Capture) -> Iterator[cohere.ClientV2]:
    yield cohere.ClientV2(api_key="co-key", base_url=server.url)


def client(server: Capture) -> CohereSettings:
    return CohereSettings(type="cohere", name="c", api_base=server.url)


def assert_same_request(server: Capture, request: HTTPRequest) -> None:
    sent = server.sent[-1]
    ours = COHERE.authorize(client(server), CREDENTIALS, request)
    query = f"?{sent.query}" if sent.query else ""
    assert (ours.method, ours.url) == (sent.method, f"{server.url}{sent.path}{query}")
    assert ours.headers == {"authorization": sent.headers["authorization"]}
    body = json.loads(ours.content() or b"null")
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key not in DIFFERENCES}
    assert body == sent.body


@pytest.mark.parametrize("name", CHATS)
def test_chats_are_asked_as_the_sdk_asks(server: Capture, sdk: cohere.ClientV2, name: str) -> None:
    request, said = CHATS[name]
    server.answer = b'{"id": "x", "message": {"role": "assistant"}, "finish_reason": "COMPLETE"}'
    sdk.chat(model="m", **said)
    assert COHERE.chat
    assert_same_request(server, COHERE.chat(client(server), ModelSettings(name="m"), request).request)


START = {"type": "message-start", "id": "a1", "delta": {"message": {"role": "assistant", "content": []}}}
USED = {
    "billed_units": {"input_tokens": 1, "output_tokens": 9},
    "tokens": {"input_tokens": 496, "output_tokens": 11},
    "cached_tokens": 448,
}


def message(kind: str, index: int = 0, **said: Any) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": said}}


def end(reason: str, **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": USED, **more}}


def wire(*events: dict[str, Any], done: bool = True) -> bytes:
    lines = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


THOUGHT = [
    message("content-start", 0, content={"type": "thinking", "thinking": ""}),
    message("content-delta", 0, content={"thinking": "Hm"}),
    message("content-delta", 0, content={"thinking": "m"}),
    {"type": "content-end", "index": 0},
]
SAID = [
    message("content-start", 1, content={"type": "text", "text": ""}),
    message("content-delta", 1, content={"text": "Hé\u2028"}),
    message("content-delta", 1, content={"text": "llo 👩‍💻"}),
    {"type": "content-end", "index": 1},
]
BEGUN = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": ""}}
CALLED = [
    message("tool-plan-delta", tool_plan="I will"),
    message("tool-plan-delta", tool_plan=" look"),
    message("tool-call-start", 0, tool_calls=BEGUN),
    message("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"city"'}}),
    message("tool-call-delta", 0, tool_calls={"function": {"arguments": ':"Köln"}'}}),
    {"type": "tool-call-end", "index": 0},
    message("tool-call-start", 1, tool_calls=BEGUN | {"id": "t2"}),
    {"type": "tool-call-end", "index": 1},
]
STREAMS = {
    "text": (wire(START, *SAID, end("COMPLETE")), "stop"),
    "thinking": (wire(START, *THOUGHT, *SAID, end("STOP_SEQUENCE")), "stop"),
    "limit": (wire(START, *SAID, end("MAX_TOKENS")), "length"),
    "tools": (wire(START, *CALLED, end("TOOL_CALL")), "tool_calls"),
}


@dataclass
class Read:
    """What a client of the SDK has after a stream."""

    text: str = ""
    reasoning: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    finish: str | None = None
    usage: Any = None


def read_by_sdk(server: Capture, sdk: cohere.ClientV2, data: bytes) -> Read:
    server.answer, server.content_type = data, "text/event-stream"
    read = Read()
    for event in sdk.chat_stream(model="m", messages=[HI]):  # type: ignore[list-item]
        said: Any = getattr(getattr(event, "delta", None), "message", None)
        match event.type:
            case "content-delta":
                read.text += said.content.text or ""
                read.reasoning += said.content.thinking or ""
            case "tool-plan-delta":
                read.reasoning += said.tool_plan
            case "tool-call-start" | "tool-call-delta":
                call = read.calls.setdefault(event.index or 0, ["", "", ""])
                function = said.tool_calls.function
                pieces = (
                    getattr(said.tool_calls, "id", ""),
                    getattr(function, "name", ""),
                    function.arguments,
                )
                for place, piece in enumerate(pieces):
                    call[place] += piece or ""
            case "message-end":
                assert event.delta
                read.finish, read.usage = event.delta.finish_reason, event.delta.usage
    return read


def read_by_us(server: Capture, data: bytes) -> Fed[Any]:
    assert COHERE.chat
    return fed(COHERE.chat(client(server), ModelSettings(name="m"), ask(stream=True)).decoder, data)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_asked_and_read_as_by_the_sdk(server: Capture, sdk: cohere.ClientV2, name: str) -> None:
    data, finish = STREAMS[name]
    theirs = read_by_sdk(server, sdk, data)
    assert COHERE.chat
    assert_same_request(
        server, COHERE.chat(client(server), ModelSettings(name="m"), ask(stream=True)).request
    )
    ours = read_by_us(server, data)
    assert (ours.text, ours.reasoning) == (theirs.text, theirs.reasoning)
    assert ours.text == ours.answer.message.text
    assert ours.calls == [tuple(call) for _, call in sorted(theirs.calls.items())]
    assert ours.answer.finish_reason == finish
    usage = ours.answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (
        theirs.usage.tokens.input_tokens,
        theirs.usage.tokens.output_tokens,
    )
    assert usage.billed == (theirs.usage.billed_units.input_tokens, theirs.usage.billed_units.output_tokens)
    assert usage.cached_input_tokens == theirs.usage.cached_tokens


def test_a_whole_answer_reads_as_the_sdk_reads_it(server: Capture, sdk: cohere.ClientV2) -> None:
    blocks = [{"type": "thinking", "thinking": "Hmm"}, {"type": "text", "text": "Hé"}]
    said = {"role": "assistant", "content": blocks, "tool_plan": "Look", "tool_calls": [CALL]}
    answer = {"id": "a1", "message": said, "finish_reason": "TOOL_CALL", "usage": USED}
    server.answer = json.dumps(answer).encode()
    theirs = sdk.chat(model="m", messages=[HI])  # type: ignore[list-item]
    assert COHERE.chat
    ours = fed(COHERE.chat(client(server), ModelSettings(name="m"), ask()).decoder, server.answer).answer
    assert theirs.message.content and theirs.message.tool_calls
    assert ours.message.text == theirs.message.content[1].text  # type: ignore[union-attr]
    reasons = [part.text for part in ours.message.parts if isinstance(part, Reasoning)]
    assert sorted(reasons) == sorted(
        [theirs.message.content[0].thinking, theirs.message.tool_plan]  # type: ignore[union-attr]
    )
    [call] = [part for part in ours.message.parts if isinstance(part, ToolCall)]
    function = theirs.message.tool_calls[0].function
    assert function and (call.name, call.arguments) == (function.name, json.loads(function.arguments or ""))
    assert ours.response_id == theirs.id


def test_where_the_sdk_takes_a_cut_or_broken_stream_for_an_answer_we_do_not(
    server: Capture, sdk: cohere.ClientV2
) -> None:
    cut = wire(START, *SAID, done=False)
    assert read_by_sdk(server, sdk, cut).text == "Hé\u2028llo 👩‍💻"
    assert isinstance(read_by_us(server, cut).error, IncompleteResponse)
    broken = wire(START, *SAID, end("ERROR", error="it broke"))
    assert read_by_sdk(server, sdk, broken).finish == "ERROR"
    assert isinstance(read_by_us(server, broken).error, ProviderFailed)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (EmbedRequest("", ("a", "b")), {"input_type": "search_document"}),
        (
            EmbedRequest("", ("a", "b"), input_type="query", dimensions=256),
            {"input_type": "search_query", "output_dimension": 256},
        ),
    ],
)
def test_embeddings_are_asked_and_read_as_by_the_sdk(
    server: Capture, sdk: cohere.ClientV2, request_: EmbedRequest, said: dict[str, Any]
) -> None:
    answer = {
        "id": "x",
        "embeddings": {"float": [[0.25, 1.0], [0.5, 2.0]]},
        "texts": ["a", "b"],
        "meta": {"billed_units": {"input_tokens": 2}},
        "response_type": "embeddings_by_type",
    }
    server.answer = json.dumps(answer).encode()
    theirs = sdk.embed(model="embed-v4.0", texts=["a", "b"], embedding_types=["float"], **said)
    assert COHERE.embed
    exchange = COHERE.embed(client(server), ModelSettings(name="embed-v4.0"), request_)
    assert_same_request(server, exchange.request)
    ours = fed(exchange.decoder, server.answer).answer
    assert [list(memoryview(vector).cast("f")) for vector in ours.vectors] == theirs.embeddings.float_
    assert ours.usage and theirs.meta and theirs.meta.billed_units
    assert ours.usage.input_tokens == theirs.meta.billed_units.input_tokens


def test_ranks_are_asked_and_read_as_by_the_sdk(server: Capture, sdk: cohere.ClientV2) -> None:
    rows = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    server.answer = json.dumps({"id": "x", "results": rows}).encode()
    theirs = sdk.rerank(model="rerank-v3.5", query="q", documents=["a", "b"], top_n=2)
    assert COHERE.rerank
    exchange = COHERE.rerank(
        client(server), ModelSettings(name="rerank-v3.5"), RerankRequest("", "q", ("a", "b"), 2)
    )
    assert_same_request(server, exchange.request)
    ours = fed(exchange.decoder, server.answer).answer
    assert [(one.index, one.score) for one in ours.results] == [
        (one.index, one.relevance_score) for one in theirs.results
    ]


def test_models_are_listed_as_by_the_sdk(server: Capture, sdk: cohere.ClientV2) -> None:
    server.answer = json.dumps({"models": [{"name": "a", "endpoints": ["chat"]}, {"name": "b"}]}).encode()
    theirs = [model.name for model in sdk.models.list(page_size=1000).models]
    assert COHERE.list_models
    exchange = COHERE.list_models(client(server))
    assert_same_request(server, exchange.request)
    assert list(fed(exchange.decoder, server.answer).answer) == theirs
