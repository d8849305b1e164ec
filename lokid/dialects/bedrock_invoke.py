"""Embeddings and reranking on Bedrock: InvokeModel, whose body is that of the model's maker, and Rerank.

References: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html and
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lokid.chat import EmbedAnswer, EmbedRequest, RerankAnswer, RerankRequest, Usage
from lokid.dialects import openai_embeddings, rerank
from lokid.dialects.errors import in_place_of
from lokid.dialects.openai_pieces import known
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.untrusted import count, counted, items, mapping
from lokid.errors import InvalidParams, Unsupported

COHERE_API = 2
"""Version of Cohere's rerank API inside InvokeModel."""

MAX_SOURCES = 1000
"""Documents of one Rerank, which answers ten results unless told how many."""


@dataclass(frozen=True, slots=True)
class Family:
    """Embedding models with one form of body. ``one_text``: a request carries a single text. ``dimensions``:
    whether their number can be chosen. ``vectors``: where they are in an answer."""

    encode: Callable[[EmbedRequest], dict[str, Any]]
    vectors: Callable[[Mapping[str, Any]], Any]
    one_text: bool = True
    dimensions: bool = True


def _cohere(request: EmbedRequest) -> dict[str, Any]:
    """``input_type`` is required; texts are documents unless the caller says otherwise."""
    return {
        "texts": list(request.texts),
        "input_type": "search_query" if request.input_type == "query" else "search_document",
    }


def _cohere_v4(request: EmbedRequest) -> dict[str, Any]:
    return {**_cohere(request), "embedding_types": ["float"], **known(output_dimension=request.dimensions)}


def _titan(request: EmbedRequest) -> dict[str, Any]:
    return {"inputText": request.texts[0], **known(dimensions=request.dimensions)}


def _titan_image(request: EmbedRequest) -> dict[str, Any]:
    size = known(outputEmbeddingLength=request.dimensions)
    return {"inputText": request.texts[0], **known(embeddingConfig=size or None)}


def _nova(request: EmbedRequest) -> dict[str, Any]:
    """A text that is too long is refused, not cut in silence."""
    return {
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {
            "embeddingPurpose": "GENERIC_RETRIEVAL" if request.input_type == "query" else "GENERIC_INDEX",
            **known(embeddingDimension=request.dimensions),
            "text": {"truncationMode": "NONE", "value": request.texts[0]},
        },
    }


def _cohere_vectors(answer: Mapping[str, Any]) -> Any:
    found = answer.get("embeddings")
    return found.get("float") if isinstance(found, Mapping) else found


def _nova_vectors(answer: Mapping[str, Any]) -> Any:
    return [mapping(entry).get("embedding") for entry in items(answer.get("embeddings"))]


def _titan_vectors(answer: Mapping[str, Any]) -> Any:
    return [answer["embedding"]] if "embedding" in answer else []


_COHERE = Family(_cohere, _cohere_vectors, one_text=False, dimensions=False)

FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"cohere\.embed-v4", Family(_cohere_v4, _cohere_vectors, one_text=False)),
    (r"amazon\.titan-embed-text-v2", Family(_titan, _titan_vectors)),
    (r"amazon\.titan-embed-image", Family(_titan_image, _titan_vectors)),
    (r"amazon\.titan-embed", Family(_titan, _titan_vectors, dimensions=False)),
    (r"amazon\.nova\S*-embed", Family(_nova, _nova_vectors)),
)
"""What a name holds, behind a region's prefix or in an ARN -> its family; any other is Cohere's third."""


def family(*names: str) -> Family:
    """That of the first of ``names`` that says it."""
    known_rows = (row for name in names for pattern, row in FAMILIES if re.search(pattern, name))
    return next(known_rows, _COHERE)


def encode(request: EmbedRequest, model: str, family: Family) -> dict[str, Any]:
    """The body. Raises ``Unsupported`` and ``InvalidParams``."""
    if request.dimensions is not None and not family.dimensions:
        raise Unsupported(f"{model} has one number of dimensions", hint="leave out dimensions")
    if family.one_text and len(request.texts) > 1:
        raise InvalidParams(
            f"{model} takes one text per request",
            hint="set max_batch_size: 1 of the model in the configuration",
        )
    return family.encode(request)


def decoder(texts: int, family: Family) -> WholeDecoder[EmbedAnswer]:
    """``texts``: how many vectors there must be."""

    def read(value: Any) -> EmbedAnswer:
        answer = mapping(value)
        vectors = items(family.vectors(answer))
        if not any(vectors) and (refusal := in_place_of(value)):
            raise refusal
        rows = [{"embedding": vector} for vector in vectors]
        return replace(openai_embeddings.read({"data": rows}, texts), usage=_usage(answer))

    return WholeDecoder(read, lambda value: _usage(mapping(value)))


def _usage(answer: Mapping[str, Any]) -> Usage | None:
    """Titan's; the others tell it in headers."""
    name = "inputTextTokenCount"
    return Usage(count(answer.get(name))) if counted(answer, name) else None


def encode_rerank(request: RerankRequest) -> dict[str, Any]:
    """For Cohere's models inside InvokeModel."""
    return {
        "query": request.query,
        "documents": list(request.documents),
        **known(top_n=request.top_n),
        "api_version": COHERE_API,
    }


def encode_rerank_sources(request: RerankRequest, model_arn: str) -> dict[str, Any]:
    """For Rerank of the agent runtime."""
    if len(request.documents) > MAX_SOURCES:
        raise InvalidParams(f"documents: Bedrock takes at most {MAX_SOURCES}", hint="rerank them in parts")
    sources = [
        {
            "type": "INLINE",
            "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": document}},
        }
        for document in request.documents
    ]
    return {
        "queries": [{"type": "TEXT", "textQuery": {"text": request.query}}],
        "sources": sources,
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "numberOfResults": min(request.top_n or len(sources), len(sources)),
                "modelConfiguration": {"modelArn": model_arn},
            },
        },
    }


def rerank_decoder(request: RerankRequest) -> WholeDecoder[RerankAnswer]:
    """``relevance_score`` of InvokeModel and ``relevanceScore`` of Rerank."""

    def read(value: Any) -> RerankAnswer:
        rows = [dict(mapping(row)) for row in items(mapping(value).get("results"))]
        for row in rows:
            if "relevanceScore" in row:
                row["relevance_score"] = row["relevanceScore"]
        if not rows and (refusal := in_place_of(value)):
            raise refusal
        return rerank.read({"results": rows}, request)

    return WholeDecoder(read)
