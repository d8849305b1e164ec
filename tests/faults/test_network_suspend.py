"""A laptop that slept: what was connected before must never be waited for afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from lokid.providers.settings import Extra
from lokid.runtime.network import suspend
from lokid.runtime.network.http import HTTPClient
from tests.fakes.asking import ask
from tests.fakes.provider import FakeProvider, answer, deaf, slow

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["lean", "library"])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[HTTPClient]:
    http = HTTPClient(Extra(), client="acme", library=request.param)
    yield http
    await http.aclose()


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@pytest.fixture
def sleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Suspends the machine for some seconds."""
    slept = 1000.0

    def more(seconds: float) -> None:
        nonlocal slept
        slept += seconds

    monkeypatch.setattr(suspend, "slept_s", lambda: slept)
    return more


async def test_the_first_question_after_a_suspend_never_waits_for_a_dead_connection(
    http: HTTPClient, provider: FakeProvider, sleep: Callable[[float], None]
) -> None:
    provider.will(deaf(answer()), answer(200, b"awake"))
    await ask(http, provider.url)
    sleep(3600)
    # Over the dead connection it would take 20 s until the kernel gives up.
    with anyio.fail_after(10):
        assert await ask(http, provider.url) == (200, b"awake")
    assert [request.connection for request in provider.requests] == [0, 1]
    assert http.pool()["open"] == 1


async def test_a_dead_connection_never_counts_as_warm(
    http: HTTPClient, provider: FakeProvider, sleep: Callable[[float], None]
) -> None:
    provider.will(answer())
    await ask(http, provider.url)
    assert http.is_warm()
    sleep(3600)
    assert not http.is_warm()


async def test_an_answer_under_way_is_never_cut_off_by_a_suspend_that_it_survived(
    http: HTTPClient, provider: FakeProvider, sleep: Callable[[float], None]
) -> None:
    go = anyio.Event()
    provider.will(slow(b"one", b"two", go=go), answer())
    answers: list[bytes] = []

    async def read() -> None:
        answers.append((await ask(http, provider.url))[1])

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await provider.until(lambda: len(provider.requests) == 1)
        sleep(3600)
        await ask(http, provider.url)
        go.set()
    assert answers == [b"onetwo"]
    await provider.until(lambda: provider.open == 1)


async def test_without_a_suspend_a_connection_is_never_given_up(
    http: HTTPClient, provider: FakeProvider
) -> None:
    provider.default = answer()
    for _ in range(3):
        await ask(http, provider.url)
    assert provider.connections == 1
    assert suspend.slept_s() >= -0.001
