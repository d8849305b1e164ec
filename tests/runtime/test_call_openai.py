"""The whole path with a real provider type and the runtime's own open client."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.utils import formatdate

import anyio
import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Event, Message, Text, TextDelta
from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.errors import AuthenticationFailed, IncompleteResponse, ProviderFailed, QuotaExceeded, RateLimited
from lokid.providers.registry import PROVIDERS
from lokid.runtime.chat import chat, dry_run
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.embed import embed
from tests.fakes.provider import Call, FakeProvider, answer, stream

pytestmark = pytest.mark.anyio

KEY = "sk-canary-0123456789abcdef"


@pytest.fixture
async def provider() -> FakeProvider:
    async with FakeProvider() as provider:
        yield provider


@asynccontextmanager
async def opened(url: str, **keys) -> AsyncIterator[OpenClient]:
    kind = PROVIDERS["openai-compatible"]
    keys = {"api_key": SecretStr(KEY)} | keys
    settings = kind.settings(type=kind.name, name="acme", api_base=f"{url}/v1", **keys)
    around = Surroundings(environ={}, directory="/", spawn=lambda *_: None)
    client = OpenClient(settings, kind, around)
    try:
        yield client
    finally:
        await client.aclose()


def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % json.dumps({"id": "x", "choices": [choice]}).encode()


DONE = b"data: [DONE]\n\n"
QUESTION = ChatRequest("acme:some-model", (Message("user", (Text("hi"),)),), stream=True)


async def ask(client: OpenClient, heard: list[Event], request: ChatRequest = QUESTION):
    async def emit(events: Sequence[Event]) -> None:
        heard.extend(events)

    return await chat(client, request, emit=emit, accepted=anyio.lowlevel.checkpoint)


async def test_a_streamed_answer(provider):
    provider.will(stream(chunk({"content": "he"}), chunk({"content": "llo"}) + chunk({}, "stop"), DONE))
    heard: list[Event] = []
    async with opened(provider.url) as client:
        result = await ask(client, heard)
    assert heard == [TextDelta("he"), TextDelta("llo")]
    assert result.answer.message.text == "hello"
    assert result.model == "acme:some-model"
    (request,) = provider.requests
    assert request.target == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json["model"] == "some-model"


async def test_a_large_event_is_read_in_a_thread_and_small_ones_are_not(provider, monkeypatch):
    """32 streams of events with 200,000 numbers each made a ping wait for 0.8 s."""
    read: dict[int, list[int]] = {}
    take = StreamDecoder._take

    def noting(self, event, out):
        read.setdefault(threading.get_ident(), []).append(len(event.data))
        take(self, event, out)

    monkeypatch.setattr(StreamDecoder, "_take", noting)
    large = chunk({"content": "b", "numbers": [1.5] * 100_000})
    provider.will(stream(chunk({"content": "a"}), large, large, chunk({"content": "c"}), chunk({}, "stop")))
    async with opened(provider.url) as client:
        result = await ask(client, [])
    assert result.answer.message.text == "abbc"
    here = read.pop(threading.get_ident())
    assert here and max(here) < 1000
    assert sum(size > 1000 for sizes in read.values() for size in sizes) == 2


async def test_a_fault_in_a_large_event_comes_out_as_of_a_small_one(provider):
    provider.will(stream(chunk({"content": "a"}), b"data: {" + b"x" * 200_000 + b"\n\n"))
    async with opened(provider.url) as client:
        with pytest.raises(ProviderFailed, match="an event that is not JSON"):
            await ask(client, [])


@pytest.mark.parametrize("last", ["stays open", "is cut", "is cut in the event"])
async def test_an_error_that_came_with_words_is_told_whatever_becomes_of_the_connection(provider, last):
    error = b'data: {"error": {"message": "no more", "code": "insufficient_quota"}}'

    async def words_and_error(call: Call) -> None:
        await call.head(content_type="text/event-stream", transfer_encoding="chunked")
        await call.chunk(chunk({"content": "half"}) + error + (b"" if last.endswith("event") else b"\n\n"))
        await (call.gone.wait() if last == "stays open" else call.close())

    provider.will(words_and_error)
    heard: list[Event] = []
    with anyio.fail_after(30):  # and not idle_timeout
        async with opened(provider.url) as client:
            with pytest.raises(QuotaExceeded, match="no more"):
                await ask(client, heard)
    assert heard == [TextDelta("half")]


async def test_words_that_came_with_a_fault_of_http_are_told(provider):
    """A gateway whose server dies in the middle writes its own error into the body."""
    words = chunk({"content": "half"})

    async def words_and_fault(call: Call) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        await call.send(head + b"%x\r\n%b\r\nInternal Server Error\r\n" % (len(words), words))
        await call.gone.wait()

    provider.will(words_and_fault)
    heard: list[Event] = []
    with anyio.fail_after(30):
        async with opened(provider.url) as client:
            with pytest.raises(IncompleteResponse):
                await ask(client, heard)
    assert heard == [TextDelta("half")]


async def test_a_wait_that_ends_at_a_date_begins_when_the_answer_came(provider):
    """Small servers give their answers no date."""
    provider.default = answer(429, b"{}", retry_after=formatdate(time.time() + 100, usegmt=True))
    async with opened(provider.url) as client:
        with pytest.raises(RateLimited) as caught:
            await ask(client, [])
    assert 95 <= caught.value.retry_after_s <= 101


async def test_a_stream_without_its_end_is_incomplete(provider):
    provider.will(stream(chunk({"content": "he"})))
    async with opened(provider.url) as client:
        with pytest.raises(IncompleteResponse):
            await ask(client, [])


async def test_a_rejected_key_is_named_and_not_shown(provider):
    body = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}
    provider.will(answer(401, json.dumps(body).encode()))
    async with opened(provider.url) as client:
        with pytest.raises(AuthenticationFailed) as caught:
            await ask(client, [])
    assert caught.value.client == "acme"
    assert KEY not in str(caught.value)


async def test_a_server_that_does_not_know_stream_options_is_asked_without(provider):
    body = {"error": {"message": "Unrecognized request argument supplied: stream_options", "code": None}}
    good = stream(chunk({"content": "hello"}) + chunk({}, "stop"), DONE)
    refused = answer(400, json.dumps(body).encode())
    # Once may have been of another server behind the same gateway.
    provider.will(refused, good, good, refused, good, refused, good, good, good)
    async with opened(provider.url) as client:
        assert [(await ask(client, [])).attempts for _ in range(3)] == [2, 1, 2]
        result = await ask(client, [])
        again = await ask(client, [])
        client.left_out._known = {key: (name, 0.0) for key, (name, _) in client.left_out._known.items()}
        later = await ask(client, [])
    assert (result.attempts, again.attempts, later.attempts) == (2, 1, 1)
    asked = ["stream_options" in request.json for request in provider.requests]
    assert asked == [True, False, True, True, False, True, False, False, True]  # an hour later once more


async def test_a_dry_run_shows_the_request_without_the_key(provider):
    async with opened(provider.url) as client:
        shown = await dry_run(client, QUESTION)
    assert shown["url"] == f"{provider.url}/v1/chat/completions"
    assert shown["headers"]["authorization"] == "Bearer <secret>"
    assert KEY not in json.dumps(shown)
    assert provider.connections == 0


async def test_embeddings(provider):
    data = [{"index": index, "embedding": [float(index)]} for index in (1, 0)]
    provider.will(answer(200, json.dumps({"data": data, "usage": {"prompt_tokens": 2}}).encode()))
    async with opened(provider.url) as client:
        embedded = await embed(client, EmbedRequest("acme:e", ("a", "b")), accepted=anyio.lowlevel.checkpoint)
    assert len(embedded.answer.vectors) == 2
    assert embedded.answer.usage.input_tokens == 2
