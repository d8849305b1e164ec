"""One call against a provider that misbehaves: what is sent, what is retried, what is told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import anyio
import pytest

from lokid.chat import Answer, ChatRequest, Event, Message, RetryNotice, Text, TextDelta
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ConfigInvalid,
    IncompleteResponse,
    LokidError,
    Overloaded,
    ProviderFailed,
    ProviderUnavailable,
    RateLimited,
    SecretMissing,
    TimedOut,
)
from lokid.providers.settings import ModelSettings, RequestPatch
from lokid.runtime.call import Limited, Performed, perform
from lokid.runtime.usage import charges
from tests.fakes.client import KEY, LINES, TINY, FakeOpenClient, open_client
from tests.fakes.provider import FakeProvider, answer, close, endless, reset, slow, stall, stream

pytestmark = pytest.mark.anyio

GOOD = stream(b"t he\n", b"t llo\nend\n", kind=LINES)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
MODEL = ModelSettings(name="m")


@pytest.fixture
async def provider() -> FakeProvider:
    async with FakeProvider() as provider:
        yield provider


@dataclass
class Heard:
    """What a caller hears: ``emit`` and ``accepted``, in order."""

    provider: FakeProvider
    batches: list[list[Event]] = field(default_factory=list)
    accepted_after: list[int] = field(default_factory=list)

    async def emit(self, events: Sequence[Event]) -> None:
        self.batches.append(list(events))

    async def accepted(self) -> None:
        self.accepted_after.append(len(self.provider.requests))

    @property
    def retries(self) -> list[RetryNotice]:
        return [event for batch in self.batches for event in batch if isinstance(event, RetryNotice)]


@pytest.fixture
def heard(provider: FakeProvider) -> Heard:
    return Heard(provider)


async def call(client: FakeOpenClient, heard: Heard, *, seconds: float = 30, **options) -> Performed[Answer]:
    request = ChatRequest("acme:m", (Message("user", (Text("hi"),)),), stream=True)
    exchange = client.provider.chat(client.settings, MODEL, request)
    with Limited(seconds, "acme") as deadline:
        return await perform(
            client,
            client.settings,
            exchange,
            "chat_completions",
            MODEL,
            emit=heard.emit,
            accepted=heard.accepted,
            deadline=deadline,
            **options,
        )


async def failure(client: FakeOpenClient, heard: Heard, **options) -> LokidError:
    with pytest.raises(LokidError) as caught:
        await call(client, heard, **options)
    assert caught.value.client == "acme"
    assert KEY not in f"{caught.value} {caught.value.hint} {caught.value.args}"
    return caught.value


async def test_an_answer_arrives_with_its_events_and_figures(provider, heard):
    provider.will(GOOD)
    async with open_client(provider.url) as client:
        performed = await call(client, heard)
    assert performed.answer.message.text == "hello"
    assert performed.attempts == 1
    assert performed.first_token_s >= 0
    assert [event for batch in heard.batches for event in batch] == [TextDelta("he"), TextDelta("llo")]
    assert provider.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_events_of_one_network_read_are_emitted_together(provider, heard):
    provider.will(stream(b"t a\nt b\nt c\nend\n", kind=LINES))
    async with open_client(provider.url) as client:
        await call(client, heard)
    assert heard.batches == [[TextDelta("a"), TextDelta("b"), TextDelta("c")]]


async def test_accepted_comes_once_and_before_the_first_byte(provider, heard):
    provider.will(answer(529), GOOD)
    async with open_client(provider.url) as client:
        await call(client, heard)
    assert heard.accepted_after == [0]


async def test_a_missing_key_fails_before_anything_is_accepted_or_sent(provider, heard):
    async with open_client(provider.url) as client:
        client.failure = SecretMissing("no key")
        assert isinstance(await failure(client, heard), SecretMissing)
    assert heard.accepted_after == []
    assert provider.connections == 0


@pytest.mark.parametrize(
    ("patch", "extra", "word"),
    [
        ({"chat_completions": {".*": {"headers": {"x-key": "with a line break\n"}}}}, {}, "the header x-key"),
        ({"chat_completions": {".*": {"headers": {"x-key": "\u201ckey\u201d"}}}}, {}, "the header x-key"),
        ({}, {"ca_file": "/nonexistent.pem", "library": True}, "extra.ca_file"),
    ],
)
async def test_what_the_configuration_makes_impossible_is_told_and_no_bug(
    provider, heard, patch, extra, word
):
    async with open_client(provider.url, patch=patch, **extra) as client:
        told = await failure(client, heard)
    assert isinstance(told, ConfigInvalid)
    assert told.message.startswith(word)
    assert ("\u201c" in (told.hint or "")) == ("\u201c" in str(patch))
    assert provider.connections == 0


async def test_patches_and_extra_body_are_in_the_request(provider, heard):
    provider.will(GOOD)
    patch = {"chat_completions": {".*": {"body": {"top_k": 5, "stream": None}, "headers": {"x-a": "b"}}}}
    async with open_client(provider.url, patch=patch) as client:
        await call(client, heard, extra_body={"seed": 7})
    (request,) = provider.requests
    assert request.json == {"say": "hi", "max_tokens": None, "top_k": 5, "seed": 7}
    assert request.headers["x-a"] == "b"


async def test_a_patch_of_the_environment_replaces_the_clients(provider, heard):
    provider.will(GOOD)
    patch = {"chat_completions": {".*": {"body": {"a": 1}}}}
    overrides = {"chat_completions": {".*": RequestPatch(body={"b": 2})}}
    async with open_client(provider.url, patch=patch, overrides=overrides) as client:
        await call(client, heard)
    assert "a" not in provider.requests[0].json
    assert provider.requests[0].json["b"] == 2


async def test_credentials_that_a_patch_put_there_are_kept(provider, heard):
    provider.will(GOOD)
    patch = {"chat_completions": {".*": {"headers": {"authorization": "Basic other"}}}}
    async with open_client(provider.url, patch=patch) as client:
        await call(client, heard)
    assert provider.requests[0].headers["authorization"] == "Basic other"


# --- Retries


@pytest.mark.parametrize("step", [answer(529), answer(503), answer(429), close(), reset()])
async def test_a_failure_before_the_answer_is_retried_and_told(provider, heard, step):
    provider.will(step, GOOD)
    async with open_client(provider.url) as client:
        performed = await call(client, heard)
        assert client.budget.tokens < 100
    assert performed.attempts == 2
    (notice,) = heard.retries
    assert notice.attempt == 2
    assert 0 <= notice.after_s <= 0.5
    assert notice.reason


@pytest.mark.parametrize("status", [504, 524])
@pytest.mark.parametrize("slow_s, attempts", [(0.0, 1), (10.0, 2)])
async def test_what_a_gateway_has_waited_for_is_not_asked_for_again(
    provider, heard, monkeypatch, status, slow_s, attempts
):
    """nginx after a minute, API Gateway after half of one: the provider behind it goes on."""
    monkeypatch.setattr(charges, "WORKED_S", slow_s)
    provider.default = answer(status, b"<html>Gateway Time-out</html>")
    async with open_client(provider.url, max_retries=1) as client:
        error = await failure(client, heard)
    assert isinstance(error, ProviderUnavailable)
    assert len(provider.requests) == attempts


async def test_a_refused_connection_is_retried(provider, heard):
    async with open_client("http://127.0.0.1:1", max_retries=1) as client:
        error = await failure(client, heard)
    assert isinstance(error, ProviderUnavailable)
    assert len(heard.retries) == 1


@pytest.mark.parametrize(
    "status, kind", [(400, BadRequest), (401, AuthenticationFailed), (404, ProviderFailed)]
)
async def test_a_refusal_is_not_retried(provider, heard, status, kind):
    provider.will(answer(status, b'{"error":"no"}'))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert isinstance(error, kind)
    assert error.status == status
    assert heard.retries == []


async def test_attempts_end_at_max_retries_with_the_last_error(provider, heard):
    provider.default = answer(529, b"busy")
    async with open_client(provider.url, max_retries=1) as client:
        error = await failure(client, heard)
    assert isinstance(error, Overloaded)
    assert len(provider.requests) == 2


async def test_retry_after_is_a_minimum_even_beside_a_zero_in_milliseconds(provider, heard):
    provider.will(answer(429, retry_after_ms="0", retry_after="0.1"), GOOD)
    async with open_client(provider.url) as client:
        await call(client, heard)
    assert 0.1 <= heard.retries[0].after_s <= 0.6


async def test_a_long_retry_after_is_left_to_the_caller(provider, heard):
    provider.will(answer(429, retry_after="3600"))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 3600


async def test_a_retry_that_would_outlast_the_caller_is_not_begun(provider, heard):
    provider.will(answer(429, retry_after="20"))
    async with open_client(provider.url) as client:
        assert isinstance(await failure(client, heard, seconds=10), RateLimited)


async def test_an_empty_budget_ends_retries(provider, heard):
    provider.default = answer(529)
    async with open_client(provider.url) as client:
        while client.budget.take(Overloaded(""), anyio.current_time()):
            pass
        await failure(client, heard)
    assert len(provider.requests) == 1


async def test_a_retry_gets_a_fresh_decoder(provider, heard):
    provider.will(answer(503, b"t wrong\n", kind=LINES), GOOD)
    async with open_client(provider.url) as client:
        assert (await call(client, heard)).answer.message.text == "hello"


@pytest.mark.parametrize("first", [b"t he\n", b"half a li"])
async def test_nothing_is_retried_once_the_answer_has_begun(provider, heard, first):
    provider.will(stream(first, end=False, kind=LINES))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert isinstance(error, IncompleteResponse)
    assert len(provider.requests) == 1


async def test_an_error_inside_the_stream_is_not_retried(provider, heard):
    provider.will(stream(b"error too busy\n", kind=LINES))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert isinstance(error, Overloaded)
    assert len(provider.requests) == 1


async def test_ten_that_fail_in_a_row_in_their_streams_are_as_many_as_ten_with_a_status(provider, heard):
    provider.default = stream(b"error too busy\n", kind=LINES)
    async with open_client(provider.url) as client:
        for _ in range(12):
            assert isinstance(await failure(client, heard), Overloaded)
        assert len(provider.requests) == 10
        client.breakers.reset()
        provider.default = stream(b"t half\nerror too busy\n", kind=LINES)  # which answers
        for _ in range(12):
            await failure(client, heard)
    assert len(provider.requests) == 22


async def test_a_refusal_with_status_200_ends_a_row_of_failures_as_one_with_a_status_does(provider, heard):
    overloaded, refused = (stream(b"error %b\n" % why, kind=LINES) for why in (b"too busy", b"refused: no"))
    provider.will(*[overloaded] * 9, refused)
    provider.default = overloaded
    async with open_client(provider.url) as client:
        for _ in range(12):
            await failure(client, heard)
    assert len(provider.requests) == 12


@pytest.mark.parametrize("last", [b"end\n", b"error too busy\n", b""])
async def test_the_end_of_an_answer_that_began_before_it_ends_no_outage(provider, heard, last):
    go, begun, ended = anyio.Event(), anyio.Event(), anyio.Event()

    async def first() -> None:
        async def emit(_events: Sequence[Event]) -> None:
            begun.set()

        with suppress(LokidError):
            await call(client, SimpleNamespace(emit=emit, accepted=heard.accepted))
        ended.set()

    provider.will(slow(b"t he\n", *filter(None, [last]), go=go, kind=LINES))
    provider.default = answer(529)
    async with open_client(provider.url, max_retries=0) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await begun.wait()
        for _ in range(12):
            await failure(client, heard)
        go.set()
        await ended.wait()
        await failure(client, heard)
    assert len(provider.requests) == 11


async def test_an_amended_request_is_sent_once_and_costs_no_budget(provider, heard):
    provider.will(answer(400, b"unknown field: stream"), GOOD)
    async with open_client(provider.url) as client:
        performed = await call(client, heard)
        assert client.budget.tokens == 100
    assert performed.attempts == 2
    assert provider.requests[1].json == {"say": "amended"}
    assert heard.retries == []
    assert heard.accepted_after == [0]


async def test_an_amended_request_that_is_answered_fills_the_budget(provider, heard):
    async with open_client(provider.url) as client:
        while client.budget.take(Overloaded(""), anyio.current_time()):
            pass
        empty = client.budget.tokens
        provider.will(answer(400, b"unknown field: stream"), GOOD)
        await call(client, heard)
        assert client.budget.tokens > empty


async def test_an_amended_request_that_is_refused_again_is_an_error(provider, heard):
    provider.default = answer(400, b"unknown field: stream")
    async with open_client(provider.url) as client:
        assert isinstance(await failure(client, heard), BadRequest)
    assert len(provider.requests) == 2


# --- Answers that are none


async def test_a_cut_stream_is_an_error_not_a_short_answer(provider, heard):
    provider.will(stream(b"t he\n", kind=LINES))
    async with open_client(provider.url) as client:
        assert isinstance(await failure(client, heard), IncompleteResponse)
    assert heard.batches == [[TextDelta("he")]]


@pytest.mark.parametrize("end", [True, False])
async def test_an_answer_with_its_terminal_marker_is_whole_however_the_body_ends(provider, heard, end):
    """And soon, however long a silence may be in the middle of one."""
    whole = b"t hello\nend\n"
    provider.will(
        stream(whole, kind=LINES, end=False) if end else stall(CHUNKED + b"%x\r\n%b\r\n" % (12, whole))
    )
    with anyio.fail_after(60):
        async with open_client(provider.url, idle_timeout=3600) as client:
            assert (await call(client, heard)).answer.message.text == "hello"


async def test_a_web_page_with_status_200_is_an_error(provider, heard):
    provider.will(answer(200, b"<html>Sign in to the hotel</html>", kind="Text/HTML; charset=utf-8"))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert isinstance(error, ProviderFailed)
    assert "127.0.0.1" in error.message
    assert "text/html" in error.message
    assert "Sign in" not in error.message
    assert error.refused, "nobody wants money for it"


async def test_what_only_the_end_of_the_body_completes_is_heard(provider, heard):
    provider.will(stream(b"t he\nend\nt llo", kind=LINES))
    async with open_client(provider.url) as client:
        assert (await call(client, heard)).answer.message.text == "hello"
    assert heard.batches == [[TextDelta("he")], [TextDelta("llo")]]


async def test_a_server_that_cannot_stream_is_told_with_what_mends_it(provider, heard):
    provider.will(answer(200, b"{}"))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert isinstance(error, ProviderFailed)
    assert "no_stream: true" in (error.hint or "")


async def test_a_refusal_with_status_200_where_a_stream_should_be_is_told_as_it_is(provider, heard):
    provider.will(answer(200, b'{"error": {"message": "no credit left", "code": "insufficient_quota"}}'))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert "no credit left" in error.message
    assert "no_stream" not in (error.hint or "")


async def test_an_answer_without_a_content_type_is_read(provider, heard):
    provider.will(stream(b"t hi\nend\n", kind=""))
    async with open_client(provider.url) as client:
        assert (await call(client, heard)).answer.message.text == "hi"


async def test_an_error_that_quotes_the_key_does_not_pass_it_on(provider, heard):
    provider.will(answer(401, f"Incorrect API key: {KEY}".encode()))
    async with open_client(provider.url) as client:
        error = await failure(client, heard)
    assert "Incorrect API key: <secret>" in error.message


async def test_a_retry_notice_does_not_pass_a_quoted_key_on(provider, heard):
    provider.will(answer(503, f"cannot serve {KEY} now".encode()), GOOD)
    async with open_client(provider.url) as client:
        await call(client, heard)
    assert heard.retries[0].reason == "status 503: cannot serve <secret> now"


async def test_a_request_is_amended_a_few_times_at_most(provider, heard):
    def stubborn(client, model, request):
        exchange = TINY.chat(client, model, request)
        return replace(exchange, amend=lambda error, body: stubborn(client, model, request))

    provider.default = answer(400, b"no")
    async with open_client(provider.url, provider=replace(TINY, chat=stubborn)) as client:
        assert isinstance(await failure(client, heard), BadRequest)
    assert len(provider.requests) == 4


@pytest.mark.parametrize(
    "step", [reset(b"HTTP/1.1 400 No\r\ncontent-length: 100\r\n\r\nbad"), answer(400, b"x" * 200_000)]
)
async def test_an_error_body_is_read_as_far_as_it_can_be(provider, heard, step):
    provider.will(step)
    async with open_client(provider.url) as client:
        assert isinstance(await failure(client, heard), BadRequest)


# --- Time and leaving


async def test_the_total_time_is_a_limit_of_its_own(provider, heard):
    provider.will(stall())
    async with open_client(provider.url) as client:
        error = await failure(client, heard, seconds=0.1)
    assert isinstance(error, TimedOut)
    assert error.message == "total timeout: the call did not finish within 0.1 s"


@pytest.mark.parametrize(
    "key, before, word",
    [
        ("first_byte_timeout", b"", "first byte timeout"),
        ("idle_timeout", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nt", "idle timeout"),
    ],
)
async def test_the_limits_of_the_configuration_hold(provider, heard, key, before, word):
    provider.will(stall(before))
    async with open_client(provider.url, **{key: 0.1}) as client:
        assert (await failure(client, heard)).message.startswith(word)


@pytest.mark.parametrize("step", [stall(), endless(b"t x\n", kind=LINES)])
async def test_a_caller_who_leaves_ends_the_request_at_the_provider(provider, heard, step):
    provider.will(step, GOOD)
    async with open_client(provider.url) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(call, client, heard)
            await provider.until(lambda: bool(provider.requests))
            group.cancel_scope.cancel()
        await provider.until(lambda: provider.open == 0, within=1)
        assert (await call(client, heard)).answer.message.text == "hello"


async def test_a_caller_who_leaves_during_the_wait_for_a_retry_ends_it(provider, heard):
    provider.will(answer(429, retry_after="20"), GOOD)
    async with open_client(provider.url) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(call, client, heard)
            await provider.until(lambda: bool(provider.requests))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        assert len(heard.retries) == 1
        assert (await call(client, heard)).answer.message.text == "hello"


async def test_a_reader_that_does_not_read_stops_the_provider(provider, heard):
    provider.will(endless(b"t " + b"x" * 65000 + b"\n", kind=LINES))
    blocked = anyio.Event()

    async def emit(events: Sequence[Event]) -> None:
        blocked.set()
        await anyio.sleep_forever()

    heard.emit = emit
    async with open_client(provider.url) as client, anyio.create_task_group() as group:
        group.start_soon(call, client, heard)
        await blocked.wait()
        await anyio.wait_all_tasks_blocked()
        sent = provider.calls[0].sent
        await anyio.wait_all_tasks_blocked()
        assert provider.calls[0].sent == sent < 5 * 2**20  # the kernel's buffers, and one read
        group.cancel_scope.cancel()


async def test_the_first_token_counts_from_the_start_of_the_call(provider, heard):
    go = anyio.Event()
    provider.will(slow(b"t a\n", b"end\n", go=go, kind=LINES))
    async with open_client(provider.url) as client, anyio.create_task_group() as group:

        async def run() -> None:
            started_at = anyio.current_time()
            performed = await call(client, heard)
            assert performed.first_token_s <= anyio.current_time() - started_at

        group.start_soon(run)
        await provider.until(lambda: bool(provider.calls))
        go.set()


async def test_a_decoder_that_gives_no_events_has_its_first_token_at_the_end(provider, heard):
    provider.will(stream(b"end\n", kind=LINES))
    async with open_client(provider.url) as client:
        assert (await call(client, heard)).first_token_s > 0


async def test_concurrent_calls_of_one_client_do_not_mix(provider, heard):
    provider.default = GOOD
    done: list[str] = []
    async with open_client(provider.url, provider=replace(TINY, name="x")) as client:

        async def run() -> None:
            done.append((await call(client, Heard(provider))).answer.message.text)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(run)
    assert done == ["hello"] * 20
