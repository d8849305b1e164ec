"""What every provider type keeps, present and future: parametrised over the registry, so that a new one is
tested by what is here before it has a test of its own."""

from __future__ import annotations

import inspect
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from lokid.chat import EmbedRequest, RerankRequest
from lokid.config import Config, parse
from lokid.errors import (
    CredentialError,
    IncompleteResponse,
    LokidError,
    ProviderUnavailable,
    RateLimited,
    Unsupported,
)
from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials, Exchange, Provider
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings, ModelSettings
from lokid.runtime.chat import chat
from lokid.runtime.clients import OpenClient, Surroundings
from lokid.runtime.embed import embed
from lokid.runtime.rerank import rerank
from tests.fakes.canonical import GIVEN, QUESTION, settings_of, ways_in

EACH = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))

CANARY = "sk-canary-7f3a9c51d2"


def model_of(kind: Literal["chat", "embedding", "reranker"]) -> ModelSettings:
    return ModelSettings(name="some-model", type=kind, max_output_tokens=100)


def exchanges(provider: Provider) -> dict[str, Exchange[Any]]:
    """One exchange per thing that the type can do."""
    client = settings_of(provider)
    found: dict[str, Exchange[Any]] = {}
    if provider.chat:
        found["chat"] = provider.chat(client, model_of("chat"), QUESTION)
        found["stream"] = provider.chat(client, model_of("chat"), replace(QUESTION, stream=True))
    if provider.embed:
        found["embed"] = provider.embed(client, model_of("embedding"), EmbedRequest("", ("a", "b")))
    if provider.rerank:
        found["rerank"] = provider.rerank(client, model_of("reranker"), RerankRequest("", "a", ("b", "c")))
    if provider.list_models:
        found["models"] = provider.list_models(client)
    return found


# --- the table itself


def test_all_types_of_the_design_are_there() -> None:
    """The format of Loki and aichat users' files."""
    assert set(PROVIDERS) >= {
        *("openai", "openai-compatible", "azure-openai", "claude"),
        *("gemini", "vertexai", "bedrock", "cohere"),
    }


@EACH
def test_a_type_is_one_file_named_for_it(provider: Provider) -> None:
    module = inspect.getmodule(provider.settings)
    assert module is not None and module.__name__ == f"lokid.providers.{provider.name.replace('-', '_')}"
    assert module.__doc__ and f"``type: {provider.name}``" in module.__doc__
    assert PROVIDERS[provider.name] is provider


@EACH
def test_settings_refuse_unknown_keys_and_print_no_values(provider: Provider) -> None:
    config = provider.settings.model_config
    assert config["extra"] == "forbid" and config["frozen"] and config["hide_input_in_errors"]
    assert provider.settings.model_fields["type"].annotation == Literal[provider.name]
    client = settings_of(provider, **dict.fromkeys(provider.secrets, CANARY))
    assert CANARY not in repr(client) and CANARY not in str(client)


@EACH
def test_secrets_are_keys_of_the_settings(provider: Provider) -> None:
    assert set(provider.secrets) <= provider.settings.model_fields.keys()
    assert set(provider.optional_secrets) <= {*provider.secrets}


@EACH
def test_a_minimal_entry_of_the_configuration_loads(provider: Provider) -> None:
    lacking = provider.settings.model_validate({"type": provider.name, "name": "mine"}).lacking()
    lines = [f"  - type: {provider.name}", "    name: mine", *(f"    {key}: {GIVEN[key]}" for key in lacking)]
    config = parse("\n".join(["clients:", *lines]) + "\n", "config.yaml", lookup={}, environ={})
    assert isinstance(config, Config), config
    [client] = config.clients
    assert isinstance(client, provider.settings)


@EACH
def test_a_misspelt_key_is_found_with_its_place(provider: Provider) -> None:
    text = f"clients:\n  - type: {provider.name}\n    name: mine\n    api_kye: x\n"
    problems = parse(text, "config.yaml", lookup={}, environ={})
    assert isinstance(problems, tuple)
    assert any("config.yaml:4:5:" in str(problem) and "api_key" in str(problem) for problem in problems)


# --- where requests go, and what they carry


@EACH
def test_requests_go_to_https_or_to_what_api_base_says(provider: Provider) -> None:
    assert urlsplit(provider.base_url(settings_of(provider))).scheme == "https"
    moved = provider.base_url(settings_of(provider, api_base="https://gateway.example/x"))
    assert urlsplit(moved).netloc == "gateway.example"


@EACH
def test_every_exchange_is_a_request_to_the_base_url_with_a_json_body(provider: Provider) -> None:
    base = provider.base_url(settings_of(provider))
    for name, exchange in exchanges(provider).items():
        request = exchange.request
        if name == "models" and not request.url.startswith(base):  # clouds list them elsewhere
            hosts = [urlsplit(url).hostname or "" for url in (base, request.url)]
            assert len({host.split(".", 1)[1] for host in hosts}) == 1, name
        else:
            assert request.url.startswith(base), name
        assert request.method == ("GET" if name == "models" else "POST"), name
        assert all(header == header.lower() for header in request.headers), name
        json.loads(request.content() or b"null")
        assert exchange.streaming == (name == "stream"), name
        assert exchange.accept and all(kind == kind.lower() for kind in exchange.accept), name


@EACH
def test_a_body_that_ends_before_it_began_is_never_an_answer(provider: Provider) -> None:
    for exchange in exchanges(provider).values():
        with pytest.raises(LokidError) as error:
            exchange.decoder().close()
        assert isinstance(error.value, IncompleteResponse)


