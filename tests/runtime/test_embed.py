"""Texts to vectors in batches."""

from __future__ import annotations

import array
import dataclasses
import json

import anyio
import anyio.lowlevel
import pytest

from lokid.chat import EmbedRequest
from lokid.errors import AuthenticationFailed, InvalidParams, ProviderFailed, SecretMissing, Unsupported
from lokid.providers.settings import ModelSettings
from lokid.runtime.embed import Embedded, embed
from lokid.runtime.heavy import LARGE
from lokid.runtime.room import Place, Room
from lokid.runtime.usage.turns import Turn
from tests.fakes.client import TINY, FakeOpenClient, JSONDecoder, open_client
from tests.fakes.provider import Call, FakeProvider, answer

pytestmark = pytest.mark.anyio

MODEL = ModelSettings(name="e", type="embedding", input_price=1.0)


async def lengths(call: Call) -> None:
    """Embeds a text as its number."""
    texts = call.request.json["texts"]
    body = json.dumps({"vectors": [[float(text)] for text in texts], "tokens": len(texts)}).encode()
    await answer(200, body)(call)


@pytest.fixture
async def provider() -> FakeProvider:
    async with FakeProvider(default=lengths) as provider:
        yield provider


def numbers(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


async def run(client: FakeOpenClient, texts: tuple[str, ...], dimensions: int | None = None) -> Embedded:
    accepted: list[int] = []

    async def accept() -> None:
        accepted.append(1)

    try:
        return await embed(client, EmbedRequest("acme:e", texts, dimensions=dimensions), accepted=accept)
    finally:
        assert client.in_use == 0
        assert len(accepted) <= 1


async def test_vectors_come_in_the_order_of_the_texts(provider):
    async with open_client(provider.url, MODEL) as client:
        embedded = await run(client, numbers(95))
    values = [array.array("f", vector)[0] for vector in embedded.answer.vectors]
    assert values == [float(number) for number in range(95)]
    assert embedded.model == "acme:e"
    assert embedded.answer.usage.input_tokens == 95
    assert embedded.cost_usd == pytest.approx(95e-6)
    assert len(provider.requests) == 10


@pytest.mark.parametrize("configured, sizes", [(3, [3, 3, 1]), (None, [7]), (1000, [7])])
async def test_batches_are_as_large_as_model_and_provider_allow(provider, configured, sizes):
    model = MODEL.model_copy(update={"max_batch_size": configured})
    async with open_client(provider.url, model) as client:
        await run(client, numbers(7))
    assert sorted((len(request.json["texts"]) for request in provider.requests), reverse=True) == sizes


async def test_no_more_than_four_batches_are_under_way(provider):
    waiting: list[Call] = []
    go = anyio.Event()

    async def wait(call: Call) -> None:
        waiting.append(call)
        await go.wait()
        await lengths(call)

    provider.default = wait
    async with open_client(provider.url, MODEL) as client, anyio.create_task_group() as group:
        group.start_soon(run, client, numbers(100))
        await provider.until(lambda: len(provider.requests) == 4)
        await anyio.wait_all_tasks_blocked()
        assert len(waiting) == 4
        go.set()
    assert len(provider.requests) == 10


async def test_large_batches_have_a_bound_together_and_are_read_one_by_one(provider, monkeypatch):
    room = Room(LARGE, own=0)
    totals: list[int] = []
    reading: list[int] = []
    close, grow = JSONDecoder.close, Place.grow

    def closed(decoder: JSONDecoder) -> object:
        reading.append(room.client("acme").lane.borrowed_tokens)
        return close(decoder)

    async def grown(place: Place, size: int) -> None:
        await grow(place, size)
        totals.append(room.total)

    monkeypatch.setattr(JSONDecoder, "close", closed)
    monkeypatch.setattr(Place, "grow", grown)

    async def long(call: Call) -> None:
        vectors = [[float(text)] * 20_000 for text in call.request.json["texts"]]
        await answer(200, json.dumps({"vectors": vectors}).encode())(call)

    provider.default = long
    async with open_client(provider.url, MODEL) as client:
        accepted = anyio.lowlevel.checkpoint
        request = EmbedRequest("acme:e", numbers(95))
        embedded = await embed(client, request, accepted=accepted, turn=Turn(room))
    assert len(embedded.answer.vectors) == 95
    assert reading == [1] * 10
    assert room.total == 0
    one = max(len(vector) for vector in embedded.answer.vectors) * 20  # a batch of ten as JSON, at most
    assert LARGE < max(totals) <= one + 5 * LARGE  # the oldest one, and what the others began with


async def test_vectors_of_different_lengths_in_two_batches_are_an_error(provider):
    model = MODEL.model_copy(update={"max_batch_size": 1})
    provider.will(answer(200, b'{"vectors": [[1.0]], "tokens": 1}'))
    provider.will(answer(200, b'{"vectors": [[1.0, 2.0]], "tokens": 1}'))
    async with open_client(provider.url, model) as client:
        with pytest.raises(ProviderFailed, match="different lengths"):
            await run(client, numbers(2))


async def test_the_first_failure_ends_the_batches_beside_it(provider):
    async def fail_on_ten(call: Call) -> None:
        if "10" in call.request.json["texts"]:
            await provider.until(lambda: len(provider.requests) == 4)
            await answer(401)(call)
        else:
            await call.gone.wait()

    provider.default = fail_on_ten
    async with open_client(provider.url, MODEL) as client:
        with pytest.raises(AuthenticationFailed) as caught:
            await run(client, numbers(100))
        assert caught.value.client == "acme"
        assert len(provider.requests) == 4


@pytest.mark.parametrize("texts, place", [((), "texts: "), (("a", ""), r"texts\[1\]: ")])
async def test_nothing_has_no_vector(provider, texts, place):
    async with open_client(provider.url, MODEL) as client:
        with pytest.raises(InvalidParams, match=place):
            await run(client, texts)
    assert provider.connections == 0


async def test_a_text_that_is_surely_too_long_is_named(provider):
    model = MODEL.model_copy(update={"max_tokens_per_chunk": 10})
    async with open_client(provider.url, model) as client:
        with pytest.raises(InvalidParams, match=r"texts\[1\]: .* 10 tokens"):
            await run(client, ("1", "x" * 2561))
        await run(client, ("1" * 30,))  # 30 characters may be 10 tokens


async def test_vectors_of_another_length_than_was_asked_for_are_none(provider):
    """As llama.cpp gives them: they fit nothing that the others are kept with."""
    async with open_client(provider.url, MODEL) as client:
        assert len((await run(client, numbers(3), dimensions=1)).answer.vectors) == 3
        with pytest.raises(Unsupported, match="e gives vectors of 1 numbers, and none of 64") as caught:
            await run(client, numbers(3), dimensions=64)
    assert caught.value.hint == "leave out dimensions"


async def test_a_missing_vector_is_an_error(provider):
    provider.default = answer(200, b'{"vectors": [[1.0]]}')
    async with open_client(provider.url, MODEL) as client:
        with pytest.raises(ProviderFailed, match="1 vectors came for 2 texts"):
            await run(client, numbers(2))


async def test_without_usage_there_is_no_cost(provider):
    provider.default = answer(200, b'{"vectors": [[1.0]]}')
    async with open_client(provider.url, MODEL) as client:
        embedded = await run(client, numbers(1))
    assert embedded.answer.usage is None
    assert embedded.cost_usd is None


async def test_a_missing_key_fails_before_the_call_is_accepted(provider):
    async with open_client(provider.url, MODEL) as client:
        client.failure = SecretMissing("no key")

        async def accept() -> None:
            pytest.fail("accepted")

        with pytest.raises(SecretMissing):
            await embed(client, EmbedRequest("acme:e", ("a",)), accepted=accept)


async def test_a_type_without_embeddings_says_so(provider):
    async with open_client(provider.url, provider=dataclasses.replace(TINY, embed=None)) as client:
        with pytest.raises(Unsupported, match="tiny cannot embed"):
            await run(client, ("a",))
