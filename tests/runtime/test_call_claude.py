"""The whole path with Claude: a tool loop with thinking, a version that a patch decides, an overload."""

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
    Event,
    Message,
    ReasoningDelta,
    RetryNotice,
    Text,
    TextDelta,
    Tool,
    ToolResult,
)
from lokid.errors import Overloaded
from lokid.providers.registry import PROVIDERS
from lokid.runtime.chat import chat, dry_run
from lokid.runtime.clients import OpenClient, Surroundings
from tests.fakes.messages import called, end, said, start, thought, wire
from tests.fakes.provider import FakeProvider, answer, stream

pytestmark = pytest.mark.anyio

KEY = "sk-ant-canary-0123456789abcdef"
QUESTION = ChatRequest("claude:claude-sonnet-4-5", (Message("user", (Text("hi"),)),), stream=True)
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@asynccontextmanager
async def opened(url: str, **keys: Any) -> AsyncIterator[OpenClient]:
    kind = PROVIDERS["claude"]
    entry = {"type": "claude", "name": "claude", "api_base": f"{url}/v1", "api_key": SecretStr(KEY)} | keys
    around = Surroundings(environ={}, directory="/", spawn=lambda *_: None)
    client = OpenClient(kind.settings.model_validate(entry), kind, around)
    try:
        yield client
    finally:
        await client.aclose()


async def ask(client: OpenClient, request: ChatRequest, heard: list[Event]) -> ChatResult:
    async def emit(events: Sequence[Event]) -> None:
        heard.extend(events)

    return await chat(client, request, emit=emit, accepted=anyio.lowlevel.checkpoint)


async def test_a_tool_loop_with_thinking_sends_back_what_claude_thought(provider: FakeProvider) -> None:
    provider.will(
        stream(wire([start(), *thought(0, "hm"), *called(1, "toolu_1", "now", ""), *end("tool_use")])),
        stream(wire([start(), *said(0, "noon"), *end()])),
    )
    asked = replace(QUESTION, tools=(Tool("now"),), reasoning="low")
    heard: list[Event] = []
    async with opened(provider.url) as client:
        first = await ask(client, asked, heard)
        results = Message("tool", (ToolResult("toolu_1", "now", "12:00"),))
        asked = replace(asked, messages=(*asked.messages, first.answer.message, results))
        second = await ask(client, asked, heard)
    assert ReasoningDelta("hm") in heard and TextDelta("noon") in heard
    assert (first.answer.finish_reason, second.answer.message.text) == ("tool_calls", "noon")
    one, two = provider.requests
    assert one.target == "/v1/messages"
    assert (one.headers["x-api-key"], one.headers["anthropic-version"]) == (KEY, "2026-10-21")
    assert two.json["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert two.json["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "12:00"}],
        },
    ]


async def test_an_overload_is_tried_again_unless_the_answer_had_begun(
    provider: FakeProvider,
) -> None:
    provider.will(
        answer(529, json.dumps(OVERLOADED).encode()),
        stream(wire([start(), *said(0, "a"), *end()])),
        stream(wire([start(), *said(0, "half"), OVERLOADED])),
    )
    heard: list[Event] = []
    async with opened(provider.url) as client:
        result = await ask(client, QUESTION, heard)
        assert (result.attempts, result.answer.message.text) == (2, "a")
        assert any(isinstance(event, RetryNotice) for event in heard)
        with pytest.raises(Overloaded) as error:
            await ask(client, QUESTION, heard)
    assert error.value.client == "claude"
    assert heard[-1] == TextDelta("half")
    assert len(provider.requests) == 3


async def test_a_dry_run_shows_the_version_that_a_patch_needs_and_no_key(provider: FakeProvider) -> None:
    patch = {"chat_completions": {".*": {"body": {"top_k": 5}, "headers": {"anthropic-beta": "x"}}}}
    async with opened(provider.url, patch=patch) as client:
        shown = await dry_run(client, QUESTION)
    assert shown["headers"]["anthropic-version"] == "2023-06-01"
    assert shown["headers"]["anthropic-beta"]
    assert shown["body"]["top_k"] == 5
    assert KEY not in str(shown)
    assert provider.requests == []
