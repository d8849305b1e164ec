"""Cohere Embed, version 2. Reference: https://docs.cohere.com/reference/embed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lokid.chat import EmbedAnswer, EmbedRequest, Usage
from lokid.dialects.errors import in_band
from lokid.dialects.openai_pieces import known
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.untrusted import count, counted, items, mapping
from lokid.dialects.vectors import matching, pack

INPUT_TYPES = {"query": "search_query", "document": "search_document", None: "search_document"}
"""The API requires one. A caller that does not say embeds texts to be found later, most of the time."""


def encode(request: EmbedRequest, model: str) -> dict[str, Any]:
    """``truncate``: by default Cohere cuts what is too long and says nothing; lokid wants its refusal."""
    return {
        "model": model,
        "input_type": INPUT_TYPES[request.input_type],
        "texts": list(request.texts),
        "embedding_types": ["float"],
        "truncate": "NONE",
        **known(output_dimension=request.dimensions),
    }


def decoder(texts: int) -> WholeDecoder[EmbedAnswer]:
    """``texts``: how many vectors there must be."""

    def read(value: Any) -> EmbedAnswer:
        answer = mapping(value)
        if "embeddings" not in answer:
            raise in_band(answer)
        rows = items(mapping(answer["embeddings"]).get("float"))
        vectors = matching([pack(row) for row in rows], texts)
        return EmbedAnswer(vectors, _usage(answer))

    return WholeDecoder(read, lambda value: _usage(mapping(value)))


def _usage(answer: Mapping[str, Any]) -> Usage | None:
    billed = mapping(mapping(answer.get("meta")).get("billed_units"))
    return Usage(count(billed.get("input_tokens"))) if counted(billed, "input_tokens") else None
