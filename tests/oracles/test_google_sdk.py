"""The official ``google-genai`` package as an oracle: for the same conversation lokid sends what it sends, to
Google AI and to Vertex AI, and of the same bytes lokid reads what it reads.

What is installed is the current generation; ``test_previous_generation`` runs them with the one before.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from google import genai
from google.genai import errors
from google.oauth2.credentials import Credentials as Token
from pydantic import SecretStr

from lokid.chat import (
    ChatRequest,
    EmbedRequest,
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
from lokid.dialects.gemini import KEY
from lokid.errors import IncompleteResponse, RateLimited
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials, Exchange, Provider
from lokid.providers.gemini import GEMINI
from lokid.providers.gemini_formats import MAX_MODELS
from lokid.providers.settings import ClientSettings, ModelSettings
from lokid.providers.vertexai import VERTEXAI
from lokid.runtime.call import OF_JSON
from tests.fakes.capture import Capture
from tests.fakes.feeding import Fed, fed
from tests.fakes.generating import USAGE, call, chunk, said, stream, thought

OLD = genai.__version__ < "3"

DIFFERENCES = {
    "accept": "lokid says what it accepts in Exchange.accept and checks it; no server looks at this header",
    "user-agent": "lokid does not pretend to be the SDK",
    "x-goog-api-client": "as above; used for statistics",
    "x-server-timeout": "a limit of the SDK's own; lokid hangs up",
    "host": "of the connection, not of the request",
    "connection": "as above",
    "content-length": "as above; the bytes differ only in the order of keys",
}
"""Beginnings of the headers that are not compared. Everything else is: method, path, query, all other
headers, body. Of the path of Google AI the version is not: the current SDK asks v1 and the previous one
v1beta, as lokid does, because preview models and features exist only there."""


def same_body(value: Any, key: str = "") -> Any:
    """What differs in the body and means the same: the SDK mixes snake_case with camelCase, writes bytes in
    the base64 for URLs, gives a role to an only content, and sends an empty generationConfig."""
    if key == "data":
        return value.replace("-", "+").replace("_", "/")
    if isinstance(value, list):
        return [same_body(entry) for entry in value]
    if not isinstance(value, dict) or key in ("parametersJsonSchema", "responseJsonSchema", "args"):
        return value
    found = {}
    for name, inner in value.items():
        name = re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)
        found[name] = same_body(inner, name)
    if key in ("systemInstruction", "content"):
        found.pop("role", None)
    return {name: inner for name, inner in found.items() if (name, inner) != ("generationConfig", {})}


@dataclass(frozen=True)
class Platform:
    """One of the two places, as lokid and as the SDK know it."""

    provider: Provider
    client: ClientSettings
    credentials: Credentials
    sdk: genai.Client


@pytest.fixture(params=["gemini", "vertexai", "express"])
def platform(request: pytest.FixtureRequest, server: Capture) -> Iterator[Platform]:
    options = {"base_url": server.url}
    entry: dict[str, Any] = {"type": "vertexai", "name": "c", "api_base": server.url}
    secrets = {"api_key": SecretStr("test-key")}
    match request.param:
        case "gemini":
            entry |= {"type": "gemini", "api_base": f"{server.url}/{'v1beta' if OLD else 'v1'}"}
            sdk = genai.Client(api_key="test-key", http_options=options)
        case "express":
            entry["api_key"] = "test-key"
            sdk = genai.Client(vertexai=True, api_key="test-key", http_options=options)
        case _:
            entry |= {"project_id": "p", "location": "eu", "access_token": "t", "quota_project_id": "payer"}
            secrets = {"access_token": SecretStr("t")}
            token = Token("t", quota_project_id="payer")
            sdk = genai.Client(
                vertexai=True, project="p", location="eu", credentials=token, http_options=options
            )
    provider = GEMINI if request.param == "gemini" else VERTEXAI
    client = provider.settings.model_validate(entry)
    yield Platform(provider, client, Credentials(secrets, 0.0), sdk)
    sdk.close()


def user(*parts: Any) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


HELLO = "Hi, café ☕ 日本語 👩‍💻"
PNG = b"\x89PNG\r\n\xfb\xff\xfe"
HI = {"role": "user", "parts": [{"text": HELLO}]}
SCHEMA = {
    "type": "object",
    "properties": {"snake_case": {"type": "string"}},
    "required": ["snake_case"],
    "additionalProperties": False,
}
DECLARED = [
    {
        "function_declarations": [
            {"name": "get_weather", "description": "Weather", "parameters_json_schema": SCHEMA},
            {"name": "now", "description": "Time"},
        ]
    }
]
TOOLS = (Tool("get_weather", "Weather", SCHEMA), Tool("now", "Time"))
SIGNATURE = b"signature"
SIGNED = {KEY: {"origin": "c:m", "signature": base64.b64encode(SIGNATURE).decode()}}
OURS = {KEY: {"origin": "c:m"}}


@dataclass(frozen=True)
class Case:
    """One conversation: as lokid is asked, and as the SDK is."""

    request: ChatRequest
    config: dict[str, Any] = field(default_factory=dict)
    contents: list[Any] = field(default_factory=lambda: [HI])
    model: dict[str, Any] = field(default_factory=dict)


def asked(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("c:m", messages or (user(HELLO),), **more)


def choice(**config: Any) -> dict[str, Any]:
    return {"tools": DECLARED, "tool_config": {"function_calling_config": config}}


CASES = {
    "text": Case(
        asked(system="Be terse.", temperature=0.5, top_p=0.9, max_tokens=100, stop=("END",)),
        {
            "system_instruction": "Be terse.",
            "temperature": 0.5,
            "top_p": 0.9,
            "max_output_tokens": 100,
            "stop_sequences": ["END"],
        },
    ),
    "stream": Case(asked(stream=True)),
    "images": Case(
        asked(
            user(HELLO),
            Message("assistant", (Text("Hello"),)),
            user("What?", Image("image/png", PNG), Image(url="https://example.com/a.png")),
        ),
        contents=[
            HI,
            {"role": "model", "parts": [{"text": "Hello"}]},
            {
                "role": "user",
                "parts": [
                    {"text": "What?"},
                    {"inline_data": {"data": PNG, "mime_type": "image/png"}},
                    {"file_data": {"file_uri": "https://example.com/a.png", "mime_type": "image/png"}},
                ],
            },
        ],
    ),
    "tools": Case(
        asked(
            user(HELLO),
            Message(
                "assistant",
                (
                    Reasoning("hmm", OURS),
                    Text("Let me see", SIGNED),
                    ToolCall("fc1", "get_weather", {"snake_case": "Köln"}, SIGNED),
                    ToolCall("fc2", "now", {}, OURS),
                ),
            ),
            Message(
                "tool",
                (ToolResult("fc2", "now", "no clock", is_error=True), ToolResult("fc1", "get_weather", "21")),
            ),
            tools=TOOLS,
            tool_choice="auto",
            stream=True,
        ),
        choice(mode="AUTO"),
        [
            HI,
            {
                "role": "model",
                "parts": [
                    {"text": "hmm", "thought": True},
                    {"text": "Let me see", "thought_signature": SIGNATURE},
                    {
                        "function_call": {"id": "fc1", "name": "get_weather", "args": {"snake_case": "Köln"}},
                        "thought_signature": SIGNATURE,
                    },
                    {"function_call": {"id": "fc2", "name": "now", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "function_response": {
                            "id": "fc1",
                            "name": "get_weather",
                            "response": {"output": "21"},
                        }
                    },
                    {"function_response": {"id": "fc2", "name": "now", "response": {"error": "no clock"}}},
                ],
            },
        ],
    ),
    "a tool": Case(asked(tools=TOOLS, tool_choice="required"), choice(mode="ANY")),
    "no tool": Case(asked(tools=TOOLS, tool_choice="none"), choice(mode="NONE")),
    "named tool": Case(
        asked(tools=TOOLS, tool_choice=NamedTool("now")), choice(mode="ANY", allowed_function_names=["now"])
    ),
    "schema": Case(
        asked(response_schema=ResponseSchema(SCHEMA)),
        {"response_mime_type": "application/json", "response_json_schema": SCHEMA},
    ),
    "level": Case(
        asked(reasoning="high"),
        {"thinking_config": {"include_thoughts": True, "thinking_level": "HIGH"}},
        model={"reasoning_style": "gemini_level"},
    ),
    "budget": Case(
        asked(reasoning=1024),
        {"thinking_config": {"include_thoughts": True, "thinking_budget": 1024}},
        model={"reasoning_style": "gemini_budget"},
    ),
    "no thinking": Case(
        asked(reasoning="off"),
        {"thinking_config": {"thinking_budget": 0}},
        model={"reasoning_style": "gemini_budget"},
    ),
}


def exchange(platform: Platform, case: Case) -> Exchange[Any]:
    assert platform.provider.chat
    return platform.provider.chat(platform.client, ModelSettings(name="m", **case.model), case.request)


def assert_same_request(server: Capture, platform: Platform, request: HTTPRequest) -> None:
    sent = server.sent[-1]
    ours = platform.provider.authorize(platform.client, platform.credentials, request.adding(OF_JSON))
    query = f"?{sent.query}" if sent.query else ""
    assert (ours.method, ours.url) == (sent.method, f"{server.url}{sent.path}{query}")
    assert ours.headers == {
        name: value for name, value in sent.headers.items() if not name.startswith(tuple(DIFFERENCES))
    }
    assert same_body(json.loads(ours.content() or b"null")) == same_body(sent.body)


@pytest.mark.parametrize("name", CASES)
def test_questions_are_asked_as_the_sdk_asks(server: Capture, platform: Platform, name: str) -> None:
    case = CASES[name]
    play(server, platform, [chunk(said("x"), finish="STOP")], case)
    assert_same_request(server, platform, exchange(platform, case).request)


# --- answers -----------------------------------------------------------------------------------------


def play(server: Capture, platform: Platform, chunks: list[Any], case: Case) -> list[Any]:
    """What the SDK makes of these chunks."""
    models = platform.sdk.models
    asked_for: dict[str, Any] = {"model": "m", "contents": case.contents, "config": case.config or None}
    if case.request.stream:
        server.answer, server.content_type = stream(*chunks), "text/event-stream"
        return list(models.generate_content_stream(**asked_for))
    server.answer, server.content_type = json.dumps(chunks[0]).encode(), "application/json"
    return [models.generate_content(**asked_for)]


def read(server: Capture, platform: Platform, case: Case) -> Fed[Any]:
    return fed(exchange(platform, case).decoder, server.answer)


# Both places answer alike.
ONE = pytest.mark.parametrize("platform", ["vertexai"], indirect=True)

PARTS = {
    "text": [said("Hé"), said("llo\n"), said("!")],
    "thoughts": [thought("hm"), thought("m\n\n"), said("a", thoughtSignature="c2ln"), said("b")],
    "calls": [said("Look"), call("one", {"a_b": [1, {"c": None}]}, "c2ln", id="x"), call("two", {}, id="y")],
    "a signature at the end": [said("a"), said("", thoughtSignature="c2ln")],
}


def kinds(parts: list[Any]) -> dict[str, Any]:
    """What the SDK read, in our words."""
    return {
        "text": "".join(part.text for part in parts if part.text and not part.thought),
        "reasoning": "".join(part.text for part in parts if part.text and part.thought),
        "calls": [
            (part.function_call.id, part.function_call.name, part.function_call.args)
            for part in parts
            if part.function_call
        ],
        "signatures": [base64.b64encode(part.thought_signature) for part in parts if part.thought_signature],
    }


@ONE
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("name", PARTS)
def test_answers_are_read_as_by_the_sdk(
    server: Capture, platform: Platform, name: str, streamed: bool
) -> None:
    usage = {**USAGE, "thoughtsTokenCount": 4, "cachedContentTokenCount": 2, "totalTokenCount": 16}
    end: dict[str, Any] = {"finish": "STOP", "usageMetadata": usage}
    pieces = [*map(chunk, PARTS[name]), chunk(**end)] if streamed else [chunk(*PARTS[name], **end)]
    case = Case(asked(stream=streamed))
    theirs = play(server, platform, pieces, case)
    answer = read(server, platform, case).answer
    found = kinds([part for piece in theirs for part in piece.candidates[0].content.parts or []])
    ours = answer.message.parts
    assert answer.message.text == found["text"]
    assert "".join(part.text for part in ours if isinstance(part, Reasoning)) == found["reasoning"]
    assert [(one.id, one.name, one.arguments) for one in ours if isinstance(one, ToolCall)] == found["calls"]
    states = [part.opaque.get(KEY, {}) for part in ours]
    assert [s["signature"].encode() for s in states if "signature" in s] == found["signatures"]
    counted = theirs[-1].usage_metadata
    assert answer.usage.input_tokens == counted.prompt_token_count
    assert answer.usage.cached_input_tokens == counted.cached_content_token_count
    assert answer.usage.reasoning_tokens == counted.thoughts_token_count
    assert answer.usage.output_tokens == counted.candidates_token_count + counted.thoughts_token_count
    assert answer.usage.input_tokens + answer.usage.output_tokens == counted.total_token_count
    assert (answer.model, answer.response_id) == (theirs[-1].model_version, theirs[-1].response_id)
    assert theirs[-1].candidates[0].finish_reason == "STOP"
    assert answer.finish_reason == ("tool_calls" if found["calls"] else "stop")


@ONE
def test_a_stream_that_was_cut_is_no_answer_although_the_sdk_says_nothing(
    server: Capture, platform: Platform
) -> None:
    case = Case(asked(stream=True))
    theirs = play(server, platform, [chunk(said("a"))], case)
    assert theirs[-1].text == "a"
    assert isinstance(read(server, platform, case).error, IncompleteResponse)


@ONE
def test_an_error_in_the_stream_is_raised_by_both(server: Capture, platform: Platform) -> None:
    case = Case(asked(stream=True))
    error = {"error": {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}}
    with pytest.raises(errors.ClientError):
        play(server, platform, [chunk(said("a")), error], case)
    assert isinstance(read(server, platform, case).error, RateLimited)


# --- embeddings and models ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "kind", "dimensions"), [(("a", "b"), None, None), (("a",), "query", 2), (("a",), "document", 2)]
)
def test_embeddings_are_asked_and_read_as_by_the_sdk(
    server: Capture, platform: Platform, texts: tuple[str, ...], kind: Any, dimensions: int | None
) -> None:
    """At Vertex AI the current SDK no longer uses predict, which takes several texts; the previous does."""
    name = "gemini-embedding-001" if platform.provider is GEMINI else "text-embedding-005"
    predicted = {"embeddings": {"values": [0.25, -0.5], "statistics": {"token_count": 3}}}
    server.answer = json.dumps(
        {"embeddings": [{"values": [0.25, -0.5]}] * len(texts), "predictions": [predicted] * len(texts)}
        | ({"embedding": {"values": [0.25, -0.5]}} if len(texts) == 1 else {})
    ).encode()
    config: Any = {
        **({"task_type": f"RETRIEVAL_{kind.upper()}"} if kind else {}),
        **({"output_dimensionality": dimensions} if dimensions else {}),
    }
    if platform.provider is not GEMINI:
        config["auto_truncate"] = False  # which only Vertex AI has
    theirs = platform.sdk.models.embed_content(model=name, contents=list(texts), config=config or None)
    assert platform.provider.embed
    ours = platform.provider.embed(
        platform.client, ModelSettings(name=name), EmbedRequest("c:m", texts, kind, dimensions)
    )
    if platform.provider is GEMINI or OLD:
        assert_same_request(server, platform, ours.request)
    vectors = [list(memoryview(v).cast("f")) for v in fed(ours.decoder, server.answer).answer.vectors]
    assert vectors == [row.values for row in theirs.embeddings]


def test_the_second_embedding_model_is_asked_as_by_the_sdk(server: Capture, platform: Platform) -> None:
    """For one text: of two the SDK makes one vector."""
    name = "gemini-embedding-2"
    server.answer = json.dumps(
        {"embedding": {"values": [0.5]}}
        | ({} if platform.provider is VERTEXAI else {"embeddings": [{"values": [0.5]}]})
    ).encode()
    config: Any = {"output_dimensionality": 1}
    if platform.provider is VERTEXAI:
        config["auto_truncate"] = False  # which nobody else has
    platform.sdk.models.embed_content(model=name, contents=["a"], config=config)
    assert platform.provider.embed
    ours = platform.provider.embed(
        platform.client, ModelSettings(name=name), EmbedRequest("c:m", ("a",), dimensions=1)
    )
    assert_same_request(server, platform, ours.request)
    assert fed(ours.decoder, server.answer).answer.vectors


def test_models_are_listed_as_by_the_sdk(server: Capture, platform: Platform) -> None:
    rows = [
        {"name": f"{'publishers/google/' if platform.provider is VERTEXAI else ''}models/{n}"} for n in "ab"
    ]
    server.answer = json.dumps({"models": rows, "publisherModels": rows}).encode()
    theirs = list(platform.sdk.models.list(config={"page_size": MAX_MODELS, "query_base": True}))
    assert platform.provider.list_models
    ours = platform.provider.list_models(platform.client)
    assert_same_request(server, platform, ours.request)
    names = [(model.name or "").rpartition("models/")[2] for model in theirs]
    assert list(fed(ours.decoder, server.answer).answer) == names
