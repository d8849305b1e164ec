"""Documents in the order of their relevance."""

from __future__ import annotations

import dataclasses

import pytest

from lokid.chat import RerankRequest, Score
from lokid.errors import InvalidParams, ProviderFailed, Unsupported
from lokid.providers.settings import ModelSettings
from lokid.runtime.rerank import rerank
from tests.fakes.client import TINY, FakeOpenClient, open_client
from tests.fakes.provider import FakeProvider, answer

pytestmark = pytest.mark.anyio

MODEL = ModelSettings(name="r", type="reranker")


@pytest.fixture
async def provider() -> FakeProvider:
    async with FakeProvider() as provider:
        yield provider


async def run(
    client: FakeOpenClient, *, query: str = "q", documents: tuple[str, ...] = ("a", "b", "c"), **fields
):
    async def accepted() -> None:
        pass

    return await rerank(client, RerankRequest("acme:r", query, documents, **fields), accepted=accepted)


async def test_the_best_comes_first_whatever_the_provider_does(provider):
    provider.will(answer(200, b"[[0, 0.1], [1, 0.9], [2, 0.5]]"))
    async with open_client(provider.url, MODEL) as client:
        reranked = await run(client)
    assert reranked.answer.results == (Score(1, 0.9), Score(2, 0.5), Score(0, 0.1))
    assert reranked.model == "acme:r"


async def test_top_n_holds_for_servers_that_do_not_know_it(provider):
    provider.will(answer(200, b"[[0, 0.1], [1, 0.9], [2, 0.5]]"))
    async with open_client(provider.url, MODEL) as client:
        reranked = await run(client, top_n=1)
    assert reranked.answer.results == (Score(1, 0.9),)


@pytest.mark.parametrize("body", [b"[[3, 0.5]]", b"[[-1, 0.5]]"])
async def test_scores_of_documents_that_were_not_sent_are_an_error(provider, body):
    provider.will(answer(200, body))
    async with open_client(provider.url, MODEL) as client:
        with pytest.raises(ProviderFailed):
            await run(client)


@pytest.mark.parametrize("fields, place", [({"documents": ()}, "documents"), ({"query": ""}, "query")])
async def test_nothing_cannot_be_ranked(provider, fields, place):
    async with open_client(provider.url, MODEL) as client:
        with pytest.raises(InvalidParams, match=place):
            await run(client, **fields)
    assert provider.connections == 0


async def test_a_type_without_rerank_says_so(provider):
    async with open_client(provider.url, provider=dataclasses.replace(TINY, rerank=None)) as client:
        with pytest.raises(Unsupported, match="tiny cannot rerank"):
            await run(client)
