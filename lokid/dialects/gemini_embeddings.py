"""Google's embeddings: batchEmbedContents, embedContent and, on Vertex AI, the older predict.

References: https://ai.google.dev/api/embeddings,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api.

All parts of one content become one vector, so each text is a content of its own. What a text is for is a
parameter, except with ``gemini-embedding-2``, which wants to be told in the text itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lokid.chat import EmbedAnswer, EmbedRequest, Usage
from lokid.dialects.errors import in_place_of
from lokid.dialects.openai_pieces import known
from lokid.dialects.stream import WholeDecoder
from lokid.dialects.untrusted import count, counted, items, mapping
from lokid.dialects.vectors import matching, pack
from lokid.errors import ContextLengthExceeded

TASKS = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}

PROMPTS = {"query": "task: search result | query: ", "document": "title: none | text: "}
"""What is put before the text, as https://ai.google.dev/gemini-api/docs/embeddings words it."""


WHOLE = {"autoTruncate": False}
"""By default Vertex AI cuts what is too long and says nothing; lokid wants its refusal."""


def batch(request: EmbedRequest, model: str) -> dict[str, Any]:
    """The body of batchEmbedContents. ``model``: its path, ``models/NAME``."""
    settings = known(taskType=_task(request, model), outputDimensionality=request.dimensions)
    return {
        "requests": [
            {"model": model, "content": _content(text, request, model), **settings} for text in request.texts
        ]
    }


def single(request: EmbedRequest, model: str) -> dict[str, Any]:
    """The body of embedContent on Vertex AI, for the first text: it takes no more than one."""
    settings = known(taskType=_task(request, model), outputDimensionality=request.dimensions)
    content = _content(request.texts[0], request, model)
    return {"content": content, "embedContentConfig": {**settings, **WHOLE}}


def predict(request: EmbedRequest) -> dict[str, Any]:
    """The body of predict."""
    task = known(task_type=TASKS.get(request.input_type or ""))
    body: dict[str, Any] = {"instances": [{"content": text, **task} for text in request.texts]}
    return {**body, "parameters": {**known(outputDimensionality=request.dimensions), **WHOLE}}


def told_in_text(model: str) -> bool:
    """Whether the model has no parameter for what a text is for."""
    return model.rpartition("/")[2].startswith("gemini-embedding-2")


def decoder(texts: int) -> WholeDecoder[EmbedAnswer]:
    """For batchEmbedContents and embedContent. ``texts``: how many vectors there must be."""
    return _decoder(texts, _embedded, _embedded_usage)


def predict_decoder(texts: int) -> WholeDecoder[EmbedAnswer]:
    return _decoder(texts, _predicted, _predicted_usage)


def _decoder(
    texts: int,
    vectors: Callable[[Mapping[str, Any]], list[bytes]],
    usage: Callable[[Mapping[str, Any]], Usage | None],
) -> WholeDecoder[EmbedAnswer]:
    def read(value: Any) -> EmbedAnswer:
        if refusal := in_place_of(value, "embeddings", "predictions"):
            raise refusal
        return EmbedAnswer(matching(vectors(mapping(value)), texts), usage(mapping(value)))

    return WholeDecoder(read, lambda value: usage(mapping(value)))


def _embedded(value: Mapping[str, Any]) -> list[bytes]:
    _check_whole(value)  # embedContent on Vertex AI
    rows = items(value.get("embeddings")) or ([value["embedding"]] if "embedding" in value else [])
    return [pack(mapping(row).get("values")) for row in rows]


def _embedded_usage(value: Mapping[str, Any]) -> Usage | None:
    found = mapping(value.get("usageMetadata"))
    return Usage(count(found.get("promptTokenCount"))) if counted(found, "promptTokenCount") else None


def _predicted(value: Mapping[str, Any]) -> list[bytes]:
    rows = _predictions(value)
    for row in rows:
        _check_whole(mapping(row.get("statistics")))
    return [pack(row.get("values")) for row in rows]


def _predicted_usage(value: Mapping[str, Any]) -> Usage | None:
    statistics = [mapping(row.get("statistics")) for row in _predictions(value)]
    tokens = sum(count(entry.get("token_count")) for entry in statistics)
    return Usage(tokens) if any("token_count" in entry for entry in statistics) else None


def _predictions(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [mapping(mapping(row).get("embeddings")) for row in items(value.get("predictions"))]


def _check_whole(told: Mapping[str, Any]) -> None:
    if told.get("truncated") is True:
        raise ContextLengthExceeded("the provider cut a text that was too long for the model")


def _task(request: EmbedRequest, model: str) -> str | None:
    return None if told_in_text(model) else TASKS.get(request.input_type or "")


def _content(text: str, request: EmbedRequest, model: str) -> dict[str, Any]:
    if request.input_type and told_in_text(model):
        text = PROMPTS[request.input_type] + text
    return {"parts": [{"text": text}]}
