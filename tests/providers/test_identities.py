"""Which identity a client uses follows from its settings alone."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from lokid.protocols.http import HTTPRequest
from lokid.providers.base import Credentials
from lokid.providers.identities import AWSIdentity, AzureIdentity, GoogleIdentity, Identity
from lokid.providers.registry import PROVIDERS

RESOURCE = "https://r.openai.azure.com"
APPLICATION = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
LOGIN = "https://login.microsoftonline.com"
CLASSIC, V1 = "https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default"


def settings(kind: str, **keys: Any) -> Any:
    needed = {"azure-openai": {"api_base": RESOURCE}}.get(kind, {})
    return PROVIDERS[kind].settings.model_validate({"type": kind, "name": "mine", **needed, **keys})


@pytest.mark.parametrize(
    ("kind", "keys", "identity"),
    [
        ("vertexai", {}, GoogleIdentity()),
        ("vertexai", {"adc_file": "a.json"}, GoogleIdentity("a.json")),
        ("vertexai", {"adc_file": "a.json", "access_token": "t"}, None),
        ("vertexai", {"api_key": "k"}, None),
        ("bedrock", {}, AWSIdentity()),
        ("bedrock", {"profile": "work"}, AWSIdentity("work")),
        ("bedrock", {"profile": "work", "api_key": "k"}, None),
        ("bedrock", {"profile": "work", "access_key_id": "i", "secret_access_key": "s"}, None),
        ("azure-openai", {}, None),
        ("azure-openai", APPLICATION, AzureIdentity("client_secret", V1, LOGIN, "t", "c")),
        ("azure-openai", APPLICATION | {"api_key": "k"}, None),
        ("azure-openai", APPLICATION | {"access_token": "t"}, None),
        ("azure-openai", APPLICATION | {"auth": "oauth"}, None),
        (
            "azure-openai",
            {"identity": "managed_identity", "client_id": "c", "api_version": "2024-10-21"},
            AzureIdentity("managed_identity", CLASSIC, LOGIN, None, "c"),
        ),
        (
            "azure-openai",
            {"identity": "cli", "scope": "s", "authority": "https://login.microsoftonline.us/"},
            AzureIdentity("cli", "s", "https://login.microsoftonline.us"),
        ),
    ],
)
def test_a_client_without_keys_uses_the_identity_that_its_settings_name(
    kind: str, keys: dict[str, Any], identity: Identity | None
) -> None:
    found = PROVIDERS[kind].identity
    assert found is not None and found(settings(kind, **keys)) == identity


@pytest.mark.parametrize(
    ("end", "version", "scope"),
    [
        ("", None, V1),
        ("", "2024-10-21", CLASSIC),
        ("/openai", "2024-10-21", CLASSIC),
        ("/openai/v1", "2024-10-21", CLASSIC),
        ("/models", "2024-10-21", V1),
        ("/anthropic", "2024-10-21", V1),
        ("/models", None, V1),
    ],
)
def test_what_a_token_of_azure_is_for_follows_from_the_way_in(
    end: str, version: str | None, scope: str
) -> None:
    made = settings("azure-openai", api_base=RESOURCE + end, api_version=version, identity="cli")
    found = PROVIDERS["azure-openai"].identity
    assert found is not None and found(made).scope == scope  # type: ignore[union-attr]


def test_whoever_names_half_an_application_is_told_the_rest() -> None:
    assert settings("azure-openai").lacking() == ("api_key",)
    assert settings("azure-openai", tenant_id="t").lacking() == ("client_id", "client_secret")
    assert settings("azure-openai", client_secret="s").lacking() == ("tenant_id", "client_id")
    assert settings("azure-openai", **APPLICATION).lacking() == ()
    assert settings("azure-openai", identity="managed_identity").lacking() == ()


def test_who_pays_as_the_identity_says_is_a_header_unless_one_is_there() -> None:
    credentials = Credentials({"access_token": SecretStr("t")}, 0.0, quota_project="payer")
    authorize = PROVIDERS["vertexai"].authorize
    request = HTTPRequest("POST", "https://example.com")
    assert authorize(settings("vertexai"), credentials, request).headers == {
        "x-goog-user-project": "payer",
        "authorization": "Bearer t",
    }
    request = request.adding({"x-goog-user-project": "mine"})
    assert authorize(settings("vertexai"), credentials, request).headers["x-goog-user-project"] == "mine"


def test_identities_are_values_that_print_no_secret() -> None:
    found = PROVIDERS["azure-openai"].identity
    assert found is not None
    made = settings("azure-openai", tenant_id="t", client_id="c", client_secret="canary")
    assert "canary" not in repr((made, found(made)))
