"""``rerank``: documents in the order of their relevance to a query."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lokid.chat import RerankAnswer, RerankRequest
from lokid.errors import InvalidParams, ProviderFailed, Unsupported
from lokid.providers.cost import cost_usd
from lokid.runtime.call import Accepted, Limited, ignore, model_name, perform
from lokid.runtime.usage.turns import Turn

if TYPE_CHECKING:
    from lokid.runtime.clients import OpenClient


@dataclass(frozen=True, slots=True)
class Reranked:
    """``model`` is ``client:model``. ``cost_usd``: of the tokens, if it has a price for them; searches are
    not in it."""

    answer: RerankAnswer
    model: str
    cost_usd: float | None


async def rerank(
    client: OpenClient, request: RerankRequest, *, accepted: Accepted, turn: Turn | None = None
) -> Reranked:
    """Scores, best first, at most ``top_n``. Raises any ``LokidError``."""
    settings = client.settings
    turn = turn or Turn()
    model = client.model(model_name(settings, request.model), "reranker")
    encode = client.provider.rerank
    if encode is None:
        raise Unsupported(f"clients of type {client.provider.name} cannot rerank", client=settings.name)
    if not request.documents:
        raise InvalidParams("documents: is empty", hint="give at least one document")
    if not request.query:
        raise InvalidParams("query: is empty")
    with Limited(settings.extra.timeout, settings.name) as deadline:
        await turn.come()
        async with client.use() as reached:
            performed = await perform(
                client,
                reached,
                encode(reached, model, request),
                "rerank",
                model,
                emit=ignore,
                accepted=accepted,
                deadline=deadline,
                charge=turn.charge(),
            )
    results = performed.answer.results
    if any(not 0 <= score.index < len(request.documents) for score in results):
        raise ProviderFailed("the answer scores documents that were not sent", client=settings.name)
    # Servers exist that answer in the order of the documents, and that do not know top_n.
    best = tuple(sorted(results, key=lambda score: score.score, reverse=True))[: request.top_n]
    answer = replace(performed.answer, results=best)
    return Reranked(answer, f"{settings.name}:{model.name}", cost_usd(model, answer.usage))
