"""Every key of a model, of a client and of ``extra`` does what the documentation says, seen from outside:
configuration in, requests and answers out.

A key without an effect here fails ``test_every_key_has_its_effect_here``.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme

from lokid.chat import (
    ChatRequest,
    ChatResult,
    EmbedRequest,
    Event,
    Image,
    Message,
    RerankRequest,
    ResponseSchema,
    Text,
    TextDelta,
    Tool,
    ToolCallDelta,
)
from lokid.config import Config, parse
from lokid.errors import (
    BudgetExceeded,
    ContextLengthExceeded,
    InvalidParams,
    LoginRequired,
    ProviderUnavailable,
    TimedOut,
    UnknownModel,
    Unsupported,
)
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings, Extra, ModelSettings
from lokid.runtime.chat import chat
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.embed import Embedded, embed
from lokid.runtime.listing import listed
from lokid.runtime.rerank import Reranked, rerank
from lokid.runtime.usage.asker import Asker
from lokid.runtime.usage.bill import Bill
from tests.fakes.provider import Call, FakeProvider, answer, refusing_port, stall, stream

pytestmark = pytest.mark.anyio

USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "prompt_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 100},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
IMAGE = Image("image/png", data=b"png")
SCHEMA = ResponseSchema({"type": "object"})
TOOL = Tool("look", "", {"type": "object"})


async def friendly(call: Call) -> None:
    """A server that speaks OpenAI's formats and answers everything."""
    match call.request.target.rpartition("/")[2]:
        case "embeddings":
            texts = call.request.json["input"]
            data = [{"index": index, "embedding": [float(index)]} for index in range(len(texts))]
            await answer(200, _json({"data": data, "usage": {"prompt_tokens": 1000}}))(call)
        case "rerank":
            await answer(200, _json({"results": [{"index": 0, "relevance_score": 1.0}]}))(call)
        case _ if call.request.json.get("stream"):
            head = {"id": "x", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": None}]}
            tail = {
                "id": "x",
                "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                "usage": USAGE,
            }
            data = b"".join(b"data: %b\n\n" % _json(chunk) for chunk in (head, tail))
            await stream(data, b"data: [DONE]\n\n")(call)
        case _:
            message = {"role": "assistant", "content": "<think>hm</think>hi", "tool_calls": [CALL]}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            await answer(200, _json({"id": "x", "choices": [choice], "usage": USAGE}))(call)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


class World:
    """A provider and what is configured to reach it."""

    def __init__(self, provider: FakeProvider, tmp_path: Path) -> None:
        self.provider = provider
        self.tmp_path = tmp_path

    @asynccontextmanager
    async def client(
        self, model: dict[str, Any] | None = None, kind: str = "openai-compatible", **keys: Any
    ) -> AsyncIterator[OpenClient]:
        entry = {"type": kind, "name": "acme", "api_key": "k", "api_base": f"{self.provider.url}/v1", **keys}
        if model is not None:
            entry["models"] = [{"name": "m", **model}]
        entry = {key: value for key, value in entry.items() if value is not None}
        config = parse(json.dumps({"clients": [entry]}), "config.yaml", lookup={}, environ={})
        assert isinstance(config, Config), config
        (settings,) = config.clients
        around = Surroundings(environ={}, directory="/", spawn=lambda *_: None)
        client = OpenClient(settings, PROVIDERS[kind], around)
        try:
            yield client
        finally:
            await client.aclose()

    async def ask(
        self,
        model: dict[str, Any] | None = None,
        *parts: Any,
        heard: list[Event] | None = None,
        name: str = "m",
        request: dict[str, Any] | None = None,
        **keys: Any,
    ) -> ChatResult:
        async def emit(events: Sequence[Event]) -> None:
            if heard is not None:
                heard.extend(events)

        message = Message("user", parts or (Text("question"),))
        async with self.client(model, **keys) as client:
            asked = ChatRequest(f"{client.name}:{name}", (message,), **(request or {}))
            return await chat(client, asked, emit=emit, accepted=anyio.lowlevel.checkpoint)

    async def embed(self, model: dict[str, Any], *texts: str, **keys: Any) -> Embedded:
        async with self.client({"type": "embedding", **model}, **keys) as client:
            return await embed(client, EmbedRequest("acme:m", texts), accepted=anyio.lowlevel.checkpoint)

    async def rerank(self, model: dict[str, Any], **keys: Any) -> Reranked:
        async with self.client({"type": "reranker", **model}, **keys) as client:
            request = RerankRequest("acme:m", "q", ("d",))
            return await rerank(client, request, accepted=anyio.lowlevel.checkpoint)

    @property
    def body(self) -> dict[str, Any]:
        """Of the last request."""
        return self.provider.requests[-1].json

    @property
    def headers(self) -> Any:
        return self.provider.requests[-1].headers


Effect = Callable[[World], Awaitable[None]]
EFFECTS: dict[str, Effect] = {}


def effect(*keys: str) -> Callable[[Effect], Effect]:
    def add(function: Effect) -> Effect:
        EFFECTS.update(dict.fromkeys(keys, function))
        return function

    return add


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with FakeProvider(default=friendly) as provider:
        yield World(provider, tmp_path)


# --- of a model -----------------------------------------------------------------------------------------


@effect("model.name")
async def _(world: World) -> None:
    assert (await world.ask({})).model == "acme:m"
    assert world.body["model"] == "m"
    with pytest.raises(UnknownModel, match="no model 'n'; did you mean"):
        await world.ask({"name": "nn"}, name="n")


@effect("model.real_name")
async def _(world: World) -> None:
    assert (await world.ask({"real_name": "their/name"})).model == "acme:m"
    assert world.body["model"] == "their/name"


@effect("model.type")
async def _(world: World) -> None:
    with pytest.raises(Unsupported, match="is a model of type embedding, not chat"):
        await world.ask({"type": "embedding"})
    await world.embed({}, "text")
    await world.rerank({})


@effect("model.input_price", "model.output_price")
async def _(world: World) -> None:
    assert (await world.ask({"input_price": 2, "output_price": 10})).cost_usd == 0.007
    assert (await world.ask({"input_price": 2})).cost_usd is None
    assert (await world.ask({})).cost_usd is None
    assert (await world.embed({"input_price": 2}, "text")).cost_usd == 0.002


@effect("model.cached_input_price", "model.cache_write_price")
async def _(world: World) -> None:
    prices = {"input_price": 2, "output_price": 10}
    assert (await world.ask({**prices, "cached_input_price": 0.5})).cost_usd == 0.0064
    assert (await world.ask({**prices, "cache_write_price": 3})).cost_usd == 0.0071


@effect("model.long_input")
async def _(world: World) -> None:
    prices = {"input_price": 2, "output_price": 10}
    long = {"above": 999, "input_price": 4, "output_price": 20}
    assert (await world.ask({**prices, "long_input": long})).cost_usd == 0.014
    assert (await world.ask({**prices, "long_input": {**long, "above": 1000}})).cost_usd == 0.007


@effect("model.patch")
async def _(world: World) -> None:
    patch = {"body": {"seed": 7, "model": None}, "headers": {"x-team": "blue"}}
    await world.ask({"patch": patch})
    assert world.body["seed"] == 7
    assert "model" not in world.body
    assert world.headers["x-team"] == "blue"
    await world.ask({"patch": {"url": f"{world.provider.url}/elsewhere"}})
    assert world.provider.requests[-1].target == "/elsewhere"


@effect("model.max_input_tokens")
async def _(world: World) -> None:
    with pytest.raises(ContextLengthExceeded, match="longer than 2 tokens, the most m reads"):
        await world.ask({"max_input_tokens": 2}, Text("x" * 513))
    assert world.provider.requests == []
    await world.ask({"max_input_tokens": 2}, Text("short"))


@effect("model.max_output_tokens", "model.require_max_tokens")
async def _(world: World) -> None:
    await world.ask({"max_output_tokens": 99})
    assert "max_tokens" not in world.body
    await world.ask({"max_output_tokens": 99, "require_max_tokens": True})
    assert world.body["max_tokens"] == 99
    await world.ask({"max_output_tokens": 99, "require_max_tokens": True}, request={"max_tokens": 5})
    assert world.body["max_tokens"] == 5
    with pytest.raises(InvalidParams, match="needs max_tokens"):
        await world.ask({"require_max_tokens": True})


@effect("model.supports_vision")
async def _(world: World) -> None:
    await world.ask({"supports_vision": True}, IMAGE)
    with pytest.raises(Unsupported, match="does not see images"):
        await world.ask({"supports_vision": False}, IMAGE)
    assert len(world.provider.requests) == 1


@effect("model.supports_function_calling")
async def _(world: World) -> None:
    await world.ask({"supports_function_calling": True}, request={"tools": (TOOL,)})
    assert world.body["tools"][0]["function"]["name"] == "look"
    with pytest.raises(Unsupported, match="does not call tools"):
        await world.ask({"supports_function_calling": False}, request={"tools": (TOOL,)})


@effect("model.no_stream")
async def _(world: World) -> None:
    heard: list[Event] = []
    await world.ask({"no_stream": False}, heard=heard, request={"stream": True})
    assert heard == [TextDelta("hi")]
    assert world.body["stream"] is True
    heard.clear()
    result = await world.ask({"no_stream": True}, heard=heard, request={"stream": True})
    assert not world.body.get("stream")
    assert heard == [
        TextDelta("<think>hm</think>hi"),
        ToolCallDelta(0, "c1", "look", '{"at":"it"}'),
    ]
    assert result.answer.message.text == "<think>hm</think>hi"


@effect("model.no_system_message")
async def _(world: World) -> None:
    await world.ask({"no_system_message": False}, request={"system": "be brief"})
    assert [message["role"] for message in world.body["messages"]] == ["system", "user"]
    await world.ask({"no_system_message": True}, request={"system": "be brief"})
    (message,) = world.body["messages"]
    assert message == {"role": "user", "content": "be brief\n\nquestion"}


@effect("model.system_prompt_prefix")
async def _(world: World) -> None:
    model = {"system_prompt_prefix": "Formatting re-enabled"}
    await world.ask(model, request={"system": "be brief"})
    assert world.body["messages"][0] == {"role": "system", "content": "Formatting re-enabled\n\nbe brief"}
    await world.ask(model)
    assert world.body["messages"][0] == {"role": "system", "content": "Formatting re-enabled"}


@effect("model.max_tokens_per_chunk", "model.default_chunk_size")
async def _(world: World) -> None:
    """What is surely too long is not sent; what the provider finds too long is named. Nothing is cut."""
    model = {"max_tokens_per_chunk": 2, "default_chunk_size": 400}
    with pytest.raises(InvalidParams, match=r"texts\[1\]: is longer than 2 tokens") as caught:
        await world.embed(model, "short", "x" * 513)
    assert caught.value.hint.startswith("split it into pieces of 400 characters")
    assert world.provider.requests == []
    body = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    world.provider.will(answer(400, _json(body)))
    with pytest.raises(ContextLengthExceeded, match=r"the longest text is texts\[1\]: 30 characters") as late:
        await world.embed(model, "short", "x" * 30)
    assert late.value.hint.startswith("split it into pieces of 400 characters")
    async with world.client({"type": "embedding", **model}) as client:
        row = listed(client, client.models[0])
    assert (row["max_tokens_per_chunk"], row["default_chunk_size"]) == (2, 400)


@effect("model.max_batch_size")
async def _(world: World) -> None:
    embedded = await world.embed({"max_batch_size": 2}, "a", "b", "c", "d", "e")
    assert len(embedded.answer.vectors) == 5
    assert sorted(len(request.json["input"]) for request in world.provider.requests) == [1, 2, 2]


@effect("model.chat_api")
async def _(world: World) -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]
    world.provider.will(answer(200, _json({"id": "r", "status": "completed", "output": output})))
    result = await world.ask({"chat_api": "responses"}, kind="openai")
    assert world.provider.requests[-1].target == "/v1/responses"
    assert result.answer.message.text == "hi"
    await world.ask({"chat_api": "chat_completions"}, kind="openai")
    assert world.provider.requests[-1].target == "/v1/chat/completions"


