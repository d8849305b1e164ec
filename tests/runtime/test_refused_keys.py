"""A key that a provider refused: the error names the command that puts another one in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lokid.config import Config, parse
from lokid.dialects.errors import HINTS, classify
from lokid.errors import AuthenticationFailed
from lokid.providers.registry import PROVIDERS
from lokid.runtime import refused_keys
from tests.fakes.provider import FakeProvider, answer
from tests.runtime.test_call_oauth import ask, running

OAUTH = {"client_id": "me", "token_url": "https://a.example/t", "authorize_url": "https://a.example/a"}


def mend(entry: dict[str, Any], started_with: Mapping[str, str] | None = None, **environ: str) -> str | None:
    text = json.dumps(
        {"clients": [{"type": "openai-compatible", "name": "x-1", "api_base": "https://h"} | entry]}
    )
    lookup = {"KEPT": "sk-1", "OPENAI_API_KEY": "sk-2", **environ}
    config = parse(text, "/c.yaml", lookup=lookup, environ=environ)
    assert isinstance(config, Config), config
    [settings] = config.clients
    return refused_keys.mend(settings, PROVIDERS[settings.type], config, environ, started_with or {})


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"api_key": "{{KEPT}}"}, "lokictl secret set KEPT"),
        ({"type": "openai", "name": "openai"}, "lokictl secret set OPENAI_API_KEY"),
        ({}, "lokictl secret set X_1_API_KEY"),
        ({"api_key": "sk-written"}, "set another api_key of client 'x-1': lokictl config edit"),
        (
            {"api_key": {"command": ["/bin/pass", "x"]}},
            "api_key is what 'pass' prints: have it print another one",
        ),
        ({"api_key": {"file": "~/key"}}, "api_key is in ~/key: write another one there"),
        (
            {"api_key": {"keyring": ["s", "n"]}},
            "api_key is in the keyring: keyring set s n, then lokictl config reload",
        ),
        ({"auth": "oauth", "oauth": OAUTH}, "lokictl auth login x-1"),
        (
            {"auth": "oauth", "oauth": {**OAUTH, "grant": "client_credentials"}},
            "check client_id, client_secret and scopes in `oauth` of client 'x-1'",
        ),
        (
            {"type": "bedrock", "region": "r", "access_key_id": "{{KEPT}}", "secret_access_key": "{{KEPT}}"},
            "lokictl secret set KEPT",
        ),
        ({"type": "bedrock", "region": "r"}, None),
        ({"launch": {"command": ["serve", "{port}"]}, "api_base": "http://127.0.0.1:{port}"}, None),
    ],
)
def test_the_remedy_is_where_the_key_is_from(entry: dict[str, Any], told: str | None) -> None:
    assert mend(entry) == told


def test_a_variable_beats_the_vault_so_the_vault_is_not_the_remedy() -> None:
    entry = {"api_key": "{{KEPT}}"}
    assert mend(entry, X_1_API_KEY="sk-3") == "set another X_1_API_KEY in .env"
    told = mend(entry, started_with={"X_1_API_KEY": "sk-3"}, X_1_API_KEY="sk-3")
    assert told == (
        "lokid was started with X_1_API_KEY: lokictl daemon restart in a shell with another one, or without"
    )


def test_what_the_provider_type_knows_more_of_stays() -> None:
    class Client:
        key_mend, settings = "lokictl secret set K", type("", (), {"auth": None})

    special = AuthenticationFailed("no", hint="a role is needed", status=401)
    of_token = AuthenticationFailed("no", hint="check oauth.client_id")
    for error, hint in (
        (classify(401, {}, b""), "lokictl secret set K"),
        (special, "lokictl secret set K; a role is needed"),
        (of_token, "check oauth.client_id"),
        (classify(403, {}, b""), HINTS[type(classify(403, {}, b""))]),
    ):
        refused_keys.tell(error, Client())  # type: ignore[arg-type]
        assert error.hint == hint


@pytest.mark.anyio
async def test_the_error_and_the_row_of_the_client_name_it(home: Path) -> None:
    async with FakeProvider(default=answer(401, b'{"error": {"message": "Incorrect API key"}}')) as server:
        client = {"type": "openai-compatible", "name": "mine", "api_base": server.url, "api_key": "{{NAME}}"}
        config = home / "config.yaml"
        config.write_text(json.dumps({"clients": [client]}))
        (home / ".env").write_text("NAME=sk-wrong-0123456789\n")
        (home / ".env").chmod(0o600)
        async with running(home, config) as runtime:
            with pytest.raises(AuthenticationFailed) as caught:
                await runtime.list_models(None, "mine", refresh=True)
            assert caught.value.hint == "lokictl secret set NAME"
            assert runtime.list_clients()[0]["last_error"]["hint"] == "lokictl secret set NAME"
            with pytest.raises(AuthenticationFailed) as caught:
                await ask(runtime)
            assert caught.value.hint == "lokictl secret set NAME"
            assert runtime.list_clients()[0]["last_error"]["hint"] == "lokictl secret set NAME"
