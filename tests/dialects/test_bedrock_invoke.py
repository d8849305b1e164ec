"""Embeddings and reranking on Bedrock."""

from __future__ import annotations

import json
import struct
from typing import Any, Literal

import pytest

from lokid.chat import EmbedAnswer, EmbedRequest, RerankAnswer, RerankRequest, Score, Usage
from lokid.dialects import bedrock_invoke
from lokid.dialects.bedrock_invoke import (
    MAX_SOURCES,
    encode,
    encode_rerank,
    encode_rerank_sources,
    family,
)
from lokid.errors import InvalidParams, ProviderFailed, RateLimited, Unsupported
from tests.fakes.feeding import fed

V3 = "cohere.embed-multilingual-v3"
V4 = "cohere.embed-v4:0"
TITAN = "amazon.titan-embed-text-v2:0"
TITAN_1 = "amazon.titan-embed-text-v1"
TITAN_IMAGE = "amazon.titan-embed-image-v1"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"


def body(
    model: str,
    *texts: str,
    input_type: Literal["query", "document"] | None = None,
    dimensions: int | None = None,
) -> dict[str, Any]:
    request = EmbedRequest("c:m", texts or ("a",), input_type=input_type, dimensions=dimensions)
    return encode(request, model, family(model))


def answer(model: str, value: Any, texts: int = 1) -> EmbedAnswer:
    found = family(model)
    return fed(lambda: bedrock_invoke.decoder(texts, found), json.dumps(value).encode()).answer