@effect("model.max_tokens_param")
async def _(world: World) -> None:
    await world.ask({"max_tokens_param": "max_completion_tokens"}, request={"max_tokens": 5})
    assert world.body["max_completion_tokens"] == 5
    assert "max_tokens" not in world.body


@effect("model.sampling")
async def _(world: World) -> None:
    await world.ask({"sampling": True}, request={"temperature": 0.5, "top_p": 0.5})
    assert world.body["temperature"] == 0.5
    with pytest.raises((InvalidParams, Unsupported), match="temperature"):
        await world.ask({"sampling": False}, request={"temperature": 0.5})


@effect("model.system_role")
async def _(world: World) -> None:
    await world.ask({"system_role": "developer"}, request={"system": "be brief"})
    assert world.body["messages"][0]["role"] == "developer"
    await world.ask({"system_role": "none"}, request={"system": "be brief"})
    assert world.body["messages"][0]["role"] == "user"


@effect("model.reasoning_style")
async def _(world: World) -> None:
    result = await world.ask({"reasoning_style": "think_tags"})
    assert result.answer.message.text == "hi"
    with pytest.raises(Unsupported, match="does not reason on demand"):
        await world.ask({"reasoning_style": "none"}, request={"reasoning": "low"})


@effect("model.reasoning_efforts")
async def _(world: World) -> None:
    model = {"reasoning_style": "openai_effort", "reasoning_efforts": ["low", "high"]}
    await world.ask(model, request={"reasoning": "high"})
    assert world.body["reasoning_effort"] == "high"
    with pytest.raises(Unsupported, match="has no reasoning effort 'medium'"):
        await world.ask(model, request={"reasoning": "medium"})


