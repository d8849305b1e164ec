"""The official SDKs against a server of ours."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.fakes.capture import Capture, capturing


@pytest.fixture
def server() -> Iterator[Capture]:
    with capturing() as capture:
        yield capture


@pytest.fixture
def sdk(server: Capture) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="sk-test",
        base_url=f"{server.url}/v1",
        organization="org-x",
        project="proj-x",
        max_retries=0,
    ) as client:
        yield client
