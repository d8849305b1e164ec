"""The whole path with Gemini and Vertex AI: a tool loop with signatures, a quota, texts one by one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from lokid.chat import (
    ChatRequest,
    ChatResult,
    EmbedRequest,
    Event,
    Message,
    RetryNotice,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from lokid.errors import AuthenticationFailed, QuotaExceeded
from lokid.providers.registry import PROVIDERS
from lokid.runtime.chat import chat, dry_run
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.embed import embed
from tests.fakes.generating import STOP, call, chunk, said
from tests.fakes.generating import stream as wire
from tests.fakes.provider import FakeProvider, answer, stream

pytestmark = pytest.mark.anyio

KEY = "AIzaCanary-0123456789abcdef"
QUESTION = ChatRequest("gemini:gemini-3.8-flash", (Message("user", (Text("hi"),)),), stream=True)


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@asynccontextmanager
async def opened(url: str, kind: str = "gemini", **keys: Any) -> AsyncIterator[OpenClient]:
    entry = {"type": kind, "name": kind, "api_base": url, "api_key": SecretStr(KEY)} | keys
    around = Surroundings(environ={}, directory="/", spawn=lambda *_: None)
    client = OpenClient(PROVIDERS[kind].settings.model_validate(entry), PROVIDERS[kind], around)
    try:
        yield client
    finally:
        await client.aclose()


async def ask(client: OpenClient, request: ChatRequest, heard: list[Event] | None = None) -> ChatResult:
    async def emit(events: Sequence[Event]) -> None:
        if heard is not None:
            heard.extend(events)

    return await chat(client, request, emit=emit, accepted=anyio.lowlevel.checkpoint)


def refused(code: int, status: str, *details: Any) -> bytes:
    return json.dumps(
        [{"error": {"code": code, "message": "No.", "status": status, "details": details}}]
    ).encode()


async def test_a_tool_loop_sends_back_the_signatures(provider: FakeProvider) -> None:
    parts = [call("one", {"a": 1}, "sig"), call("two", {})]
    provider.will(stream(wire(chunk(*parts), STOP)), stream(wire(chunk(said("noon")), STOP)))
    async with opened(provider.url) as client:
        asked = replace(QUESTION, tools=(Tool("one"), Tool("two")))
        first = await ask(client, asked)
        calls = [part for part in first.answer.message.parts if isinstance(part, ToolCall)]
        results = tuple(ToolResult(one.id, one.name, "x") for one in reversed(calls))
        messages = (*asked.messages, first.answer.message, Message("tool", results))
        second = await ask(client, replace(asked, messages=messages))
    assert second.answer.message.text == "noon"
    assert second.answer.usage and second.answer.usage.output_tokens == 3
    sent = provider.requests[1]
    assert sent.target == "/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    assert sent.headers["x-goog-api-key"] == KEY
    assert sent.json["contents"][1] == {"role": "model", "parts": parts}
    names = [part["functionResponse"]["name"] for part in sent.json["contents"][2]["parts"]]
    assert (sent.json["contents"][2]["role"], names) == ("user", ["one", "two"])


async def test_a_key_that_is_not_valid_has_status_400_and_is_told_as_such(provider: FakeProvider) -> None:
    provider.will(answer(400, refused(400, "INVALID_ARGUMENT", {"reason": "API_KEY_INVALID"})))
    async with opened(provider.url) as client:
        with pytest.raises(AuthenticationFailed) as error:
            await ask(client, QUESTION)
    assert error.value.client == "gemini" and error.value.hint


async def test_the_delay_in_the_body_is_waited_for(provider: FakeProvider) -> None:
    provider.will(
        answer(429, refused(429, "RESOURCE_EXHAUSTED", {"retryDelay": "0.01s"})),
        stream(wire(chunk(said("a")), STOP)),
    )
    heard: list[Event] = []
    async with opened(provider.url) as client:
        result = await ask(client, QUESTION, heard)
    assert result.attempts == 2
    assert any(isinstance(event, RetryNotice) for event in heard)


async def test_a_quota_of_the_day_is_not_tried_again(provider: FakeProvider) -> None:
    quota = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    provider.will(answer(429, refused(429, "RESOURCE_EXHAUSTED", quota, {"retryDelay": "0.01s"})))
    async with opened(provider.url) as client:
        with pytest.raises(QuotaExceeded):
            await ask(client, QUESTION)
    assert len(provider.requests) == 1


async def test_texts_go_one_by_one_where_the_model_takes_no_more(provider: FakeProvider) -> None:
    texts = ("a", "b", "c")
    row = {"embeddings": {"values": [1.0], "statistics": {"token_count": 2}}}
    provider.will(*(answer(body=json.dumps({"predictions": [row]}).encode()) for _ in texts))
    keys = {"project_id": "p", "location": "eu", "access_token": SecretStr(KEY), "api_key": None}
    async with opened(provider.url, "vertexai", **keys) as client:
        request = EmbedRequest("vertexai:gemini-embedding-001", texts)
        done = await embed(client, request, accepted=anyio.lowlevel.checkpoint)
    assert len(done.answer.vectors) == 3 and done.answer.usage and done.answer.usage.input_tokens == 6
    assert sorted(sent.json["instances"][0]["content"] for sent in provider.requests) == [*texts]
    assert {sent.headers["authorization"] for sent in provider.requests} == {f"Bearer {KEY}"}


async def test_a_dry_run_shows_the_request_without_the_key(provider: FakeProvider) -> None:
    async with opened(provider.url) as client:
        shown = json.dumps(await dry_run(client, QUESTION), default=str)
    assert KEY not in shown and "streamGenerateContent?alt=sse" in shown
