"""When a server that lokid has started is asked."""

from __future__ import annotations

import pytest

from lokid.runtime.launching.readiness import ready
from tests.fakes.provider import Call, FakeProvider, Step, answer, close
from tests.runtime.test_call_openai import opened

pytestmark = pytest.mark.anyio

OK, LOADING = answer(200, b'{"data": []}'), answer(503, b'{"error": {"message": "Loading model"}}')


def at(models: Step, health: Step) -> Step:
    async def step(call: Call) -> None:
        await {"/v1/models": models, "/health": health}[call.request.target](call)

    return step


@pytest.mark.parametrize(
    ("models", "health", "is_ready"),
    [
        (OK, OK, True),
        (OK, answer(404, b"{}"), True),
        (OK, close(), True),
        (OK, answer(500, b"{}"), True),
        (answer(401, b"{}"), answer(401, b"{}"), True),
        (OK, LOADING, False),  # llama.cpp's server
        (LOADING, OK, False),
        (answer(502, b"{}"), OK, False),
        (close(), OK, False),
    ],
)
async def test_is_when_it_lists_its_models_and_does_not_say_that_it_is_loading(
    models: Step, health: Step, is_ready: bool
) -> None:
    async with FakeProvider(default=at(models, health)) as provider, opened(provider.url) as client:
        assert await ready(client, f"{provider.url}/v1") is is_ready
