"""``type: azure-openai``: which way in, keys, the filter's refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Message, Text
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    IncompleteResponse,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers.azure_openai import (
    AZURE_OPENAI,
    MAX_CATEGORIES,
    AzureOpenAISettings,
    authorize,
    chat,
    embed,
    error,
)
from lokid.providers.base import Credentials
from lokid.providers.catalogue import complete
from lokid.providers.settings import ModelSettings
from tests.fakes.feeding import fed, stream

HI = ChatRequest("c:m", (Message("user", (Text("hi"),)),))
TEXTS = EmbedRequest("c:m", ("a",), input_type="query", dimensions=3)
RESOURCE = "https://r.openai.azure.com"
FOUNDRY = "https://r.services.ai.azure.com"
KEY = Credentials({"api_key": SecretStr("k")}, 0.0)
TOKEN = Credentials({"access_token": SecretStr("t")}, 0.0)


def client(base: str = RESOURCE, **more: Any) -> AzureOpenAISettings:
    entry = {"type": "azure-openai", "name": "c", "api_base": base, **more}
    return AzureOpenAISettings.model_validate(entry)


def model(name: str = "dep", **more: Any) -> ModelSettings:
    return complete("azure-openai", ModelSettings(name=name, **more))


def asked(base: str = RESOURCE, name: str = "dep", version: str | None = None, **more: Any) -> HTTPRequest:
    return chat(client(base, api_version=version), model(name, **more), HI).request


# --- which way in


@pytest.mark.parametrize(
    ("base", "version", "name", "url"),
    [
        (RESOURCE, None, "dep", f"{RESOURCE}/openai/v1/chat/completions"),
        (f"{RESOURCE}/", None, "dep", f"{RESOURCE}/openai/v1/chat/completions"),
        (f"{RESOURCE}/openai", None, "dep", f"{RESOURCE}/openai/v1/chat/completions"),
        (f"{RESOURCE}/openai/v1/", None, "dep", f"{RESOURCE}/openai/v1/chat/completions"),
        (FOUNDRY, None, "DeepSeek-V3.1", f"{FOUNDRY}/openai/v1/chat/completions"),
        (
            RESOURCE,
            "2024-10-21",
            "dep",
            f"{RESOURCE}/openai/deployments/dep/chat/completions?api-version=2024-10-21",
        ),
        (
            f"{RESOURCE}/openai/",
            "2024-10-21",
            "a b/c?d",
            f"{RESOURCE}/openai/deployments/a%20b%2Fc%3Fd/chat/completions?api-version=2024-10-21",
        ),
        (
            f"{FOUNDRY}/models",
            None,
            "Mistral-Large",
            f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview",
        ),
        (
            f"{FOUNDRY}/models",
            "2025-04-01",
            "claude-like",
            f"{FOUNDRY}/models/chat/completions?api-version=2025-04-01",
        ),
        (FOUNDRY, None, "claude-sonnet-5", f"{FOUNDRY}/anthropic/v1/messages"),
        (f"{FOUNDRY}/openai/v1", None, "claude-sonnet-5", f"{FOUNDRY}/anthropic/v1/messages"),
        (FOUNDRY, "2024-10-21", "Claude-Sonnet-5", f"{FOUNDRY}/anthropic/v1/messages"),
        (f"{FOUNDRY}/anthropic", None, "my-sonnet", f"{FOUNDRY}/anthropic/v1/messages"),
        (f"{FOUNDRY}/anthropic/v1", None, "my-sonnet", f"{FOUNDRY}/anthropic/v1/messages"),
        ("https://g.example/x", None, "dep", "https://g.example/x/openai/v1/chat/completions"),
    ],
)
def test_the_way_in_follows_from_the_path_the_name_and_the_version(
    base: str, version: str | None, name: str, url: str
) -> None:
    assert asked(base, name, version).url == url


def test_models_that_need_the_responses_api_are_asked_there() -> None:
    assert asked(name="gpt-5.6").url == f"{RESOURCE}/openai/v1/responses"
    classic = asked(name="gpt-5.6", version="2025-04-01-preview")
    assert classic.url == f"{RESOURCE}/openai/responses?api-version=2025-04-01-preview"
    assert classic.body["model"] == "gpt-5.6" and "input" in classic.body
    assert asked(name="dep", chat_api="responses").url.endswith("/responses")
    assert "/chat/completions" in asked(f"{FOUNDRY}/models", "dep", chat_api="responses").url


@pytest.mark.parametrize(
    ("base", "version", "url"),
    [
        (RESOURCE, None, f"{RESOURCE}/openai/v1/embeddings"),
        (RESOURCE, "2024-10-21", f"{RESOURCE}/openai/deployments/dep/embeddings?api-version=2024-10-21"),
        (f"{FOUNDRY}/models", None, f"{FOUNDRY}/models/embeddings?api-version=2024-05-01-preview"),
        (f"{FOUNDRY}/anthropic", None, f"{FOUNDRY}/openai/v1/embeddings"),
        (
            f"{FOUNDRY}/anthropic",
            "2024-10-21",
            f"{FOUNDRY}/openai/deployments/dep/embeddings?api-version=2024-10-21",
        ),
    ],
)
def test_embeddings_go_the_same_way_and_to_openais_where_there_are_none(
    base: str, version: str | None, url: str
) -> None:
    request = embed(client(base, api_version=version), model(), TEXTS).request
    assert request.url == url
    if "/models/" in url:
        assert request.body == {"model": "dep", "input": ["a"], "dimensions": 3, "input_type": "query"}
    else:
        assert request.body == {"model": "dep", "input": ["a"], "dimensions": 3, "encoding_format": "base64"}


@pytest.mark.parametrize(
    ("base", "version", "more", "name"),
    [
        (RESOURCE, None, {}, "max_completion_tokens"),
        (RESOURCE, "2024-10-21", {}, "max_completion_tokens"),
        (RESOURCE, "2024-06-01", {}, "max_tokens"),
        (f"{FOUNDRY}/models", None, {}, "max_tokens"),
        (RESOURCE, None, {"max_tokens_param": "max_tokens"}, "max_tokens"),
        (RESOURCE, "2024-06-01", {"max_tokens_param": "max_completion_tokens"}, "max_completion_tokens"),
    ],
)
def test_a_deployment_of_any_model_takes_the_name_of_the_limit(
    base: str, version: str | None, more: dict[str, Any], name: str
) -> None:
    request = replace(HI, max_tokens=9)
    body = chat(client(base, api_version=version), model(**more), request).request.body
    assert {key for key in body if key.startswith("max_")} == {name}


def test_claude_is_asked_in_its_own_format_with_its_own_version() -> None:
    """Not with Azure's ``api_version``."""
    request = asked(FOUNDRY, "claude-sonnet-5", "2024-10-21")
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.body["model"] == "claude-sonnet-5" and request.body["max_tokens"] > 0


