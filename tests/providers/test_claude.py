"""Where Claude is asked, with which version of the API; what is inside is the dialect's business."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from lokid.chat import ChatRequest, Message, Text, Usage
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    PermissionDenied,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
    Unsupported,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers import anthropic_formats
from lokid.providers.anthropic_formats import FORMER_VERSION, VERSION
from lokid.providers.base import Credentials, Exchange
from lokid.providers.catalogue import complete, models
from lokid.providers.claude import CLAUDE, ClaudeSettings
from lokid.providers.cost import cost_usd
from lokid.providers.patches import patched
from lokid.providers.settings import ModelSettings
from tests.fakes.feeding import fed
from tests.fakes.messages import end, said, start, wire

HI = (Message("user", (Text("hi"),)),)
ASK = ChatRequest("claude:m", HI)
OLDER = "claude-3-opus-20240229"


def client(**keys: Any) -> ClaudeSettings:
    return ClaudeSettings.model_validate({"type": "claude", "name": "claude", **keys})


def model(name: str = "claude-sonnet-4-5", **keys: Any) -> ModelSettings:
    return complete("claude", ModelSettings.model_validate({"name": name, **keys}))


def chat(request: ChatRequest = ASK, which: ModelSettings | None = None, **keys: Any) -> Exchange[Any]:
    assert CLAUDE.chat
    return CLAUDE.chat(client(**keys), which or model(), request)


def asked(**more: Any) -> ChatRequest:
    return ChatRequest("claude:m", HI, **more)


def version(request: ChatRequest, which: ModelSettings | None = None, **keys: Any) -> str:
    return chat(request, which, **keys).request.headers["anthropic-version"]


def test_claude_has_one_address_and_api_base_replaces_it() -> None:
    assert chat().request.url == "https://api.anthropic.com/v1/messages"
    assert chat(api_base="https://proxy/v1/").request.url == "https://proxy/v1/messages"
    assert CLAUDE.base_url(client(api_base="https://proxy/v1")) == "https://proxy/v1"
    assert (CLAUDE.embed, CLAUDE.rerank) == (None, None)


# --- the version of the API


def test_the_current_version_is_sent_unless_the_request_samples() -> None:
    assert chat().request.headers == {"anthropic-version": VERSION}
    assert version(asked(temperature=0.0)) == FORMER_VERSION
    assert version(asked(top_p=0.5)) == FORMER_VERSION
    assert version(asked(extra_body={"top_k": 5})) == FORMER_VERSION
    assert version(asked(extra_body={"temperature": None, "metadata": {}})) == VERSION


def test_patches_that_sample_count_as_well() -> None:
    sampling = {"body": {"temperature": 0.5}}
    assert version(ASK, model(patch=sampling)) == FORMER_VERSION
    assert version(ASK, model(patch={"headers": {"x": "y"}})) == VERSION
    patches = {"chat_completions": {"other": sampling, "claude-.*": {"body": {"top_k": 1}}}}
    assert version(ASK, patch=patches) == FORMER_VERSION
    assert version(ASK, model("my-claude"), patch=patches) == VERSION


def test_a_version_that_the_user_chose_is_sent() -> None:
    assert version(ASK, api_version="2023-06-01") == "2023-06-01"
    assert version(asked(temperature=0.5), api_version="2023-06-01") == "2023-06-01"
    assert version(ASK, api_version="2027-01-01") == "2027-01-01"
    for sampling in ({"temperature": 1.0}, {"top_p": 1.0}):
        with pytest.raises(Unsupported, match="api_version"):
            chat(asked(**sampling), api_version=VERSION)
    with pytest.raises(ValidationError):
        client(api_version="latest")


def test_clouds_have_other_names_for_the_former_version() -> None:
    sampled = asked(temperature=0.5)
    assert anthropic_formats.version(client(), model(), sampled, former="vertex-2023-10-16") == (
        "vertex-2023-10-16"
    )
    assert anthropic_formats.version(client(), model(), ASK, former="vertex-2023-10-16") == VERSION


def test_a_cloud_has_the_version_in_the_body_and_the_model_in_the_path() -> None:
    traits = anthropic_formats.traits(client(), model(), image_urls=False)
    exchange = anthropic_formats.messages(
        "https://x/m:rawPredict", traits, ASK, stream=True, headers={}, hosted=VERSION
    )
    assert not traits.image_urls
    assert exchange.request.body == {
        "max_tokens": 64_000,
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "anthropic_version": VERSION,
    }


def test_betas_are_headers_of_a_patch() -> None:
    settings = client(patch={"chat_completions": {".*": {"headers": {"anthropic-beta": "a,b"}}}})
    found = patched(chat().request, model=model(), client=settings, api="chat_completions").request
    assert found.headers == {"anthropic-version": VERSION, "anthropic-beta": "a,b"}


# --- models


def test_settings_of_the_model_hold() -> None:
    said_so = model(
        real_name="claude-opus-4-8", no_system_message=True, system_prompt_prefix="p", max_output_tokens=9
    )
    assert chat(asked(system="s"), said_so).request.body == {
        "model": "claude-opus-4-8",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "p\n\ns"}, {"type": "text", "text": "hi"}]}
        ],
    }


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("claude-opus-4-7", {"temperature": 1.0}, "temperature"),
        ("claude-sonnet-5", {"top_p": 1.0}, "top_p"),
        ("claude-sonnet-4-5", {"top_p": 0.9, "temperature": 0.5}, "together"),
        ("claude-fable-5-1", {"reasoning": "off"}, "always"),
        (OLDER, {"reasoning": "low"}, "reason"),
    ],
)
def test_what_a_model_does_not_take_is_refused_before_it_costs_anything(
    name: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(Unsupported, match=words):
        chat(asked(**more), model(name))


@pytest.mark.parametrize(
    ("name", "reasoning", "thinking"),
    [
        ("claude-sonnet-4-5", "low", {"type": "enabled", "budget_tokens": 1024}),
        ("claude-opus-4-6", "low", {"type": "adaptive", "display": "summarized"}),
        ("claude-opus-4-7", 5000, {"type": "adaptive", "display": "summarized"}),
        ("claude-sonnet-5-5", "off", {"type": "between_tools"}),
        ("claude-haiku-5-5", "off", {"type": "disabled"}),
        ("claude-sonnet-4-5", "off", None),
        (OLDER, "off", None),
        ("unheard-of", "low", {"type": "enabled", "budget_tokens": 1024}),
    ],
)
def test_each_generation_is_asked_to_think_in_its_own_way(name: str, reasoning: Any, thinking: Any) -> None:
    """Loki's table sent budgets to models that answer 400."""
    assert chat(asked(reasoning=reasoning), model(name)).request.body.get("thinking") == thinking


