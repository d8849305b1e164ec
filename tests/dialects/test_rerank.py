from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import RerankAnswer, RerankRequest, Score, Usage
from lokid.dialects.rerank import decoder, encode
from lokid.errors import IncompleteResponse, LokidError, ProviderFailed, UnknownModel, Unsupported
from tests.fakes.feeding import Fed, fed

REQUEST = RerankRequest("c:m", "q", ("a", "b", "c"), top_n=2)


def read(value: Any, request: RerankRequest = REQUEST) -> Fed[RerankAnswer]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return fed(lambda: decoder(request), data)


def row(index: Any, score: Any, name: str = "relevance_score") -> dict[str, Any]:
    return {"index": index, name: score}


def test_the_body_and_the_name_of_its_limit() -> None:
    body = {"model": "m", "query": "q", "documents": ["a", "b", "c"]}
    assert encode(REQUEST, "m") == body | {"top_n": 2}
    assert encode(REQUEST, "m", top_n="top_k") == body | {"top_k": 2}
    assert encode(RerankRequest("c:m", "q", ("a", "b", "c")), "m") == body


@pytest.mark.parametrize(
    "value",
    [
        {"results": [row(2, 0.9), row(0, 0.5), row(1, 0.1)]},
        {"results": [row(0, 0.5), row(1, 0.1), row(2, 0.9)]},
        {"data": [row(2, 0.9), row(0, 0.5)]},
        [row(0, 0.5, "score"), row(2, 0.9, "score")],
    ],
    ids=["Jina, Cohere", "llama.cpp", "Voyage", "text-embeddings-inference"],
)
def test_results_are_best_first_and_not_more_than_asked(value: Any) -> None:
    assert read(value).answer == RerankAnswer((Score(2, 0.9), Score(0, 0.5)))


def test_all_results_come_when_nobody_asked_for_less() -> None:
    request = RerankRequest("c:m", "q", ("a", "b"))
    value = {"results": [row(0, -1), row(1, 3)], "usage": {"total_tokens": 57}}
    assert read(value, request).answer == RerankAnswer((Score(1, 3.0), Score(0, -1.0)), Usage(57))
    assert read({"results": []}, RerankRequest("c:m", "q", ())).answer == RerankAnswer(())


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"results": []}, ProviderFailed),
        ({}, ProviderFailed),
        ({"results": [row(3, 1), row(2, 1)]}, ProviderFailed),
        ({"results": [row(-1, 1), row(2, 1)]}, ProviderFailed),
        ({"results": [row("0", 1), row(2, 1)]}, ProviderFailed),
        ({"results": [row(True, 1), row(2, 1)]}, ProviderFailed),
        ({"results": [row(0, None), row(2, 1)]}, ProviderFailed),
        (
            b'{"results": [{"index": 0, "relevance_score": 1e999}, {"index": 1, "relevance_score": 1}]}',
            ProviderFailed,
        ),
        ({"results": [row(0, 1), row(0, 2)]}, ProviderFailed),
        ({"results": [row(1, 1)]}, ProviderFailed),
        ({"results": [row(0, 1)] * 4}, ProviderFailed),
        ({"error": {"code": 501, "message": "no", "type": "not_supported_error"}}, Unsupported),
        ({"detail": "the model is unknown", "code": "model_not_found"}, UnknownModel),
        (b'{"results": [', IncompleteResponse),
    ],
)
def test_an_answer_that_does_not_fit_the_documents_is_an_error(value: Any, kind: type[LokidError]) -> None:
    assert type(read(value).error) is kind


def test_no_document_is_left_out() -> None:
    everything = RerankRequest("c:m", "q", ("a", "b", "c"))
    value = {"results": [row(2, 0.9), row(0, 0.5)]}
    assert type(read(value, everything).error) is ProviderFailed
    assert read(value, RerankRequest("c:m", "q", ("a", "b", "c"), top_n=2)).error is None
    more = RerankRequest("c:m", "q", ("a", "b"), top_n=5)
    assert read({"results": [row(1, 0.9), row(0, 0.5)]}, more).error is None
