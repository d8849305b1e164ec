"""When a server that lokid has started is asked."""

from __future__ import annotations

import anyio
import pytest

from lokid.runtime.launching import readiness
from lokid.runtime.launching.readiness import ready
from lokid.runtime.network.http import Timeouts
from tests.fakes.provider import Call, FakeProvider, Step, answer, close, endless
from tests.runtime.test_call_openai import opened

pytestmark = pytest.mark.anyio

OK, LOADING = answer(200, b'{"data": []}'), answer(503, b'{"error": {"message": "Loading model"}}')
LLAMA = answer(200, b'{"data": []}', server="llama.cpp")


def at(models: Step, health: Step) -> Step:
    async def step(call: Call) -> None:
        await {"/v1/models": models, "/health": health}[call.request.target](call)

    return step


@pytest.mark.parametrize(
    ("models", "health", "is_ready"),
    [
        (LLAMA, OK, True),
        (LLAMA, answer(404, b"{}"), True),
        (LLAMA, close(), True),
        (LLAMA, answer(500, b"{}"), True),
        (answer(401, b"{}"), answer(401, b"{}"), True),
        (LLAMA, LOADING, False),
        (OK, LOADING, True),  # LiteLLM's, whose look at its models costs, and one whose database is down
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


@pytest.mark.parametrize("health", [True, False])
async def test_what_never_ends_is_no_reason_to_wait(health: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PROBE", Timeouts(connect=2.0, first_byte=5.0, idle=0.2))
    forever = endless(b": alive\n\n", server="llama.cpp")
    step = at(LLAMA, forever) if health else at(forever, OK)
    async with FakeProvider(default=step) as provider, opened(provider.url) as client:
        with anyio.fail_after(5):
            assert await ready(client, f"{provider.url}/v1")
