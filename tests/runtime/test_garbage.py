"""A request that has ended goes at once, with its question and its answer: the collector, for which
everybody waits, has nothing to find."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import anyio
import pytest

from lokid.chat import EmbedRequest, Event
from lokid.errors import LokidError
from lokid.protocols.sse import MAX_EVENT
from lokid.runtime import call
from lokid.runtime.core import Runtime
from tests.fakes.garbage import garbage
from tests.fakes.provider import Call, FakeProvider, Step, answer, raw, reset, stream
from tests.runtime.test_core import accepted, ask, configure, question, running, said, sse

pytestmark = pytest.mark.anyio

TIMES = 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


Asking = Callable[[Runtime], Awaitable[object]]


async def whole(runtime: Runtime) -> None:
    await ask(runtime, question())


async def streamed(runtime: Runtime) -> None:
    await ask(runtime, question(stream=True))


async def refused(runtime: Runtime) -> None:
    with suppress(LokidError):
        await ask(runtime, question(stream=True))


async def abandoned(runtime: Runtime) -> None:
    with anyio.CancelScope() as scope:

        async def emit(_: Sequence[Event]) -> None:
            scope.cancel()

        await runtime.chat(question(stream=True), emit=emit, accepted=accepted)


async def embedded(runtime: Runtime) -> None:
    await runtime.embed(EmbedRequest("a:e", ("x",)), accepted=accepted)


def after_failures() -> Step:
    steps = cycle((answer(429), reset(), reset(), said("hi")))

    async def step(received: Call) -> None:
        await next(steps)(received)

    return step


VECTOR = answer(body=json.dumps({"data": [{"index": 0, "embedding": [0.5]}], "usage": {}}).encode())

CASES: dict[str, tuple[Asking, Step]] = {
    "whole": (whole, said("hi")),
    "streamed": (streamed, stream(*sse("hi", "there"))),
    "embedded": (embedded, VECTOR),
    "and the connection with it": (whole, said("hi", connection="close")),
    "retried": (whole, after_failures()),
    "abandoned": (abandoned, stream(*sse("hi", "there"))),
    "refused": (refused, answer(400)),
    "cut": (refused, stream(*sse("hi")[:1], end=False)),
    "broken": (refused, stream(*sse("hi")[:1], b"data: {nonsense\n\n")),
    "too long an event": (refused, stream(b"data: " + b"x" * (MAX_EVENT + 1))),
    "of a wrong type": (refused, answer(kind="text/html")),
    "badly compressed": (refused, answer(**{"content-encoding": "gzip"})),
    "no HTTP": (refused, raw(b"x\r\n\r\n")),
}


@pytest.mark.parametrize("asking, step", CASES.values(), ids=CASES)
async def test_an_ended_request_leaves_nothing_to_the_collector(
    path: Path, asking: Asking, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call._random, "random", lambda: 0.0)  # no pause
    models = ["m", {"name": "e", "type": "embedding"}]
    async with FakeProvider(default=step) as provider:
        configure(path, {"name": "a", "api_base": provider.url, "models": models, "extra": {}})
        async with running(path) as runtime:
            await asking(runtime)
            with garbage(at_least=TIMES) as left:
                for _ in range(TIMES):
                    await asking(runtime)
    assert not left
