"""Where clients sign in, and what they lack for it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from lokid.providers.oauth_presets import PRESETS, lacking, server
from lokid.providers.registry import PROVIDERS
from lokid.providers.settings import ClientSettings


def client(kind: str, name: str = "", **oauth: Any) -> ClientSettings:
    settings = PROVIDERS[kind].settings
    keys = {"type": kind, "name": name or kind, "auth": "oauth", "oauth": oauth or None}
    return settings.model_validate(keys)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_addresses_with_tls_and_no_client_of_anybody(name: str) -> None:
    preset = PRESETS[name]
    for url in (preset.token_url, preset.authorize_url, preset.device_url, preset.revoke_url, preset.issuer):
        assert url is None or urlsplit(url).scheme == "https"
    assert not {"client_id", "client_secret"} & preset.parameters.keys()


def test_a_type_or_a_vendor_has_its_preset() -> None:
    for kind in ("claude", "gemini", "vertexai", "azure-openai"):
        assert server(client(kind)) == PRESETS[kind]
    for vendor in ("openrouter", "huggingface"):
        assert server(client("openai-compatible", vendor)) == PRESETS[vendor]
    assert server(client("cohere")) is None


def test_what_the_configuration_says_counts() -> None:
    mine = server(client("gemini", scopes=["a"], redirect="http://127.0.0.1:9/x", client_auth="basic"))
    assert mine is not None
    assert (mine.scopes, mine.redirect, mine.client_auth) == (("a",), "http://127.0.0.1:9/x", "basic")
    assert mine.token_url == PRESETS["gemini"].token_url
    assert server(client("gemini", scopes=[])).scopes == ()  # type: ignore[union-attr]


def test_of_another_server_nothing_but_the_scopes_is_known() -> None:
    other = server(client("gemini", token_url="https://as.example/token"))
    assert other is not None
    assert other.authorize_url is None and other.revoke_url is None and other.issuer is None
    assert other.scopes == PRESETS["gemini"].scopes
    same = server(client("gemini", token_url=PRESETS["gemini"].token_url))
    assert same == PRESETS["gemini"]
    own = server(client("cohere", token_url="https://as.example/token", issuer="https://as.example"))
    assert own is not None and own.issuer == "https://as.example" and own.scopes == ()


@pytest.mark.parametrize(
    ("settings", "lack"),
    [
        (client("cohere"), "nothing says where"),
        (client("cohere", token_url="https://a.example/t", client_id="x"), "oauth.authorize_url or"),
        (client("gemini"), "no oauth.client_id"),
        (client("gemini", client_id="x"), None),
        (client("openai-compatible", "openrouter"), None),
        (client("gemini", client_id="x", grant="client_credentials"), "no oauth.client_secret"),
        (client("gemini", client_id="x", client_secret="s", grant="client_credentials"), None),
    ],
)
def test_what_is_lacking_is_named(settings: ClientSettings, lack: str | None) -> None:
    found = lacking(settings)
    assert found is None if lack is None else lack in (found or "")