@effect("model.structured_outputs")
async def _(world: World) -> None:
    with pytest.raises(Unsupported, match="does not answer to a schema"):
        await world.ask({"structured_outputs": False}, request={"response_schema": SCHEMA})
    await world.ask({"structured_outputs": True}, request={"response_schema": SCHEMA})
    assert world.body["response_format"]["type"] == "json_schema"


# --- of a client ----------------------------------------------------------------------------------------


@effect("client.type", "client.api_base", "client.api_key")
async def _(world: World) -> None:
    await world.ask({}, api_key="sk-mine")
    assert world.provider.requests[-1].target == "/v1/chat/completions"
    assert world.headers["authorization"] == "Bearer sk-mine"
    world.provider.will(answer(401, b"{}"))
    with pytest.raises(Exception, match="does not accept the key"):
        await world.ask({}, kind="claude", api_key="sk-ant")
    assert world.provider.requests[-1].target == "/v1/messages"
    assert world.headers["x-api-key"] == "sk-ant"


@effect("client.name")
async def _(world: World) -> None:
    async with world.client({}, name="other") as client:
        assert client.name == "other"
        assert client.status()["name"] == "other"


@effect("client.auth", "client.oauth")
async def _(world: World) -> None:
    async with world.client({}, kind="claude", auth="oauth", oauth={"client_id": "mine"}) as client:
        assert client.settings.oauth.client_id == "mine"
        assert client.state()[0] == "needs_login"
    with pytest.raises(LoginRequired, match="auth: oauth"):
        await world.ask({}, kind="claude", auth="oauth", oauth={"client_id": "mine"}, api_key=None)