def test_streams_are_asked_for_unless_the_model_has_none() -> None:
    request = replace(HI, stream=True)
    for name in ("dep", "claude-sonnet-5"):
        assert chat(client(), model(name), request).streaming
        assert not chat(client(), model(name, no_stream=True), request).streaming


# --- keys


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (f"{RESOURCE}/openai/v1/chat/completions", {"authorization": "Bearer k"}),
        (f"{RESOURCE}/openai/deployments/d/embeddings?api-version=1", {"api-key": "k"}),
        (f"{RESOURCE}/openai/responses?api-version=1", {"api-key": "k"}),
        (
            f"{FOUNDRY}/models/chat/completions?api-version=1",
            {"api-key": "k", "authorization": "Bearer k"},
        ),
        (f"{FOUNDRY}/anthropic/v1/messages", {"api-key": "k", "x-api-key": "k"}),
        ("https://gateway.example/patched", {"api-key": "k"}),
    ],
)
def test_the_key_goes_where_the_way_in_wants_it_and_a_token_into_one_header(
    url: str, headers: dict[str, str]
) -> None:
    request = HTTPRequest("POST", url, {}, {"model": "m"})
    assert authorize(client(), KEY, request).headers == headers
    assert authorize(client(), TOKEN, request).headers == {"authorization": "Bearer t"}
    both = Credentials({**KEY.secrets, **TOKEN.secrets}, 0.0)
    assert authorize(client(), both, request).headers == {"authorization": "Bearer t"}
    assert authorize(client(), Credentials({}, 0.0), request).headers == {}


def test_a_token_takes_the_place_of_the_key() -> None:
    assert client().lacking() == ("api_key",)
    assert client(api_key="k").lacking() == client(auth="oauth").lacking() == ()
    command = {"command": ["az", "account", "get-access-token"]}
    assert client(access_token=command).lacking() == ()


def test_what_the_models_route_does_not_know_is_let_through() -> None:
    exchange = chat(client(f"{FOUNDRY}/models"), model(), HI)
    assert "extra-parameters" not in authorize(client(), KEY, exchange.request).headers
    patched = replace(exchange.request, body={**exchange.request.body, "safe_prompt": True})
    assert authorize(client(), TOKEN, patched).headers["extra-parameters"] == "pass-through"
    refused = replace(patched, headers={"extra-parameters": "error"})
    assert authorize(client(), KEY, refused).headers["extra-parameters"] == "error"
    streamed = chat(client(f"{FOUNDRY}/models"), model(), replace(HI, stream=True)).request
    assert authorize(client(), KEY, streamed).headers["extra-parameters"] == "pass-through"
    elsewhere = asked()
    assert "extra-parameters" not in authorize(client(), KEY, elsewhere).headers


