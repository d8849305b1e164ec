"""Questions: what the model needs, what the caller asked for, and what comes back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import anyio
import anyio.lowlevel
import pytest

from lokid.chat import (
    ChatRequest,
    ChatResult,
    Event,
    Image,
    Message,
    ReasoningDelta,
    Text,
    TextDelta,
    Tool,
    ToolCallDelta,
)
from lokid.errors import ContextLengthExceeded, IncompleteResponse, ProviderFailed, TimedOut, Unsupported
from lokid.providers.settings import ModelSettings, RequestPatch
from lokid.runtime import room
from lokid.runtime.call import ignore, model_name
from lokid.runtime.chat import chat, dry_run
from lokid.runtime.usage.charges import Charge
from lokid.runtime.usage.turns import Turn
from tests.fakes.client import KEY, LINES, TINY, FakeOpenClient, open_client
from tests.fakes.provider import FakeProvider, stall, stream

pytestmark = pytest.mark.anyio

ALL = stream(b'r hm\nt he\nt llo\nc look {"at":"it"}\nusage 1000 500\nend\n', kind=LINES)
EVENTS = [
    ReasoningDelta("hm"),
    TextDelta("he"),
    TextDelta("llo"),
    ToolCallDelta(0, "id", "look", '{"at":"it"}'),
]


@pytest.fixture
async def provider() -> FakeProvider:
    async with FakeProvider() as provider:
        yield provider


def question(*parts, model: str = "acme:m", **fields) -> ChatRequest:
    return ChatRequest(model, (Message("user", parts or (Text("hi"),)),), **fields)


async def ask(client: FakeOpenClient, request: ChatRequest) -> tuple[ChatResult, list[Event]]:
    heard: list[Event] = []

    async def emit(events: Sequence[Event]) -> None:
        heard.extend(events)

    async def accepted() -> None:
        heard.append("accepted")

    result = await chat(client, request, emit=emit, accepted=accepted)
    assert heard.pop(0) == "accepted"
    assert client.in_use == 0
    return result, heard


async def test_a_question_is_answered_with_everything_the_contract_names(provider):
    provider.will(ALL)
    async with open_client(provider.url, ModelSettings(name="m", input_price=2, output_price=4)) as client:
        result, events = await ask(client, question())
    assert result.answer.message.text == "hello"
    assert result.model == "acme:m"
    assert result.cost_usd == pytest.approx(0.004)
    assert result.attempts == 1
    assert 0 <= result.first_token_s <= result.total_s
    assert events == []
    assert provider.requests[0].json["stream"] is False


async def test_a_streaming_caller_gets_events(provider):
    provider.will(ALL)
    async with open_client(provider.url) as client:
        _, events = await ask(client, question(stream=True))
    assert events == EVENTS
    assert provider.requests[0].json["stream"] is True


async def test_a_model_that_cannot_stream_answers_a_streaming_caller_at_the_end(provider):
    provider.will(ALL)
    async with open_client(provider.url, ModelSettings(name="m", no_stream=True)) as client:
        # Its answer comes whole: a decoder without events.
        whole = dataclasses.replace(TINY, chat=_without_events)
        client.provider = whole
        _, events = await ask(client, question(stream=True))
    assert events == EVENTS
    assert provider.requests[0].json["stream"] is False


def _without_events(client, model, request):
    exchange = TINY.chat(client, model, request)

    def decoder():
        inner = exchange.decoder()
        feed = inner.feed
        inner.feed = lambda data: (feed(data), ())[1]
        return inner

    return dataclasses.replace(exchange, decoder=decoder)


async def test_without_a_name_the_first_chat_model_answers(provider):
    provider.will(ALL)
    models = [ModelSettings(name="e", type="embedding"), ModelSettings(name="first"), ModelSettings(name="m")]
    async with open_client(provider.url, *models) as client:
        result, _ = await ask(client, question(model="acme"))
    assert result.model == "acme:first"


def test_a_models_name_is_what_follows_the_clients():
    settings = TINY.settings(type="tiny", name="acme")
    assert model_name(settings, "acme:org/model:7b") == "org/model:7b"
    assert model_name(settings, "acme") is None
    assert model_name(settings, "acme:") is None
    assert model_name(settings, "") is None


IMAGE = Image("image/png", b"png")


async def test_what_is_not_known_about_a_model_is_tried(provider):
    provider.will(ALL)
    async with open_client(provider.url, ModelSettings(name="m")) as client:
        await ask(client, question(Text("see"), IMAGE, tools=(Tool("look"),)))


async def test_a_text_that_cannot_fit_is_refused_before_it_is_sent(provider):
    async with open_client(provider.url, ModelSettings(name="m", max_input_tokens=10)) as client:
        with pytest.raises(ContextLengthExceeded, match="10 tokens"):
            await ask(client, question(Text("x" * 2561)))
        provider.will(ALL)
        await ask(client, question(Text("x" * 2560)))


async def test_a_type_without_chat_says_so(provider):
    async with open_client(provider.url, provider=dataclasses.replace(TINY, chat=None)) as client:
        with pytest.raises(Unsupported, match="tiny cannot chat"):
            await ask(client, question())


@pytest.mark.parametrize("timeout_s, extra", [(0.1, 30), (None, 0.1), (30, 0.1)])
async def test_the_smaller_of_the_callers_and_the_clients_time_holds(provider, timeout_s, extra):
    provider.will(stall())
    async with open_client(provider.url, timeout=extra) as client:
        with pytest.raises(TimedOut, match=r"total timeout: .* 0\.1 s"):
            await ask(client, question(timeout_s=timeout_s))
        assert client.in_use == 0


async def test_a_caller_who_leaves_gives_the_client_back(provider):
    provider.will(stall())
    async with open_client(provider.url) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, client, question())
            await provider.until(lambda: bool(provider.requests))
            group.cancel_scope.cancel()
        assert client.in_use == 0
        await provider.until(lambda: provider.open == 0, within=1)


# --- dry_run


async def test_a_dry_run_shows_the_request_and_sends_nothing(provider):
    patch = {"chat_completions": {".*": {"body": {"top_k": 5}}}}
    async with open_client(provider.url, patch=patch) as client:
        shown = await dry_run(client, question(stream=True, extra_body={"seed": 7}))
    assert shown["method"] == "POST"
    assert shown["url"] == f"{provider.url}/chat"
    assert shown["headers"] == {"content-type": "application/json", "authorization": "Bearer <secret>"}
    assert shown["body"] == {"say": "hi", "stream": True, "max_tokens": None, "top_k": 5, "seed": 7}
    assert set(shown["origins"]) == {"body.top_k", "body.seed"}
    assert provider.connections == 0


async def test_a_dry_run_shows_no_secret_wherever_it_is(provider):
    model = ModelSettings(
        name="m",
        patch=RequestPatch(
            url=f"{provider.url}/chat?key={KEY}&token=abc&x={KEY}&y=1",
            body={"deep": [{"er": f"<{KEY}>"}]},
            headers={"x-portal": "portal-secret", "x-api-key": "k", "cookie": "a=b"},
        ),
    )
    overrides = {"chat_completions": {".*": RequestPatch(headers={"x-other": "Other other-secret"})}}
    async with open_client(provider.url, model, overrides=overrides) as client:
        shown = await dry_run(client, question(Text(f"my key is {KEY}")))
    assert not [secret for secret in (KEY, "portal-secret", "other-secret") if secret in json.dumps(shown)]
    assert shown["headers"]["x-api-key"] == shown["headers"]["cookie"] == "<secret>"
    assert shown["url"].endswith("?key=<secret>&token=<secret>&x=<secret>&y=1")


async def test_a_dry_run_of_a_model_that_cannot_stream_does_not_ask_for_a_stream(provider):
    async with open_client(provider.url, ModelSettings(name="m", no_stream=True)) as client:
        shown = await dry_run(client, question(stream=True))
    assert shown["body"]["stream"] is False


async def test_a_dry_run_and_the_call_make_the_same_request(provider):
    provider.will(ALL)
    async with open_client(provider.url) as client:
        shown = await dry_run(client, question(stream=True))
        await ask(client, question(stream=True))
    assert provider.requests[0].json == shown["body"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_only_of_a_whole_answer_all_of_its_bytes_count(provider: FakeProvider, streamed: bool) -> None:
    came: list[int] = []

    class Counting(Charge):
        def came(self, size: int) -> None:
            came.append(size)

    class Noting(Turn):
        def charge(self, share: float = 1.0) -> Charge:
            return Counting(self, share)

    provider.will(stream(b"t half\n", kind=LINES))
    async with open_client(provider.url) as client:
        with pytest.raises(IncompleteResponse):
            await chat(
                client,
                question(stream=streamed),
                emit=ignore,
                accepted=anyio.lowlevel.checkpoint,
                turn=Noting(),
            )
    assert came == ([] if streamed else [7])


@pytest.mark.parametrize(
    ("words", "bytes_each"), [("x" * 100, 1), ("é" * 100, 1), ("ж" * 100, 2), ("x" * 99 + "\U0001f600", 4)]
)
async def test_the_words_of_a_stream_count_as_what_they_take_in_memory(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, words: str, bytes_each: int
) -> None:
    said = stream(*[f"t {words}\n".encode()] * 10, b"end\n", kind=LINES)
    for most, fits in ((10 * (100 * bytes_each + room.PIECE), True), (10 * (100 * bytes_each), False)):
        monkeypatch.setattr(room, "MOST_WORDS", most)
        provider.will(said)
        async with open_client(provider.url) as client:
            if fits:
                result, _ = await ask(client, question(stream=True))
                assert result.answer.message.text == words * 10
            else:
                with pytest.raises(ProviderFailed, match="memory"):
                    await ask(client, question(stream=True))
