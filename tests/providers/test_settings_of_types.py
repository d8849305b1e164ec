"""The types whose calls are not there yet: what they accept, and where their requests will go."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings


def client(kind: str, **keys: Any) -> ClientSettings:
    return PROVIDERS[kind].settings.model_validate({"type": kind, "name": kind, **keys})


@pytest.mark.parametrize(
    ("kind", "keys", "base"),
    [
        ("azure-openai", {"api_base": "https://r.openai.azure.com/"}, "https://r.openai.azure.com"),
        ("azure-openai", {"api_base": "https://r.openai.azure.com/openai/v1"}, "https://r.openai.azure.com"),
        ("claude", {}, "https://api.anthropic.com/v1"),
        ("claude", {"api_base": "https://g.example/v1"}, "https://g.example/v1"),
        ("gemini", {}, "https://generativelanguage.googleapis.com/v1beta"),
        ("gemini", {"api_base": "https://g.example"}, "https://g.example"),
        ("vertexai", {}, "https://aiplatform.googleapis.com"),
        ("vertexai", {"location": "global"}, "https://aiplatform.googleapis.com"),
        ("vertexai", {"location": "us"}, "https://aiplatform.us.rep.googleapis.com"),
        ("vertexai", {"location": "eu"}, "https://aiplatform.eu.rep.googleapis.com"),
        ("vertexai", {"location": "us-central1"}, "https://us-central1-aiplatform.googleapis.com"),
        ("vertexai", {"location": "eu", "api_base": "https://g.example"}, "https://g.example"),
        ("bedrock", {"region": "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock", {"region": "eu-west-1", "api_base": "https://g.example"}, "https://g.example"),
        ("cohere", {}, "https://api.cohere.com"),
        ("cohere", {"api_base": "https://g.example/v2"}, "https://g.example"),
    ],
)
def test_requests_go_to_the_providers_address_or_to_api_base(
    kind: str, keys: dict[str, Any], base: str
) -> None:
    assert PROVIDERS[kind].base_url(client(kind, **keys)) == base


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("azure-openai", {"api_version": "latest"}),
        ("claude", {"api_version": "2023-06"}),
        ("vertexai", {"location": "us/../evil"}),
        ("vertexai", {"location": "evil.example#"}),
        ("vertexai", {"project_id": "a/b"}),
        ("vertexai", {"adc_file": ""}),
        ("bedrock", {"region": "evil.example/"}),
        ("gemini", {"region": "x"}),
        ("cohere", {"organization_id": "x"}),
    ],
)
def test_what_could_change_the_host_or_is_another_types_is_refused(kind: str, keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        client(kind, **keys)


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [
        ("azure-openai", "api-key", "canary"),
        ("claude", "x-api-key", "canary"),
        ("gemini", "x-goog-api-key", "canary"),
        ("vertexai", "x-goog-api-key", "canary"),
        ("bedrock", "authorization", "Bearer canary"),
        ("cohere", "authorization", "Bearer canary"),
    ],
)
def test_the_key_travels_in_its_header(kind: str, header: str, value: str) -> None:
    credentials = Credentials({"api_key": SecretStr("canary")}, now=0)
    request = HTTPRequest("POST", "https://a", {"x": "y"})
    signed = PROVIDERS[kind].authorize(client(kind), credentials, request)
    assert signed.headers == {"x": "y", header: value}
    assert "canary" not in repr(signed)


@pytest.mark.parametrize("kind", ["azure-openai", "claude", "gemini", "vertexai", "bedrock", "cohere"])
def test_a_header_that_is_there_stays_and_without_a_key_nothing_is_added(kind: str) -> None:
    provider = PROVIDERS[kind]
    token = Credentials({"access_token": SecretStr("t"), "api_key": SecretStr("k")}, now=0)
    request = HTTPRequest("POST", "https://a")
    assert provider.authorize(client(kind), token, request).headers == {"authorization": "Bearer t"}
    assert provider.authorize(client(kind), Credentials({}, now=0), request) == request
    patched = HTTPRequest("POST", "https://a", {"authorization": "patched"})
    assert provider.authorize(client(kind), token, patched).headers == {"authorization": "patched"}
    removed = HTTPRequest("POST", "https://a", absent=frozenset(["authorization"]))
    assert provider.authorize(client(kind), token, removed).headers == {}


@pytest.mark.parametrize("kind", PROVIDERS)
def test_every_secret_of_a_type_is_one_of_its_keys(kind: str) -> None:
    provider = PROVIDERS[kind]
    assert set(provider.secrets) <= provider.settings.model_fields.keys()
    assert set(provider.optional_secrets) <= set(provider.secrets) | {"api_key"}


def test_half_a_pair_of_access_keys_lacks_the_other() -> None:
    assert client("bedrock", region="r").lacking() == ()
    assert client("bedrock", region="r", secret_access_key="s").lacking() == ("access_key_id",)
    assert client("bedrock", access_key_id="a", secret_access_key="s").lacking() == ("region",)
