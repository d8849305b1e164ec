"""Google's embeddings in their three forms."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from lokid.chat import EmbedRequest, Usage
from lokid.dialects.gemini_embeddings import batch, decoder, predict, predict_decoder, single
from lokid.dialects.vectors import matching, pack
from lokid.errors import ContextLengthExceeded, ProviderFailed, RateLimited
from tests.fakes.feeding import Fed, fed

OLD, NEW = "models/gemini-embedding-001", "models/gemini-embedding-2"


def asked(*texts: str, **more: Any) -> EmbedRequest:
    return EmbedRequest("c:m", texts or ("a",), **more)


def content(text: str) -> dict[str, Any]:
    return {"parts": [{"text": text}]}


def test_each_text_of_a_batch_is_a_request_of_its_own() -> None:
    """All parts of one content would become one vector."""
    for model in (OLD, NEW):
        assert batch(asked("a", "b"), model) == {
            "requests": [{"model": model, "content": content(text)} for text in ("a", "b")]
        }


def test_what_a_text_is_for_is_a_parameter() -> None:
    """Loki sends neither this nor dimensions."""
    assert batch(asked("a", input_type="query", dimensions=256), OLD)["requests"] == [
        {"model": OLD, "content": content("a"), "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256}
    ]
    assert batch(asked(input_type="document"), OLD)["requests"][0]["taskType"] == "RETRIEVAL_DOCUMENT"
    assert single(asked("a", input_type="query", dimensions=9), "gemini-embedding-001") == {
        "content": content("a"),
        "embedContentConfig": {
            "taskType": "RETRIEVAL_QUERY",
            "outputDimensionality": 9,
            "autoTruncate": False,
        },
    }


def test_the_second_model_is_told_in_the_text() -> None:
    query, document = "task: search result | query: a{}", "title: none | text: a{}"
    assert batch(asked("a{}", input_type="query"), NEW)["requests"][0]["content"] == content(query)
    assert single(asked("a{}", input_type="document"), "gemini-embedding-2-preview") == {
        "content": content(document),
        "embedContentConfig": {"autoTruncate": False},
    }
    assert "taskType" not in batch(asked(input_type="query"), NEW)["requests"][0]


def test_predict_has_other_names() -> None:
    assert predict(asked("a", "b")) == {
        "instances": [{"content": "a"}, {"content": "b"}],
        "parameters": {"autoTruncate": False},
    }
    assert predict(asked("a", input_type="query", dimensions=256)) == {
        "instances": [{"content": "a", "task_type": "RETRIEVAL_QUERY"}],
        "parameters": {"outputDimensionality": 256, "autoTruncate": False},
    }


def read(value: Any, texts: int = 2, *, predicted: bool = False) -> Fed[Any]:
    kind = predict_decoder if predicted else decoder
    return fed(lambda: kind(texts), json.dumps(value).encode())


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def test_vectors_are_read_in_order_with_usage_where_it_is_told() -> None:
    answer = read({"embeddings": [{"values": [1, 0.5]}, {"values": [2, 3]}]}).answer
    assert answer.vectors == (floats(1, 0.5), floats(2, 3)) and answer.usage is None
    one = read({"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 4}}, 1).answer
    assert one.vectors == (floats(1),) and one.usage == Usage(4)


def test_predictions_are_read_in_order_with_the_sum_of_their_tokens() -> None:
    def row(value: float, **statistics: Any) -> dict[str, Any]:
        return {"embeddings": {"values": [value], "statistics": statistics}}

    answer = read({"predictions": [row(1, token_count=5), row(2, token_count=6.0)]}, predicted=True).answer
    assert answer.vectors == (floats(1), floats(2)) and answer.usage == Usage(11)
    assert read({"predictions": [row(1)]}, 1, predicted=True).answer.usage is None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"embeddings": None},
        {"embeddings": [{"values": [1]}]},
        {"embeddings": [{"values": [1]}, {"values": [1, 2]}]},
        {"embeddings": [{"values": [1]}, {"values": []}]},
        {"embeddings": [{"values": ["x"]}, None]},
        {"embeddings": [{"values": [1e300]}, {"values": [1]}]},
    ],
)
def test_anything_else_is_the_providers_failure(value: Any) -> None:
    assert type(read(value).error) is ProviderFailed


def test_an_error_in_place_of_vectors_is_raised() -> None:
    error = {"error": {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}}
    assert type(read(error).error) is RateLimited
    assert type(read([error]).error) is RateLimited


def test_vectors_are_float32() -> None:
    assert pack([1, 2.5]) == floats(1, 2.5)
    assert matching([floats(1)], 1) == (floats(1),)


def test_a_text_that_was_cut_all_the_same_is_an_error() -> None:
    said = [{"token_count": 9, "truncated": cut} for cut in (False, True)]
    rows = [{"embeddings": {"values": [1], "statistics": one}} for one in said]
    assert read({"predictions": [rows[0]]}, 1, predicted=True).answer.vectors
    assert type(read({"predictions": rows}, predicted=True).error) is ContextLengthExceeded
    cut = {"embedding": {"values": [1]}, "truncated": True}
    assert type(read(cut, 1).error) is ContextLengthExceeded
    assert read(cut | {"truncated": False}, 1).answer.vectors
