"""Where the type ``gemini`` sends what; what is inside is the dialect's business."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Message, Text, Tool
from lokid.errors import InvalidParams, Unsupported
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials, Exchange
from lokid.providers.catalogue import complete, models
from lokid.providers.gemini import GEMINI, GeminiSettings
from lokid.providers.settings import ModelSettings
from tests.fakes.feeding import fed
from tests.fakes.generating import STOP, chunk, said, stream

HI = (Message("user", (Text("hi"),)),)
BASE = "https://generativelanguage.googleapis.com/v1beta"


def client(**keys: Any) -> GeminiSettings:
    return GeminiSettings(type="gemini", name="gemini", **keys)


def chat(name: str, settings: GeminiSettings | None = None, **more: Any) -> Exchange[Any]:
    keys = {key: more.pop(key) for key in list(more) if key in ModelSettings.model_fields}
    model = complete("gemini", ModelSettings(name=name, **keys))
    return GEMINI.chat(settings or client(), model, ChatRequest("c:m", HI, **more))  # type: ignore[misc]


def embed(name: str, *texts: str, **more: Any) -> Exchange[Any]:
    model = complete("gemini", ModelSettings(name=name, type="embedding"))
    return GEMINI.embed(client(), model, EmbedRequest("c:m", texts, **more))  # type: ignore[misc]


def test_a_stream_is_asked_for_as_server_sent_events() -> None:
    """Loki reads the JSON array that comes without alt=sse."""
    exchange = chat("gemini-3.8-flash", stream=True)
    assert exchange.request.url == f"{BASE}/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    assert exchange.streaming and exchange.accept == ("text/event-stream",)
    assert fed(exchange.decoder, stream(chunk(said("a")), STOP)).answer.message.text == "a"


@pytest.mark.parametrize("more", [{}, {"stream": True, "no_stream": True}])
def test_a_whole_answer_has_another_verb(more: dict[str, Any]) -> None:
    exchange = chat("gemini-3.8-flash", **more)
    assert exchange.request.url == f"{BASE}/models/gemini-3.8-flash:generateContent"
    assert not exchange.streaming and exchange.accept == ("application/json",)
    answer = json.dumps(chunk(said("a"), finish="STOP")).encode()
    assert fed(exchange.decoder, answer).answer.message.text == "a"


def test_api_base_replaces_host_and_version() -> None:
    proxy = client(api_base="https://proxy.example/v1/")
    assert chat("m", proxy).request.url == "https://proxy.example/v1/models/m:generateContent"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("models/gemini-3.8-flash", "models/gemini-3.8-flash"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("a b?#", "models/a%20b%3F%23"),
    ],
)
def test_names_are_parts_of_the_path(name: str, path: str) -> None:
    assert chat(name).request.url == f"{BASE}/{path}:generateContent"


@pytest.mark.parametrize("name", ["../files", "models/..", "a//b", "a/./b", "models/"])
def test_a_name_cannot_lead_elsewhere(name: str) -> None:
    with pytest.raises(InvalidParams, match="name of a model"):
        chat(name)


def test_the_key_is_a_header_and_never_in_the_url() -> None:
    """Loki sends the key of embeddings in the URL, which is logged along the way."""
    for exchange in (chat("m"), embed("gemini-embedding-001", "a")):
        assert "key" not in exchange.request.url
        key = Credentials({"api_key": SecretStr("k")}, 0.0)
        assert GEMINI.authorize(client(), key, exchange.request).headers == {"x-goog-api-key": "k"}


def test_a_login_is_a_bearer_and_names_who_pays() -> None:
    mine = client(auth="oauth", quota_project_id="project-1")
    token = Credentials({"access_token": SecretStr("t")}, 0.0)
    requests: list[HTTPRequest] = [chat("m", mine).request, GEMINI.list_models(mine).request]  # type: ignore[misc]
    for request in requests:
        headers = GEMINI.authorize(mine, token, request).headers
        assert headers == {"authorization": "Bearer t", "x-goog-user-project": "project-1"}


def test_texts_are_embedded_in_batches() -> None:
    exchange = embed("gemini-embedding-001", "a", "b", dimensions=2)
    assert exchange.request.url == f"{BASE}/models/gemini-embedding-001:batchEmbedContents"
    assert [one["model"] for one in exchange.request.body["requests"]] == ["models/gemini-embedding-001"] * 2
    rows = [{"values": [1, 2]}, {"values": [3, 4]}]
    assert len(fed(exchange.decoder, json.dumps({"embeddings": rows}).encode()).answer.vectors) == 2
    assert GEMINI.max_embed_batch == 100


def test_models_are_listed_by_their_short_names() -> None:
    assert GEMINI.list_models
    exchange = GEMINI.list_models(client())
    assert (exchange.request.method, exchange.request.url) == ("GET", f"{BASE}/models?pageSize=1000")
    rows = [{"name": "models/b"}, {"name": "models/a"}, {"name": "models/b"}, {"name": None}, None]
    assert fed(exchange.decoder, json.dumps({"models": rows}).encode()).answer == ("b", "a")


# --- what the catalogue knows ------------------------------------------------------------------------


def thinking(name: str, setting: Any) -> Any:
    return chat(name, reasoning=setting).request.body["generationConfig"]["thinkingConfig"]


def test_the_catalogue_knows_how_each_model_thinks() -> None:
    assert thinking("gemini-2.5-flash", "off") == {"thinkingBudget": 0}
    assert thinking("gemini-2.5-pro", 500) == {"includeThoughts": True, "thinkingBudget": 500}
    assert thinking("gemini-3-flash-preview", "off") == {"thinkingLevel": "MINIMAL"}
    assert thinking("gemini-3.8-flash", "low") == {"includeThoughts": True, "thinkingLevel": "LOW"}
    assert thinking("gemini-3-pro-preview", 9000)["thinkingLevel"] in ("LOW", "HIGH")
    assert thinking("unheard-of", "high") == {"includeThoughts": True, "thinkingLevel": "HIGH"}
    for name in ("gemini-2.5-pro", "gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-4-argon"):
        with pytest.raises(Unsupported, match="always reasons"):
            chat(name, reasoning="off")
    for name in ("gemini-2.0-flash", "gemini-1.5-pro", "gemma-3-27b-it"):
        assert "generationConfig" not in chat(name, reasoning="off").request.body
        with pytest.raises(Unsupported):
            chat(name, reasoning="low")


def test_users_know_better_than_the_catalogue() -> None:
    exchange = chat("gemini-3.8-flash", reasoning_style="gemini_budget", reasoning="low")
    assert exchange.request.body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 1024
    budget = chat("mine", reasoning_style="gemini_budget", reasoning="off")
    assert budget.request.body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}


def test_gemma_takes_no_system_text_and_no_tools() -> None:
    body = chat("gemma-3-27b-it", system="S").request.body
    assert "systemInstruction" not in body and body["contents"][0]["parts"][0]["text"] == "S\n\n"
    with pytest.raises(Unsupported):
        chat("gemma-3-27b-it", tools=(Tool("t"),))
    assert "systemInstruction" not in chat("m", system="S", no_system_message=True).request.body


def test_a_client_without_models_offers_some_of_each_kind() -> None:
    assert {model.type for model in models("gemini")} == {"chat", "embedding"}
    assert models("gemini")[0].type == "chat"
