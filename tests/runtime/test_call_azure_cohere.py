"""The whole path with Cohere and with Azure: a tool loop, a token from a command, batches of texts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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
    ReasoningDelta,
    Text,
    TextDelta,
    Tool,
    ToolResult,
)
from lokid.errors import ContentFiltered
from lokid.providers.registry import PROVIDERS
from lokid.runtime.chat import chat, dry_run
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.embed import embed
from tests.fakes.feeding import stream as events
from tests.fakes.provider import Call, FakeProvider, answer, stream

pytestmark = pytest.mark.anyio

KEY = "canary-0123456789abcdef"


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@asynccontextmanager
async def opened(kind: str, url: str, **keys: Any) -> AsyncIterator[OpenClient]:
    entry = {"type": kind, "name": "mine", "api_base": url} | (keys or {"api_key": SecretStr(KEY)})
    around = Surroundings(environ={"PATH": "/usr/bin:/bin"}, directory="/", spawn=lambda *_: None)
    client = OpenClient(PROVIDERS[kind].settings.model_validate(entry), PROVIDERS[kind], around)
    try:
        yield client
    finally:
        await client.aclose()


async def ask(client: OpenClient, request: ChatRequest, heard: list[Event]) -> ChatResult:
    async def emit(events: Sequence[Event]) -> None:
        heard.extend(events)

    return await chat(client, request, emit=emit, accepted=anyio.lowlevel.checkpoint)


def asked(model: str, *messages: Message, **more: Any) -> ChatRequest:
    return ChatRequest(f"mine:{model}", (Message("user", (Text("hi"),)), *messages), stream=True, **more)


def delta(kind: str, **message: Any) -> dict[str, Any]:
    return {"type": kind, "index": 0, "delta": {"message": message}}


def end(reason: str) -> dict[str, Any]:
    used = {"billed_units": {"input_tokens": 1, "output_tokens": 2}, "tokens": {"input_tokens": 500}}
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": used}}


async def test_a_tool_loop_of_cohere_sends_the_plan_back_and_costs_what_is_billed(
    provider: FakeProvider,
) -> None:
    call = {"id": "t1", "type": "function", "function": {"name": "now", "arguments": ""}}
    said = delta("content-delta", content={"text": "noon"})
    planned = delta("tool-plan-delta", tool_plan="Look")
    provider.will(
        stream(events(planned, delta("tool-call-start", tool_calls=call), end("TOOL_CALL"))),
        stream(events(said, end("COMPLETE"))),
    )
    models = [{"name": "command-a-03-2025", "input_price": 1.0, "output_price": 1.0}]
    heard: list[Event] = []
    async with opened("cohere", f"{provider.url}/v2", api_key=SecretStr(KEY), models=models) as client:
        first = await ask(client, asked("command-a-03-2025", tools=(Tool("now"),)), heard)
        results = Message("tool", (ToolResult("t1", "now", "12:00"),))
        more = asked("command-a-03-2025", first.answer.message, results, tools=(Tool("now"),))
        second = await ask(client, more, heard)
    assert ReasoningDelta("Look") in heard and TextDelta("noon") in heard
    assert (first.answer.finish_reason, second.answer.message.text) == ("tool_calls", "noon")
    assert second.answer.usage and second.answer.usage.input_tokens == 500
    assert second.cost_usd == pytest.approx(3e-6)
    one, two = provider.requests
    assert (one.target, one.headers["authorization"]) == ("/v2/chat", f"Bearer {KEY}")
    assert two.json["messages"][1]["tool_plan"] == "Look"
    assert two.json["messages"][2]["content"] == [{"type": "document", "document": {"data": "12:00"}}]


async def test_more_texts_than_cohere_takes_are_embedded_in_batches(provider: FakeProvider) -> None:
    async def step(call: Call) -> None:
        texts = call.request.json["texts"]
        rows = [[float(text)] for text in texts]
        body = {"embeddings": {"float": rows}, "meta": {"billed_units": {"input_tokens": len(texts)}}}
        await answer(200, json.dumps(body).encode())(call)

    provider.default = step
    async with opened("cohere", provider.url) as client:
        texts = tuple(map(str, range(100)))
        found = await embed(
            client, EmbedRequest("mine:embed-v4.0", texts), accepted=anyio.lowlevel.checkpoint
        )
    assert [memoryview(vector).cast("f")[0] for vector in found.answer.vectors] == [*range(100)]
    assert sorted(len(request.json["texts"]) for request in provider.requests) == [4, 96]
    assert found.answer.usage and found.answer.usage.input_tokens == 100


async def test_a_token_that_a_command_prints_opens_azure(provider: FakeProvider) -> None:
    said = {"index": 0, "delta": {"content": "hey"}, "finish_reason": "stop"}
    provider.will(stream(events({"id": "r1", "choices": [said]})))
    command = {"command": ["printf", "entra.%s", "jwt"]}
    heard: list[Event] = []
    async with opened("azure-openai", provider.url, access_token=command) as client:
        assert client.state() == ("ready", None)
        result = await ask(client, asked("my-deployment"), heard)
    assert result.answer.message.text == "hey"
    [request] = provider.requests
    assert request.target == "/openai/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer entra.jwt"
    assert "api-key" not in request.headers


async def test_a_blocked_prompt_is_one_sentence_with_the_client_and_the_category(
    provider: FakeProvider,
) -> None:
    blocked = {"jailbreak": {"filtered": True, "detected": True}}
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": blocked}
    refusal = {"error": {"code": "content_filter", "message": "Filtered.", "innererror": inner}}
    provider.will(answer(400, json.dumps(refusal).encode()))
    async with opened("azure-openai", provider.url) as client:
        with pytest.raises(ContentFiltered, match="jailbreak") as caught:
            await ask(client, asked("my-deployment"), [])
    assert caught.value.client == "mine"
    assert len(provider.requests) == 1


async def test_a_dry_run_of_the_models_route_shows_its_patched_body_and_no_key(
    provider: FakeProvider,
) -> None:
    patch = {"chat_completions": {".*": {"body": {"safe_prompt": True}}}}
    key = SecretStr(KEY)
    async with opened("azure-openai", f"{provider.url}/models", api_key=key, patch=patch) as client:
        shown = await dry_run(client, asked("Mistral-Large"))
    assert shown["body"]["safe_prompt"] is True
    assert "/models/chat/completions?api-version=" in shown["url"]
    assert KEY not in str(shown)
    assert provider.requests == []