@effect("client.models")
async def _(world: World) -> None:
    await world.ask(None, name="never-heard-of")
    with pytest.raises(UnknownModel):
        await world.ask({}, name="never-heard-of")


@effect("client.patch")
async def _(world: World) -> None:
    patch = {"chat_completions": {"m.*": {"body": {"seed": 1}}, ".*": {"body": {"seed": 2}}}}
    patch |= {"embeddings": {".*": {"headers": {"x-e": "1"}}}, "rerank": {".*": {"headers": {"x-r": "1"}}}}
    await world.ask({}, patch=patch)
    assert world.body["seed"] == 1
    await world.ask({"name": "other"}, name="other", patch=patch)
    assert world.body["seed"] == 2
    await world.embed({}, "text", patch=patch)
    assert world.headers["x-e"] == "1"
    await world.rerank({}, patch=patch)
    assert world.headers["x-r"] == "1"


@effect("client.organization_id", "client.project_id")
async def _(world: World) -> None:
    await world.ask({}, kind="openai", organization_id="org-1", project_id="proj-1")
    assert world.headers["openai-organization"] == "org-1"
    assert world.headers["openai-project"] == "proj-1"


# --- of extra -------------------------------------------------------------------------------------------

IMPATIENT = {"max_retries": 0}


@effect("extra.proxy")
async def _(world: World) -> None:
    await world.ask({}, extra={"proxy": world.provider.url}, api_base="http://127.0.0.1:9/v1")
    assert world.provider.requests[-1].target == "http://127.0.0.1:9/v1/chat/completions"
    async with refusing_port() as port:
        with pytest.raises(ProviderUnavailable, match="no connection to the proxy"):
            await world.ask({}, extra={**IMPATIENT, "proxy": f"http://127.0.0.1:{port}"})


@effect("extra.connect_timeout")
async def _(world: World) -> None:
    """A proxy that never opens its tunnel is a connection that does not stand."""
    world.provider.will(stall())
    extra = {**IMPATIENT, "connect_timeout": 0.1, "proxy": world.provider.url}
    with pytest.raises(TimedOut, match="connect timeout"):
        await world.ask({}, extra=extra, api_base="https://api.example.com/v1")


