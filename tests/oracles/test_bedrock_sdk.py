"""botocore and boto3 against lokid: signatures, event streams, requests and answers."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from lokid.chat import (
    Answer,
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
from lokid.dialects.bedrock_converse import KEY
from lokid.dialects.bedrock_converse_answer import ConverseStreamDecoder, whole_converse_decoder
from lokid.dialects.traits import Traits
from lokid.errors import IncompleteResponse, LokidError, ProviderFailed
from lokid.protocols.event_stream import BrokenStream, EventStreamParser, StreamMessage
from lokid.protocols.http import HTTPRequest
from lokid.protocols.sigv4 import AccessKey, sign
from lokid.providers import catalogue
from lokid.providers.base import Credentials
from lokid.providers.bedrock import BedrockSettings, authorize, chat, embed, rerank
from lokid.providers.settings import ModelSettings
from tests.fakes import frames
from tests.fakes.capture import Capture
from tests.fakes.feeding import Fed, fed

boto3 = pytest.importorskip("boto3")
import botocore.auth  # noqa: E402
import botocore.eventstream  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.credentials import Credentials as BotoCredentials  # noqa: E402
from botocore.exceptions import EventStreamError  # noqa: E402

NOW = 1735787045.0
REGION = "us-east-1"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "session_token": "token=="}


# --- signatures


def by_botocore(request: HTTPRequest, key: AccessKey) -> dict[str, str]:
    signing = AWSRequest(request.method, request.url, dict(request.headers), request.content())
    credentials = BotoCredentials(key.id, key.secret, key.session_token)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: datetime.fromtimestamp(NOW, UTC))
        botocore.auth.SigV4Auth(credentials, "bedrock", REGION).add_auth(signing)
    return {name.lower(): value for name, value in signing.headers.items()}


def agrees(request: HTTPRequest, token: str | None = None) -> None:
    key = AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    ours = sign(request, key, region=REGION, service="bedrock", now=NOW)
    assert {name.lower(): value for name, value in ours.headers.items()} == by_botocore(request, key)


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzE+/=="])
@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", CLAUDE, ARN, "plain"])
def test_signatures_of_requests_are_botocores(model: str, token: str | None) -> None:
    client = BedrockSettings(type="bedrock", name="b", region=REGION)
    asked = ChatRequest("b:m", (Message("user", (Text("é ☕"),)),))
    request = chat(client, ModelSettings(name=model), asked).request
    agrees(request, token)
    patched = {"x-b": "2", "X-Amzn-Trace": "  a \t b  ", "user-agent": "u", "a-first": "1"}
    agrees(replace(request, headers={**request.headers, **patched}), token)


SEGMENT = st.text("ab.-_~%:@!$&'()*+,;= é", max_size=6)
PAIR = st.text("ab.-_~%=", max_size=5)
NAME = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True).filter(lambda name: name not in ("date", "host"))
HOSTS = st.sampled_from(["h.example", "H.Example:443", "h.example:8443", "127.0.0.1:99", "[::1]:80"])


@given(
    st.sampled_from(["GET", "POST", "put"]),
    st.sampled_from(["https", "http"]),
    HOSTS,
    st.lists(SEGMENT, max_size=5),
    st.lists(PAIR, max_size=4),
    st.dictionaries(NAME, st.text("ab \t,é", max_size=8), max_size=4),
    st.none() | st.text(max_size=10) | st.dictionaries(st.text(max_size=3), st.integers()),
    st.none() | st.text("ab=/", min_size=1, max_size=8),
)
@settings(deadline=None)
def test_signatures_of_any_request_are_botocores(
    method: str,
    scheme: str,
    host: str,
    path: list[str],
    query: list[str],
    headers: dict[str, str],
    body: Any,
    token: str | None,
) -> None:
    url = f"{scheme}://{host}/{'/'.join(path)}" + (f"?{'&'.join(query)}" if query else "")
    agrees(HTTPRequest(method, url, headers, body), token)


# --- event streams


def ours(data: bytes) -> list[StreamMessage]:
    parser = EventStreamParser()
    return parser.feed(data)


def theirs(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers, message.payload) for message in buffer]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUE = st.one_of(
    st.sampled_from([(0, b""), (1, b"")]),
    *(
        st.binary(min_size=n, max_size=n).map(lambda value, kind=kind: (kind, value))
        for kind, n in ((2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16))
    ),
    st.binary(max_size=20).map(lambda value: (6, frames.counted(value))),
    TEXT.map(lambda value: (7, frames.counted(value.encode()))),
)
FRAME = st.builds(
    lambda headers, payload: frames.frame([(name, *value) for name, value in headers.items()], payload),
    st.dictionaries(TEXT, VALUE, max_size=5),
    st.binary(max_size=50),
)


@given(st.lists(FRAME, max_size=4))
@settings(deadline=None)
def test_event_streams_are_read_as_botocore_reads_them(written: list[bytes]) -> None:
    data = b"".join(written)
    assert [(dict(message.headers), message.payload) for message in ours(data)] == theirs(data)


@given(FRAME, st.data())
@settings(deadline=None)
def test_damaged_messages_are_refused_as_botocore_refuses_them(written: bytes, data: st.DataObject) -> None:
    damaged = bytearray(written)
    damaged[data.draw(st.integers(0, len(written) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(botocore.eventstream.ParserError):
        theirs(bytes(damaged))
    with pytest.raises(BrokenStream):
        ours(bytes(damaged))


# --- requests


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture
def sdk(server: Capture) -> Iterator[Any]:
    client = boto(server, "bedrock-runtime")
    yield client
    client.close()


def boto(server: Capture, service: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=KEYS["access_key_id"],
        aws_secret_access_key=KEYS["secret_access_key"],
        aws_session_token=KEYS["session_token"],
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def settings_of(server: Capture) -> BedrockSettings:
    return BedrockSettings(type="bedrock", name="b", region=REGION, api_base=server.url)


def model(name: str) -> ModelSettings:
    return catalogue.complete("bedrock", ModelSettings(name=name))


def same(server: Capture, request: HTTPRequest) -> None:
    """Method, address, body, what is signed and for whom."""
    [sent] = server.sent
    assert (request.method, request.url) == (sent.method, f"{server.url}{sent.path}")
    assert json.loads(request.content()) == sent.body
    credentials = Credentials({key: SecretStr(value) for key, value in KEYS.items()}, NOW)
    headers = authorize(settings_of(server), credentials, request).headers
    assert headers["content-type"] == sent.headers["content-type"]
    assert headers["x-amz-security-token"] == sent.headers["x-amz-security-token"]
    signed = re.compile(r"Credential=(\w+)/\d+/(\S+), SignedHeaders=(\S+),")
    [(who, scope, names)] = signed.findall(headers["authorization"])
    [(their, their_scope, their_names)] = signed.findall(sent.headers["authorization"])
    assert (who, scope) == (their, their_scope)
    # boto3 asks what is invoked for JSON in words, and lokid for anything.
    assert names.split(";") == [name for name in their_names.split(";") if name != "accept"]


def asked(*messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest("b:m", messages or (HELLO,), **more)


HELLO = Message("user", (Text("hi é ☕"),))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
PNG = b"\x89PNG"
SIGNED = {KEY: {"origin": f"b:{CLAUDE}", "signature": "sig=="}}
ROUND = (
    HELLO,
    Message("assistant", (Reasoning("hmm", SIGNED), Text("so"), ToolCall("t1", "weather", {"city": "Oslo"}))),
    Message("tool", (ToolResult("t1", "weather", "boom", is_error=True),)),
    Message("user", (Text("and?"), Image("image/jpeg", PNG))),
)
WIRE_HELLO = {"role": "user", "content": [{"text": "hi é ☕"}]}
CONVERSATIONS: dict[str, tuple[ChatRequest, dict[str, Any]]] = {
    "text": (
        asked(system="be short", temperature=0.5, max_tokens=9, stop=("END",)),
        {
            "messages": [WIRE_HELLO],
            "system": [{"text": "be short"}],
            "inferenceConfig": {"temperature": 0.5, "maxTokens": 9, "stopSequences": ["END"]},
        },
    ),
    "tools": (
        asked(
            *ROUND,
            tools=(Tool("weather", "Weather", SCHEMA, strict=True), Tool("now")),
            tool_choice=NamedTool("now"),
        ),
        {
            "messages": [
                WIRE_HELLO,
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "hmm", "signature": "sig=="}}},
                        {"text": "so"},
                        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "t1", "content": [{"text": "boom"}], "status": "error"}},
                        {"text": "and?"},
                        {"image": {"format": "jpeg", "source": {"bytes": PNG}}},
                    ],
                },
            ],
            "toolConfig": {
                "tools": [
                    {
                        "toolSpec": {
                            "name": "weather",
                            "description": "Weather",
                            "inputSchema": {"json": SCHEMA},
                            "strict": True,
                        }
                    },
                    {
                        "toolSpec": {
                            "name": "now",
                            "inputSchema": {"json": {"type": "object", "properties": {}}},
                        }
                    },
                ],
                "toolChoice": {"tool": {"name": "now"}},
            },
        },
    ),
    "schema": (
        asked(response_schema=ResponseSchema(SCHEMA, "weather")),
        {
            "messages": [WIRE_HELLO],
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {
                        "jsonSchema": {
                            "name": "weather",
                            "schema": json.dumps(SCHEMA, separators=(",", ":")),
                        }
                    },
                }
            },
        },
    ),
    "reasoning": (
        asked(reasoning=2000, max_tokens=4000),
        {
            "messages": [WIRE_HELLO],
            "inferenceConfig": {"maxTokens": 4000},
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        },
    ),
}


@pytest.mark.parametrize(
    ("case", "name"),
    [
        *((case, CLAUDE) for case in CONVERSATIONS),
        *((case, ARN) for case in CONVERSATIONS if case != "tools"),  # whose signature is of another model
    ],
)
def test_boto3_sends_what_we_send(sdk: Any, server: Capture, case: str, name: str) -> None:
    request, wire = CONVERSATIONS[case]
    server.answer = json.dumps(whole({"text": "hi"})).encode()
    sdk.converse(modelId=name, **wire)
    same(server, chat(settings_of(server), model(name), request).request)


def test_boto3_streams_what_we_stream(sdk: Any, server: Capture) -> None:
    server.answer, server.content_type = frames.converse(STOP), EVENTS
    list(sdk.converse_stream(modelId=CLAUDE, messages=[WIRE_HELLO])["stream"])
    same(server, chat(settings_of(server), model(CLAUDE), asked(stream=True)).request)


@pytest.mark.parametrize(
    ("name", "wire", "request_"),
    [
        (
            "cohere.embed-multilingual-v3",
            {"texts": ["a", "b"], "input_type": "search_query"},
            EmbedRequest("b:m", ("a", "b"), "query"),
        ),
        (
            "amazon.titan-embed-text-v2:0",
            {"inputText": "a", "dimensions": 256},
            EmbedRequest("b:m", ("a",), dimensions=256),
        ),
    ],
)
def test_boto3_invokes_what_we_invoke(
    sdk: Any, server: Capture, name: str, wire: Any, request_: EmbedRequest
) -> None:
    sdk.invoke_model(
        modelId=name, body=json.dumps(wire), contentType="application/json", accept="application/json"
    )
    same(server, embed(settings_of(server), model(name), request_).request)


def test_boto3_reranks_what_we_rerank(server: Capture) -> None:
    server.answer = b'{"results": []}'
    client = boto(server, "bedrock-agent-runtime")
    name = "amazon.rerank-v1:0"
    client.rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": "q"}}],
        sources=[
            {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}
            for text in ("a", "b")
        ],
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "numberOfResults": 2,
                "modelConfiguration": {"modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/{name}"},
            },
        },
    )
    client.close()
    request = RerankRequest("b:m", "q", ("a", "b"))
    same(server, rerank(settings_of(server), model(name), request).request)


# --- answers

EVENTS = "application/vnd.amazon.eventstream"
START = ("messageStart", {"role": "assistant"})
STOP = ("messageStop", {"stopReason": "end_turn"})
USAGE = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 12, "cacheReadInputTokens": 4}
TRAITS = Traits("m", origin="c:m")
HIDDEN = base64.b64encode(b"hidden").decode()


def delta(index: int, **content: Any) -> tuple[str, Any]:
    return ("contentBlockDelta", {"contentBlockIndex": index, "delta": content})


STREAM = [
    START,
    delta(0, reasoningContent={"text": "h"}),
    delta(0, reasoningContent={"text": "mm"}),
    delta(0, reasoningContent={"signature": "sig=="}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    delta(1, reasoningContent={"redactedContent": HIDDEN}),
    delta(2, text="so é "),
    delta(2, text="☕"),
    (
        "contentBlockStart",
        {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}},
    ),
    delta(3, toolUse={"input": '{"city":'}),
    delta(3, toolUse={"input": ' "Oslo"}'}),
    ("contentBlockStop", {"contentBlockIndex": 3}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
]


def whole(*blocks: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": list(blocks)}
    return {
        "output": {"message": message},
        "stopReason": "tool_use",
        "usage": USAGE,
        "metrics": {"latencyMs": 1},
    }


def read(data: bytes) -> Fed[Answer]:
    return fed(lambda: ConverseStreamDecoder(TRAITS), data)


def gathered(events: list[Any]) -> dict[str, Any]:
    """What a program that uses boto3 makes of its events."""
    said: dict[str, Any] = {"text": "", "reasoning": "", "signature": "", "hidden": b"", "input": ""}
    for event in events:
        found = event.get("contentBlockDelta", {}).get("delta", {})
        thought = found.get("reasoningContent", {})
        said["text"] += found.get("text", "")
        said["input"] += found.get("toolUse", {}).get("input", "")
        said["reasoning"] += thought.get("text", "")
        said["signature"] += thought.get("signature", "")
        said["hidden"] += thought.get("redactedContent", b"")
        said |= event.get("contentBlockStart", {}).get("start", {}).get("toolUse", {})
        said |= event.get("messageStop", {}) | event.get("metadata", {}).get("usage", {})
    return said


def described(answer: Answer) -> dict[str, Any]:
    parts = answer.message.parts
    signed, hidden = (part for part in parts if isinstance(part, Reasoning))
    [call] = (part for part in parts if isinstance(part, ToolCall))
    assert answer.usage
    return {
        "text": answer.message.text,
        "reasoning": signed.text,
        "signature": signed.opaque[KEY]["signature"],
        "hidden": base64.b64decode(hidden.opaque[KEY]["redacted"]),
        "input": call.arguments,
        "toolUseId": call.id,
        "name": call.name,
        "stopReason": {"tool_calls": "tool_use"}[answer.finish_reason],
        "inputTokens": answer.usage.input_tokens - answer.usage.cached_input_tokens,
        "outputTokens": answer.usage.output_tokens,
        "cacheReadInputTokens": answer.usage.cached_input_tokens,
        "totalTokens": answer.usage.input_tokens + answer.usage.output_tokens,
    }


def test_streams_say_to_boto3_what_they_say_to_us(sdk: Any, server: Capture) -> None:
    server.answer, server.content_type = frames.converse(*STREAM), EVENTS
    found = gathered(list(sdk.converse_stream(modelId=CLAUDE, messages=[WIRE_HELLO])["stream"]))
    found["input"] = json.loads(found["input"])
    assert found == described(read(server.answer).answer)


def test_whole_answers_say_to_boto3_what_they_say_to_us(sdk: Any, server: Capture) -> None:
    call = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}}
    answer = whole(
        {"reasoningContent": {"reasoningText": {"text": "hmm", "signature": "sig=="}}},
        {"reasoningContent": {"redactedContent": HIDDEN}},
        {"text": "so"},
        call,
    )
    server.answer = json.dumps(answer).encode()
    found = sdk.converse(modelId=CLAUDE, messages=[WIRE_HELLO])
    thought, hidden, text, tool = found["output"]["message"]["content"]
    ours = fed(lambda: whole_converse_decoder(TRAITS), server.answer).answer
    assert described(ours) == {
        "text": text["text"],
        "reasoning": thought["reasoningContent"]["reasoningText"]["text"],
        "signature": thought["reasoningContent"]["reasoningText"]["signature"],
        "hidden": hidden["reasoningContent"]["redactedContent"],
        **tool["toolUse"],
        "stopReason": found["stopReason"],
        **found["usage"],
    }


@pytest.mark.parametrize("kind", ["throttlingException", "modelStreamErrorException", "validationException"])
def test_exceptions_in_streams_are_errors_to_both(sdk: Any, server: Capture, kind: str) -> None:
    server.answer = frames.converse(START, delta(0, text="hi")) + frames.exception(kind, "Too bad: é")
    server.content_type = EVENTS
    with pytest.raises(EventStreamError, match="Too bad: é") as error:
        list(sdk.converse_stream(modelId=CLAUDE, messages=[WIRE_HELLO])["stream"])
    assert error.value.response["Error"]["Code"] == kind
    with pytest.raises(LokidError, match="Too bad: é"):
        _ = read(server.answer).answer


def test_errors_in_streams_are_errors_to_both(sdk: Any, server: Capture) -> None:
    server.answer, server.content_type = frames.converse(START) + frames.error("oops", "Too bad"), EVENTS
    with pytest.raises(EventStreamError, match="Too bad"):
        list(sdk.converse_stream(modelId=CLAUDE, messages=[WIRE_HELLO])["stream"])
    with pytest.raises(ProviderFailed, match="Too bad"):
        _ = read(server.answer).answer


def test_a_cut_stream_is_an_error_to_us_and_not_to_boto3(sdk: Any, server: Capture) -> None:
    server.answer, server.content_type = frames.converse(START, delta(0, text="hi"), STOP)[:-7], EVENTS
    assert list(sdk.converse_stream(modelId=CLAUDE, messages=[WIRE_HELLO])["stream"])
    with pytest.raises(IncompleteResponse):
        _ = read(server.answer).answer
