"""Where the type ``vertexai`` sends what: three publishers, three formats, hosts by location."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Message, Text, Tool
from lokid.dialects.anthropic_messages_answer import MessagesDecoder
from lokid.errors import InvalidParams, Unsupported
from lokid.providers.base import Credentials, Exchange
from lokid.providers.catalogue import complete, models
from lokid.providers.settings import ModelSettings
from lokid.providers.vertexai import VERTEXAI, VertexAISettings
from tests.fakes.feeding import fed
from tests.fakes.feeding import stream as completions
from tests.fakes.generating import STOP, chunk, said, stream

HI = (Message("user", (Text("hi"),)),)
HOST = "https://europe-west4-aiplatform.googleapis.com"
PARENT = "projects/project-1/locations/europe-west4"


def client(**keys: Any) -> VertexAISettings:
    given = {"project_id": "project-1", "location": "europe-west4", "access_token": "t", **keys}
    return VertexAISettings.model_validate({"type": "vertexai", "name": "vertexai", **given})


EXPRESS = VertexAISettings.model_validate({"type": "vertexai", "name": "vertexai", "api_key": "k"})


def chat(name: str, settings: VertexAISettings | None = None, **more: Any) -> Exchange[Any]:
    keys = {key: more.pop(key) for key in list(more) if key in ModelSettings.model_fields}
    model = complete("vertexai", ModelSettings(name=name, **keys))
    return VERTEXAI.chat(settings or client(), model, ChatRequest("c:m", HI, **more))  # type: ignore[misc]


def embed(name: str, *texts: str, **more: Any) -> Exchange[Any]:
    model = complete("vertexai", ModelSettings(name=name, type="embedding"))
    return VERTEXAI.embed(client(), model, EmbedRequest("c:m", texts, **more))  # type: ignore[misc]


# --- publishers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("gemini-3.8-flash", "google/models/gemini-3.8-flash"),
        ("unheard-of", "google/models/unheard-of"),
        ("claude-sonnet-5@20260203", "anthropic/models/claude-sonnet-5@20260203"),
        ("mistral-medium-3", "mistralai/models/mistral-medium-3"),
        ("codestral-2", "mistralai/models/codestral-2"),
        ("google/mistral-like", "google/models/mistral-like"),
        ("anthropic/unheard-of", "anthropic/models/unheard-of"),
        ("publishers/mistralai/models/new", "mistralai/models/new"),
    ],
)
def test_the_name_says_whose_model_it_is_or_what_stands_before_it(name: str, path: str) -> None:
    assert f"/{PARENT}/publishers/{path}:" in chat(name).request.url
    assert f"/{PARENT}/publishers/{path}:" in chat("mine", real_name=name).request.url


def test_other_publishers_are_told_another_way() -> None:
    with pytest.raises(Unsupported, match="'meta'") as error:
        chat("meta/llama-4")
    assert error.value.hint and "openai-compatible" in error.value.hint
    with pytest.raises(InvalidParams):
        chat("google/..")


def test_gemini_speaks_its_own_format() -> None:
    exchange = chat("gemini-3.8-flash", stream=True)
    url = f"{HOST}/v1beta1/{PARENT}/publishers/google/models/gemini-3.8-flash"
    assert exchange.request.url == f"{url}:streamGenerateContent?alt=sse"
    assert exchange.request.body == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert fed(exchange.decoder, stream(chunk(said("a")), STOP)).answer.message.text == "a"
    assert chat("gemini-3.8-flash").request.url == f"{url}:generateContent"


def test_claude_speaks_anthropics_format_without_the_model_in_the_body() -> None:
    """Loki always asks for a stream."""
    url = f"{HOST}/v1/{PARENT}/publishers/anthropic/models/claude-sonnet-5@20260203"
    exchange = chat("claude-sonnet-5@20260203", stream=True)
    assert exchange.request.url == f"{url}:streamRawPredict" and exchange.request.headers == {}
    body = exchange.request.body
    assert body["anthropic_version"] == "2026-10-21" and body["stream"] is True
    assert "model" not in body and body["max_tokens"] == 128_000
    assert isinstance(exchange.decoder(), MessagesDecoder) and exchange.accept == ("text/event-stream",)
    whole = chat("claude-sonnet-5@20260203")
    assert whole.request.url == f"{url}:rawPredict" and not whole.streaming
    assert not whole.request.body.get("stream")


def test_claude_that_samples_needs_the_former_version() -> None:
    body = chat("claude-sonnet-4-5@20250929", temperature=0.5).request.body
    assert (body["anthropic_version"], body["temperature"]) == ("vertex-2023-10-16", 0.5)
    with pytest.raises(Unsupported):
        chat("claude-sonnet-5@20260203", temperature=0.5)


def test_mistral_gets_model_and_stream_in_every_body() -> None:
    url = f"{HOST}/v1/{PARENT}/publishers/mistralai/models/mistral-small-2503@001"
    exchange = chat("mistral-small-2503@001", stream=True, tools=(Tool("t"),), tool_choice="required")
    assert exchange.request.url == f"{url}:streamRawPredict" and exchange.streaming
    body = exchange.request.body
    assert (body["model"], body["stream"], body["tool_choice"]) == ("mistral-small-2503", True, "any")
    assert "stream_options" not in body
    finished = {"id": "r", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}
    assert fed(exchange.decoder, completions(finished)).answer.message.text == "a"
    whole = chat("mistral-small-2503@001")
    assert whole.request.url == f"{url}:rawPredict"
    assert whole.request.body == {
        "model": "mistral-small-2503",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
    }


def test_mistral_may_answer_with_a_list_of_parts() -> None:
    """Loki cannot read it."""
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "4"},
    ]
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    data = json.dumps({"id": "r", "choices": [choice]}).encode()
    assert fed(chat("magistral-medium-2507").decoder, data).answer.message.text == "4"


# --- hosts and credentials ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
    ],
)
def test_the_location_is_in_host_and_path(location: str, host: str) -> None:
    url = chat("gemini-3.8-flash", client(location=location)).request.url
    assert url.startswith(
        f"https://{host}/v1beta1/projects/project-1/locations/{location}/publishers/google/"
    )


def test_an_api_key_needs_neither_project_nor_location() -> None:
    assert EXPRESS.lacking() == ()
    request = chat("gemini-3.8-flash", EXPRESS).request
    host = "https://aiplatform.googleapis.com/v1beta1"
    assert request.url == f"{host}/publishers/google/models/gemini-3.8-flash:generateContent"
    key = Credentials({"api_key": SecretStr("k")}, 0.0)
    assert VERTEXAI.authorize(EXPRESS, key, request).headers == {"x-goog-api-key": "k"}
    regional = client(access_token=None, api_key="k")
    assert chat("gemini-3.8-flash", regional).request.url == request.url
    for name in ("claude-sonnet-5", "mistral-medium-3"):
        with pytest.raises(Unsupported, match="express mode"):
            chat(name, EXPRESS)


def test_a_token_is_a_bearer_and_counts_more_than_a_key() -> None:
    both = client(api_key="k")
    request = chat("claude-sonnet-5", both).request
    assert f"/{PARENT}/" in request.url
    secrets = {"access_token": SecretStr("t"), "api_key": SecretStr("k")}
    assert VERTEXAI.authorize(both, Credentials(secrets, 0.0), request).headers["authorization"] == "Bearer t"
    assert VertexAISettings.model_validate({"type": "vertexai"}).lacking() == ("project_id", "location")


def test_a_token_may_be_a_command_or_a_file() -> None:
    for secret in ({"command": ["gcloud", "auth", "print-access-token"]}, {"file": "token"}):
        assert not client(access_token=secret).express
    assert VERTEXAI.secrets[0] == "access_token" and set(VERTEXAI.optional_secrets) == set(VERTEXAI.secrets)


def test_who_pays_is_a_header() -> None:
    paid = client(quota_project_id="payer")
    for name in ("gemini-3.8-flash", "claude-sonnet-5", "mistral-medium-3"):
        assert chat(name, paid).request.headers == {"x-goog-user-project": "payer"}


# --- embeddings and models ---------------------------------------------------------------------------


def test_texts_are_embedded_by_predict() -> None:
    exchange = embed("text-embedding-005", "a", "b", input_type="query")
    url = f"{HOST}/v1beta1/{PARENT}/publishers/google/models/text-embedding-005:predict"
    assert exchange.request.url == url
    assert [one["task_type"] for one in exchange.request.body["instances"]] == ["RETRIEVAL_QUERY"] * 2
    rows = [{"embeddings": {"values": [1.0]}}] * 2
    assert len(fed(exchange.decoder, json.dumps({"predictions": rows}).encode()).answer.vectors) == 2


def test_models_that_take_one_text_a_request_get_one() -> None:
    """Loki sends many to gemini-embedding-001 and fails."""
    for name in ("gemini-embedding-001", "gemini-embedding-2"):
        assert complete("vertexai", ModelSettings(name=name)).max_batch_size == 1
    exchange = embed("gemini-embedding-2", "a", dimensions=1)
    assert exchange.request.url.endswith("/gemini-embedding-2:embedContent")
    assert exchange.request.body["embedContentConfig"] == {"outputDimensionality": 1, "autoTruncate": False}
    assert fed(exchange.decoder, b'{"embedding": {"values": [1]}}').answer.vectors
    with pytest.raises(InvalidParams, match="one text a request"):
        embed("gemini-embedding-2", "a", "b")
    with pytest.raises(Unsupported, match="cannot embed"):
        embed("mistral-embed", "a")


def test_models_of_google_are_listed() -> None:
    assert VERTEXAI.list_models
    exchange = VERTEXAI.list_models(client())
    assert exchange.request.url == f"{HOST}/v1beta1/publishers/google/models?pageSize=1000"
    assert exchange.request.headers == {"x-goog-user-project": "project-1"}
    paid = VERTEXAI.list_models(client(quota_project_id="payer"))
    assert paid.request.headers == {"x-goog-user-project": "payer"}
    assert VERTEXAI.list_models(EXPRESS).request.headers == {}
    rows = [{"name": "publishers/google/models/gemini-x"}]
    assert fed(exchange.decoder, json.dumps({"publisherModels": rows}).encode()).answer == ("gemini-x",)


def test_the_catalogue_knows_the_models_of_all_publishers() -> None:
    assert complete("vertexai", ModelSettings(name="claude-sonnet-5@20260203")).sampling is False
    assert complete("vertexai", ModelSettings(name="anthropic/claude-opus-5")).max_output_tokens
    assert (
        complete("vertexai", ModelSettings(name="google/gemini-2.5-pro")).reasoning_style == "gemini_budget"
    )
    assert complete("vertexai", ModelSettings(name="text-embedding-005")).max_batch_size == 9
    assert models("vertexai")[0].type == "chat"


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "last an hour"), (404, "location"), (403, "may use"), (400, None)]
)
def test_a_refusal_says_what_usually_is_the_reason(status: int, hint: str | None) -> None:
    message = "Publisher Model `projects/p/x` was not found" if status == 404 else "No."
    body = json.dumps({"error": {"code": status, "message": message}}).encode()
    error = VERTEXAI.error(status, {}, body)
    assert error.status == status and (hint in error.hint if hint and error.hint else error.hint is hint)
