"""Faults that take minutes, in virtual time (trio's clock, which jumps when nothing else can happen)."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest
from trio.testing import MockClock

from lokid.chat import ChatRequest, Event, Message, RetryNotice, Text, TextDelta
from lokid.errors import BadRequest, LokidError, RateLimited, TimedOut
from lokid.runtime.chat import chat
from lokid.runtime.network.library import LibraryTransport
from lokid.runtime.network.trust import tls_context
from tests.fakes.client import LINES, FakeOpenClient, open_client
from tests.fakes.provider import Call, FakeProvider, answer, stall, stream

pytestmark = pytest.mark.anyio

GOOD = stream(b"t hello\nend\n", kind=LINES)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/x-lines\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    # The threshold is real time: bytes on their way through the kernel are not overtaken.
    return "trio", {"clock": MockClock(autojump_threshold=0.01)}


@pytest.fixture
async def provider() -> FakeProvider:
    # Both are made in threads, which the clock does not wait for.
    await LibraryTransport(await tls_context(None), None, 1).aclose()
    async with FakeProvider() as provider:
        yield provider


async def ask(client: FakeOpenClient, heard: list[Event] | None = None, **fields) -> str:
    async def emit(events: Sequence[Event]) -> None:
        if heard is not None:
            heard.extend(events)

    async def accepted() -> None:
        pass

    request = ChatRequest("acme:m", (Message("user", (Text("hi"),)),), stream=True, **fields)
    return (await chat(client, request, emit=emit, accepted=accepted)).answer.message.text


def drip(chunk: bytes, *, every: float, count: int) -> object:
    async def step(call: Call) -> None:
        await call.head(content_type=LINES, transfer_encoding="chunked")
        for _ in range(count):
            await anyio.sleep(every)
            await call.chunk(chunk)
        await call.chunk(b"end\n")
        await call.chunk(b"")

    return step


@pytest.mark.parametrize(
    "before, word, seconds",
    [
        (b"", "first byte timeout", 600),
        (HEAD, "first byte timeout", 600),
        (HEAD + b"1\r\n:\r\n", "idle timeout", 120),
    ],
)
async def test_the_usual_limits_leave_time_to_think_and_then_hold(provider, before, word, seconds, library):
    provider.will(stall(before))
    async with open_client(provider.url, library=library) as client:
        started_at = anyio.current_time()
        with pytest.raises(TimedOut, match=f"{word}: .* {seconds} s"):
            await ask(client)
        assert seconds <= anyio.current_time() - started_at < seconds + 30


async def test_comment_lines_are_life(provider, library):
    provider.will(drip(b": thinking\n", every=100, count=10))
    async with open_client(provider.url, library=library) as client:
        assert await ask(client) == ""


async def test_an_answer_that_drips_for_ever_ends_at_the_total_limit(provider, library):
    provider.will(drip(b"t .\n", every=60, count=1000))
    async with open_client(provider.url, library=library) as client:
        heard: list[Event] = []
        with pytest.raises(TimedOut, match=r"total timeout: .* 1800 s"):
            await ask(client, heard)
    assert heard == [TextDelta(".")] * 29


async def test_retries_wait_as_long_as_the_provider_asks(provider, library):
    provider.will(answer(429, retry_after="40"), answer(529, retry_after_ms="20000"), GOOD)
    async with open_client(provider.url, library=library) as client:
        started_at = anyio.current_time()
        heard: list[Event] = []
        assert await ask(client, heard) == "hello"
        assert 60 <= anyio.current_time() - started_at < 75
    first, second = (event for event in heard if isinstance(event, RetryNotice))
    assert (first.attempt, second.attempt) == (2, 3)
    assert 40 <= first.after_s <= 40.5
    assert 20 <= second.after_s <= 21


async def test_a_caller_in_a_hurry_is_told_instead_of_kept_waiting(provider, library):
    provider.will(answer(429, retry_after="40"))
    async with open_client(provider.url, library=library) as client:
        started_at = anyio.current_time()
        with pytest.raises(RateLimited) as caught:
            await ask(client, timeout_s=30)
        assert anyio.current_time() - started_at < 5
    assert caught.value.retry_after_s == 40


async def test_a_line_that_never_ends_is_cut(provider, library):
    """The bound of one answer holds where a decoder has none of its own."""

    async def endless_line(call: Call) -> None:
        await call.head(content_type=LINES, transfer_encoding="chunked")
        while True:
            await call.chunk(b": " + b"x" * 2**20 + b"\n")

    provider.will(endless_line)
    async with open_client(provider.url, library=library) as client:
        with pytest.raises(LokidError, match="larger than 64 MiB"):
            await ask(client)


async def test_the_body_of_an_error_is_not_waited_for(provider, library):
    provider.will(stall(b"HTTP/1.1 400 No\r\ncontent-length: 100\r\n\r\nbad"))
    async with open_client(provider.url, library=library) as client:
        started_at = anyio.current_time()
        with pytest.raises(BadRequest, match="bad"):
            await ask(client)
        assert anyio.current_time() - started_at < 30