def vector(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def test_coheres_third_takes_texts_and_says_what_they_are_for() -> None:
    assert body(V3, "a", "b") == {"texts": ["a", "b"], "input_type": "search_document"}
    assert body(V3, input_type="document")["input_type"] == "search_document"
    assert body(V3, input_type="query")["input_type"] == "search_query"


def test_coheres_fourth_has_types_and_dimensions() -> None:
    """Loki knows Cohere's third only."""
    wire = {"texts": ["a"], "input_type": "search_document", "embedding_types": ["float"]}
    assert body(V4) == wire
    assert body(V4, dimensions=256) == {**wire, "output_dimension": 256}


def test_titan_takes_one_text() -> None:
    assert body(TITAN) == {"inputText": "a"}
    assert body(TITAN, dimensions=256) == {"inputText": "a", "dimensions": 256}
    assert body(TITAN_1) == {"inputText": "a"}
    assert body(TITAN_IMAGE) == {"inputText": "a"}
    size = {"outputEmbeddingLength": 384}
    assert body(TITAN_IMAGE, dimensions=384) == {"inputText": "a", "embeddingConfig": size}


def test_nova_takes_one_text_and_refuses_to_cut_it() -> None:
    text = {"truncationMode": "NONE", "value": "a"}
    document = {"embeddingPurpose": "GENERIC_INDEX", "text": text}
    assert body(NOVA) == {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": document}
    query = body(NOVA, input_type="query", dimensions=256)["singleEmbeddingParams"]
    assert query == {"embeddingPurpose": "GENERIC_RETRIEVAL", "embeddingDimension": 256, "text": text}


@pytest.mark.parametrize("model", [TITAN, TITAN_1, NOVA])
def test_models_of_one_text_refuse_two(model: str) -> None:
    with pytest.raises(InvalidParams, match="one text per request") as error:
        body(model, "a", "b")
    assert "max_batch_size: 1" in str(error.value.hint)


@pytest.mark.parametrize("model", [V3, TITAN_1])
def test_dimensions_that_cannot_be_chosen_are_unsupported(model: str) -> None:
    with pytest.raises(Unsupported, match="one number of dimensions"):
        body(model, dimensions=256)


@pytest.mark.parametrize(
    ("names", "like"),
    [
        (("us.cohere.embed-v4:0",), V4),
        (("global.amazon.nova-2-multimodal-embeddings-v1:0",), NOVA),
        ((f"arn:aws:bedrock:eu-west-1::foundation-model/{TITAN}",), TITAN),
        (("arn:aws:bedrock:eu-west-1:1:application-inference-profile/x1", f"my-{TITAN}"), TITAN),
        (("amazon.titan-embed-g1-text-02",), TITAN_1),
        (("something",), V3),
    ],
)
def test_a_family_is_known_behind_prefixes_and_in_arns(names: tuple[str, ...], like: str) -> None:
    assert family(*names) == family(like)


def test_vectors_are_read_in_each_familys_form() -> None:
    two = (vector(1, 2), vector(3, 4))
    assert answer(V3, {"embeddings": [[1, 2], [3, 4]]}, 2).vectors == two
    assert answer(V4, {"embeddings": {"float": [[1, 2], [3, 4]]}}, 2).vectors == two
    assert answer(NOVA, {"embeddings": [{"embedding": [1, 2], "embeddingType": "TEXT"}]}).vectors == two[:1]
    titan = answer(TITAN, {"embedding": [1, 2], "inputTextTokenCount": 7})
    assert titan == EmbedAnswer(two[:1], Usage(input_tokens=7))
    assert answer(TITAN, {"embedding": [1, 2]}).usage is None


@pytest.mark.parametrize("model", [V3, V4, TITAN, NOVA])
@pytest.mark.parametrize(
    "value",
    [{}, [], {"embeddings": {"float": 1}}, {"embedding": "x"}, {"embeddings": [{}]}, {"message": "m"}],
)
def test_an_answer_without_vectors_is_an_error(model: str, value: Any) -> None:
    with pytest.raises(ProviderFailed):
        answer(model, value)


@pytest.mark.parametrize("model", [V3, V4, TITAN_IMAGE, NOVA])
@pytest.mark.parametrize("beside", [{}, {"embedding": None, "embeddings": None}])
def test_a_reason_in_place_of_vectors_is_told_and_costs_nothing(model: str, beside: dict[str, Any]) -> None:
    with pytest.raises(RateLimited, match="slow down") as caught:
        answer(model, {"message": "slow down", "code": "ThrottlingException", **beside})
    assert caught.value.refused


def test_titan_may_have_a_word_beside_its_vector() -> None:
    assert answer(TITAN_IMAGE, {"embedding": [1, 2], "message": "m"}).vectors == (vector(1, 2),)


REQUEST = RerankRequest("c:m", "q", ("a", "b", "c"), 2)
BEST = RerankAnswer((Score(2, 0.9), Score(0, 0.5)))


def ranked(*rows: Any) -> RerankAnswer:
    return rerank_answer({"results": rows})


def rerank_answer(value: Any) -> RerankAnswer:
    return fed(lambda: bedrock_invoke.rerank_decoder(REQUEST), json.dumps(value).encode()).answer


def test_coheres_rerank_says_its_version() -> None:
    wire = {"query": "q", "documents": ["a", "b", "c"], "api_version": 2}
    assert encode_rerank(REQUEST) == {**wire, "top_n": 2}
    assert encode_rerank(RerankRequest("c:m", "q", ("a", "b", "c"))) == wire


def test_the_agent_runtimes_rerank_has_sources() -> None:
    wire = encode_rerank_sources(REQUEST, "arn:x")
    assert wire["queries"] == [{"type": "TEXT", "textQuery": {"text": "q"}}]
    assert [s["inlineDocumentSource"]["textDocument"]["text"] for s in wire["sources"]] == ["a", "b", "c"]
    assert wire["rerankingConfiguration"]["bedrockRerankingConfiguration"] == {
        "numberOfResults": 2,
        "modelConfiguration": {"modelArn": "arn:x"},
    }


def test_all_documents_are_ranked_unless_said_otherwise() -> None:
    """Bedrock answers ten unless told how many."""
    request = RerankRequest("c:m", "q", ("a",) * 20)
    wire = encode_rerank_sources(request, "arn:x")["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert wire["numberOfResults"] == 20
    with pytest.raises(InvalidParams, match="at most 1000"):
        encode_rerank_sources(RerankRequest("c:m", "q", ("a",) * (MAX_SOURCES + 1)), "arn:x")


def test_ranks_of_both_apis_are_read() -> None:
    assert ranked({"index": 0, "relevanceScore": 0.5}, {"index": 2, "relevanceScore": 0.9}) == BEST
    assert ranked({"index": 0, "relevance_score": 0.5}, {"index": 2, "relevance_score": 0.9}) == BEST


@pytest.mark.parametrize(
    "value", ["slow down", {"message": "slow down"}, {"message": "slow down", "results": None}]
)
def test_a_reason_in_place_of_ranks_is_told_and_costs_nothing(value: Any) -> None:
    with pytest.raises(ProviderFailed, match="slow down") as caught:
        rerank_answer(value)
    assert caught.value.refused


@pytest.mark.parametrize("row", [{"index": 3, "relevanceScore": 1}, {"relevanceScore": 1}, "x"])
def test_a_rank_of_no_document_is_an_error(row: Any) -> None:
    with pytest.raises(ProviderFailed):
        ranked(row)