@effect("extra.timeout")
async def _(world: World) -> None:
    world.provider.will(stall())
    with pytest.raises(TimedOut, match="total timeout"):
        await world.ask({}, extra={**IMPATIENT, "timeout": 0.1})


@effect("extra.first_byte_timeout")
async def _(world: World) -> None:
    world.provider.will(stall())
    with pytest.raises(TimedOut, match="first byte timeout"):
        await world.ask({}, extra={**IMPATIENT, "first_byte_timeout": 0.1})


@effect("extra.idle_timeout")
async def _(world: World) -> None:
    world.provider.will(
        stall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
    )
    with pytest.raises(TimedOut, match="idle timeout"):
        await world.ask({}, extra={**IMPATIENT, "idle_timeout": 0.1})


@effect("extra.ca_file")
async def _(world: World) -> None:
    ca = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    path = world.tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    async with FakeProvider(tls=tls, default=friendly) as secure:
        world.provider = secure
        with pytest.raises(ProviderUnavailable, match="certificate"):
            await world.ask({}, extra=IMPATIENT)
        await world.ask({}, extra={"ca_file": str(path)})


@effect("extra.max_connections")
async def _(world: World) -> None:
    held: list[Call] = []
    go = anyio.Event()

    async def hold(call: Call) -> None:
        held.append(call)
        await go.wait()
        await friendly(call)

    world.provider.default = hold
    async with world.client({}, extra={"max_connections": 2}) as client, anyio.create_task_group() as group:
        request = ChatRequest("acme:m", (Message("user", (Text("q"),)),))

        async def ask() -> None:
            await chat(client, request, emit=_nothing, accepted=anyio.lowlevel.checkpoint)

        for _ in range(4):
            group.start_soon(ask)
        await world.provider.until(lambda: len(world.provider.requests) == 2)
        await anyio.wait_all_tasks_blocked()
        assert len(held) == 2
        go.set()
    assert world.provider.connections == 2


async def _nothing(events: Sequence[Event]) -> None:
    """Nobody listens."""


@effect("extra.max_retries")
async def _(world: World) -> None:
    world.provider.default = answer(503, b"{}", retry_after_ms="1")
    with pytest.raises(ProviderUnavailable):
        await world.ask({}, extra={"max_retries": 1})
    assert len(world.provider.requests) == 2


# --- of everybody who asks; test_bill and test_turns have the rest ----------------------------------------


async def _billed(world: World, count: int, **keys: Any) -> tuple[int, int]:
    """``count`` questions at once: how many were answered, and the most that waited."""
    bill, answered, waited = Bill({}), 0, 0
    prices = {"input_price": 2, "output_price": 10}  # 0.007 a question
    async with world.client(prices, **keys) as client, anyio.create_task_group() as group:
        askers = [Asker(number) for number in range(count)]

        async def ask(asker: Asker) -> None:
            nonlocal answered, waited
            entering = bill.entry(
                client.settings,
                "acme:m",
                "chat",
                asker,
                partial(Config, ""),
                interactive=True,
                estimate=lambda: 0,
            )
            with suppress(BudgetExceeded):
                with entering as entry:
                    request = ChatRequest("acme:m", (Message("user", (Text("q"),)),))
                    result = await chat(
                        client, request, emit=_nothing, accepted=anyio.lowlevel.checkpoint, turn=entry
                    )
                    waited = max(waited, sum(one.waiting for one in askers))
                    entry.answered(result.answer.usage, result.cost_usd)
                answered += 1

        for asker in askers:
            group.start_soon(ask, asker)
    return answered, waited


@effect("client.budget")
async def _(world: World) -> None:
    one_at_a_time = {"limits": {"concurrency": 1}}
    assert (await _billed(world, 5, budget={"usd_per_day": 0.014}, **one_at_a_time))[0] == 2
    assert (await _billed(world, 5, budget={"usd_per_month": 0.02}, **one_at_a_time))[0] == 3


@effect("client.limits")
async def _(world: World) -> None:
    assert await _billed(world, 5, limits={"concurrency": 2}) == (5, 3)
    assert await _billed(world, 5) == (5, 0)


# --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", EFFECTS)
async def test_a_setting_has_its_effect(key: str, world: World) -> None:
    await EFFECTS[key](world)


def test_every_key_has_its_effect_here() -> None:
    parts = {"model": ModelSettings, "client": ClientSettings, "extra": Extra}
    keys = {f"{part}.{key}" for part, settings in parts.items() for key in settings.model_fields}
    assert keys - {"client.extra"} - EFFECTS.keys() == set()  # extra: all that is in it
