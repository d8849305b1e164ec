"""Where the OpenAI types send what; what is inside is the dialects' business."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from lokid.chat import ChatRequest, EmbedRequest, Message, RerankRequest, Text, Tool
from lokid.errors import AuthenticationFailed, BadRequest, LokidError, ProviderFailed
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials, Exchange
from lokid.providers.catalogue import complete
from lokid.providers.openai import OPENAI, OpenAISettings
from lokid.providers.openai_compatible import OPENAI_COMPATIBLE, OpenAICompatibleSettings
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ModelSettings
from lokid.providers.vendors import VENDORS
from tests.fakes.feeding import fed, stream

HI = (Message("user", (Text("hi"),)),)
ASK = ChatRequest("c:m", HI, stream=True)
KEY = Credentials({"api_key": SecretStr("sk-1")}, 0.0)


def openai(**keys: Any) -> OpenAISettings:
    return OpenAISettings(type="openai", name="openai", **keys)


def compatible(name: str = "here", **keys: Any) -> OpenAICompatibleSettings:
    return OpenAICompatibleSettings.model_validate({"type": "openai-compatible", "name": name, **keys})


LOCAL = compatible(api_base="http://127.0.0.1:9/v1/")


def model(name: str = "m", **keys: Any) -> ModelSettings:
    return ModelSettings(name=name, **keys)


def chat(client: Any, which: ModelSettings, request: ChatRequest = ASK) -> Exchange[Any]:
    provider = PROVIDERS[client.type]
    assert provider.chat
    return provider.chat(client, complete(client.type, which), request)


def test_openai_has_one_address_and_api_base_replaces_it() -> None:
    assert chat(openai(), model("gpt-4o")).request.url == "https://api.openai.com/v1/chat/completions"
    proxy = openai(api_base="https://proxy/v1/")
    assert chat(proxy, model("gpt-4o")).request.url == "https://proxy/v1/chat/completions"
    assert OPENAI.base_url(proxy) == "https://proxy/v1"


def test_the_account_is_named_in_headers() -> None:
    exchange = chat(openai(organization_id="o", project_id="p"), model("gpt-4o"))
    assert exchange.request.headers == {"openai-organization": "o", "openai-project": "p"}


@pytest.mark.parametrize(
    ("name", "said", "path"),
    [
        ("gpt-4o", {}, "chat/completions"),
        ("gpt-5.6", {}, "responses"),
        ("gpt-5.6", {"chat_api": "chat_completions"}, "chat/completions"),
        ("unknown", {}, "chat/completions"),
        ("unknown", {"chat_api": "responses"}, "responses"),
    ],
)
def test_the_model_decides_which_chat_api(name: str, said: dict[str, Any], path: str) -> None:
    assert chat(openai(), model(name, **said)).request.url == f"https://api.openai.com/v1/{path}"


@pytest.mark.parametrize("chat_api", ["chat_completions", "responses"])
@pytest.mark.parametrize(
    ("asked", "no_stream", "streaming"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_stream_is_asked_for_where_caller_and_model_have_it(
    chat_api: Any, asked: bool, no_stream: bool, streaming: bool
) -> None:
    exchange = chat(
        openai(), model(chat_api=chat_api, no_stream=no_stream), ChatRequest("c:m", HI, stream=asked)
    )
    assert exchange.streaming is streaming
    assert exchange.request.body.get("stream", False) is streaming
    assert exchange.accept == (("text/event-stream",) if streaming else ("application/json",))


def test_answers_are_read_by_the_decoder_of_the_exchange() -> None:
    choice = {"index": 0, "finish_reason": "stop"}
    delta = stream({"choices": [choice | {"delta": {"content": "a"}}]})
    whole = json.dumps({"choices": [choice | {"message": {"content": "a"}}]}).encode()
    assert fed(chat(openai(), model()).decoder, delta).answer.message.text == "a"
    assert fed(chat(openai(), model(no_stream=True)).decoder, whole).answer.message.text == "a"
    response = {"status": "completed", "output": [{"type": "message", "content": [{"text": "a"}]}]}
    whole = json.dumps(response).encode()
    delta = b"data: " + json.dumps({"type": "response.completed", "response": response}).encode() + b"\n\n"
    answers = model(chat_api="responses")
    assert fed(chat(openai(), answers).decoder, delta).answer.message.text == "a"
    no_stream = answers.model_copy(update={"no_stream": True})
    assert fed(chat(openai(), no_stream).decoder, whole).answer.message.text == "a"


def test_the_real_name_goes_out_and_settings_of_the_model_hold() -> None:
    asked = ChatRequest("c:m", HI, system="s")
    said = model(
        real_name="big", no_system_message=True, system_prompt_prefix="p", require_max_tokens=True,
        max_output_tokens=9,
    )  # fmt: skip
    assert chat(LOCAL, said, asked).request.body == {
        "model": "big",
        "messages": [{"role": "user", "content": "p\n\ns\n\nhi"}],
        "max_tokens": 9,
    }


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_does_not_know_stream_options_is_asked_without(status: int) -> None:
    exchange = chat(LOCAL, model())
    assert exchange.amend
    answer = b'{"detail": "extra field stream_options"}'
    again = exchange.amend(BadRequest("x", status=status), answer)
    assert again
    assert "stream_options" not in again.request.body
    assert again.request.body["stream"] is True
    assert (again.streaming, again.accept, again.amend) == (True, exchange.accept, None)
    assert exchange.amend(BadRequest("x", status=status), b"something else") is None
    assert exchange.amend(BadRequest("x", status=500), answer) is None
    assert chat(LOCAL, model(), ChatRequest("c:m", HI)).amend is None


def test_an_unverified_organisation_is_asked_for_no_summary() -> None:
    asked = ChatRequest("c:m", HI, reasoning="high")
    exchange = chat(openai(), model("gpt-5.6"), asked)
    assert exchange.request.body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert exchange.amend
    again = exchange.amend(BadRequest("x", status=400), b'{"error": {"param": "reasoning.summary"}}')
    assert again
    assert again.request.body["reasoning"] == {"effort": "high"}
    assert chat(openai(), model("gpt-5.6"), ASK).amend is None


def test_a_compatible_server_may_have_the_responses_api() -> None:
    exchange = chat(LOCAL, model(chat_api="responses"))
    assert exchange.request.url == "http://127.0.0.1:9/v1/responses"
    assert "include" not in exchange.request.body


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", [OPENAI, OPENAI_COMPATIBLE], ids=lambda provider: provider.name)
def test_the_key_goes_into_one_header_and_never_replaces_one(provider: Any) -> None:
    request = HTTPRequest("POST", "https://x", {"a": "1"})
    assert provider.authorize(None, KEY, request).headers == {"a": "1", "authorization": "Bearer sk-1"}
    token = Credentials({"api_key": SecretStr("sk-1"), "access_token": SecretStr("t")}, 0.0)
    assert provider.authorize(None, token, request).headers["authorization"] == "Bearer t"
    assert provider.authorize(None, Credentials({}, 0.0), request) == request
    mine = HTTPRequest("POST", "https://x", {"authorization": "mine"})
    assert provider.authorize(None, KEY, mine) == mine
    removed = HTTPRequest("POST", "https://x", {}, absent=frozenset({"authorization"}))
    assert provider.authorize(None, KEY, removed).headers == {}


def test_a_compatible_server_may_have_no_key() -> None:
    assert OPENAI_COMPATIBLE.optional_secrets == ("api_key",)
    assert OPENAI.optional_secrets == ()


def test_refusals_are_read_in_every_shape() -> None:
    error: LokidError = OPENAI_COMPATIBLE.error(400, {}, b'{"detail": "no"}')
    assert type(error) is BadRequest


# --- vendors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, vendor in VENDORS.items() if vendor.api_base])
def test_a_client_named_for_a_vendor_needs_no_address(name: str) -> None:
    client = compatible(name)
    assert client.lacking() == ()
    base = OPENAI_COMPATIBLE.base_url(client)
    assert base == VENDORS[name].api_base
    # The rules for a user's api_base hold for ours.
    assert compatible(name, api_base=base).api_base == base
    assert compatible(name, api_base="https://other/v1").api_base == OPENAI_COMPATIBLE.base_url(
        compatible(name, api_base="https://other/v1")
    )


def test_any_other_name_needs_an_address_or_a_command() -> None:
    assert compatible("mine").lacking() == ("api_base",)
    assert compatible("cloudflare").lacking() == ("api_base",)
    launched = compatible("mine", launch={"command": ["server", "{port}"]})
    assert launched.lacking() == ()
    assert OPENAI_COMPATIBLE.base_url(launched) == "http://127.0.0.1:{port}/v1"


def test_the_eighteen_names_of_loki_are_there() -> None:
    names = (
        "ai21 cloudflare deepinfra deepseek ernie github groq hunyuan jina minimax mistral moonshot "
        "openrouter perplexity qianwen voyageai xai zhipuai"
    )
    assert set(names.split()) <= VENDORS.keys()


def test_vendors_differ_where_their_row_says() -> None:
    tools = (Tool("t"),)
    required = ChatRequest("c:m", HI, tools=tools, tool_choice="required")
    assert chat(compatible("mistral"), model(), required).request.body["tool_choice"] == "any"
    assert chat(compatible("groq"), model(), required).request.body["tool_choice"] == "required"
    assert rerank("voyageai").request.body["top_k"] == 1
    assert rerank("voyageai").request.body["truncation"] is False  # else it cuts, and says nothing
    assert embed(compatible("voyageai")).request.body["truncation"] is False
    assert "truncation" not in rerank("jina").request.body
    assert rerank("jina").request.url == "https://api.jina.ai/v1/rerank"
    assert rerank("ernie").request.url == "https://qianfan.baidubce.com/v2/rerankers"
    assert embed(compatible("jina")).request.body["task"] == "retrieval.query"
    assert embed(compatible("voyageai")).request.body["input_type"] == "query"


def rerank(name: str) -> Exchange[Any]:
    request = RerankRequest("c:m", "q", ("a", "b"), top_n=1)
    assert OPENAI_COMPATIBLE.rerank
    return OPENAI_COMPATIBLE.rerank(compatible(name), model(), request)


def embed(client: Any) -> Exchange[Any]:
    encode = PROVIDERS[client.type].embed
    assert encode
    return encode(client, model("e", real_name="e-1"), EmbedRequest("c:e", ("a",), input_type="query"))


def test_results_are_read_by_the_decoder_of_the_exchange() -> None:
    answer = b'{"results": [{"index": 1, "relevance_score": 0.5}]}'
    assert fed(rerank("jina").decoder, answer).answer.results[0].index == 1
    vectors = b'{"data": [{"index": 0, "embedding": [1]}]}'
    assert len(fed(embed(openai()).decoder, vectors).answer.vectors) == 1


def test_openai_is_asked_for_base64_others_for_numbers() -> None:
    sent = embed(openai()).request
    assert sent.url == "https://api.openai.com/v1/embeddings"
    assert sent.body == {"model": "e-1", "input": ["a"], "encoding_format": "base64"}
    assert embed(LOCAL).request.body["encoding_format"] == "float"
    assert embed(LOCAL).request.url == "http://127.0.0.1:9/v1/embeddings"


# --- models ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [openai(organization_id="o"), LOCAL], ids=["openai", "compatible"])
def test_models_are_listed(client: Any) -> None:
    listing = PROVIDERS[client.type].list_models
    assert listing
    exchange = listing(client)
    assert (exchange.request.method, exchange.request.body) == ("GET", None)
    assert exchange.request.url.endswith("/v1/models")
    for answer in (
        {"data": [{"id": "a"}, {"id": "b"}, {"id": "a"}, {"id": None}, 5]},
        [{"id": "a"}, {"id": "b"}],
        {"models": [{"name": "a"}, {"name": "b"}]},
        {"data": [], "models": [{"name": "a"}, {"name": "b"}]},
        {"data": [{"id": "a"}, {"id": "b"}], "models": {}, "error": {"code": 0, "message": ""}},
    ):
        assert fed(exchange.decoder, json.dumps(answer).encode()).answer == ("a", "b")
    for empty in (
        b"{}",
        b'{"object": "list", "data": null}',
        b'{"data": []}',
        b"[]",
        b'{"code": 0, "msg": "ok", "data": []}',
        b'{"data": {}, "models": []}',
    ):
        assert fed(exchange.decoder, empty).answer == ()
    for none in (b'{"data": {"a": 1}}', b'"a"', b"null"):
        assert isinstance(fed(exchange.decoder, none).error, ProviderFailed)
    wrong = b'{"error": {"message": "no such key", "code": "invalid_api_key"}}'
    assert isinstance(fed(exchange.decoder, wrong).error, AuthenticationFailed)
    assert isinstance(fed(exchange.decoder, wrong[:-1] + b', "data": []}').error, AuthenticationFailed)


def test_the_registry_knows_every_type_by_its_name() -> None:
    assert list(PROVIDERS) == [
        "openai", "openai-compatible", "azure-openai", "claude", "gemini", "vertexai", "bedrock", "cohere",
    ]  # fmt: skip
    assert all(provider.name == name for name, provider in PROVIDERS.items())