@pytest.mark.parametrize("offered", models("claude"), ids=lambda offered: offered.name)
def test_every_model_on_offer_has_a_limit_and_says_how_it_thinks(offered: ModelSettings) -> None:
    assert offered.max_output_tokens and offered.reasoning_style in ("claude_budget", "claude_adaptive")
    assert chat(asked(reasoning="high"), offered).request.body["max_tokens"] == offered.max_output_tokens


@pytest.mark.parametrize(
    ("stream", "no_stream", "streaming"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_stream_is_asked_for_where_caller_and_model_have_it(
    stream: bool, no_stream: bool, streaming: bool
) -> None:
    exchange = chat(asked(stream=stream), model(no_stream=no_stream))
    assert exchange.streaming is streaming
    assert exchange.request.body.get("stream", False) is streaming
    assert exchange.accept == (("text/event-stream",) if streaming else ("application/json",))


def test_answers_are_read_by_the_decoder_of_the_exchange() -> None:
    streamed = fed(chat(asked(stream=True)).decoder, wire([start(), *said(0, "a"), *end()])).answer
    value = {"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}
    whole = fed(chat().decoder, json.dumps(value).encode()).answer
    assert streamed.message == whole.message == Message("assistant", (Text("a"),))


def test_what_the_cache_wrote_and_read_has_its_own_price() -> None:
    events = [start(), *end(usage={"input_tokens": 10, "output_tokens": 5})]
    answer = fed(chat(asked(stream=True)).decoder, wire(events)).answer
    assert answer.usage == Usage(13, 5, 2, 1, 3)
    prices = {"input_price": 1, "output_price": 10, "cached_input_price": 0.1, "cache_write_price": 1.25}
    assert cost_usd(model(**prices), answer.usage) == pytest.approx((10 + 50 + 0.2 + 1.25) / 1e6)


def test_models_are_listed() -> None:
    assert CLAUDE.list_models
    exchange = CLAUDE.list_models(client())
    assert exchange.request == HTTPRequest(
        "GET", "https://api.anthropic.com/v1/models?limit=1000", {"anthropic-version": VERSION}
    )
    page = {"data": [{"id": "a", "type": "model"}, {"id": "b"}], "has_more": False}
    assert fed(exchange.decoder, json.dumps(page).encode()).answer == ("a", "b")
    chosen = CLAUDE.list_models(client(api_version="2023-06-01"))
    assert chosen.request.headers == {"anthropic-version": "2023-06-01"}


# --- keys and refusals


def test_a_key_has_a_header_of_its_own_and_a_token_is_a_bearer() -> None:
    request = HTTPRequest("POST", "https://x", {"a": "1"})
    secrets = {"api_key": SecretStr("sk-1")}
    by_key = CLAUDE.authorize(client(), Credentials(secrets, 0.0), request)
    assert by_key.headers == {"a": "1", "x-api-key": "sk-1"}
    token = Credentials(secrets | {"access_token": SecretStr("t")}, 0.0)
    by_token = CLAUDE.authorize(client(auth="oauth"), token, request)
    assert by_token.headers == {"a": "1", "authorization": "Bearer t"}


def refusal(kind: str, message: str) -> bytes:
    error = {"type": kind, "message": message}
    return json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "message", "error", "retryable"),
    [
        (400, "invalid_request_error", "messages: field required", BadRequest, False),
        (
            400,
            "invalid_request_error",
            "prompt is too long: 9 tokens > 8 maximum",
            ContextLengthExceeded,
            False,
        ),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 9 + 9 > 10",
            ContextLengthExceeded,
            False,
        ),
        (400, "invalid_request_error", "Your credit balance is too low to access it", QuotaExceeded, False),
        (401, "authentication_error", "invalid x-api-key", AuthenticationFailed, False),
        (402, "billing_error", "no", QuotaExceeded, False),
        (403, "permission_error", "no", PermissionDenied, False),
        (404, "not_found_error", "model: claude-sonet-4-5", UnknownModel, False),
        (404, "not_found_error", "Not found", BadRequest, False),
        (413, "request_too_large", "Request exceeds the maximum size", BadRequest, False),
        (429, "rate_limit_error", "slow down", RateLimited, True),
        (500, "api_error", "Internal server error", ProviderUnavailable, True),
        (504, "timeout_error", "took too long", ProviderUnavailable, True),
        (529, "overloaded_error", "Overloaded", Overloaded, True),
    ],
)
def test_refusals_are_read(
    status: int, kind: str, message: str, error: type[LokidError], retryable: bool
) -> None:
    found = CLAUDE.error(status, {"request-id": "req_2", "retry-after": "7"}, refusal(kind, message))
    assert (type(found), found.retryable, found.status) == (error, retryable, status)
    assert (found.request_id, found.retry_after_s) == ("req_2", 7.0)
    assert message in found.message
