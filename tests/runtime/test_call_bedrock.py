"""The whole path to Bedrock: what arrives is what was signed, and streams of events come out as events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Event, Message, RerankRequest, Text, TextDelta
from lokid.errors import AuthenticationFailed, RateLimited
from lokid.protocols.http import HTTPRequest
from lokid.protocols.sigv4 import AccessKey, sign
from lokid.providers.registry import PROVIDERS
from lokid.runtime.chat import chat, dry_run
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.embed import embed
from lokid.runtime.listing import refresh
from lokid.runtime.rerank import rerank
from tests.fakes import frames
from tests.fakes.provider import FakeProvider, Received, answer, stream

pytestmark = pytest.mark.anyio

KEY = AccessKey("AKIDEXAMPLE", "secret-canary-0123456789", "session-canary-0123456789")
EVENTS = "application/vnd.amazon.eventstream"
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
STOP = ("messageStop", {"stopReason": "end_turn"})


@pytest.fixture
async def provider() -> FakeProvider:
    async with FakeProvider() as provider:
        yield provider


@asynccontextmanager
async def opened(url: str, **more) -> AsyncIterator[OpenClient]:
    kind = PROVIDERS["bedrock"]
    keys = {"access_key_id": KEY.id, "secret_access_key": KEY.secret, "session_token": KEY.session_token}
    secrets = {key: SecretStr(value) for key, value in keys.items()} if "api_key" not in more else {}
    patch = {"chat_completions": {".*": {"headers": {"X-Gateway": "two   words"}}}}
    settings = kind.settings(
        type="bedrock", name="aws", region="us-east-1", api_base=url, patch=patch, **secrets, **more
    )
    client = OpenClient(settings, kind, Surroundings(environ={}, directory="/", spawn=lambda *_: None))
    try:
        yield client
    finally:
        await client.aclose()


def question(model: str = ARN, *, streams: bool = True) -> ChatRequest:
    return ChatRequest(f"aws:{model}", (Message("user", (Text("hi é ☕"),)),), stream=streams)


async def ask(client: OpenClient, request: ChatRequest, heard: list[Event] | None = None):
    async def emit(events: Sequence[Event]) -> None:
        (heard if heard is not None else []).extend(events)

    return await chat(client, request, emit=emit, accepted=anyio.lowlevel.checkpoint)


def verified(received: Received) -> None:
    """As Bedrock does it: signs what arrived once more."""
    found = received.headers["authorization"]
    names = found.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "content-type", "x-amz-date", "x-amz-security-token"} <= {*names}
    request = HTTPRequest(
        received.method,
        f"http://{received.headers['host']}{received.target}",
        {name: received.headers[name] for name in names},
        received.json,
    )
    assert request.content() == received.body
    at = datetime.strptime(received.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    signed = sign(request, KEY, region="us-east-1", service="bedrock", now=at.timestamp())
    assert signed.headers["authorization"] == found


async def test_what_arrives_is_what_was_signed(provider):
    events = [frames.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hello"}})]
    provider.will(stream(*events, frames.converse(STOP), kind=EVENTS))
    heard: list[Event] = []
    async with opened(provider.url) as client:
        result = await ask(client, question(), heard)
    assert heard == [TextDelta("hello")]
    assert result.answer.message.text == "hello"
    (received,) = provider.requests
    assert received.target == f"/model/{ARN.replace(':', '%3A').replace('/', '%2F')}/converse-stream"
    assert "x-gateway" in received.headers["authorization"]
    verified(received)


async def test_embeddings_and_ranks_are_signed_too(provider):
    vector = answer(200, b'{"embedding": [1.0, 2.0], "inputTextTokenCount": 3}')
    ranks = b'{"results": [{"index": 1, "relevanceScore": 0.9}, {"index": 0, "relevanceScore": 0.1}]}'
    provider.will(vector, vector, answer(200, ranks))
    accepted = anyio.lowlevel.checkpoint
    models = [
        {"name": "amazon.titan-embed-text-v2:0", "type": "embedding"},
        {"name": "amazon.rerank-v1:0", "type": "reranker"},
    ]
    async with opened(provider.url, models=models) as client:
        request = EmbedRequest("aws:amazon.titan-embed-text-v2:0", ("a", "b"))
        embedded = await embed(client, request, accepted=accepted)
        request = RerankRequest("aws:amazon.rerank-v1:0", "q", ("a", "b"))
        ranked = await rerank(client, request, accepted=accepted)
    assert len(embedded.answer.vectors) == 2 and embedded.answer.usage.input_tokens == 6
    assert [score.index for score in ranked.answer.results] == [1, 0]
    assert len(provider.requests) == 3
    for received in provider.requests:
        verified(received)


async def test_throttling_is_tried_again_with_a_new_signature(provider):
    slow = answer(429, b'{"message": "Too many requests"}', **{"x-amzn-errortype": "ThrottlingException:x"})
    body = {"output": {"message": {"content": [{"text": "hi"}]}}, "stopReason": "end_turn"}
    provider.will(slow, answer(200, json.dumps(body).encode()))
    async with opened(provider.url) as client:
        result = await ask(client, question(streams=False))
    assert result.attempts == 2
    for received in provider.requests:
        verified(received)


async def test_throttling_in_a_stream_is_an_error_and_not_tried_again(provider):
    provider.will(stream(frames.exception("throttlingException", "Too many requests"), kind=EVENTS))
    async with opened(provider.url) as client:
        with pytest.raises(RateLimited, match="Too many requests") as caught:
            await ask(client, question())
    assert caught.value.client == "aws" and len(provider.requests) == 1


async def test_a_rejected_key_is_named_and_not_shown(provider):
    said = {"message": f"The security token {KEY.session_token} is invalid"}
    refused = {"x-amzn-errortype": "UnrecognizedClientException"}
    provider.will(answer(403, json.dumps(said).encode(), **refused))
    async with opened(provider.url) as client:
        with pytest.raises(AuthenticationFailed) as caught:
            await ask(client, question())
    assert KEY.session_token not in str(caught.value)
    assert "secret_access_key" in caught.value.hint


async def test_a_dry_run_shows_no_secret(provider):
    async with opened(provider.url) as client:
        shown = await dry_run(client, question())
    text = json.dumps(shown)
    assert KEY.secret not in text and KEY.session_token not in text and KEY.id not in text
    assert "Signature=" not in text
    assert shown["origins"]["headers.x-gateway"]


async def test_models_are_listed_with_an_api_key(provider):
    listed = {"modelSummaries": [{"modelId": "amazon.nova-lite-v1:0"}, {"modelId": "cohere.embed-v4:0"}]}
    provider.will(answer(200, json.dumps(listed).encode()))
    async with opened(provider.url, api_key=SecretStr("bedrock-api-key")) as client:
        await refresh(client)
        found = {model.name: model.type for model in client.offered}
    assert found == {"amazon.nova-lite-v1:0": "chat", "cohere.embed-v4:0": "embedding"}
    (received,) = provider.requests
    assert received.target == "/foundation-models?byInferenceType=ON_DEMAND"
    assert received.headers["authorization"] == "Bearer bedrock-api-key"
