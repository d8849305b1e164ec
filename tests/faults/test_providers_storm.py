"""Storms: retries must never be more than a fifth on top of what callers ask, and the end of a storm must
never go unnoticed for more than five seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from trio.testing import MockClock

from lokid.chat import ChatRequest, Message, Text
from lokid.errors import LokidError, Overloaded, QuotaExceeded
from lokid.runtime.breaker import FAILURES
from lokid.runtime.chat import chat
from lokid.runtime.network.trust import tls_context
from tests.fakes.client import LINES, TINY, FakeOpenClient, open_client
from tests.fakes.provider import Call, FakeProvider, answer, stall, stream
from tests.faults.asking import ask as ask_daemon
from tests.faults.asking import asker, daemon, said

pytestmark = pytest.mark.anyio

GOOD = stream(b"t hello\nend\n", kind=LINES)


async def ask(client: FakeOpenClient, model: str = "m") -> str:
    async def nothing(*_: object) -> None:
        pass

    request = ChatRequest(f"acme:{model}", (Message("user", (Text("hi"),)),))
    return (await chat(client, request, emit=nothing, accepted=nothing)).answer.message.text


class TestInVirtualTime:
    """Trio's clock, which jumps when nothing else can happen."""

    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, object]]:
        # The threshold is real time: bytes on their way through the kernel are not overtaken.
        return "trio", {"clock": MockClock(autojump_threshold=0.01)}

    @pytest.fixture
    async def provider(self) -> AsyncIterator[FakeProvider]:
        await tls_context(None)  # made in a thread, which the clock does not wait for
        async with FakeProvider() as provider:
            yield provider

    async def test_minutes_of_refusals_never_get_a_fifth_more_and_end_within_five_seconds(
        self, provider: FakeProvider
    ) -> None:
        """Ten minutes of it, and other refusals: ``tests/runtime/test_breaker.py``, without a network."""
        provider.default = answer(529)
        calls = 120

        async def one() -> None:
            with pytest.raises(Overloaded):
                await ask(client)

        async with open_client(provider.url) as client:
            async with anyio.create_task_group() as group:
                for _ in range(calls):
                    group.start_soon(one)
                    await anyio.sleep(1)
            assert len(provider.requests) <= calls * 1.2
            provider.default = GOOD
            ended_at = anyio.current_time()
            while True:
                try:
                    assert await ask(client) == "hello"
                    break
                except Overloaded as error:
                    assert error.retry_after_s
                    await anyio.sleep(error.retry_after_s)
            assert anyio.current_time() - ended_at <= 5
            assert await ask(client) == "hello"  # and now everybody

    async def test_an_empty_account_is_never_asked_again_within_minutes(self, provider: FakeProvider) -> None:
        def error(status: int, headers: object, body: bytes) -> LokidError:
            return QuotaExceeded("no credit", status=status)

        provider.default = answer(429)
        unpaid = replace(TINY, error=error)
        async with open_client(provider.url, provider=unpaid) as client:
            for _ in range(FAILURES):
                with pytest.raises(QuotaExceeded):
                    await ask(client)
            for _ in range(20):
                await anyio.sleep(14)
                with pytest.raises(QuotaExceeded, match="not sent"):
                    await ask(client)
            assert len(provider.requests) == FAILURES
            client.breakers.reset()  # a key was changed, or somebody said to go on
            provider.default = GOOD
            assert await ask(client) == "hello"

    async def test_a_model_in_trouble_never_stops_the_others_of_its_client(
        self, provider: FakeProvider
    ) -> None:
        provider.default = answer(529)
        async with open_client(provider.url, max_retries=0) as client:
            for _ in range(FAILURES + 1):
                with pytest.raises(Overloaded):
                    await ask(client)
            provider.default = GOOD
            assert await ask(client, "other") == "hello"

    async def test_a_caller_who_leaves_never_keeps_the_others_out(self, provider: FakeProvider) -> None:
        provider.default = answer(529)
        async with open_client(provider.url, max_retries=0) as client:
            for _ in range(FAILURES):
                with pytest.raises(Overloaded):
                    await ask(client)
            await anyio.sleep(1)
            provider.will(stall())
            sent = len(provider.requests)
            async with anyio.create_task_group() as group:
                group.start_soon(ask, client)  # finds out, and leaves before it has
                await provider.until(lambda: len(provider.requests) == sent + 1)
                group.cancel_scope.cancel()
            provider.default = GOOD
            assert await ask(client) == "hello"


class TestOnARealDaemon:
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"  # of the test; the daemon has its own

    async def test_a_storm_never_reaches_the_provider_whole_and_is_over_when_it_is_over(
        self, tmp_path: Path
    ) -> None:
        stormy = True
        calls = 0

        async def weather(call: Call) -> None:
            await (answer(529) if stormy else said("hello"))(call)

        async with FakeProvider(default=weather) as provider:
            with daemon(tmp_path, {"name": "a", "api_base": provider.url}) as (path, _):

                async def loop() -> None:
                    nonlocal calls
                    async with asker(path) as client:
                        for _ in range(15):
                            calls += 1
                            response = await ask_daemon(client)
                            assert response.error["code"] == "overloaded"
                            if response.error["message"].startswith("overloaded: not sent"):
                                assert response.error["retry_after_s"] > 0

                async with anyio.create_task_group() as group:
                    for _ in range(8):
                        group.start_soon(loop)
                assert len(provider.requests) <= calls * 1.2
                async with asker(path) as client:
                    (row,) = (await client.ask("clients.list")).result
                    assert row["state"] == "cooling_down"
                    assert row["reason"].startswith("m: ")
                    assert row["retry_after_s"] > 0
                    stormy = False
                    with anyio.fail_after(5):
                        while (response := await ask_daemon(client)).error is not None:
                            await anyio.sleep(response.error["retry_after_s"])
                    (row,) = (await client.ask("clients.list")).result
                    assert row["state"] == "ready"

    async def test_who_knows_better_never_has_to_wait(self, tmp_path: Path) -> None:
        """An account without credit waits for minutes, or for ``config.reload``."""
        body = b'{"error": {"code": "insufficient_quota", "message": "no credit"}}'
        async with FakeProvider(default=answer(429, body)) as provider:
            with daemon(tmp_path, {"name": "a", "api_base": provider.url}) as (path, _):
                async with asker(path) as client:
                    for _ in range(FAILURES + 1):
                        response = await ask_daemon(client)
                        assert response.error["code"] == "quota_exceeded"
                    assert len(provider.requests) == FAILURES
                    assert response.error["retry_after_s"] > 200
                    assert "lokictl config reload" in response.error["hint"]
                    provider.default = said("hello")
                    assert (await client.ask("config.reload")).error is None
                    assert (await ask_daemon(client)).result["text"] == "hello"
