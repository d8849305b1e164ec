"""Cohere Embed."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from lokid.chat import EmbedRequest, Usage
from lokid.dialects.cohere_embeddings import decoder, encode
from lokid.errors import ProviderFailed
from tests.fakes.feeding import fed


def answer(value: Any, texts: int = 1) -> Any:
    return fed(lambda: decoder(texts), json.dumps(value).encode())


@pytest.mark.parametrize(
    ("input_type", "word"),
    [(None, "search_document"), ("document", "search_document"), ("query", "search_query")],
)
def test_the_type_of_input_is_always_said(input_type: Any, word: str) -> None:
    assert encode(EmbedRequest("c:m", ("a", "b"), input_type=input_type), "m") == {
        "model": "m",
        "input_type": word,
        "texts": ["a", "b"],
        "embedding_types": ["float"],
        "truncate": "NONE",
    }


def test_dimensions_have_coheres_name() -> None:
    assert encode(EmbedRequest("c:m", ("a",), dimensions=256), "m")["output_dimension"] == 256


def test_vectors_come_in_the_order_of_the_texts() -> None:
    found = answer(
        {"embeddings": {"float": [[1.0, 2], [3, 4.5]]}, "meta": {"billed_units": {"input_tokens": 2.0}}}, 2
    ).answer
    assert found.vectors == (struct.pack("<2f", 1, 2), struct.pack("<2f", 3, 4.5))
    assert found.usage == Usage(2)
    assert answer({"embeddings": {"float": [[1.0]]}}).answer.usage is None
    zero = {"embeddings": {"float": [[1.0]]}, "meta": {"billed_units": {"input_tokens": 0}}}
    assert answer(zero).answer.usage is None


@pytest.mark.parametrize(
    "value",
    [
        {"message": "no such model"},
        {"embeddings": {"int8": [[1]]}},
        {"embeddings": {"float": [[1.0], [2.0]]}},
        {"embeddings": {"float": ["a"]}},
        {"embeddings": None},
    ],
)
def test_an_answer_without_the_vectors_is_an_error(value: Any) -> None:
    assert isinstance(answer(value).error, ProviderFailed)
