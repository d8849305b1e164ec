"""The official ``anthropic`` package as an oracle for Claude on Vertex AI: lokid sends what it sends.

``LOKID_OLD_SDKS`` names a directory with the previous generation: these tests then run once more with that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
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

OLD_SDKS = os.environ.get("LOKID_OLD_SDKS")
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


@pytest.mark.skipif(not OLD_SDKS, reason="LOKID_OLD_SDKS names no directory")
def test_all_this_holds_for_the_previous_generation() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "LOKID_OLD_SDKS"}
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (OLD_SDKS, environ.get("PYTHONPATH"))))
    program = [sys.executable, "-c", "import anthropic; print(anthropic.__version__)"]
    version = subprocess.run(program, env=environ, check=True, capture_output=True, text=True).stdout
    assert version.startswith("0.")
    again = [sys.executable, "-m", "pytest", "-q", __file__, "--deselect", f"{__file__}::{_SELF}"]
    done = subprocess.run(again, env=environ, check=False, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout[-3000:]


_SELF = test_all_this_holds_for_the_previous_generation.__name__