@EACH
def test_credentials_go_into_headers_and_nowhere_else(provider: Provider) -> None:
    client = settings_of(provider)
    plain = HTTPRequest("POST", f"{provider.base_url(client)}/x", {"content-type": "application/json"}, {})
    assert ways_in(provider)
    for way in (provider.secrets, *ways_in(provider)):
        secrets = {key: SecretStr(f"{CANARY}-{key}") for key in way}
        signed = provider.authorize(client, Credentials(secrets, now=1.8e9), plain)
        assert signed.headers != plain.headers
        assert (signed.method, signed.url, signed.body) == (plain.method, plain.url, plain.body)
        assert CANARY not in repr(signed)
        assert all(header == header.lower() for header in signed.headers)


@EACH
def test_a_header_that_a_patch_put_there_is_kept(provider: Provider) -> None:
    """And one that a patch removed stays away."""
    client = settings_of(provider)
    for way in (provider.secrets, *ways_in(provider)):
        credentials = Credentials({key: SecretStr(CANARY) for key in way}, now=1.8e9)
        for exchange in exchanges(provider).values():
            plain = exchange.request
            added = provider.authorize(client, credentials, plain).headers.keys() - plain.headers.keys()
            assert added
            patched = replace(plain, headers={**plain.headers, **dict.fromkeys(added, "mine")})
            assert provider.authorize(client, credentials, patched) == patched
            without = replace(plain, absent=frozenset(added))
            assert provider.authorize(client, credentials, without) == without


@EACH
def test_without_credentials_the_request_stays_as_it_is(provider: Provider) -> None:
    plain = HTTPRequest("POST", "https://models.example/x")
    assert provider.authorize(settings_of(provider), Credentials({}, now=1.8e9), plain) == plain


# --- what refusals become

REFUSALS: list[tuple[int, Mapping[str, str], type[LokidError], bool]] = [
    (401, {}, CredentialError, False),
    (403, {}, CredentialError, False),
    (429, {"retry-after": "7"}, RateLimited, True),
    (500, {}, ProviderUnavailable, True),
    (503, {}, ProviderUnavailable, True),
    (503, {"x-should-retry": "false"}, ProviderUnavailable, False),
]


@EACH
@pytest.mark.parametrize(("status", "headers", "kind", "retryable"), REFUSALS)
def test_a_status_becomes_the_error_of_its_kind(
    provider: Provider, status: int, headers: Mapping[str, str], kind: type[LokidError], retryable: bool
) -> None:
    error = provider.error(status, headers, b"")
    assert isinstance(error, kind) and error.status == status and error.retryable is retryable
    assert error.retry_after_s == (7.0 if "retry-after" in headers else None)


@EACH
def test_no_body_of_a_refusal_is_too_strange(provider: Provider) -> None:
    @given(
        status=st.integers(300, 599),
        body=st.one_of(
            st.binary(max_size=300),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=20),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["error", "code", "message", "type"]), inner)
                ),
                max_leaves=8,
            ).map(lambda value: json.dumps(value).encode()),
        ),
    )
    def check(status: int, body: bytes) -> None:
        error = provider.error(status, {"content-type": "application/json"}, body)
        assert error.message and len(error.message) < 1000
        # What cannot be encoded ends the connection that it is sent on; what is a control, a terminal.
        error.message.encode()
        assert not any(unicodedata.category(character) == "Cc" for character in error.message)

    check()


# --- what a type cannot do


@EACH
@pytest.mark.anyio
async def test_what_a_type_cannot_do_answers_unsupported(provider: Provider) -> None:
    """Before anything is sent, and before the caller is told that the call was accepted."""

    async def never(*_: object) -> None:
        raise AssertionError("nothing may happen")

    models = [{"name": kind, "type": kind} for kind in ("chat", "embedding", "reranker")]
    async with anyio.create_task_group() as group:
        around = Surroundings(environ={}, directory="/", spawn=group.start_soon)
        client = OpenClient(settings_of(provider, api_key=CANARY, models=models), provider, around)
        if provider.chat is None:
            with pytest.raises(Unsupported, match=provider.name):
                await chat(client, replace(QUESTION, model="mine:chat"), emit=never, accepted=never)
        if provider.embed is None:
            with pytest.raises(Unsupported, match=provider.name):
                await embed(client, EmbedRequest("mine:embedding", ("a",)), accepted=never)
        if provider.rerank is None:
            with pytest.raises(Unsupported, match=provider.name):
                await rerank(client, RerankRequest("mine:reranker", "a", ("b",)), accepted=never)
        await client.aclose()
        group.cancel_scope.cancel()


# --- a ninth type


class NinthSettings(ClientSettings):
    """``flavour``: a key that only this type has."""

    type: Literal["ninth"]
    flavour: str | None = None


def test_a_ninth_type_needs_nothing_but_its_row() -> None:
    """The schema, its errors and the suggestions for them follow from the table."""
    ninth = replace(
        PROVIDERS["openai"], name="ninth", settings=NinthSettings, base_url=lambda _: "https://ninth.example"
    )
    table = {**PROVIDERS, "ninth": ninth}

    def read(text: str) -> Any:
        return parse(text, "config.yaml", lookup={}, environ={}, providers=table)

    config = read("clients:\n  - type: ninth\n    flavour: sour\n")
    assert config.clients[0] == NinthSettings(type="ninth", name="ninth", flavour="sour")
    [problem] = read("clients:\n  - type: ninth\n    flavor: sour\n")
    assert (problem.line, problem.column) == (3, 5) and "flavour" in problem.message
    [problem] = read("clients:\n  - type: nineth\n")
    assert "ninth" in problem.message
