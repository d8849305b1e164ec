"""The official ``anthropic`` package as an oracle: for the same conversation lokid sends what it sends, and
of the same bytes lokid reads what it reads, except where it takes a broken answer for a whole one.

What is installed is the current generation; ``test_previous_generation`` runs them with the one before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import anthropic
import pytest
from pydantic import SecretStr

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
from lokid.dialects.anthropic_messages import KEY
from lokid.errors import IncompleteResponse, Overloaded
from lokid.protocols.http import HTTPRequest
from lokid.providers.anthropic_formats import FORMER_VERSION, VERSION
from lokid.providers.base import Credentials, Exchange
from lokid.providers.claude import CLAUDE, MAX_MODELS, ClaudeSettings
from lokid.providers.settings import ModelSettings
from lokid.runtime.call import OF_JSON
from tests.fakes.capture import Capture
from tests.fakes.feeding import Fed, fed
from tests.fakes.messages import block, called, end, said, start, thought, wire

OLD = anthropic.__version__.startswith("0.")

DIFFERENCES = {
    "accept": "lokid says what it accepts in Exchange.accept and checks it; no server looks at this header",
    "user-agent": "lokid does not pretend to be the SDK",
    "x-stainless-": "as above; used for statistics",
    "host": "of the connection, not of the request",
    "connection": "as above",
    "content-length": "as above; the bytes differ only in the order of keys",
    "authorization": "the current SDK sends keys as bearers, the previous one as x-api-key, as lokid does: "
    "both are documented, and gateways know the older one",
    "x-api-key": "as above",
    "anthropic-version": "each generation always sends its own; lokid sends what the request needs",
}
"""Beginnings of the headers that are not compared as they are. Everything else is: method, path, query, all
other headers, body."""


@pytest.fixture
def sdk(server: Capture) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sk-ant-test", base_url=server.url, max_retries=0) as client:
        yield client


def user(*parts: Any) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


HELLO = "Hi, café ☕ 日本語 👩‍💻"
HI = {"role": "user", "content": HELLO}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool("get_weather", "Weather", SCHEMA, strict=True)
NOW = Tool("now", "Time")
TOOLS = [
    {"name": "get_weather", "description": "Weather", "input_schema": SCHEMA, "strict": True},
    {"name": "now", "description": "Time", "input_schema": {"type": "object", "properties": {}}},
]
SIGNED = {KEY: {"origin": "claude:m", "signature": "sig=="}}
HIDDEN = {"type": "redacted_thinking", "data": "abc"}


@dataclass(frozen=True)
class Case:
    """One conversation: as lokid is asked, and as the SDK is."""

    request: ChatRequest
    sdk: dict[str, Any]
    model: dict[str, Any] = field(default_factory=dict)


def asked(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("claude:m", messages or (user(HELLO),), **{"max_tokens": 4000, **more})


CASES = {
    "text": Case(
        asked(system="Be terse.", temperature=0.5, max_tokens=100, stop=("END",)),
        {
            "system": "Be terse.",
            "messages": [HI],
            "extra_body": {"temperature": 0.5},  # no argument of the current generation
            "max_tokens": 100,
            "stop_sequences": ["END"],
        },
    ),
    "stream": Case(asked(stream=True), {"messages": [HI], "stream": True}),
    "images": Case(
        asked(
            user(HELLO),
            Message("assistant", (Text("Hello"),)),
            user("What?", Image("image/png", b"\x89PNG\r\n"), Image(url="https://example.com/a.png")),
        ),
        {
            "messages": [
                HI,
                {"role": "assistant", "content": "Hello"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What?"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"},
                        },
                        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    ],
                },
            ]
        },
    ),
    "tools": Case(
        asked(
            user(HELLO),
            Message(
                "assistant",
                (
                    Reasoning("hmm", SIGNED),
                    Reasoning("", {KEY: {"origin": "claude:m", "block": HIDDEN}}),
                    Text("let me see"),
                    ToolCall("toolu_1", "get_weather", {"city": "Köln"}),
                    ToolCall("toolu_2", "now", {}),
                ),
            ),
            Message("tool", (ToolResult("toolu_1", "get_weather", (Text("21"),)),)),
            Message("tool", (ToolResult("toolu_2", "now", "no clock", is_error=True),)),
            user("go on"),
            tools=(WEATHER, NOW),
            tool_choice="auto",
            parallel_tool_calls=False,
            reasoning=2000,
        ),
        {
            "messages": [
                HI,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hmm", "signature": "sig=="},
                        HIDDEN,
                        {"type": "text", "text": "let me see"},
                        {
                            "type": "tool_use",
                            "id": "toolu_1",
                            "name": "get_weather",
                            "input": {"city": "Köln"},
                        },
                        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": [{"type": "text", "text": "21"}],
                        },
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_2",
                            "content": "no clock",
                            "is_error": True,
                        },
                        {"type": "text", "text": "go on"},
                    ],
                },
            ],
            "tools": TOOLS,
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 2000},
        },
    ),
    "named tool": Case(
        asked(tools=(NOW,), tool_choice=NamedTool("now")),
        {"messages": [HI], "tools": TOOLS[1:], "tool_choice": {"type": "tool", "name": "now"}},
    ),
    "any tool": Case(
        asked(tools=(NOW,), tool_choice="required"),
        {"messages": [HI], "tools": TOOLS[1:], "tool_choice": {"type": "any"}},
    ),
    "schema and effort": Case(
        asked(response_schema=ResponseSchema(SCHEMA), reasoning="high"),
        {
            "messages": [HI],
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
        },
        {"reasoning_style": "claude_adaptive"},
    ),
    "no thinking": Case(
        asked(reasoning="off"),
        {"messages": [HI], "thinking": {"type": "disabled"}},
        {"reasoning_style": "claude_adaptive"},
    ),
}


def ours(server: Capture, request: ChatRequest, **model: Any) -> Exchange[Any]:
    assert CLAUDE.chat
    client = ClaudeSettings(type="claude", name="claude", api_base=f"{server.url}/v1")
    return CLAUDE.chat(client, ModelSettings(name="m", **model), request)


def assert_same_request(server: Capture, request: HTTPRequest) -> None:
    sent = server.sent[-1]
    assert (request.method, request.url.partition("?")[0]) == (sent.method, f"{server.url}{sent.path}")
    assert request.url.partition("?")[2] == sent.query
    apart = tuple(DIFFERENCES)
    theirs = {name for name in sent.headers if not name.startswith((*apart, "accept-encoding"))}
    asks = request.body is not None
    assert {name: sent.headers[name] for name in theirs} == (OF_JSON if asks else {})
    assert request.headers.keys() == {"anthropic-version"} <= sent.headers.keys()
    assert json.loads(request.content() or b"null") == sent.body


def play(server: Capture, sdk: anthropic.Anthropic, data: bytes, **said: Any) -> Any:
    """What the SDK makes of a stream: the message that its events add up to."""
    server.answer, server.content_type = data, "text/event-stream; charset=utf-8"
    with sdk.messages.stream(**{"model": "m", "max_tokens": 9, "messages": [HI]} | said) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize("name", CASES)
def test_lokid_asks_as_the_sdk_asks(server: Capture, sdk: anthropic.Anthropic, name: str) -> None:
    case = CASES[name]
    if case.sdk.get("stream"):
        server.answer, server.content_type = wire([start(), *end()]), "text/event-stream"
    answer = sdk.messages.create(**{"model": "m", "max_tokens": 4000} | case.sdk)
    if isinstance(answer, anthropic.Stream):
        assert len(list(answer)) == 3
    assert_same_request(server, ours(server, case.request, **case.model).request)


@pytest.mark.parametrize(("temperature", "version"), [(0.5, FORMER_VERSION), (None, VERSION)])
def test_the_versions_are_those_of_the_two_generations(
    server: Capture, sdk: anthropic.Anthropic, temperature: float | None, version: str
) -> None:
    sdk.messages.create(model="m", max_tokens=9, messages=[HI])
    assert server.sent[-1].headers["anthropic-version"] == (FORMER_VERSION if OLD else VERSION)
    request = ours(server, asked(temperature=temperature)).request
    assert request.headers["anthropic-version"] == version


def test_keys_and_tokens_are_sent_in_a_way_that_one_of_the_generations_has(server: Capture) -> None:
    request = HTTPRequest("POST", server.url)
    key = CLAUDE.authorize(None, Credentials({"api_key": SecretStr("sk-ant-test")}, 0.0), request)
    token = CLAUDE.authorize(None, Credentials({"access_token": SecretStr("oat")}, 0.0), request)
    with anthropic.Anthropic(api_key="sk-ant-test", base_url=server.url, max_retries=0) as sdk:
        sdk.messages.create(model="m", max_tokens=9, messages=[HI])
    with anthropic.Anthropic(auth_token="oat", base_url=server.url, max_retries=0) as sdk:
        sdk.messages.create(model="m", max_tokens=9, messages=[HI])
    by_key, by_token = (sent.headers for sent in server.sent)
    assert key.headers == {"x-api-key": "sk-ant-test"}
    assert by_key.get("x-api-key", by_key.get("authorization")) == ("" if OLD else "Bearer ") + "sk-ant-test"
    assert token.headers == {"authorization": by_token["authorization"]}


def test_models_are_listed_as_by_the_sdk(server: Capture, sdk: anthropic.Anthropic) -> None:
    rows = [
        {"id": name, "type": "model", "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
        for name in ("a", "b")
    ]
    page = {"data": rows, "has_more": False, "first_id": "a", "last_id": "b"}
    server.answer = json.dumps(page).encode()
    theirs = [model.id for model in sdk.models.list(limit=MAX_MODELS)]
    assert CLAUDE.list_models
    exchange = CLAUDE.list_models(ClaudeSettings(type="claude", name="claude", api_base=f"{server.url}/v1"))
    assert_same_request(server, exchange.request)
    assert list(fed(exchange.decoder, server.answer).answer) == theirs


# --- answers ------------------------------------------------------------------------------------------

CITE = {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None,
        "start_char_index": 0, "end_char_index": 1, "file_id": None}  # fmt: skip
WORDS = [start(), *said(0, "Hé\u2028\u0085", "llo 👩‍💻")]
STREAMS: dict[str, Sequence[dict[str, Any]]] = {
    "text": [*WORDS, *end()],
    "nothing": [start(), *end()],
    "cut short by the limit": [*WORDS, *end("max_tokens")],
    "counts": [*WORDS, *end(usage={"input_tokens": 61, "output_tokens": 7, "cache_read_input_tokens": 0})],
    "refused": [*WORDS, *end("refusal", stop_details={"type": "refusal", "explanation": None})],
    "stopped": [*WORDS, *end("stop_sequence", stop_sequence="END")],
    "full": [*WORDS, *end("model_context_window_exceeded")],
    "thinking and tools": [
        start(),
        {"type": "ping"},
        *thought(0, "h", "m"),
        *block(1, HIDDEN),
        *thought(2),
        *said(3, "let me see"),
        *called(4, "toolu_1", "f", "", '{"x"', ": 1}"),
        *called(5, "toolu_2", "g", ""),
        *called(6, "toolu_3", "g"),
        *end("tool_use"),
    ],
    "citations": [
        start(),
        *block(0, {"type": "text", "text": "", "citations": []},
               {"type": "text_delta", "text": "a"}, {"type": "citations_delta", "citation": CITE}),
        *said(1, "b"),
        *end(),
    ],
}  # fmt: skip
FINISH = {
    "end_turn": "stop",
    "max_tokens": "length",
    "refusal": "refusal",
    "stop_sequence": "stop",
    "model_context_window_exceeded": "context_overflow",
    "tool_use": "tool_calls",
}


def assert_same_answer(found: Fed[Any], theirs: Any) -> None:
    answer = found.answer
    parts = answer.message.parts
    made = [block for block in theirs.content if block.type == "tool_use"]
    thoughts = [block for block in theirs.content if block.type == "thinking"]
    assert answer.message.text == "".join(block.text for block in theirs.content if block.type == "text")
    assert [part for part in parts if isinstance(part, ToolCall)] == [
        ToolCall(block.id, block.name, block.input) for block in made
    ]
    signed = [part for part in parts if isinstance(part, Reasoning) and "signature" in part.opaque[KEY]]
    assert [(part.text, part.opaque[KEY]["signature"]) for part in signed] == [
        (block.thinking, block.signature) for block in thoughts
    ]
    assert answer.finish_reason == FINISH[theirs.stop_reason]
    assert (answer.model, answer.response_id) == (theirs.model, theirs.id)
    usage = theirs.usage
    assert answer.usage
    assert answer.usage.cached_input_tokens == usage.cache_read_input_tokens
    assert answer.usage.cache_write_tokens == usage.cache_creation_input_tokens
    assert answer.usage.output_tokens == usage.output_tokens
    assert answer.usage.input_tokens == (
        usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    )
    assert answer.usage.reasoning_tokens == usage.output_tokens_details.thinking_tokens


def read(server: Capture, data: bytes, *, stream: bool = True) -> Fed[Any]:
    return fed(ours(server, asked(stream=stream)).decoder, data)


@pytest.mark.parametrize("form", ["plain", "CR LF, comments and padding", "raw line separators"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_reads_as_the_sdk_reads_it(
    server: Capture, sdk: anthropic.Anthropic, name: str, form: str
) -> None:
    data = wire(STREAMS[name])
    if form.startswith("CR"):
        data = b": hello\r\n\r\n" + data.replace(b"}\n", b"}   \n").replace(b"\n", b"\r\n")
    if form.startswith("raw"):
        data = data.replace(b"\\u2028", "\u2028".encode()).replace(b"\\u0085", "\u0085".encode())
    theirs = play(server, sdk, data)
    found = read(server, data)
    assert_same_answer(found, theirs)
    assert found.text == found.answer.message.text
    assert [(call[0], call[1], json.loads(call[2] or "{}")) for call in found.calls] == [
        (block.id, block.name, block.input) for block in theirs.content if block.type == "tool_use"
    ]


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_answer_reads_as_the_sdk_reads_it(
    server: Capture, sdk: anthropic.Anthropic, name: str
) -> None:
    """What the stream adds up to, as the one JSON text that it would have been."""
    value = play(server, sdk, wire(STREAMS[name])).to_dict(mode="json")
    server.answer, server.content_type = json.dumps(value).encode(), "application/json"
    theirs = sdk.messages.create(model="m", max_tokens=9, messages=[HI])
    assert_same_answer(read(server, server.answer, stream=False), theirs)


def test_where_the_sdk_takes_a_cut_stream_for_an_answer_we_do_not(
    server: Capture, sdk: anthropic.Anthropic
) -> None:
    data = wire(WORDS)
    theirs = play(server, sdk, data)
    assert theirs.content[0].text == "Hé\u2028\u0085llo 👩‍💻"
    found = read(server, data)
    assert found.text == theirs.content[0].text
    assert isinstance(found.error, IncompleteResponse)


def test_where_the_sdk_makes_one_answer_of_two_we_do_not(server: Capture, sdk: anthropic.Anthropic) -> None:
    data = wire([*WORDS[:2], start(id="msg_2"), *said(0, "b"), *end()])
    assert play(server, sdk, data).stop_reason == "end_turn"
    assert isinstance(read(server, data).error, IncompleteResponse)


def test_an_error_inside_a_stream_is_an_error_for_both(server: Capture, sdk: anthropic.Anthropic) -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    data = wire([*WORDS, event])
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        play(server, sdk, data)
    assert isinstance(read(server, data).error, Overloaded)


def test_we_also_say_why_a_request_was_refused(server: Capture, sdk: anthropic.Anthropic) -> None:
    """The SDK has it in a field that the vocabulary lacks; an empty answer would explain nothing."""
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    data = wire([start(), *end("refusal", stop_details=details)])
    theirs = play(server, sdk, data)
    found = read(server, data)
    assert theirs.content == []
    assert found.answer.message.text == theirs.stop_details.explanation == "Not this."
    assert found.answer.finish_reason == theirs.stop_reason
