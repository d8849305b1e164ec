from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from lokid.chat import EmbedAnswer, EmbedRequest, Usage
from lokid.dialects.openai_embeddings import Style, decoder, encode
from lokid.errors import IncompleteResponse, LokidError, Overloaded, ProviderFailed, RateLimited
from tests.fakes.feeding import Fed, fed

VECTOR = struct.pack("<3f", 0.25, -0.5, 1.0)
OTHER = struct.pack("<3f", 1.0, 2.0, 3.0)


def read(value: Any, texts: int = 1) -> Fed[EmbedAnswer]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return fed(lambda: decoder(texts), data)


def rows(*embeddings: Any, **more: Any) -> dict[str, Any]:
    return {"data": [{"index": i, "embedding": e} for i, e in enumerate(embeddings)], **more}


def test_the_body_holds_what_the_caller_and_the_server_want() -> None:
    request = EmbedRequest("c:m", ("a", "b"), input_type="query", dimensions=256)
    assert encode(request, "m", Style("base64")) == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 256,
        "encoding_format": "base64",
    }
    words = {"query": "retrieval.query", "document": "retrieval.passage"}
    assert encode(request, "m", Style(None, "output_dimension", ("task", words))) == {
        "model": "m",
        "input": ["a", "b"],
        "output_dimension": 256,
        "task": "retrieval.query",
    }
    assert encode(EmbedRequest("c:m", ("a",)), "m", Style(input_type=("task", words))) == {
        "model": "m",
        "input": ["a"],
        "encoding_format": "float",
    }


@pytest.mark.parametrize(
    "embedding", [[0.25, -0.5, 1], base64.b64encode(VECTOR).decode(), [[0.25, -0.5, 1.0]]]
)
def test_vectors_come_as_numbers_or_as_base64(embedding: Any) -> None:
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    assert read(rows(embedding, usage=usage)).answer == EmbedAnswer((VECTOR,), Usage(3))


def test_vectors_are_in_the_order_of_the_texts_whatever_the_order_of_the_answer() -> None:
    data = [{"index": 1, "embedding": [1, 2, 3]}, {"index": 0, "embedding": [0.25, -0.5, 1]}]
    assert read({"data": data}, 2).answer == EmbedAnswer((VECTOR, OTHER), None)
    for row in data:
        del row["index"]
    assert read({"data": data}, 2).answer.vectors == (OTHER, VECTOR)


def test_usage_may_be_a_total_only() -> None:
    assert read(rows([1], usage={"total_tokens": 5})).answer.usage == Usage(5)
    for none in ({"prompt_tokens": 0, "total_tokens": 0}, {"prompt_tokens": "x"}, {}):
        assert read(rows([1], usage=none)).answer.usage is None


@pytest.mark.parametrize(
    ("value", "texts", "kind"),
    [
        (rows([1]), 2, ProviderFailed),
        (rows([1], [2]), 1, ProviderFailed),
        ({"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}, 1, ProviderFailed),
        ({"data": [{"index": 5, "embedding": [1]}]}, 1, ProviderFailed),
        (rows([1], [1, 2]), 2, ProviderFailed),
        (rows([]), 1, ProviderFailed),
        (rows(None), 1, ProviderFailed),
        (rows([None]), 1, ProviderFailed),
        (rows(["x"]), 1, ProviderFailed),
        (rows([1e300]), 1, ProviderFailed),
        (b'{"data": [{"index": 0, "embedding": [1, 1e999]}]}', 1, ProviderFailed),
        (rows("AADAfw=="), 1, ProviderFailed),  # NaN
        ({"data": [{"index": True, "embedding": [1]}, {"index": 1, "embedding": [1]}]}, 1, ProviderFailed),
        ({"data": [{"index": True, "embedding": [1]}]}, 1, ProviderFailed),
        ({"data": [{"index": "first", "embedding": [1]}]}, 1, ProviderFailed),
        (rows([[[1]]]), 1, ProviderFailed),
        (rows("!!!"), 1, ProviderFailed),
        (rows("AAA="), 1, ProviderFailed),
        (rows(""), 1, ProviderFailed),
        ({}, 1, ProviderFailed),
        ([], 1, ProviderFailed),
        ({"error": {"code": 429, "message": "x"}}, 1, RateLimited),
        ({"detail": "Model is overloaded"}, 1, Overloaded),
        (b'{"data": [', 1, IncompleteResponse),
    ],
)
def test_an_answer_that_does_not_fit_the_texts_is_an_error(
    value: Any, texts: int, kind: type[LokidError]
) -> None:
    assert type(read(value, texts).error) is kind


@pytest.mark.parametrize("indexes", [(1, 0), ("1", "0"), (1.0, 0.0)])
def test_an_index_in_any_form_says_which_text_it_is(indexes: tuple[Any, Any]) -> None:
    value = {"data": [{"index": index, "embedding": [float(index)]} for index in indexes]}
    assert read(value, 2).answer.vectors == (struct.pack("<f", 0), struct.pack("<f", 1))
