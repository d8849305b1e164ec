"""Reranking as Jina, Cohere, Voyage, llama.cpp and those who copied them speak it.

References: https://jina.ai/reranker, https://docs.cohere.com/reference/rerank,
https://docs.voyageai.com/docs/reranker. They differ in the name of ``top_n`` and in where results stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from lokid.chat import RerankAnswer, RerankRequest, Score, Usage
from lokid.dialects.errors import in_place_of
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.untrusted import count, counted, items, mapping
from lokid.errors import ProviderFailed


def encode(request: RerankRequest, model: str, *, top_n: str = "top_n") -> dict[str, Any]:
    """``top_n``: what the server calls it (``top_k`` at Voyage)."""
    body: dict[str, Any] = {"model": model, "query": request.query, "documents": list(request.documents)}
    if request.top_n is not None:
        body[top_n] = request.top_n
    return body


def decoder(request: RerankRequest) -> WholeDecoder[RerankAnswer]:
    return WholeDecoder(lambda value: read(value, request), lambda value: _usage(mapping(value)))


def read(value: Any, request: RerankRequest) -> RerankAnswer:
    """``{results: [{index, relevance_score}]}``, ``{data: [..]}`` (Voyage), a bare list with ``score``
    (text-embeddings-inference). Sorted and cut here: llama.cpp does neither."""
    if refusal := in_place_of(value, "results", "data"):
        raise refusal
    answer = mapping(value)
    rows = items(value) or items(answer.get("results")) or items(answer.get("data"))
    if not rows and request.documents:
        raise ProviderFailed("the provider's answer has no results")
    wanted = min(request.top_n or len(request.documents), len(request.documents))
    if not wanted <= len(rows) <= len(request.documents):
        raise ProviderFailed(
            f"the provider answered {len(rows)} scores where there must be {wanted}",
            hint=None if request.top_n else "ask for as many as you want with top_n",
        )
    scores = [_score(mapping(row), len(request.documents)) for row in rows]
    if len({score.index for score in scores}) != len(scores):
        raise ProviderFailed("the provider answered two scores for one document")
    best = sorted(scores, key=lambda score: (-score.score, score.index))
    return RerankAnswer(tuple(best[: request.top_n]), _usage(answer))


def _score(row: Mapping[str, Any], documents: int) -> Score:
    index, score = row.get("index"), row.get("relevance_score", row.get("score"))
    if type(index) is not int or not 0 <= index < documents or not _finite(score):  # bool is an int, too
        raise ProviderFailed("the provider's answer holds a result without a document or a score")
    return Score(index, float(score))


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def _usage(answer: Mapping[str, Any]) -> Usage | None:
    """Jina, Voyage and llama.cpp report ``usage``, Cohere its billed units, which are no tokens."""
    found = mapping(answer.get("usage"))
    tokens = count(found.get("total_tokens")) or count(found.get("prompt_tokens"))
    return Usage(input_tokens=tokens) if counted(found, "total_tokens", "prompt_tokens") else None
