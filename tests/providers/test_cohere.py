"""``type: cohere``: addresses, settings that reach the wire, refusals, cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lokid.chat import ChatRequest, EmbedRequest, Message, RerankRequest, Text, Usage, encode
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
    Unsupported,
)
from lokid.providers.catalogue import complete, models
from lokid.providers.cohere import COHERE, CohereSettings, chat, embed, error, list_models, rerank
from lokid.providers.cost import cost_usd
from lokid.providers.settings import ModelSettings
from tests.fakes.feeding import fed

CLIENT = CohereSettings(type="cohere", name="c")
HI = ChatRequest("c:m", (Message("user", (Text("hi"),)),))


def model(name: str = "m", **more: Any) -> ModelSettings:
    return complete("cohere", ModelSettings(name=name, **more))


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (None, "https://api.cohere.com/v2/chat"),
        ("https://api.cohere.ai/v2", "https://api.cohere.ai/v2/chat"),
        ("https://api.cohere.ai/v1/", "https://api.cohere.ai/v2/chat"),
        ("https://gateway.example/cohere", "https://gateway.example/cohere/v2/chat"),
    ],
)
def test_the_version_belongs_to_the_path_and_not_to_the_base(base: str | None, url: str) -> None:
    client = CohereSettings.model_validate({"type": "cohere", "name": "c", "api_base": base})
    assert chat(client, model(), HI).request.url == url


def test_each_thing_has_its_path() -> None:
    assert embed(CLIENT, model(), EmbedRequest("c:m", ("a",))).request.url.endswith("/v2/embed")
    ranked = rerank(CLIENT, model(), RerankRequest("c:m", "q", ("a", "b"), 1))
    assert ranked.request.url.endswith("/v2/rerank")
    assert ranked.request.body == {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1}
    assert list_models(CLIENT).request.url == "https://api.cohere.com/v1/models?page_size=1000"


def test_ranks_are_read_and_search_units_are_no_tokens() -> None:
    rows = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    answer = {"results": rows, "meta": {"billed_units": {"search_units": 1}}}
    ranked = rerank(CLIENT, model(), RerankRequest("c:m", "q", ("a", "b")))
    found = fed(ranked.decoder, json.dumps(answer).encode()).answer
    assert [(one.index, one.score) for one in found.results] == [(1, 0.9), (0, 0.1)]
    assert found.usage is None


def test_models_that_are_going_away_are_not_listed() -> None:
    rows = [{"name": "a"}, {"name": "b", "is_deprecated": True}, {"name": "a"}, {}, "strange"]
    data = json.dumps({"models": rows}).encode()
    assert fed(list_models(CLIENT).decoder, data).answer == ("a",)


def test_a_model_that_cannot_stream_is_asked_without_and_one_that_must_be_limited_is() -> None:
    asked = ChatRequest("c:m", HI.messages, stream=True)
    assert chat(CLIENT, model(), asked).streaming
    exchange = chat(
        CLIENT, model(no_stream=True, require_max_tokens=True, max_output_tokens=7, real_name="r"), asked
    )
    assert not exchange.streaming and exchange.accept == ("application/json",)
    body = exchange.request.body
    assert (body["stream"], body["max_tokens"], body["model"]) == (False, 7, "r")


def test_the_catalogue_knows_who_thinks_and_who_sees() -> None:
    with pytest.raises(Unsupported):
        chat(CLIENT, model("command-a-03-2025"), ChatRequest("", HI.messages, reasoning="low"))
    thinking = chat(
        CLIENT, model("command-a-reasoning-08-2025"), ChatRequest("", HI.messages, reasoning="low")
    )
    assert thinking.request.body["thinking"]["type"] == "enabled"
    assert model("command-a-vision-07-2025").supports_vision
    kinds = {one.name: one.type for one in models("cohere")}
    assert kinds["command-a-03-2025"] == "chat"
    assert kinds["embed-v4.0"] == "embedding"
    assert kinds["rerank-v3.5"] == "reranker"


def test_texts_are_embedded_in_batches_of_what_cohere_takes() -> None:
    assert COHERE.max_embed_batch == 96


def test_the_cost_is_of_what_is_billed_and_usage_shows_what_was_read() -> None:
    usage = Usage(496, 11, cached_input_tokens=448, billed=(1, 9))
    priced = ModelSettings(name="m", input_price=1.0, output_price=2.0, cached_input_price=0.5)
    assert cost_usd(priced, usage) == pytest.approx(19e-6)
    assert cost_usd(ModelSettings(name="m", input_price=1.0), usage) is None
    assert encode.usage(usage) == {
        "input_tokens": 496,
        "output_tokens": 11,
        "cached_input_tokens": 448,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
    }


REFUSALS: list[tuple[int, dict[str, Any], type[LokidError], bool]] = [
    (401, {"message": "invalid api token"}, AuthenticationFailed, False),
    (404, {"id": "x", "message": "model 'nonexistent' not found, make sure ..."}, UnknownModel, False),
    (400, {"message": "invalid request: message must be at least 1 token long"}, BadRequest, False),
    (400, {"message": "too many tokens: total number of tokens ..."}, ContextLengthExceeded, False),
    (400, {"message": "too long", "error_type": "TOO_MANY_TOKENS"}, ContextLengthExceeded, False),
    (400, {"message": "too many tokens: max tokens must be less than or equal to 4096"}, BadRequest, False),
    (422, {"message": "invalid combination"}, BadRequest, False),
    (429, {"message": "limited to 40 API calls / minute"}, RateLimited, True),
    (429, {"message": "a Trial key, which is limited to 1000 API calls / month"}, QuotaExceeded, False),
    (498, {"message": "blocked input"}, ContentFiltered, False),
    (499, {"message": "request cancelled"}, ProviderUnavailable, False),
    (500, {"message": "internal"}, ProviderUnavailable, True),
    (529, {"message": "busy"}, Overloaded, True),
]


@pytest.mark.parametrize(("status", "body", "kind", "retryable"), REFUSALS)
def test_refusals_mean_what_cohere_means(
    status: int, body: dict[str, Any], kind: type[LokidError], retryable: bool
) -> None:
    found = error(status, {"x-request-id": "r1"}, json.dumps(body).encode())
    assert type(found) is kind and found.retryable is retryable and found.refused
    assert (found.status, found.request_id) == (status, "r1")
    assert body["message"][:20] in found.message