# --- answers


def test_a_stream_may_begin_with_the_filters_opinion_of_the_prompt() -> None:
    opinion = {"choices": [], "id": "", "model": "", "prompt_filter_results": [{"prompt_index": 0}]}
    delta = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None, "content_filter_results": {}}
    said = {"id": "r1", "model": "gpt-x", "choices": [delta]}
    stop = {"id": "r1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    exchange = chat(client(), model(), replace(HI, stream=True))
    found = fed(exchange.decoder, stream(opinion, said, stop))
    assert found.text == "Hi"
    assert (found.answer.response_id, found.answer.model) == ("r1", "gpt-x")
    assert isinstance(fed(exchange.decoder, stream(opinion)).error, IncompleteResponse)


def test_an_answer_that_was_filtered_says_so_even_without_a_message() -> None:
    choice = {"index": 0, "finish_reason": "content_filter", "content_filter_results": {}}
    data = json.dumps({"id": "r1", "choices": [choice]}).encode()
    assert fed(chat(client(), model(), HI).decoder, data).answer.finish_reason == "content_filter"


# --- refusals


def refused(status: int, fields: Any, **headers: str) -> Any:
    return error(status, headers, json.dumps({"error": fields}).encode())


BLOCKED = {
    "hate": {"filtered": True, "severity": "high"},
    "violence": {"filtered": False, "severity": "safe"},
    "jailbreak": {"filtered": True, "detected": True},
}


@pytest.mark.parametrize(
    "where",
    [
        {"innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": BLOCKED}},
        {"innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_results": BLOCKED}},
        {"content_filters": [{"blocked": True, "content_filter_results": BLOCKED}]},
    ],
)
def test_a_blocked_prompt_names_the_categories_that_blocked_it(where: dict[str, Any]) -> None:
    found = refused(400, {"code": "content_filter", "message": "The response was filtered", **where})
    assert type(found) is ContentFiltered and not found.retryable
    assert found.message.endswith("The response was filtered (hate: high; jailbreak)")
    assert found.args == (found.message,)


def test_strange_opinions_of_the_filter_are_left_out() -> None:
    many = {f"c{number}\x1b{'x' * 99}": {"filtered": True, "severity": 3} for number in range(99)}
    strange = {"code": "content_filter", "message": "no", "innererror": {"content_filter_result": many}}
    found = refused(400, {**strange, "content_filters": ["strange"]})
    assert len(found.message) < 1000 and "\x1b" not in found.message
    assert found.message.count(";") == MAX_CATEGORIES - 1
    assert "(HTTP 400): no" in refused(400, {"code": "content_filter", "message": "no"}).message
    assert type(error(400, {}, b"content_filter")) is BadRequest


def test_an_unknown_deployment_says_what_a_model_is_here() -> None:
    found = refused(404, {"code": "DeploymentNotFound", "message": "The API deployment does not exist."})
    assert type(found) is UnknownModel and "deployment" in (found.hint or "")


def test_a_wrong_address_is_not_a_wrong_model() -> None:
    found = refused(404, {"code": "404", "message": "Resource not found"})
    assert type(found) is BadRequest and "api_base" in (found.hint or "")


def test_a_deployment_that_does_not_chat_like_this_says_what_to_set() -> None:
    said = "The chatCompletion operation does not work with the specified model, gpt-5-pro."
    assert "chat_api" in (refused(400, {"code": "OperationNotSupported", "message": said}).hint or "")
    said = "The embeddings operation does not work with the specified model, gpt-5-pro."
    assert refused(400, {"code": "OperationNotSupported", "message": said}).hint is None


def test_a_wrong_key_says_that_it_is_of_one_resource() -> None:
    found = refused(401, {"code": "401", "message": "Access denied due to invalid subscription key"})
    assert type(found) is AuthenticationFailed and "access_token" in (found.hint or "")


def test_rate_limits_wait_as_long_as_the_longer_header_says() -> None:
    fields = {"code": "RateLimitReached", "message": "Please retry after 1 second."}
    headers = {"retry-after": "1", "retry-after-ms": "0", "apim-request-id": "r1"}
    found = refused(429, fields, **headers)
    assert type(found) is RateLimited and found.retryable
    assert (found.retry_after_s, found.request_id) == (1.0, "r1")
    assert type(refused(429, {"code": "insufficient_quota", "message": "no"})) is QuotaExceeded


def test_a_conversation_that_is_too_long_is_one() -> None:
    assert type(refused(400, {"code": "context_length_exceeded", "message": "x"})) is ContextLengthExceeded


def test_a_batch_has_what_one_request_may_hold() -> None:
    assert AZURE_OPENAI.max_embed_batch == 2048
