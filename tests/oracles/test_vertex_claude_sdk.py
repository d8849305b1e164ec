"""The official ``anthropic`` package as an oracle for Claude on Vertex AI: lokid sends what it sends.

What is installed is the current generation; ``test_previous_generation`` runs them with the one before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, Message, Text
from lokid.providers.base import Credentials
from lokid.providers.settings import ModelSettings
from lokid.providers.vertexai import VERTEXAI
from tests.fakes.capture import Capture

OLD = anthropic.__version__.startswith("0.")
MODEL = "claude-sonnet-4-5@20250929"

CASES: dict[str, dict[str, Any]] = {
    "whole": {},
    "stream": {"stream": True},
    # The previous generation always sends the former version, lokid only where the request needs it.
    "sampling": {"temperature": 0.5},
}


@pytest.fixture
def sdk(server: Capture) -> Iterator[anthropic.AnthropicVertex]:
    with anthropic.AnthropicVertex(
        region="eu", project_id="p", access_token="t", base_url=f"{server.url}/v1", max_retries=0
    ) as client:
        yield client


@pytest.mark.parametrize("name", CASES)
def test_claude_is_asked_as_the_sdk_asks(server: Capture, sdk: anthropic.AnthropicVertex, name: str) -> None:
    said = dict(CASES[name])
    request = ChatRequest("c:m", (Message("user", (Text("hi"),)),), max_tokens=100, **said)
    if said.get("stream"):
        server.answer, server.content_type = b"", "text/event-stream"
    if "temperature" in said:  # no argument of the current generation
        said = {"extra_body": said}
    answer = sdk.messages.create(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "hi"}], **said
    )
    if isinstance(answer, anthropic.Stream):
        answer.close()
    entry = {
        "type": "vertexai",
        "api_base": server.url,
        "project_id": "p",
        "location": "eu",
        "access_token": "t",
    }
    client = VERTEXAI.settings.model_validate(entry)
    assert VERTEXAI.chat
    ours = VERTEXAI.chat(client, ModelSettings(name=MODEL), request).request
    sent = server.sent[-1]
    assert (ours.method, ours.url) == (sent.method, f"{server.url}{sent.path}") and not sent.query
    signed = VERTEXAI.authorize(client, Credentials({"access_token": SecretStr("t")}, 0.0), ours)
    assert signed.headers == {"authorization": sent.headers["authorization"]}
    ours_body, body = json.loads(ours.content()), sent.body
    if ("temperature" in body) == OLD:  # else each has its own version, on purpose
        assert ours_body["anthropic_version"] == body["anthropic_version"]
    for one in (ours_body, body):
        del one["anthropic_version"]
    assert ours_body == body
